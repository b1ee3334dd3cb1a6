// SPDX-License-Identifier: MIT
/*
 * sim_tcp.c - two TCPs over networks that lose, repeat, hold back, damage and queue
 *
 *	sim_tcp                       each network with some seeds, and random networks
 *	sim_tcp SEED [NUMBER]         one run of each network with that seed; of that number with a trace of what happened
 *	sim_tcp --random FROM COUNT   random networks with the seeds FROM .. FROM + COUNT - 1: for long runs, outside of tests
 */
#include "tests/sim/sim_world.h"

/* clang-format off */
static const struct {
	unsigned n_seeds;
	struct network net;
} networks[] = {
	/* seeds, { name, { harm },
	 *   octets, receive, send, blocks, reader, mss, simultaneous, check every, congestion control } */
	{ 4, { "a good network", { .delay_us = 10000 },
	    { MIB, MIB }, 262144, 262144, 1024, 0, 1460, false, 1, TCP_CUBIC } },
	{ 12, { "1 % loss", { .loss = 1000, .delay_us = 10000 },
	    { MIB, MIB }, 262144, 262144, 1024, 0, 1460, false, 1, TCP_CUBIC } },
	{ 12, { "3 % loss, jitter", { .loss = 3000, .delay_us = 10000, .jitter_us = 2000 },
	    { MIB, MIB }, 262144, 262144, 1024, 0, 1460, false, 1, TCP_CUBIC } },
	{ 60, { "10 % loss, 2 % repeated, 5 % held back, 2 % corrupt", { .loss = 10000, .repeat = 2000, .corrupt = 2000, .hold = 5000, .delay_us = 5000, .jitter_us = 1000, .hold_us = 20000 },
	    { MIB / 8, MIB / 8 }, 65535, 65535, 512, 0, 1460, false, 1, TCP_CUBIC } },
	{ 30, { "30 % held back", { .repeat = 5000, .hold = 30000, .delay_us = 2000, .hold_us = 10000 },
	    { MIB / 4, MIB / 4 }, 65535, 65535, 512, 0, 1460, false, 1, TCP_CUBIC } },
	{ 260, { "slow readers, small windows", { .loss = 2000, .repeat = 1000, .corrupt = 500, .hold = 2000, .delay_us = 2000, .jitter_us = 500, .hold_us = 5000 },
	    { MIB / 16, MIB / 16 }, 8000, 20000, 512, 700, 1460, false, 1, TCP_CUBIC } },
	{ 100, { "a window below the MSS", { .loss = 3000, .delay_us = 1000 },
	    { MIB / 64, MIB / 64 }, 1000, 4000, 512, 100, 1460, false, 1, TCP_CUBIC } },
	{ 60, { "hardly any memory", { .loss = 2000, .repeat = 1000, .hold = 3000, .delay_us = 2000, .hold_us = 8000 },
	    { MIB / 16, MIB / 16 }, 65535, 65535, 12, 900, 1460, false, 1, TCP_CUBIC } },
	{ 40, { "small segments", { .loss = 3000, .repeat = 1000, .corrupt = 500, .hold = 5000, .delay_us = 3000, .jitter_us = 1000, .hold_us = 10000 },
	    { MIB / 16, MIB / 16 }, 65535, 65535, 512, 0, 216, false, 1, TCP_CUBIC } },
	{ 100, { "both open at once", { .loss = 8000, .repeat = 3000, .corrupt = 1000, .hold = 5000, .delay_us = 5000, .jitter_us = 3000, .hold_us = 20000 },
	    { MIB / 32, MIB / 32 }, 65535, 65535, 512, 0, 1460, true, 1, TCP_CUBIC } },
	{ 100, { "half of everything lost", { .loss = 50000, .delay_us = 1000 },
	    { 20000, 20000 }, 65535, 65535, 512, 0, 1460, false, 1, TCP_CUBIC } },
	{ 100, { "nothing to say", { .loss = 30000, .repeat = 10000, .corrupt = 5000, .hold = 10000, .delay_us = 1000, .jitter_us = 500, .hold_us = 10000 },
	    { 0, 0 }, 65535, 65535, 512, 0, 1460, false, 1, TCP_CUBIC } },
	{ 60, { "only the server speaks", { .loss = 10000, .repeat = 2000, .corrupt = 1000, .hold = 5000, .delay_us = 1000, .jitter_us = 500, .hold_us = 10000 },
	    { 0, MIB / 16 }, 65535, 65535, 512, 0, 1460, false, 1, TCP_CUBIC } },
	{ 20, { "loss in bursts", { .bad = 500, .good = 20000, .delay_us = 10000 },
	    { MIB / 4, MIB / 4 }, 262144, 262144, 1024, 0, 1460, false, 1, TCP_CUBIC } },
	{ 8, { "a narrow link with a short queue", { .delay_us = 20000, .rate = 1250000, .queue_max = 40000 },
	    { MIB, 0 }, 1048576, 1048576, 2048, 0, 1460, false, 1, TCP_CUBIC } },
	{ 8, { "a narrow link with a long queue", { .loss = 100, .delay_us = 20000, .rate = 1250000, .queue_max = 500000 },
	    { MIB, 0 }, 1048576, 1048576, 2048, 0, 1460, false, 1, TCP_CUBIC } },
	{ 8, { "the same with NewReno", { .loss = 100, .delay_us = 20000, .rate = 1250000, .queue_max = 40000 },
	    { MIB, 0 }, 1048576, 1048576, 2048, 0, 1460, false, 1, TCP_NEWRENO } },
	{ 20, { "neighbours in a rack, 30 us", { .loss = 500, .hold = 1000, .delay_us = 15, .hold_us = 100 },
	    { MIB / 2, MIB / 2 }, 262144, 262144, 1024, 0, 1460, false, 1, TCP_CUBIC } },
};
/* clang-format on */

#define N_NETWORKS (sizeof(networks) / sizeof(networks[0]))

static struct run run;

/* A network that nobody thought of. */
static const char *random_run(uint64_t seed, double *seconds)
{
	struct sim_net dice;
	struct network n = { .name = "a random network" };

	sim_start(&dice, seed ^ 0x5eed, NULL, NULL);
	n.harm = (struct sim_harm){
		.loss = sim_draw(&dice, 3) ? sim_draw(&dice, 10000) : 0,
		.repeat = sim_draw(&dice, 3) ? 0 : sim_draw(&dice, 5000),
		.corrupt = sim_draw(&dice, 3) ? 0 : sim_draw(&dice, 5000),
		.hold = sim_draw(&dice, 2) ? 0 : sim_draw(&dice, 30000),
		.bad = sim_draw(&dice, 3) ? 0 : sim_draw(&dice, 1000),
		.good = 10000 + sim_draw(&dice, 50000),
		.delay_us = 1u << sim_draw(&dice, 18),
		.jitter_us = sim_draw(&dice, 2) ? 0 : sim_draw(&dice, 20000),
		.hold_us = 1 + sim_draw(&dice, 50000),
		.rate = sim_draw(&dice, 2) ? 0 : 20000 + sim_draw(&dice, 5000000),
		.queue_max = 5000 + sim_draw(&dice, 200000),
	};
	n.octets[0] = sim_draw(&dice, 300000);
	n.octets[1] = sim_draw(&dice, 100000);
	n.receive_max = 1000 + sim_draw(&dice, 1u << sim_draw(&dice, 20));
	n.send_max = 5000 + sim_draw(&dice, 1u << sim_draw(&dice, 20));
	n.blocks = 12 + sim_draw(&dice, 1000);
	n.reader_max = sim_draw(&dice, 3) ? 0 : 100 + sim_draw(&dice, 10000);
	n.mss = (uint16_t)(216 + sim_draw(&dice, 1245));
	n.congestion = sim_draw(&dice, 3) ? TCP_CUBIC : TCP_NEWRENO;
	return simulate(&run, &n, seed, false, seconds);
}

static void random_runs(uint64_t from, uint64_t count)
{
	uint64_t n_good = 0;
	double seconds, sum = 0;

	for (uint64_t seed = from; seed < from + count; seed++) {
		const char *wrong = random_run(seed, &seconds);

		if (wrong)
			ok(false, "random network, seed %" PRIu64 ": %s", seed, wrong);
		n_good += !wrong;
		sum += seconds;
	}
	ok(n_good == count, "random networks: %" PRIu64 " runs of %" PRIu64 " end well", n_good, count);
	printf("# %.0f s of virtual time\n", sum);
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
	random_runs(1, 60);
	simulate(&run, &networks[3].net, 7, false, &seconds);
	digest = run.digest;
	simulate(&run, &networks[3].net, 7, false, &seconds);
	ok(digest == run.digest, "the same seed makes the same run, to the bit");
	return done();
}
