// SPDX-License-Identifier: MIT
/*
 * test_smtp_dsn.c - values of RET, ENVID, NOTIFY and ORCPT (RFC 3461 4), and UTF-8 (RFC 3629 4) against a slow twin
 */
#include "dataplane/base/utf8.h"
#include "dataplane/smtp/smtp_dsn.h"
#include "tests/tap.h"

static const struct {
	bool (*good)(struct span value);
	const char *value;
	bool expected;
} cases[] = {
	{ smtp_dsn_ret, "FULL", true },
	{ smtp_dsn_ret, "hdrs", true },
	{ smtp_dsn_ret, "", false },
	{ smtp_dsn_ret, "FULLX", false },
	{ smtp_dsn_envid, "QQ314159", true },
	{ smtp_dsn_envid, "a+2Bb+3D", true },
	{ smtp_dsn_envid, "a+2b", false }, /* digits in capitals only */
	{ smtp_dsn_envid, "a+2", false },
	{ smtp_dsn_envid, "+", false },
	{ smtp_dsn_envid, "a=b", false },
	{ smtp_dsn_envid, "\xc3\xa9", false },
	{ smtp_dsn_envid, "", false },
	{ smtp_dsn_notify, "NEVER", true },
	{ smtp_dsn_notify, "never", true },
	{ smtp_dsn_notify, "SUCCESS,FAILURE,DELAY", true },
	{ smtp_dsn_notify, "Delay", true },
	{ smtp_dsn_notify, "NEVER,SUCCESS", false },
	{ smtp_dsn_notify, "SUCCESS,NEVER", false },
	{ smtp_dsn_notify, "SUCCESS,SUCCESS", false },
	{ smtp_dsn_notify, "SUCCESS,", false },
	{ smtp_dsn_notify, ",SUCCESS", false },
	{ smtp_dsn_notify, "", false },
	{ smtp_dsn_orcpt, "rfc822;Bob@Example.COM", true },
	{ smtp_dsn_orcpt, "rfc822;a+2Bb@c", true },
	{ smtp_dsn_orcpt, "utf-8;\xc3\xa9@b", true },
	{ smtp_dsn_orcpt, "utf-8;\xc3@b", false },
	{ smtp_dsn_orcpt, "rfc822;\xc3\xa9@b", false },
	{ smtp_dsn_orcpt, "rfc822;", false },
	{ smtp_dsn_orcpt, ";a@b", false },
	{ smtp_dsn_orcpt, "rfc822", false },
	{ smtp_dsn_orcpt, "rfc 822;a", false },
	{ smtp_dsn_orcpt, "", false },
};

static void lengths(void)
{
	char text[512];

	memset(text, 'x', sizeof(text));
	ok(smtp_dsn_envid(span_of(text, 100)) && !smtp_dsn_envid(span_of(text, 101)), "ENVID of 100 octets, not 101");
	text[1] = ';';
	ok(smtp_dsn_orcpt(span_of(text, 500)) && !smtp_dsn_orcpt(span_of(text, 501)), "ORCPT of 500 octets, not 501");
}

/* By the number that the octets stand for. */
static size_t twin(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	size_t len = n && p[0] >= 0xf0 && p[0] < 0xf8 ? 4 : n && p[0] >= 0xe0 ? 3 : 2;
	uint32_t c;

	if (n < len || p[0] < 0xc0 || p[0] >= 0xf8)
		return 0;
	c = p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	return c >= least[len] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff) ? len : 0;
}

int main(void)
{
	static const uint8_t more[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0 };
	unsigned n_bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(cases[i].good(span_str(cases[i].value)) == cases[i].expected, "'%s' is %s", cases[i].value,
		   cases[i].expected ? "taken" : "refused");
	lengths();
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			for (unsigned k = 0; k < 25; k++) {
				const uint8_t p[4] = { (uint8_t)first, (uint8_t)second, more[k / 5], more[k % 5] };

				for (size_t len = 0; len <= 4; len++)
					n_bad += utf8_char(span_of(p, len)) != twin(p, len);
			}
		}
	}
	ok(n_bad == 0, "UTF-8 agrees with its twin on all first and second octets");
	return done();
}
