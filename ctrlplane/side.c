// SPDX-License-Identifier: MIT
/*
 * side.c - a thread beside the control thread, for work that waits for a disk
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/side.h"

enum { BATCH = 1024 /* messages between two turns */ };

static void *run(void *arg)
{
	struct side *s = arg;
	struct pollfd wake = { .fd = s->wake, .events = POLLIN };

	for (;;) {
		bool ending = atomic_load(&s->ending);
		uint64_t n_woken;
		void *m;
		int n = 0;

		for (; n < BATCH && (m = ring_get(&s->in)); n++)
			s->work.take(s->work.arg, m);
		int wait_ms = s->work.turn(s->work.arg);
		if (n == BATCH)
			continue;
		if (ending)
			return NULL;
		if (poll(&wake, 1, wait_ms) > 0 && read(s->wake, &n_woken, sizeof(n_woken)) < 0 && errno != EAGAIN)
			return NULL; /* an eventfd that cannot be read is a fault of ours */
	}
}

bool side_start(struct side *s, const struct side_work *work)
{
	sigset_t all, before;

	*s = (struct side){ .work = *work, .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	ring_init(&s->in, s->slots[0], SIDE_RING_N);
	ring_init(&s->out, s->slots[1], SIDE_RING_N);
	if (s->wake < 0)
		return false;
	/* Signals are the control thread's, but for that of a system call that is refused (confine.h). */
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->running = pthread_create(&s->thread, NULL, run, s) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!s->running)
		close(s->wake);
	return s->running;
}

static void wake(struct side *s)
{
	const uint64_t one = 1;

	if (write(s->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		CHECK(!"an eventfd takes no number");
}

void side_stop(struct side *s)
{
	if (!s->running)
		return;
	atomic_store(&s->ending, true);
	wake(s);
	pthread_join(s->thread, NULL);
	close(s->wake);
	s->running = false;
}

bool side_put(struct side *s, void *message)
{
	if (!ring_put(&s->in, message))
		return false;
	wake(s);
	return true;
}

void *side_get(struct side *s)
{
	return ring_get(&s->out);
}

void side_say(struct side *s, void *message)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (!ring_put(&s->out, message)) {
		CHECK(!atomic_load(&s->ending)); /* a ring's worth of answers is more than can be asked for */
		nanosleep(&pause, NULL);
	}
}
