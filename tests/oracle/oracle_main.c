// SPDX-License-Identifier: MIT
/*
 * oracle_main.c - every case to both stacks; they must answer alike, or the difference must be explained
 *
 *	oracle                      compares; some random cases as well
 *	oracle --show               prints all answers
 *	oracle --random FROM COUNT  random cases with the seeds FROM .. FROM + COUNT - 1; 1000 at most
 */
#include <stdlib.h>

#include "tests/oracle/oracle_cases.h"
#include "tests/oracle/oracle_explained.h"
#include "tests/oracle/oracle_random.h"
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

static void print_case(const struct oracle_case *c, const struct oracle_record *their, const struct oracle_record *our)
{
	for (unsigned n = 0; n < ORACLE_LINES && c->lines[n]; n++) {
		bool same = strcmp(their->answers[n], our->answers[n]) == 0;

		printf("# %2u %-32s kernel: %-40s %s%s\n", n, c->lines[n], their->answers[n],
		       same ? "" : "ours: ", same ? "" : our->answers[n]);
	}
	printf("# user %-30s kernel: %-40s ours: %s\n", "", their->user, our->user);
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
	print_case(c, &theirs[i], &ours[i]);
}

/* Random cases have no explained differences. */
static void random_cases(uint64_t from, size_t n)
{
	struct oracle_dice *dice = calloc(n, sizeof(*dice));
	struct oracle_case *cases = calloc(n, sizeof(*cases));
	struct oracle_record *their = calloc(n, sizeof(*their)), our;
	const char *reason;
	size_t n_same = 0;

	CHECK(dice && cases && their);
	for (size_t i = 0; i < n; i++)
		oracle_random(&dice[i], from + i, &cases[i]);
	if (!oracle_kernel(cases, N_CASES, n, their, &reason))
		ok(false, "the kernel can be asked again: %s", reason);
	for (size_t i = 0; i < n; i++) {
		memset(&our, 0, sizeof(our));
		oracle_ours(&cases[i], (unsigned)(N_CASES + i), &our);
		if (memcmp(&our, &their[i], sizeof(our)) == 0) {
			n_same++;
			continue;
		}
		printf("# seed %" PRIu64 "\n", from + i);
		print_case(&cases[i], &their[i], &our);
	}
	ok(n_same == n, "%zu random cases of %zu are answered alike", n_same, n);
	free(dice);
	free(cases);
	free(their);
}

enum { RANDOM_IN_TEST = 200, RANDOM_MAX = 1000 };

int main(int argc, char **argv)
{
	const char *reason = NULL;
	size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

	if (n > RANDOM_MAX) {
		fprintf(stderr, "oracle: %d at most\n", RANDOM_MAX);
		return 2;
	}

	if (!oracle_kernel(oracle_cases, 0, N_CASES, theirs, &reason)) {
		ok(true, "# SKIP the kernel's TCP cannot be asked: %s", reason);
		return done();
	}
	if (n) {
		random_cases(strtoull(argv[2], NULL, 10), n);
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
	random_cases(1, RANDOM_IN_TEST);
	return done();
}
