// SPDX-License-Identifier: MIT
/*
 * lists_aside.h - lists_load() in a thread of its own, while the control thread goes on
 *
 * Reading and sorting a million prefixes takes a second, and the control thread answers DNS for all workers.
 */
#ifndef LISTS_ASIDE_H
#define LISTS_ASIDE_H

#include "ctrlplane/lists_build.h"

struct lists_aside;

/* Begins to read; NULL: the system gives no thread, or no memory.  @path is copied. */
struct lists_aside *lists_aside_begin(const struct lists_format *format, const char *path, uint64_t entries_max);
bool lists_aside_done(const struct lists_aside *a);

/* What lists_load() would return; waits if it is not done.  @say hears of faults now; NULL: nobody does.  Frees @a. */
struct lists *lists_aside_end(struct lists_aside *a, settings_say *say, void *arg);

#endif
