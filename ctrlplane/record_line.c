// SPDX-License-Identifier: MIT
/*
 * record_line.c - one message's record as a line of JSON, written as it is read
 *
 * The clear version is record_json() with record_dump(); tests/unit/ctrlplane/test_record.c holds this one to it.
 */
#include "ctrlplane/record.h"

static void put_escape(struct text *out, uint32_t unit)
{
	static const char hex[] = "0123456789ABCDEF";

	text_puts(out, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4)
		text_putc(out, (uint8_t)hex[unit >> shift & 15]);
}

/* Octets of @s taken: one character, or an octet that begins none, which stands for the code point of its number. */
static size_t put_character(struct text *out, struct span s)
{
	size_t len = record_utf8_len(s);
	uint32_t c = s.at[0];

	if (len > 1) {
		c &= 0x7fu >> len;
		for (size_t i = 1; i < len; i++)
			c = c << 6 | (s.at[i] & 0x3f);
	}
	if (c == '"' || c == '\\') {
		text_putc(out, '\\');
		text_putc(out, (uint8_t)c);
	} else if (c >= '\b' && c <= '\r' && c != '\v') {
		text_putc(out, '\\');
		text_putc(out, (uint8_t) "btn.fr"[c - '\b']);
	} else if (c == 0x7f) {
		text_puts(out, "\\u007f"); /* in lower case, as record_dump() has it */
	} else if (c >= 0x10000) {
		put_escape(out, 0xd800 | (c - 0x10000) >> 10);
		put_escape(out, 0xdc00 | ((c - 0x10000) & 0x3ff));
	} else {
		put_escape(out, c);
	}
	return len ? len : 1;
}

static void put_string(struct text *out, struct span s)
{
	text_putc(out, '"');
	while (s.len) {
		size_t n = text_plain_len(s);

		text_put(out, span_part(s, 0, n));
		s = span_skip(s, n);
		if (s.len)
			s = span_skip(s, put_character(out, s));
	}
	text_putc(out, '"');
}

/* Milliseconds, as jansson writes a real: at least one digit after the point, no zero at the end. */
static void put_ms(struct text *out, uint64_t us)
{
	unsigned digits = (unsigned)(us % 1000);

	text_dec(out, us / 1000);
	text_putc(out, '.');
	do {
		text_putc(out, (uint8_t)('0' + digits / 100));
		digits = digits % 100 * 10;
	} while (digits);
}

static void put_results(struct text *out, const struct shard_record *r)
{
	char value[sizeof(r->fields) + 1];
	struct text t;

	text_init(&t, value, sizeof(value));
	record_authentication_results(r, &t);
	put_string(out, text_span(&t));
}

static void put_recipients(struct text *out, const struct shard_record *r)
{
	struct span rest = RECORD_LIST(r->rcpts, r->rcpts_len);

	text_putc(out, '[');
	for (bool first = true; rest.at && rest.len; first = false) {
		if (!first)
			text_putc(out, ',');
		put_string(out, span_cut(&rest, '\0'));
	}
	text_putc(out, ']');
}

#define PUT(out, literal) text_put((out), SPAN(literal))
#define PUT_FIELD(out, name)                                                                                           \
	do {                                                                                                           \
		PUT(out, ",\"" #name "\":");                                                                           \
		put_string(out, RECORD_FIELD(r->name));                                                                \
	} while (0)

void record_line(const struct shard_record *r, struct text *out)
{
	PUT(out, "{\"time\":\"");
	record_time_text(r->time_unix_us, out);
	text_putc(out, '"');
	PUT_FIELD(out, id);
	PUT_FIELD(out, session);
	PUT(out, ",\"client_ip\":\"");
	ip_addr_text(&r->client, out);
	PUT(out, "\",\"client_port\":");
	text_dec(out, r->client_port);
	PUT_FIELD(out, helo);
	PUT_FIELD(out, tls);
	PUT_FIELD(out, mail_from);
	PUT(out, ",\"rcpt\":");
	put_recipients(out, r);
	PUT(out, ",\"size\":");
	text_dec(out, r->size);
	PUT_FIELD(out, spf);
	PUT_FIELD(out, dkim);
	PUT_FIELD(out, arc);
	PUT_FIELD(out, dmarc);
	PUT_FIELD(out, action);
	PUT_FIELD(out, rule);
	PUT_FIELD(out, reply);
	PUT_FIELD(out, nexthop);
	PUT_FIELD(out, nexthop_reply);
	PUT(out, ",\"dns_ms\":");
	put_ms(out, r->dns_us);
	PUT(out, ",\"crypto_us\":");
	text_dec(out, r->crypto_us);
	PUT(out, ",\"total_ms\":");
	put_ms(out, r->total_us);
	PUT_FIELD(out, iprev);
	PUT_FIELD(out, from_domain);
	PUT(out, ",\"authentication_results\":");
	put_results(out, r);
	text_putc(out, '}');
}
