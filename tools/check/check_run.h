// SPDX-License-Identifier: MIT
/*
 * check_run.h - verify one case as the gateway would
 *
 * The cores are the gateway's own; this room stands where the shard stands there: it carries questions to a resolver and
 * jobs to the crypto batch, and keeps the time.
 */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H

#include "ctrlplane/policy/verdict.h"
#include "dns/dns.h"
#include "tools/check/check_case.h"

struct check_settings {
	const char *authserv_id; /* NULL: the gateway's default */
	bool rfc7489;
	bool allow_sha1;
	unsigned rsa_bits_min; /* 0: the gateway's default */
	const char *config;    /* file of settings; NULL: the defaults */
};

struct check_run {
	/* Read these after check_run(). */
	struct verify *verify;
	struct verdict verdict; /* only when the case has a message */
	struct explain explain; /* what was asked, answered and decided; a line a step */

	/* Private */
	struct settings *settings;
	struct auth_settings auth;
	const char *authserv_id; /* of cases that name no receiver */
	struct stats stats;
	struct crypto_backend *backend;
	struct crypto_batch *batch;
	void *batch_memory;
	struct msg_header header;
	struct check_asked *asked; /* questions under way */
	char *explain_text;
};

/* False: no memory, no OpenSSL, or a configuration that is not good, which was told on standard error. */
bool check_run_open(struct check_run *r, const struct check_settings *settings);
void check_run_close(struct check_run *r);

/**
 * check_run - verify one case
 * @resolver: answers all questions of this case
 * @explain: whether r->explain is wanted
 *
 * Returns NULL, or a constant sentence when the case came to no end.  @c and @r->verify belong together until the next call.
 */
const char *check_run(struct check_run *r, const struct check_case *c, const struct dns_resolver *resolver,
		      bool explain);

#endif
