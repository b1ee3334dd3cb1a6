// SPDX-License-Identifier: MIT
/*
 * lists_text.c - entries of allow and deny, and recipients, as lines of text, and files of them
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/address.h"
#include "ctrlplane/lists_build.h"

#define FAULTS_MAX 100
#define FILE_MAX (UINT64_C(1) << 30) /* octets; entries_max is met long before */

static const char *const kinds[LISTS_N_KINDS] = { "prefix", "domain", "helo" };

/* One spelling for each prefix: what lies behind its length is 0. */
static void clear_host_bits(struct ip_addr *a, unsigned len)
{
	for (unsigned i = 0; i < ip_addr_len(a); i++) {
		if (len < 8 * (i + 1))
			a->bytes[i] &= (uint8_t)(len <= 8 * i ? 0 : 0xffu << (8 * (i + 1) - len));
	}
}

/* A name of DNS, whose last label is no number: an address that is none shall not be taken for a domain. */
static bool is_domain(struct span s)
{
	size_t dot = span_find_last(s, '.');
	bool number = true;

	for (size_t i = 0; i < s.len; i++) {
		if (!byte_is_alnum(s.at[i]) && !strchr("-_.", s.at[i]))
			return false;
		number &= (dot != SPAN_NONE && i <= dot) || byte_is_digit(s.at[i]);
	}
	return !number;
}

/* Printable ASCII without a blank, @ or #: what may stand in a line.  HELO has what clients make of it. */
static bool is_helo(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] >= 0x7f || s.at[i] == '#' || s.at[i] == '@')
			return false;
	return true;
}

const char *lists_entry_parse(unsigned bits, struct span kind, struct span what, struct lists_entry *out)
{
	struct lists_entry e = { .bits = (uint8_t)bits };

	while (e.kind < LISTS_N_KINDS && !span_eq(kind, span_str(kinds[e.kind])))
		e.kind++;
	if (e.kind == LISTS_N_KINDS)
		return "that is no kind of entry; give prefix, domain or helo";
	if (e.kind == LISTS_PREFIX) {
		if (!address_parse_prefix_or_host(what, &e.addr, &e.len))
			return "that is no address or prefix; give one such as 192.0.2.0/24";
		clear_host_bits(&e.addr, e.len);
	} else {
		e.below = what.len > 1 && what.at[0] == '.';
		e.name = span_skip(what, e.below);
		if (e.name.len == 0 || e.name.len > 255 || e.name.at[0] == '.' ||
		    !(e.kind == LISTS_HELO ? is_helo(e.name) : is_domain(e.name)))
			return "that is no name; give one such as example.org, or .example.org for all below it as "
			       "well";
	}
	*out = e;
	return NULL;
}

void lists_entry_text(const struct lists_entry *e, struct text *out)
{
	text_puts(out, e->bits & LISTS_ALLOW ? "allow " : "deny ");
	text_puts(out, kinds[e->kind]);
	text_puts(out, e->below ? " ." : " ");
	if (e->kind == LISTS_PREFIX) {
		ip_addr_text(&e->addr, out);
		text_putc(out, '/');
		text_dec(out, e->len);
	}
	for (size_t i = 0; i < e->name.len; i++)
		text_putc(out, byte_lower(e->name.at[i]));
}

/* A word, and the blanks around it. */
static struct span cut_word(struct span *line)
{
	size_t i = 0;

	*line = span_trim(*line);
	while (i < line->len && !byte_is_wsp(line->at[i]))
		i++;
	struct span word = span_head(*line, i);
	*line = span_trim(span_skip(*line, i));
	return word;
}

const char *lists_line_parse(struct span line, struct lists_entry *out)
{
	struct span list = cut_word(&line), kind = cut_word(&line), what = cut_word(&line);
	unsigned bits = span_eq(list, SPAN("allow")) ? LISTS_ALLOW : span_eq(list, SPAN("deny")) ? LISTS_DENY : 0;

	if (!bits || line.len)
		return "a line is allow or deny, then prefix, domain or helo, then one entry";
	return lists_entry_parse(bits, kind, what, out);
}

const char *lists_recipient_parse(struct span line, struct lists_entry *out)
{
	size_t at = span_find_last(line, '@');
	bool good = at != SPAN_NONE && line.len <= LISTS_NAME_MAX && is_domain(span_skip(line, at + 1));

	for (size_t i = 0; good && i < at; i++) /* a local part outside ASCII is one (RFC 6531) */
		good = line.at[i] > ' ' && line.at[i] != 0x7f;
	if (!good || at + 1 == line.len)
		return "that is no recipient; give an address such as user@example.org, or @example.org for all of it";
	*out = (struct lists_entry){ .bits = LISTS_ALLOW, .kind = LISTS_RECIPIENT, .name = line };
	return NULL;
}

const struct lists_format lists_access = { lists_line_parse,
					   "more entries than lists.entries_max; raise it or leave some out" },
			  lists_recipients = { lists_recipient_parse,
					       "more entries than recipients.entries_max; raise it or leave some out" };

struct loading {
	const char *file;
	settings_say *say;
	void *arg;
	unsigned n_faults;
};

static void fault(struct loading *l, unsigned line, const char *what)
{
	char message[512];

	if (++l->n_faults > FAULTS_MAX)
		return;
	if (line)
		snprintf(message, sizeof(message), "%s:%u: %s", l->file, line, what);
	else
		snprintf(message, sizeof(message), "%s: %s", l->file, what);
	l->say(l->arg, message);
}

struct lists *lists_load_text(const struct lists_format *format, struct span text, const char *file,
			      uint64_t entries_max, settings_say *say, void *arg)
{
	struct loading l = { .file = file, .say = say, .arg = arg };
	struct lists_builder *b = lists_builder_open();
	bool memory = b != NULL;
	uint64_t n = 0;

	for (unsigned number = 1; memory && text.at && text.len; number++) {
		struct span line = span_cut(&text, '\n');
		size_t comment = span_find(line, '#');
		struct lists_entry e;

		line = span_trim(comment == SPAN_NONE ? line : span_head(line, comment));
		if (line.len == 0)
			continue;
		const char *wrong = format->parse(line, &e);
		if (!wrong && ++n > entries_max)
			wrong = format->too_many;
		if (wrong)
			fault(&l, number, wrong);
		else
			memory = lists_builder_add(b, &e);
		if (n > entries_max)
			break;
	}
	struct lists *lists = b ? lists_builder_close(b) : NULL;
	if (!lists || !memory)
		fault(&l, 0, "no memory for its entries; free some");
	if (l.n_faults == 0)
		return lists;
	lists_free(lists);
	return NULL;
}

struct lists *lists_load(const struct lists_format *format, const char *path, uint64_t entries_max, settings_say *say,
			 void *arg)
{
	struct loading l = { .file = path, .say = say, .arg = arg };
	struct lists *lists = NULL;
	FILE *f = fopen(path, "re");
	struct stat st;
	char what[256];

	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(what, sizeof(what), "cannot be read: %s; name a file that can be",
			 f && errno == 0 ? "it is no file" : strerror(errno));
		fault(&l, 0, what);
	} else if ((uint64_t)st.st_size > FILE_MAX) {
		fault(&l, 0, "is larger than 1 GiB; leave some out");
	} else {
		char *text = malloc((size_t)st.st_size + 1);
		size_t n = text ? fread(text, 1, (size_t)st.st_size, f) : 0;

		lists = lists_load_text(format, span_of(text, n), path, entries_max, say, arg);
		free(text);
	}
	if (f)
		fclose(f);
	return lists;
}
