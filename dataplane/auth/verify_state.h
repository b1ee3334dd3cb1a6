// SPDX-License-Identifier: MIT
/*
 * verify_state.h - struct verify, for placement; from a pool, its size is that of its verifiers
 */
#ifndef AUTH_VERIFY_STATE_H
#define AUTH_VERIFY_STATE_H

#include "dataplane/auth/arc.h"
#include "dataplane/auth/dmarc.h"
#include "dataplane/auth/from.h"
#include "dataplane/auth/iprev.h"
#include "dataplane/auth/spf.h"

#define VERIFY_HELO_MAX 255
#define VERIFY_MAIL_FROM_MAX 320

/* One SPF check and the number of its question, so that a late answer is not taken for the next one's. */
struct verify_spf {
	bool wanted, final;
	bool to_ask; /* its question was not handed out yet */
	uint16_t n_asked;
	struct spf spf;
};

/* The same for the names of the client. */
struct verify_iprev {
	bool final, to_ask;
	uint16_t n_asked;
	struct iprev iprev;
};

struct verify {
	/* Results, once verify_done() */
	struct from from;
	bool has_spf_mfrom; /* a reverse-path that is not null was given: spf_mfrom was checked too */
	bool has_header;

	/* Private */
	bool ended, envelope_only, judged;
	const struct auth_settings *settings;
	struct explain *explain;
	const struct msg_header *header;
	struct auth_client client; /* spans lead into the two arrays below */
	uint64_t header_us;        /* when the header had ended: the deadline of its questions counts from there */
	bool gave_up;
	unsigned n_jobs_out;
	char helo[VERIFY_HELO_MAX + 1], mail_from[VERIFY_MAIL_FROM_MAX + 1];
	struct verify_spf spf_helo, spf_mfrom;
	struct verify_iprev iprev;
	struct dmarc dmarc;
	struct dkim dkim;
	struct arc arc;
};

#endif
