// SPDX-License-Identifier: MIT
/*
 * msg_received.c - Received fields: how many there are, and our own
 */
#include "dataplane/msg/msg_received.h"

#define RCPT_MAX 320 /* local-part and domain at their longest (RFC 5321 4.5.3.1); longer ones are not named */

unsigned msg_received_hops(const struct msg_header *header)
{
	unsigned n = 0;

	for (size_t i = 0; (i = msg_header_find(header, SPAN("Received"), i)) != SPAN_NONE; i++)
		n++;
	return n;
}

static void put_two_digits(struct text *out, uint64_t value)
{
	text_putc(out, (uint8_t)('0' + value / 10 % 10));
	text_putc(out, (uint8_t)('0' + value % 10));
}

static bool is_leap(uint64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

void msg_date_write(uint64_t unix_s, struct text *out)
{
	static const char weekdays[][4] = {
		"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"
	}; /* 1970-01-01 was a Thursday */
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	static const uint8_t month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const uint64_t days_400 = 146097; /* of 400 years: the calendar repeats, so the loop below is short */
	uint64_t days = unix_s / 86400, second = unix_s % 86400;
	uint64_t year = 1970 + days / days_400 * 400, month = 0;

	text_puts(out, weekdays[days % 7]);
	days %= days_400;
	for (; days >= (is_leap(year) ? 366u : 365u); year++)
		days -= is_leap(year) ? 366 : 365;
	for (;; month++) {
		uint64_t n = month_days[month] + (month == 1 && is_leap(year) ? 1u : 0u);

		if (days < n)
			break;
		days -= n;
	}
	text_puts(out, ", ");
	text_dec(out, days + 1);
	text_putc(out, ' ');
	text_puts(out, months[month]);
	text_putc(out, ' ');
	text_dec(out, year);
	text_putc(out, ' ');
	put_two_digits(out, second / 3600);
	text_putc(out, ':');
	put_two_digits(out, second / 60 % 60);
	text_putc(out, ':');
	put_two_digits(out, second % 60);
	text_puts(out, " +0000");
}

/* address-literal of RFC 5321 4.1.3 */
static void put_literal(struct text *out, const struct ip_addr *a)
{
	text_puts(out, a->family == IP_V6 ? "[IPv6:" : "[");
	ip_addr_text(a, out);
	text_putc(out, ']');
}

/* Domain, and what stands in literals. */
static bool is_helo_octet(uint8_t c)
{
	return byte_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
}

static void put_helo(struct text *out, struct span helo)
{
	bool literal = helo.len > 2 && helo.at[0] == '[' && helo.at[helo.len - 1] == ']';
	struct span name = literal ? span_part(helo, 1, helo.len - 1) : helo;

	if (name.len > MSG_RECEIVED_HELO_MAX)
		name = span_head(name, MSG_RECEIVED_HELO_MAX);
	if (literal)
		text_putc(out, '[');
	for (size_t i = 0; i < name.len; i++)
		text_putc(out, is_helo_octet(name.at[i]) ? name.at[i] : '?');
	if (literal)
		text_putc(out, ']');
}

/* Dot-string "@" Domain or literal: nothing in it that a parser of the field could take for something else. */
static bool is_plain_path(struct span path)
{
	if (path.len == 0 || path.len > RCPT_MAX)
		return false;
	for (size_t i = 0; i < path.len; i++) {
		uint8_t c = path.at[i];

		if (c <= ' ' || c >= 0x7f || span_find(SPAN("()<>\\\";,"), c) != SPAN_NONE)
			return false;
	}
	return true;
}

void msg_received_write(const struct msg_received *r, struct text *out)
{
	text_puts(out, "Received: from ");
	if (r->helo.len)
		put_helo(out, r->helo);
	else
		put_literal(out, &r->client);
	text_puts(out, " (");
	put_literal(out, &r->client);
	text_puts(out, ")\r\n\tby ");
	text_put(out, r->host);
	text_puts(out, r->smtputf8 ? " with UTF8SMTP" : r->esmtp ? " with ESMTP" : " with SMTP");
	if (r->tls.len && r->esmtp) /* RFC 3848: there is no SMTPS, STARTTLS comes after EHLO */
		text_putc(out, 'S');
	text_puts(out, " id ");
	text_put(out, r->id);
	if (is_plain_path(r->rcpt)) {
		text_puts(out, "\r\n\tfor <");
		text_put(out, r->rcpt);
		text_putc(out, '>');
	}
	size_t blank = span_find_last(r->tls, ' ');
	if (blank != SPAN_NONE) { /* RFC 8314 4.3: the suite, as it is registered */
		text_puts(out, "\r\n\ttls ");
		text_put(out, span_skip(r->tls, blank + 1));
	}
	text_puts(out, ";\r\n\t");
	msg_date_write(r->unix_s, out);
	text_puts(out, "\r\n");
}
