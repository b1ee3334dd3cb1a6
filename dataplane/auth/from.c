// SPDX-License-Identifier: MIT
/*
 * from.c - the author domain out of the From field (RFC 5322 3.4, 3.6.2, RFC 6532, RFC 6854)
 *
 * mailbox-list, groups as RFC 6854 allows them, and of the obsolete forms those that can be read in one way only:
 * dots in a display name, empty list elements, white space round the dots of a local part and round the at-sign.
 * Everything else is no author: what two programs may read differently must not be authenticated.
 *
 * DEVIATES from RFC 5322 4.4: no source route ("<@a,@b:c@d>", of which some show a), no white space and no comment
 * within a domain ("c@bank.example .evil.example", of which some show the bank).  A quoted display name may stand
 * before an address without brackets, as old senders have it: every reader finds the same domain.
 */
#include "dataplane/auth/from.h"
#include "dataplane/auth/from_scan.h"

#define FROM_AUTHORS_MAX 100 /* each may cost an IDNA mapping */

static void fail(struct from *f, enum from_error error, const char *reason)
{
	if (f->error != FROM_OK)
		return; /* the first one is told */
	f->error = error;
	f->reason = reason;
}

static bool domain_octets_ok(struct span d)
{
	size_t label = 0;

	if (d.len == 0 || d.len > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < d.len; i++) {
		if (d.at[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!byte_is_alnum(d.at[i]) && d.at[i] != '-' && d.at[i] != '_')
			return false;
		if (++label > DNS_LABEL_MAX)
			return false;
	}
	return label > 0;
}

/* Takes the domain of one more author; all must be the same. */
static void author(struct from *f, const struct auth_settings *settings, struct span domain)
{
	char ascii[DNS_NAME_MAX + 1];
	struct text t;
	bool eight_bit = false;

	text_init(&t, ascii, sizeof(ascii));
	for (size_t i = 0; i < domain.len; i++)
		eight_bit |= domain.at[i] >= 0x80;
	if (eight_bit && !settings->to_ascii(domain, &t)) {
		fail(f, FROM_DOMAIN, "the domain of From is no internationalized domain name");
		return;
	}
	for (size_t i = 0; !eight_bit && i < domain.len; i++)
		text_putc(&t, byte_lower(domain.at[i]));
	if (t.full || !domain_octets_ok(text_span(&t))) {
		fail(f, FROM_DOMAIN, "the domain of From is no domain name");
		return;
	}
	if (f->domain_len && !span_eq(text_span(&t), span_of(f->domain, f->domain_len))) {
		fail(f, FROM_MANY_DOMAINS, "From names authors of several domains");
		return;
	}
	memcpy(f->domain, ascii, t.len + 1);
	f->domain_len = (uint8_t)t.len;
}

static bool is_adjacent(const struct from_scan *s, const uint8_t *end)
{
	return s->text.at == end;
}

/* After the at-sign: a dot-atom in one piece.  False: a syntax error was told. */
static bool domain(struct from *f, const struct auth_settings *settings, struct from_scan *s)
{
	const uint8_t *begin = s->text.at, *end = begin;

	if (s->token == FROM_TOKEN_LITERAL) {
		fail(f, FROM_DOMAIN, "the domain of From is an address literal");
		from_scan_next(s);
		return true;
	}
	for (;;) {
		if (s->token != FROM_TOKEN_ATOM || !is_adjacent(s, end)) {
			fail(f, FROM_SYNTAX,
			     "an address in From has no domain after its @, or one that is not in one piece");
			return false;
		}
		end += s->text.len;
		from_scan_next(s);
		if (!from_scan_is(s, '.'))
			break;
		if (!is_adjacent(s, end++)) {
			fail(f, FROM_SYNTAX, "an address in From has a domain that is not in one piece");
			return false;
		}
		from_scan_next(s);
	}
	author(f, settings, span_of(begin, (size_t)(end - begin)));
	return true;
}

static bool is_word(const struct from_scan *s)
{
	return s->token == FROM_TOKEN_ATOM || s->token == FROM_TOKEN_QUOTED;
}

/* RFC 2047 5: an encoded word must not appear within an addr-spec; some decode it all the same. */
static bool is_encoded_word(const struct from_scan *s)
{
	return s->token == FROM_TOKEN_ATOM && span_starts_nocase(s->text, SPAN("=?"));
}

/* local-part "@" domain */
static bool addr_spec(struct from *f, const struct auth_settings *settings, struct from_scan *s)
{
	for (;;) {
		if (!is_word(s) || is_encoded_word(s)) {
			fail(f, FROM_SYNTAX, "an address in From has no local part");
			return false;
		}
		from_scan_next(s);
		if (!from_scan_is(s, '.'))
			break;
		from_scan_next(s);
	}
	if (!from_scan_is(s, '@')) {
		fail(f, FROM_SYNTAX, "an address in From has no @ after its local part");
		return false;
	}
	from_scan_next(s);
	return domain(f, settings, s);
}

/* "<" addr-spec ">" */
static bool angle_addr(struct from *f, const struct auth_settings *settings, struct from_scan *s)
{
	from_scan_next(s);
	if (!addr_spec(f, settings, s))
		return false;
	if (!from_scan_is(s, '>')) {
		fail(f, FROM_SYNTAX, "an address in From does not end with >");
		return false;
	}
	from_scan_next(s);
	return true;
}

/* What stands before "<", "@" or ":": words, in a phrase also dots (obs-phrase). */
struct words {
	size_t n;
	bool local_part; /* word *("." word), so that an @ may follow; a quoted string before it is a display name */
	bool named;      /* that quoted string is there */
	bool has_at;
};

static struct words words(struct from_scan *s)
{
	struct words w = { .local_part = true };
	bool dot_before = true, name_before = false;

	while (is_word(s) || from_scan_is(s, '.')) {
		bool word = is_word(s);

		if (word && name_before)
			w.named = true;
		else if (word != dot_before)
			w.local_part = false; /* two words, or two dots, in a row */
		if (is_encoded_word(s))
			w.local_part = false;
		dot_before = !word;
		name_before = w.n == 0 && s->token == FROM_TOKEN_QUOTED;
		if (span_find(s->text, '@') != SPAN_NONE)
			w.has_at = true;
		w.n++;
		from_scan_next(s);
	}
	if (dot_before)
		w.local_part = false;
	return w;
}

/* name-addr / addr-spec; @group: set when it was the name of a group instead, whose colon is taken. */
static bool mailbox(struct from *f, const struct auth_settings *settings, struct from_scan *s, bool *group)
{
	struct words w = words(s);

	*group = false;
	if (from_scan_is(s, '<')) {
		f->address_in_display_name |= w.has_at;
		return angle_addr(f, settings, s);
	}
	if (from_scan_is(s, '@') && w.local_part) {
		f->address_in_display_name |= w.named && w.has_at;
		from_scan_next(s);
		return domain(f, settings, s);
	}
	if (from_scan_is(s, ':') && w.n) {
		from_scan_next(s);
		*group = true;
		return true;
	}
	fail(f, FROM_SYNTAX, "From is no list of addresses (RFC 5322 3.6.2)");
	return false;
}

/* Addresses until the end, or until the ";" of a group. */
static bool list(struct from *f, const struct auth_settings *settings, struct from_scan *s)
{
	bool in_group = false, group, after_element = false;
	unsigned n_authors = 0;

	while (s->token != FROM_TOKEN_END) {
		if (from_scan_is(s, ',')) {
			after_element = false;
			from_scan_next(s);
			continue;
		}
		if (in_group && from_scan_is(s, ';')) {
			in_group = false;
			after_element = true;
			from_scan_next(s);
			continue;
		}
		if (after_element) {
			fail(f, FROM_SYNTAX, "something other than a comma follows an address in From");
			return false;
		}
		if (++n_authors > FROM_AUTHORS_MAX) {
			fail(f, FROM_SYNTAX, "From names more authors than are looked at");
			return false;
		}
		if (!mailbox(f, settings, s, &group))
			return false;
		if (group && in_group) {
			fail(f, FROM_SYNTAX, "From has a group within a group");
			return false;
		}
		in_group |= group;
		after_element = !group;
	}
	if (in_group)
		fail(f, FROM_SYNTAX, "a group in From does not end with a semicolon");
	return !in_group;
}

/*
 * A line that is no field, but might be taken for From by a reader that passes over octets other than printable
 * ASCII: " From: x" as the first line, "From" folded before its colon, a NUL or a byte order mark in it.
 */
static bool looks_like_from(struct span line)
{
	static const char name[] = "from:";
	size_t n = 0;

	for (size_t i = 0; i < line.len && name[n]; i++) {
		if (line.at[i] <= ' ' || line.at[i] >= 0x7f)
			continue;
		if (byte_lower(line.at[i]) != (uint8_t)name[n++])
			return false;
	}
	return name[n] == '\0';
}

/* Whether what was indexed may be short of a From field that another reader finds. */
static bool one_is_hidden(struct from *f, const struct msg_header *header)
{
	if (header->too_many)
		fail(f, FROM_SYNTAX, "the header has more fields than are looked at for From");
	for (size_t i = 0; header->malformed && i < header->n_fields; i++)
		if (header->fields[i].name_len == 0 && looks_like_from(msg_field_whole(header, &header->fields[i])))
			fail(f, FROM_SYNTAX, "a line that is no header field may be read as From");
	return f->error != FROM_OK;
}

void from_parse(struct from *f, const struct auth_settings *settings, const struct msg_header *header)
{
	size_t i = msg_header_find(header, SPAN("From"), 0);
	struct from_scan s;

	memset(f, 0, sizeof(*f));
	f->reason = "";
	if (one_is_hidden(f, header))
		return;
	if (i == SPAN_NONE) {
		fail(f, FROM_MISSING, "there is no From field");
		return;
	}
	if (msg_header_find(header, SPAN("From"), i + 1) != SPAN_NONE) {
		fail(f, FROM_REPEATED, "there is more than one From field");
		return;
	}
	from_scan_begin(&s, msg_field_value(header, &header->fields[i]));
	if (list(f, settings, &s) && f->error == FROM_OK && f->domain_len == 0)
		fail(f, FROM_NO_ADDRESS, "From names no address");
	if (f->error != FROM_OK) {
		f->domain[0] = '\0';
		f->domain_len = 0;
	}
}

const char *from_error_text(enum from_error e)
{
	static const char *const texts[] = {
		[FROM_OK] = "ok",         [FROM_MISSING] = "missing",       [FROM_REPEATED] = "repeated",
		[FROM_SYNTAX] = "syntax", [FROM_NO_ADDRESS] = "no_address", [FROM_MANY_DOMAINS] = "many_domains",
		[FROM_DOMAIN] = "domain",
	};

	return texts[e];
}
