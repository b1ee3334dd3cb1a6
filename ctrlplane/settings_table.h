// SPDX-License-Identifier: MIT
/*
 * settings_table.h - settings.def as a table: what the loader, the sample, the manual page and the CLI walk over
 */
#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include "conf/settings.h"
#include "dataplane/base/text.h"

enum setting_kind { SETTING_INT, SETTING_BOOL, SETTING_STR, SETTING_WORD };

struct setting {
	const char *group, *name;
	enum setting_kind kind;
	const char *unit;               /* INT; "" when it counts things */
	uint64_t least, most, default_; /* INT, both ends included; BOOL: default_ is 0 or 1 */
	const char *default_text;       /* STR and WORD */
	const char *words;              /* WORD: "one|of|these" */
	const char *help;
	size_t offset; /* of the field in struct settings */
};

extern const struct setting setting_table[];
extern const size_t n_setting_table;

/* "group.name"; NULL when there is no such setting. */
const struct setting *setting_find(struct span group, struct span name);

/* Whether any setting, scalar or list, stands in @group. */
bool setting_group_known(struct span group);

/* The value in force, as the file has it: 25, true, "mx.example". */
void setting_value(const struct setting *t, const struct settings *s, struct text *out);

/* Whether @word is one of "a|b|c". */
bool setting_word_known(const char *words, struct span word);

/* Every scalar at its default, every list empty, version 0. */
void settings_default(struct settings *s);

#endif
