// SPDX-License-Identifier: MIT
/*
 * tcp_half.c - half-open records: a SYN came in and was answered (RFC 9293 3.10.7.2, SYN-RECEIVED)
 *
 * Small, so that many strangers can be waited for; a connection is made only for who answers from the address that he
 * claims.  The SYN-ACK is repeated with backoff.  When there are too many, tcp_cookie.c answers.
 */
#include "dataplane/net/tcp_conn.h"
#include "dataplane/net/tcp_stamp.h"

static struct tcp_half *at(const struct tcp *t, uint32_t number)
{
	return number ? pool_at(&t->halves, number - 1) : NULL;
}

static void list_remove(struct tcp *t, struct tcp_half *h)
{
	struct tcp_half *before = at(t, h->before), *behind = at(t, h->behind);

	*(before ? &before->behind : &t->half_lists[h->list].first) = h->behind;
	*(behind ? &behind->before : &t->half_lists[h->list].last) = h->before;
}

static void list_append(struct tcp *t, struct tcp_half *h, uint8_t list)
{
	uint32_t number = (uint32_t)pool_index(&t->halves, h) + 1;
	struct tcp_half *last = at(t, t->half_lists[list].last);

	h->list = list;
	h->before = t->half_lists[list].last;
	h->behind = 0;
	*(last ? &last->behind : &t->half_lists[list].first) = number;
	t->half_lists[list].last = number;
}

static void half_ready(struct tcp *t, struct tcp_half *h)
{
	if (h->list == TCP_HALF_READY)
		return;
	list_remove(t, h);
	list_append(t, h, TCP_HALF_READY);
}

static void half_free(struct tcp *t, struct tcp_half *h)
{
	tcp_table_remove(&t->table, TCP_KIND_HALF, h);
	list_remove(t, h);
	tcp_source_half_end(t, h->source);
	pool_give(&t->halves, h);
}

void tcp_half_open(struct tcp *t, const struct tcp_ahead *a, uint16_t ifindex, const struct tcp_segment *s,
		   const uint32_t *iss_min, uint64_t now_us)
{
	const struct tcp_key *key = &a->key;
	struct tcp_half *h = NULL;
	uint32_t source;

	t->stats->tcp_syns++;
	if (t->conns.n_used == t->conns.n_total) {
		t->stats->tcp_conns_full++;
		return;
	}
	if (!tcp_source_admits(t, &key->remote, now_us)) {
		if (!t->settings.sources.silent)
			tcp_reply_reset(t, key, ifindex, s, now_us);
		return;
	}
	if (tcp_source_half_begin(t, &key->remote, &source)) {
		h = pool_take(&t->halves);
		t->stats->tcp_half_open_full += !h;
		if (!h)
			tcp_source_half_end(t, source);
	}
	if (!h) {
		tcp_cookie_answer(t, key, ifindex, s, iss_min, now_us);
		return;
	}
	/* Octets and FIN that came with the SYN are not acknowledged: they will be sent again. */
	*h = (struct tcp_half){
		.flow.key = *key,
		.iss = tcp_isn(t, key, now_us),
		.irs = s->seq,
		.mss = tcp_mss_bounded(t, &key->remote, s->options.mss, now_us),
		.ifindex = ifindex,
		.snd_wnd = s->wnd,
		.wscale = s->options.wscale,
		.options =
			(uint8_t)((s->options.sack_permitted ? CONN_SACK : 0) | (s->options.stamped ? CONN_STAMPS : 0)),
		.source = source,
		.stamp = s->options.stamp,
	};
	if (iss_min && seq_le(h->iss, *iss_min))
		h->iss = *iss_min + 1;
	tcp_table_add_hashed(&t->table, TCP_KIND_HALF, h, a->hash);
	list_append(t, h, TCP_HALF_READY);
}

struct tcp_half *tcp_half_next(struct tcp *t)
{
	return at(t, t->half_lists[TCP_HALF_READY].first);
}

struct tcp_segment tcp_half_answer(struct tcp *t, struct tcp_half *h, uint64_t now_us)
{
	/* Karn: when it was sent more than once the answer says nothing about the RTT. */
	h->sent_us = (uint32_t)now_us ? (uint32_t)now_us : UINT32_MAX; /* a microsecond earlier: 0 means unknown */
	if (h->due_ms)
		h->sent_us = 0;
	h->due_ms = (uint32_t)((now_us + 999) / 1000) + ((TCP_RTO_INITIAL_US / 1000) << h->retries);
	h->due_ms += h->due_ms == 0;
	list_remove(t, h);
	list_append(t, h, (uint8_t)(TCP_HALF_WAITING + h->retries));
	return (struct tcp_segment){
		.seq = h->iss,
		.ack = h->irs + 1,
		.flags = TCP_SYN | TCP_ACK,
		.wnd = tcp_window_syn(t), /* RFC 7323 2.2: not scaled */
		.options = { .mss = h->flow.key.remote.family == IP_V6 ? t->settings.mss6 : t->settings.mss4,
			     .wscale = h->wscale == TCP_WSCALE_NONE ? TCP_WSCALE_NONE : t->rcv_wscale,
			     .sack_permitted = (h->options & CONN_SACK) != 0,
			     .stamped = (h->options & CONN_STAMPS) != 0,
			     .stamp = tcp_stamp_clock(now_us) + tcp_stamp_offset(t, &h->flow.key),
			     .stamp_echo = h->stamp },
	};
}

static void half_due(struct tcp *t, struct tcp_half *h)
{
	if (h->retries >= t->settings.syn_retries) {
		t->stats->tcp_half_open_expired++;
		half_free(t, h);
		return;
	}
	h->retries++;
	half_ready(t, h);
}

void tcp_half_expire(struct tcp *t, uint64_t now_us)
{
	uint32_t now_ms = (uint32_t)(now_us / 1000);

	for (uint8_t list = TCP_HALF_WAITING; list < TCP_HALF_LISTS; list++)
		for (struct tcp_half *h; (h = at(t, t->half_lists[list].first)) && seq_le(h->due_ms, now_ms);)
			half_due(t, h);
}

uint64_t tcp_half_deadline_us(const struct tcp *t)
{
	uint64_t now_ms = t->wheel.tick * TIMER_TICK_US / 1000, deadline_us = TIMER_NEVER;

	for (uint8_t list = TCP_HALF_WAITING; list < TCP_HALF_LISTS; list++) {
		const struct tcp_half *h = at(t, t->half_lists[list].first);
		/* Back to 64 bits: it is within 2^31 ms of now, before or after. */
		uint64_t due_us =
			h ? (now_ms + (uint64_t)(int64_t)(int32_t)(h->due_ms - (uint32_t)now_ms)) * 1000 : TIMER_NEVER;

		deadline_us = due_us < deadline_us ? due_us : deadline_us;
	}
	return deadline_us;
}

bool tcp_half_unreachable(struct tcp *t, struct tcp_half *h, uint32_t seq)
{
	if (seq != h->iss)
		return false;
	half_free(t, h);
	return true;
}

static void challenge(struct tcp *t, struct tcp_half *h)
{
	if (h->n_challenges >= TCP_CHALLENGES_PER_S) { /* a record lives for about a minute: so many are plenty */
		t->stats->tcp_challenges_limited++;
		return;
	}
	h->n_challenges++;
	t->stats->tcp_challenges++;
	tcp_reply_ack(t, &h->flow.key, h->ifindex, h->iss + 1, h->irs + 1, tcp_window_syn(t),
		      h->options & CONN_STAMPS ? &h->stamp : NULL);
}

struct tcp_conn *tcp_half_established(struct tcp *t, const struct tcp_half *h, const struct tcp_segment *s,
				      uint64_t now_us)
{
	struct tcp_conn *c = NULL;

	if (tcp_source_admits(t, &h->flow.key.remote, now_us))
		c = tcp_conn_new(t, &h->flow.key, h->ifindex);
	if (!c)
		return NULL;
	c->state = TCP_SYN_RECEIVED;
	c->snd_una = h->iss;
	c->snd_nxt = c->snd_max = c->snd_end = h->iss + 1;
	c->rcv_nxt = h->irs + 1;
	c->rcv_adv = c->rcv_nxt + tcp_window_syn(t);
	c->mss = h->mss;
	c->retries = h->retries;
	tcp_conn_options(t, c,
			 &(struct tcp_options){ .wscale = h->wscale,
						.sack_permitted = (h->options & CONN_SACK) != 0,
						.stamped = (h->options & CONN_STAMPS) != 0,
						.stamp = h->stamp });
	tcp_source_begin(t, c, now_us);
	if (h->sent_us) {
		c->flags |= CONN_RTT_TIMING;
		c->rtt_start_us = h->sent_us;
	}
	t->stats->tcp_accepted++;
	tcp_conn_established(t, c, s, TCP_EVENT_ACCEPTED, now_us);
	return c;
}

static struct tcp_conn *promote(struct tcp *t, struct tcp_half *h, const struct tcp_segment *s, uint64_t now_us)
{
	struct tcp_half was = *h;

	if (t->conns.n_used == t->conns.n_total) {
		/* Stays half-open: the SYN-ACK or the peer's octets will be repeated, maybe there is room then. */
		t->stats->tcp_conns_full++;
		return NULL;
	}
	half_free(t, h);
	struct tcp_conn *c = tcp_half_established(t, &was, s, now_us);

	if (!c) /* the peer believes that it is connected */
		tcp_reply_reset(t, &was.flow.key, was.ifindex, s, now_us);
	return c;
}

struct tcp_conn *tcp_half_input(struct tcp *t, struct tcp_half *h, const struct tcp_segment *s, uint64_t now_us)
{
	uint32_t rcv_nxt = h->irs + 1, len = tcp_segment_len(s);
	bool in_window = seq_le(s->seq, rcv_nxt + tcp_window_syn(t)) && seq_ge(s->seq + len, rcv_nxt);

	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && s->seq == h->irs) {
		h->stamp = s->options.stamp;
		half_ready(t, h); /* our answer was lost */
	} else if (s->flags & TCP_RST) {
		/* RFC 5961 3.2: the exact number, or prove that you hear us. */
		if (s->seq == rcv_nxt) {
			t->stats->tcp_rsts_in++;
			half_free(t, h);
		} else if (in_window) {
			challenge(t, h);
		}
	} else if (!in_window || s->flags & TCP_SYN) {
		challenge(t, h);
	} else if (s->flags & TCP_ACK) {
		if (s->ack == h->iss + 1)
			return promote(t, h, s, now_us);
		tcp_reply_reset(t, &h->flow.key, h->ifindex, s, now_us);
	}
	return NULL;
}
