// SPDX-License-Identifier: MIT
/*
 * core_probe.c - how far apart two cores are: nanoseconds that a cache line takes from one to the other
 *
 * usage: core_probe     between the first two cores; a figure to print beside any that two cores make
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 101, TURNS = 2000 };

static _Alignas(64) _Atomic int ball;

static void pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *other(void *arg)
{
	(void)arg;
	pin(1);
	for (int i = 0; i < ROUNDS * TURNS; i++) {
		while (atomic_load_explicit(&ball, memory_order_acquire) != 1)
			;
		atomic_store_explicit(&ball, 0, memory_order_release);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	static double ns[ROUNDS];
	pthread_t thread;

	pin(0);
	if (pthread_create(&thread, NULL, other, NULL) != 0)
		return 1;
	for (int r = 0; r < ROUNDS; r++) {
		struct timespec a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int i = 0; i < TURNS; i++) {
			atomic_store_explicit(&ball, 1, memory_order_release);
			while (atomic_load_explicit(&ball, memory_order_acquire) != 0)
				;
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns[r] = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (2 * TURNS);
	}
	pthread_join(thread, NULL);
	qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
	printf("machine.core_to_core.ns %.1f ns\n", ns[ROUNDS / 2]);
	return 0;
}
