// SPDX-License-Identifier: MIT
/*
 * report_failure_mail.c - a failure report as a message: multipart/report with a feedback report (RFC 5965, 6591, 9991)
 */
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/report/report_failure.h"
#include "ctrlplane/report/report_sign.h"
#include "dataplane/base/siphash.h"

enum { HEADER_MAX = 2048, BODY_MAX = 16384, SIGNATURES_TOLD = 8 };

/* What a peer wrote, as far as it is a name: what is in a body must be canonical, and end no line. */
static void put_name(struct text *out, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		text_putc(out, byte_is_alnum(s.at[i]) || strchr(".-_:", s.at[i]) ? s.at[i] : '?');
}

static void put_token(struct text *out, const struct report_failed *m, const char *to)
{
	const struct siphash_key known = { m->unix_s, m->serial };
	uint64_t hash = siphash(&known, span_of(m->facts, m->facts_len)) ^ siphash(&known, span_str(to));

	text_hex(out, span_of(&hash, sizeof(hash)));
}

static void boundary(struct text *out, const struct report_failed *m, const char *to, const char *end)
{
	text_puts(out, "--failure-");
	put_token(out, m, to);
	text_puts(out, end);
}

static void header(struct text *out, const struct report_failed *m, const struct report_job_settings *s, const char *to,
		   uint64_t now_s)
{
	text_puts(out, "From: DMARC reports <");
	text_puts(out, s->author.email);
	text_puts(out, ">\r\nTo: ");
	text_puts(out, to);
	text_puts(out, "\r\nSubject: DMARC failure report for ");
	put_name(out, span_str(m->domain));
	text_puts(out, "\r\nDate: ");
	report_mail_date(out, now_s);
	text_puts(out, "\r\nMessage-ID: <failure.");
	put_token(out, m, to);
	text_putc(out, '.');
	text_dec(out, now_s);
	text_putc(out, '@');
	text_puts(out, s->hostname);
	text_puts(out, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		       "Content-Type: multipart/report; report-type=feedback-report;\r\n\tboundary=\"failure-");
	put_token(out, m, to);
	text_puts(out, "\"\r\n");
}

static void field(struct text *out, const char *name, struct span value)
{
	if (value.len == 0)
		return; /* a blank at the end of a line would not be canonical */
	text_puts(out, name);
	text_puts(out, ": ");
	put_name(out, value);
	text_puts(out, "\r\n");
}

/* RFC 6591 3.2.2: of what our policy did. */
static const char *delivery(struct span disposition)
{
	return span_eq(disposition, SPAN("reject"))       ? "reject"
	       : span_eq(disposition, SPAN("quarantine")) ? "spam"
							  : "delivered";
}

static void results(struct text *out, const struct span *fact, struct span signatures, const char *host)
{
	bool pass = span_eq(fact[FACT_DISPOSITION], SPAN("pass"));

	text_puts(out, "Authentication-Results: ");
	text_puts(out, host);
	text_puts(out, pass ? ";\r\n dmarc=pass header.from=" : ";\r\n dmarc=fail header.from=");
	put_name(out, fact[FACT_HEADER_FROM]);
	text_puts(out, ";\r\n spf=");
	put_name(out, fact[FACT_SPF_RESULT]);
	text_puts(out, " smtp.mailfrom=");
	put_name(out, fact[FACT_ENVELOPE_FROM]);
	for (unsigned i = 0; signatures.at && signatures.len && i < SIGNATURES_TOLD; i++) {
		struct span d = span_cut(&signatures, '\0'), selector = span_cut(&signatures, '\0');

		text_puts(out, ";\r\n dkim=");
		put_name(out, span_cut(&signatures, '\0'));
		text_puts(out, " header.d=");
		put_name(out, d);
		text_puts(out, " header.s=");
		put_name(out, selector);
	}
	text_puts(out, "\r\n");
}

static void feedback(struct text *out, const struct report_failed *m, const struct report_job_settings *s)
{
	struct span fact[N_FACTS], rest = span_of(m->facts, m->facts_len);

	for (unsigned i = 0; i < N_FACTS; i++) {
		fact[i] = span_cut(&rest, '\0');
		if (!fact[i].at)
			fact[i] = SPAN("");
	}
	bool dkim = span_eq(fact[FACT_DKIM], SPAN("pass")), spf = span_eq(fact[FACT_SPF], SPAN("pass"));
	text_puts(out, "Feedback-Type: auth-failure\r\nUser-Agent: ");
	text_puts(out, s->author.generator);
	text_puts(out, "\r\nVersion: 1\r\nAuth-Failure: dmarc\r\nIdentity-Alignment: ");
	text_puts(out, dkim && spf ? "dkim, spf" : dkim ? "dkim" : spf ? "spf" : "none");
	text_puts(out, "\r\nDelivery-Result: ");
	text_puts(out, delivery(fact[FACT_DISPOSITION]));
	text_puts(out, "\r\n");
	results(out, fact, rest, s->hostname);
	field(out, "Reported-Domain", fact[FACT_HEADER_FROM]);
	text_puts(out, "Source-IP: ");
	ip_addr_text(&m->client, out);
	text_puts(out, "\r\nArrival-Date: ");
	report_mail_date(out, m->unix_s);
	text_puts(out, "\r\n");
	if (rest.at && rest.len) {
		field(out, "DKIM-Domain", span_cut(&rest, '\0'));
		field(out, "DKIM-Selector", span_cut(&rest, '\0'));
	}
}

static void body(struct text *out, const struct report_failed *m, const struct report_job_settings *s, const char *to)
{
	struct span facts = span_of(m->facts, m->facts_len), from = SPAN("");

	for (unsigned i = 0; i <= FACT_HEADER_FROM && facts.at; i++)
		from = span_cut(&facts, '\0');
	boundary(out, m, to, "\r\n");
	text_puts(out, "Content-Type: text/plain; charset=us-ascii\r\n\r\nA message that claims to come from ");
	put_name(out, from);
	text_puts(out, "\r\nwas looked at by ");
	text_puts(out, s->hostname);
	text_puts(
		out,
		"; the next part has the results.\r\nThe ruf tag of that domain's DMARC record asks for this. Names of "
		"people are left out.\r\n\r\n");
	boundary(out, m, to, "\r\n");
	text_puts(out, "Content-Type: message/feedback-report\r\n\r\n");
	feedback(out, m, s);
	text_puts(out, "\r\n");
	boundary(out, m, to, "\r\n");
	/* RFC 5965 2: a third part is required; all of its fields but the domain are redacted (RFC 6590). */
	text_puts(out, "Content-Type: text/rfc822-headers\r\n\r\nFrom: redacted@");
	put_name(out, from);
	text_puts(out, "\r\n\r\n");
	boundary(out, m, to, "--\r\n");
}

static bool write_whole(struct text *out, const struct report_failed *m, const struct report_job_settings *s,
			const char *to, uint64_t now_s)
{
	char head_room[HEADER_MAX], body_room[BODY_MAX];
	const char *at = strrchr(s->author.email, '@');
	struct text head, whole;

	text_init(&head, head_room, sizeof(head_room));
	text_init(&whole, body_room, sizeof(body_room));
	header(&head, m, s, to, now_s);
	body(&whole, m, s, to);
	if (head.full || whole.full || !at)
		return false;
	if (s->signer && !report_sign(out, s->signer, at + 1, s->selector, now_s, text_span(&head), text_span(&whole)))
		return false;
	text_put(out, text_span(&head));
	text_puts(out, "\r\n");
	text_put(out, text_span(&whole));
	return !out->full;
}

char *report_failure_mail(const struct report_failed *m, const struct report_job_settings *s, const char *to,
			  uint64_t now_s, size_t *len)
{
	const size_t cap = REPORT_SIGNATURE_MAX + HEADER_MAX + BODY_MAX;
	char *room = malloc(cap);
	struct text out;

	if (!room)
		return NULL;
	text_init(&out, room, cap);
	if (write_whole(&out, m, s, to, now_s)) {
		*len = out.len;
		return room;
	}
	free(room);
	return NULL;
}
