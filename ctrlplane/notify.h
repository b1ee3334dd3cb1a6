// SPDX-License-Identifier: MIT
/*
 * notify.h - what the service manager is told (sd_notify(3)): ready, reloading, ending, alive
 *
 * Without NOTIFY_SOCKET in the environment all of it does nothing.  Alive means more than that this thread runs: every
 * worker has made a turn since it was said last.  A service manager that hears nothing for WatchdogSec restarts us.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>

#include "ctrlplane/stats_export.h"

struct notify {
	uint64_t every_us; /* a third of WatchdogSec; 0: nobody waits for us */
	uint64_t next_us;
	uint64_t seen[STATS_WORKERS_MAX]; /* turns of each worker when all were last found alive */
};

void notify_begin(struct notify *n); /* reads the environment */
void notify_ready(const char *status);
void notify_reloading(uint64_t now_us);  /* then notify_ready(), whether it went well or not */
void notify_ending(uint64_t at_most_us); /* stopping may take so long */

/* Whether it is time for notify_alive(). */
bool notify_due(const struct notify *n, uint64_t now_us);

/**
 * notify_alive - say that we are alive, if all workers are
 * @turns: that each of @n_workers has made so far
 *
 * Returns @n_workers when it was said; else the first worker that has made no turn since it was said last.
 */
unsigned notify_alive(struct notify *n, uint64_t now_us, const uint64_t *turns, unsigned n_workers);

#endif
