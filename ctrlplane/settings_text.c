// SPDX-License-Identifier: MIT
/*
 * settings_text.c - the text of a settings file, before libconfig sees it
 *
 * A scanner of libconfig's four kinds of places: plain, comment to the end of a line, comment between marks, string.
 */
#include "ctrlplane/settings_text.h"

size_t settings_text_room(struct span in)
{
	return 2 * in.len + 1; /* at worst one L for each digit */
}

static bool is_name_octet(uint8_t c)
{
	return byte_is_alnum(c) || c == '_' || c == '-' || c == '*' || c == '.';
}

static bool is_hex(uint8_t c)
{
	c = byte_lower(c);
	return byte_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* 12 or 0x1f, without a suffix. */
static bool is_integer(struct span token)
{
	bool hex = token.len > 2 && token.at[0] == '0' && byte_lower(token.at[1]) == 'x';

	for (size_t i = hex ? 2 : 0; i < token.len; i++)
		if (hex ? !is_hex(token.at[i]) : !byte_is_digit(token.at[i]))
			return false;
	return token.len > 0;
}

/*
 * A token that begins with a digit: sets @suffix when it needs one.  What is no number is refused here, since
 * libconfig would take 12abc for 12 and the name of the next setting.
 */
static const char *number_problem(struct span token, bool *suffix)
{
	struct span digits = token;

	while (digits.len && digits.at[digits.len - 1] == 'L')
		digits.len--;
	*suffix = digits.len == token.len;
	if (is_integer(digits))
		return digits.len > 18 ? "a number of more than 18 digits" : NULL;
	*suffix = false;
	return span_find(token, '.') != SPAN_NONE ? NULL : "a number with letters in it; quote it if it is a text";
}

/* How many octets the string, comment, token or other octet at the start of @s has; at least 1. */
static size_t piece_len(struct span s)
{
	size_t i = 1;
	uint8_t second = s.len > 1 ? s.at[1] : 0;

	if (s.at[0] == '"') {
		while (i < s.len && s.at[i] != '"')
			i += s.at[i] == '\\' && i + 1 < s.len ? 2 : 1;
		return i < s.len ? i + 1 : i;
	}
	if (s.at[0] == '#' || (s.at[0] == '/' && second == '/')) {
		while (i < s.len && s.at[i] != '\n')
			i++;
		return i;
	}
	if (s.at[0] == '/' && second == '*') {
		for (i = 2; i < s.len; i++)
			if (s.at[i - 1] == '*' && s.at[i] == '/' && i > 2)
				return i + 1;
		return i;
	}
	if (!is_name_octet(s.at[0]) || s.at[0] == '-')
		return 1;
	while (i < s.len && is_name_octet(s.at[i]))
		i++;
	return i;
}

const char *settings_text_prepare(struct span in, char *out, unsigned *line)
{
	size_t n = 0;

	*line = 1;
	while (in.len) {
		struct span piece = span_head(in, piece_len(in));

		in = span_skip(in, piece.len);
		for (size_t i = 0; i < piece.len; i++) {
			if (piece.at[i] == '\0')
				return "a NUL octet; the file must be text";
			if (piece.at[i] == '\n')
				++*line;
		}
		if (piece.at[0] == '@')
			return "@include is not taken here; put all settings into one file";
		memcpy(out + n, piece.at, piece.len);
		n += piece.len;
		if (byte_is_digit(piece.at[0])) {
			bool suffix;
			const char *problem = number_problem(piece, &suffix);
			if (problem)
				return problem;
			if (suffix)
				out[n++] = 'L';
		}
	}
	out[n] = '\0';
	return NULL;
}
