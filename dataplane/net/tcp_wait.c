// SPDX-License-Identifier: MIT
/*
 * tcp_wait.c - TIME-WAIT in one cache line a record (RFC 9293 3.3.2, 3.6.1)
 *
 * A server that closes first has far more of these than connections.  They answer a repeated FIN, keep old duplicates
 * out of a new connection, and make room for a new SYN (RFC 1122 4.2.2.13, RFC 6191) or, the oldest first, for newer
 * records.  RST is ignored (RFC 1337).
 */
#include "dataplane/net/tcp_conn.h"

static struct tcp_wait *at(const struct tcp *t, uint32_t number)
{
	return number ? pool_at(&t->waits, number - 1) : NULL;
}

static uint32_t number_of(const struct tcp *t, const struct tcp_wait *w)
{
	return (uint32_t)pool_index(&t->waits, w) + 1;
}

static void enqueue(struct tcp *t, struct tcp_wait *w, uint64_t now_us)
{
	struct tcp_wait *newest = at(t, t->wait_newest);

	w->flow.spare = (uint16_t)((now_us + t->settings.time_wait_us) / TCP_WAIT_TICK_US);
	w->older = t->wait_newest;
	w->newer = 0;
	t->wait_newest = number_of(t, w);
	if (newest)
		newest->newer = t->wait_newest;
	else
		t->wait_oldest = t->wait_newest;
}

static void dequeue(struct tcp *t, struct tcp_wait *w)
{
	struct tcp_wait *older = at(t, w->older), *newer = at(t, w->newer);

	if (older)
		older->newer = w->newer;
	else
		t->wait_oldest = w->newer;
	if (newer)
		newer->older = w->older;
	else
		t->wait_newest = w->older;
}

static void wait_free(struct tcp *t, struct tcp_wait *w)
{
	dequeue(t, w);
	tcp_table_remove(&t->table, TCP_KIND_WAIT, w);
	pool_give(&t->waits, w);
}

static uint32_t stamp_kept(uint32_t stamp)
{
	return stamp ? stamp : 1;
}

void tcp_wait_new(struct tcp *t, const struct tcp_key *key, uint32_t snd_nxt, uint32_t rcv_nxt, const uint32_t *stamp,
		  uint64_t now_us)
{
	struct tcp_wait *w;

	if (t->settings.time_wait_us == 0 || t->waits.n_total == 0)
		return;
	if (t->waits.n_used == t->waits.n_total) {
		t->stats->tcp_time_waits_evicted++;
		wait_free(t, at(t, t->wait_oldest));
	}
	w = pool_take(&t->waits);
	CHECK(w);
	*w = (struct tcp_wait){
		.flow.key = *key, .snd_nxt = snd_nxt, .rcv_nxt = rcv_nxt, .stamp = stamp ? stamp_kept(*stamp) : 0
	};
	enqueue(t, w, now_us);
	tcp_table_add(&t->table, TCP_KIND_WAIT, w);
}

/*
 * RFC 6191 2: whether the SYN @s is that of a new connection and no duplicate from the old one.  A clock tells that
 * better than numbers do: a client may well choose a new ISS that lies before the old end.
 */
static bool is_newer(const struct tcp_wait *w, const struct tcp_segment *s)
{
	if (!s->options.stamped || (w->stamp && s->options.stamp == w->stamp))
		return seq_gt(s->seq, w->rcv_nxt);
	return !w->stamp || seq_gt(s->options.stamp, w->stamp);
}

bool tcp_wait_input(struct tcp *t, struct tcp_wait *w, uint16_t ifindex, const struct tcp_segment *s, uint32_t *iss_min,
		    uint64_t now_us)
{
	bool syn = (s->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;

	if (s->flags & TCP_RST)
		return false;
	/* Only where we listen.  At a port that we opened from nobody may open, and a SYN that only guesses the
	 * number must not free it early. */
	if (syn && tcp_listening(t, w->flow.key.local_port) && is_newer(w, s)) {
		t->stats->tcp_time_waits_reused++;
		*iss_min = w->snd_nxt + UINT16_MAX; /* beyond any old duplicate of ours that its window let through */
		wait_free(t, w);
		return true;
	}
	/* A bare ACK needs no answer, and two ends that both sit here must not answer each other for ever. */
	if (tcp_segment_len(s) == 0)
		return false;
	/* The FIN again, or octets before it: the peer does not have our ACK yet, so the wait begins anew. */
	if (!syn) { /* an old SYN is answered (RFC 9293 3.10.7.4), but who repeats it must not be kept out for ever */
		dequeue(t, w);
		enqueue(t, w, now_us);
		if (w->stamp && s->options.stamped && seq_gt(s->options.stamp, w->stamp) &&
		    s->seq + tcp_segment_len(s) == w->rcv_nxt)
			w->stamp = stamp_kept(s->options.stamp);
	}
	tcp_reply_ack(t, &w->flow.key, ifindex, w->snd_nxt, w->rcv_nxt, 0, w->stamp ? &w->stamp : NULL);
	return false;
}

void tcp_wait_expire(struct tcp *t, uint64_t now_us)
{
	uint16_t now = (uint16_t)(now_us / TCP_WAIT_TICK_US);

	for (struct tcp_wait *w; (w = at(t, t->wait_oldest)) && (int16_t)(w->flow.spare - now) <= 0;)
		wait_free(t, w);
}

uint64_t tcp_wait_deadline_us(const struct tcp *t)
{
	const struct tcp_wait *w = at(t, t->wait_oldest);
	uint64_t now = t->wheel.tick * TIMER_TICK_US / TCP_WAIT_TICK_US;

	/* Back to 64 bits: it is within 2^15 ticks of now, before or after. */
	return w ? (now + (uint64_t)(int64_t)(int16_t)(w->flow.spare - (uint16_t)now)) * TCP_WAIT_TICK_US : TIMER_NEVER;
}
