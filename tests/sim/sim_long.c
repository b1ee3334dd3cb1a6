// SPDX-License-Identifier: MIT
/*
 * sim_long.c - random networks without end: at least HOURS of virtual time and SEEDS seeds
 *
 *	sim_long HOURS SEEDS [FROM [STEP]]	seeds FROM, FROM + STEP, ... (1, 1)
 *
 * Called by `make sim-long`.  Prints what went wrong with its seed (sim_tcp --trace SEED shows it), each thousand seeds
 * how far it is, and the longest silence of a connection.  Runs are done by a child, so that a crash ends only one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/sim/sim_random.h"

enum { BATCH = 50, BAD_MAX = 100 };

/* What the child has done so far; the parent reads it when the child is gone. */
struct tally {
	uint64_t seed; /* under way */
	uint64_t n_runs, n_bad, n_carried, n_lost;
	double alive_s; /* virtual time from the first SYN to the end of the later side */
	double silence_s;
	uint64_t silence_seed;
};

static struct run run;

static void one(struct tally *t, uint64_t seed)
{
	struct network n = sim_random(seed);
	double seconds;
	const char *wrong = simulate(&run, &n, seed, false, &seconds);
	double silence_s = (double)run.silence_us / 1e6;

	if (wrong) {
		printf("not ok - seed %" PRIu64 ": %s\n", seed, wrong);
		t->n_bad++;
	}
	t->n_runs++;
	t->alive_s += (double)(run.progress_us - SIM_SECOND) / 1e6;
	for (size_t i = 0; i < 2; i++) {
		t->n_carried += run.line->impair.n_carried[i];
		t->n_lost += run.line->impair.n_lost[i];
	}
	if (!n.hostile && silence_s > t->silence_s) {
		t->silence_s = silence_s;
		t->silence_seed = seed;
	}
}

/* Returns the seed to go on with. */
static uint64_t batch(struct tally *t, uint64_t seed, uint64_t step)
{
	int status;
	pid_t child = fork();

	if (child < 0) {
		perror("sim_long: fork");
		exit(2);
	}
	if (child == 0) {
		for (unsigned i = 0; i < BATCH; i++) {
			t->seed = seed + i * step;
			one(t, t->seed);
		}
		fflush(stdout);
		_exit(0);
	}
	while (waitpid(child, &status, 0) != child)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		printf("not ok - seed %" PRIu64 ": it ends with status %d\n", t->seed, status);
		t->n_bad++;
		t->n_runs++;
	}
	return t->seed + step;
}

static void report(const struct tally *t)
{
	printf("# %" PRIu64 " seeds, %.2f hours, %" PRIu64 " frames carried, %" PRIu64
	       " lost; longest silence %.1f s (seed %" PRIu64 "); %" PRIu64 " bad\n",
	       t->n_runs, t->alive_s / 3600, t->n_carried, t->n_lost, t->silence_s, t->silence_seed, t->n_bad);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: sim_long HOURS SEEDS [FROM [STEP]]\n");
		return 2;
	}
	double hours = strtod(argv[1], NULL);
	uint64_t seeds = strtoull(argv[2], NULL, 10), next = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	uint64_t step = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
	struct tally *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED || !step) {
		fprintf(stderr, "sim_long: no memory, or a step of 0\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((t->n_runs < seeds || t->alive_s < hours * 3600) && t->n_bad < BAD_MAX) {
		uint64_t before = t->n_runs / 1000;

		next = batch(t, next, step);
		if (t->n_runs / 1000 != before)
			report(t);
	}
	report(t);
	return t->n_bad ? 1 : 0;
}
