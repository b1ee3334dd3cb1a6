// SPDX-License-Identifier: MIT
/*
 * shard_relay_message.c - a message on its connection to a next hop: how it begins, its octets, and what came of it
 */
#include "dataplane/shard/shard_relay_message.h"

static void message_envelope(const struct shard *s, struct txn *t)
{
	t->stream = (struct stream){ .part = STREAM_FIELDS };
	t->envelope = (struct smtp_envelope){ .mail_from = span_of(t->mail_from, t->mail_from_len),
					      .rcpts = t->rcpts,
					      .n_rcpts = t->n_rcpts,
					      .size = stream_len(s, t),
					      .body_8bit = t->body_8bit,
					      .smtputf8 = t->smtputf8,
					      .requiretls = t->requiretls,
					      .dsn = span_of(t->mail_dsn, t->mail_dsn_len),
					      .rcpts_dsn = t->rcpts_dsn };
}

void relay_start(struct shard *s, struct relay *r, struct txn *t, uint64_t now_us)
{
	t->relay = r;
	if (t->phase == TXN_ASKING) {
		rcpt_envelope(t);
	} else {
		timer_cancel(&s->timers, &t->timer);
		t->phase = TXN_RELAYING;
		memcpy(t->nexthop, r->hop->name, sizeof(t->nexthop));
		message_envelope(s, t);
		if (!t->send && !t->retried)
			histogram_add(&s->latency_us, shard_clock_us(s, now_us) - t->end_us);
	}
	t->envelope.client = identity_for(r, t);
	r->client = t->client_ip;
	r->client_port = t->client_port;
	r->txn = t;
	r->hop->n_busy++;
	if (r->ready && r->conn)
		tcp_keepalive(s->tcp, r->conn, 0, now_us);
	r->ready = false;
	r->body_wanted = r->body_ended = false;
	smtp_relay_message(&r->smtp, &t->envelope, now_us);
}

/* Whether a message that failed on this connection may fare better on a new one, and has not been tried again yet. */
static bool is_worn(const struct relay *r, const struct txn *t, const struct smtp_relay_action *a)
{
	bool lost = (r->peer_closed || !r->conn) && !a->final_dot_sent && a->reply->code == 451;

	return r->used && !t->retried && (t->client || t->send) &&
	       (lost || (a->mail_refused && a->reply->code / 100 == 4));
}

void relay_result(struct shard *s, struct relay *r, const struct smtp_relay_action *a, uint64_t now_us)
{
	struct txn *t = r->txn;
	struct text text;

	if (!t)
		return;
	r->txn = NULL;
	r->hop->n_busy--;
	t->relay = NULL;
	if (is_worn(r, t, a)) {
		r->worn = t->retried = true;
		s->stats.shard_relay_retried++;
		relay_drop_idle(s, r->hop, now_us);
		hop_take(s, t, now_us);
		return;
	}
	r->used = true;
	if (t->phase == TXN_ASKING) {
		hop_result(s, r->hop, a->lost ? HOP_LOST : HOP_ASKED, now_us);
		rcpt_replied(s, t, a->lost || a->mail_refused ? NULL : a->reply, now_us);
		return;
	}
	if (a->final_dot_sent || a->mixed) {
		t->duplicate_possible = true;
		s->stats.shard_relay_duplicate_possible++;
	}
	hop_result(s, r->hop, a->lost ? HOP_LOST : smtp_reply_positive(a->reply) ? HOP_ACCEPTED : HOP_REFUSED, now_us);
	text_init(&text, t->nexthop_reply, sizeof(t->nexthop_reply));
	smtp_reply_line(a->reply, &text);
	if (smtp_reply_positive(a->reply))
		s->stats.shard_accepted++;
	else
		s->stats.shard_relay_refused++;
	txn_finish(s, t, a->reply, now_us);
}

bool relay_fill(struct shard *s, struct relay *r, uint64_t now_us)
{
	if (!r->body_wanted || r->body_ended || !r->txn)
		return false;
	r->out_at = r->out_len = 0;
	while (r->out_len < sizeof(r->out)) {
		struct span run = stream_peek(s, r->txn);
		size_t n_out = 0;

		if (run.len == 0) {
			r->body_ended = true;
			smtp_relay_body_end(&r->smtp, now_us);
			break;
		}
		size_t n = smtp_relay_body(&r->smtp, run, r->out + r->out_len, sizeof(r->out) - r->out_len, &n_out,
					   now_us);
		r->out_len += (uint32_t)n_out;
		stream_skip(r->txn, n);
		if (n < run.len)
			break;
	}
	return true;
}
