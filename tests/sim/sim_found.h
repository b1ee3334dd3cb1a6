// SPDX-License-Identifier: MIT
/*
 * sim_found.h - runs of `make sim-long` that went wrong once: network and seed as they were, and why
 */
#ifndef SIM_FOUND_H
#define SIM_FOUND_H

#include "tests/sim/sim_world.h"

/* clang-format off */
static const struct {
	uint64_t seed;
	struct network net;
} found[] = {
	/* Segments that fill a window below the MSS vanish in a black hole: they were taken for small ones. */
	{ 3191, { "a black hole and a window below the MSS",
	    { .repeat = 3695, .bad = 989, .good = 27169, .burst_us = 16384, .thin = 2342, .corrupt = 2131, .delay_us = 16384,
	      .jitter_us = 18570, .hold_us = 35428, .queue_max = 46526, .mtu = 1349, .merge = 48691 },
	    .octets = { 219337, 27068 }, .receive_max = 1343, .send_max = 5000, .blocks = 76, .mss = 1372, .simultaneous = true,
	    .pause_us = 134900 } },
	/* A retransmission's ACK was taken without its window: both sides sent beyond the other's, and refused each other's
	 * ACKs from then on. */
	{ 5771, { "octets both ways in disorder, hardly any memory",
	    { .good = 30548, .burst_us = 262144, .corrupt = 504, .corrupt_data = 1759, .delay_us = 1, .jitter_us = 8831,
	      .hold_us = 45417, .rate = 1595112, .queue_max = 41000, .mtu_tell = 1, .strip = 8, .merge = 36781 },
	    .octets = { 248458, 67563 }, .receive_max = 30870, .send_max = 265297, .blocks = 15, .reader_max = 8403, .mss = 804,
	    .simultaneous = true } },
	/* The last segment was not quite full, and too large all the same. */
	{ 30076, { "a black hole and a last segment below the MSS",
	    { .loss = 6822, .repeat = 1696, .hold = 10390, .good = 16199, .burst_us = 4096, .thin = 21049, .corrupt = 378, .delay_us = 2,
	      .hold_us = 33253, .rate = 83263, .queue_max = 136988, .mtu = 1466, .shift = 1 },
	    .octets = { 221812, 97084 }, .receive_max = 14192, .send_max = 40267, .blocks = 463, .mss = 1459, .pause_us = 534567 } },
};
/* clang-format on */

#endif
