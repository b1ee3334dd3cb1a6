// SPDX-License-Identifier: MIT
/*
 * dpdk.c - open and close: EAL, workers, ports, in this order
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "dataplane/dpdk/dpdk_state.h"

static struct dpdk the_one;

/*
 * The caller's thread, and those that it starts later on (resolver, reports, lists), stay off the workers' cores when there are
 * others: a worker that is preempted holds up every session it has.
 */
static void leave_workers_cores(const struct dpdk *d)
{
	cpu_set_t rest = d->cores;

	for (unsigned i = 0; i < d->n_workers; i++)
		CPU_CLR(d->workers[i].core, &rest);
	if (CPU_COUNT(&rest) > 0)
		pthread_setaffinity_np(pthread_self(), sizeof(rest), &rest);
}

static bool open_all(struct dpdk *d, const struct settings *s, struct text *error)
{
	if (d->tsc_hz) {
		text_puts(error, "DPDK cannot be started twice in a process");
		return false;
	}
	if (s->n_ports == 0) {
		text_puts(error, "no port is configured; name one in ports");
		return false;
	}
	if (getrandom(d->rss_key, sizeof(d->rss_key), 0) != (ssize_t)sizeof(d->rss_key)) {
		text_puts(error, "the kernel gives no random octets");
		return false;
	}
	sched_getaffinity(0, sizeof(d->cores), &d->cores);
	d->n_ports = s->n_ports;
	d->n_workers = (uint16_t)s->server_workers;
	d->idle_sleep_us = (uint32_t)s->server_idle_sleep_us;
	if (!eal_start(d, s, error))
		return false;
	d->tsc_hz = rte_get_tsc_hz();
	d->tsc_start = rte_rdtsc();
	if (d->n_workers > CPU_COUNT(&d->cores))
		text_puts(&d->notes, "more workers than cores: some share one, which makes both slow\n");
	for (unsigned i = 0; i < d->n_workers; i++)
		if (!worker_init(d, i, s, error))
			return false;
	for (unsigned i = 0; i < d->n_ports; i++)
		if (!port_open(d, i, s, error))
			return false;
	leave_workers_cores(d);
	return true;
}

struct dpdk *dpdk_open(const struct settings *settings, char *error, size_t error_cap)
{
	struct dpdk *d = &the_one;
	struct text t;

	text_init(&t, error, error_cap);
	CHECK(settings->server_workers > 0 && settings->server_workers <= DPDK_WORKERS_MAX);
	text_init(&d->notes, d->notes_text, sizeof(d->notes_text));
	return open_all(d, settings, &t) ? d : NULL;
}

const char *dpdk_notes(const struct dpdk *d)
{
	return d->notes_text;
}

bool dpdk_polls(const struct dpdk *d)
{
	for (unsigned i = 0; i < d->n_ports; i++)
		if (!eal_is_pci(d->ports[i].settings->device))
			return false;
	return true;
}

unsigned dpdk_n_ports(const struct dpdk *d)
{
	return d->n_ports;
}

unsigned dpdk_n_workers(const struct dpdk *d)
{
	return d->n_workers;
}

/* A page that is first written to is first cleared: of 2 MiB on a virtual machine up to 20 ms, in the middle of a turn. */
static void prefault(uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i += 4096)
		*(volatile uint8_t *)(at + i) = 0;
}

void *dpdk_memory(struct dpdk *d, size_t size, bool now)
{
	void *at = d->hugepages ? rte_zmalloc("shard", size, 64) : NULL;

	if (at)
		return at;
	/* Fresh pages are zero; transparent hugepages spare the TLB where the kernel has some. */
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	madvise(at, size, MADV_HUGEPAGE);
	if (now)
		prefault(at, size);
	return at;
}

void dpdk_close(struct dpdk *d)
{
	dpdk_stop(d);
	for (unsigned i = 0; i < d->n_ports; i++)
		port_close(d, i);
	/* First all queues: what one worker was handed lies in another one's pool. */
	for (unsigned i = 0; i < d->n_workers; i++)
		burst_drain(&d->workers[i]);
	for (unsigned i = 0; i < d->n_workers; i++)
		worker_close(&d->workers[i]);
	rte_eal_cleanup();
}
