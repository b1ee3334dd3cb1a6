// SPDX-License-Identifier: MIT
/*
 * control_command.c - the commands of the control socket, one table
 */
#include <sys/socket.h>

#include "ctrlplane/address.h"
#include "ctrlplane/control_state.h"
#include "ctrlplane/log.h"

struct command {
	const char *name;
	void (*run)(struct control *c, struct client *client, const json_t *args);
	const char *help;
};

const char *control_arg(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

json_int_t control_number_arg(struct client *client, const json_t *args, const char *key, json_int_t least,
			      json_int_t most, json_int_t absent)
{
	const json_t *v = json_object_get(args, key);
	json_int_t n = json_integer_value(v);

	if (!v)
		return absent;
	if (json_is_integer(v) && n >= least && n <= most)
		return n;
	control_refuse(client,
		       "%s must be a number from %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT "; give such a one",
		       key, least, most);
	return -1;
}

json_t *control_changed(struct control *c, const char *key, json_t *value)
{
	return json_pack("{s:I, s:o}", "version", (json_int_t)c->env->settings(c->env->arg)->version, key, value);
}

void control_log_change(const struct client *client, const char *what, const char *to)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		log_info("control: %s%s%.255s, by user %ld", what, *to ? " " : "", to, (long)peer.uid);
}

static void run_status(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_status(c));
}

static void run_stats(struct control *c, struct client *client, const json_t *args)
{
	control_answer(client, control_show_stats(c, args));
}

static void run_ports(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_ports(c));
}

static void run_next_hops(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_next_hops(c));
}

static void run_limits(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_limits(c));
}

static void run_policy(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_policy(c));
}

/* What the daemon knows of it, and what the workers counted. */
static void show(struct control *c, struct client *client, enum control_shown what, const char *counters)
{
	json_t *o = c->env->show(c->env->arg, what);

	json_object_set_new(o, "counters", control_counters_of(c, counters));
	control_answer(client, o);
}

static void run_greylist(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	show(c, client, CONTROL_GREYLIST, "greylist_");
}

static void run_dnsbl(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	show(c, client, CONTROL_DNSBL, "dnsbl_");
}

static void run_tcp(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_tcp(c));
}

static void run_latency(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_latency(c));
}

static void run_dns(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_dns(c));
}

static void run_crypto(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, control_show_crypto(c));
}

static void run_sessions(struct control *c, struct client *client, const json_t *args)
{
	json_int_t limit = control_number_arg(client, args, "limit", 1, CONTROL_SESSIONS_MAX, 200);

	if (limit < 0)
		return;
	client->state = CLIENT_SESSIONS;
	client->tag = ++c->n_tags;
	client->wait_deadline_us = c->now_us + CONTROL_SESSIONS_WAIT_US;
	client->n_sessions = 0;
	client->rows_max = limit;
	json_decref(client->rows);
	client->rows = json_array();
	client->n_awaited = c->env->n_workers; /* a worker that cannot be asked is one that does not answer */
	for (unsigned w = 0; w < c->env->n_workers; w++)
		if (!c->env->sessions(c->env->arg, w, client->tag))
			client->wait_deadline_us = c->now_us + CONTROL_SESSIONS_WAIT_US / 4;
}

void control_sessions_done(struct client *client)
{
	json_t *rows = client->rows;

	client->rows = NULL;
	control_answer(client, json_pack("{s:I, s:i, s:o}", "total", client->n_sessions, "workers_silent",
					 (int)client->n_awaited, "sessions", rows));
}

static json_t *session_row(unsigned worker, const struct shard_session_row *row)
{
	char address[64];
	struct text t;

	text_init(&t, address, sizeof(address));
	ip_addr_text(&row->client, &t);
	return json_pack("{s:i, s:s, s:i, s:o, s:o, s:o, s:o, s:I, s:I}", "worker", (int)worker, "client_ip", address,
			 "client_port", (int)row->client_port, "state",
			 record_string(span_of(row->state, strnlen(row->state, sizeof(row->state)))), "helo",
			 record_string(span_of(row->helo, strnlen(row->helo, sizeof(row->helo)))), "tls",
			 record_string(span_of(row->tls, strnlen(row->tls, sizeof(row->tls)))), "mail_from",
			 record_string(span_of(row->mail_from, strnlen(row->mail_from, sizeof(row->mail_from)))),
			 "age_s", (json_int_t)row->age_s, "messages", (json_int_t)row->n_messages);
}

void control_sessions(struct control *c, const struct shard_sessions *s)
{
	for (size_t i = 0; c && i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &c->clients[i];

		if (client->state != CLIENT_SESSIONS || client->tag != s->m.tag || client->n_awaited == 0)
			continue;
		client->n_sessions += s->n_total;
		for (uint32_t r = 0; r < s->n_rows && r < SHARD_SESSIONS_MAX; r++)
			if ((json_int_t)json_array_size(client->rows) < client->rows_max)
				json_array_append_new(client->rows, session_row(s->m.worker, &s->rows[r]));
		if (--client->n_awaited == 0)
			control_sessions_done(client);
	}
}

/* The last @n records that the filter lets pass, oldest first. */
static void trace_past(struct control *c, struct client *client, json_int_t n)
{
	const struct shard_record *r;
	size_t age = 0, oldest;

	for (json_int_t found = 0; found < n && (r = record_ring_at(c->env->records, age)); age++)
		found += record_matches(&client->filter, r);
	for (oldest = age; oldest > 0; oldest--) {
		r = record_ring_at(c->env->records, oldest - 1);
		if (record_matches(&client->filter, r) && !control_more(client, record_json(r)))
			client->n_missed++;
	}
}

static void run_trace(struct control *c, struct client *client, const json_t *args)
{
	const char *ip = control_arg(args, "ip"), *domain = control_arg(args, "domain");
	struct record_filter f = { .domain = "" };
	json_int_t count = control_number_arg(client, args, "count", 1, 1000000000, 0);
	json_int_t last = count < 0 ? -1 : control_number_arg(client, args, "last", 0, RECORD_RING_N, 0);

	if (count < 0 || last < 0)
		return;
	if (ip && !address_parse_prefix_or_host(span_str(ip), &f.prefix, &f.prefix_len)) {
		control_refuse(client, "%.60s is no address or prefix; give one such as 192.0.2.0/24", ip);
		return;
	}
	if (domain && strlen(domain) >= sizeof(f.domain)) {
		control_refuse(client, "the domain is too long; give one of at most %zu octets", sizeof(f.domain) - 1);
		return;
	}
	if (domain)
		memcpy(f.domain, domain, strlen(domain) + 1);
	client->filter = f;
	client->n_left = count ? count : -1;
	client->n_missed = 0;
	trace_past(c, client, last);
	client->state = CLIENT_TRACE;
}

static void run_explain(struct control *c, struct client *client, const json_t *args)
{
	const char *id = control_arg(args, "id");
	const struct shard_record *r = id && *id ? record_ring_find(c->env->records, span_str(id)) : NULL;

	if (!id || !*id)
		control_refuse(client, "no message; name one with explain ID");
	else if (!r)
		control_fail(client, "no record of that id among the last %zu; look for it in server.log_file",
			     c->env->records->n_max);
	else
		control_answer(client, record_json_whole(r));
}

static void run_drain(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_log_change(client, "drain", "");
	c->env->drain(c->env->arg);
	control_answer(client, control_changed(c, "draining", json_true()));
}

static void run_resume(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	if (!c->env->resume(c->env->arg)) {
		control_fail(client, "sekishod was told to end; start it again when it has");
		return;
	}
	control_log_change(client, "resume", "");
	control_answer(client, control_changed(c, "draining", json_false()));
}

static void run_log_level(struct control *c, struct client *client, const json_t *args)
{
	const char *word = control_arg(args, "level");
	enum log_level level;

	if (word && !log_level_parse(span_str(word), &level)) {
		control_refuse(client, "there is no level %.60s; give error, warning, info or debug", word);
		return;
	}
	if (word) {
		control_log_change(client, "log level", word);
		log_set_level(level);
	}
	control_answer(client, control_changed(c, "level", json_string(log_level_text(log_level()))));
}

static void run_help(struct control *c, struct client *client, const json_t *args);

static const struct command commands[] = {
	{ "status", run_status, "what runs, since when, and whether it drains" },
	{ "stats", run_stats, "all counters; format: prometheus" },
	{ "show sessions", run_sessions, "client sessions; limit: rows" },
	{ "show ports", run_ports, "ports, their addresses and counters" },
	{ "show nexthops", run_next_hops, "mail servers behind us and what they answered last" },
	{ "show limits", run_limits, "how full what has a limit is and was; every numeric setting with its range" },
	{ "show latency", run_latency, "how long the messages took of which records are kept" },
	{ "show policy", run_policy, "the rules in force, and how often each matched" },
	{ "show greylist", run_greylist, "how many senders wait to come again, and how many are known" },
	{ "show tcp", run_tcp, "connections, half-open ones and buffers; what TCP counted" },
	{ "show dnsbl", run_dnsbl, "lists of addresses in DNS, and whether they work" },
	{ "show dns", run_dns, "resolver and cache" },
	{ "show crypto", run_crypto, "who verifies signatures, how full batches are, how long jobs wait" },
	{ "trace", run_trace, "one record a message as it ends; ip, domain, count, last" },
	{ "explain", run_explain, "all that is known of a message, and the steps of its verification; id" },
	{ "dns lookup", control_run_dns_lookup, "ask as the gateway asks; name, type" },
	{ "dns flush", control_run_dns_flush, "forget cached answers; name" },
	{ "dns dump", control_run_dns_dump, "cached answers at a name and below it; name, limit" },
	{ "log level", run_log_level, "what is logged; level: error, warning, info, debug" },
	{ "drain", run_drain, "take no new connections, finish transactions" },
	{ "resume", run_resume, "take connections again" },
	{ "reload", control_run_reload, "read the configuration anew; a fault in it changes nothing" },
	{ "rollback", control_run_rollback, "the settings before the last reload" },
	{ "report list", control_run_report_list, "aggregate reports and what became of them" },
	{ "report show", control_run_report_show, "rows and deliveries of one; report: its number or domain" },
	{ "report preview", control_run_report_preview, "one as it would be sent now; report: its number or domain" },
	{ "report send", control_run_report_send, "end periods now and send them; domain" },
	{ "report suppressed", control_run_report_suppressed, "addresses that refused reports" },
	{ "report unsuppress", control_run_report_unsuppress, "write to an address again; address" },
	{ "allow add", control_run_allow_add, "accept mail of a client, domain or HELO name; entry, kind" },
	{ "allow del", control_run_allow_del, "no longer" },
	{ "allow list", control_run_allow_list, "what was added so" },
	{ "deny add", control_run_deny_add, "refuse mail of a client, domain or HELO name; entry, kind" },
	{ "deny del", control_run_deny_del, "no longer" },
	{ "deny list", control_run_deny_list, "what was added so" },
	{ "quarantine list", control_run_quarantine_list,
	  "messages that are held, newest first, 500 at most; before: an id" },
	{ "quarantine show", control_run_quarantine_show, "one of them with its text; id" },
	{ "quarantine release", control_run_quarantine_release, "give it to its recipients by the next hop; id" },
	{ "quarantine delete", control_run_quarantine_delete, "delete it; id" },
	{ "help", run_help, "this list" },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void run_help(struct control *c, struct client *client, const json_t *args)
{
	json_t *o = json_object();

	(void)c;
	(void)args;
	for (size_t i = 0; i < N_COMMANDS; i++)
		json_object_set_new(o, commands[i].name, json_string(commands[i].help));
	control_answer(client, o);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* It changes something, or shows mail: not for those who may only look. */
static bool is_for_few(const struct command *command)
{
	static const char *const names[] = {
		"allow add", "allow del",   "deny add",          "deny del",        "dns flush",
		"drain",     "log level",   "quarantine delete", "quarantine show", "quarantine release",
		"reload",    "report send", "report unsuppress", "resume",          "rollback"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(command->name, names[i]) == 0)
			return true;
	return false;
}

void control_run(struct control *c, struct client *client, struct span line)
{
	json_error_t error;
	json_t *request = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, &error);
	const char *name = control_arg(request, "command");
	const struct command *command = name ? find_command(name) : NULL;
	const json_t *args = json_object_get(request, "args");

	if (!json_is_object(request))
		control_refuse(client, "the request is no JSON object: %s; send one a line",
			       request ? "another value" : error.text);
	else if (json_integer_value(json_object_get(request, "v")) != CONTROL_VERSION)
		control_refuse(client, "this is version %d of the protocol; use the sekishoctl of this sekishod",
			       CONTROL_VERSION);
	else if (args && !json_is_object(args))
		control_refuse(client, "args is no object; send one");
	else if (!command)
		control_refuse(client, "there is no command %.60s; help lists them", name ? name : "in the request");
	else if (is_for_few(command) && client->access != CONTROL_MAY_ALL)
		control_fail(client, "%s is for members of server.control_group; you may look", command->name);
	else
		command->run(c, client, args);
	json_decref(request);
}
