// SPDX-License-Identifier: MIT
/*
 * lists_aside.c - lists_load() in a thread of its own, while the control thread goes on
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/lists_aside.h"

enum { FAULTS_MAX = 128 };

struct lists_aside {
	pthread_t thread;
	const struct lists_format *format;
	char path[SETTINGS_STR_MAX];
	uint64_t entries_max;
	struct lists *lists;
	char *faults[FAULTS_MAX];
	unsigned n_faults;
	_Atomic bool done;
};

static void hear(void *arg, const char *message)
{
	struct lists_aside *a = arg;

	if (a->n_faults < FAULTS_MAX && (a->faults[a->n_faults] = strdup(message)))
		a->n_faults++;
}

static void *run(void *arg)
{
	struct lists_aside *a = arg;

	a->lists = lists_load(a->format, a->path, a->entries_max, hear, a);
	atomic_store(&a->done, true);
	return NULL;
}

struct lists_aside *lists_aside_begin(const struct lists_format *format, const char *path, uint64_t entries_max)
{
	struct lists_aside *a = calloc(1, sizeof(*a));
	sigset_t all, before;

	if (!a)
		return NULL;
	a->format = format;
	a->entries_max = entries_max;
	snprintf(a->path, sizeof(a->path), "%s", path);
	/* Signals are the control thread's, but for that of a system call that is refused (confine.h). */
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool good = pthread_create(&a->thread, NULL, run, a) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (good)
		return a;
	free(a);
	return NULL;
}

bool lists_aside_done(const struct lists_aside *a)
{
	return atomic_load(&a->done);
}

struct lists *lists_aside_end(struct lists_aside *a, settings_say *say, void *arg)
{
	pthread_join(a->thread, NULL);
	struct lists *lists = a->lists;

	for (unsigned i = 0; i < a->n_faults; i++) {
		if (say)
			say(arg, a->faults[i]);
		free(a->faults[i]);
	}
	free(a);
	return lists;
}
