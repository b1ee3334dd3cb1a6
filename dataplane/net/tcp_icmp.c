// SPDX-License-Identifier: MIT
/*
 * tcp_icmp.c - what routers and hosts say about segments of ours (RFC 1122 4.2.3.9, RFC 5927)
 *
 * Anybody can send such a message, so each must prove that it was caused by a segment of ours: the quoted sequence
 * number is in flight, and what else is quoted is what we sent.  None ends a connection that stands.
 */
#include "dataplane/net/tcp_conn.h"

enum { QUOTED_LEAST = 8 }; /* ports and sequence number: RFC 792 promises no more */

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void *find(const struct tcp *t, const struct tcp_path *path, struct span quoted, enum tcp_kind *kind)
{
	const uint8_t *q = quoted.at;
	const struct tcp_key key = {
		.local = path->local,
		.remote = path->remote,
		.local_port = (uint16_t)(q[0] << 8 | q[1]),
		.remote_port = (uint16_t)(q[2] << 8 | q[3]),
	};

	return tcp_table_find(&t->table, &key, kind);
}

/* The octets quoted behind the header are those that we sent, as far as they go. */
static bool octets_match(const struct tcp_conn *c, uint32_t seq, struct span octets)
{
	struct tcp_block *hint = NULL;
	uint8_t sent[128];

	if (octets.len > sizeof(sent))
		octets.len = sizeof(sent);
	if (octets.len > seq_past(seq, c->snd_end)) /* a FIN is no octet: behind it the router may have padded */
		octets.len = seq_past(seq, c->snd_end);
	if (octets.len == 0)
		return true;
	tcp_buffer_read(&c->snd, &hint, seq, octets.len, sent);
	return memcmp(sent, octets.at, octets.len) == 0;
}

/* RFC 5927 4.1: about something in flight; and what more than RFC 792's 8 octets is there must be right, too. */
static bool is_in_flight(const struct tcp_conn *c, struct span quoted)
{
	uint32_t seq = get32(quoted.at + 4);
	size_t header;

	if (seq_lt(seq, c->snd_una) || seq_ge(seq, c->snd_max))
		return false;
	if (quoted.len < TCP_HEADER)
		return true;
	header = (quoted.at[12] >> 4) * 4u;
	if (header < TCP_HEADER)
		return false;
	if (tcp_conn_opening(c)) /* a SYN: no octets, and its ACK field may be zero */
		return true;
	if (seq_gt(get32(quoted.at + 8), c->rcv_nxt))
		return false; /* we never acknowledged that */
	return quoted.len <= header || octets_match(c, seq, span_skip(quoted, header));
}

void tcp_too_big(struct tcp *t, const struct tcp_path *path, struct span quoted, uint32_t mtu, uint64_t now_us)
{
	enum tcp_kind kind = TCP_KIND_NONE;
	struct tcp_conn *c = quoted.len < QUOTED_LEAST ? NULL : find(t, path, quoted, &kind);

	if (kind != TCP_KIND_CONN || tcp_conn_opening(c) || !is_in_flight(c, quoted) ||
	    !tcp_mtu_lower(t, c, mtu, now_us))
		t->stats->tcp_too_big_ignored++;
	else
		t->stats->tcp_too_big++;
}

void tcp_unreachable(struct tcp *t, const struct tcp_path *path, struct span quoted, bool hard, uint64_t now_us)
{
	enum tcp_kind kind = TCP_KIND_NONE;
	void *record = quoted.len < QUOTED_LEAST ? NULL : find(t, path, quoted, &kind);
	struct tcp_conn *c = record;

	(void)now_us;
	if (kind == TCP_KIND_HALF && hard && tcp_half_unreachable(t, record, get32(quoted.at + 4))) {
		t->stats->tcp_unreachable++;
		return;
	}
	if (kind != TCP_KIND_CONN || !tcp_conn_opening(c) || !is_in_flight(c, quoted)) {
		t->stats->tcp_unreachable_ignored++;
		return;
	}
	t->stats->tcp_unreachable++;
	/* RFC 1122 4.2.3.9: routes come and go, so a soft error only says later why there was no answer. */
	if (hard)
		tcp_conn_fail(t, c, ERR_UNREACHABLE);
	else
		c->err = ERR_UNREACHABLE;
}
