// SPDX-License-Identifier: MIT
/*
 * settings_live.h - which settings may change while the gateway runs
 */
#ifndef SETTINGS_LIVE_H
#define SETTINGS_LIVE_H

#include "ctrlplane/settings_table.h"

/* Whether reload puts @t in force; otherwise it is read at the start only. */
bool setting_is_live(const struct setting *t);

/* Told once for each setting that differs, a list as a whole; @name as in the file, borrowed for the call. */
typedef void settings_differ(void *arg, const char *name, bool live);

/**
 * settings_keep_started - make of @changed what can be in force while the gateway runs
 * @started: the settings in force
 *
 * What is read at the start only gets its old value back.  The result may not fit together: settings_check_whole().
 */
void settings_keep_started(struct settings *changed, const struct settings *started, settings_differ *differ,
			   void *arg);

#endif
