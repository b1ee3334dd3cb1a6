// SPDX-License-Identifier: MIT
/*
 * settings_load.h - from a file to struct settings, or to a list of all that is wrong with it
 */
#ifndef SETTINGS_LOAD_H
#define SETTINGS_LOAD_H

#include "ctrlplane/settings_table.h"

#define SETTINGS_FILE_MAX (1 << 20) /* octets; a larger file is refused */

/* Told once for each error, with a message such as "FILE:12: dns.cache_entries must be 1000 to 10000000, is 50". */
typedef void settings_say(void *arg, const char *message);

/**
 * settings_load - read and check a configuration file
 * @out: set only when all is well; its version is 0, the caller counts
 * @say: told every error, in the order of the file; the message is borrowed for the call
 *
 * Returns whether there was no error.  Reads the file and the one that policy.file names: others are not opened.
 */
bool MUST_USE settings_load(const char *path, struct settings *out, settings_say *say, void *arg);

/* The same from memory, without policy.file; @file is only the name that messages bear. */
bool MUST_USE settings_load_text(struct span text, const char *file, struct settings *out, settings_say *say,
				 void *arg);

#endif
