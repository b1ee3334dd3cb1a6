// SPDX-License-Identifier: MIT
/*
 * settings_table.c - settings.def as a table
 */
#include <stddef.h>
#include <stdio.h>

#include "ctrlplane/settings_table.h"

const struct setting setting_table[] = {
#define AT(group, name) .offset = offsetof(struct settings, group##_##name)
/* clang-format off */
#define INT(g, n, u, lo, hi, d, h) \
	{ .group = #g, .name = #n, .kind = SETTING_INT, .help = h, AT(g, n), .unit = u, .least = lo, .most = hi, .default_ = d },
#define BOOL(g, n, d, h) { .group = #g, .name = #n, .kind = SETTING_BOOL, .help = h, AT(g, n), .unit = "", .default_ = d },
#define STR(g, n, d, h) { .group = #g, .name = #n, .kind = SETTING_STR, .help = h, AT(g, n), .unit = "", .default_text = d },
#define WORD(g, n, w, d, h) \
	{ .group = #g, .name = #n, .kind = SETTING_WORD, .help = h, AT(g, n), .unit = "", .words = w, .default_text = d },
/* clang-format on */
#include "conf/settings.def"
#undef INT
#undef BOOL
#undef STR
#undef WORD
#undef AT
};
const size_t n_setting_table = sizeof(setting_table) / sizeof(setting_table[0]);

/* Defaults fit their ranges and their fields: held by the compiler, not by hope. */
#define INT(g, n, u, lo, hi, d, h)                                                                                     \
	_Static_assert((lo) <= (d) && (d) <= (hi), #g "." #n " has its default out of range");
#define BOOL(g, n, d, h) _Static_assert((d) == 0 || (d) == 1, #g "." #n " is neither 0 nor 1");
#define STR(g, n, d, h) _Static_assert(sizeof(d) <= SETTINGS_STR_MAX, #g "." #n " has too long a default");
#define WORD(g, n, w, d, h) STR(g, n, d, h)
#include "conf/settings.def"
#undef INT
#undef BOOL
#undef STR
#undef WORD

const struct setting *setting_find(struct span group, struct span name)
{
	for (size_t i = 0; i < n_setting_table; i++)
		if (span_eq(group, span_str(setting_table[i].group)) && span_eq(name, span_str(setting_table[i].name)))
			return &setting_table[i];
	return NULL;
}

bool setting_group_known(struct span group)
{
	for (size_t i = 0; i < n_setting_table; i++)
		if (span_eq(group, span_str(setting_table[i].group)))
			return true;
	return false;
}

bool setting_word_known(const char *words, struct span word)
{
	struct span rest = span_str(words);

	while (rest.at)
		if (span_eq(span_cut(&rest, '|'), word))
			return true;
	return false;
}

static void put_quoted(struct text *out, const char *s)
{
	text_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_putc(out, '\\');
		text_putc(out, (uint8_t)*s);
	}
	text_putc(out, '"');
}

void setting_value(const struct setting *t, const struct settings *s, struct text *out)
{
	const char *field = (const char *)s + t->offset;
	uint64_t number;
	bool flag;

	switch (t->kind) {
	case SETTING_INT:
		memcpy(&number, field, sizeof(number));
		text_dec(out, number);
		break;
	case SETTING_BOOL:
		memcpy(&flag, field, sizeof(flag));
		text_puts(out, flag ? "true" : "false");
		break;
	case SETTING_STR:
	case SETTING_WORD:
		put_quoted(out, field);
		break;
	}
}

void settings_default(struct settings *s)
{
	memset(s, 0, sizeof(*s));
#define INT(g, n, u, lo, hi, d, h) s->g##_##n = d;
#define BOOL(g, n, d, h) s->g##_##n = d;
#define STR(g, n, d, h) memcpy(s->g##_##n, d, sizeof(d));
#define WORD(g, n, w, d, h) STR(g, n, d, h)
#include "conf/settings.def"
#undef INT
#undef BOOL
#undef STR
#undef WORD
}
