// SPDX-License-Identifier: MIT
/*
 * side.h - a thread beside the control thread, for work that waits for a disk
 *
 * The control thread answers DNS for all workers and must not wait: what touches a disk is done by a side thread. Two
 * rings join them; a message belongs to whoever has it, and is freed by the last.
 */
#ifndef SIDE_H
#define SIDE_H

#include <pthread.h>

#include "dataplane/base/ring.h"

#define SIDE_RING_N 16384 /* messages on their way in; as many out */

struct side_work {
	void (*take)(void *arg, void *message); /* one message; the taker's from now on */
	/* After some messages, or none: everything else there is to do.  Returns the longest time to the next call, ms. */
	int (*turn)(void *arg);
	void *arg;
};

struct side {
	struct side_work work;
	struct ring in, out;
	void *slots[2][SIDE_RING_N];
	int wake; /* eventfd */
	_Atomic bool ending;
	bool running;
	pthread_t thread;
};

/* Starts the thread; false: the system gives none. */
bool MUST_USE side_start(struct side *s, const struct side_work *work);

/* Takes all that waits, a last turn, then the thread ends.  Nothing to do when it was never started. */
void side_stop(struct side *s);

/* Control thread: to the side thread; false: the ring is full, the message still the caller's.  And what it said. */
bool MUST_USE side_put(struct side *s, void *message);
void *side_get(struct side *s);

/* Side thread: to the control thread.  Waits while the ring is full, as a slow reader is better than a lost answer. */
void side_say(struct side *s, void *message);

#endif
