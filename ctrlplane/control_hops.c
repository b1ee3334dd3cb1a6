// SPDX-License-Identifier: MIT
/*
 * control_hops.c - what `show nexthops` answers: each next hop as settings, workers and records know it
 */
#include "ctrlplane/address.h"
#include "ctrlplane/control_state.h"

/* What the kept records say of one next hop: how many messages, and the newest of them. */
static void next_hop_history(struct control *c, const char *address, const char *with_port, json_t *o)
{
	const struct shard_record *r, *newest = NULL;
	json_int_t n = 0;
	char time[40] = "";
	struct text t;

	for (size_t age = 0; (r = record_ring_at(c->env->records, age)); age++) {
		if (strncmp(r->nexthop, address, sizeof(r->nexthop)) != 0 &&
		    strncmp(r->nexthop, with_port, sizeof(r->nexthop)) != 0)
			continue;
		n++;
		if (!newest)
			newest = r;
	}
	text_init(&t, time, sizeof(time));
	if (newest)
		record_time_text(newest->time_unix_us, &t);
	json_object_set_new(o, "recent_messages", json_integer(n));
	json_object_set_new(o, "last_time", json_string(time));
	json_object_set_new(
		o, "last_reply",
		newest ? record_string(span_of(newest->nexthop_reply,
					       strnlen(newest->nexthop_reply, sizeof(newest->nexthop_reply))))
		       : json_string(""));
}

/* Whom the routes send there; empty: what no route names. */
static json_t *domains_of(const struct settings *s, unsigned index)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_routes; i++)
		if (s->routes[i].next_hops >> index & 1)
			json_array_append_new(list, json_string(s->routes[i].domain));
	return list;
}

/* One word for all workers; each has a breaker of its own. */
static const char *state_text(const unsigned n[SHARD_HOP_N_STATES])
{
	if (n[SHARD_HOP_UP] && (n[SHARD_HOP_DOWN] || n[SHARD_HOP_TRYING]))
		return "partly up";
	return n[SHARD_HOP_UP] ? "up" : n[SHARD_HOP_TRYING] ? "trying" : n[SHARD_HOP_DOWN] ? "down" : "unknown";
}

/* The sums of what the workers know; the longest wait, the most failures in a row. */
static void next_hop_now(struct control *c, unsigned index, json_t *o)
{
	unsigned n[SHARD_HOP_N_STATES] = { 0 };
	struct shard_hop sum = { 0 }, one;

	for (unsigned w = 0; w < c->env->n_workers; w++) {
		c->env->next_hop(c->env->arg, w, index, &one);
		n[one.state]++;
		if (one.retry_us > sum.retry_us)
			sum.retry_us = one.retry_us;
		if (one.n_failures > sum.n_failures)
			sum.n_failures = one.n_failures;
		if (one.tls_fault[0])
			memcpy(sum.tls_fault, one.tls_fault, sizeof(sum.tls_fault));
		if (one.extensions[0])
			memcpy(sum.extensions, one.extensions, sizeof(sum.extensions));
		if (one.size_max)
			sum.size_max = one.size_max;
		sum.n_connections += one.n_connections;
		sum.n_connecting += one.n_connecting;
		sum.n_busy += one.n_busy;
		sum.n_waiting += one.n_waiting;
		sum.connects += one.connects;
		sum.connects_failed += one.connects_failed;
		sum.opened += one.opened;
		sum.accepted += one.accepted;
		sum.refused += one.refused;
		sum.lost += one.lost;
	}
	json_object_set_new(o, "state", json_string(state_text(n)));
	control_set_count(o, "workers_up", n[SHARD_HOP_UP]);
	control_set_count(o, "workers_down", n[SHARD_HOP_DOWN] + n[SHARD_HOP_TRYING]);
	control_set_count(o, "retry_s", (sum.retry_us + 999999) / 1000000);
	control_set_count(o, "failures_in_a_row", sum.n_failures);
	control_set_count(o, "breaker_opened", sum.opened);
	control_set_count(o, "connections", sum.n_connections);
	control_set_count(o, "connecting", sum.n_connecting);
	control_set_count(o, "busy", sum.n_busy);
	control_set_count(o, "waiting", sum.n_waiting);
	control_set_count(o, "connects", sum.connects);
	control_set_count(o, "connects_failed", sum.connects_failed);
	control_set_count(o, "accepted", sum.accepted);
	control_set_count(o, "refused", sum.refused);
	control_set_count(o, "lost", sum.lost);
	json_object_set_new(o, "extensions", json_string(sum.extensions));
	json_object_set_new(o, "tls_fault", json_string(sum.tls_fault));
	control_set_count(o, "size_max", sum.size_max);
}

/* By what a server is known that has TLS with us. */
static const char *known_by(const struct settings_next_hop *h)
{
	return h->tls_dane ? "dane" : h->tls_pinned ? "pin" : h->tls_ca_file[0] ? "ca" : "";
}

json_t *control_show_next_hops(struct control *c)
{
	static const char *const tls[] = { [SETTINGS_TLS_NONE] = "none",
					   [SETTINGS_TLS_MAY] = "may",
					   [SETTINGS_TLS_REQUIRE] = "require",
					   [SETTINGS_TLS_IMMEDIATE] = "immediate" };
	const struct settings *s = c->env->settings(c->env->arg);
	json_t *list = json_array();
	char address[64], with_port[64];
	struct text t;

	for (unsigned i = 0; i < s->n_next_hops; i++) {
		const struct settings_next_hop *h = &s->next_hops[i];

		text_init(&t, address, sizeof(address));
		ip_addr_text(&h->addr, &t);
		text_init(&t, with_port, sizeof(with_port));
		address_port_text(&h->addr, h->port, &t);
		json_t *o = json_pack("{s:s, s:i, s:o, s:i, s:i}", "address", address, "port", (int)h->port, "domains",
				      domains_of(s, i), "priority", (int)h->priority, "weight", (int)h->weight);
		json_object_set_new(o, "tls", json_string(tls[h->tls]));
		json_object_set_new(o, "known_by", json_string(known_by(h)));
		json_object_set_new(o, "tlsa", json_string(c->env->next_hop_tlsa(c->env->arg, i)));
		next_hop_now(c, i, o);
		next_hop_history(c, address, with_port, o);
		json_array_append_new(list, o);
	}
	return json_pack("{s:o, s:o}", "next_hops", list, "counters", control_counters_of(c, "relay_"));
}
