// SPDX-License-Identifier: MIT
/*
 * shard_control.c - the worker's ends of the rings to the control thread (shard_link.h)
 */
#include "dataplane/auth/explain.h"
#include "dataplane/shard/shard_state.h"

bool control_ask(struct shard *s, const struct dns_question *q, uint64_t ticket)
{
	struct shard_question *m = pool_take(&s->questions);

	if (!m) {
		s->stats.shard_dns_full++;
		return false;
	}
	m->m = (struct shard_message){ .kind = SHARD_UP_QUESTION, .worker = s->env.index };
	m->ticket = ticket;
	m->q = *q;
	if (ring_put(&s->env.link->up, m))
		return true;
	s->stats.shard_dns_full++;
	pool_give(&s->questions, m);
	return false;
}

static void copy_text(char *to, size_t cap, struct span from)
{
	size_t n = from.len < cap ? from.len : cap - 1;

	memcpy(to, from.at, n);
	to[n] = '\0';
}

static void record_results(struct shard_record *r, const struct txn *t)
{
	const struct verify *v = &t->verify;

	if (!t->header_told || !verify_done(v))
		return;
	copy_text(r->spf, sizeof(r->spf), span_str(spf_result_text(verify_spf(v)->result)));
	copy_text(r->iprev, sizeof(r->iprev), span_str(iprev_result_text(verify_iprev(v)->result)));
	copy_text(r->dkim, sizeof(r->dkim), span_str(dkim_result_text(verify_dkim(v))));
	copy_text(r->arc, sizeof(r->arc), span_str(arc_result_text(v->arc.result)));
	copy_text(r->dmarc, sizeof(r->dmarc), span_str(dmarc_result_text(v->dmarc.result)));
	copy_text(r->from_domain, sizeof(r->from_domain), span_of(v->from.domain, v->from.domain_len));
}

static void record_rcpts(struct shard_record *r, const struct txn *t)
{
	r->n_rcpts = t->n_rcpts;
	for (uint32_t i = 0; i < t->n_rcpts; i++) {
		if (t->rcpts[i].len >= sizeof(r->rcpts) - r->rcpts_len)
			return;
		memcpy(r->rcpts + r->rcpts_len, t->rcpts[i].at, t->rcpts[i].len);
		r->rcpts_len = (uint16_t)(r->rcpts_len + t->rcpts[i].len);
		r->rcpts[r->rcpts_len++] = '\0';
	}
}

static uint64_t since(uint64_t from_us, uint64_t to_us)
{
	return from_us && to_us > from_us ? to_us - from_us : 0;
}

/* What policy made of it, and the account before that, in the memory behind the record. */
static void record_steps(const struct shard *s, struct shard_record *r, const struct txn *t)
{
	char last[sizeof(r->action) + sizeof(r->rule) + sizeof(r->reply) + 64];
	struct text policy, steps;

	text_init(&policy, last, sizeof(last));
	text_puts(&policy, "policy: ");
	text_puts(&policy, r->action);
	text_puts(&policy, r->rule[0] ? " by " : "");
	text_puts(&policy, r->rule);
	text_puts(&policy, ", reply ");
	text_escaped(&policy, span_str(r->reply));
	text_puts(&policy, "\n");
	text_init(&steps, (char *)(r + 1), s->explain_octets);
	/* Room for the end is kept, whatever became of the middle. */
	if (steps.cap > policy.len) {
		steps.cap -= policy.len;
		explain_copy(&t->explain, &steps);
		steps.cap += policy.len;
		text_put(&steps, text_span(&policy));
	}
	r->steps = steps.at;
	r->steps_len = (uint32_t)steps.len;
}

void control_record(struct shard *s, const struct txn *t, const struct smtp_reply *reply, uint64_t now_us)
{
	struct shard_record *r;
	struct text text;

	report_message(s, t, reply, now_us);
	r = pool_take(&s->records);
	if (!r) {
		s->stats.shard_record_lost++;
		return;
	}
	memset(r, 0, offsetof(struct shard_record, rcpts));
	r->m = (struct shard_message){ .kind = SHARD_UP_RECORD, .worker = s->env.index };
	r->time_unix_us = shard_unix_us(s, now_us);
	copy_text(r->id, sizeof(r->id), span_str(t->id));
	copy_text(r->session, sizeof(r->session), span_str(t->session));
	r->client = t->client_ip;
	r->client_port = t->client_port;
	copy_text(r->helo, sizeof(r->helo), span_of(t->helo, t->helo_len));
	copy_text(r->tls, sizeof(r->tls), span_str(t->tls));
	copy_text(r->mail_from, sizeof(r->mail_from), span_of(t->mail_from, t->mail_from_len));
	record_rcpts(r, t);
	r->size = t->msg ? msg_len(t->msg) : 0;
	record_results(r, t);
	copy_text(r->action, sizeof(r->action), span_str(verdict_action_text(t->verdict.action)));
	copy_text(r->rule, sizeof(r->rule), span_str(t->verdict.rule ? t->verdict.rule : ""));
	text_init(&text, r->reply, sizeof(r->reply));
	smtp_reply_line(reply, &text);
	copy_text(r->nexthop, sizeof(r->nexthop), span_str(t->nexthop));
	copy_text(r->nexthop_reply, sizeof(r->nexthop_reply), span_str(t->nexthop_reply));
	r->dns_us = since(t->end_us, t->last_answer_us);
	r->crypto_us = since(t->jobs_us, t->jobs_done_us);
	r->total_us = since(t->data_us, now_us);
	r->duplicate_possible = t->duplicate_possible;
	if (t->fields.at && t->fields.len < sizeof(r->fields)) {
		r->fields_len = (uint16_t)t->fields.len;
		memcpy(r->fields, t->fields.at, t->fields.len);
	}
	r->steps = NULL;
	r->steps_len = 0;
	if (s->explain_octets)
		record_steps(s, r, t);
	if (!ring_put(&s->env.link->up, r)) {
		s->stats.shard_record_lost++;
		pool_give(&s->records, r);
	}
}

static void list_sessions(struct shard *s, uint64_t tag, uint64_t now_us)
{
	struct shard_sessions *reply = s->sessions_reply;

	if (s->sessions_reply_out)
		return; /* the last one is still being read; the asker's own timeout tells it so */
	reply->m = (struct shard_message){ .kind = SHARD_UP_SESSIONS, .worker = s->env.index, .tag = tag };
	reply->n_total = s->n_live;
	reply->n_rows = 0;
	for (const struct client *c = s->live; c && reply->n_rows < SHARD_SESSIONS_MAX; c = c->next) {
		struct shard_session_row *row = &reply->rows[reply->n_rows++];

		memset(row, 0, sizeof(*row));
		row->client = c->ip;
		row->client_port = c->port;
		copy_text(row->state, sizeof(row->state),
			  span_str(c->proxy_awaited ? "PROXY" : smtp_session_state_text(&c->smtp)));
		copy_text(row->helo, sizeof(row->helo), client_helo(c));
		copy_text(row->tls, sizeof(row->tls), span_str(c->tls ? c->tls->facts : ""));
		if (c->txn)
			copy_text(row->mail_from, sizeof(row->mail_from),
				  span_of(c->txn->mail_from, c->txn->mail_from_len));
		row->age_s = (uint32_t)((now_us - c->started_us) / 1000000);
		row->n_messages = c->n_messages;
	}
	s->sessions_reply_out = ring_put(&s->env.link->up, reply);
}

/* Nobody is waited for who was told all and only keeps its own side open. */
static bool all_told(const struct shard *s)
{
	for (const struct client *c = s->live; c; c = c->next)
		if (!c->closing || c->out_at < c->out_len || tcp_unacked(c->conn))
			return false;
	return true;
}

void control_check_drained(struct shard *s)
{
	if (!s->draining || !all_told(s) || s->drained_told || s->drained_out)
		return;
	s->drained = (struct shard_message){ .kind = SHARD_UP_DRAINED, .worker = s->env.index };
	s->drained_told = s->drained_out = ring_put(&s->env.link->up, &s->drained);
}

static void drain(struct shard *s, uint64_t now_us)
{
	if (s->draining)
		return;
	s->draining = true;
	s->drained_told = false;
	tcp_unlisten(s->tcp, (uint16_t)s->env.settings->smtp_port);
	client_shutdown_all(s, now_us);
}

static void resume(struct shard *s)
{
	if (!s->draining)
		return;
	s->draining = false;
	if (tcp_listen(s->tcp, (uint16_t)s->env.settings->smtp_port) != OK)
		s->stats.shard_listen_failed++;
}

/* Own messages that came home. */
static void take_back(struct shard *s, struct shard_message *m, uint64_t now_us)
{
	switch (m->kind) {
	case SHARD_UP_QUESTION:
		pool_give(&s->questions, m);
		break;
	case SHARD_UP_RECORD:
		pool_give(&s->records, m);
		break;
	case SHARD_UP_KEEP:
		keep_home(s, (struct shard_keep *)m, now_us);
		break;
	case SHARD_UP_SESSIONS:
		s->sessions_reply_out = false;
		break;
	case SHARD_UP_DRAINED:
		s->drained_out = false;
		break;
	case SHARD_UP_SETTINGS:
		s->config_told_out = false;
		break;
	case SHARD_DOWN_ANSWER:
	case SHARD_DOWN_SESSIONS:
	case SHARD_DOWN_DRAIN:
	case SHARD_DOWN_RESUME:
	case SHARD_DOWN_FLUSH:
	case SHARD_DOWN_SEND:
	case SHARD_DOWN_LISTS:
	case SHARD_DOWN_SETTINGS:
	case SHARD_DOWN_TLS:
		CHECK(!"a message of the control thread came home to the worker");
	}
}

/* True: the message may go home now. */
static bool obey(struct shard *s, struct shard_message *m, uint64_t now_us)
{
	switch (m->kind) {
	case SHARD_DOWN_ANSWER: {
		struct shard_answer *a = (struct shard_answer *)m;
		const struct dns_answer *answer = (const struct dns_answer *)a->answer;

		dns_cache_put(s->dns, &a->q, answer, now_us);
		txn_answered(s, a->ticket, &a->q, answer, now_us);
		break;
	}
	case SHARD_DOWN_SESSIONS:
		list_sessions(s, m->tag, now_us);
		break;
	case SHARD_DOWN_DRAIN:
		drain(s, now_us);
		break;
	case SHARD_DOWN_RESUME:
		resume(s);
		break;
	case SHARD_DOWN_FLUSH:
		dns_cache_flush(s->dns, SPAN(""));
		dns_cache_flush(s->kept, SPAN(""));
		dmarc_cache_flush(s->walks);
		break;
	case SHARD_DOWN_SEND:
		send_begin(s, (struct shard_send *)m, now_us);
		return false;
	case SHARD_DOWN_LISTS:
		s->lists[0] = ((struct shard_lists *)m)->file;
		s->lists[1] = ((struct shard_lists *)m)->live;
		s->recipients = ((struct shard_lists *)m)->recipients;
		break;
	case SHARD_DOWN_SETTINGS:
		config_change(s, (struct shard_settings *)m, now_us);
		return false;
	case SHARD_DOWN_TLS:
		s->env.tls->renew(s->env.tls, ((struct shard_renewal *)m)->context);
		break;
	case SHARD_UP_QUESTION:
	case SHARD_UP_RECORD:
	case SHARD_UP_KEEP:
	case SHARD_UP_SESSIONS:
	case SHARD_UP_DRAINED:
	case SHARD_UP_SETTINGS:
		CHECK(!"a message of the worker came down to it");
	}
	return true;
}

/* What waits in the ring, as far as a turn's share goes.  What could not go home is not taken. */
static bool control_obey(struct shard *s, uint64_t now_us)
{
	uint64_t until_us = shard_share_ends_us(s, now_us);
	struct shard_message *m;
	unsigned n = 0;

	while (n < SHARD_TURN_MAX && (!n || shard_clock_us(s, now_us) < until_us) &&
	       ring_has_room(&s->env.link->down_back) && (m = ring_get(&s->env.link->down))) {
		n++;
		if (obey(s, m, now_us)) {
			bool home = ring_put(&s->env.link->down_back, m);

			CHECK(home);
		}
	}
	return n > 0;
}

bool control_step(struct shard *s, uint64_t now_us)
{
	struct shard_message *m;

	while ((m = ring_get(&s->env.link->up_back)))
		take_back(s, m, now_us);
	bool any = control_obey(s, now_us);
	send_step(s);
	if (s->draining)
		control_check_drained(s);
	return any;
}
