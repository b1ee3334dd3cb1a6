// SPDX-License-Identifier: MIT
/*
 * smtp_xclient.c - the attributes of XCLIENT (Postfix's XCLIENT_README, "XCLIENT Command syntax"), read and written
 *
 * NAME is not believed, as we look the address up ourselves; LOGIN, DESTADDR and DESTPORT decide nothing here.  The four
 * must be well-formed all the same.
 */
#include "dataplane/smtp/smtp_xclient.h"
#include "dataplane/smtp/smtp_xtext.h"

#define HELO_MAX 255 /* octets of a domain (RFC 5321 4.5.3.1.2) */

static bool is_unknown(struct span value)
{
	return span_eq_nocase(value, SPAN("[UNAVAILABLE]"));
}

static bool is_unknown_or_late(struct span value)
{
	return is_unknown(value) || span_eq_nocase(value, SPAN("[TEMPUNAVAIL]"));
}

static bool take_addr(struct span value, struct smtp_xclient *out)
{
	bool named_6 = span_starts_nocase(value, SPAN("IPV6:"));

	out->has_addr = true;
	if (is_unknown(value))
		return true;
	if (!ip_addr_parse(span_skip(value, named_6 ? 5 : 0), &out->addr) || (named_6 && out->addr.family != IP_V6))
		return false;
	out->addr = ip_addr_unmap(out->addr);
	return true;
}

static bool take_port(struct span value, struct smtp_xclient *out)
{
	uint64_t n = 0;

	out->has_port = true;
	if (!is_unknown(value) && !span_decimal(value, 65535, &n))
		return false;
	out->port = (uint16_t)n;
	return true;
}

static bool take_proto(struct span value, struct smtp_xclient *out)
{
	out->has_esmtp = true;
	out->esmtp = span_eq_nocase(value, SPAN("ESMTP"));
	return out->esmtp || span_eq_nocase(value, SPAN("SMTP"));
}

/* A word that EHLO would take (smtp_command.c). */
static bool take_helo(struct span value, struct smtp_xclient *out)
{
	if (is_unknown(value))
		return true;
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] <= ' ' || value.at[i] > '~')
			return false;
	out->helo = value;
	return value.len > 0 && value.len <= HELO_MAX;
}

static bool take_any(struct span value, struct smtp_xclient *out)
{
	(void)value, (void)out;
	return true;
}

static const struct attribute {
	const char *name;
	bool (*take)(struct span value, struct smtp_xclient *out);
	bool may_be_late; /* [TEMPUNAVAIL] says as little as [UNAVAILABLE] */
} attributes[] = {
	{ "ADDR", take_addr, false },   { "PORT", take_port, false },   { "PROTO", take_proto, false },
	{ "HELO", take_helo, true },    { "NAME", take_any, true },     { "LOGIN", take_any, true },
	{ "DESTADDR", take_any, true }, { "DESTPORT", take_any, true },
};

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

/* Writes what @xtext stands for to @room, which may be at or before it: no octet is written that is still to be read. */
static bool decode(struct span xtext, uint8_t *room, struct span *out)
{
	size_t n_out = 0;

	for (size_t i = 0, n; i < xtext.len; i += n) {
		n = smtp_xtext_octet(span_skip(xtext, i), &room[n_out]);
		if (n == 0)
			return false;
		n_out++;
	}
	*out = span_of(room, n_out);
	return true;
}

enum smtp_text smtp_xclient_parse(struct span args, uint8_t *room, struct smtp_xclient *out)
{
	unsigned seen = 0;

	*out = (struct smtp_xclient){ .has_addr = false };
	if (args.len == 0)
		return SMTP_TEXT_WANTS_ARGUMENT;
	while (args.at) {
		struct span value = span_cut(&args, ' '), name = span_cut(&value, '=');
		size_t i = 0;

		while (i < N_ATTRIBUTES && !span_eq_nocase(name, span_str(attributes[i].name)))
			i++;
		if (i == N_ATTRIBUTES || !value.at || (seen & 1U << i))
			return SMTP_TEXT_BAD_XCLIENT;
		seen |= 1U << i;
		if (!decode(value, room, &value))
			return SMTP_TEXT_BAD_XCLIENT;
		if (attributes[i].may_be_late && is_unknown_or_late(value))
			continue;
		if (!attributes[i].take(value, out))
			return SMTP_TEXT_BAD_XCLIENT;
		room += out->helo.at == value.at ? value.len : 0; /* that one is kept */
	}
	return SMTP_TEXT_OK;
}

/* --- towards a next hop ------------------------------------------------------------------------ */

unsigned smtp_xclient_offered(struct span keywords)
{
	static const char *const names[] = { "NAME", "ADDR", "PORT", "PROTO", "HELO" };
	unsigned offered = 0;

	while (keywords.at) {
		struct span word = span_cut(&keywords, ' ');

		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			offered |= span_eq_nocase(word, span_str(names[i])) ? 1U << i : 0;
	}
	return offered;
}

static size_t xtext_len(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += smtp_xtext_plain(s.at[i]) ? 1 : 3;
	return n;
}

static void write_xtext(struct span s, struct text *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		if (smtp_xtext_plain(s.at[i])) {
			text_putc(out, s.at[i]);
			continue;
		}
		text_putc(out, '+');
		text_putc(out, (uint8_t)digits[s.at[i] >> 4]);
		text_putc(out, (uint8_t)digits[s.at[i] & 15]);
	}
}

/* A name, if one is known and there is room for it. */
static void write_name(const char *attribute, struct span name, const char *otherwise, size_t most, struct text *out)
{
	text_puts(out, attribute);
	if (name.len && out->len + xtext_len(name) <= most)
		write_xtext(name, out);
	else
		text_puts(out, otherwise);
}

void smtp_xclient_write(const struct smtp_identity *who, unsigned offered, struct text *out)
{
	size_t most = out->len + SMTP_XCLIENT_LINE_MAX - 2; /* without CRLF */

	text_puts(out, "XCLIENT");
	if (offered & SMTP_XCLIENT_ADDR) {
		text_puts(out, who->addr.family == IP_V6 ? " ADDR=IPV6:" : " ADDR=");
		if (who->addr.family)
			ip_addr_text(&who->addr, out);
		else
			text_puts(out, "[UNAVAILABLE]");
	}
	if (offered & SMTP_XCLIENT_PORT) {
		text_puts(out, " PORT=");
		if (who->port)
			text_dec(out, who->port);
		else
			text_puts(out, "[UNAVAILABLE]");
	}
	if (offered & SMTP_XCLIENT_PROTO)
		text_puts(out, who->esmtp ? " PROTO=ESMTP" : " PROTO=SMTP");
	if (offered & SMTP_XCLIENT_NAME) /* behind it HELO must be able to say that it is not known */
		write_name(" NAME=", who->name, who->name_late ? "[TEMPUNAVAIL]" : "[UNAVAILABLE]",
			   most - strlen(" HELO=[UNAVAILABLE]"), out);
	if (offered & SMTP_XCLIENT_HELO)
		write_name(" HELO=", who->helo, "[UNAVAILABLE]", most, out);
	text_puts(out, "\r\n");
}
