// SPDX-License-Identifier: MIT
/*
 * tcp_check.c - the invariants that tcp_conn.h lists
 */
#include "dataplane/net/tcp_score.h"

static uint32_t check_chain(const struct tcp_block *k, const struct tcp_block *tail, uint32_t seq, size_t *n_blocks)
{
	uint32_t n = 0;

	for (; k; k = k->next) {
		CHECK(k->len && (size_t)k->off + k->len <= TCP_BLOCK_ROOM);
		CHECK(k->seq == seq + n);
		CHECK(k->next || k == tail);
		n += k->len;
		++*n_blocks;
	}
	return n;
}

static void check_ooo(const struct tcp_conn *c, size_t *n_blocks)
{
	size_t n_runs = 0, n = 0;
	uint32_t edge = c->rcv_nxt;

	CHECK((c->ooo.table != NULL) == (c->ooo.n_runs != 0));
	for (; n_runs < c->ooo.n_runs; n_runs++) {
		const struct tcp_ooo_run *run = &tcp_ooo_table(&c->ooo)->runs[n_runs];

		CHECK(seq_gt(run->seq, edge)); /* a gap before each */
		edge = run->seq + check_chain(run->head, run->tail, run->seq, &n);
		CHECK(edge == run->end);
	}
	n += c->ooo.table != NULL;
	CHECK(seq_le(edge, c->rcv_adv));
	CHECK(n_runs <= TCP_OOO_RUNS);
	CHECK(n == c->ooo.n_blocks);
	*n_blocks += n;
}

static void check_deadline(const struct tcp_conn *c, uint64_t deadline_us)
{
	CHECK(!deadline_us || (timer_armed(&c->timer) && timer_at_us(&c->timer) < deadline_us + TIMER_TICK_US));
}

static void check_send(const struct tcp_conn *c, size_t *n_blocks)
{
	uint32_t una = tcp_conn_data_una(c), end = tcp_conn_end(c);

	CHECK(seq_le(c->snd_una, c->snd_nxt) && seq_le(c->snd_nxt, c->snd_max));
	CHECK(seq_le(c->snd_max, end));
	CHECK((tcp_conn_opening(c) || c->snd_una != end) == (c->rto_deadline_us != 0));
	CHECK(check_chain(c->snd.head, c->snd.tail, una, n_blocks) == c->snd_end - una);
	if (c->score) {
		tcp_score_check(c);
		++*n_blocks;
	}
	check_deadline(c, c->rto_deadline_us);
	check_deadline(c, c->ack_deadline_us);
	check_deadline(c, c->idle_deadline_us);
}

static void check_state(const struct tcp_conn *c)
{
	bool fin = tcp_conn_fin_queued(c);

	switch ((enum tcp_state)c->state) {
	case TCP_FREE:
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		CHECK(!fin);
		break;
	case TCP_SYN_RECEIVED:
		break;
	case TCP_FIN_WAIT_1:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		CHECK(fin && c->snd_una != tcp_conn_end(c));
		break;
	case TCP_FIN_WAIT_2:
		CHECK(fin && c->snd_una == tcp_conn_end(c) && c->idle_deadline_us);
		break;
	}
}

static size_t check_conn(const struct tcp *t, const struct tcp_conn *c)
{
	size_t n_blocks = 0, lent = tcp_conn_borrowed(t, c).len;
	enum tcp_kind kind;

	if (c->state == TCP_FREE)
		return 0;
	CHECK((c->events != 0) == tcp_link_on(&c->event));
	CHECK(check_chain(c->rcv.head, c->rcv.tail, c->rcv.head ? c->rcv.head->seq : 0, &n_blocks) + lent ==
	      c->rcv_queued);
	check_state(c);
	if (c->state == TCP_CLOSED) {
		bool over = t->told == c || c->events & (EVENT_BIT(TCP_EVENT_CLOSED) | EVENT_BIT(TCP_EVENT_FAILED));

		CHECK(!tcp_link_on(&c->ready) && !c->snd.head && !c->ooo.table && !c->score);
		CHECK(over == !c->idle_deadline_us && over == !timer_armed(&c->timer));
		CHECK(over || c->rcv_queued);
		return n_blocks;
	}
	CHECK(tcp_table_find(&t->table, &c->flow.key, &kind) == c && kind == TCP_KIND_CONN);
	check_send(c, &n_blocks);
	check_ooo(c, &n_blocks);
	CHECK(seq_le(c->rcv_nxt, c->rcv_adv));
	/* Whoever has something to send now is where tcp_next() finds it. */
	if (c->flags & (CONN_ACK_NOW | CONN_RESEND | CONN_PROBE | CONN_KEEP))
		CHECK(tcp_link_on(&c->ready));
	if (!tcp_conn_opening(c))
		CHECK(c->mss >= t->settings.mss_min - TCP_STAMP_LEN && c->cwnd >= c->mss);
	return n_blocks;
}

void tcp_check_conn(const struct tcp *t, const struct tcp_conn *c)
{
	check_conn(t, c);
}

void tcp_check(const struct tcp *t)
{
	size_t n_conns = 0, n_blocks = 0, n_waits = 0;

	for (size_t i = 0; i < t->conns.n_used_most; i++) {
		const struct tcp_conn *c = pool_at(&t->conns, i);

		n_blocks += check_conn(t, c);
		n_conns += c->state != TCP_FREE;
	}
	CHECK(n_conns == t->conns.n_used);
	CHECK(n_blocks == t->blocks.pool.n_used);
	for (uint32_t w = t->wait_oldest; w; n_waits++)
		w = ((const struct tcp_wait *)pool_at(&t->waits, w - 1))->newer;
	CHECK(n_waits == t->waits.n_used);
	tcp_source_check(t);
}
