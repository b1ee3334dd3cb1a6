// SPDX-License-Identifier: MIT
/*
 * load_kernel_run.c - the generator's worker over the kernel's sockets
 */
#include "tools/load/load_kernel_run.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "tools/load/load_kernel.h"
#include "tools/load/load_sink.h"

static struct {
	struct load_kernel *kernel;
	struct load *load;
	unsigned core;
	_Atomic bool stop;
	pthread_t thread;
} worker;

static uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void pin(unsigned core)
{
	cpu_set_t allowed, one;
	unsigned n = 0;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed) && n++ == core)
			CPU_SET(i, &one);
	sched_setaffinity(0, sizeof(one), &one); /* of this thread; with no core of that number it stays where it is */
}

static void *work(void *arg)
{
	bool busy = true;

	(void)arg;
	pin(worker.core);
	while (!atomic_load_explicit(&worker.stop, memory_order_relaxed)) {
		load_kernel_wait(worker.kernel, busy ? 0 : 1);
		busy = load_tick(worker.load, clock_us(), 0, false);
	}
	return NULL;
}

struct load *load_kernel_start(struct load_settings *s, unsigned core, char *error, size_t error_cap)
{
	uint32_t n = s->connections + s->idle + (s->sink ? LOAD_SINK_MAX : 0);
	uint8_t seed[16];

	worker.kernel = load_kernel_open(n, s->sink);
	worker.core = core;
	if (!worker.kernel) {
		snprintf(error, error_cap, "no sockets: %s; is another program on the port of --sink?",
			 strerror(errno));
		return NULL;
	}
	s->wire = load_kernel_wire(worker.kernel);
	void *memory = aligned_alloc(64, load_memory(s, NULL));

	if (!memory) {
		snprintf(error, error_cap, "no memory for %u connections; lower --connections", n);
		return NULL;
	}
	memset(memory, 0, load_memory(s, NULL));
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return NULL;
	worker.load = load_init(memory, s, NULL, seed, clock_us());
	if (pthread_create(&worker.thread, NULL, work, NULL) == 0)
		return worker.load;
	snprintf(error, error_cap, "no thread for the worker; end other programs");
	return NULL;
}

void load_kernel_stop(void)
{
	atomic_store(&worker.stop, true);
	pthread_join(worker.thread, NULL);
}
