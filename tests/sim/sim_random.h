// SPDX-License-Identifier: MIT
/*
 * sim_random.h - networks that nobody thought of, by seed
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include "tests/sim/sim_world.h"

/* Below @most in one case of @of, else 0. */
static uint32_t sim_seldom(uint64_t *d, uint32_t of, uint32_t most)
{
	return sim_draw(d, of) ? 0 : sim_draw(d, most);
}

static void sim_random_boxes(struct impair_harm *h, uint64_t *d)
{
	h->strip = sim_seldom(d, 4, 16);
	h->shift = sim_seldom(d, 6, 2);
	h->shift_keeps_sack = h->shift && sim_seldom(d, 2, 2);
	h->bleach = sim_seldom(d, 4, 2);
	h->clear_urg = sim_seldom(d, 4, 2);
	h->split = sim_seldom(d, 4, 30000);
	h->merge = sim_seldom(d, 4, 60000);
	h->mtu = sim_draw(d, 8) ? 0 : 1280 + sim_draw(d, 221);
	h->mtu_tell = sim_draw(d, 2);
	/* Their numbers must not be the next ones when they arrive: only where nothing overtakes them, or is joined to
	 * what went before them. */
	if (!h->hold && !h->jitter_us && !h->merge) {
		h->inject_rst = sim_seldom(d, 4, 5000);
		h->inject_syn = sim_seldom(d, 4, 5000);
	}
}

static void sim_random_harm(struct impair_harm *h, uint64_t *d)
{
	*h = (struct impair_harm){
		.loss = sim_draw(d, 3) ? sim_draw(d, 10000) : 0,
		.repeat = sim_seldom(d, 3, 5000),
		.thin = sim_seldom(d, 4, 60000),
		.corrupt = sim_seldom(d, 3, 5000),
		.corrupt_header = sim_seldom(d, 6, 5000),
		.corrupt_data = sim_seldom(d, 6, 5000),
		.truncate = sim_seldom(d, 6, 5000),
		.hold = sim_seldom(d, 2, 30000),
		.bad = sim_seldom(d, 3, 1000),
		.good = 10000 + sim_draw(d, 50000),
		.burst_us = 1u << (12 + sim_draw(d, 8)),
		.delay_us = 1u << sim_draw(d, 18),
		.jitter_us = sim_seldom(d, 2, 20000),
		.hold_us = 1 + sim_draw(d, 50000),
		.rate = sim_draw(d, 2) ? 0 : 20000 + sim_draw(d, 1u << (15 + sim_draw(d, 8))),
		.queue_max = 5000 + sim_draw(d, 200000),
	};
}

static struct network sim_random(uint64_t seed)
{
	uint64_t dice = sim_dice(seed ^ 0x5eed), *d = &dice;
	struct network n = { .name = "a random network" };

	sim_random_harm(&n.harm, d);
	n.octets[0] = sim_draw(d, 300000);
	n.octets[1] = sim_draw(d, 100000);
	n.receive_max = 1000 + sim_draw(d, 1u << sim_draw(d, 20));
	n.send_max = 5000 + sim_draw(d, 1u << sim_draw(d, 20));
	n.blocks = 12 + sim_draw(d, 1000);
	n.reader_max = sim_draw(d, 3) ? 0 : 100 + sim_draw(d, 10000);
	n.mss = (uint16_t)(216 + sim_draw(d, 1245));
	n.congestion = sim_draw(d, 3) ? TCP_CUBIC : TCP_NEWRENO;
	n.portion = sim_draw(d, 3) ? 0 : 1 + sim_draw(d, 20000);
	n.pause_us = sim_seldom(d, 3, 1u << (10 + sim_draw(d, 12)));
	n.simultaneous = sim_draw(d, 8) == 0;
	sim_random_boxes(&n.harm, d);
	n.hostile = sim_draw(d, 8) == 0;
	if (n.hostile)
		n.harm.forge = 1 + sim_draw(d, 3000);
	return n;
}

__attribute__((unused)) static void sim_random_print(const struct network *n)
{
	char harm[1024];

	impair_text(&n->harm, harm, sizeof(harm));
	printf("# %s\n# octets %" PRIu32 " %" PRIu32 " receive_max %" PRIu32 " send_max %" PRIu32 " blocks %" PRIu32
	       " reader_max %" PRIu32 " mss %u%s%s portion %" PRIu32 " pause_us %" PRIu32 "%s\n",
	       harm, n->octets[0], n->octets[1], n->receive_max, n->send_max, n->blocks, n->reader_max, n->mss,
	       n->congestion == TCP_NEWRENO ? " newreno" : "", n->simultaneous ? " simultaneous" : "", n->portion,
	       n->pause_us, n->hostile ? " hostile" : "");
}

#endif
