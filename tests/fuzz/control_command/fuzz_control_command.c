// SPDX-License-Identifier: MIT
/*
 * fuzz_control_command.c - any line at the control socket: whole objects come back, one of them the last, or the client waits
 */
#define _GNU_SOURCE

#include <jansson.h>
#include <stdlib.h>

#include "ctrlplane/control_state.h"
#include "ctrlplane/log.h"
#include "ctrlplane/settings_table.h"
#include "tests/unit/ctrlplane/control_stubs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings current;
static struct stats workers[2];
static struct record_ring records;

static const struct settings *env_settings(void *arg)
{
	(void)arg;
	return &current;
}

static const struct stats *env_stats(void *arg, unsigned worker)
{
	(void)arg;
	CHECK(worker < 2);
	return &workers[worker];
}

static void env_status(void *arg, struct control_status *out)
{
	(void)arg;
	*out = (struct control_status){ .version = "9.9", .config = "f" };
}

static bool env_port(void *arg, unsigned index, struct control_port *out)
{
	(void)arg;
	*out = (struct control_port){ .mac = "02:00:00:00:00:01", .driver = "net_tap" };
	return index == 0;
}

/* What is asked for must be something that can be asked. */
static bool env_dns_lookup(void *arg, const struct dns_question *q, uint64_t tag)
{
	struct dns_question again;

	(void)arg;
	(void)tag;
	CHECK(dns_question_set(&again, (enum dns_type)q->type, dns_question_name(q)) && dns_question_eq(q, &again));
	return false;
}

static void env_next_hop(void *arg, unsigned worker, unsigned index, struct shard_hop *out)
{
	(void)arg;
	CHECK(worker < 2 && index < SETTINGS_NEXT_HOPS_MAX);
	*out = (struct shard_hop){ .state = SHARD_HOP_DOWN };
}

static bool env_sessions(void *arg, unsigned worker, uint64_t tag)
{
	(void)arg;
	(void)tag;
	CHECK(worker < 2);
	return false;
}

static bool env_report(void *arg, const char *command, json_t *args, uint64_t tag)
{
	(void)arg;
	(void)command;
	(void)tag;
	json_decref(args);
	return false;
}

static bool env_change(void *arg, struct control_change *change)
{
	(void)arg;
	change->version = 2;
	return true;
}

static unsigned env_settings_awaited(void *arg, uint64_t version)
{
	(void)arg;
	CHECK(version == 2);
	return 0;
}

static bool env_list_change(void *arg, struct control_list_change *c)
{
	(void)arg;
	CHECK(c->what && c->kind && (c->bits == 1 || c->bits == 2));
	return false;
}

static json_t *env_list_show(void *arg, unsigned bits)
{
	(void)arg;
	return json_integer((json_int_t)bits);
}

/* Each line an object of the protocol; "more" in all but the last. */
static void check_answer(const struct client *client)
{
	struct span out = span_of(client->out, client->n_out);
	bool last = false;

	CHECK(out.len == 0 || out.at[out.len - 1] == '\n');
	while (out.len) {
		struct span line = span_cut(&out, '\n');
		json_t *o = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

		CHECK(!last && json_is_object(o) && json_integer_value(json_object_get(o, "v")) == CONTROL_VERSION);
		CHECK(json_is_boolean(json_object_get(o, "ok")));
		CHECK(json_is_true(json_object_get(o, "ok")) || json_is_string(json_object_get(o, "error")));
		last = !json_is_true(json_object_get(o, "more"));
		json_decref(o);
	}
	CHECK(last == (client->state == CLIENT_IDLE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct control_env env = { .n_workers = 2,
						.records = &records,
						.settings = env_settings,
						.stats = env_stats,
						.policy_counts = stub_policy_counts,
						.limits = stub_limits,
						.status = env_status,
						.port = env_port,
						.next_hop = env_next_hop,
						.show = stub_show,
						.dns_counts = stub_dns_counts,
						.dns_walk = stub_dns_walk,
						.dns_flush = stub_dns_flush,
						.dns_lookup = env_dns_lookup,
						.sessions = env_sessions,
						.drain = stub_drain,
						.resume = stub_resume,
						.report = env_report,
						.quarantine = env_report,
						.reload = env_change,
						.rollback = env_change,
						.settings_awaited = env_settings_awaited,
						.list_change = env_list_change,
						.list_show = env_list_show };
	static bool open;
	static struct control c;
	struct client *client = &c.clients[0];

	if (size > CONTROL_REQUEST_MAX)
		return 0;
	if (!open) {
		settings_default(&current);
		CHECK(record_ring_open(&records, 10, 4096));
		log_set_level(LOG_LEVEL_ERROR);
		open = true;
	}
	memset(&c, 0, sizeof(c));
	c.env = &env;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		c.clients[i].fd = -1;
	client->state = CLIENT_IDLE;
	control_run(&c, client, span_of(data, size));
	if (client->state == CLIENT_SESSIONS)
		control_sessions_done(client);
	if (client->state == CLIENT_SETTINGS)
		control_change_turn(&c, client);
	check_answer(client);
	json_decref(client->rows);
	free(client->out);
	return 0;
}
