// SPDX-License-Identifier: MIT
/*
 * oracle_random.h - cases by seed: a peer that is not quite right
 *
 * What oracle_explained.h is about is left out: no FIN and no second copy behind a gap, no old stamp, no illegal options.
 * So are octets that reach beyond the peer's own FIN: the kernel ends the connection then, we pass over them (RFC 9293
 * 3.10.7.4, seventh: "ignore the segment text").
 */
#ifndef ORACLE_RANDOM_H
#define ORACLE_RANDOM_H

#include <inttypes.h>
#include <stdio.h>

#include "tests/oracle/oracle.h"

struct oracle_dice {
	uint64_t random;
	char text[ORACLE_LINES][64];
	unsigned n;
	uint32_t next;        /* the peer's number */
	uint32_t sent, acked; /* octets of the stack's user: all, and those the peer has acknowledged */
	uint32_t gap_at;
	bool gap, fin, closed;
};

static uint32_t oracle_draw(struct oracle_dice *d, uint32_t below)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return (uint32_t)((d->random * 0x2545f4914f6cdd1du) >> 33) % below;
}

__attribute__((format(printf, 2, 3))) static void oracle_line(struct oracle_dice *d, const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(d->text[d->n++], sizeof(d->text[0]), format, args);
	__builtin_va_end(args);
}

/* All that the user has sent, and his FIN, is acknowledged. */
static uint32_t oracle_ack_all(const struct oracle_dice *d)
{
	return 1 + d->sent + d->closed;
}

static void oracle_random_line(struct oracle_dice *d)
{
	uint32_t ack = 1 + d->acked, n = 1 + oracle_draw(d, 1400), most = oracle_ack_all(d) - ack;

	switch (oracle_draw(d, 16)) {
	case 0:
	case 1:
	case 2:
		if (d->fin || (d->gap && d->next + n > d->gap_at))
			break;
		oracle_line(d, "in P. %" PRIu32 "+%" PRIu32 " ack %" PRIu32, d->next, n, ack);
		d->next += n;
		break;
	case 3:
		if (d->gap || d->fin)
			break;
		oracle_line(d, "in . %" PRIu32 "+%" PRIu32 " ack %" PRIu32, d->next + 3000, n, ack);
		d->gap = true;
		d->gap_at = d->next + 3000;
		break;
	case 4:
		if (d->next > n)
			oracle_line(d, "in . %" PRIu32 "+%" PRIu32 " ack %" PRIu32, d->next - n, n, ack);
		break;
	case 5:
	case 6:
		if (d->sent - d->acked + n >
		    7000) /* all that is sent goes out: no ACK of it is of what was never sent */
			break;
		oracle_line(d, "send %" PRIu32, n);
		d->sent += d->closed ? 0 : n;
		break;
	case 7:
	case 8:
		d->acked += most ? 1 + oracle_draw(d, most) : 0;
		oracle_line(d, "in . %" PRIu32 " ack %" PRIu32, d->next + d->fin, 1 + d->acked);
		break;
	case 9:
		oracle_line(d, "close");
		d->closed = true;
		break;
	case 10:
		if (d->gap || d->fin)
			break;
		oracle_line(d, "in F. %" PRIu32 " ack %" PRIu32, d->next, ack);
		d->fin = true;
		break;
	case 11:
		oracle_line(d, "in R %" PRIu32, d->next + d->fin + 20000 + n);
		break;
	case 12: /* a new connection begins in TIME-WAIT */
		if (d->closed && d->fin)
			break;
		oracle_line(d, "in S %" PRIu32, d->next + d->fin + 20000 + n);
		break;
	case 13:
		oracle_line(d, "in . %" PRIu32 " ack %" PRIu32, d->next + d->fin, oracle_ack_all(d) + n);
		break;
	case 14: /* a window; while octets are in flight it could be a duplicate ACK, and how many of those are a loss is
		  * not asked here */
		if (most)
			break;
		oracle_line(d, "in . %" PRIu32 " ack %" PRIu32 " win %" PRIu32, d->next + d->fin, ack,
			    16000 * (1 + oracle_draw(d, 3)));
		break;
	default:
		oracle_line(d, "in P %" PRIu32 "+%" PRIu32, d->next + d->fin, n); /* without ACK */
		break;
	}
}

static void oracle_random(struct oracle_dice *d, uint64_t seed, struct oracle_case *c)
{
	static const char *const syns[] = { "in S 0 mss 1460", "in S 0 mss 1460 sackok", "in S 0 mss 1460 sackok ts 0",
					    "in S 0 mss 1460 ws 3" };

	*d = (struct oracle_dice){ .random = seed * 0x9e3779b97f4a7c15u + 88172645463325252u, .next = 1 };
	oracle_line(d, "%s", syns[oracle_draw(d, 4)]);
	oracle_line(d, "in . 1 ack 1");
	while (d->n < 14)
		oracle_random_line(d);
	c->name = "random";
	for (unsigned i = 0; i < d->n; i++)
		c->lines[i] = d->text[i];
}

#endif
