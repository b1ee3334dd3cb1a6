// SPDX-License-Identifier: MIT
/*
 * control_dns.c - what the control socket says of DNS: the cache, the resolver's delays, look-up, flush and dump
 */
#include <stdio.h>

#include "ctrlplane/address.h"
#include "ctrlplane/control_state.h"
#include "ctrlplane/stats_export.h"

enum { DUMP_ROWS = 100, DUMP_ROWS_MAX = 10000 };

static const uint64_t delay_bounds_us[DNS_DELAY_N - 1] = DNS_DELAY_BOUNDS_US;

static json_t *delays(const struct dns_desk_counts *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < DNS_DELAY_N; i++) {
		json_t *o = json_pack("{s:I}", "answers", (json_int_t)n->delay[i]);

		if (i < DNS_DELAY_N - 1)
			control_set_count(o, "up_to_us", delay_bounds_us[i]);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *control_show_dns(struct control *c)
{
	const struct settings *s = c->env->settings(c->env->arg);
	struct control_status status = { 0 };
	struct dns_cache_counts d = { 0 };
	struct dns_desk_counts n = { 0 };
	json_t *servers = json_array(), *o;
	char text[80];
	struct text t;

	c->env->status(c->env->arg, &status);
	c->env->dns_counts(c->env->arg, &d, &n);
	/* In the other modes they are not asked. */
	for (unsigned i = 0; strcmp(s->dns_mode, "forward") == 0 && i < s->n_dns_servers; i++) {
		text_init(&t, text, sizeof(text));
		address_port_text(&s->dns_servers[i].addr, s->dns_servers[i].port, &t);
		json_array_append_new(servers, json_string(text));
	}
	o = json_pack("{s:s, s:o}", "mode", s->dns_mode, "servers", servers);
	control_set_count(o, "flights", status.dns_flights);
	control_set_count(o, "flights_max", s->dns_flights_max);
	control_set_count(o, "cache_entries", d.entries);
	control_set_count(o, "cache_entries_max", d.entries_max);
	control_set_count(o, "cache_octets", d.octets);
	control_set_count(o, "cache_octets_max", d.octets_max);
	control_set_count(o, "cache_hits", d.hits);
	control_set_count(o, "cache_misses", d.misses);
	control_set_count(o, "cache_expired", d.expired);
	control_set_count(o, "cache_evicted", d.evicted);
	control_set_count(o, "cache_stored", d.stored);
	control_set_count(o, "asked", n.asked);
	control_set_count(o, "joined", n.joined);
	control_set_count(o, "prefetched", n.refreshed);
	control_set_count(o, "refused", n.full);
	control_set_count(o, "stale_used", n.stale);
	control_set_count(o, "late", n.late);
	for (unsigned rcode = 0; rcode <= DNS_TIMEOUT; rcode++) {
		text_init(&t, text, sizeof(text));
		text_puts(&t, "ended_");
		for (const char *at = dns_rcode_text(rcode); *at; at++)
			text_putc(&t, byte_lower((uint8_t)*at));
		text_putc(&t, '\0');
		control_set_count(o, text, n.by_rcode[rcode]);
	}
	json_object_set_new(o, "delay", delays(&n));
	json_object_set_new(o, "counters", control_counters_of(c, "dns_"));
	return o;
}

void control_dns_prometheus(struct control *c, FILE *f)
{
	struct control_status status = { 0 };
	struct dns_cache_counts d = { 0 };
	struct dns_desk_counts n = { 0 };

	c->env->status(c->env->arg, &status);
	c->env->dns_counts(c->env->arg, &d, &n);
	stats_prometheus_value(f, "dns_flights", "gauge", "questions under way", status.dns_flights);
	stats_prometheus_value(f, "dns_cache_entries", "gauge", "answers in the shared cache", d.entries);
	stats_prometheus_value(f, "dns_cache_octets", "gauge", "octets in the shared cache", d.octets);
	stats_prometheus_value(f, "dns_cache_hits_total", "counter", "questions answered by the shared cache", d.hits);
	stats_prometheus_value(f, "dns_cache_misses_total", "counter", "questions the shared cache did not know",
			       d.misses);
	stats_prometheus_value(f, "dns_cache_evicted_total", "counter", "answers that made room for others", d.evicted);
	stats_prometheus_value(f, "dns_asked_total", "counter", "questions asked of the resolver", n.asked);
	stats_prometheus_value(f, "dns_joined_total", "counter", "askers who joined a question under way", n.joined);
	stats_prometheus_value(f, "dns_prefetched_total", "counter",
			       "questions asked again before their answers expired", n.refreshed);
	stats_prometheus_value(f, "dns_stale_total", "counter", "failures for which an answer past its time stood in",
			       n.stale);
	stats_prometheus_value(f, "dns_refused_total", "counter", "questions failed: too much was under way", n.full);
	stats_prometheus_histogram(f, "dns_delay_seconds", "time until the resolver answered", delay_bounds_us, n.delay,
				   DNS_DELAY_N, n.delay_us);
}

void control_run_dns_lookup(struct control *c, struct client *client, const json_t *args)
{
	const char *name = control_arg(args, "name"), *type = control_arg(args, "type");
	unsigned known = type ? dns_type_parse(span_str(type)) : 0;

	if (!name || !known) {
		control_refuse(client, "%s; give both such as example.org TXT",
			       name ? "that type is not known" : "no name");
		return;
	}
	if (!dns_question_set(&client->question, (enum dns_type)known, span_str(name))) {
		control_refuse(client, "%.60s is no domain name; its labels have 1 to 63 octets, 253 in all", name);
		return;
	}
	client->state = CLIENT_DNS;
	client->tag = ++c->n_tags;
	client->wait_deadline_us = c->now_us + CONTROL_DNS_WAIT_US;
	if (!c->env->dns_lookup(c->env->arg, &client->question, client->tag))
		control_fail(client, "too many questions are under way; try again or see dns.flights_max");
}

/* Every record in presentation form: each as an answer of its own, which dns_answer_text() knows to write. */
static json_t *answer_records(const struct dns_answer *a, unsigned type)
{
	static _Alignas(8) uint8_t one[sizeof(struct dns_answer) + sizeof(uint16_t) + UINT16_MAX];
	static char text[4 * UINT16_MAX + 64];
	json_t *list = json_array();
	uint32_t cursor = 0;
	struct span rdata;
	struct text t;

	while (dns_answer_next(a, &cursor, &rdata)) {
		struct dns_answer *single = dns_answer_init(one, sizeof(one), DNS_NODATA, a->ttl_s);

		text_init(&t, text, sizeof(text));
		if (single && dns_answer_add(single, sizeof(one), rdata))
			dns_answer_text(single, type, &t);
		json_array_append_new(list, record_string(text_span(&t)));
	}
	return list;
}

void control_dns_answer(struct control *c, uint64_t tag, const struct dns_answer *answer)
{
	for (size_t i = 0; c && i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &c->clients[i];

		if (client->state != CLIENT_DNS || client->tag != tag)
			continue;
		const char *type = dns_type_text(client->question.type);
		control_answer(client, json_pack("{s:o, s:s, s:s, s:I, s:b, s:o}", "name",
						 record_string(dns_question_name(&client->question)), "type",
						 type ? type : "?", "rcode", dns_rcode_text(answer->rcode), "ttl_s",
						 (json_int_t)answer->ttl_s, "secure", answer->secure != 0, "records",
						 answer_records(answer, client->question.type)));
	}
}

void control_run_dns_flush(struct control *c, struct client *client, const json_t *args)
{
	const char *name = control_arg(args, "name");
	struct dns_question q;

	/* Through a question, so that case and a final dot do not matter. */
	if (name && *name && !dns_question_set(&q, DNS_A, span_str(name))) {
		control_refuse(client, "%.60s is no domain name; its labels have 1 to 63 octets, 253 in all", name);
		return;
	}
	control_log_change(client, "dns flush", name ? name : "");
	size_t n = c->env->dns_flush(c->env->arg, name && *name ? dns_question_name(&q) : span_of(NULL, 0));
	control_answer(client, control_changed(c, "flushed", json_integer((json_int_t)n)));
}

/* At @zone or below it; all when it is empty. */
static bool is_within(struct span name, struct span zone)
{
	if (name.len < zone.len || !span_eq_nocase(span_skip(name, name.len - zone.len), zone))
		return false;
	return zone.len == 0 || name.len == zone.len || name.at[name.len - zone.len - 1] == '.';
}

void control_run_dns_dump(struct control *c, struct client *client, const json_t *args)
{
	const char *name = control_arg(args, "name");
	json_int_t limit = control_number_arg(client, args, "limit", 1, DUMP_ROWS_MAX, DUMP_ROWS), total = 0;
	uint64_t now_us = c->now_us;
	struct dns_cache_row row;
	uint32_t cursor = 0;
	struct dns_question q = { 0 };

	if (limit < 0)
		return;
	if (name && *name && !dns_question_set(&q, DNS_A, span_str(name))) {
		control_refuse(client, "%.60s is no domain name; its labels have 1 to 63 octets, 253 in all", name);
		return;
	}
	json_t *rows = json_array();
	while (c->env->dns_walk(c->env->arg, &cursor, &row)) {
		if (!is_within(dns_question_name(&row.q), dns_question_name(&q)) || total++ >= limit)
			continue;
		const char *type = dns_type_text(row.q.type);
		json_int_t left_s = row.expires_us > now_us ? (json_int_t)((row.expires_us - now_us) / 1000000) : 0;

		json_array_append_new(rows,
				      json_pack("{s:o, s:s, s:s, s:I, s:i, s:I}", "name",
						record_string(dns_question_name(&row.q)), "type", type ? type : "?",
						"rcode", dns_rcode_text(row.answer->rcode), "ttl_s", left_s, "records",
						(int)row.answer->n_records, "octets", (json_int_t)row.answer->size));
	}
	control_answer(client, json_pack("{s:I, s:o}", "total", total, "rows", rows));
}
