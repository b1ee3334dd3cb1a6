// SPDX-License-Identifier: MIT
/*
 * test_base64.c - base64, both ways
 */
#include "dataplane/base/base64.h"
#include "tests/tap.h"

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
	return done();
}
