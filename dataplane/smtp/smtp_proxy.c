// SPDX-License-Identifier: MIT
/*
 * smtp_proxy.c - the header by which a proxy says whose connection it hands on
 *
 * "The PROXY protocol, versions 1 & 2" of HAProxy (doc/proxy-protocol.txt), whose sections are cited.  Version 1 is one
 * line of text, version 2 has a signature, a length, addresses, and TLVs that we skip but for the checksum.
 */
#include "dataplane/smtp/smtp_proxy.h"

#define V1_MAX 107  /* with CRLF (2.1) */
#define V2_FIXED 16 /* signature, version and command, family and transport, length of the rest */
#define TLV_CRC32C 0x03

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };

/* What came so far begins like @what, as far as either goes. */
static bool begins_like(struct span in, struct span what)
{
	size_t n = in.len < what.len ? in.len : what.len;

	return n == 0 || memcmp(in.at, what.at, n) == 0;
}

/* --- version 1 --------------------------------------------------------------------------------- */

static bool take_address(struct span *rest, uint8_t family, struct ip_addr *out)
{
	return ip_addr_parse(span_cut(rest, ' '), out) && out->family == family;
}

/* 0 to 65535 in decimal, without leading zeros (2.1) */
static bool take_port(struct span *rest, uint16_t *out)
{
	struct span digits = span_cut(rest, ' ');
	uint64_t n;

	if (digits.len == 0 || (digits.len > 1 && digits.at[0] == '0') || !span_decimal(digits, 65535, &n))
		return false;
	*out = (uint16_t)n;
	return true;
}

/* "PROXY TCP4 192.0.2.10 192.0.2.25 40000 25", @line without CRLF */
static bool parse_line(struct span line, struct smtp_proxy *out)
{
	struct span family;
	struct ip_addr to;
	uint16_t to_port;
	uint8_t of;

	(void)span_cut(&line, ' ');
	family = span_cut(&line, ' ');
	if (span_eq(family, SPAN("UNKNOWN"))) { /* what follows must be ignored (2.1) */
		out->local = true;
		return true;
	}
	of = span_eq(family, SPAN("TCP4")) ? IP_V4 : span_eq(family, SPAN("TCP6")) ? IP_V6 : IP_NONE;
	return of != IP_NONE && take_address(&line, of, &out->from) && take_address(&line, of, &to) &&
	       take_port(&line, &out->port) && take_port(&line, &to_port) && !line.at;
}

static enum smtp_proxy_end parse_1(struct span in, struct smtp_proxy *out)
{
	size_t lf = span_find(span_head(in, in.len < V1_MAX ? in.len : V1_MAX), '\n');

	if (lf == SPAN_NONE)
		return in.len < V1_MAX ? SMTP_PROXY_MORE : SMTP_PROXY_BAD;
	if (in.at[lf - 1] != '\r') /* "PROXY " is before it */
		return SMTP_PROXY_BAD;
	out->len = lf + 1;
	return parse_line(span_head(in, lf - 1), out) ? SMTP_PROXY_WHOLE : SMTP_PROXY_BAD;
}

/* --- version 2 --------------------------------------------------------------------------------- */

static size_t u16_at(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* CRC-32C (RFC 4960 Appendix B) of the header, whose checksum counts as zero (2.2.3). */
static uint32_t crc32c(struct span header, size_t checksum_at)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < header.len; i++) {
		crc ^= i >= checksum_at && i < checksum_at + 4 ? 0 : header.at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

/* The vectors from @at on fill the header exactly, and a checksum among them is right (2.2). */
static bool vectors_are_good(struct span header, size_t at)
{
	while (at < header.len) {
		const uint8_t *v = header.at + at;

		if (header.len - at < 3 || header.len - at - 3 < u16_at(v + 1))
			return false;
		if (v[0] == TLV_CRC32C) {
			if (u16_at(v + 1) != 4)
				return false;
			uint32_t said = (uint32_t)(u16_at(v + 3) << 16 | u16_at(v + 5));

			if (crc32c(header, at + 3) != said)
				return false;
		}
		at += 3 + u16_at(v + 1);
	}
	return true;
}

/* Client's address, ours, client's port, ours; then vectors.  @header: the whole of it. */
static bool parse_binary(struct span header, struct smtp_proxy *out)
{
	unsigned command = header.at[12], family = header.at[13];
	size_t n = family == 0x11 ? 4 : family == 0x21 ? 16 : 0; /* TCP over IPv4, over IPv6 */
	const uint8_t *from = header.at + V2_FIXED;

	if (command == 0x20) { /* LOCAL: all that follows must be discarded (2.2) */
		out->local = true;
		return true;
	}
	if (command != 0x21)
		return false;
	if (family == 0x00) { /* PROXY of UNSPEC: likewise */
		out->local = true;
		return true;
	}
	if (n == 0 || header.len - V2_FIXED < 2 * n + 4)
		return false;
	out->from = n == 4 ? ip_addr_of4(from) : ip_addr_of6(from);
	out->port = (uint16_t)u16_at(from + 2 * n);
	return vectors_are_good(header, V2_FIXED + 2 * n + 4);
}

static enum smtp_proxy_end parse_2(struct span in, struct smtp_proxy *out)
{
	if (in.len < V2_FIXED)
		return SMTP_PROXY_MORE;
	out->len = V2_FIXED + u16_at(in.at + 14);
	if (out->len > SMTP_PROXY_MAX)
		return SMTP_PROXY_BAD;
	if (in.len < out->len)
		return SMTP_PROXY_MORE;
	return parse_binary(span_head(in, out->len), out) ? SMTP_PROXY_WHOLE : SMTP_PROXY_BAD;
}

enum smtp_proxy_end smtp_proxy_parse(struct span in, struct smtp_proxy *out)
{
	struct span text = SPAN("PROXY "), binary = span_of(signature, sizeof(signature));
	enum smtp_proxy_end end = SMTP_PROXY_BAD;

	*out = (struct smtp_proxy){ .local = false };
	if (begins_like(in, text))
		end = in.len < text.len ? SMTP_PROXY_MORE : parse_1(in, out);
	else if (begins_like(in, binary))
		end = parse_2(in, out);
	out->from = ip_addr_unmap(out->from);
	return end;
}

size_t smtp_proxy_write(const struct ip_addr *from, uint16_t from_port, const struct ip_addr *to, uint16_t to_port,
			uint8_t out[SMTP_PROXY_WRITTEN_MAX])
{
	size_t n = ip_addr_len(from), len = n ? 2 * n + 4 : 0;
	uint8_t *at = out + V2_FIXED;

	memcpy(out, signature, sizeof(signature));
	out[12] = n ? 0x21 : 0x20;
	out[13] = n == 4 ? 0x11 : n == 16 ? 0x21 : 0x00;
	out[14] = 0;
	out[15] = (uint8_t)len;
	if (n == 0)
		return V2_FIXED;
	memset(at, 0, len);
	memcpy(at, from->bytes, n);
	if (to->family == from->family)
		memcpy(at + n, to->bytes, n);
	at += 2 * n;
	at[0] = (uint8_t)(from_port >> 8);
	at[1] = (uint8_t)from_port;
	at[2] = (uint8_t)(to_port >> 8);
	at[3] = (uint8_t)to_port;
	return V2_FIXED + len;
}
