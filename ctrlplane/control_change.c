// SPDX-License-Identifier: MIT
/*
 * control_change.c - commands that put other settings or lists in force
 *
 * The answer comes when every worker has taken them: what it says is so.
 */
#include "ctrlplane/address.h"
#include "ctrlplane/control_state.h"
#include "ctrlplane/policy/lists.h"

void control_change_begin(struct control_change *c)
{
	*c = (struct control_change){ .changed = json_array(), .restart = json_array(), .errors = json_array() };
}

void control_change_end(struct control_change *c)
{
	json_decref(c->changed);
	json_decref(c->restart);
	json_decref(c->errors);
}

/* Takes @answer, which is given when no worker is left that has not taken @version. */
static void await_workers(struct control *c, struct client *client, uint64_t version, json_t *answer,
			  unsigned (*awaited)(void *arg, uint64_t version))
{
	client->state = CLIENT_SETTINGS;
	client->tag = version;
	client->wait_deadline_us = c->now_us + CONTROL_SETTINGS_WAIT_US;
	client->change = answer;
	client->awaited = awaited;
}

/* For the first time, or again when lists were read for it. */
static void try_change(struct control *c, struct client *client)
{
	struct control_change done;

	control_change_begin(&done);
	switch (client->change_again(c->env->arg, &done)) {
	case CONTROL_LATER:
		client->state = CLIENT_LISTS;
		break;
	case CONTROL_FAILED:
		control_fail_with(client, done.usage, json_incref(done.errors),
				  "nothing is changed; mend what is wrong");
		break;
	case CONTROL_DONE: {
		json_t *answer = json_pack("{s:I, s:O, s:O}", "version", (json_int_t)done.version, "changed",
					   done.changed, "restart", done.restart);

		if (done.back_to)
			json_object_set_new(answer, "back_to", json_integer((json_int_t)done.back_to));
		await_workers(c, client, done.version, answer, c->env->settings_awaited);
		break;
	}
	}
	control_change_end(&done);
}

static void run(struct control *c, struct client *client, const char *what,
		enum control_outcome (*change)(void *arg, struct control_change *change))
{
	control_log_change(client, what, "");
	client->change_again = change;
	client->wait_deadline_us = c->now_us + CONTROL_READ_WAIT_US;
	try_change(c, client);
}

void control_run_reload(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	run(c, client, "reload", c->env->reload);
}

void control_run_rollback(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	run(c, client, "rollback", c->env->rollback);
}

static void lists_turn(struct control *c, struct client *client)
{
	if (!c->env->lists_reading(c->env->arg))
		try_change(c, client);
	else if (c->now_us >= client->wait_deadline_us)
		control_fail(client, "the lists are still being read, nothing is changed; reload again later");
}

void control_change_turn(struct control *c, struct client *client)
{
	if (client->state == CLIENT_LISTS) {
		lists_turn(c, client);
		return;
	}
	unsigned n = client->awaited(c->env->arg, client->tag);
	json_t *answer = client->change;

	if (n && c->now_us < client->wait_deadline_us)
		return;
	client->change = NULL;
	json_object_set_new(answer, "workers_silent", json_integer(n));
	control_answer(client, answer);
}

/* --- allow and deny ---------------------------------------------------------------------------- */

/* What an entry looks like when its kind is not given. */
static const char *kind_of(const char *what)
{
	struct ip_addr addr;
	uint8_t len;

	return address_parse_prefix_or_host(span_str(what), &addr, &len) ? "prefix" : "domain";
}

static void run_list(struct control *c, struct client *client, const json_t *args, unsigned bits, bool add)
{
	const char *what = control_arg(args, "entry"), *kind = control_arg(args, "kind");
	struct control_list_change change = { .bits = bits, .what = what, .add = add };

	if (!what) {
		control_refuse(client, "no entry; give a prefix, a domain, or a name of HELO with its kind");
		return;
	}
	change.kind = kind ? kind : kind_of(what);
	if (!c->env->list_change(c->env->arg, &change)) {
		if (change.usage)
			control_refuse(client, "%.100s: %s", what, change.error);
		else
			control_fail(client, "%s", change.error);
		return;
	}
	if (change.changed)
		control_log_change(client, add ? "added" : "removed", change.entry);
	await_workers(c, client, change.version,
		      json_pack("{s:I, s:s, s:b}", "version", (json_int_t)change.version, "entry", change.entry,
				"changed", (int)change.changed),
		      c->env->lists_awaited);
}

void control_run_allow_add(struct control *c, struct client *client, const json_t *args)
{
	run_list(c, client, args, LISTS_ALLOW, true);
}

void control_run_allow_del(struct control *c, struct client *client, const json_t *args)
{
	run_list(c, client, args, LISTS_ALLOW, false);
}

void control_run_deny_add(struct control *c, struct client *client, const json_t *args)
{
	run_list(c, client, args, LISTS_DENY, true);
}

void control_run_deny_del(struct control *c, struct client *client, const json_t *args)
{
	run_list(c, client, args, LISTS_DENY, false);
}

void control_run_allow_list(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, c->env->list_show(c->env->arg, LISTS_ALLOW));
}

void control_run_deny_list(struct control *c, struct client *client, const json_t *args)
{
	(void)args;
	control_answer(client, c->env->list_show(c->env->arg, LISTS_DENY));
}
