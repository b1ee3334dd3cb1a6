// SPDX-License-Identifier: MIT
/*
 * test_base64.c - base64, both ways
 */
#include "dataplane/base/base64.h"
#include "tests/tap.h"

/* Octet by octet, as RFC 4648 has it, with white space anywhere (RFC 6376 3.2); false: not valid, or too long. */
static bool twin(struct span in, uint8_t *out, size_t cap, size_t *len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n_chars = 0, n_pads = 0, n_bits = 0;
	uint32_t bits = 0;

	*len = 0;
	for (size_t i = 0; i < in.len; i++) {
		const char *at = in.at[i] ? strchr(alphabet, in.at[i]) : NULL;

		if (byte_is_fws(in.at[i]))
			continue;
		if (in.at[i] == '=') {
			n_pads++;
			continue;
		}
		if (!at || n_pads)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		n_chars++;
		if ((n_bits += 6) < 8)
			continue;
		n_bits -= 8;
		if (*len == cap)
			return false;
		out[(*len)++] = (uint8_t)(bits >> n_bits);
	}
	return n_chars % 4 != 1 && (n_pads == 0 || (n_chars % 4 && n_pads == 4 - n_chars % 4));
}

/* Mostly good characters, with blanks, pads and rubbish among them. */
static size_t differences(unsigned seed)
{
	static const char some[] = "AZaz09+/QmFyZ3Bx/9kLhJ8WvTu5sRcE";
	size_t n_bad = 0;

	for (unsigned round = 0; round < 20000; round++) {
		uint8_t in[160], out[160], expected[160];
		size_t n = round % sizeof(in), cap = round % 7 ? sizeof(out) : round % 40, len = 0, len_expected;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			unsigned r = seed >> 16;

			in[i] = (uint8_t)(r % 61 == 0    ? " \t\r\n"[r % 4]
					  : r % 307 == 0 ? "=-\0\xff"[r % 4]
							 : some[r % 32]);
			if (i + 3 > n && r % 3 == 0)
				in[i] = '=';
		}
		bool good = twin(span_of(in, n), expected, cap, &len_expected);

		n_bad += (base64_decode(span_of(in, n), out, cap, &len) == OK) != good ||
			 (good && !span_eq(span_of(out, len), span_of(expected, len_expected)));
	}
	return n_bad;
}

/* Any octet at any place of good characters that fill two blocks. */
static size_t block_differences(void)
{
	uint8_t in[72], out[sizeof(in)], expected[sizeof(in)];
	size_t n_bad = 0, len = 0, len_expected;

	for (unsigned i = 0; i < 64 * 256; i++) {
		memset(in, 'x', sizeof(in));
		in[i / 256] = (uint8_t)i;
		bool good = twin(span_of(in, sizeof(in)), expected, sizeof(expected), &len_expected);

		n_bad += (base64_decode(span_of(in, sizeof(in)), out, sizeof(out), &len) == OK) != good ||
			 (good && !span_eq(span_of(out, len), span_of(expected, len_expected)));
	}
	return n_bad;
}

int main(void)
{
	static const struct {
		const char *in;
		enum err err;
		const char *out;
	} rows[] = {
		{ "", OK, "" },
		{ "Zg==", OK, "f" },
		{ "Zm8=", OK, "fo" },
		{ "Zm9v", OK, "foo" },
		{ "Zm9vYg==", OK, "foob" },
		{ "Zm9vYmE=", OK, "fooba" },
		{ "Zm9vYmFy", OK, "foobar" },
		{ " Z\tm9\r\n vYmFy\r\n", OK, "foobar" },
		{ "Zg = =", OK, "f" },
		{ "Zg", OK, "f" },
		{ "Zm8", OK, "fo" },
		{ "Zh==", OK, "f" },
		{ "Z", ERR_BAD_SYNTAX, "" },
		{ "Zg=", ERR_BAD_SYNTAX, "" },
		{ "Zg===", ERR_BAD_SYNTAX, "" },
		{ "Zm9v=", ERR_BAD_SYNTAX, "" },
		{ "=", ERR_BAD_SYNTAX, "" },
		{ "Zg==Zg==", ERR_BAD_SYNTAX, "" },
		{ "Zm-v", ERR_BAD_SYNTAX, "" },
		{ "Zm\xc3v", ERR_BAD_SYNTAX, "" },
		{ "Zm9vYmFyYg==", ERR_TOO_LONG, "" },
	};
	uint8_t out[7];
	size_t len;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err e = base64_decode(span_str(rows[i].in), out, 6, &len);

		ok(e == rows[i].err && (e != OK || span_eq(span_of(out, len), span_str(rows[i].out))), "'%s'",
		   rows[i].in);
	}
	ok(base64_decode(SPAN("Zm9v\0"), out, 6, &len) == ERR_BAD_SYNTAX, "NUL is no base64");

	uint8_t all[256], back[256];
	char text[400];
	struct text t;
	size_t n_bad = 0;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i * 7 + 3);
	for (size_t n = 0; n <= sizeof(all); n++) {
		text_init(&t, text, sizeof(text));
		base64_encode(&t, span_of(all, n));
		n_bad += base64_decode(text_span(&t), back, sizeof(back), &len) != OK ||
			 !span_eq(span_of(back, len), span_of(all, n)) || t.len != (n + 2) / 3 * 4;
		n_bad += n && base64_decode(text_span(&t), back, n - 1, &len) != ERR_TOO_LONG;
	}
	ok(n_bad == 0, "what is encoded is decoded, and never past the end");
	ok(block_differences() == 0, "any octet at any place of a long run is taken as the slow twin takes it");
	ok(differences(1) == 0, "20 000 random strings are read as an octet at a time has them");
	return done();
}
