// SPDX-License-Identifier: MIT
/*
 * quarantine.c - the quarantine: the thread that owns the store, and its two ends
 *
 * A release is one message at a time: RELEASING on disk, then sent, then RELEASED or HELD again by what the next hop said.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctrlplane/log.h"
#include "ctrlplane/quarantine/quarantine.h"
#include "ctrlplane/quarantine/quarantine_store.h"
#include "ctrlplane/record.h"
#include "ctrlplane/side.h"

enum { TURN_MS = 1000, PURGE_S = 60, DAY_S = 86400, LIST_MAX = 500, TEXT_MAX = 65536 };

struct quarantine {
	struct settings settings;
	/* The side thread's */
	struct quarantine_store *store;
	uint64_t purged_s;
	struct {
		char id[24]; /* "": none is under way */
		uint64_t mail_tag, request_tag;
	} release;
	uint64_t n_mails;
	struct side side;
};

enum in_kind { IN_KEEP, IN_MAIL, IN_REQUEST };

struct in {
	enum in_kind kind;
	uint64_t tag;
	struct shard_keep *keep;
	unsigned code;
	char text[256];
	const char *command;
	json_t *args;
	struct side_wish *wish; /* what will be the answer, or the way home */
};

/* --- the control thread's end ------------------------------------------------------------------ */

static bool put(struct quarantine *q, const struct in *what, bool with_wish)
{
	struct in *m = malloc(sizeof(*m));
	struct side_wish *w = with_wish ? calloc(1, sizeof(*w)) : NULL;

	if (m) {
		*m = *what;
		m->wish = w;
	}
	if (m && (w || !with_wish) && side_put(&q->side, m))
		return true;
	free(w);
	free(m);
	return false;
}

bool quarantine_keep(struct quarantine *q, struct shard_keep *k)
{
	const struct in m = { .kind = IN_KEEP, .keep = k };

	return put(q, &m, true);
}

void quarantine_mail_result(struct quarantine *q, uint64_t tag, unsigned code, struct span text)
{
	struct in m = { .kind = IN_MAIL, .tag = tag, .code = code };

	snprintf(m.text, sizeof(m.text), "%.*s", (int)text.len, (const char *)text.at);
	if (!put(q, &m, false))
		log_error("quarantine: a reply was lost for want of room; that release ends when sekishod is started "
			  "anew");
}

bool quarantine_request(struct quarantine *q, const char *command, json_t *args, uint64_t tag)
{
	const struct in m = { .kind = IN_REQUEST, .tag = tag, .command = command, .args = args };

	if (put(q, &m, true))
		return true;
	json_decref(args);
	return false;
}

struct side_wish *quarantine_next(struct quarantine *q)
{
	return side_get(&q->side);
}

/* --- answers ----------------------------------------------------------------------------------- */

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

static json_t *time_json(uint64_t unix_s)
{
	char text[64] = "";
	struct text t;

	text_init(&t, text, sizeof(text));
	if (unix_s)
		record_time_text(unix_s * 1000000, &t);
	return json_string(text);
}

static json_t *item_json(const struct quarantine_item *item)
{
	static const char *const states[] = {
		[QUARANTINE_HELD] = "held", [QUARANTINE_RELEASING] = "releasing", [QUARANTINE_RELEASED] = "released"
	};
	struct span rest = item->rcpts;
	json_t *rcpts = json_array();

	while (rest.at && rest.len)
		json_array_append_new(rcpts, record_string(span_cut(&rest, '\0')));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", item->id, "gateway",
			 item->gateway, "state", states[item->state], "time", time_json(item->time_s), "released",
			 time_json(item->released_s), "size", (json_int_t)item->size, "client_ip",
			 record_string(item->client), "mail_from", record_string(item->mail_from), "from_domain",
			 record_string(item->from_domain), "rule", record_string(item->rule), "subject",
			 record_string(item->subject), "note", record_string(item->note), "rcpt", rcpts);
}

static void add_item(void *arg, const struct quarantine_item *item)
{
	json_array_append_new(arg, item_json(item));
}

static json_t *list(struct quarantine *q, const json_t *args)
{
	const char *before = json_string_value(json_object_get(args, "before"));
	json_t *messages = json_array();
	uint64_t n, octets;

	quarantine_store_totals(q->store, &n, &octets);
	quarantine_store_list(q->store, LIST_MAX, before && *before ? before : NULL, add_item, messages);
	return json_pack("{s:I, s:I, s:o}", "held", (json_int_t)n, "octets", (json_int_t)octets, "messages", messages);
}

static json_t *show(struct quarantine *q, const struct quarantine_item *item)
{
	json_t *o = item_json(item);
	size_t n = 0;
	char *octets = quarantine_store_octets(q->store, item->id, &n);

	json_object_set_new(o, "text",
			    octets ? record_string(span_of(octets, n < TEXT_MAX ? n : TEXT_MAX)) : json_null());
	free(octets);
	return o;
}

/* --- release ----------------------------------------------------------------------------------- */

/* On top of what is released, so that its reader and every filter can see that a person decided it. */
static char *marked(const char *id, const char *octets, size_t n, size_t *len)
{
	char mark[96], when[64];
	struct text t;
	char *out;

	text_init(&t, when, sizeof(when));
	record_time_text(now_s() * 1000000, &t);
	int n_mark = snprintf(mark, sizeof(mark), "X-Quarantine-Released: id=%s; time=%s\r\n", id, when);
	out = malloc((size_t)n_mark + n + 1);
	if (!out)
		return NULL;
	memcpy(out, mark, (size_t)n_mark);
	memcpy(out + n_mark, octets, n);
	*len = (size_t)n_mark + n;
	return out;
}

static struct side_wish *release_wish(struct quarantine *q, const struct quarantine_item *item)
{
	struct side_wish *w = calloc(1, sizeof(*w));
	size_t n = 0;
	char *octets = quarantine_store_octets(q->store, item->id, &n);

	if (w && octets) {
		w->kind = SIDE_WISH_SEND;
		w->tag = ++q->n_mails;
		w->mail = marked(item->id, octets, n, &w->mail_len);
		w->rcpts = malloc(item->rcpts.len + 1);
		w->rcpts_len = item->rcpts.len;
		if (w->rcpts)
			memcpy(w->rcpts, item->rcpts.at, item->rcpts.len);
		snprintf(w->mail_from, sizeof(w->mail_from), "%.*s", (int)item->mail_from.len,
			 (const char *)item->mail_from.at);
		w->body_8bit = item->body_8bit;
		w->smtputf8 = item->smtputf8;
		w->requiretls = item->requiretls;
	}
	free(octets);
	if (w && w->mail && w->rcpts)
		return w;
	if (w)
		side_wish_free(w);
	return NULL;
}

/* True: the answer comes with the next hop's reply. */
static bool release(struct quarantine *q, const struct quarantine_item *item, struct side_wish *answer)
{
	struct side_wish *w;

	if (item->state == QUARANTINE_RELEASED) {
		answer->result = json_pack("{s:s, s:b, s:o}", "id", item->id, "already", 1, "released",
					   time_json(item->released_s));
		return false;
	}
	if (q->release.id[0]) {
		snprintf(answer->error, sizeof(answer->error), "another message is being released; try again");
		return false;
	}
	memcpy(q->release.id, item->id, sizeof(q->release.id));
	w = release_wish(q, item);
	if (!w || !quarantine_store_set(q->store, q->release.id, QUARANTINE_RELEASING, 0, "")) {
		snprintf(answer->error, sizeof(answer->error),
			 "the message cannot be read, or its state not be written; see "
			 "quarantine.folder");
		q->release.id[0] = '\0';
		if (w)
			side_wish_free(w);
		return false;
	}
	q->release.mail_tag = w->tag;
	q->release.request_tag = answer->tag;
	side_say(&q->side, w);
	return true;
}

static void released(struct quarantine *q, const struct in *m)
{
	struct side_wish *w = calloc(1, sizeof(*w));
	bool good = m->code / 100 == 2;
	uint64_t now = now_s();
	char note[300];

	if (!q->release.id[0] || m->tag != q->release.mail_tag) {
		free(w);
		return;
	}
	snprintf(note, sizeof(note), good ? "" : "the next hop said %.250s", m->text);
	if (!quarantine_store_set(q->store, q->release.id, good ? QUARANTINE_RELEASED : QUARANTINE_HELD, good ? now : 0,
				  note))
		log_error("quarantine: the state of %s cannot be written; see quarantine.folder", q->release.id);
	if (w) {
		w->kind = SIDE_WISH_ANSWER;
		w->tag = q->release.request_tag;
		if (good)
			w->result = json_pack("{s:s, s:b, s:o, s:o}", "id", q->release.id, "already", 0, "released",
					      time_json(now), "reply", record_string(span_str(m->text)));
		else
			snprintf(w->error, sizeof(w->error), "%s is held still: the next hop said %.180s",
				 q->release.id, m->text);
		side_say(&q->side, w);
	}
	q->release.id[0] = '\0';
}

/* --- the side thread --------------------------------------------------------------------------- */

static struct span read_keep(void *arg)
{
	struct shard_keep *k = arg;

	return k->read(k);
}

static void keep(struct quarantine *q, struct in *m)
{
	static const uint16_t codes[] = {
		[QUARANTINE_STORED] = 250, [QUARANTINE_FULL] = 452, [QUARANTINE_FAILED] = 451
	};
	struct shard_keep *k = m->keep;
	char client[64];
	struct text t;

	text_init(&t, client, sizeof(client));
	ip_addr_text(&k->client, &t);
	struct quarantine_item item = { .time_s = k->time_unix_us / 1000000,
					.size = k->size,
					.client = text_span(&t),
					.mail_from = span_str(k->mail_from),
					.from_domain = span_str(k->from_domain),
					.rule = span_str(k->rule),
					.subject = span_str(k->subject),
					.rcpts = span_of(k->rcpts, k->rcpts_len),
					.body_8bit = k->body_8bit,
					.smtputf8 = k->smtputf8,
					.requiretls = k->requiretls };
	memcpy(item.id, k->id, sizeof(item.id));
	k->code = codes[quarantine_store_put(q->store, &item, read_keep, k)];
	m->wish->kind = SIDE_WISH_HOME;
	m->wish->keep = k;
	side_say(&q->side, m->wish);
}

static void request(struct quarantine *q, struct in *m)
{
	const char *id = json_string_value(json_object_get(m->args, "id"));
	struct side_wish *w = m->wish;
	struct quarantine_item item;
	bool later = false;

	w->kind = SIDE_WISH_ANSWER;
	w->tag = m->tag;
	if (!quarantine_store_ready(q->store)) {
		snprintf(w->error, sizeof(w->error), "fleet.database: %.160s", quarantine_store_why(q->store));
	} else if (strcmp(m->command, "list") == 0) {
		w->result = list(q, m->args);
	} else if (!id || !quarantine_store_get(q->store, id, &item)) {
		w->refused = !id;
		snprintf(w->error, sizeof(w->error), "there is no message %.60s; quarantine list has them",
			 id ? id : "named");
	} else if (!quarantine_store_is_here(q->store, &item)) {
		snprintf(w->error, sizeof(w->error), "%.24s lies with %.160s; ask there", id, item.gateway);
	} else if (strcmp(m->command, "show") == 0) {
		w->result = show(q, &item);
	} else if (strcmp(m->command, "release") == 0) {
		later = release(q, &item, w);
	} else if (item.state == QUARANTINE_RELEASING) {
		snprintf(w->error, sizeof(w->error), "%s is being released; try again", id);
	} else if (quarantine_store_delete(q->store, id)) {
		w->result = json_pack("{s:s}", "deleted", id);
	} else {
		snprintf(w->error, sizeof(w->error), "%.60s cannot be deleted; see quarantine.folder", id);
	}
	json_decref(m->args);
	if (later)
		free(w);
	else
		side_say(&q->side, w);
}

static void take(void *arg, void *message)
{
	struct quarantine *q = arg;
	struct in *m = message;

	switch (m->kind) {
	case IN_KEEP:
		keep(q, m);
		break;
	case IN_MAIL:
		released(q, m);
		break;
	case IN_REQUEST:
		request(q, m);
		break;
	}
	free(m);
}

static int turn(void *arg)
{
	struct quarantine *q = arg;
	uint64_t now = now_s(), keep_s = q->settings.quarantine_keep_days * DAY_S;

	if (now < q->purged_s + PURGE_S || now < keep_s || !quarantine_store_ready(q->store))
		return TURN_MS;
	q->purged_s = now;
	if (quarantine_store_purge(q->store, now - keep_s))
		q->purged_s = 0; /* there may be more */
	return TURN_MS;
}

/* --- start and end ----------------------------------------------------------------------------- */

struct quarantine *quarantine_open(const struct settings *settings, char error[512])
{
	struct quarantine *q = aligned_alloc(alignof(struct quarantine), sizeof(*q)); /* rings lie on cache lines */
	char why[256] = "no memory for the quarantine";

	if (q) {
		memset(q, 0, sizeof(*q));
		q->settings = *settings;
		const struct settings *s = &q->settings;
		struct quarantine_settings store = { .folder = s->quarantine_folder,
						     .server = s->fleet_database[0] ? s->fleet_database : NULL,
						     .gateway = s->fleet_name[0] ? s->fleet_name : s->server_hostname,
						     .octets_max = s->quarantine_store_mb << 20,
						     .messages_max = s->quarantine_messages_max };
		struct side_work work = { take, turn, q };
		q->store = quarantine_store_open(&store, why);
		if (q->store && side_start(&q->side, &work))
			return q;
		quarantine_close(q);
	}
	snprintf(error, 512, "%s", why);
	return NULL;
}

void quarantine_close(struct quarantine *q)
{
	struct side_wish *w;

	if (!q)
		return;
	side_stop(&q->side);
	while (q->side.in.slots && (w = side_get(&q->side)))
		side_wish_free(w);
	quarantine_store_close(q->store);
	free(q);
}
