// SPDX-License-Identifier: MIT
/*
 * stats.h - a shard's counters, from stats.def
 *
 * Plain integers, one struct a shard, written by that shard alone; the control
 * thread reads them as they are (a torn view across counters is fine).
 */
#ifndef BASE_STATS_H
#define BASE_STATS_H

#include <stdint.h>

struct stats {
#define STAT(name, sentence) uint64_t name;
#include "dataplane/base/stats.def"
#undef STAT
};

#endif
