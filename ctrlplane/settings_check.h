// SPDX-License-Identifier: MIT
/*
 * settings_check.h - what must hold beyond types and ranges: shapes of strings, and settings that must fit each other
 */
#ifndef SETTINGS_CHECK_H
#define SETTINGS_CHECK_H

#include "conf/settings.h"

/* A field that fits one line: name, colon, space, printable value (RFC 5322 2.2). */
bool settings_is_header_field(struct span s);

/* @setting: where it stands, as "dns.mode" or "ports.[0].gateway4"; both are borrowed for the call. */
typedef void settings_problem(void *arg, const char *setting, const char *message);

/* Pure, both.  Shapes of single strings, in the order of settings.def. */
void settings_check_strings(const struct settings *s, settings_problem *problem, void *arg);

/* All that concerns several settings, and the lists; for a struct that was filled without an error. */
void settings_check_whole(const struct settings *s, settings_problem *problem, void *arg);

#endif
