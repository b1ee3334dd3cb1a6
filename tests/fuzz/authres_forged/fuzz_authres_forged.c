// SPDX-License-Identifier: MIT
/*
 * fuzz_authres_forged.c - no simple reader takes for ours what is passed on, and no peer's value adds to what we write
 */
#include "dataplane/auth/authres.h"
#include "dataplane/auth/from_scan.h"
#include "dns/domain_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct auth_settings settings;
static struct stats stats;

static bool is_ours(struct span value)
{
	return authres_is_ours(&settings, SPAN("Authentication-Results"), value);
}

/* The text up to the first ";" without comments, white space, quotes and backslashes. */
static void read_name(struct span value, struct text *name)
{
	size_t depth = 0;

	for (size_t i = 0; i < value.len && (depth || value.at[i] != ';'); i++) {
		uint8_t c = value.at[i];

		if (c == '\\' && depth)
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth)
			depth--;
		else if (!depth && !byte_is_fws(c) && c != '"' && c != '\\')
			text_putc(name, c);
	}
}

static void claims(struct span in)
{
	char room[64];
	struct text name;
	struct span rest = span_trim(in);

	text_init(&name, room, sizeof(room));
	read_name(in, &name);
	if (!name.full && span_eq_nocase(text_span(&name), SPAN("mx.example")))
		CHECK(is_ours(in));
	if (span_starts_nocase(rest, SPAN("mx.example"))) {
		rest = span_skip(rest, sizeof("mx.example") - 1);
		if (rest.len == 0 || byte_is_fws(rest.at[0]) || strchr(";(/\"", rest.at[0]))
			CHECK(is_ours(in));
	}
}

/* Printable lines of bounded length that continue one field, with @n results. */
static void check_field(struct span field, size_t n)
{
	struct from_scan s;
	struct span rest = field;
	size_t n_results = 0;

	while (rest.len) {
		struct span line = span_cut(&rest, '\n');

		CHECK(line.len > 1 && line.len < 998 && line.at[line.len - 1] == '\r');
		CHECK(line.at == field.at || line.at[0] == '\t');
		for (size_t i = line.at == field.at ? 0 : 1; i + 1 < line.len; i++)
			CHECK(line.at[i] >= ' ' && line.at[i] < 0x7f);
	}
	rest = span_skip(field, sizeof("Authentication-Results:") - 1);
	CHECK(is_ours(rest));
	for (from_scan_begin(&s, rest); s.token != FROM_TOKEN_END; from_scan_next(&s)) {
		CHECK(s.token != FROM_TOKEN_BAD);
		n_results += from_scan_is(&s, ';');
	}
	CHECK(n_results == n);
}

static void values(struct span in)
{
	static struct spf spf = { .result = SPF_RESULT_FAIL, .reason = "it is a test (of its kind)" };
	static struct arc arc = { .result = ARC_RESULT_FAIL, .reason = "it is a test", .instance = 1 };
	static char room[8192];
	struct authres_in a = { .settings = &settings, .spf_helo = &spf, .spf_mfrom = &spf, .arc = &arc };
	struct text out;

	text_init(&out, room, sizeof(room));
	a.helo = a.mail_from = arc.sealer = spf.mechanism = in;
	authres_write(&a, &out);
	CHECK(!out.full);
	check_field(text_span(&out), 3);
	text_reset(&out);
	authres_received_spf(&a, &out);
	CHECK(!out.full && span_ends_nocase(text_span(&out), SPAN("identity=helo\r\n")));
	CHECK(span_find(text_span(&out), '\0') == SPAN_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	settings = auth_settings_default();
	settings.to_ascii = domain_to_ascii;
	settings.stats = &stats;
	claims(span_of(data, size));
	values(span_of(data, size));
	return 0;
}
