// SPDX-License-Identifier: MIT
/*
 * sim_tcp.c - two TCPs over networks that lose, repeat, hold back, damage and queue
 *
 *	sim_tcp                       each network with some seeds, and random networks
 *	sim_tcp SEED [NUMBER]         one run of each network with that seed; of that number with a trace of what happened
 *	sim_tcp --random FROM COUNT   random networks with the seeds FROM .. FROM + COUNT - 1
 *	sim_tcp --trace SEED          one random network, and what happened in it
 */
#include "tests/sim/sim_found.h"
#include "tests/sim/sim_random.h"

/* clang-format off */
static const struct {
	unsigned n_seeds;
	struct network net;
} networks[] = {
	/* seeds, { name, { harm }, users } */
	{ 4, { "a good network", { .delay_us = 10000 },
	    .octets = { MIB, MIB }, .receive_max = 262144, .send_max = 262144, .blocks = 1024, .mss = 1460 } },
	{ 12, { "1 % loss", { .loss = 1000, .delay_us = 10000 },
	    .octets = { MIB, MIB }, .receive_max = 262144, .send_max = 262144, .blocks = 1024, .mss = 1460 } },
	{ 12, { "3 % loss, jitter", { .loss = 3000, .delay_us = 10000, .jitter_us = 2000 },
	    .octets = { MIB, MIB }, .receive_max = 262144, .send_max = 262144, .blocks = 1024, .mss = 1460 } },
	{ 60, { "10 % loss, 2 % repeated, 5 % held back, 2 % corrupt", { .loss = 10000, .repeat = 2000, .corrupt = 2000, .hold = 5000, .delay_us = 5000, .jitter_us = 1000, .hold_us = 20000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 30, { "30 % held back", { .repeat = 5000, .hold = 30000, .delay_us = 2000, .hold_us = 10000 },
	    .octets = { MIB / 4, MIB / 4 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 260, { "slow readers, small windows", { .loss = 2000, .repeat = 1000, .corrupt = 500, .hold = 2000, .delay_us = 2000, .jitter_us = 500, .hold_us = 5000 },
	    .octets = { MIB / 16, MIB / 16 }, .receive_max = 8000, .send_max = 20000, .blocks = 512, .mss = 1460, .reader_max = 700 } },
	{ 100, { "a window below the MSS", { .loss = 3000, .delay_us = 1000 },
	    .octets = { MIB / 64, MIB / 64 }, .receive_max = 1000, .send_max = 4000, .blocks = 512, .mss = 1460, .reader_max = 100 } },
	{ 60, { "hardly any memory", { .loss = 2000, .repeat = 1000, .hold = 3000, .delay_us = 2000, .hold_us = 8000 },
	    .octets = { MIB / 16, MIB / 16 }, .receive_max = 65535, .send_max = 65535, .blocks = 12, .mss = 1460, .reader_max = 900 } },
	{ 40, { "small segments", { .loss = 3000, .repeat = 1000, .corrupt = 500, .hold = 5000, .delay_us = 3000, .jitter_us = 1000, .hold_us = 10000 },
	    .octets = { MIB / 16, MIB / 16 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 216 } },
	{ 100, { "both open at once", { .loss = 8000, .repeat = 3000, .corrupt = 1000, .hold = 5000, .delay_us = 5000, .jitter_us = 3000, .hold_us = 20000 },
	    .octets = { MIB / 32, MIB / 32 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460, .simultaneous = true } },
	{ 100, { "half of everything lost", { .loss = 50000, .delay_us = 1000 },
	    .octets = { 20000, 20000 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 100, { "nothing to say", { .loss = 30000, .repeat = 10000, .corrupt = 5000, .hold = 10000, .delay_us = 1000, .jitter_us = 500, .hold_us = 10000 },
	    .octets = { 0, 0 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 60, { "only the server speaks", { .loss = 10000, .repeat = 2000, .corrupt = 1000, .hold = 5000, .delay_us = 1000, .jitter_us = 500, .hold_us = 10000 },
	    .octets = { 0, MIB / 16 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 20, { "loss in bursts", { .bad = 500, .good = 20000, .delay_us = 10000 },
	    .octets = { MIB / 4, MIB / 4 }, .receive_max = 262144, .send_max = 262144, .blocks = 1024, .mss = 1460 } },
	{ 8, { "a narrow link with a short queue", { .delay_us = 20000, .rate = 1250000, .queue_max = 40000 },
	    .octets = { MIB, 0 }, .receive_max = 1048576, .send_max = 1048576, .blocks = 2048, .mss = 1460 } },
	{ 8, { "a narrow link with a long queue", { .loss = 100, .delay_us = 20000, .rate = 1250000, .queue_max = 500000 },
	    .octets = { MIB, 0 }, .receive_max = 1048576, .send_max = 1048576, .blocks = 2048, .mss = 1460 } },
	{ 8, { "the same with NewReno", { .loss = 100, .delay_us = 20000, .rate = 1250000, .queue_max = 40000 },
	    .octets = { MIB, 0 }, .receive_max = 1048576, .send_max = 1048576, .blocks = 2048, .mss = 1460, .congestion = TCP_NEWRENO } },
	{ 20, { "neighbours in a rack, 30 us", { .loss = 500, .hold = 1000, .delay_us = 15, .hold_us = 100 },
	    .octets = { MIB / 2, MIB / 2 }, .receive_max = 262144, .send_max = 262144, .blocks = 1024, .mss = 1460 } },
	{ 20, { "a middlebox that takes SACK and timestamps away", { .strip = IMPAIR_STRIP_SACK | IMPAIR_STRIP_STAMPS, .loss = 2000, .delay_us = 5000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 262144, .send_max = 262144, .blocks = 512, .mss = 1460 } },
	{ 20, { "one that takes all options away", { .strip = 15, .loss = 2000, .delay_us = 5000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 262144, .send_max = 262144, .blocks = 512, .mss = 1460 } },
	{ 20, { "one that moves the numbers", { .shift = 1, .loss = 2000, .delay_us = 5000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 262144, .send_max = 262144, .blocks = 512, .mss = 1460 } },
	{ 20, { "one that moves the numbers, but not those of SACK", { .shift = 1, .shift_keeps_sack = 1, .loss = 2000, .delay_us = 5000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 262144, .send_max = 262144, .blocks = 512, .mss = 1460 } },
	{ 20, { "one that cuts and joins segments", { .split = 30000, .merge = 50000, .loss = 2000, .delay_us = 5000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 262144, .send_max = 262144, .blocks = 512, .mss = 1460 } },
	{ 20, { "half of the ACKs thinned out", { .thin = 50000, .loss = 1000, .delay_us = 10000, .rate = 1250000, .queue_max = 60000 },
	    .octets = { MIB / 4, 0 }, .receive_max = 262144, .send_max = 262144, .blocks = 512, .mss = 1460 } },
	{ 20, { "RSTs and SYNs in the window", { .inject_rst = 5000, .inject_syn = 5000, .loss = 1000, .delay_us = 5000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 10, { "a router with an MTU of 1300 that says so", { .mtu = 1300, .mtu_tell = 1, .loss = 500, .delay_us = 5000 },
	    .octets = { MIB / 4, MIB / 4 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 10, { "one that says nothing", { .mtu = 1300, .loss = 500, .delay_us = 5000 },
	    .octets = { MIB / 4, MIB / 4 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 20, { "segments cut short, headers and data damaged", { .truncate = 3000, .corrupt_header = 3000, .corrupt_data = 3000, .delay_us = 3000 },
	    .octets = { MIB / 8, MIB / 8 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460 } },
	{ 30, { "a dialogue of portions, with pauses", { .loss = 5000, .hold = 5000, .delay_us = 3000, .hold_us = 20000 },
	    .octets = { 30000, 30000 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460, .portion = 900, .pause_us = 300000 } },
	{ 60, { "forged headers", { .forge = 2000, .loss = 1000, .delay_us = 3000 },
	    .octets = { MIB / 16, MIB / 16 }, .receive_max = 65535, .send_max = 65535, .blocks = 512, .mss = 1460, .hostile = true } },
};
/* clang-format on */

#define N_NETWORKS (sizeof(networks) / sizeof(networks[0]))

static struct run run;

static void random_runs(uint64_t from, uint64_t count)
{
	uint64_t n_good = 0;
	double seconds, sum = 0;

	for (uint64_t seed = from; seed < from + count; seed++) {
		struct network n = sim_random(seed);
		const char *wrong = simulate(&run, &n, seed, false, &seconds);

		if (wrong)
			ok(false, "random network, seed %" PRIu64 ": %s", seed, wrong);
		n_good += !wrong;
		sum += seconds;
	}
	ok(n_good == count, "random networks: %" PRIu64 " runs of %" PRIu64 " end well", n_good, count);
	printf("# %.0f s of virtual time\n", sum);
}

static void trace_random(uint64_t seed)
{
	double seconds;
	struct network n = sim_random(seed);
	const char *wrong;

	sim_random_print(&n);
	wrong = simulate(&run, &n, seed, true, &seconds);
	ok(!wrong, "random network, seed %" PRIu64 ": %s", seed, wrong ? wrong : "good");
	printf("# %.3f s; longest silence %.3f s\n", seconds, (double)run.silence_us / 1e6);
}

static void some_seeds(size_t i)
{
	unsigned n_good = 0;
	double seconds, sum = 0, most = 0;

	for (uint64_t seed = 1; seed <= networks[i].n_seeds; seed++) {
		const char *wrong = simulate(&run, &networks[i].net, seed, false, &seconds);

		if (wrong)
			ok(false, "%s, seed %" PRIu64 ": %s", networks[i].net.name, seed, wrong);
		n_good += !wrong;
		sum += seconds;
		most = seconds > most ? seconds : most;
	}
	ok(n_good == networks[i].n_seeds, "%s: %u runs of %u end well", networks[i].net.name, n_good,
	   networks[i].n_seeds);
	printf("# mean %.3f s, most %.3f s\n", sum / networks[i].n_seeds, most);
}

int main(int argc, char **argv)
{
	double seconds;
	uint64_t digest;

	if (argc > 2 && strcmp(argv[1], "--trace") == 0) {
		trace_random(strtoull(argv[2], NULL, 10));
		return done();
	}
	if (argc > 3 && strcmp(argv[1], "--random") == 0) {
		random_runs(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
		return done();
	}
	for (size_t i = 0; argc > 1 && i < N_NETWORKS; i++) {
		const char *wrong = simulate(&run, &networks[i].net, strtoull(argv[1], NULL, 10),
					     argc > 2 && i == strtoull(argv[2], NULL, 10), &seconds);

		ok(!wrong, "%s: %s (%.3f s)", networks[i].net.name, wrong ? wrong : "good", seconds);
	}
	if (argc > 1)
		return done();
	for (size_t i = 0; i < N_NETWORKS; i++)
		some_seeds(i);
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		const char *wrong = simulate(&run, &found[i].net, found[i].seed, false, &seconds);

		ok(!wrong, "found: %s: %s (%.3f s)", found[i].net.name, wrong ? wrong : "good", seconds);
	}
	random_runs(1, 60);
	simulate(&run, &networks[3].net, 7, false, &seconds);
	digest = run.digest;
	simulate(&run, &networks[3].net, 7, false, &seconds);
	ok(digest == run.digest, "the same seed makes the same run, to the bit");
	return done();
}
