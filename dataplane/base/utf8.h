// SPDX-License-Identifier: MIT
/*
 * utf8.h - UTF-8 by the table of RFC 3629 4: no overlong form, no surrogate, nothing above U+10FFFF
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "dataplane/base/span.h"

/* Octets of the non-ASCII character at the start of @s; 0: there is none, or no valid one.  The controls U+0080 to U+009F
 * are valid UTF-8, but nothing that a peer may send in a command: 0 as well. */
static inline size_t utf8_char(struct span s)
{
	uint8_t first = s.len ? s.at[0] : 0, second = s.len > 1 ? s.at[1] : 0;
	uint8_t least = first == 0xe0 || first == 0xc2 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	size_t n = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

	if (n == 0 || s.len < n || second < least || second > most)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s.at[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

#endif
