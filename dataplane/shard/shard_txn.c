// SPDX-License-Identifier: MIT
/*
 * shard_txn.c - one transaction: envelope, message, verification, verdict, reply
 *
 *	txn_begin      MAIL: a txn is taken, SPF begins
 *	txn_data       DATA: a message buffer is taken
 *	txn_octets     octets go to the store and the hashers; DKIM, ARC and DMARC begin when the header has ended
 *	txn_end        final dot: TXN_JUDGING until verify_done(), then the verdict
 *	txn_judge      refused: txn_finish() at once; accepted: hop_take(), which ends in txn_finish()
 *
 * Whatever is missing when a verdict needs it becomes a 4yz, never a silent accept.
 */
#include "dataplane/auth/explain.h"
#include "dataplane/msg/msg_received.h"
#include "dataplane/shard/shard_state.h"

/* A ticket of the control thread names the txn, which use of it, and the question within. */
enum { TICKET_BITS = 24, GENERATION_BITS = 20, TICKET_DNSBL = 1 << 23 /* and the number of the list */ };

static uint64_t ticket_pack(const struct shard *s, const struct txn *t, uint32_t ticket)
{
	return (uint64_t)pool_index(&s->txns, t) << (TICKET_BITS + GENERATION_BITS) |
	       (uint64_t)t->generation << TICKET_BITS | ticket;
}

void txn_release(struct shard *s, struct txn *t)
{
	timer_cancel(&s->timers, &t->timer);
	rate_release(s, t);
	verify_leave(&t->verify);
	if (s->env.hash_pair)
		s->stats.crypto_hash_paired = s->env.hash->pair_octets(s->env.hash_pair);
	if (t->msg)
		msg_give(s->store, t->msg);
	t->msg = NULL;
	t->client = NULL;
	t->generation = 0; /* answers that come now are nobody's */
	if (verify_n_jobs_out(&t->verify)) {
		t->phase = TXN_ZOMBIE;
		return;
	}
	config_give(s, t->config);
	pool_give(&s->txns, t);
}

static void take_answer(struct shard *s, struct txn *t, uint32_t ticket, const struct dns_question *q,
			const struct dns_answer *answer, uint64_t now_us)
{
	explain_answer(txn_explain(s, t), q, answer);
	if (ticket & TICKET_DNSBL)
		dnsbl_answer(&t->dnsbl, ticket & ~(uint32_t)TICKET_DNSBL, answer);
	else
		verify_answer(&t->verify, ticket, answer, now_us);
}

static void ask_one(struct shard *s, struct txn *t, uint32_t ticket, const struct dns_question *q, uint64_t now_us)
{
	const struct dns_answer *known = dns_cache_get(s->dns, q, now_us);
	struct dns_answer none;

	if (known) {
		s->stats.shard_dns_hits++;
		take_answer(s, t, ticket, q, known, now_us);
		return;
	}
	s->stats.shard_dns_misses++;
	DCHECK(ticket < 1u << TICKET_BITS);
	if (control_ask(s, q, ticket_pack(s, t, ticket)))
		return;
	dns_answer_init(&none, sizeof(none), DNS_SERVFAIL, 0);
	take_answer(s, t, ticket, q, &none, now_us);
}

static void txn_ask(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct dns_question q;
	uint32_t ticket;

	while (dnsbl_question(&t->dnsbl, &ticket, &q))
		ask_one(s, t, ticket | TICKET_DNSBL, &q, now_us);
	while (verify_question(&t->verify, &ticket, &q)) {
		DCHECK(ticket < TICKET_DNSBL);
		ask_one(s, t, ticket, &q, now_us);
	}
}

static void txn_jobs(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct crypto_job *job;

	while ((job = verify_job(&t->verify))) {
		if (!t->jobs_us)
			t->jobs_us = shard_clock_us(s, now_us);
		if (!crypto_batch_submit(s->crypto, job, now_us)) {
			s->stats.shard_crypto_full++;
			job->verdict = CRYPTO_ERROR;
			verify_job_done(&t->verify, job, now_us);
		}
	}
}

static void reply_of_verdict(struct smtp_reply *reply, const struct verdict *v)
{
	smtp_reply_set(reply, v->code, v->enhanced[0], v->enhanced[1], v->enhanced[2], span_str(v->text));
}

static void verdict_own(struct txn *t, const char *rule, enum verdict_action action, unsigned code, unsigned subject,
			unsigned detail, const char *sentence)
{
	struct text text;

	t->verdict = (struct verdict){ .action = action, .rule = rule, .code = (uint16_t)code };
	t->verdict.enhanced[0] = (uint8_t)(code / 100);
	t->verdict.enhanced[1] = (uint8_t)subject;
	t->verdict.enhanced[2] = (uint8_t)detail;
	t->verdict.dmarc_disposition = "none";
	text_init(&text, t->verdict.text, sizeof(t->verdict.text));
	text_puts(&text, sentence);
}

/* What refuses a message before any verdict is asked for. */
static bool txn_malformed(const struct shard *s, struct txn *t)
{
	if (msg_header_of(t->msg)->malformed) {
		/* The next hop might end the header at that line: what we verified would not be what it shows. */
		verdict_own(t, "header.malformed", VERDICT_REJECT, 550, 6, 0,
			    "The header has a line that is no header field (RFC 5322 2.2)");
		return true;
	}
	if (msg_hops(t->msg) > config_settings(s, t->config)->smtp_hops_max) {
		verdict_own(t, "loop", VERDICT_REJECT, 554, 4, 6, "Too many Received fields: mail loop (RFC 5321 6.3)");
		return true;
	}
	return false;
}

static void txn_fields(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct msg_received trace = {
		.helo = span_of(t->helo, t->helo_len),
		.client = t->client_ip,
		.host = span_str(config_settings(s, t->config)->server_hostname),
		.esmtp = t->esmtp,
		.smtputf8 = t->smtputf8,
		.tls = span_str(t->tls),
		.id = span_str(t->id),
		.rcpt = t->n_rcpts == 1 ? t->rcpts[0] : SPAN(""),
		.unix_s = shard_unix_us(s, now_us) / 1000000,
	};

	text_init(&t->fields, t->fields_text, sizeof(t->fields_text));
	verify_fields(&t->verify, &t->fields);
	if (t->verdict.action == VERDICT_QUARANTINE &&
	    !keep_wanted(s)) /* what is released is not for the spam folder */
		verdict_quarantine_fields(config_settings(s, t->config), &t->verdict, &t->fields);
	policy_fields(config_settings(s, t->config), &t->verdict, &t->fields);
	msg_received_write(&trace, &t->fields);
}

static void count_greylist(struct stats *stats, enum greylist_answer answer)
{
	stats->shard_greylist_waits += answer == GREYLIST_WAITS;
	stats->shard_greylist_passes += answer == GREYLIST_PASSES || answer == GREYLIST_NET;
	stats->shard_greylist_full += answer == GREYLIST_FULL;
}

static void tell_dnsbl(struct explain *e, const struct settings *settings, const struct policy_facts *f)
{
	if (!e || !f->dnsbl_listed)
		return;
	text_puts(&e->text, "dnsbl: score ");
	text_puts(&e->text, f->dnsbl < 0 ? "-" : "");
	text_dec(&e->text, (uint64_t)(f->dnsbl < 0 ? -f->dnsbl : f->dnsbl));
	text_puts(&e->text, ", listed by ");
	dnsbl_zones(settings, f->dnsbl_listed, 1, &e->text);
	text_puts(&e->text, "; as good by ");
	dnsbl_zones(settings, f->dnsbl_listed, -1, &e->text);
	text_puts(&e->text, "\n");
}

static void txn_policy(struct shard *s, struct txn *t, uint64_t now_us)
{
	const struct settings *settings = config_settings(s, t->config);
	struct policy_facts f = { .client = t->client_ip,
				  .helo = span_of(t->helo, t->helo_len),
				  .mail_from = span_of(t->mail_from, t->mail_from_len),
				  .rcpt_rules = t->rcpt_rules,
				  .n_rcpts = t->n_rcpts,
				  .size = msg_len(t->msg),
				  .greylist = s->env.greylist,
				  .rcpts = t->rcpts,
				  .now_s = (uint32_t)(shard_unix_us(s, now_us) / 1000000) };

	f.dnsbl = dnsbl_score(&t->dnsbl);
	f.dnsbl_listed = t->dnsbl.listed;
	s->stats.shard_dnsbl_listed += t->dnsbl.listed != 0;
	tell_dnsbl(txn_explain(s, t), settings, &f);
	policy_facts_of(&f, settings, &t->verify);
	policy_fact_set(&f, POLICY_EARLY_TALK, t->early_talk ? "yes" : "no");
	f.is[POLICY_LIST] = (uint16_t)lists_bits(s->lists[0], s->lists[1], &f.client, f.helo, f.mail_from);
	s->stats.shard_list_allow += f.is[POLICY_LIST] & LISTS_ALLOW ? 1 : 0;
	s->stats.shard_list_deny += f.is[POLICY_LIST] & LISTS_DENY ? 1 : 0;
	policy_fact_set(&f, POLICY_TLS, t->tls[0] ? "yes" : "no");
	policy_judge(&t->verdict, settings, &f, &t->verify, &s->configs[t->config].policy_counts, txn_explain(s, t));
	count_greylist(&s->stats, t->verdict.greylist);
}

static void txn_judge(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct smtp_reply reply;

	if (!txn_malformed(s, t))
		txn_policy(s, t, now_us);
	txn_fields(s, t, now_us);
	if (t->fields.full && t->verdict.action != VERDICT_REJECT)
		verdict_own(t, "fields.full", VERDICT_DEFER, 451, 3, 0,
			    "The results do not fit in a header; try later");
	timer_cancel(&s->timers, &t->timer);
	switch (t->verdict.action) {
	case VERDICT_QUARANTINE:
		s->stats.shard_quarantined++;
		if (keep_wanted(s))
			keep_begin(s, t, now_us);
		else
			hop_take(s, t, now_us);
		return;
	case VERDICT_ACCEPT:
		if (t->verdict.next_hop) {
			s->stats.shard_redirected++;
			t->hops = route_named(s, t->verdict.next_hop);
			CHECK(t->hops);
		}
		hop_take(s, t, now_us);
		return;
	case VERDICT_REJECT:
		s->stats.shard_rejected++;
		break;
	case VERDICT_DEFER:
		s->stats.shard_deferred++;
		break;
	case VERDICT_DISCARD:
		s->stats.shard_discarded++;
		break;
	}
	reply_of_verdict(&reply, &t->verdict);
	txn_finish(s, t, &reply, now_us);
}

void txn_arm(struct shard *s, struct txn *t)
{
	uint64_t deadline_us = verify_deadline_us(&t->verify);

	if (!dnsbl_done(&t->dnsbl) && t->dnsbl_deadline_us < deadline_us)
		deadline_us = t->dnsbl_deadline_us;
	if (t->phase == TXN_ASKING && t->rcpt_deadline_us < deadline_us)
		deadline_us = t->rcpt_deadline_us;
	if (deadline_us != UINT64_MAX)
		timer_arm(&s->timers, &t->timer, deadline_us);
}

/* Moves questions and jobs on; the verdict when all is known.  @t may be gone after it. */
static void txn_pump(struct shard *s, struct txn *t, uint64_t now_us)
{
	txn_ask(s, t, now_us);
	txn_jobs(s, t, now_us);
	if (t->phase == TXN_JUDGING && verify_done(&t->verify) && dnsbl_done(&t->dnsbl)) {
		txn_judge(s, t, now_us);
		return;
	}
	if (t->phase <= TXN_JUDGING)
		txn_arm(s, t);
}

void txn_dsn_write(struct text *out, const char *name, struct span value)
{
	if (!value.at)
		return;
	text_puts(out, name);
	text_put(out, value);
}

void txn_begin(struct shard *s, struct client *c, const struct smtp_action *mail, struct smtp_reply *reply,
	       uint64_t now_us)
{
	/* When its client began with servers that are others by now, the settings in force count. */
	bool outdated = s->configs[c->config].same_servers != (s->hops_all | s->hops_ours);
	const struct settings *settings = outdated ? s->config->settings : config_settings(s, c->config);
	uint32_t record;

	if (!rate_sender(s, settings, mail->bytes, &record, reply, now_us))
		return;
	struct txn *t = mail->bytes.len < sizeof(t->mail_from) ? pool_take(&s->txns) : NULL;
	struct text text;

	if (!t) {
		rates_close(s->rates, record);
		s->stats.shard_txn_refused++;
		smtp_reply_set(reply, 452, 4, 3, 1, SPAN("Too many messages under way; try later"));
		return;
	}
	memset(t, 0, offsetof(struct txn, fields_text));
	t->client = c;
	t->timer.tag = SHARD_TIMER_TXN;
	t->config = outdated ? config_take(s) : config_share(s, c->config);
	t->generation = ++s->generation & ((1u << GENERATION_BITS) - 1);
	if (t->generation == 0)
		t->generation = s->generation = 1;
	t->rate_sender = record;
	t->early_talk = smtp_session_talked_early(&c->smtp);
	t->body_8bit = mail->body_8bit;
	t->smtputf8 = mail->smtputf8;
	t->requiretls = mail->requiretls;
	memcpy(t->mail_from, mail->bytes.at, mail->bytes.len);
	text_init(&text, t->mail_dsn, sizeof(t->mail_dsn));
	txn_dsn_write(&text, " RET=", mail->dsn[0]);
	txn_dsn_write(&text, " ENVID=", mail->dsn[1]);
	CHECK(!text.full);
	t->mail_dsn_len = (uint8_t)text.len;
	t->mail_from_len = (uint16_t)mail->bytes.len;
	shard_id(s, t->id, now_us);
	t->client_ip = c->ip;
	t->client_port = c->port;
	t->esmtp = c->esmtp;
	if (c->tls)
		memcpy(t->tls, c->tls->facts, sizeof(t->tls));
	memcpy(t->session, c->id, sizeof(t->session));
	memcpy(t->helo, client_helo(c).at, c->helo_len);
	t->helo_len = c->helo_len;
	c->txn = t;
	struct auth_client who = { .ip = c->ip,
				   .helo = client_helo(c),
				   .mail_from = mail->bytes,
				   .has_mail_from = true,
				   .now_unix = shard_unix_us(s, now_us) / 1000000 };
	if (s->explain_octets)
		text_init(&t->explain.text, s->explains + pool_index(&s->txns, t) * s->explain_octets,
			  s->explain_octets);
	dnsbl_begin(&t->dnsbl, settings, &c->ip, dnsbl_suspended(s->env.dnsbl_zones, settings));
	t->dnsbl_deadline_us = now_us + settings->dnsbl_timeout_ms * 1000;
	verify_begin(&t->verify, &s->configs[t->config].auth, &who, txn_explain(s, t), now_us);
	txn_pump(s, t, now_us);
	smtp_reply_set(reply, 250, 2, 1, 0, SPAN("Sender ok"));
}

void txn_data(struct shard *s, struct txn *t, struct smtp_reply *reply, uint64_t now_us)
{
	t->msg = msg_take(s->store);
	if (!t->msg) {
		s->stats.shard_txn_refused++;
		smtp_reply_set(reply, 452, 4, 3, 1, SPAN("No room for a message; try later"));
		return;
	}
	t->phase = TXN_DATA;
	t->data_us = now_us;
	*reply = smtp_reply_go_ahead;
}

/* The store does not take the message: reply, verdict for the record, counter. */
static void store_refused(struct shard *s, struct txn *t, enum err e, struct smtp_reply *reply)
{
	bool peer = err_class(e) == ERR_CLASS_PEER;

	s->stats.shard_message_refused++;
	if (peer)
		smtp_reply_set(reply, 552, 5, 6, 0, SPAN("The header is longer than is allowed here"));
	else
		smtp_reply_set(reply, 452, 4, 3, 1, SPAN("No room for this message; try later"));
	verdict_own(t, "limits", peer ? VERDICT_REJECT : VERDICT_DEFER, reply->code, 0, 0, "");
}

static void txn_header(struct txn *t, uint64_t now_us)
{
	if (t->header_told || !msg_header_complete(t->msg))
		return;
	t->header_told = true;
	verify_header(&t->verify, msg_header_of(t->msg), now_us);
}

bool txn_octets(struct shard *s, struct txn *t, struct span bytes, struct smtp_reply *reply, uint64_t now_us)
{
	struct span body;
	enum err e = msg_append(s->store, t->msg, bytes, &body);

	if (e != OK) {
		store_refused(s, t, e, reply);
		control_record(s, t, reply, now_us);
		return false; /* SMTP_ABORT comes next and releases the txn */
	}
	bool header_before = t->header_told;
	txn_header(t, now_us);
	if (body.len)
		verify_body(&t->verify, body);
	if (!header_before && t->header_told)
		txn_pump(s, t, now_us);
	return true;
}

void txn_end(struct shard *s, struct txn *t, uint64_t now_us)
{
	enum err e = msg_end(s->store, t->msg);
	struct smtp_reply reply;

	t->end_us = now_us;
	if (e != OK) {
		store_refused(s, t, e, &reply);
		txn_finish(s, t, &reply, now_us);
		return;
	}
	txn_header(t, now_us);
	verify_end(&t->verify, now_us);
	t->phase = TXN_JUDGING;
	txn_pump(s, t, now_us);
}

void txn_answered(struct shard *s, uint64_t ticket, const struct dns_question *q, const struct dns_answer *answer,
		  uint64_t now_us)
{
	size_t index = (size_t)(ticket >> (TICKET_BITS + GENERATION_BITS));
	uint32_t generation = (uint32_t)(ticket >> TICKET_BITS) & ((1u << GENERATION_BITS) - 1);

	CHECK(index < s->txns.n_total);
	struct txn *t = pool_at(&s->txns, index);
	/* A released txn has generation 0, which no ticket bears; one without a client needs no answer any more. */
	if (t->generation != generation || !t->client) {
		s->stats.shard_dns_late++;
		return;
	}
	t->last_answer_us = now_us;
	take_answer(s, t, (uint32_t)ticket & ((1u << TICKET_BITS) - 1), q, answer, now_us);
	txn_pump(s, t, now_us);
}

void txn_job_done(struct shard *s, struct crypto_job *job, uint64_t now_us)
{
	/* Jobs lie inside the txn's object. */
	struct txn *t = pool_at(&s->txns, pool_index(&s->txns, job));

	verify_job_done(&t->verify, job, now_us);
	t->jobs_done_us = shard_clock_us(s, now_us);
	if (t->phase == TXN_ZOMBIE)
		txn_release(s, t);
	else
		txn_pump(s, t, now_us);
}

void txn_timer(struct shard *s, struct txn *t, uint64_t now_us)
{
	if (t->phase == TXN_WAITING) {
		struct smtp_reply reply;

		bool mine = relay_forget(s, t, now_us);

		CHECK(mine);
		s->stats.shard_relay_waited++;
		smtp_reply_set(&reply, 451, 4, 4, 1, SPAN("No next hop took the message in time; try later"));
		txn_finish(s, t, &reply, now_us);
		return;
	}
	if (t->phase > TXN_JUDGING)
		return;
	if (t->phase == TXN_ASKING && now_us >= t->rcpt_deadline_us)
		rcpt_expired(s, t, now_us);
	if (now_us >= t->dnsbl_deadline_us && !dnsbl_done(&t->dnsbl)) {
		s->stats.shard_dnsbl_late++;
		dnsbl_give_up(&t->dnsbl);
	}
	if (now_us >= verify_deadline_us(&t->verify)) {
		s->stats.shard_verify_expired++;
		verify_expire(&t->verify, now_us);
	}
	txn_pump(s, t, now_us);
}

void txn_finish(struct shard *s, struct txn *t, const struct smtp_reply *reply, uint64_t now_us)
{
	struct client *c = t->client;
	struct smtp_reply copy = *reply; /* it may lie in the relay, which goes on meanwhile */

	if (t->send)
		send_done(s, t->send, &copy);
	else
		control_record(s, t, &copy, now_us);
	txn_release(s, t);
	if (c)
		client_answer(s, c, &copy, now_us);
}

void txn_failed_to_relay(struct shard *s, struct txn *t, const struct smtp_reply *reply, uint64_t now_us)
{
	if (t->phase == TXN_ASKING)
		rcpt_replied(s, t, NULL, now_us);
	else
		txn_finish(s, t, reply, now_us);
}

void txn_abandon(struct shard *s, struct txn *t, uint64_t now_us)
{
	struct client *c = t->client;

	t->client = NULL;
	if (c)
		c->txn = NULL;
	if (t->phase == TXN_KEEPING)
		return; /* lent: it ends when it comes home */
	if ((t->phase >= TXN_WAITING || t->phase == TXN_ASKING) && !relay_forget(s, t, now_us))
		return; /* the final dot is out: the next hop's reply is awaited, for the record */
	s->stats.shard_abandoned++;
	txn_release(s, t);
}
