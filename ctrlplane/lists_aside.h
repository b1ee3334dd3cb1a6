// SPDX-License-Identifier: MIT
/*
 * lists_aside.h - lists_load() in a thread of its own, while the control thread goes on
 *
 * Reading and sorting a million prefixes takes a second, and the control thread answers DNS for all workers.
 */
#ifndef LISTS_ASIDE_H
#define LISTS_ASIDE_H

#include "ctrlplane/lists_build.h"

/**
 * lists_load_aside - as lists_load()
 * @meanwhile: called again and again until it is done, by the caller's thread; returns whether there was anything to do
 *
 * @say hears of faults in the caller's thread, at the end.  When the system gives no thread the caller waits.
 */
struct lists *lists_load_aside(const struct lists_format *format, const char *path, uint64_t entries_max,
			       settings_say *say, void *arg, bool (*meanwhile)(void *arg), void *meanwhile_arg);

#endif
