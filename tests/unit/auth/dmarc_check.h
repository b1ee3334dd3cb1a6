// SPDX-License-Identifier: MIT
/*
 * dmarc_check.h - one DMARC judgement over a zone, with SPF and DKIM results as they are told, for the tests
 */
#ifndef TESTS_DMARC_CHECK_H
#define TESTS_DMARC_CHECK_H

#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "dataplane/auth/dmarc.h"
#include "dns/domain_names.h"
#include "tests/tap.h"
#include "tests/zone.h"

/* Which of the questions under way is answered next. */
enum dmarc_order { ORDER_FIRST, ORDER_LAST, ORDER_RANDOM, N_ORDERS };

#define DMARC_ASKED_MAX (DMARC_WALKS_MAX * DMARC_WALK_STEPS_MAX + 1)

static struct stats dmarc_stats;
static struct dmarc dmarc;
static struct dns_question dmarc_asked[DMARC_ASKED_MAX];
static unsigned dmarc_n_asked;
static char dmarc_account[1 << 16];
static struct explain dmarc_explain;
static uint64_t dmarc_now_us;
static uint32_t (*dmarc_ttl_s)(const struct dns_question *q); /* NULL: what the zone says */
static uint64_t dmarc_random_state = 1;

static inline unsigned dmarc_random(unsigned below)
{
	dmarc_random_state = dmarc_random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dmarc_random_state >> 33) % below;
}

/* A public suffix list of its own: "blogspot.com", and every top-level domain. */
static inline struct span dmarc_organizational(struct span domain)
{
	static const char suffix[] = "blogspot.com";
	size_t suffix_len = 0, dot;

	if (span_eq(domain, span_str(suffix)))
		return span_of(NULL, 0);
	if (domain.len > sizeof(suffix) - 1 && span_ends_nocase(domain, SPAN(".blogspot.com")))
		suffix_len = sizeof(suffix) - 1;
	else if ((dot = span_find_last(domain, '.')) != SPAN_NONE)
		suffix_len = domain.len - dot - 1;
	else
		return span_of(NULL, 0);
	dot = span_find_last(span_head(domain, domain.len - suffix_len - 1), '.');
	return dot == SPAN_NONE ? domain : span_skip(domain, dot + 1);
}

static inline struct auth_settings dmarc_settings(bool rfc7489)
{
	struct auth_settings s = auth_settings_default();

	s.hash = &crypto_openssl_hash;
	s.to_ascii = domain_to_ascii;
	s.organizational = dmarc_organizational;
	s.dmarc_rfc7489 = rfc7489;
	s.stats = &dmarc_stats;
	return s;
}

/* What SPF and DKIM found. */
struct dmarc_input {
	const char *spf_domain; /* NULL: no SPF check */
	enum spf_result spf;
	unsigned n_dkim;
	const char *d[DKIM_SIGNATURES_MAX];
	enum dkim_result dkim[DKIM_SIGNATURES_MAX];
};

/* Signatures that bear the d= wanted, and the results wanted once @decided. */
static inline void dmarc_dkim(struct dkim *k, const struct auth_settings *settings, const struct dmarc_input *in)
{
	static char text[1 << 14];
	static struct msg_field fields[DKIM_SIGNATURES_MAX];
	static struct msg_header header;
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < in->n_dkim; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=s%u; h=from; b=AAAA;\r\n"
				      " bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
				      in->d[i], i);
	CHECK(n < sizeof(text));
	header = (struct msg_header){ .fields = fields, .fields_max = DKIM_SIGNATURES_MAX };
	msg_header_parse(&header, span_of(text, n));
	dkim_begin(k, settings, &header, span_of(NULL, 0), 1700000000, NULL);
	CHECK(k->n_slots == in->n_dkim);
	for (unsigned i = 0; i < in->n_dkim; i++) {
		k->slots[i].state = DKIM_STATE_DONE;
		k->slots[i].result = in->dkim[i];
	}
}

static inline const struct dns_answer *dmarc_answer_of(struct dns_zone *z, const struct dns_question *q)
{
	static uint64_t block[1 << 13];
	const struct dns_answer *a = dns_zone_answer(z, q);

	CHECK(a->size <= sizeof(block));
	memcpy(block, a, a->size);
	if (dmarc_ttl_s)
		((struct dns_answer *)block)->ttl_s = dmarc_ttl_s(q);
	return (const struct dns_answer *)block;
}

/**
 * dmarc_run - the whole judgement; the results are in dmarc, the questions in dmarc_asked
 * @answers_max: after so many answers no more come, dmarc_give_up() instead
 */
static inline void dmarc_run(const struct auth_settings *settings, struct dns_zone *z, const char *author,
			     const struct dmarc_input *in, enum dmarc_order order, unsigned answers_max)
{
	static struct dkim dkim;
	static struct spf spf;
	static unsigned slots[DMARC_ASKED_MAX];
	unsigned open[DMARC_ASKED_MAX], n_open = 0, n_answers = 0;

	text_init(&dmarc_explain.text, dmarc_account, sizeof(dmarc_account));
	memset(&dmarc, 0xa5, sizeof(dmarc)); /* contents undefined before */
	dmarc_begin(&dmarc, settings, span_str(author), &dmarc_explain, dmarc_now_us);
	if (in->spf_domain) {
		spf.domain = span_str(in->spf_domain);
		spf.result = in->spf;
		dmarc_identifier(&dmarc, spf.domain);
	}
	dmarc_dkim(&dkim, settings, in);
	for (unsigned i = 0; i < in->n_dkim; i++)
		dmarc_identifier(&dmarc, span_str(in->d[i]));
	for (dmarc_n_asked = 0;; n_answers++) {
		while (dmarc_question(&dmarc, &slots[dmarc_n_asked], &dmarc_asked[dmarc_n_asked])) {
			open[n_open++] = dmarc_n_asked++;
			CHECK(dmarc_n_asked < DMARC_ASKED_MAX);
		}
		if (n_open == 0 || n_answers == answers_max)
			break;
		unsigned next = order == ORDER_FIRST ? 0 : order == ORDER_LAST ? n_open - 1 : dmarc_random(n_open);
		unsigned which = open[next];

		memmove(open + next, open + next + 1, (--n_open - next) * sizeof(open[0]));
		dmarc_answer(&dmarc, slots[which], dmarc_answer_of(z, &dmarc_asked[which]), dmarc_now_us);
	}
	if (n_open)
		dmarc_give_up(&dmarc);
	CHECK(dmarc_walks_done(&dmarc));
	dmarc_judge(&dmarc, in->spf_domain ? &spf : NULL, &dkim);
}

/* Everything that was found: "fail policy=reject disposition=reject org=b.example record=b.example spf dkim". */
static inline const char *dmarc_found(void)
{
	static char out[1024];
	struct text t;

	text_init(&t, out, sizeof(out));
	text_puts(&t, dmarc_result_text(dmarc.result));
	if (dmarc.policy) {
		text_puts(&t, " policy=");
		text_puts(&t, dmarc_policy_text(dmarc.policy));
	}
	if (dmarc.disposition != DMARC_POLICY_ABSENT && dmarc.disposition != DMARC_POLICY_NONE) {
		text_puts(&t, " disposition=");
		text_puts(&t, dmarc_policy_text(dmarc.disposition));
	}
	text_puts(&t, " org=");
	text_put(&t, dmarc.org_domain);
	if (dmarc.policy_domain.len) {
		text_puts(&t, " record=");
		text_put(&t, dmarc.policy_domain);
	}
	if (dmarc.spf_aligned)
		text_puts(&t, " spf");
	if (dmarc.dkim_aligned)
		text_puts(&t, " dkim");
	return out;
}

#endif
