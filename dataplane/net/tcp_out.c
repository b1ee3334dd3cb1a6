// SPDX-License-Identifier: MIT
/*
 * tcp_out.c - what to send
 *
 * Connections that may have something to send wait in t->ready.  tcp_next() takes segments from the first one until it
 * has nothing left, so its memory is touched once in a burst; cwnd and the peer's window bound how long that takes.
 */
#include "dataplane/net/tcp_cc.h"
#include "dataplane/net/tcp_conn.h"
#include "dataplane/net/tcp_score.h"
#include "dataplane/net/tcp_stamp.h"
#include "dataplane/net/tcp_window.h"

/* Where the segment goes. */
struct out {
	uint8_t *at;
	size_t cap;
	bool offload;
	struct tcp_path *path;
	uint64_t now_us;
};

/* A stretch of sequence numbers to send. */
struct piece {
	uint32_t seq;
	uint32_t len; /* octets of data */
	bool fin;     /* and a FIN after them */
	bool probe;   /* beyond the window: does not count as sent */
};

static size_t finish(struct tcp *t, const struct out *o, const struct tcp_key *key, uint16_t ifindex, size_t len)
{
	tcp_segment_sum_fill(&key->local, &key->remote, o->at, len, o->offload);
	*o->path = (struct tcp_path){ .local = key->local, .remote = key->remote, .ifindex = ifindex };
	t->stats->tcp_segments_out++;
	return len;
}

static size_t send_reply(struct tcp *t, const struct out *o)
{
	const struct tcp_reply *r = &t->replies[t->reply_head++ % TCP_REPLIES];
	struct tcp_segment s = {
		.source = r->key.local_port,
		.destination = r->key.remote_port,
		.seq = r->seq,
		.ack = r->ack,
		.flags = r->flags,
		.wnd = r->wnd,
		.options = TCP_OPTIONS_NONE,
	};

	if (r->flags & TCP_SYN) { /* a cookie (tcp_cookie.c) */
		s.options.mss = r->key.remote.family == IP_V6 ? t->settings.mss6 : t->settings.mss4;
		s.options.wscale = r->wscale == TCP_WSCALE_NONE ? TCP_WSCALE_NONE : t->rcv_wscale;
		s.options.sack_permitted = r->sack;
	}
	if (r->stamped) {
		s.options.stamped = true;
		s.options.stamp = tcp_stamp_clock(o->now_us) + tcp_stamp_offset(t, &r->key);
		s.options.stamp_echo = r->stamp_echo;
	}
	return finish(t, o, &r->key, r->ifindex, tcp_segment_emit(o->at, &s));
}

static size_t send_syn_ack(struct tcp *t, struct tcp_half *h, const struct out *o)
{
	struct tcp_segment s = tcp_half_answer(t, h, o->now_us);

	s.source = h->flow.key.local_port;
	s.destination = h->flow.key.remote_port;
	return finish(t, o, &h->flow.key, h->ifindex, tcp_segment_emit(o->at, &s));
}

static struct tcp_segment header(const struct tcp_conn *c, uint32_t seq, uint8_t flags, uint64_t now_us)
{
	struct tcp_segment s = {
		.source = c->flow.key.local_port,
		.destination = c->flow.key.remote_port,
		.seq = seq,
		.ack = flags & TCP_ACK ? c->rcv_nxt : 0,
		.flags = flags,
		.options = TCP_OPTIONS_NONE,
	};

	tcp_stamp_emit(c, &s.options, now_us);
	return s;
}

/* Octets that SACK blocks take in a segment with data.  An ACK that says what is missing must not be lost in one. */
static uint32_t sack_room(const struct tcp_conn *c)
{
	bool told = c->ooo.table || c->dsack.start != c->dsack.end;

	if (!(c->options & CONN_SACK) || !told)
		return 0;
	return TCP_OPTIONS_MAX - (c->options & CONN_STAMPS ? TCP_STAMP_LEN : 0);
}

/* What came twice is told first (RFC 2883 4), then what came out of order (RFC 2018 4). */
static void report_sack(struct tcp_conn *c, struct tcp_options *o)
{
	uint8_t max = o->stamped ? TCP_SACK_BLOCKS - 1 : TCP_SACK_BLOCKS, n = 0;

	if (!(c->options & CONN_SACK))
		return;
	if (c->dsack.start != c->dsack.end) {
		const struct tcp_ooo_run *around = tcp_ooo_at(&c->ooo, c->dsack.start);

		o->sack[n++] = c->dsack;
		if (around) /* RFC 2883 4.2: the block that the duplicate is part of */
			o->sack[n++] = (struct tcp_sack_block){ around->seq, around->end };
		c->dsack.start = c->dsack.end;
	}
	o->n_sack = tcp_ooo_report(&c->ooo, o->sack, n, max);
}

/* A segment with our ACK went out: none is owed now, or one less. */
static void acked(struct tcp_conn *c)
{
	c->flags &= (uint16_t)~CONN_KEEP;
	if (c->flow.spare) {
		c->flow.spare--;
		return;
	}
	c->flags &= (uint16_t)~CONN_ACK_NOW;
	c->options &= (uint8_t)~CONN_ECHO_ONCE;
	c->ack_segments = 0;
	c->ack_deadline_us = 0;
}

/* Sequence numbers up to @end were sent, from @seq on; keeps RTT and retransmission timers. */
static void sent(struct tcp *t, struct tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now_us)
{
	if (seq_lt(seq, c->snd_max)) {
		t->stats->tcp_retransmits++;
		c->flags &= (uint16_t)~CONN_RTT_TIMING; /* RFC 6298 3, Karn's algorithm */
	} else if (!(c->flags & CONN_RTT_TIMING)) {
		c->flags |= CONN_RTT_TIMING;
		c->options = (uint8_t)((c->options & ~CONN_TIMED_FULL) | (end - seq >= c->mss ? CONN_TIMED_FULL : 0));
		c->rtt_seq = end;
		c->rtt_start_us = (uint32_t)now_us;
	}
	/* A scoreboard is opened when the second segment goes out; NewReno's recovery is finished without. */
	if (seq == c->snd_max && c->snd_una != c->snd_max && c->snd_nxt == c->snd_max && c->options & CONN_SACK &&
	    !(c->flags & CONN_RECOVERY) && !c->dupacks)
		tcp_score_open(t, c, now_us);
	if (c->score && c->flags & CONN_RECOVERY)
		tcp_score(c)->prr_out += end - seq;
	if (c->score && seq_lt(seq, c->snd_max))
		tcp_score(c)->n_undo++;
	if (c->score)
		tcp_score_sent(t, c, seq, end, now_us);
	c->snd_max = seq_max(c->snd_max, end);
	if (c->score && tcp_in_flight(c) > tcp_score(c)->used_now)
		tcp_score(c)->used_now = tcp_in_flight(c);
	c->sent_ms = (uint32_t)(now_us / 1000);
}

static size_t send_syn(struct tcp *t, struct tcp_conn *c, const struct out *o)
{
	bool first = c->snd_nxt == c->snd_una, answer = c->state == TCP_SYN_RECEIVED;
	struct tcp_segment s = header(c, c->snd_una, answer ? TCP_SYN | TCP_ACK : TCP_SYN, o->now_us);

	s.wnd = tcp_window_syn(t);
	s.options.mss = c->flow.key.remote.family == IP_V6 ? t->settings.mss6 : t->settings.mss4;
	/* RFC 7323 2.2: in the answer only if the peer's SYN had it. */
	if (!answer) {
		s.options.sack_permitted = s.options.stamped = true;
		s.options.stamp = tcp_stamp_clock(o->now_us) + tcp_stamp_offset(t, &c->flow.key);
	} else {
		s.options.sack_permitted = (c->options & CONN_SACK) != 0;
	}
	s.options.wscale = answer && c->rcv_wscale != t->rcv_wscale ? TCP_WSCALE_NONE : t->rcv_wscale;
	c->flags &= (uint16_t)~CONN_RESEND;
	sent(t, c, c->snd_una, c->snd_una + 1, o->now_us);
	c->snd_nxt = c->snd_una + 1;
	if (first)
		tcp_rto_restart(t, c, o->now_us);
	if (answer)
		acked(c);
	return finish(t, o, &c->flow.key, c->ifindex, tcp_segment_emit(o->at, &s));
}

/* At most @n sequence numbers from @seq on, in one segment. */
static struct piece piece_of(const struct tcp_conn *c, uint32_t seq, uint32_t n, uint32_t mss)
{
	struct piece p = { .seq = seq, .len = seq_past(seq, c->snd_end) };

	p.len = p.len < n ? p.len : n;
	p.len = p.len < mss ? p.len : mss;
	p.fin = tcp_conn_fin_queued(c) && seq + p.len == c->snd_end && n > p.len;
	return p;
}

/* What is next in line, as far as the windows allow. */
static bool next_new(struct tcp_conn *c, uint32_t mss, struct piece *p)
{
	uint32_t flight = tcp_in_flight(c), left = tcp_conn_end(c) - c->snd_nxt;
	uint32_t cwnd = seq_past(flight, tcp_cc_window(c)), wnd = seq_past(c->snd_nxt - c->snd_una, c->snd_wnd);
	uint32_t n = cwnd < wnd ? cwnd : wnd;

	if (left <= n) {
		if (flight + left + c->mss <= c->cwnd)
			c->flags &= (uint16_t)~CONN_CWND_LIMITED;
		n = left;
	} else if (cwnd < wnd) {
		c->flags |= CONN_CWND_LIMITED;
	}
	if (n == 0)
		return false;
	*p = piece_of(c, c->snd_nxt, n, mss);
	/* RFC 9293 3.8.6.2.1: no small segment, unless it is the last one, large for this peer, or waited long enough;
	 * and what was sent once in small pieces may have to be sent so again. */
	return p->len == mss || p->fin || p->seq + p->len == c->snd_end || p->len >= c->snd_wnd_max / 2 ||
	       c->flags & CONN_OVERRIDE || seq_lt(p->seq, c->snd_max);
}

/* The first octets that are lost, if cwnd lets them out.  Into a closed window goes the probe alone. */
static bool next_lost(struct tcp_conn *c, uint32_t mss, struct piece *p)
{
	uint32_t seq, len;

	if (c->snd_wnd == 0 || !tcp_score_next_lost(c, &seq, &len))
		return false;
	*p = piece_of(c, seq, len, mss);
	if (tcp_in_flight(c) + p->len <= c->cwnd) /* a FIN is no load */
		return true;
	c->flags |= CONN_CWND_LIMITED;
	return false;
}

/* A segment that is new, whatever cwnd says, or the last one once more (RFC 8985 7.3). */
static bool next_tail(struct tcp_conn *c, uint32_t mss, struct piece *p)
{
	uint32_t n = tcp_conn_end(c) - c->snd_nxt, wnd = seq_past(c->snd_nxt - c->snd_una, c->snd_wnd);

	n = n < wnd ? n : wnd;
	c->flags &= (uint16_t)~CONN_TAIL_AGAIN;
	if (n == 0 || (n < mss && c->snd_nxt + n != tcp_conn_end(c))) {
		uint32_t fin = seq_gt(c->snd_max, c->snd_end);

		n = c->snd_max - c->snd_una < mss + fin ? c->snd_max - c->snd_una : mss + fin;
		*p = piece_of(c, c->snd_max - n, n, mss);
		c->flags |= CONN_TAIL_AGAIN;
	} else {
		*p = piece_of(c, c->snd_nxt, n, mss);
	}
	c->tail_end = seq_max(c->snd_max, p->seq + p->len + p->fin);
	return p->len || p->fin;
}

static bool next_piece(struct tcp_conn *c, uint32_t mss, struct piece *p)
{
	uint16_t flags = c->flags;

	c->flags &= (uint16_t) ~(CONN_RESEND | CONN_PROBE | CONN_TAIL);
	if (flags & CONN_RESEND && seq_lt(c->snd_una, c->snd_max)) {
		*p = piece_of(c, c->snd_una, c->snd_max - c->snd_una, mss);
		return true;
	}
	if (flags & CONN_PROBE && seq_lt(c->snd_una, tcp_conn_end(c))) {
		*p = piece_of(c, c->snd_una, 1, mss);
		p->probe = true;
		return true;
	}
	if (flags & CONN_TAIL)
		return next_tail(c, mss, p);
	struct tcp_score *b = c->score ? tcp_score(c) : NULL;

	/* F-RTO (RFC 5682 3.1, step 2b): while there are new octets these tell more than what may have arrived already. */
	if (b && b->frto == TCP_FRTO_NEW && next_new(c, mss, p))
		return true;
	if (b && b->n_lost) {
		bool any = next_lost(c, mss, p);

		b->frto = any && b->frto == TCP_FRTO_NEW ? TCP_FRTO_OFF : b->frto;
		return any;
	}
	return next_new(c, mss, p);
}

static size_t send_piece(struct tcp *t, struct tcp_conn *c, const struct piece *p, const struct out *o)
{
	uint32_t end = p->seq + p->len + p->fin;
	struct tcp_segment s = header(c, p->seq, TCP_ACK, o->now_us);
	struct tcp_block *from_una = NULL, **from;

	if (p->fin)
		s.flags |= TCP_FIN;
	if (p->len && p->seq + p->len == c->snd_end)
		s.flags |= TCP_PSH;
	s.wnd = tcp_window_announce(t, c);
	if (sack_room(c))
		report_sack(c, &s.options);
	size_t n = tcp_segment_emit(o->at, &s);
	from = p->seq == c->snd_nxt ? &c->snd_hint : c->score ? &tcp_score(c)->hint : &from_una;
	if (p->len)
		tcp_buffer_read(&c->snd, from, p->seq, p->len, o->at + n);

	t->stats->tcp_probes += p->probe;
	/* RFC 6298 5.1, and for what is sent a second time its time begins anew */
	bool head = p->seq == c->snd_una && !p->probe;
	sent(t, c, p->seq, end, o->now_us);
	if (!p->probe)
		c->snd_nxt = seq_max(c->snd_nxt, end);
	c->flags &= (uint16_t)~CONN_OVERRIDE;
	if (head)
		tcp_rto_restart(t, c, o->now_us);
	else
		tcp_tail_want(t, c, o->now_us);
	acked(c);
	return finish(t, o, &c->flow.key, c->ifindex, n + p->len);
}

static size_t send_ack(struct tcp *t, struct tcp_conn *c, const struct out *o)
{
	/* A number that was acknowledged already must be answered (RFC 9293 3.8.4). */
	uint32_t seq = c->flags & CONN_KEEP ? c->snd_una - 1 : tcp_conn_seq(c);
	struct tcp_segment s = header(c, seq, TCP_ACK, o->now_us);

	s.wnd = tcp_window_announce(t, c);
	report_sack(c, &s.options);
	acked(c);
	return finish(t, o, &c->flow.key, c->ifindex, tcp_segment_emit(o->at, &s));
}

/* The next segment of @c; 0 when it has none. */
static size_t send_conn(struct tcp *t, struct tcp_conn *c, const struct out *o)
{
	uint32_t mss = c->mss;
	struct piece p;

	if (tcp_conn_opening(c) && (c->snd_nxt == c->snd_una || c->flags & CONN_RESEND))
		return send_syn(t, c, o);
	uint32_t room = (uint32_t)o->cap - TCP_HEADER - (c->options & CONN_STAMPS ? TCP_STAMP_LEN : 0);
	if (mss > room)
		mss = room;
	mss -= sack_room(c);
	if (!tcp_conn_opening(c) && next_piece(c, mss, &p))
		return send_piece(t, c, &p, o);
	if (c->flags & (CONN_ACK_NOW | CONN_KEEP))
		return send_ack(t, c, o);
	return 0;
}

size_t tcp_next(struct tcp *t, uint8_t *segment, size_t cap, bool offload, struct tcp_path *path, uint64_t now_us)
{
	const struct out o = { .at = segment, .cap = cap, .offload = offload, .path = path, .now_us = now_us };

	CHECK(cap > TCP_HEADER_MAX);
	if (t->reply_head != t->reply_tail)
		return send_reply(t, &o);
	struct tcp_half *h = tcp_half_next(t);

	if (h)
		return send_syn_ack(t, h, &o);
	while (!tcp_list_empty(&t->ready)) {
		struct tcp_conn *c = TCP_OBJECT(t->ready.next, struct tcp_conn, ready);
		size_t n = send_conn(t, c, &o);

		if (n)
			return n;
		tcp_list_remove(&c->ready);
		tcp_dcheck_conn(t, c);
	}
	return 0;
}
