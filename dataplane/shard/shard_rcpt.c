// SPDX-License-Identifier: MIT
/*
 * shard_rcpt.c - RCPT: whether a recipient is ours, may share the message with the others, and is known
 *
 * First the table is asked, if there is one (shard_rcpt_table.c): who is not in it is unknown, who has a line there known.
 * With recipients.check = "next_hop" the next hop is asked: MAIL FROM:<>, RCPT, RSET on a pooled connection, while the
 * client's RCPT waits (TXN_ASKING).  What it says is kept for a while.  An unknown recipient is refused here, so that
 * nobody ever has to send a report about it to a forged sender.
 */
#include "dataplane/shard/shard_state.h"

static void unknown(struct shard *s, struct smtp_reply *reply)
{
	s->stats.shard_rcpt_unknown++;
	smtp_reply_set(reply, 550, 5, 1, 1, SPAN("No such recipient here"));
}

/* The recipient at the end of rcpt_text is one of the message's. */
static void add(struct txn *t, struct smtp_reply *reply)
{
	t->rcpts_dsn[t->n_rcpts] = (uint16_t)(t->asked_total - t->asked_len);
	t->rcpts[t->n_rcpts++] = span_of(t->rcpt_text + t->rcpt_text_len, t->asked_len);
	t->rcpt_text_len += t->asked_total;
	smtp_reply_set(reply, 250, 2, 1, 5, SPAN("Recipient ok"));
}

/* The next hop could not be asked, or did not say. */
static void unverified(struct shard *s, struct txn *t, struct smtp_reply *reply)
{
	s->stats.shard_rcpt_unverified++;
	if (strcmp(config_settings(s, t->config)->recipients_unverified, "accept") == 0)
		add(t, reply); /* its RCPT with the message is the test */
	else
		smtp_reply_set(reply, 451, 4, 4, 1, SPAN("The recipient cannot be verified now; try later"));
}

/* What stands against the recipient without a look at who it is.  False: @reply says it. */
static bool may_share(struct shard *s, struct txn *t, struct span rcpt, struct smtp_reply *reply)
{
	uint32_t hops = route_of(s, &s->configs[t->config], rcpt);

	if (!hops) {
		s->stats.shard_rcpt_foreign++;
		smtp_reply_set(reply, 550, 5, 7, 1, SPAN("No mail for that domain is taken here"));
		return false;
	}
	/* One message gets one reply, which is that of one next hop. */
	if (t->n_rcpts && hops != t->hops) {
		s->stats.shard_rcpt_other_hop++;
		smtp_reply_set(reply, 452, 4, 5, 3, SPAN("Recipient of another server; send it in another message"));
		return false;
	}
	uint64_t rules = policy_rcpt(&config_settings(s, t->config)->rules, rcpt);
	if (t->n_rcpts && rules != t->rcpt_rules) {
		s->stats.shard_rcpt_policy++;
		smtp_reply_set(reply, 452, 4, 5, 3,
			       SPAN("Other rules are for that recipient; send it in another message"));
		return false;
	}
	if (t->n_rcpts >= route_recipients_max(s, hops)) {
		s->stats.shard_rcpt_hop_max++;
		smtp_reply_set(reply, 452, 4, 5, 3, SPAN("One message may not have more recipients; send another"));
		return false;
	}
	t->hops = hops;
	t->rcpt_rules = rules;
	return true;
}

/* Every domain has one (RFC 5321 4.5.1). */
static bool is_postmaster(struct span rcpt)
{
	return span_eq_nocase(rcpt, SPAN("postmaster")) || span_starts_nocase(rcpt, SPAN("postmaster@"));
}

static void ask(struct shard *s, struct txn *t, uint64_t now_us)
{
	s->stats.shard_rcpt_asked++;
	t->phase = TXN_ASKING;
	t->hops_tried = 0;
	t->retried = false;
	t->rcpt_deadline_us = now_us + config_settings(s, t->config)->recipients_timeout_ms * 1000;
	txn_arm(s, t);
	hop_take(s, t, now_us);
}

bool txn_rcpt(struct shard *s, struct txn *t, const struct smtp_action *rcpt, struct smtp_reply *reply, uint64_t now_us)
{
	struct text text;

	if (!may_share(s, t, rcpt->bytes, reply))
		return true;
	if (!rate_rcpt(s, t, rcpt->bytes, reply, now_us))
		return true;
	text_init(&text, t->rcpt_text + t->rcpt_text_len, sizeof(t->rcpt_text) - t->rcpt_text_len);
	text_put(&text, rcpt->bytes);
	txn_dsn_write(&text, " NOTIFY=", rcpt->dsn[0]);
	txn_dsn_write(&text, " ORCPT=", rcpt->dsn[1]);
	if (t->n_rcpts == TXN_RCPTS_MAX || text.full) {
		s->stats.shard_rcpt_full++;
		smtp_reply_set(reply, 452, 4, 5, 3, SPAN("Too many recipients; send the rest in another message"));
		return true;
	}
	t->asked_len = (uint16_t)rcpt->bytes.len;
	t->asked_total = (uint16_t)text.len;
	const struct settings *c = config_settings(s, t->config);
	enum rcpt_in_table found = is_postmaster(rcpt->bytes) ? RCPT_IN_TABLE : rcpt_table_find(s, c, rcpt->bytes);

	if (found == RCPT_NOT_IN_TABLE) {
		unknown(s, reply);
		return true;
	}
	if (found == RCPT_IN_TABLE || strcmp(c->recipients_check, "next_hop") != 0) {
		add(t, reply);
		return true;
	}
	enum rcpt_known known = rcpt_cache_get(s->rcpts, rcpt->bytes, now_us);
	s->stats.shard_rcpt_remembered += known != RCPT_NOT_ASKED;
	if (known == RCPT_KNOWN)
		add(t, reply);
	else if (known == RCPT_UNKNOWN)
		unknown(s, reply);
	else
		ask(s, t, now_us);
	return known != RCPT_NOT_ASKED;
}

void rcpt_envelope(struct txn *t)
{
	t->asked = span_of(t->rcpt_text + t->rcpt_text_len, t->asked_len);
	t->envelope = (struct smtp_envelope){ .mail_from = SPAN(""),
					      .rcpts = &t->asked,
					      .n_rcpts = 1,
					      .smtputf8 = t->smtputf8,
					      .requiretls = t->requiretls,
					      .only_asks = true };
}

/* What the next hop said to RCPT is kept and told; a 4yz is told as it is. */
static void take_reply(struct shard *s, struct txn *t, const struct smtp_reply *said, struct smtp_reply *reply,
		       uint64_t now_us)
{
	const struct settings *c = config_settings(s, t->config);

	if (smtp_reply_positive(said)) {
		rcpt_cache_put(s->rcpts, t->asked, RCPT_KNOWN, c->recipients_known_s * 1000000, now_us);
		add(t, reply);
	} else if (smtp_reply_permanent(said)) {
		rcpt_cache_put(s->rcpts, t->asked, RCPT_UNKNOWN, c->recipients_unknown_s * 1000000, now_us);
		unknown(s, reply);
	} else {
		*reply = *said;
	}
}

void rcpt_replied(struct shard *s, struct txn *t, const struct smtp_reply *said, uint64_t now_us)
{
	struct smtp_reply reply;

	t->phase = TXN_ENVELOPE;
	t->hops_tried = 0;
	t->retried = false;
	if (said)
		take_reply(s, t, said, &reply, now_us);
	else
		unverified(s, t, &reply);
	client_go_on(s, t->client, &reply, now_us);
}

void rcpt_expired(struct shard *s, struct txn *t, uint64_t now_us)
{
	bool mine = relay_forget(s, t, now_us);

	CHECK(mine); /* there is no message that the next hop could have */
	rcpt_replied(s, t, NULL, now_us);
}
