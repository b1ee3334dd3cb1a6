// SPDX-License-Identifier: MIT
/*
 * tcp_mtu.c - how large a segment the path takes (RFC 1191, RFC 8201; black holes as in RFC 8899 4.3)
 *
 * What is known of a path is kept for ten minutes by destination (RFC 1191 6.3), in a small table whose sets are chosen
 * by a keyed hash.  Only a message about octets in flight (tcp_icmp.c), or octets that arrived once they were sent
 * smaller, make an entry.
 *
 * A connection does not grow back: mail is sent in one go, and the next connection after those ten minutes tries the
 * full size again, which is a probe at the time when nothing is lost by it.
 */
#include "dataplane/net/tcp_conn.h"

/* Least MTU of IPv6 (RFC 8200 5): a lower one is not believed (RFC 8201 4). */
enum { IP4_HEADER = 20, IP6_HEADER = 40, IP6_MTU_MIN = 1280 };

/* Common MTUs below which a black hole may lie (RFC 1191 7.1): FDDI, PPPoE, tunnels, the least of IPv6 and IPv4. */
static const uint16_t steps[] = { 4352, 1492, 1400, IP6_MTU_MIN, 576 };

static uint32_t headers_of(uint8_t family)
{
	return (family == IP_V6 ? IP6_HEADER : IP4_HEADER) + TCP_HEADER;
}

/* The least packet that we send, whoever asks for a smaller one. */
static uint32_t mtu_least(const struct tcp *t, uint8_t family)
{
	return family == IP_V6 ? IP6_MTU_MIN : t->settings.mss_min + headers_of(family);
}

/* --- what is known ------------------------------------------------------------------------- */

static struct tcp_mtu *set_of(struct tcp_mtus *m, const struct ip_addr *remote)
{
	return m->sets[siphash(&m->key, span_of(remote, sizeof(*remote))) % TCP_MTU_SETS];
}

uint32_t tcp_mtu_known(struct tcp *t, const struct ip_addr *remote, uint64_t now_us)
{
	if (t->mtus.until_us <= now_us)
		return UINT32_MAX; /* the usual case: nothing is known of any path */
	const struct tcp_mtu *set = set_of(&t->mtus, remote);

	for (unsigned i = 0; i < TCP_MTU_WAYS; i++)
		if (set[i].until_us > now_us && ip_addr_eq(&set[i].remote, remote))
			return set[i].mtu;
	return UINT32_MAX;
}

void tcp_mtu_note(struct tcp *t, const struct ip_addr *remote, uint32_t mtu, uint64_t now_us)
{
	struct tcp_mtu *set = set_of(&t->mtus, remote), *oldest = set;

	if (mtu > UINT16_MAX)
		return;
	for (unsigned i = 0; i < TCP_MTU_WAYS; i++) {
		if (ip_addr_eq(&set[i].remote, remote)) {
			if (set[i].until_us > now_us && set[i].mtu < mtu)
				return;
			oldest = &set[i];
			break;
		}
		if (set[i].until_us < oldest->until_us)
			oldest = &set[i];
	}
	t->mtus.until_us = now_us + TCP_MTU_US;
	*oldest = (struct tcp_mtu){ .remote = *remote, .mtu = (uint16_t)mtu, .until_us = t->mtus.until_us };
}

uint16_t tcp_mss_bounded(struct tcp *t, const struct ip_addr *remote, uint16_t peer_mss, uint64_t now_us)
{
	uint32_t ours = remote->family == IP_V6 ? t->settings.mss6 : t->settings.mss4;
	uint32_t mss = peer_mss ? peer_mss : remote->family == IP_V6 ? MSS_UNSAID_6 : MSS_UNSAID_4;
	uint32_t known = tcp_mtu_known(t, remote, now_us) - headers_of(remote->family);

	mss = mss < ours ? mss : ours;
	mss = mss < known ? mss : known;
	return (uint16_t)(mss < t->settings.mss_min ? t->settings.mss_min : mss);
}

/* --- what is learned ----------------------------------------------------------------------- */

/* Octets of data in a packet of @mtu. */
static uint32_t data_of(const struct tcp_conn *c, uint32_t mtu)
{
	return mtu - headers_of(c->flow.key.remote.family) - (c->options & CONN_STAMPS ? TCP_STAMP_LEN : 0);
}

/* Returns false when @c sends no packets larger than @mtu. */
static bool lower(struct tcp_conn *c, uint32_t mtu)
{
	uint32_t mss = data_of(c, mtu);

	if (mss >= c->mss)
		return false;
	c->mss = (uint16_t)mss;
	return true;
}

bool tcp_mtu_lower(struct tcp *t, struct tcp_conn *c, uint32_t mtu, uint64_t now_us)
{
	const struct ip_addr *remote = &c->flow.key.remote;
	uint32_t least = mtu_least(t, remote->family);

	mtu = mtu < least ? least : mtu;
	if (!lower(c, mtu))
		return false;
	tcp_mtu_note(t, remote, mtu, now_us);
	/* All in flight was as big: send it again, smaller.  No sign of congestion, so cwnd stays (RFC 1191 6.5). */
	tcp_conn_go_back(t, c);
	c->flags &= (uint16_t) ~(CONN_RTT_TIMING | CONN_RESEND);
	tcp_rto_restart(t, c, now_us);
	tcp_conn_ready(t, c);
	return true;
}

/* What a step below the least of IPv6 takes: a segment as large as there are any, or patience, since few paths are so
 * narrow, and after an outage of a few seconds it would be remembered for ten minutes that this one is. */
static bool may_step(const struct tcp_conn *c, uint16_t mtu, bool full)
{
	return mtu >= IP6_MTU_MIN || full || c->retries >= 2 * TCP_BLACK_HOLE_RTOS;
}

void tcp_mtu_black_hole(struct tcp *t, struct tcp_conn *c)
{
	uint8_t family = c->flow.key.remote.family;
	uint32_t flight = seq_past(c->snd_una, seq_min(c->snd_max, c->snd_end));
	uint32_t most = c->mss < c->snd_wnd ? c->mss : c->snd_wnd;
	uint32_t first = flight < most ? flight : most; /* octets in the segment that does not arrive */

	/* A line that loses one in ten loses three in a row now and then: a full segment that passed says it is that. */
	if (c->retries < (c->options & CONN_PASSES ? TCP_BLACK_HOLE_RTOS_PASSED : TCP_BLACK_HOLE_RTOS))
		return;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i] < mtu_least(t, family))
			break;
		/* If small segments are lost as well the path is dead, not narrow. */
		if (data_of(c, steps[i]) < first && may_step(c, steps[i], first == most) && lower(c, steps[i])) {
			t->stats->tcp_black_holes++;
			c->options |= CONN_NARROWED;
			return;
		}
	}
}

void tcp_mtu_proven(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	uint32_t stamps = c->options & CONN_STAMPS ? TCP_STAMP_LEN : 0;

	c->options &= (uint8_t)~CONN_NARROWED;
	tcp_mtu_note(t, &c->flow.key.remote, c->mss + stamps + headers_of(c->flow.key.remote.family), now_us);
}
