// SPDX-License-Identifier: MIT
/*
 * bench_lists.h - one look-up among a million prefixes
 */
#ifndef BENCH_LISTS_H
#define BENCH_LISTS_H

/* Prints lists.prefix_lookup.ns (IPv4), lists.prefix6_lookup.ns and lists.load.s, of a million random prefixes each. */
void bench_lists(void);

#endif
