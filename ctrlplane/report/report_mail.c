// SPDX-License-Identifier: MIT
/*
 * report_mail.c - the message that carries a report
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctrlplane/report/report_gzip.h"
#include "ctrlplane/report/report_mail.h"
#include "ctrlplane/report/report_sign.h"
#include "dataplane/base/base64.h"
#include "dataplane/base/siphash.h"

enum { HEADER_MAX = 4096, TEXT_MAX = 2048, LINE_OCTETS = 57 /* 76 characters of base64 (RFC 2045 6.8) */ };

static const char *domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at ? at + 1 : address;
}

/* Names this copy of the report: no secret, and the same each time. */
static void put_token(struct text *out, const struct report_mail *m)
{
	const struct siphash_key known = { 0, 0 };
	uint64_t hash = siphash(&known, span_str(m->to));

	text_hex(out, span_of(&hash, sizeof(hash)));
}

/* receiver!policy-domain!begin!end!unique-id.xml.gz (RFC 9990 3.5.1) */
static void put_file_name(struct text *out, const struct report_mail *m)
{
	struct span id = span_str(m->report_id);

	text_puts(out, m->hostname);
	text_putc(out, '!');
	text_puts(out, m->period->domain);
	text_putc(out, '!');
	text_dec(out, m->period->begin_s);
	text_putc(out, '!');
	text_dec(out, m->period->end_s);
	text_putc(out, '!');
	text_put(out, span_cut(&id, '@'));
	text_puts(out, ".xml.gz");
}

void report_mail_date(struct text *out, uint64_t unix_s)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t s = (time_t)unix_s;
	char text[64];
	struct tm tm;

	if (!gmtime_r(&s, &tm))
		return;
	snprintf(text, sizeof(text), "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
		 months[tm.tm_mon], 1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
	text_puts(out, text);
}

static void header(struct text *out, const struct report_mail *m)
{
	text_puts(out, "From: DMARC reports <");
	text_puts(out, m->author->email);
	text_puts(out, ">\r\nTo: ");
	text_puts(out, m->to);
	text_puts(out, "\r\nSubject: Report Domain: ");
	text_puts(out, m->period->domain);
	text_puts(out, "\r\n\tSubmitter: ");
	text_puts(out, m->hostname);
	text_puts(out, "\r\n\tReport-ID: <");
	text_puts(out, m->report_id);
	text_puts(out, ">\r\nDate: "); /* the first moment at which it could be sent */
	report_mail_date(out, m->period->end_s);
	text_puts(out, "\r\nMessage-ID: <report.");
	put_token(out, m);
	text_putc(out, '.');
	text_puts(out, m->report_id);
	/* RFC 3834 5: nobody answers a report; and no mail program sends a receipt. */
	text_puts(out, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		       "Content-Type: multipart/mixed;\r\n\tboundary=\"report-");
	put_token(out, m);
	text_puts(out, "\"\r\n");
}

static void boundary(struct text *out, const struct report_mail *m, const char *end)
{
	text_puts(out, "--report-");
	put_token(out, m);
	text_puts(out, end);
}

/* Folded with a space: in the body a tab would not be canonical (RFC 6376 3.4.4). */
static void body_head(struct text *out, const struct report_mail *m)
{
	boundary(out, m, "\r\n");
	text_puts(out, "Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is a DMARC aggregate report for ");
	text_puts(out, m->period->domain);
	text_puts(out, ",\r\nmade by ");
	text_puts(out, m->author->organization);
	text_puts(out, " (");
	text_puts(out, m->hostname);
	text_puts(out, ").\r\nThe rua tag of that domain's DMARC record asks for it.\r\n\r\n");
	boundary(out, m, "\r\n");
	text_puts(out, "Content-Type: application/gzip;\r\n name=\"");
	put_file_name(out, m);
	text_puts(out, "\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"");
	put_file_name(out, m);
	text_puts(out, "\"\r\n\r\n");
}

static void attach(struct text *out, struct span gzip)
{
	while (gzip.len) {
		struct span line = span_head(gzip, gzip.len < LINE_OCTETS ? gzip.len : LINE_OCTETS);

		base64_encode(out, line);
		text_puts(out, "\r\n");
		gzip = span_skip(gzip, line.len);
	}
}

/* The body, behind room for the header. */
static bool write_whole(struct text *out, const struct report_mail *m, struct span gzip)
{
	char head_room[HEADER_MAX], body_head_room[TEXT_MAX];
	struct text head, front;

	text_init(&head, head_room, sizeof(head_room));
	header(&head, m);
	text_init(&front, body_head_room, sizeof(body_head_room));
	body_head(&front, m);
	/* The signature stands on top and needs the whole body: that is written behind the room for both. */
	size_t before = REPORT_SIGNATURE_MAX + head.len + 2;
	struct text body;
	text_init(&body, out->at + before, out->cap - before);
	text_put(&body, text_span(&front));
	attach(&body, gzip);
	boundary(&body, m, "--\r\n");
	if (head.full || front.full || body.full)
		return false;
	if (m->signer && !report_sign(out, m->signer, domain_of(m->author->email), m->selector, m->now_s,
				      text_span(&head), text_span(&body)))
		return false;
	text_put(out, text_span(&head));
	text_puts(out, "\r\n");
	memmove(out->at + out->len, body.at, body.len + 1);
	out->len += body.len;
	return !out->full;
}

char *report_mail_write(const struct report_mail *m, size_t *len)
{
	size_t n_gzip;
	uint8_t *gzip = report_gzip(m->xml, &n_gzip);
	size_t cap = gzip ? REPORT_SIGNATURE_MAX + HEADER_MAX + TEXT_MAX + 256 + 2 * n_gzip : 0;
	char *room = gzip ? malloc(cap) : NULL;
	struct text out;

	if (room) {
		text_init(&out, room, cap);
		if (!write_whole(&out, m, span_of(gzip, n_gzip))) {
			free(room);
			room = NULL;
		}
		*len = out.len;
	}
	free(gzip);
	return room;
}
