// SPDX-License-Identifier: MIT
/*
 * load_corpus.h - messages as they go over the wire: CRLF, dots stuffed, CRLF.CRLF at the end
 */
#ifndef LOAD_CORPUS_H
#define LOAD_CORPUS_H

#include "dataplane/base/text.h"
#include "tools/load/load.h"
#include "tools/load/load_sign.h"

/* MAIL, @n RCPT, and DATA; recipients after the first have their number in front of the @. */
void load_envelope(struct text *out, const char *mail_from, const char *rcpt_to, uint32_t n);

/* All *.eml of a directory; NULL with a message on standard error when there is none.  Never freed. */
struct load_message *load_corpus_read(const char *directory, bool chunks, uint32_t *n);

enum { LOAD_SIZES_MAX = 8, LOAD_MADE = 200 };

/* One of several, as often as its weight has it. */
struct load_choice {
	uint32_t weight, octets;
	struct load_sign *by; /* NULL: unsigned */
};

/* Messages to be made; zeroed: one of 4096 octets. */
struct load_plan {
	struct load_choice sizes[LOAD_SIZES_MAX], signers[LOAD_SIGN_MAX];
	unsigned n_sizes, n_signers;
	unsigned forged_share; /* of a hundred signed messages; their bodies are changed */
	uint32_t
		domains; /* 0: one, of @mail_from; else as many, each of a sender at one of its own: user@d0.example.org... */
	uint32_t recipients;
	const char *mail_from, *rcpt_to;
	bool chunks; /* by BDAT as well */
};

/* As many as the plan has domains; without domains LOAD_MADE if they are to differ, else one.  Never freed. */
struct load_message *load_corpus_make(const struct load_plan *plan, uint32_t *n);

/* What their domains publish, `name TYPE rdata` a line: keys, SPF for @clients, DMARC.  False: errno says why. */
bool load_corpus_zone(const struct load_plan *plan, const struct net_if_addr *clients, const char *path);

#endif
