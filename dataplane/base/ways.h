// SPDX-License-Identifier: MIT
/*
 * ways.h - how many buckets a set-associative table has
 *
 * A row may lie in any place of one bucket, which the low bits of its hash choose: a look-up reads one bucket, and what is
 * full is that bucket, whose least wanted row makes room.
 */
#ifndef WAYS_H
#define WAYS_H

#include <stddef.h>

/* The least power of two of buckets with @ways places each that hold @rows. */
static inline size_t buckets_for(size_t rows, size_t ways)
{
	size_t n = 1;

	while (n * ways < rows)
		n *= 2;
	return n;
}

#endif
