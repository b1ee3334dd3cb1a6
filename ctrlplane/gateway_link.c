// SPDX-License-Identifier: MIT
/*
 * gateway_link.c - the control thread's ends of the rings (dataplane/shard/shard_link.h)
 */
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/gateway.h"

/* Messages of ours carry their link for the waiting list in front. */
struct own {
	struct own *next;
	_Alignas(16) uint8_t message[];
};

static struct own *own_of(void *message)
{
	return (struct own *)(void *)((uint8_t *)message - offsetof(struct own, message));
}

static void *own_new(size_t size)
{
	struct own *o = calloc(1, sizeof(*o) + size);

	return o ? o->message : NULL;
}

static void waiting_flush(struct gateway_worker *w)
{
	while (w->waiting && ring_put(&w->link.down, w->waiting->message)) {
		struct own *o = w->waiting;

		w->waiting = o->next;
		if (!w->waiting)
			w->waiting_end = &w->waiting;
	}
}

static void down(struct gateway *g, unsigned worker, void *message)
{
	struct gateway_worker *w = &g->workers[worker];
	struct own *o = own_of(message);

	waiting_flush(w);
	if (!w->waiting && ring_put(&w->link.down, message))
		return;
	o->next = NULL;
	*w->waiting_end = o;
	w->waiting_end = &o->next;
}

bool gateway_say(struct gateway *g, unsigned worker, enum shard_message_kind kind, uint64_t tag)
{
	struct shard_message *m = own_new(sizeof(*m));

	if (!m)
		return false;
	*m = (struct shard_message){ .kind = kind, .worker = (uint16_t)worker, .tag = tag };
	down(g, worker, m);
	return true;
}

/* A message of @size for each worker, or none at all: no memory. */
static bool messages_for_all(struct gateway *g, size_t size, void *messages[STATS_WORKERS_MAX])
{
	unsigned n = 0;

	CHECK(g->n_workers <= STATS_WORKERS_MAX);
	while (n < g->n_workers && (messages[n] = own_new(size)))
		n++;
	if (n == g->n_workers)
		return true;
	while (n)
		free(own_of(messages[--n]));
	return false;
}

bool gateway_publish(struct gateway *g, const struct settings *s)
{
	void *messages[STATS_WORKERS_MAX];

	if (!messages_for_all(g, sizeof(struct shard_settings), messages))
		return false;
	for (unsigned i = 0; i < g->n_workers; i++) {
		*(struct shard_settings *)messages[i] = (struct shard_settings){
			.m = { .kind = SHARD_DOWN_SETTINGS, .worker = (uint16_t)i, .tag = s->version },
			.settings = s,
			.tls = g->tls[i] ? g->tls_made[i] : NULL
		};
		if (g->tls[i])
			g->tls_made[i] = NULL;
		down(g, i, messages[i]);
	}
	return true;
}

bool gateway_publish_lists(struct gateway *g, const struct lists *file, const struct lists *live,
			   const struct lists *recipients, uint64_t version)
{
	void *messages[STATS_WORKERS_MAX];

	if (!messages_for_all(g, sizeof(struct shard_lists), messages))
		return false;
	for (unsigned i = 0; i < g->n_workers; i++) {
		*(struct shard_lists *)messages[i] =
			(struct shard_lists){ .m = { .kind = SHARD_DOWN_LISTS, .worker = (uint16_t)i, .tag = version },
					      .file = file,
					      .live = live,
					      .recipients = recipients };
		down(g, i, messages[i]);
	}
	return true;
}

bool gateway_say_tls(struct gateway *g, unsigned worker, struct tls_context *context)
{
	struct shard_renewal *m = own_new(sizeof(*m));

	if (!m)
		return false;
	*m = (struct shard_renewal){ .m = { .kind = SHARD_DOWN_TLS, .worker = (uint16_t)worker }, .context = context };
	down(g, worker, m);
	return true;
}

void gateway_answer_worker(struct gateway *g, unsigned worker, uint64_t ticket, const struct dns_question *q,
			   const struct dns_answer *answer)
{
	struct shard_answer *m = own_new(sizeof(*m) + answer->size);

	if (!m)
		return; /* the worker's own deadline makes it a temperror */
	m->m = (struct shard_message){ .kind = SHARD_DOWN_ANSWER, .worker = (uint16_t)worker };
	m->ticket = ticket;
	m->q = *q;
	memcpy(m->answer, answer, answer->size);
	down(g, worker, m);
}

bool gateway_send(struct gateway *g, uint64_t tag, const struct side_wish *w)
{
	struct shard_send *m = own_new(sizeof(*m) + w->rcpts_len + w->mail_len);
	unsigned worker = g->send_worker++ % g->n_workers;

	if (!m)
		return false;
	uint8_t *at = (uint8_t *)(m + 1);
	if (w->rcpts_len)
		memcpy(at, w->rcpts, w->rcpts_len);
	memcpy(at + w->rcpts_len, w->mail, w->mail_len);
	*m = (struct shard_send){ .m = { .kind = SHARD_DOWN_SEND, .worker = (uint16_t)worker, .tag = tag },
				  .rcpts = span_of(at, w->rcpts_len),
				  .octets = span_of(at + w->rcpts_len, w->mail_len),
				  .body_8bit = w->body_8bit,
				  .smtputf8 = w->smtputf8,
				  .requiretls = w->requiretls,
				  .outbound = w->outbound,
				  .report = w->report };
	memcpy(m->mail_from, w->mail_from, sizeof(m->mail_from));
	down(g, worker, m);
	return true;
}

void gateway_home(struct gateway *g, struct shard_message *m)
{
	bool home = ring_put(&g->workers[m->worker].link.up_back, m);

	CHECK(home); /* as long as the ring up, and all of a worker's messages fit in it */
}

/* A message of ours that the worker has done with. */
static void home(struct gateway *g, struct shard_message *m)
{
	if (m->kind == SHARD_DOWN_SETTINGS)
		gateway_settings_home(g, (const struct shard_settings *)m);
	if (m->kind == SHARD_DOWN_LISTS)
		gateway_lists_home(g, m->tag);
	if (m->kind == SHARD_DOWN_SEND)
		gateway_sent(g, (const struct shard_send *)m);
	free(own_of(m));
}

static void record(struct gateway *g, const struct shard_record *r)
{
	struct text line;

	text_init(&line, g->line, sizeof(g->line));
	record_line(r, &line);
	record_ring_add(&g->records, r);
	control_hear_record(g->control, r);
	log_file_put(&g->log, text_span(&line));
}

/* False: it is kept for a while. */
static bool up(struct gateway *g, struct shard_message *m, uint64_t now_us)
{
	switch (m->kind) {
	case SHARD_UP_QUESTION: {
		const struct shard_question *q = (const struct shard_question *)m;

		gateway_dns_ask_worker(g, m->worker, q->ticket, &q->q, now_us);
		break;
	}
	case SHARD_UP_RECORD:
		record(g, (const struct shard_record *)m);
		break;
	case SHARD_UP_KEEP:
		return !gateway_keep(g, (struct shard_keep *)m);
	case SHARD_UP_SESSIONS:
		control_sessions(g->control, (const struct shard_sessions *)m);
		break;
	case SHARD_UP_DRAINED:
		g->workers[m->worker].drained = true;
		break;
	case SHARD_UP_SETTINGS:
		g->workers[m->worker].version = m->tag;
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
		break;
	}
	return true;
}

bool gateway_links_turn(struct gateway *g, uint64_t now_us)
{
	bool any = false;

	for (unsigned i = 0; i < g->n_workers; i++) {
		struct gateway_worker *w = &g->workers[i];
		void *m;

		while ((m = ring_get(&w->link.down_back)))
			home(g, m);
		waiting_flush(w);
		/* A bound, so that one worker does not keep the others waiting. */
		for (int n = 0; n < 1024 && (m = ring_get(&w->link.up)); n++) {
			any = true;
			if (up(g, m, now_us))
				gateway_home(g, m);
		}
	}
	return any;
}
