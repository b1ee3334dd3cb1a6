// SPDX-License-Identifier: MIT
/*
 * lists_aside.c - lists_load() in a thread of its own, while the control thread goes on
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctrlplane/lists_aside.h"

enum { FAULTS_MAX = 128, PAUSE_NS = 200000 };

struct job {
	const struct lists_format *format;
	const char *path;
	uint64_t entries_max;
	struct lists *lists;
	char *faults[FAULTS_MAX];
	unsigned n_faults;
	_Atomic bool done;
};

static void hear(void *arg, const char *message)
{
	struct job *j = arg;

	if (j->n_faults < FAULTS_MAX && (j->faults[j->n_faults] = strdup(message)))
		j->n_faults++;
}

static void *run(void *arg)
{
	struct job *j = arg;

	j->lists = lists_load(j->format, j->path, j->entries_max, hear, j);
	atomic_store(&j->done, true);
	return NULL;
}

/* Signals are the control thread's, but for that of a system call that is refused (confine.h). */
static bool start(pthread_t *thread, struct job *j)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool good = pthread_create(thread, NULL, run, j) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return good;
}

struct lists *lists_load_aside(const struct lists_format *format, const char *path, uint64_t entries_max,
			       settings_say *say, void *arg, bool (*meanwhile)(void *arg), void *meanwhile_arg)
{
	struct job j = { .format = format, .path = path, .entries_max = entries_max };
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	pthread_t thread;

	if (!start(&thread, &j))
		return lists_load(format, path, entries_max, say, arg);
	while (!atomic_load(&j.done))
		if (!meanwhile(meanwhile_arg))
			nanosleep(&pause, NULL);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < j.n_faults; i++) {
		say(arg, j.faults[i]);
		free(j.faults[i]);
	}
	return j.lists;
}
