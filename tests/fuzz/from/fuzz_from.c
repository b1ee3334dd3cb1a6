// SPDX-License-Identifier: MIT
/*
 * fuzz_from.c - an author is a domain name that the mail shows, the same whatever stands round From, and never one of two
 */
#include "dataplane/auth/from.h"
#include "dns/domain_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct msg_field fields[MSG_FIELDS_MAX];

static void parse(struct from *f, struct span header)
{
	static struct stats stats;
	struct auth_settings settings = auth_settings_default();
	struct msg_header h = { .fields = fields, .fields_max = MSG_FIELDS_MAX };

	settings.to_ascii = domain_to_ascii;
	settings.stats = &stats;
	msg_header_parse(&h, header);
	memset(f, 0xa5, sizeof(*f));
	from_parse(f, &settings, &h);
	CHECK(f->reason && from_error_text(f->error));
	CHECK(f->domain[f->domain_len] == '\0' && (f->domain_len > 0) == (f->error == FROM_OK));
}

/* Lower-case letters, digits, "-" and "_" between single dots. */
static void check_name(const struct from *f)
{
	struct span rest = span_of(f->domain, f->domain_len);

	while (rest.at) {
		struct span label = span_cut(&rest, '.');

		CHECK(label.len > 0 && label.len <= DNS_LABEL_MAX);
		for (size_t i = 0; i < label.len; i++)
			CHECK(byte_lower(label.at[i]) == label.at[i] &&
			      (byte_is_alnum(label.at[i]) || label.at[i] == '-' || label.at[i] == '_'));
	}
}

static bool is_shown(struct span in, struct span name)
{
	for (size_t i = 0; i + name.len <= in.len; i++)
		if (span_eq_nocase(span_part(in, i, i + name.len), name))
			return true;
	return false;
}

static void put(struct text *t, const char *before, struct span header, const char *after)
{
	text_reset(t);
	text_puts(t, before);
	text_put(t, header);
	text_puts(t, after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[1 << 16];
	struct span in = span_of(data, size);
	struct from f, g;
	struct text t;
	bool eight_bit = false;

	if (size > 4096)
		return 0;
	text_init(&t, room, sizeof(room));
	put(&t, "From:", in, "\r\n");
	parse(&f, text_span(&t));
	if (f.error != FROM_OK)
		return 0;
	check_name(&f);
	for (size_t i = 0; i < size; i++)
		eight_bit |= data[i] >= 0x80;
	CHECK(eight_bit || is_shown(in, span_of(f.domain, f.domain_len)));

	put(&t, "X: y\r\nFROM \t:", in, "\r\nSender: z@z.example\r\n");
	parse(&g, text_span(&t));
	CHECK(g.error == FROM_OK && strcmp(f.domain, g.domain) == 0);
	put(&t, "From:", in, "\r\nfrom: a@b.example\r\n");
	parse(&g, text_span(&t));
	CHECK(g.error == FROM_REPEATED);
	put(&t, "From: u@", span_of(f.domain, f.domain_len), "\r\n");
	parse(&g, text_span(&t));
	CHECK(g.error == FROM_OK && strcmp(f.domain, g.domain) == 0);
	return 0;
}
