// SPDX-License-Identifier: MIT
/*
 * fuzz_authres.c - what we write is what a strict reader of RFC 8601 reads: our results in our order, each property once
 *
 * Input: HELO, LF, MAIL FROM, LF, the sealer, LF, the header of the message.  The reader below knows nothing of the
 * writer but the grammar; what it finds is compared with what was reported, so that no value adds or hides anything.
 */
#include "crypto/crypto_openssl.h"
#include "dataplane/auth/authres.h"
#include "dns/domain_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span rest; /* what the reader has not read yet */

/* CFWS: folding white space and comments; each fold is CRLF and a tab. */
static void skip_cfws(void)
{
	unsigned depth = 0;

	for (; rest.len; rest = span_skip(rest, 1)) {
		uint8_t c = rest.at[0];

		if (c == '\r') {
			CHECK(rest.len >= 2 && rest.at[1] == '\n' && (rest.len == 2 || rest.at[2] == '\t'));
			rest = span_skip(rest, 1);
		} else if (c == '(') {
			depth++;
		} else if (depth && c == ')') {
			depth--;
		} else if (depth && c == '\\') {
			rest = span_skip(rest, 1);
		} else if (depth) {
			CHECK((c >= ' ' && c < 0x7f) || c == '\t');
		} else if (c != ' ' && c != '\t') {
			return;
		}
	}
	CHECK(depth == 0);
}

static bool is_token(uint8_t c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static struct span read_word(void)
{
	size_t n = 0;

	while (n < rest.len && (is_token(rest.at[n])))
		n++;
	CHECK(n > 0);
	struct span word = span_head(rest, n);

	rest = span_skip(rest, n);
	return word;
}

static void read_char(char c)
{
	CHECK(rest.len && rest.at[0] == (uint8_t)c);
	rest = span_skip(rest, 1);
}

/* A token, a quoted string, or [local part] @ domain; unquoted into @out. */
static void read_value(struct text *out)
{
	text_reset(out);
	if (rest.len && rest.at[0] == '"') {
		for (rest = span_skip(rest, 1); rest.len && rest.at[0] != '"'; rest = span_skip(rest, 1)) {
			if (rest.at[0] == '\\')
				rest = span_skip(rest, 1);
			CHECK(rest.len && rest.at[0] >= ' ' && rest.at[0] < 0x7f);
			text_putc(out, rest.at[0]);
		}
		read_char('"');
		return;
	}
	size_t n = 0;

	while (n < rest.len && (is_token(rest.at[n]) || strchr("@=/?", rest.at[n])))
		n++;
	text_put(out, span_head(rest, n));
	rest = span_skip(rest, n);
	CHECK(n > 0);
}

/* As the peer wrote it, but for "?" in place of what is not printable; cut when it is long. */
static void is_value(struct span got, struct span given)
{
	CHECK(got.len == given.len || (given.len > AUTHRES_VALUE_MAX && got.len <= AUTHRES_VALUE_MAX));
	for (size_t i = 0; i < got.len && given.len <= AUTHRES_VALUE_MAX; i++)
		CHECK(got.at[i] == given.at[i] || (got.at[i] == '?' && (given.at[i] < ' ' || given.at[i] > '~')));
}

/* "; method=result (reason) ptype.property=value ..." up to the next semicolon or the end. */
static void read_result(const struct authres_in *in, const char *method, const char *result)
{
	char room[4096];
	struct text value;

	text_init(&value, room, sizeof(room));
	read_char(';');
	skip_cfws();
	CHECK(span_eq(read_word(), span_str(method)));
	read_char('=');
	struct span found = read_word();

	CHECK(!result || span_eq(found, span_str(result)));
	for (skip_cfws(); rest.len && rest.at[0] != ';'; skip_cfws()) {
		struct span property = read_word();

		CHECK(span_find(property, '.') != SPAN_NONE);
		read_char('=');
		read_value(&value);
		if (span_eq(property, SPAN("smtp.helo")))
			is_value(text_span(&value), in->helo);
		else if (span_eq(property, SPAN("smtp.mailfrom")))
			is_value(text_span(&value), in->mail_from);
		else
			CHECK(span_starts_nocase(property, SPAN("header.")));
		CHECK(!value.full);
	}
}

static void check_field(const struct authres_in *in, struct span field)
{
	rest = field;
	CHECK(span_starts_nocase(rest, SPAN("Authentication-Results: mx.example;")));
	rest = span_skip(rest, sizeof("Authentication-Results: ") - 1);
	CHECK(span_eq(read_word(), SPAN("mx.example")));
	read_result(in, "spf", "fail");
	read_result(in, "spf", "softfail");
	size_t n = dkim_n_reports(in->dkim);
	size_t n_shown = 0;

	while (span_starts_nocase(rest, SPAN(";\r\n\tdkim="))) {
		read_result(in, "dkim", NULL);
		n_shown++;
	}
	CHECK(n_shown > 0 && n_shown <= AUTHRES_SIGNATURES_MAX && n_shown <= (n ? n : 1));
	read_result(in, "arc", "fail");
	CHECK(rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spf helo = { .result = SPF_RESULT_FAIL, .reason = "it is a test (of its kind)" };
	static struct spf mfrom = { .result = SPF_RESULT_SOFTFAIL, .reason = "it is a test" };
	static struct arc arc = { .result = ARC_RESULT_FAIL, .reason = "it is a test", .instance = 1 };
	static struct msg_field fields[500];
	static struct dkim dkim;
	static struct stats stats;
	static char room[1 << 16];
	struct auth_settings settings = auth_settings_default();
	struct msg_header h = { .fields = fields, .fields_max = 500 };
	struct authres_in in = {
		.settings = &settings, .spf_helo = &helo, .spf_mfrom = &mfrom, .dkim = &dkim, .arc = &arc
	};
	struct span left = span_of(data, size);
	struct text out;

	if (size > 20000)
		return 0;
	settings.hash = &crypto_openssl_hash;
	settings.to_ascii = domain_to_ascii;
	settings.stats = &stats;
	in.helo = span_cut(&left, '\n');
	in.mail_from = left.at ? span_cut(&left, '\n') : SPAN("a@x.org");
	arc.sealer = left.at ? span_cut(&left, '\n') : SPAN("l.example");
	helo.mechanism = mfrom.mechanism = arc.sealer;
	if (in.helo.len == 0 || in.mail_from.len == 0)
		return 0;
	msg_header_parse(&h, left.at ? left : SPAN(""));
	dkim_begin(&dkim, &settings, &h, SPAN("example.org"), 1700000000, NULL);
	dkim_body_end(&dkim);
	dkim_give_up(&dkim);
	text_init(&out, room, sizeof(room));
	authres_write(&in, &out);
	CHECK(!out.full);
	check_field(&in, text_span(&out));
	return 0;
}
