// SPDX-License-Identifier: MIT
/*
 * tcp_in.c - a segment arrives (RFC 9293 3.10.7; the steps have the numbers of that section)
 */
#include "dataplane/net/tcp_conn.h"
#include "dataplane/net/tcp_stamp.h"
#include "dataplane/net/tcp_window.h"

void tcp_challenge(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	uint16_t now_s = (uint16_t)(now_us / 1000000);

	if (c->challenge_s != now_s) {
		c->challenge_s = now_s;
		c->n_challenges = 0;
	}
	if (c->n_challenges >= TCP_CHALLENGES_PER_S) {
		t->stats->tcp_challenges_limited++;
		return;
	}
	c->n_challenges++;
	t->stats->tcp_challenges++;
	c->flags |= CONN_ACK_NOW;
	tcp_conn_ready(t, c);
}

/* 3.10.7.3 SYN-SENT */
static void syn_sent_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us)
{
	bool ack = s->flags & TCP_ACK;

	/* first: the ACK; before our SYN went out (snd_max is still ISS) none can be right */
	if (ack && (seq_le(s->ack, c->snd_una) || seq_gt(s->ack, c->snd_max))) {
		tcp_reply_reset(t, &c->flow.key, c->ifindex, s, now_us);
		return;
	}
	/* second: RST, which must acknowledge our SYN (RFC 5961 3.2) */
	if (s->flags & TCP_RST) {
		if (ack) {
			t->stats->tcp_rsts_in++;
			tcp_conn_fail(t, c, ERR_RESET);
		}
		return;
	}
	/* fourth: SYN; octets and FIN that come with it are left to be sent again */
	if (!(s->flags & TCP_SYN))
		return;
	c->rcv_nxt = s->seq + 1;
	c->rcv_adv = c->rcv_nxt + tcp_window_syn(t);
	c->mss = tcp_mss_bounded(t, &c->flow.key.remote, s->options.mss, now_us);
	tcp_conn_options(t, c, &s->options);
	if (ack) {
		t->stats->tcp_connected++;
		c->flags |= CONN_ACK_NOW;
		tcp_conn_established(t, c, s, TCP_EVENT_CONNECTED, now_us);
		return;
	}
	c->state = TCP_SYN_RECEIVED; /* simultaneous open */
	c->flags |= CONN_RESEND;
	tcp_conn_ready(t, c);
}

/* The test of 3.4, but the right edge itself is good for a segment of length 0: a peer that has filled our window
 * sends its ACKs from there. */
static bool acceptable(const struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t len = tcp_segment_len(s);

	if (len == 0)
		return seq_ge(s->seq, c->rcv_nxt) && seq_le(s->seq, c->rcv_adv);
	return seq_lt(s->seq, c->rcv_adv) && seq_gt(s->seq + len, c->rcv_nxt);
}

/* Second: RST.  RFC 5961 3.2: only the exact number is believed. */
static void reset_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us)
{
	if (s->seq != c->rcv_nxt) {
		if (seq_gt(s->seq, c->rcv_nxt) && seq_lt(s->seq, c->rcv_adv))
			tcp_challenge(t, c, now_us);
		return;
	}
	t->stats->tcp_rsts_in++;
	/* After both FINs there is nothing to be told but that it is over, if all our octets arrived. */
	if ((c->state == TCP_CLOSING || c->state == TCP_LAST_ACK) && seq_ge(c->snd_una, c->snd_end))
		tcp_conn_closed(t, c, now_us);
	else
		tcp_conn_fail(t, c, ERR_RESET);
}

static void ack_at_once(struct tcp *t, struct tcp_conn *c)
{
	c->flags |= CONN_ACK_NOW;
	tcp_conn_ready(t, c);
}

/* Likewise, and where one is owed already one more, up to @most besides the first: on a path that loses segments one ACK
 * for all of a burst is too few. */
static void ack_besides(struct tcp *t, struct tcp_conn *c, uint16_t most)
{
	if (c->flags & CONN_ACK_NOW && c->options & CONN_GAPS && c->flow.spare < most)
		c->flow.spare++;
	ack_at_once(t, c);
}

static void ack_delayed(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	/* RFC 9293 3.8.6.3: every second segment; the user's reply may carry it, since only tcp_next() sends. */
	if (c->ack_segments < UINT8_MAX)
		c->ack_segments++;
	if (c->ack_segments >= 2) {
		if (c->ack_segments % 2 == 0)
			ack_besides(t, c, 1);
	} else if (!c->ack_deadline_us) {
		c->ack_deadline_us = now_us + TCP_ACK_DELAY_US;
		tcp_timer_want(t, c, c->ack_deadline_us);
	}
}

/* Octets in order.  Returns false when there is no memory for them. */
static bool take_in_order(struct tcp *t, struct tcp_conn *c, struct span data, uint64_t now_us)
{
	size_t n_blocks = (data.len + TCP_BLOCK_ROOM - 1) / TCP_BLOCK_ROOM;

	/* Octets in order let the peer go on; those behind a gap it will send again (RFC 2018 8). */
	if (tcp_blocks_free(&t->blocks, 0) < n_blocks)
		tcp_ooo_clear(&c->ooo, &t->blocks);
	if (tcp_blocks_free(&t->blocks, 0) < n_blocks) {
		t->stats->tcp_receive_no_memory++;
		return false;
	}
	c->flow.spare = 0; /* duplicates of an ACK that is new now would look like a loss (RFC 5681 3.2) */
	if (!c->ooo.table) {
		/* The usual case: lent to the user as it is; what he leaves is copied by tcp_input_end(), for which
		 * the blocks are promised now. */
		t->borrower = c;
		t->borrowed = data;
		t->borrowed_seq = c->rcv_nxt;
		t->blocks.n_promised = n_blocks;
		c->rcv_nxt += (uint32_t)data.len;
		c->rcv_queued += (uint32_t)data.len;
		ack_delayed(t, c, now_us);
	} else {
		uint32_t from = c->rcv_nxt;

		CHECK(tcp_buffer_append(&c->rcv, &t->blocks, from, data, n_blocks) == data.len);
		c->rcv_nxt += (uint32_t)data.len;
		c->rcv_nxt += tcp_ooo_take(&c->ooo, &t->blocks, c->rcv_nxt, &c->rcv);
		c->rcv_queued += c->rcv_nxt - from;
		ack_besides(t, c, 1); /* RFC 5681 4.2: a gap is filled, in whole or in part */
	}
	tcp_window_tune(t, c, now_us);
	tcp_conn_event(t, c, TCP_EVENT_READABLE);
	return true;
}

static void take_out_of_order(struct tcp *t, struct tcp_conn *c, uint32_t seq, struct span data)
{
	size_t n_blocks_max = t->settings.receive_max / TCP_BLOCK_ROOM + TCP_OOO_RUNS;
	struct tcp_sack_block known;

	t->stats->tcp_out_of_order++;
	if (!tcp_ooo_insert(&c->ooo, &t->blocks, seq, data, n_blocks_max, &known))
		t->stats->tcp_out_of_order_dropped++;
	if (known.start != known.end)
		c->dsack = known;
	/* RFC 5681 4.2: a duplicate ACK for each.  A peer with SACK reads from any of them all that is missing. */
	c->options |= CONN_GAPS;
	ack_besides(t, c, c->options & CONN_SACK ? 1 : UINT16_MAX);
}

/* Eighth: FIN, once all before it is here. */
static void peer_fin(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	c->rcv_nxt++;
	c->flags &= (uint16_t)~CONN_FIN_KNOWN;
	tcp_ooo_clear(&c->ooo, &t->blocks); /* beyond a FIN there is nothing: whoever sent it lied */
	ack_at_once(t, c);
	tcp_conn_event(t, c, TCP_EVENT_PEER_CLOSED);
	if (c->state == TCP_ESTABLISHED) {
		c->state = TCP_CLOSE_WAIT;
	} else if (c->state == TCP_FIN_WAIT_1) {
		c->state = TCP_CLOSING;
	} else {
		uint32_t snd_nxt = c->snd_max, rcv_nxt = c->rcv_nxt;

		CHECK(c->state == TCP_FIN_WAIT_2);
		tcp_conn_time_wait(t, c, now_us);
		tcp_reply_ack(t, &c->flow.key, c->ifindex, snd_nxt, rcv_nxt, 0,
			      c->options & CONN_STAMPS ? &c->stamp_recent : NULL);
	}
}

/* The peer's FIN stands at @seq.  The first claim counts.  Octets that it sent from there on contradict it: they go,
 * or rcv_nxt would run past the FIN and never see it. */
static void note_fin(struct tcp *t, struct tcp_conn *c, uint32_t seq)
{
	if (c->flags & CONN_FIN_KNOWN)
		return;
	c->flags |= CONN_FIN_KNOWN;
	c->options &= (uint8_t)~CONN_ECHO_ONCE;
	c->rcv_fin = seq;
	if (c->ooo.n_runs && seq_gt(tcp_ooo_table(&c->ooo)->runs[c->ooo.n_runs - 1].end, seq)) {
		t->stats->tcp_out_of_order_dropped++;
		tcp_ooo_clear(&c->ooo, &t->blocks);
	}
}

/* Octets that came before: our ACK of them was lost. */
static void ack_of_old(struct tcp *t, struct tcp_conn *c)
{
	c->options |= CONN_GAPS;
	ack_besides(t, c, 1);
}

/* Seventh and eighth: octets and FIN. */
static void text_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint64_t now_us)
{
	struct span data = s->data;
	uint32_t seq = s->seq, old = seq_past(seq, c->rcv_nxt), room;
	bool fin = s->flags & TCP_FIN;

	if (c->state != TCP_ESTABLISHED && c->state != TCP_FIN_WAIT_1 && c->state != TCP_FIN_WAIT_2)
		return; /* the peer has closed already: there cannot be more */
	if (old) {
		/* Had it before: our ACK was lost, so another one must not wait. */
		c->dsack = (struct tcp_sack_block){ seq, seq + (uint32_t)(old < data.len ? old : data.len) };
		data = span_skip(data, old < data.len ? old : data.len);
		seq = c->rcv_nxt;
		ack_of_old(t, c);
	}
	room = c->rcv_adv - seq;
	if (data.len + fin > room) {
		fin = false;
		data.len = data.len < room ? data.len : room;
		ack_at_once(t, c);
	}
	if (fin)
		note_fin(t, c, seq + (uint32_t)data.len);
	if (c->flags & CONN_FIN_KNOWN && data.len > seq_past(seq, c->rcv_fin))
		data.len = seq_past(seq, c->rcv_fin); /* nothing follows a FIN */
	if (data.len && seq != c->rcv_nxt)
		take_out_of_order(t, c, seq, data);
	else if (data.len && !take_in_order(t, c, data, now_us))
		return;
	if (c->flags & CONN_FIN_KNOWN) {
		if (c->rcv_nxt == c->rcv_fin)
			peer_fin(t, c, now_us);
		else
			ack_at_once(t, c);
	}
}

/* Octets that are not taken, most often since they came before (RFC 2883 4: told so).  A bare ACK that is old says
 * nothing, and needs no answer: it was overtaken by another one. */
static void old_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t end = s->seq + (uint32_t)s->data.len;

	if (tcp_segment_len(s) == 0)
		return;
	if (s->data.len && seq_le(end, c->rcv_nxt) && seq_ge(s->seq, c->rcv_nxt - t->settings.receive_max))
		c->dsack = (struct tcp_sack_block){ s->seq, end };
	ack_of_old(t, c);
}

void tcp_conn_input(struct tcp *t, struct tcp_conn *c, struct tcp_segment *s, uint64_t now_us)
{
	if (c->state == TCP_SYN_SENT) {
		syn_sent_input(t, c, s, now_us);
		return;
	}
	/* Simultaneous open: the peer's SYN-ACK repeats the SYN that we have; take the rest of it. */
	if (c->state == TCP_SYN_RECEIVED && s->flags & TCP_SYN && s->seq + 1 == c->rcv_nxt) {
		s->flags &= (uint8_t)~TCP_SYN;
		s->seq++;
		/* RFC 7323 2.2: not scaled with a SYN, but the rest is taken as scaled. */
		s->wnd = (uint16_t)(s->wnd >> c->snd_wscale);
	}
	/* Octets of now or of lately: the peer is not done yet.  (The wheel fires for the old deadline and sees this.) */
	if (c->state == TCP_FIN_WAIT_2 && s->data.len && seq_lt(s->seq, c->rcv_adv) &&
	    seq_ge(s->seq, c->rcv_nxt - t->settings.receive_max))
		c->idle_deadline_us = now_us + TCP_FIN_WAIT_2_US;
	/* RFC 7323 5.3 R1 */
	if (tcp_stamp_is_old(c, s)) {
		t->stats->tcp_paws++;
		old_input(t, c, s);
		return;
	}
	/* first: sequence number */
	if (!acceptable(c, s)) {
		if (s->flags & TCP_RST)
			return;
		tcp_stamp_again(c, s);
		if (c->rcv_adv != c->rcv_nxt || s->seq != c->rcv_nxt || s->flags & TCP_SYN) {
			/* Octets are answered always, bare ACKs seldom: else two ends could answer each other for ever. */
			if (s->data.len && !(s->flags & TCP_SYN))
				old_input(t, c, s);
			else
				tcp_challenge(t, c, now_us);
			return;
		}
		/* A zero-window probe: its ACK counts, its octet does not (3.10.7.4). */
		s->data.len = 0;
		s->flags &= (uint8_t)~TCP_FIN;
		ack_at_once(t, c);
	}
	c->flags &= (uint16_t)~CONN_KEEP_SENT; /* it lives */
	if (s->flags & TCP_RST) {
		reset_input(t, c, s, now_us);
		return;
	}
	/* fourth: SYN (RFC 5961 4.2) */
	if (s->flags & TCP_SYN) {
		tcp_challenge(t, c, now_us);
		return;
	}
	/* fifth: ACK */
	if (!(s->flags & TCP_ACK) || !tcp_ack_input(t, c, s, now_us))
		return;
	tcp_stamp_input(c, s); /* not before the ACK was found good: who guesses must not move TS.Recent */
	/* sixth: URG is not looked at (RFC 6093); seventh, eighth */
	if (s->data.len || s->flags & TCP_FIN)
		text_input(t, c, s, now_us);
}

/* LISTEN and CLOSED: 3.10.7.2, 3.10.7.1 */
static void stray_input(struct tcp *t, const struct tcp_ahead *a, uint16_t ifindex, struct tcp_segment *s,
			const uint32_t *iss_min, uint64_t now_us)
{
	const struct tcp_key *key = &a->key;
	uint8_t kind = s->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
	struct tcp_conn *c = NULL;

	if ((kind & ~TCP_FIN) == TCP_ACK && tcp_listening(t, key->local_port))
		c = tcp_cookie_input(t, key, ifindex, s, now_us);
	if (c) {
		tcp_conn_input(t, c, s, now_us);
		tcp_dcheck_conn(t, c);
		return;
	}
	t->stats->tcp_strays += kind != TCP_SYN;
	if (!tcp_listening(t, key->local_port) || kind & TCP_ACK)
		tcp_reply_reset(t, key, ifindex, s, now_us);
	else if (kind == TCP_SYN)
		tcp_half_open(t, a, ifindex, s, iss_min, now_us);
	/* Else it goes without an answer (3.10.7.2, fourth); so does a SYN with a FIN, which nobody sends in earnest. */
}

/* The flow of @segment, whose ports are there. */
static struct tcp_key key_of(const struct tcp_path *path, struct span segment)
{
	const uint8_t *at = segment.at;

	return (struct tcp_key){
		.local = path->local,
		.remote = path->remote,
		.remote_port = (uint16_t)(at[0] << 8 | at[1]),
		.local_port = (uint16_t)(at[2] << 8 | at[3]),
	};
}

bool tcp_ahead_pays(const struct tcp *t)
{
	return t->conns.n_used + t->halves.n_used + t->waits.n_used > TCP_AHEAD_LEAST;
}

bool tcp_ahead_bucket(const struct tcp *t, const struct tcp_path *path, struct span segment, struct tcp_ahead *a)
{
	if (segment.len < TCP_HEADER)
		return false;
	a->key = key_of(path, segment);
	a->hash = tcp_table_hash(&t->table, &a->key);
	tcp_table_fetch_bucket(&t->table, a->hash);
	return true;
}

void tcp_ahead_key(const struct tcp *t, const struct tcp_ahead *a)
{
	tcp_table_fetch_key(&t->table, a->hash);
}

void tcp_ahead_record(const struct tcp *t, const struct tcp_ahead *a)
{
	tcp_table_fetch_record(&t->table, &a->key, a->hash);
}

void tcp_input(struct tcp *t, const struct tcp_path *path, struct span segment, uint64_t now_us)
{
	struct tcp_ahead a;

	if (tcp_ahead_bucket(t, path, segment, &a)) {
		tcp_input_ahead(t, path, segment, &a, now_us);
	} else {
		t->stats->tcp_segments_in++;
		t->stats->tcp_bad_headers++;
	}
}

void tcp_input_ahead(struct tcp *t, const struct tcp_path *path, struct span segment, const struct tcp_ahead *a,
		     uint64_t now_us)
{
	const struct tcp_key *key = &a->key;
	struct tcp_segment s;
	enum tcp_kind kind;
	uint32_t iss_min;

	tcp_input_end(t, now_us); /* of the segment before, if the caller forgot */
	t->stats->tcp_segments_in++;
	if (tcp_segment_parse(segment, &s) || s.source == 0 || s.destination == 0) {
		t->stats->tcp_bad_headers++;
		return;
	}
	if (!path->checksum_good && !tcp_segment_sum_good(&path->remote, &path->local, segment)) {
		t->stats->tcp_bad_checksums++;
		return;
	}
	void *record = tcp_table_find_hashed(&t->table, key, a->hash, &kind);
	switch (kind) {
	case TCP_KIND_CONN:
		break;
	case TCP_KIND_HALF:
		record = tcp_half_input(t, record, &s, now_us);
		if (!record)
			return;
		break;
	case TCP_KIND_WAIT:
		if (tcp_wait_input(t, record, path->ifindex, &s, &iss_min, now_us))
			stray_input(t, a, path->ifindex, &s, &iss_min, now_us);
		return;
	case TCP_KIND_NONE:
	case TCP_KINDS:
		stray_input(t, a, path->ifindex, &s, NULL, now_us);
		return;
	}
	tcp_conn_input(t, record, &s, now_us);
	tcp_dcheck_conn(t, record);
}

void tcp_input_end(struct tcp *t, uint64_t now_us)
{
	struct tcp_conn *c = t->borrower;

	(void)now_us;
	if (!c)
		return;
	size_t n = tcp_buffer_append(&c->rcv, &t->blocks, t->borrowed_seq, t->borrowed, t->blocks.n_promised);
	CHECK(n == t->borrowed.len);
	t->borrower = NULL;
	t->borrowed.len = 0;
	t->blocks.n_promised = 0;
}
