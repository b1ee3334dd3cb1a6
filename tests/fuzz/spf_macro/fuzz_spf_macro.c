// SPDX-License-Identifier: MIT
/*
 * fuzz_spf_macro.c - a macro-string is one, and expands, as a slow twin has it; a name is what is left of it at the right
 *
 * Input: an octet of flags (1: an IPv6 client), the local part, LF, HELO, LF, the domain, LF, the macro-string.
 */
#include "dataplane/auth/spf_macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPEC_MAX 1024
#define PARTS_MAX 1024

static bool v6;
static struct spf_macro_values values;

/* RFC 7208 7.2: what a letter stands for. */
static void value_of(char letter, struct text *t)
{
	switch (letter) {
	case 's':
		text_put(t, values.local);
		text_putc(t, '@');
		text_put(t, values.sender_domain);
		return;
	case 'l':
		text_put(t, values.local);
		return;
	case 'o':
		text_put(t, values.sender_domain);
		return;
	case 'd':
		text_put(t, values.domain);
		return;
	case 'h':
		text_put(t, values.helo);
		return;
	case 'i':
		text_puts(t, v6 ? "2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.C.B.0.1" : "192.0.2.1");
		return;
	case 'c':
		text_puts(t, v6 ? "2001:db8::cb01" : "192.0.2.1");
		return;
	case 'v':
		text_puts(t, v6 ? "ip6" : "in-addr");
		return;
	case 'p':
		text_puts(t, "unknown");
		return;
	case 'r':
		text_puts(t, "mx.test");
		return;
	default:
		text_puts(t, "1700000000");
	}
}

/* RFC 7208 7.3: split, turned round, cut to the parts at the right, joined by dots, and escaped at last. */
static void expand(char letter, size_t n_parts, bool reverse, struct span delimiters, struct text *out)
{
	static char room[2048], joined_room[2048];
	struct span part[PARTS_MAX];
	struct text value, joined;
	size_t n = 0, start = 0;

	text_init(&value, room, sizeof(room));
	value_of((char)byte_lower((uint8_t)letter), &value);
	for (size_t i = 0; i <= value.len; i++) {
		if (i < value.len && span_find(delimiters.len ? delimiters : SPAN("."), (uint8_t)room[i]) == SPAN_NONE)
			continue;
		CHECK(n < PARTS_MAX);
		part[n++] = span_of((const uint8_t *)room + start, i - start);
		start = i + 1;
	}
	text_init(&joined, joined_room, sizeof(joined_room));
	for (size_t i = n_parts && n_parts < n ? n - n_parts : 0; i < n; i++) {
		text_put(&joined, part[reverse ? n - 1 - i : i]);
		text_puts(&joined, i + 1 < n ? "." : "");
	}
	CHECK(!value.full && !joined.full);
	for (size_t i = 0; i < joined.len; i++) {
		uint8_t c = (uint8_t)joined_room[i];

		if (letter >= 'a' || byte_is_alnum(c) || (c && strchr("-._~", c))) {
			text_putc(out, c);
		} else {
			text_putc(out, '%');
			text_putc(out, (uint8_t) "0123456789ABCDEF"[c >> 4]);
			text_putc(out, (uint8_t) "0123456789ABCDEF"[c & 15]);
		}
	}
}

/* What stands in a macro's braces; false: nothing that may. */
static bool slow_macro(struct span in, struct text *out, bool *is_local)
{
	size_t i = 1, n = 0, digits;
	bool reverse;

	if (in.len == 0 || in.at[0] == 0 || !strchr("slodiphcrtvSLODIPHCRTV", in.at[0]))
		return false;
	*is_local |= strchr("crtCRT", in.at[0]) != NULL;
	for (digits = i; i < in.len && in.at[i] >= '0' && in.at[i] <= '9'; i++)
		n = n < 100000 ? 10 * n + in.at[i] - '0' : n;
	if (i > digits && n == 0)
		return false;
	reverse = i < in.len && byte_lower(in.at[i]) == 'r';
	i += reverse;
	struct span delimiters = span_skip(in, i);

	for (size_t k = 0; k < delimiters.len; k++)
		if (delimiters.at[k] == 0 || !strchr(".-+,/_=", delimiters.at[k]))
			return false;
	expand((char)in.at[0], n, reverse, delimiters, out);
	return true;
}

/* RFC 7208 7.1 */
static bool slow_string(struct span s, struct text *out, bool *is_local, bool *has_space)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i], next = i + 1 < s.len ? s.at[i + 1] : 0;

		if (c != '%') {
			if (c < ' ' || c > '~')
				return false;
			*has_space |= c == ' ';
			text_putc(out, c);
			continue;
		}
		i++;
		if (next == '{') {
			struct span rest = span_skip(s, i + 1);
			size_t end = span_find(rest, '}');

			if (end == SPAN_NONE || !slow_macro(span_head(rest, end), out, is_local))
				return false;
			i += end + 1;
		} else if (next == '%' || next == '_' || next == '-') {
			text_puts(out, next == '%' ? "%" : next == '_' ? " " : "%20");
		} else {
			return false;
		}
	}
	return true;
}

static struct span slow_name(struct span s)
{
	if (s.len && s.at[s.len - 1] == '.')
		s.len--;
	while (s.len > DNS_NAME_MAX) {
		size_t dot = span_find(s, '.');

		s = dot == SPAN_NONE ? span_head(s, 0) : span_skip(s, dot + 1);
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char fast_room[1 << 20], slow_room[1 << 20];
	struct span rest = span_of(data + (size ? 1 : 0), size ? size - 1 : 0);
	bool is_local = false, has_space = false;
	uint8_t name[DNS_NAME_MAX];
	struct text fast, slow;

	v6 = size && data[0] & 1;
	struct span local = span_cut(&rest, '\n'), helo = span_cut(&rest, '\n'), domain = span_cut(&rest, '\n');

	if (!rest.at || rest.len > SPEC_MAX || local.len == 0 || local.len > SPF_LOCAL_MAX || helo.len == 0 ||
	    helo.len > SPF_HELO_MAX || domain.len == 0 || domain.len > DNS_NAME_MAX)
		return 0;
	values = (struct spf_macro_values){ .local = local,
					    .sender_domain = domain,
					    .domain = domain,
					    .helo = helo,
					    .receiver = SPAN("mx.test"),
					    .now_unix = 1700000000 };
	values.ip = v6 ? ip_addr_of6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [14] = 0xcb, [15] = 1 })
		       : ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 });
	text_init(&fast, fast_room, sizeof(fast_room));
	text_init(&slow, slow_room, sizeof(slow_room));
	bool good = slow_string(rest, &slow, &is_local, &has_space);

	CHECK(spf_macro_check(rest, SPF_MACRO_EXPLANATION, NULL) == good);
	CHECK(spf_macro_check(rest, SPF_MACRO_MODIFIER, NULL) == (good && !has_space));
	CHECK(spf_macro_check(rest, SPF_MACRO_DOMAIN, NULL) == (good && !has_space && !is_local));
	if (!good)
		return 0;
	spf_macro_text(&values, rest, &fast);
	CHECK(!fast.full && !slow.full && span_eq(text_span(&fast), text_span(&slow)));
	if (!spf_domain_spec_check(rest, NULL))
		return 0;
	CHECK(spf_macro_check(rest, SPF_MACRO_DOMAIN, NULL));
	size_t n = spf_macro_domain(&values, rest, name);

	CHECK(span_eq(span_of(name, n), slow_name(text_span(&slow))));
	return 0;
}
