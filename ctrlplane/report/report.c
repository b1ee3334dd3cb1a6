// SPDX-License-Identifier: MIT
/*
 * report.c - aggregate reports: the thread that owns the store, and its two ends
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/version.h"
#include "ctrlplane/log.h"
#include "ctrlplane/report/report_state.h"

enum {
	TURN_MS = 100, /* workers wake nobody */
	PURGE_S = 3600,
	DAY_S = 86400,
	GRACE_S = 60,
	LEASE_S = 3600,      /* no mail of ours is under way for longer */
	FORWARDS_MAX = 1024, /* of report_forward_all() */
	TOGETHER = 1024      /* entries of the ledgers in one transaction */
};
_Static_assert(TOGETHER < REPORT_STORE_TOGETHER, "no commit without the places in the ledgers");

enum in_kind { IN_DNS, IN_MAIL, IN_REQUEST };

/* What comes in; one block of memory, the octets behind it. */
struct in {
	enum in_kind kind;
	uint64_t tag;
	/* DNS */
	const struct dns_answer *answer;
	/* MAIL */
	unsigned code;
	struct span text;
	/* REQUEST */
	const char *command;
	json_t *args;
	struct side_wish *wish; /* what will be the answer */
	_Alignas(16) uint8_t octets[];
};

static struct in *in_new(enum in_kind kind, uint64_t tag, size_t n_octets)
{
	struct in *m = malloc(sizeof(*m) + n_octets);

	if (m)
		*m = (struct in){ .kind = kind, .tag = tag };
	return m;
}

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

/* --- the control thread's end ------------------------------------------------------------------ */

static struct span put_octets(uint8_t **at, struct span s)
{
	struct span copy = span_of(*at, s.len);

	memcpy(*at, s.at, s.len);
	*at += s.len;
	return copy;
}

void report_dns_answer(struct reports *r, uint64_t tag, const struct dns_answer *answer)
{
	struct in *m = in_new(IN_DNS, tag, answer->size);

	if (m) {
		memcpy(m->octets, answer, answer->size);
		m->answer = (const struct dns_answer *)(const void *)m->octets;
	}
	if (!m || !side_put(&r->side, m)) {
		log_error("reports: an answer of DNS was lost for want of room; reports wait until sekishod is started "
			  "anew");
		free(m);
	}
}

void report_mail_result(struct reports *r, uint64_t tag, unsigned code, struct span text)
{
	struct in *m = in_new(IN_MAIL, tag, text.len);
	uint8_t *at = m ? m->octets : NULL;

	if (m) {
		m->code = code;
		m->text = put_octets(&at, text);
	}
	if (!m || !side_put(&r->side, m)) {
		log_error("reports: a reply was lost for want of room; that report is sent again when sekishod is "
			  "started anew");
		free(m);
	}
}

bool report_request(struct reports *r, const char *command, json_t *args, uint64_t tag)
{
	struct in *m = in_new(IN_REQUEST, tag, 0);

	if (m) {
		m->command = command;
		m->args = args;
		m->wish = calloc(1, sizeof(*m->wish));
		if (m->wish && side_put(&r->side, m))
			return true;
		free(m->wish);
	}
	free(m);
	json_decref(args);
	return false;
}

struct side_wish *report_next(struct reports *r)
{
	return side_get(&r->side);
}

/* --- the side thread --------------------------------------------------------------------------- */

static bool take_told(struct reports *r, const struct report_told *t)
{
	switch (t->kind) {
	case SHARD_TOLD_MESSAGE:
		if (t->ruf && !t->again && r->failures.waiting)
			report_failures_take(&r->failures, &t->message);
		return !t->rua || report_store_add(r->file, &t->message);
	case SHARD_TOLD_TAKEN:
		r->is_taken = true;
		return report_store_taken(r->file, t->number, t->address);
	}
	return true;
}

/*
 * What the workers wrote down goes to the file, and how far they were read, in one transaction.  When the disk fails all of
 * it stays where it is, and is tried again in a second.  Returns whether more of it waits.
 */
static bool collect(struct reports *r, uint64_t now)
{
	uint8_t room[LEDGER_ENTRY_MAX];
	struct report_told told;
	unsigned n = 0;
	bool good = true;

	if (r->file_failed_s == now)
		return false;
	while (good && n < TOGETHER && report_ledgers_next(&r->ledgers, &told, room)) {
		good = take_told(r, &told);
		n++;
	}
	if (!good)
		report_ledgers_undo(&r->ledgers, r->file);
	else
		good = report_ledgers_keep(&r->ledgers, r->file);
	r->n_taken += good ? n : 0;
	if (!good && !r->file_failed_s)
		log_error("reports: rows wait in %s.*, as they cannot be written; make room for %s", r->ledgers.base,
			  r->settings.report_store);
	r->file_failed_s = good ? 0 : now;
	return good && n == TOGETHER;
}

static void collect_all(struct reports *r, uint64_t now)
{
	while (collect(r, now))
		;
}

static void take(void *arg, void *message)
{
	struct reports *r = arg;
	struct in *m = message;

	switch (m->kind) {
	case IN_DNS:
		r->is_moved = true;
		if (m->tag == r->job_tag)
			report_job_answer(&r->job, m->answer, now_s());
		else if (m->tag == r->failure_tag)
			report_failures_answer(&r->failures, m->answer, now_s());
		break;
	case IN_MAIL:
		r->is_moved = true;
		if (m->tag == r->job_tag)
			report_job_sent(&r->job, m->code, m->text, now_s());
		else if (m->tag == r->failure_tag)
			report_failures_sent(&r->failures, m->code);
		break;
	case IN_REQUEST:
		m->wish->kind = SIDE_WISH_ANSWER;
		m->wish->tag = m->tag;
		collect_all(r, now_s());
		report_show(r, m->command, m->args, m->wish, now_s());
		json_decref(m->args);
		side_say(&r->side, m->wish);
		break;
	}
	free(m);
}

/* @spare, with @tag, becomes the wish that @a is; reports of failures have a null reverse-path, and no answer. */
static void wish(struct reports *r, const struct report_action *a, uint64_t tag, const char *from)
{
	struct side_wish *w = r->spare;

	r->spare = NULL;
	w->tag = tag;
	switch (a->act) {
	case REPORT_ACT_ASK:
		w->kind = SIDE_WISH_ASK;
		w->question = a->question;
		break;
	case REPORT_ACT_SEND:
		w->kind = SIDE_WISH_SEND;
		w->report = a->report;
		w->outbound = true;
		w->mail = a->mail;
		w->mail_len = a->mail_len;
		w->rcpts = strdup(a->to); /* when there is no memory it has no recipient, and is tried again */
		w->rcpts_len = w->rcpts ? strlen(w->rcpts) + 1 : 0;
		snprintf(w->mail_from, sizeof(w->mail_from), "%s", from);
		break;
	}
	side_say(&r->side, w);
}

/* The wish is there before the job moves on: it never waits for what could not be asked. */
static bool has_spare(struct reports *r)
{
	if (!r->spare)
		r->spare = calloc(1, sizeof(*r->spare));
	return r->spare != NULL;
}

static void next_wish(struct reports *r, uint64_t now)
{
	struct report_action a;

	if (!has_spare(r) || !report_job_next(&r->job, &a, now))
		return;
	r->job_tag = ++r->n_tags;
	wish(r, &a, r->job_tag, r->from);
}

static void next_failure(struct reports *r, uint64_t now)
{
	struct report_action a;

	if (!r->failures.waiting || !has_spare(r) || !report_failures_next(&r->failures, &a, now))
		return;
	r->failure_tag = ++r->n_tags;
	wish(r, &a, r->failure_tag, "");
}

/* Rows that this gateway counted go to the database of the fleet; returns whether more of them wait. */
static bool forward(struct reports *r, uint64_t now)
{
	if (r->store == r->file || !report_store_ready(r->store))
		return false;
	if (now >= r->forwarded_s + r->settings.fleet_forward_s && !report_store_has_frozen(r->file)) {
		r->forwarded_s = now;
		report_store_close_now(r->file, NULL, now);
	}
	return report_store_forward(r->file, r->store, now) > 0;
}

void report_forward_all(struct reports *r, uint64_t now)
{
	r->forwarded_s = 0;
	for (unsigned i = 0; i < FORWARDS_MAX && forward(r, now); i++)
		;
}

/* Once a second, as it may cost a look into a database elsewhere. */
static void look(struct reports *r, uint64_t now)
{
	r->looked_s = now;
	report_store_close_due(r->file, now);
	if (r->store != r->file && report_store_ready(r->store))
		report_store_close_due(r->store, now);
	if (now < r->purged_s + PURGE_S)
		return;
	r->purged_s = now;
	report_store_purge(r->store, now);
}

/* What was taken before we were killed must be known before a period is claimed, or it would be sent again. */
static bool taken_is_told(struct reports *r, uint64_t now)
{
	if (!r->is_taken)
		return true;
	collect_all(r, now);
	if (r->file_failed_s || !report_store_tell_taken(r->file, r->store))
		return false;
	r->is_taken = false;
	return true;
}

static int turn(void *arg)
{
	struct reports *r = arg;
	uint64_t now = now_s();
	bool second = now != r->looked_s, more;

	if (r->side.ending) {
		collect_all(r, now);
		report_forward_all(r, now);
		return TURN_MS;
	}
	more = collect(r, now);
	if (second) {
		look(r, now);
		if (forward(r, now)) {
			more = true;
			r->looked_s = 0;
		}
	}
	if ((second || r->is_moved || r->job.step != REPORT_IDLE) && report_store_ready(r->store) &&
	    taken_is_told(r, now))
		next_wish(r, now);
	r->is_moved = false;
	next_failure(r, now);
	return more ? 0 : TURN_MS;
}

/* --- start and end ----------------------------------------------------------------------------- */

static bool open_signer(struct reports *r, char error[512])
{
	const char *why = NULL;

	if (!r->settings.report_key_file[0])
		return true;
	r->signer = crypto_signer_open(r->settings.report_key_file, &why);
	if (!r->signer)
		snprintf(error, 512, "report.key_file %.200s: %s", r->settings.report_key_file, why);
	return r->signer != NULL;
}

static bool open_stores(struct reports *r, char error[512])
{
	const struct settings *set = &r->settings;
	bool fleet = set->fleet_database[0] != '\0';
	struct report_store_settings s = { .path = set->report_store,
					   .owner = set->fleet_name[0] ? set->fleet_name : set->server_hostname,
					   .interval_s = set->report_interval_s,
					   .rows_max = set->report_rows_max,
					   .store_mb = set->report_store_mb,
					   .keep_s = set->report_keep_days * DAY_S,
					   .lease_s = LEASE_S };
	char why[256] = "";

	r->file = report_store_open(&s, why);
	s.server = set->fleet_database;
	s.grace_s = 2 * set->fleet_forward_s + GRACE_S;
	r->store = r->file && fleet ? report_store_open(&s, why) : r->file;
	if (!r->store)
		snprintf(error, 512, "%s", why);
	return r->store != NULL;
}

/* Beside the control socket, which no other sekishod has, and in memory as that is in /run. */
static bool open_ledgers(struct reports *r, unsigned n_workers, char error[512])
{
	const struct settings *s = &r->settings;
	char base[SETTINGS_STR_MAX + 16], note[256];
	uint64_t octets = LEDGER_OCTETS_MIN;

	while (octets < s->report_ledger_mb << 20)
		octets <<= 1;
	snprintf(base, sizeof(base), "%s.reports", s->server_control_socket);
	if (!report_ledgers_open(&r->ledgers, base, n_workers, octets, r->file, note, error))
		return false;
	if (*note)
		log_warning("reports: %s", note);
	r->is_taken = true; /* what the last process had no time to tell */
	return true;
}

struct ledger *report_ledger(struct reports *r, unsigned worker)
{
	return report_ledgers_of(&r->ledgers, worker);
}

struct reports *report_open(const struct settings *settings, unsigned n_workers,
			    struct span (*organizational)(struct span domain), char error[512])
{
	struct reports *r = aligned_alloc(alignof(struct reports), sizeof(*r)); /* rings lie on cache lines */

	snprintf(error, 512, "no memory for reports");
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->settings = *settings;
	const struct settings *s = &r->settings;
	if (s->report_from[0])
		snprintf(r->from, sizeof(r->from), "%s", s->report_from);
	else
		snprintf(r->from, sizeof(r->from), "dmarc-reports@%s", s->server_hostname);
	r->submitter = strchr(r->from, '@') + 1;
	r->author = (struct report_author){ .organization = s->report_organization[0] ? s->report_organization
										      : s->server_hostname,
					    .email = r->from,
					    .contact = s->report_contact,
					    .generator = "sekisho " SEKISHO_VERSION,
					    .rfc7489 = strcmp(s->report_format, "rfc7489") == 0 };
	struct side_work work = { take, turn, r };
	if (!open_signer(r, error) || !open_stores(r, error) || !open_ledgers(r, n_workers, error)) {
		report_close(r);
		return NULL;
	}
	struct report_job_settings job = { .hostname = r->submitter,
					   .author = r->author,
					   .signer = r->signer,
					   .selector = s->report_selector,
					   .addresses_max = (unsigned)s->report_addresses_max,
					   .attempts_max = (unsigned)s->report_attempts_max,
					   .retry_s = s->report_retry_s,
					   .suppress_s = s->report_suppress_s,
					   .organizational = organizational };
	report_job_init(&r->job, &job, r->store);
	if (s->report_failures && !report_failures_init(&r->failures, &job, r->store, s->report_failures_per_hour)) {
		report_close(r);
		return NULL;
	}
	if (side_start(&r->side, &work))
		return r;
	snprintf(error, 512, "the system gives no thread for reports");
	report_close(r);
	return NULL;
}

void report_close(struct reports *r)
{
	struct side_wish *w;

	if (!r)
		return;
	side_stop(&r->side);
	while (r->side.in.slots && (w = side_get(&r->side)))
		side_wish_free(w);
	free(r->spare);
	report_failures_end(&r->failures);
	if (r->store != r->file)
		report_store_close(r->store);
	report_ledgers_close(&r->ledgers);
	report_store_close(r->file);
	crypto_signer_close(r->signer);
	free(r);
}
