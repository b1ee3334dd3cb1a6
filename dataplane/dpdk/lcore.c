// SPDX-License-Identifier: MIT
/*
 * lcore.c - workers: one thread pinned to one core, in a loop over one shard
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "dataplane/dpdk/dpdk_state.h"

#define POOL_CACHE 256u
#define UNIX_REFRESH_US 1000000

/* --- the clock ----------------------------------------------------------------------------- */

uint64_t clock_us(const struct dpdk *d)
{
	uint64_t ticks = rte_rdtsc() - d->tsc_start;

	/* In two steps, as ticks times a million would pass 64 bits after some hours. */
	return ticks / d->tsc_hz * 1000000 + ticks % d->tsc_hz * 1000000 / d->tsc_hz;
}

static uint64_t wall_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t dpdk_clock_us(void *arg)
{
	return clock_us(arg);
}

void dpdk_now(const struct dpdk *d, uint64_t *now_us, uint64_t *unix_us)
{
	*now_us = clock_us(d);
	*unix_us = wall_clock_us();
}

/* --- the loop ------------------------------------------------------------------------------ */

static void nap(const struct dpdk_worker *w, uint64_t now_us)
{
	uint64_t most_us = w->d->idle_sleep_us, deadline_us = w->user->deadline_us(w->arg);

	if (deadline_us <= now_us)
		return;
	if (deadline_us - now_us < most_us)
		most_us = deadline_us - now_us;
	struct timespec t = { .tv_nsec = (long)most_us * 1000 }; /* idle_sleep_us is 10 ms at most */

	nanosleep(&t, NULL);
}

static void loop(struct dpdk_worker *w)
{
	uint64_t unix_offset_us = 0, unix_next_us = 0;
	unsigned n_idle = 0;

	while (!atomic_load_explicit(&w->d->stop, memory_order_relaxed)) {
		uint64_t now_us = clock_us(w->d);

		if (now_us >= unix_next_us) {
			unix_offset_us = wall_clock_us() - now_us;
			unix_next_us = now_us + UNIX_REFRESH_US;
		}
		bool received = burst_receive(w, now_us);
		bool busy = w->user->tick(w->arg, now_us, now_us + unix_offset_us, !received) || received;

		busy |= burst_send(w, now_us);
		if (busy)
			n_idle = 0;
		else if (++n_idle >= DPDK_IDLE_TURNS && w->d->idle_sleep_us)
			nap(w, now_us);
	}
}

/* SIGTERM and the like are the control thread's; the real-time signals that net_tap raises are ours (eal.c). */
static void set_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
		sigdelset(&set, i);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void *worker_main(void *arg)
{
	struct dpdk_worker *w = arg;

	set_signals();
	/* The former makes the packet pool's per-core cache ours. */
	if (rte_thread_register() != 0 || (w->user->begin && !w->user->begin(w->arg))) {
		atomic_store(&w->state, DPDK_WORKER_FAILED);
		return NULL;
	}
	atomic_store(&w->state, DPDK_WORKER_RUNNING);
	loop(w);
	if (w->user->end)
		w->user->end(w->arg);
	rte_thread_unregister();
	return NULL;
}

/* --- set-up -------------------------------------------------------------------------------- */

/* The @n-th core that this process may run on, counted round. */
static uint16_t core_at(const cpu_set_t *cores, uint64_t n)
{
	uint64_t left = n % (uint64_t)CPU_COUNT(cores);

	for (uint16_t core = 0; core < CPU_SETSIZE; core++)
		if (CPU_ISSET(core, cores) && left-- == 0)
			return core;
	return 0;
}

/* Room for the largest MTU, the headers' spare room, and what net_next() wants in front. */
static uint16_t buffer_size(const struct settings *s)
{
	unsigned most = RTE_MBUF_DEFAULT_DATAROOM;

	for (unsigned i = 0; i < s->n_ports; i++)
		if (s->ports[i].mtu + NET_FRAME_ROOM + 32u > most)
			most = s->ports[i].mtu + NET_FRAME_ROOM + 32u;
	return (uint16_t)(RTE_PKTMBUF_HEADROOM + most);
}

bool worker_init(struct dpdk *d, unsigned index, const struct settings *s, struct text *error)
{
	struct dpdk_worker *w = &d->workers[index];
	unsigned n = (unsigned)(s->limits_mbufs * s->n_ports);
	char name[32];

	w->d = d;
	w->index = (uint16_t)index;
	w->core = core_at(&d->cores, s->server_first_core + index);
	snprintf(name, sizeof(name), "buffers-%u", index);
	w->pool = rte_pktmbuf_pool_create(name, n, RTE_MIN(POOL_CACHE, n / 4), 0, buffer_size(s), SOCKET_ID_ANY);
	if (!w->pool) {
		text_puts(error, "no memory for ");
		text_dec(error, n);
		text_puts(error, " packet buffers a worker (");
		text_puts(error, rte_strerror(rte_errno));
		text_puts(error, "); lower limits.mbufs or reserve more hugepages");
		return false;
	}
	if (d->n_workers == 1)
		return true;
	snprintf(name, sizeof(name), "hand-%u", index);
	w->hand = rte_ring_create(name, DPDK_HAND_MAX, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!w->hand)
		text_puts(error, "no memory for the queues between workers; lower server.workers");
	return w->hand != NULL;
}

void worker_close(struct dpdk_worker *w)
{
	rte_ring_free(w->hand);
	rte_mempool_free(w->pool);
}

bool dpdk_run(struct dpdk *d, unsigned worker, const struct dpdk_user *user, void *arg, char *error, size_t error_cap)
{
	struct dpdk_worker *w = &d->workers[worker];
	const struct timespec moment = { .tv_nsec = 200000 };
	pthread_attr_t attr;
	cpu_set_t core;
	char name[16];

	CHECK(worker < d->n_workers && atomic_load(&w->state) == DPDK_WORKER_NEW);
	w->user = user;
	w->arg = arg;
	w->stats = user->stats ? user->stats(arg) : &w->own_stats;
	atomic_store(&w->state, DPDK_WORKER_STARTING);
	CPU_ZERO(&core);
	CPU_SET(w->core, &core);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(core), &core);
	int rc = pthread_create(&w->thread, &attr, worker_main, w);

	pthread_attr_destroy(&attr);
	if (rc != 0) {
		atomic_store(&w->state, DPDK_WORKER_NEW);
		snprintf(error, error_cap, "worker %u cannot be started on core %u (%s)", worker, w->core,
			 strerror(rc));
		return false;
	}
	snprintf(name, sizeof(name), "worker-%u", worker);
	pthread_setname_np(w->thread, name);
	while (atomic_load(&w->state) == DPDK_WORKER_STARTING)
		nanosleep(&moment, NULL);
	if (atomic_load(&w->state) == DPDK_WORKER_RUNNING)
		return true;
	pthread_join(w->thread, NULL);
	atomic_store(&w->state, DPDK_WORKER_NEW);
	snprintf(error, error_cap,
		 "worker %u did not begin: DPDK takes no more threads, lower server.workers; or the kernel refused its "
		 "profile of system calls, see server.seccomp",
		 worker);
	return false;
}

void dpdk_stop(struct dpdk *d)
{
	atomic_store(&d->stop, true);
	for (unsigned i = 0; i < d->n_workers; i++) {
		if (atomic_load(&d->workers[i].state) != DPDK_WORKER_RUNNING)
			continue;
		pthread_join(d->workers[i].thread, NULL);
		atomic_store(&d->workers[i].state, DPDK_WORKER_NEW);
	}
}
