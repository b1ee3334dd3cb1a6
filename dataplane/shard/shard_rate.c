// SPDX-License-Identifier: MIT
/*
 * shard_rate.c - limits by domain of sender and recipient (rates.*), of this worker
 *
 * A message is charged to its sender's domain at MAIL, and to its recipients' at RCPT; from then on to its end it is one
 * of the transactions that each of these has open.  The sender's domain is what he says: what anybody can forge may be
 * put off, never refused.
 */
#include "dataplane/shard/shard_state.h"

/* The domain of a path; empty: there is none to count. */
static struct span domain_of(struct span path)
{
	size_t at = span_find_last(path, '@');

	return at == SPAN_NONE ? SPAN("") : span_skip(path, at + 1);
}

/* Of one kind; @record: as rates_charge() has it.  False: there is too much of it. */
static bool charge(struct shard *s, enum rate_kind kind, struct span path, uint64_t per_minute, uint64_t open_max,
		   uint32_t *record, uint64_t now_us)
{
	struct span domain = domain_of(path);

	*record = 0;
	if (domain.len == 0 || (per_minute | open_max) == 0)
		return true;
	switch (rates_charge(s->rates, kind, domain, (uint32_t)per_minute, record, now_us)) {
	case RATE_SPENT:
	case RATE_OPEN:
		return false;
	case RATE_FULL:
		s->stats.shard_rate_full++;
		break;
	case RATE_GOOD:
		break;
	}
	return true;
}

static void put_off(struct smtp_reply *reply, const char *sentence)
{
	smtp_reply_set(reply, 450, 4, 7, 1, span_str(sentence));
}

bool rate_sender(struct shard *s, const struct settings *c, struct span path, uint32_t *record,
		 struct smtp_reply *reply, uint64_t now_us)
{
	if (charge(s, RATE_SENDER, path, c->rates_sender_max, c->rates_sender_open_max, record, now_us) &&
	    rates_open(s->rates, *record, (uint32_t)c->rates_sender_open_max) == RATE_GOOD)
		return true;
	s->stats.shard_rate_sender++;
	put_off(reply, "Too much mail of the sender's domain now; try later");
	return false;
}

/* A transaction counts once for a domain, however many of its recipients are there. */
static bool open_once(struct shard *s, struct txn *t, uint32_t record, uint64_t most)
{
	for (unsigned i = 0; record && i < TXN_RATES_MAX; i++) {
		if (t->rate_rcpts[i] == record)
			return true;
		if (t->rate_rcpts[i])
			continue;
		if (rates_open(s->rates, record, (uint32_t)most) != RATE_GOOD)
			return false;
		t->rate_rcpts[i] = record;
		return true;
	}
	return true;
}

bool rate_rcpt(struct shard *s, struct txn *t, struct span path, struct smtp_reply *reply, uint64_t now_us)
{
	const struct settings *c = config_settings(s, t->config);
	uint32_t record;

	if (charge(s, RATE_RECIPIENT, path, c->rates_recipient_max, c->rates_recipient_open_max, &record, now_us) &&
	    open_once(s, t, record, c->rates_recipient_open_max))
		return true;
	s->stats.shard_rate_recipient++;
	put_off(reply, "Too much mail for the recipient's domain now; try later");
	return false;
}

void rate_release(struct shard *s, struct txn *t)
{
	rates_close(s->rates, t->rate_sender);
	t->rate_sender = 0;
	for (unsigned i = 0; i < TXN_RATES_MAX; i++) {
		rates_close(s->rates, t->rate_rcpts[i]);
		t->rate_rcpts[i] = 0;
	}
}
