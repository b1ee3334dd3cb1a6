// SPDX-License-Identifier: MIT
/*
 * firmware_head.c - a line after the other, each where it must be
 */
#include "ctrlplane/firmware/firmware_head.h"
#include "dataplane/base/base64.h"

#define DATE_MAX UINT64_C(253402300799) /* the end of the year 9999 */

/* The value of the line that begins @rest with @key; @rest becomes what is behind the line. */
static bool take_line(struct span *rest, struct span key, struct span *value)
{
	const uint8_t *end = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;

	if (!end)
		return false;
	struct span line = span_head(*rest, (size_t)(end - rest->at));

	if (line.len <= key.len || memcmp(line.at, key.at, key.len) != 0 || line.at[key.len] != ' ')
		return false;
	*value = span_skip(line, key.len + 1);
	*rest = span_skip(*rest, line.len + 1);
	return true;
}

static bool is_version(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!byte_is_alnum(s.at[i]) && !memchr(".+~-", s.at[i], 4))
			return false;
	return s.len > 0 && s.len <= FIRMWARE_VERSION_MAX;
}

static bool number(struct span s, uint64_t max, uint64_t *out)
{
	return (s.len == 1 || (s.len && s.at[0] != '0')) && span_decimal(s, max, out);
}

static bool hash(struct span s, uint8_t out[FIRMWARE_HASH_LEN])
{
	static const uint8_t digits[16] = "0123456789abcdef";

	if (s.len != (size_t)2 * FIRMWARE_HASH_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		const uint8_t *at = memchr(digits, s.at[i], sizeof(digits));

		if (!at)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | (at - digits));
	}
	return true;
}

/* Of 64 octets the last character has four bits that no octet takes: they must be zero, as the encoder leaves them. */
static bool signature(struct span s, uint8_t out[FIRMWARE_SIGNATURE_LEN])
{
	size_t len;

	return s.len == 88 && s.at[86] == '=' && s.at[87] == '=' && memchr("AQgw", s.at[85], 4) &&
	       !memchr(s.at, ' ', s.len) && !memchr(s.at, '\t', s.len) && !memchr(s.at, '\r', s.len) &&
	       base64_decode(s, out, FIRMWARE_SIGNATURE_LEN, &len) == OK && len == FIRMWARE_SIGNATURE_LEN;
}

enum err firmware_head_parse(struct span in, struct firmware_head *out)
{
	struct firmware_head h = { 0 };
	struct span rest = in, v;
	uint64_t format;

	if (in.len != FIRMWARE_HEAD_SIZE)
		return ERR_BAD_LENGTH;
	if (!take_line(&rest, SPAN("sekisho-firmware"), &v) || !number(v, 1, &format) || format != 1)
		return ERR_BAD_SYNTAX;
	if (!take_line(&rest, SPAN("version"), &v) || !is_version(v))
		return ERR_BAD_SYNTAX;
	memcpy(h.version, v.at, v.len);
	if (!take_line(&rest, SPAN("date"), &v) || !number(v, DATE_MAX, &h.date_s))
		return ERR_BAD_SYNTAX;
	if (!take_line(&rest, SPAN("size"), &v) || !number(v, FIRMWARE_SIZE_MAX, &h.size) || h.size == 0)
		return ERR_BAD_SYNTAX;
	if (!take_line(&rest, SPAN("sha256"), &v) || !hash(v, h.sha256))
		return ERR_BAD_SYNTAX;
	h.signed_len = in.len - rest.len;
	if (!take_line(&rest, SPAN("signature"), &v) || !signature(v, h.signature))
		return ERR_BAD_SYNTAX;
	for (size_t i = 0; i < rest.len; i++)
		if (rest.at[i])
			return ERR_BAD_SYNTAX;
	*out = h;
	return OK;
}
