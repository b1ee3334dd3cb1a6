// SPDX-License-Identifier: MIT
/*
 * fuzz_base64.c - what is decoded is what a slow twin decodes, fits, and is the same after encoding and decoding again
 */
#include "dataplane/base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IN_MAX 8192

/* One character after the other into a number of six bits each; SPAN_NONE: no base64. */
static size_t slow(struct span in, uint8_t *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0, n_pad = 0, len = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.at[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		if (c == '=') {
			n_pad++;
			continue;
		}
		const char *at = c ? strchr(alphabet, c) : NULL;
		if (!at || n_pad)
			return SPAN_NONE;
		bits = (bits << 6 | (unsigned)(at - alphabet)) & 0xffffff;
		n++;
		if (n % 4 != 1)
			out[len++] = (uint8_t)(bits >> (n % 4 == 2 ? 4 : n % 4 == 3 ? 2 : 0));
	}
	if (n % 4 == 1 || (n_pad && (n % 4 == 0 || n_pad != 4 - n % 4)))
		return SPAN_NONE;
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t fast[IN_MAX], twin[IN_MAX], again[IN_MAX];
	static char room[2 * IN_MAX];
	struct text t;
	size_t len = 0, len_again;

	if (size > IN_MAX)
		return 0;
	bool good = base64_decode(span_of(data, size), fast, sizeof(fast), &len) == OK;
	size_t n = slow(span_of(data, size), twin);

	CHECK(good == (n != SPAN_NONE));
	if (!good)
		return 0;
	CHECK(len == n && memcmp(fast, twin, n) == 0);
	CHECK(base64_decode(span_of(data, size), again, len, &len_again) == OK);
	CHECK(len == 0 || base64_decode(span_of(data, size), again, len - 1, &len_again) == ERR_TOO_LONG);
	text_init(&t, room, sizeof(room));
	base64_encode(&t, span_of(fast, len));
	CHECK(!t.full && t.len == (len + 2) / 3 * 4);
	CHECK(base64_decode(text_span(&t), again, sizeof(again), &len_again) == OK);
	CHECK(len_again == len && memcmp(fast, again, len) == 0);
	return 0;
}
