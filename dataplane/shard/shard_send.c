// SPDX-License-Identifier: MIT
/*
 * shard_send.c - messages of our own for the next hop: a report, or one released from quarantine
 *
 * A transaction without a client: not verified, its fields left as they are, no record.  The message of the control thread
 * that brought it goes home with the next hop's reply in it, when that is known.
 */
#include "dataplane/shard/shard_state.h"

/* What went home before has made room in the ring, but for a moment: the list is short. */
static void home(struct shard *s, struct shard_send *m)
{
	m->next = s->sends_home;
	s->sends_home = m;
	send_step(s);
}

void send_step(struct shard *s)
{
	while (s->sends_home) {
		struct shard_send *m = s->sends_home, *next = m->next;

		if (!ring_put(&s->env.link->down_back, m))
			return;
		s->sends_home = next;
	}
}

void send_done(struct shard *s, struct shard_send *m, const struct smtp_reply *reply)
{
	struct text text;

	m->code = reply->code;
	if (reply->code / 100 == 2)
		report_taken(s, m);
	text_init(&text, m->reply, sizeof(m->reply));
	smtp_reply_line(reply, &text);
	home(s, m);
}

static void refuse(struct shard *s, struct shard_send *m, const char *why)
{
	struct smtp_reply reply;

	s->stats.shard_send_refused++;
	smtp_reply_set(&reply, 452, 4, 3, 1, span_str(why));
	send_done(s, m, &reply);
}

/* A report may go to any domain: a smarthost knows the way, or else the next hops of no route in particular. */
static uint32_t hops_for(const struct shard *s, const struct txn *t)
{
	if (t->send->outbound && s->hops_ours)
		return s->hops_ours;
	uint32_t hops = route_of(s, &s->configs[t->config], t->rcpts[0]);

	if (!hops)
		hops = s->config->unrouted;
	return hops ? hops : s->hops_all;
}

/* The envelope; false: it does not fit. */
static bool envelope(struct txn *t, const struct shard_send *m)
{
	struct span rest = m->rcpts, from = span_str(m->mail_from);
	struct text text;

	memcpy(t->mail_from, from.at, from.len);
	t->mail_from_len = (uint16_t)from.len;
	text_init(&text, t->rcpt_text, sizeof(t->rcpt_text));
	while (rest.at && rest.len) {
		struct span rcpt = span_cut(&rest, '\0');
		const char *at = text.at + text.len;

		text_put(&text, rcpt);
		if (text.full || t->n_rcpts == TXN_RCPTS_MAX)
			return false;
		t->rcpts_dsn[t->n_rcpts] = 0;
		t->rcpts[t->n_rcpts++] = span_of(at, rcpt.len);
	}
	t->rcpt_text_len = (uint32_t)text.len;
	return t->n_rcpts > 0;
}

static bool store(struct shard *s, struct txn *t, const struct shard_send *m)
{
	struct span body;

	t->msg = msg_take(s->store);
	return t->msg && msg_append(s->store, t->msg, m->octets, &body) == OK && msg_end(s->store, t->msg) == OK;
}

void send_begin(struct shard *s, struct shard_send *m, uint64_t now_us)
{
	struct txn *t = pool_take(&s->txns);

	if (!t) {
		refuse(s, m, "Too many messages under way; try later");
		return;
	}
	memset(t, 0, offsetof(struct txn, fields_text));
	t->timer.tag = SHARD_TIMER_TXN;
	t->config = config_take(s);
	t->body_8bit = m->body_8bit;
	t->smtputf8 = m->smtputf8;
	t->requiretls = m->requiretls;
	t->send = m;
	shard_id(s, t->id, now_us);
	text_init(&t->fields, t->fields_text, sizeof(t->fields_text));
	if (!envelope(t, m) || !store(s, t, m)) {
		t->send = NULL;
		txn_release(s, t);
		refuse(s, m, "No room for a message; try later");
		return;
	}
	t->hops = hops_for(s, t);
	s->stats.shard_send_begun++;
	hop_take(s, t, now_us);
}
