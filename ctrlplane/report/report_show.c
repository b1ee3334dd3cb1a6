// SPDX-License-Identifier: MIT
/*
 * report_show.c - what sekishoctl report asks, answered from the store
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctrlplane/report/report_state.h"

static json_t *time_json(uint64_t unix_s)
{
	time_t s = (time_t)unix_s;
	char text[40];
	struct tm tm;

	if (unix_s == 0 || !gmtime_r(&s, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
	return json_string(text);
}

/* Peers' octets as printable ASCII; what a report itself would show. */
static json_t *text_json(struct span s)
{
	char text[512];
	struct text t;

	text_init(&t, text, sizeof(text));
	text_escaped(&t, span_head(s, s.len < sizeof(text) / 4 ? s.len : sizeof(text) / 4 - 1));
	return json_string(text);
}

static const char *state_text(enum report_state state)
{
	static const char *const texts[] = { [REPORT_OPEN] = "open",
					     [REPORT_CLOSED] = "closed",
					     [REPORT_ADDRESSED] = "sending",
					     [REPORT_DONE] = "done" };

	return texts[state];
}

static json_t *period_json(const struct report_period *p)
{
	return json_pack("{s:I, s:o, s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:o}", "id", (json_int_t)p->id, "domain",
			 text_json(span_str(p->domain)), "policy", text_json(span_str(p->policy)), "state",
			 state_text(p->state), "begin", time_json(p->begin_s), "end", time_json(p->end_s), "rows",
			 (json_int_t)p->n_rows, "messages", (json_int_t)p->n_messages, "over", (json_int_t)p->n_over,
			 "note", text_json(span_str(p->note)));
}

static void add_period(void *arg, const struct report_period *p)
{
	json_array_append_new(arg, period_json(p));
}

static json_t *list(struct reports *r)
{
	json_t *periods = json_array();
	bool fleet = r->store != r->file, up;

	report_store_list(r->store, REPORT_LIST_MAX, add_period, periods);
	up = report_store_ready(r->store); /* the list may have found out that it is away */
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "database",
			 !fleet ? "file"
			 : up   ? "up"
				: report_store_why(r->store),
			 "messages_waiting", (json_int_t)(fleet ? report_store_waiting(r->file) : 0), "messages_taken",
			 (json_int_t)r->n_taken, "messages_lost", (json_int_t)report_store_n_lost(r->file),
			 "messages_missed", (json_int_t)report_ledgers_n_refused(&r->ledgers), "failure_reports_sent",
			 (json_int_t)r->failures.n_sent, "failure_reports_limited", (json_int_t)r->failures.n_limited,
			 "reports_sent", (json_int_t)r->job.n_sent, "reports_failed", (json_int_t)r->job.n_failed,
			 "external_refused", (json_int_t)r->job.n_external_refused, "periods", periods);
}

static void add_row(void *arg, struct span key, uint64_t count)
{
	static const char *const names[N_FACTS] = { [FACT_DISPOSITION] = "disposition",
						    [FACT_DKIM] = "dkim",
						    [FACT_SPF] = "spf",
						    [FACT_REASON] = "reason",
						    [FACT_COMMENT] = "comment",
						    [FACT_HEADER_FROM] = "header_from",
						    [FACT_ENVELOPE_FROM] = "envelope_from",
						    [FACT_SPF_DOMAIN] = "spf_domain",
						    [FACT_SPF_RESULT] = "spf_result" };
	json_t *row;

	if (json_array_size(arg) >= REPORT_LIST_MAX)
		return;
	row = json_pack("{s:o, s:I}", "source_ip", text_json(span_cut(&key, '\0')), "count", (json_int_t)count);
	for (unsigned i = 0; i < N_FACTS; i++) {
		struct span fact = span_cut(&key, '\0');

		json_object_set_new(row, names[i], text_json(fact.at ? fact : SPAN("")));
	}
	json_array_append_new(arg, row);
}

static void add_delivery(void *arg, const struct report_delivery *d)
{
	static const char *const texts[] = { [DELIVERY_PENDING] = "pending",
					     [DELIVERY_SENDING] = "sending",
					     [DELIVERY_SENT] = "sent",
					     [DELIVERY_FAILED] = "failed" };

	json_array_append_new(arg, json_pack("{s:o, s:s, s:I, s:o, s:o}", "address", text_json(span_str(d->address)),
					     "state", texts[d->state], "attempts", (json_int_t)d->n_attempts, "next",
					     time_json(d->state == DELIVERY_PENDING ? d->next_s : 0), "reply",
					     text_json(span_str(d->reply))));
}

static void add_suppressed(void *arg, const struct report_suppressed *s)
{
	json_array_append_new(arg, json_pack("{s:o, s:o, s:I, s:o}", "address", text_json(span_str(s->address)),
					     "until", time_json(s->until_s), "failures", (json_int_t)s->n_failures,
					     "reply", text_json(span_str(s->reply))));
}

static json_t *show(struct reports *r, const struct report_period *p)
{
	json_t *o = period_json(p), *rows = json_array(), *deliveries = json_array();

	report_store_rows(r->store, p->id, add_row, rows);
	report_store_deliveries(r->store, p->id, add_delivery, deliveries);
	json_object_set_new(o, "record", rows);
	json_object_set_new(o, "deliveries", deliveries);
	return o;
}

static json_t *preview(struct reports *r, const struct report_period *p)
{
	char id[512], *xml;
	json_t *o = NULL;
	struct text t;
	size_t n;

	text_init(&t, id, sizeof(id));
	report_id_text(p, r->submitter, &t);
	xml = report_xml(r->store, p, &r->author, id, &n);
	if (xml)
		o = json_pack("{s:I, s:s%}", "id", (json_int_t)p->id, "text", xml, n);
	free(xml);
	return o;
}

/* The period that is meant: by its number, or the newest of a domain. */
static bool find(struct reports *r, const json_t *args, struct report_period *p, struct side_wish *out)
{
	const char *name = json_string_value(json_object_get(args, "report"));
	uint64_t id;

	if (!name || !*name) {
		snprintf(out->error, sizeof(out->error), "no report; name one by its number or its domain");
		out->refused = true;
		return false;
	}
	if (span_decimal(span_str(name), INT64_MAX, &id) ? report_store_period(r->store, (int64_t)id, p)
							 : report_store_newest(r->store, name, p))
		return true;
	snprintf(out->error, sizeof(out->error), "there is no report %.60s; report list has them", name);
	return false;
}

static json_t *send_now(struct reports *r, const json_t *args, uint64_t now_s)
{
	const char *domain = json_string_value(json_object_get(args, "domain"));
	unsigned n;

	report_forward_all(r, now_s);
	r->looked_s = 0; /* begun in this turn */
	n = report_store_close_now(r->store, domain && *domain ? domain : NULL, now_s);
	return json_pack("{s:i}", "due", (int)n);
}

static json_t *unsuppress(struct reports *r, const json_t *args, struct side_wish *out)
{
	const char *address = json_string_value(json_object_get(args, "address"));

	if (address && report_store_unsuppress(r->store, address))
		return json_pack("{s:o}", "unsuppressed", text_json(span_str(address)));
	snprintf(out->error, sizeof(out->error), "%.60s is not suppressed; report suppressed has those that are",
		 address ? address : "no address");
	return NULL;
}

void report_show(struct reports *r, const char *command, const json_t *args, struct side_wish *out, uint64_t now_s)
{
	struct report_period p;

	snprintf(out->error, sizeof(out->error), "no memory for the answer; ask for less");
	if (strcmp(command, "list") == 0) {
		out->result = list(r);
	} else if (!report_store_ready(r->store)) {
		snprintf(out->error, sizeof(out->error),
			 "fleet.database: %.120s; rows are counted in report.store until then",
			 report_store_why(r->store));
	} else if (strcmp(command, "show") == 0) {
		out->result = find(r, args, &p, out) ? show(r, &p) : NULL;
	} else if (strcmp(command, "preview") == 0) {
		out->result = find(r, args, &p, out) ? preview(r, &p) : NULL;
	} else if (strcmp(command, "send") == 0) {
		out->result = send_now(r, args, now_s);
	} else if (strcmp(command, "unsuppress") == 0) {
		out->result = unsuppress(r, args, out);
	} else {
		json_t *rows = json_array();

		report_store_suppressions(r->store, REPORT_LIST_MAX, add_suppressed, rows);
		out->result = json_pack("{s:o}", "suppressed", rows);
	}
}
