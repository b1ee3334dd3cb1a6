// SPDX-License-Identifier: MIT
/*
 * oracle_main.c - every case to both stacks; they must answer alike, or the difference must be explained
 *
 *	oracle            compares
 *	oracle --show     prints all answers
 */
#include <stdlib.h>

#include "tests/oracle/oracle_cases.h"
#include "tests/oracle/oracle_explained.h"
#include "tests/tap.h"

#define N_CASES (sizeof(oracle_cases) / sizeof(oracle_cases[0]))
#define N_REASONS (sizeof(oracle_explained) / sizeof(oracle_explained[0]))
#define N_DIFFERENCES (sizeof(oracle_explained[0].differences) / sizeof(oracle_explained[0].differences[0]))

static struct oracle_record theirs[N_CASES], ours[N_CASES];
static bool seen[N_REASONS][N_DIFFERENCES];

/* @line: its number, or -1: what the user knows */
static bool explained(const char *name, int line, const char *their, const char *our)
{
	if (strcmp(their, our) == 0)
		return true;
	for (size_t i = 0; i < N_REASONS; i++) {
		const struct oracle_difference *d = oracle_explained[i].differences;

		for (size_t k = 0; k < N_DIFFERENCES && d[k].name; k++)
			if (strcmp(d[k].name, name) == 0 && d[k].line == line && strcmp(d[k].theirs, their) == 0 &&
			    strcmp(d[k].ours, our) == 0)
				return seen[i][k] = true;
	}
	return false;
}

static void compare(size_t i, bool show)
{
	const struct oracle_case *c = &oracle_cases[i];
	bool good = true;
	int n = 0;

	for (; n < ORACLE_LINES && c->lines[n]; n++)
		good &= explained(c->name, n, theirs[i].answers[n], ours[i].answers[n]);
	good &= explained(c->name, -1, theirs[i].user, ours[i].user);
	if (ok(good, "%s", c->name) && !show)
		return;
	for (n = 0; n < ORACLE_LINES && c->lines[n]; n++) {
		bool same = strcmp(theirs[i].answers[n], ours[i].answers[n]) == 0;

		printf("# %2d %-32s kernel: %-40s %s%s\n", n, c->lines[n], theirs[i].answers[n],
		       same ? "" : "ours: ", same ? "" : ours[i].answers[n]);
	}
	printf("# user %-30s kernel: %-40s ours: %s\n", "", theirs[i].user, ours[i].user);
}

int main(int argc, char **argv)
{
	const char *reason = NULL;

	if (!oracle_kernel(oracle_cases, N_CASES, theirs, &reason)) {
		ok(true, "# SKIP the kernel's TCP cannot be asked: %s", reason);
		return done();
	}
	for (size_t i = 0; i < N_CASES; i++) {
		oracle_ours(&oracle_cases[i], (unsigned)i, &ours[i]);
		compare(i, argc > 1 && strcmp(argv[1], "--show") == 0);
	}
	for (size_t i = 0; i < N_REASONS; i++)
		for (size_t k = 0; k < N_DIFFERENCES && oracle_explained[i].differences[k].name; k++)
			ok(seen[i][k], "explained: %s: %s", oracle_explained[i].differences[k].name,
			   oracle_explained[i].why);
	return done();
}
