// SPDX-License-Identifier: MIT
/*
 * test_crypto_open.c - the setting names a backend, and what a machine cannot is said
 */
#include "crypto/crypto_lanes.h"
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
	ok(opens("auto", crypto_lanes_usable(CRYPTO_LANES_IFMA)   ? "ifma"
			 : crypto_lanes_usable(CRYPTO_LANES_AVX2) ? "avx2"
								  : "openssl"),
	   "auto is the lanes where the processor has them");
	if (crypto_lanes_usable(CRYPTO_LANES_IFMA))
		ok(opens("ifma", "ifma"), "ifma is the lanes");
	else
		ok(!crypto_open("ifma", 16, &why) && why, "ifma is refused with a reason where there are none");
	if (crypto_lanes_usable(CRYPTO_LANES_AVX2))
		ok(opens("avx2", "avx2"), "avx2 is four lanes");
	const struct crypto_costs *costs = crypto_open_costs();

	ok(costs->openssl.ns[CRYPTO_CLASS_RSA_2048] > 0 && costs->openssl.ns[CRYPTO_CLASS_ED25519] > 0 &&
		   costs->device.name == NULL,
	   "what costs how much is measured, and a device that is not there is not");
	why = NULL;
	ok(!crypto_open("engine", 16, &why) && why, "an engine without a name is refused with a reason");
	why = NULL;
	ok(!crypto_open("cryptodev", 16, &why) && why, "and so is a device");
	why = NULL;
	ok(!crypto_open("abacus", 16, &why) && why, "another name is refused with a reason");
	crypto_close(NULL);
	return done();
}
