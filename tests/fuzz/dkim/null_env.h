// SPDX-License-Identifier: MIT
/*
 * null_env.h - what the fuzz targets of DKIM and ARC give to the verifiers: a constant hash, and no IDNA
 */
#ifndef TESTS_NULL_ENV_H
#define TESTS_NULL_ENV_H

#include "dataplane/auth/auth.h"

/* Reads what it is given, so that the sanitizer sees it, and hashes nothing. */
static void null_init(struct hash_state *h)
{
	(void)h;
}

static void null_update(struct hash_state *h, struct span s)
{
	(void)h;
	for (size_t i = 0; i < s.len; i++)
		*(volatile const uint8_t *)&s.at[i];
}

static void null_final(struct hash_state *h, uint8_t digest[SHA256_LEN])
{
	(void)h;
	memset(digest, 0, SHA256_LEN);
}

static const struct hash_ops null_hash = {
	.sha256_init = null_init,
	.sha256_update = null_update,
	.sha256_final = null_final,
	.sha1_init = null_init,
	.sha1_update = null_update,
	.sha1_final = null_final,
};

static inline bool null_to_ascii(struct span domain, struct text *out)
{
	for (size_t i = 0; i < domain.len; i++)
		text_putc(out, domain.at[i] < 0x80 ? domain.at[i] : 'x');
	return !out->full;
}

#endif
