// SPDX-License-Identifier: MIT
/*
 * test_crypto_open.c - the setting names a backend, and what a machine cannot is said
 */
#include "crypto/crypto_ifma.h"
#include "crypto/crypto_open.h"
#include "tests/tap.h"

static bool opens(const char *name, const char *as)
{
	const char *why = NULL;
	struct crypto_backend *b = crypto_open(name, 16, &why);
	bool good = b && strcmp(b->name, as) == 0 && !why;

	crypto_close(b);
	return good;
}

int main(void)
{
	const char *why = NULL;

	ok(opens("openssl", "openssl"), "openssl is plain OpenSSL");
	ok(opens("auto", crypto_ifma_usable() ? "ifma" : "openssl"), "auto is the lanes where the processor has them");
	if (crypto_ifma_usable())
		ok(opens("ifma", "ifma"), "ifma is the lanes");
	else
		ok(!crypto_open("ifma", 16, &why) && why, "ifma is refused with a reason where there are none");
	why = NULL;
	ok(!crypto_open("abacus", 16, &why) && why, "another name is refused with a reason");
	crypto_close(NULL);
	return done();
}
