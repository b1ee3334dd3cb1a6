// SPDX-License-Identifier: MIT
/*
 * tcp_cookie.c - SYN cookies: a handshake that we remember nothing of (RFC 4987 3.6)
 */
#include "dataplane/net/tcp_conn.h"

/* What paths have: the least that we send, RFC 9293's 536, IPv6's 1220, tunnels and PPPoE, Ethernet. */
static const uint16_t mss_table[8] = { 216, 536, 1220, 1300, 1360, 1400, 1440, 1460 };
static const uint8_t wscale_table[8] = { TCP_WSCALE_NONE, 0, 2, 4, 6, 7, 8, 10 };

/* 32 bits for each handshake, others in each epoch. */
static uint32_t hash(const struct siphash_key *secret, const struct tcp_key *flow, uint32_t irs, uint64_t epoch)
{
	struct {
		uint64_t epoch;
		uint32_t irs;
		uint16_t local_port, remote_port;
		uint8_t addrs[32]; /* as long as the family has them, which tells the two apart */
	} in = { .epoch = epoch, .irs = irs, .local_port = flow->local_port, .remote_port = flow->remote_port };
	size_t n = flow->remote.family == IP_V4 ? 4 : 16;

	_Static_assert(sizeof(in) == 48, "no padding: hashed as octets");
	memcpy(in.addrs, flow->local.bytes, n);
	memcpy(in.addrs + n, flow->remote.bytes, n);
	return (uint32_t)siphash(secret, span_of(&in, sizeof(in) - sizeof(in.addrs) + 2 * n));
}

/* The largest that is not larger, so that nothing is promised in the peer's name. */
static uint32_t mss_index(uint16_t mss)
{
	uint32_t i = 7;

	while (i > 0 && mss_table[i] > mss)
		i--;
	return i;
}

static uint32_t wscale_index(uint8_t wscale)
{
	uint32_t i = 7;

	if (wscale == TCP_WSCALE_NONE)
		return 0;
	while (i > 1 && wscale_table[i] > wscale)
		i--;
	return i;
}

uint32_t tcp_cookie_make(const struct siphash_key *secret, const struct tcp_key *flow, uint32_t irs,
			 const struct tcp_cookie_said *said, uint64_t now_us)
{
	uint64_t epoch = now_us / TCP_COOKIE_EPOCH_US;
	uint32_t bits = mss_index(said->mss) << 5 | wscale_index(said->wscale) << 2 | (uint32_t)said->sack << 1;

	return ((hash(secret, flow, irs, epoch) ^ bits) & ~1u) | (epoch & 1);
}

bool tcp_cookie_read(const struct siphash_key *secret, const struct tcp_key *flow, uint32_t irs, uint32_t cookie,
		     struct tcp_cookie_said *said, uint64_t now_us)
{
	uint64_t epoch = now_us / TCP_COOKIE_EPOCH_US;
	uint32_t bits;

	if ((epoch & 1) != (cookie & 1)) {
		if (epoch == 0)
			return false;
		epoch--;
	}
	bits = hash(secret, flow, irs, epoch) ^ cookie;
	if (bits >> 8)
		return false;
	*said = (struct tcp_cookie_said){ .mss = mss_table[bits >> 5 & 7],
					  .wscale = wscale_table[bits >> 2 & 7],
					  .sack = bits >> 1 & 1 };
	return true;
}

/* --- in the handshake ---------------------------------------------------------------------- */

void tcp_cookie_answer(struct tcp *t, const struct tcp_key *key, uint16_t ifindex, const struct tcp_segment *s,
		       const uint32_t *iss_min, uint64_t now_us)
{
	const struct tcp_cookie_said said = {
		.mss = tcp_mss_bounded(t, &key->remote, s->options.mss, now_us),
		.wscale = s->options.wscale,
		.sack = s->options.sack_permitted,
	};
	uint32_t cookie = tcp_cookie_make(&t->cookies.key, key, s->seq, &said, now_us);

	if (!t->settings.syn_cookies || (iss_min && seq_le(cookie, *iss_min)))
		return; /* RFC 1122 4.2.2.13 wants a number beyond the old connection's: the SYN will come again */
	t->cookies.until_us = now_us + UINT64_C(2) * TCP_COOKIE_EPOCH_US;
	t->stats->tcp_cookies++;
	tcp_reply_syn_ack(t, key, ifindex, cookie, s->seq + 1, &s->options);
}

/* How many wrong ones may still be looked at in this second. */
static bool may_look(struct tcp_cookies *c, uint64_t now_us)
{
	uint32_t now_s = (uint32_t)(now_us / 1000000);

	if (c->bad_s != now_s) {
		c->bad_s = now_s;
		c->n_bad = 0;
	}
	return c->n_bad < TCP_COOKIES_BAD_PER_S;
}

struct tcp_conn *tcp_cookie_input(struct tcp *t, const struct tcp_key *key, uint16_t ifindex,
				  const struct tcp_segment *s, uint64_t now_us)
{
	struct tcp_half h = { .flow.key = *key, .ifindex = ifindex, .iss = s->ack - 1, .irs = s->seq - 1 };
	struct tcp_cookie_said said;

	/* Nobody can bring back what was not sent. */
	if (t->cookies.until_us <= now_us)
		return NULL;
	if (!may_look(&t->cookies, now_us)) {
		t->stats->tcp_cookies_limited++;
		return NULL;
	}
	if (!tcp_cookie_read(&t->cookies.key, key, h.irs, h.iss, &said, now_us)) {
		t->cookies.n_bad++;
		t->stats->tcp_cookies_bad++;
		return NULL;
	}
	h.mss = tcp_mss_bounded(t, &key->remote, said.mss, now_us);
	h.wscale = said.wscale;
	/* Timestamps need not be remembered: our offset is a function of the flow, and who offered them sends them. */
	h.options = (uint8_t)((said.sack ? CONN_SACK : 0) | (s->options.stamped ? CONN_STAMPS : 0));
	h.stamp = s->options.stamp;
	return tcp_half_established(t, &h, s, now_us);
}
