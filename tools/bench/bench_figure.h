// SPDX-License-Identifier: MIT
/*
 * bench_figure.h - time spent, the median of rounds, and a figure as `name value unit`
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Of this thread on a processor. */
static inline double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static inline void say(const char *name, double value, const char *unit)
{
	printf("%s %.6g %s\n", name, value, unit);
}

#endif
