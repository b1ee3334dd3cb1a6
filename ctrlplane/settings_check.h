// SPDX-License-Identifier: MIT
/*
 * settings_check.h - what must hold beyond types and ranges: shapes of strings, and settings that must fit each other
 */
#ifndef SETTINGS_CHECK_H
#define SETTINGS_CHECK_H

#include "conf/settings.h"

/* @setting: where it stands, as "dns.mode" or "ports.[0].gateway4"; both are borrowed for the call. */
typedef void settings_problem(void *arg, const char *setting, const char *message);

/* Pure.  Finds every problem, the order is that of settings.def, then of the lists. */
void settings_check(const struct settings *s, settings_problem *problem, void *arg);

#endif
