// SPDX-License-Identifier: MIT
/*
 * sim_throughput.c - how fast 2 MB come over: loss by round trip by buffer, compared with a table that is kept
 *
 *	sim_throughput            compares with tests/sim/throughput.golden; a cell may be slower by a fifth, not more
 *	sim_throughput --write    writes that file anew
 *
 * Virtual time: the figures are the same on every machine, and change only with what TCP does.
 */
#include <stdio.h>

#include "tests/sim/sim_world.h"

static const char golden[] = "tests/sim/throughput.golden";
static const uint32_t losses[] = { 0, 100, 1000, 3000, 10000 }; /* of 100 000 */
static const uint32_t rtts_ms[] = { 2, 20, 100, 200 };
static const uint32_t buffers[] = { 65536, 524288, 4194304 };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum { SEEDS = 4, OCTETS = 2000000 };

static struct run run;
static uint64_t n_again, n_needless; /* segments sent again, and those that came twice; of runs with at most 3 % loss */

/* kB/s, mean over some seeds; 0: a run went wrong */
static uint32_t cell(uint32_t loss, uint32_t rtt_ms, uint32_t buffer)
{
	const struct network n = {
		.name = "table",
		.harm = { .loss = loss, .delay_us = rtt_ms * 500 },
		.octets = { OCTETS, 0 },
		.receive_max = buffer,
		.send_max = buffer,
		.blocks = 16384,
		.mss = 1460,
		.check_every = 500,
	};
	unsigned n_seeds = loss ? SEEDS : 1;
	double sum = 0, seconds;

	for (uint64_t seed = 1; seed <= n_seeds; seed++) {
		if (simulate(&run, &n, seed, false, &seconds))
			return 0;
		sum += seconds;
		if (loss <= 3000) {
			n_again += run.sides[0].stats.tcp_retransmits;
			n_needless += run.sides[0].stats.tcp_dsacks;
		}
	}
	return (uint32_t)(OCTETS / 1000.0 / (sum / n_seeds));
}

static void message_of_25_mb(void)
{
	const struct network n = {
		.name = "25 MB, 100 ms",
		.harm = { .delay_us = 50000 },
		.octets = { 25000000, 0 },
		.receive_max = 4194304,
		.send_max = 4194304,
		.blocks = 16384,
		.mss = 1460,
		.check_every = 5000,
	};
	double seconds = 0;
	const char *wrong = simulate(&run, &n, 1, false, &seconds);

	/* nine round trips of slow start, then 4 MiB in each */
	ok(!wrong && seconds < 2, "25 MB at an RTT of 100 ms fill the window of 4 MiB: %.2f s%s", seconds,
	   wrong ? wrong : "");
}

int main(int argc, char **argv)
{
	bool write = argc > 1 && strcmp(argv[1], "--write") == 0;
	FILE *f = fopen(golden, write ? "w" : "r");
	char head[128] = "";

	if (!f) {
		ok(false, "%s cannot be opened", golden);
		return done();
	}
	if (write)
		fprintf(f, "loss/100000 RTT/ms buffer kB/s\n");
	else if (!fgets(head, sizeof(head), f))
		ok(false, "%s is empty", golden);
	for (size_t l = 0; l < COUNT(losses); l++) {
		for (size_t r = 0; r < COUNT(rtts_ms); r++) {
			for (size_t b = 0; b < COUNT(buffers); b++) {
				uint32_t is = cell(losses[l], rtts_ms[r], buffers[b]), at[3], was = 0;

				if (write) {
					fprintf(f, "%u %u %u %u\n", losses[l], rtts_ms[r], buffers[b], is);
					continue;
				}
				bool found = fscanf(f, "%u %u %u %u", &at[0], &at[1], &at[2], &was) == 4 &&
					     at[0] == losses[l] && at[1] == rtts_ms[r] && at[2] == buffers[b];
				ok(found && is && is >= was / 5 * 4,
				   "loss %.1f %%, RTT %u ms, buffer %u KiB: %u kB/s (%u in the table)",
				   losses[l] / 1000.0, rtts_ms[r], buffers[b] / 1024, is, was);
			}
		}
	}
	fclose(f);
	ok(n_needless * 20 <= n_again,
	   "where nothing overtakes anything hardly a segment is sent again for nothing (%" PRIu64 " of %" PRIu64 ")",
	   n_needless, n_again);
	message_of_25_mb();
	return done();
}
