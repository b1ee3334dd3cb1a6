// SPDX-License-Identifier: MIT
/*
 * shard_keep.c - quarantined messages on their way to the local store
 *
 * The transaction is lent as it is: a thread of the control plane reads its octets where they lie, by keep_read(), while
 * nobody here touches it, and sends it home with the reply, which is 250 only when the message is on disk.
 */
#include "dataplane/shard/shard_state.h"

/* Runs in the thread that has the message: all that it follows is lent with it, or never changed. */
static struct span keep_read(struct shard_keep *k)
{
	struct txn *t = k->txn;
	struct span run = stream_peek(k->shard, t);

	stream_skip(t, run.len);
	return run;
}

static void copy(char *to, size_t cap, struct span from)
{
	size_t n = from.len < cap ? from.len : cap - 1;

	memcpy(to, from.at, n);
	to[n] = '\0';
}

static struct span subject(const struct txn *t)
{
	const struct msg_header *h = msg_header_of(t->msg);
	size_t i = msg_header_find(h, SPAN("Subject"), 0);

	return i == SPAN_NONE ? SPAN("") : span_trim(msg_field_value(h, &h->fields[i]));
}

static void describe(const struct shard *s, struct shard_keep *k, const struct txn *t, uint64_t now_us)
{
	k->time_unix_us = shard_unix_us(s, now_us);
	k->client = t->client_ip;
	copy(k->id, sizeof(k->id), span_str(t->id));
	copy(k->mail_from, sizeof(k->mail_from), span_of(t->mail_from, t->mail_from_len));
	copy(k->from_domain, sizeof(k->from_domain), span_of(t->verify.from.domain, t->verify.from.domain_len));
	copy(k->rule, sizeof(k->rule), span_str(t->verdict.rule));
	copy(k->subject, sizeof(k->subject), subject(t));
	k->rcpts_len = 0;
	for (uint32_t i = 0; i < t->n_rcpts; i++) {
		memcpy(k->rcpts + k->rcpts_len, t->rcpts[i].at, t->rcpts[i].len);
		k->rcpts_len += (uint32_t)t->rcpts[i].len;
		k->rcpts[k->rcpts_len++] = '\0';
	}
	k->body_8bit = t->body_8bit;
	k->smtputf8 = t->smtputf8;
	k->requiretls = t->requiretls;
	k->size = stream_len(s, t);
}

_Static_assert(sizeof(((struct shard_keep *)0)->rcpts) >= TXN_RCPT_TEXT_MAX + TXN_RCPTS_MAX,
	       "every recipient and its NUL");

bool keep_wanted(const struct shard *s)
{
	return s->env.settings->quarantine_folder[0] != '\0';
}

static void refuse(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct smtp_reply reply;

	s->stats.shard_keep_full++;
	smtp_reply_set(&reply, 451, 4, 3, 2, SPAN("Too many messages wait for the store; try later"));
	txn_finish(s, t, &reply, now_us);
}

void keep_begin(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct shard_keep *k = pool_take(&s->keeps);

	if (!k) {
		refuse(s, t, now_us);
		return;
	}
	t->phase = TXN_KEEPING;
	t->stream = (struct stream){ .part = STREAM_FIELDS };
	k->m = (struct shard_message){ .kind = SHARD_UP_KEEP, .worker = s->env.index };
	k->shard = s;
	k->txn = t;
	k->read = keep_read;
	describe(s, k, t, now_us);
	if (ring_put(&s->env.link->up, k))
		return;
	pool_give(&s->keeps, k);
	refuse(s, t, now_us);
}

void keep_home(struct shard *s, struct shard_keep *k, uint64_t now_us)
{
	struct txn *t = k->txn;
	struct smtp_reply reply;

	if (k->code == 250) {
		s->stats.shard_kept++;
		smtp_reply_set(&reply, 250, 2, 0, 0, SPAN("Ok"));
		t->duplicate_possible = t->client == NULL; /* it went away, and will try again */
	} else {
		s->stats.shard_keep_failed++;
		smtp_reply_set(&reply, k->code, 4, 3, 1, SPAN("The message could not be stored; try later"));
	}
	pool_give(&s->keeps, k);
	txn_finish(s, t, &reply, now_us);
}
