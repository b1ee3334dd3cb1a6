// SPDX-License-Identifier: MIT
/*
 * control_daemon.h - a daemon that is only a struct of functions, for test_control.c
 */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H

#include "ctrlplane/control.h"
#include "ctrlplane/policy/lists.h"
#include "tests/unit/ctrlplane/control_stubs.h"

static struct daemon {
	struct settings settings;
	struct stats stats[2];
	struct record_ring records;
	bool draining, ending, ring_full, file_bad, reading;
	unsigned n_slow; /* workers that have not taken the last settings */
	unsigned n_session_asks;
	uint64_t sessions_tag, dns_tag;
	struct dns_question asked;
	char flushed[256];
	struct control *control;
	uint64_t now_us;
} d;

static const struct settings *env_settings(void *arg)
{
	return &((struct daemon *)arg)->settings;
}

static const struct stats *env_stats(void *arg, unsigned worker)
{
	return &((struct daemon *)arg)->stats[worker];
}

static void env_status(void *arg, struct control_status *out)
{
	struct daemon *daemon = arg;

	*out = (struct control_status){ .version = "9.9", .config = "f", .uptime_s = 5, .draining = daemon->draining };
}

static bool env_port(void *arg, unsigned index, struct control_port *out)
{
	(void)arg;
	*out = (struct control_port){
		.mac = "02:00:00:00:00:01", .driver = "net_tap", .link_up = true, .rx_packets = 7
	};
	return index == 0;
}

static void env_dns_counts(void *arg, struct dns_cache_counts *cache, struct dns_desk_counts *desk)
{
	stub_dns_counts(arg, cache, desk);
	*cache = (struct dns_cache_counts){ .hits = 3, .entries = 2, .entries_max = 1000 };
}

static size_t env_dns_flush(void *arg, struct span name)
{
	struct daemon *daemon = arg;

	snprintf(daemon->flushed, sizeof(daemon->flushed), "[%.*s]", (int)name.len, (const char *)name.at);
	return 4;
}

static bool env_dns_lookup(void *arg, const struct dns_question *q, uint64_t tag)
{
	struct daemon *daemon = arg;

	daemon->asked = *q;
	daemon->dns_tag = tag;
	return !daemon->ring_full;
}

static bool env_sessions(void *arg, unsigned worker, uint64_t tag)
{
	struct daemon *daemon = arg;

	(void)worker;
	daemon->n_session_asks++;
	daemon->sessions_tag = tag;
	return !daemon->ring_full;
}

static void env_drain(void *arg)
{
	((struct daemon *)arg)->draining = true;
}

static bool env_resume(void *arg)
{
	struct daemon *daemon = arg;

	if (!daemon->ending)
		daemon->draining = false;
	return !daemon->ending;
}

static enum control_outcome env_reload(void *arg, struct control_change *c)
{
	struct daemon *daemon = arg;

	if (daemon->reading)
		return CONTROL_LATER;
	if (daemon->file_bad) {
		c->usage = true;
		json_array_append_new(c->errors, json_string("f:2: a; mend it"));
		json_array_append_new(c->errors, json_string("f:3: b; mend it"));
		return CONTROL_FAILED;
	}
	c->version = ++daemon->settings.version;
	json_array_append_new(c->changed, json_string("smtp.hops_max"));
	json_array_append_new(c->restart, json_string("smtp.port"));
	return CONTROL_DONE;
}

static enum control_outcome env_rollback(void *arg, struct control_change *c)
{
	c->back_to = 3;
	c->version = ++((struct daemon *)arg)->settings.version;
	return CONTROL_DONE;
}

static bool env_lists_reading(void *arg)
{
	return ((struct daemon *)arg)->reading;
}

static bool env_list_change(void *arg, struct control_list_change *c)
{
	struct daemon *daemon = arg;

	c->usage = strcmp(c->what, "bad") == 0;
	snprintf(c->error, sizeof(c->error), c->usage ? "that is no name; give one" : "the disk is full; make room");
	snprintf(c->entry, sizeof(c->entry), "%s %s %s", c->bits == LISTS_DENY ? "deny" : "allow", c->kind, c->what);
	c->changed = c->add;
	c->version = 7;
	return !c->usage && !daemon->file_bad;
}

static json_t *env_list_show(void *arg, unsigned bits)
{
	(void)arg;
	return json_pack("{s:i}", "bits", (int)bits);
}

static unsigned env_lists_awaited(void *arg, uint64_t version)
{
	return version == 7 ? ((struct daemon *)arg)->n_slow : 9;
}

static unsigned env_settings_awaited(void *arg, uint64_t version)
{
	struct daemon *daemon = arg;

	return version == daemon->settings.version ? daemon->n_slow : 0;
}

static const struct control_env env = { .arg = &d,
					.n_workers = 2,
					.records = &d.records,
					.settings = env_settings,
					.stats = env_stats,
					.latency = stub_latency,
					.policy_counts = stub_policy_counts,
					.limits = stub_limits,
					.status = env_status,
					.port = env_port,
					.next_hop = stub_next_hop,
					.next_hop_tlsa = stub_next_hop_tlsa,
					.show = stub_show,
					.dns_counts = env_dns_counts,
					.dns_walk = stub_dns_walk,
					.dns_flush = env_dns_flush,
					.dns_lookup = env_dns_lookup,
					.sessions = env_sessions,
					.drain = env_drain,
					.resume = env_resume,
					.reload = env_reload,
					.rollback = env_rollback,
					.lists_reading = env_lists_reading,
					.settings_awaited = env_settings_awaited,
					.list_change = env_list_change,
					.list_show = env_list_show,
					.lists_awaited = env_lists_awaited };

#endif
