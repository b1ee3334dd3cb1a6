// SPDX-License-Identifier: MIT
/*
 * lists_build.h - allow and deny from lines of text to what workers read (ctrlplane/policy/lists.h)
 *
 *	deny prefix 192.0.2.0/24
 *	allow domain .example.org        # itself and all below; without the dot itself alone
 *	deny helo localhost
 *
 * Empty lines and what follows a # are nothing.
 *
 * The table of recipients is built and read alike; a line is an address, or @domain for all of a domain:
 *
 *	user@example.org
 *	@lists.example.org
 */
#ifndef LISTS_BUILD_H
#define LISTS_BUILD_H

#include "ctrlplane/policy/lists.h"
#include "ctrlplane/settings_load.h"

/* One entry, as it stands in a line. */
struct lists_entry {
	uint8_t bits;        /* LISTS_ALLOW or LISTS_DENY */
	uint8_t kind;        /* enum lists_kind */
	uint8_t len;         /* PREFIX */
	struct ip_addr addr; /* PREFIX, host bits cleared */
	bool below;          /* names: all below as well */
	struct span name;    /* without the dot; borrowed */
};

/* NULL, or what is wrong with the entry and what to do; @kind: "prefix", "domain", "helo". */
const char *lists_entry_parse(unsigned bits, struct span kind, struct span what, struct lists_entry *out);

/* The same of a whole line, without its comment. */
const char *lists_line_parse(struct span line, struct lists_entry *out);

/* "deny prefix 192.0.2.0/24", in one spelling for each entry: lower case, host bits cleared. */
void lists_entry_text(const struct lists_entry *e, struct text *out);

struct lists_builder;

struct lists_builder *lists_builder_open(void); /* NULL: no memory */
/* Copies @e.  False: no memory. */
bool MUST_USE lists_builder_add(struct lists_builder *b, const struct lists_entry *e);
/* Frees the builder; NULL: no memory.  lists_free() the result. */
struct lists *lists_builder_close(struct lists_builder *b);
void lists_free(struct lists *l);

/* What the lines of a file are. */
struct lists_format {
	const char *(*parse)(struct span line, struct lists_entry *out); /* as lists_line_parse() */
	const char *too_many;                                            /* what is wrong with one line more */
};
extern const struct lists_format lists_access, lists_recipients;

/* A line of the table of recipients; the entry is of LISTS_RECIPIENT. */
const char *lists_recipient_parse(struct span line, struct lists_entry *out);

/**
 * lists_load - a file, or NULL after @say heard every fault of it with its line (100 at most)
 * @entries_max: more are a fault
 */
struct lists *lists_load(const struct lists_format *format, const char *path, uint64_t entries_max, settings_say *say,
			 void *arg);
struct lists *lists_load_text(const struct lists_format *format, struct span text, const char *file,
			      uint64_t entries_max, settings_say *say, void *arg);

#endif
