// SPDX-License-Identifier: MIT
/*
 * control_change.c - commands that put other settings in force
 *
 * The answer comes when every worker has taken them: what it says is so.
 */
#include "ctrlplane/control_state.h"

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

static void run(struct control *c, struct client *client, const char *what,
		bool (*change)(void *arg, struct control_change *change))
{
	struct control_change done;

	control_change_begin(&done);
	control_log_change(client, what, "");
	if (!change(c->env->arg, &done)) {
		control_fail_with(client, done.usage, json_incref(done.errors),
				  "nothing is changed; mend what is wrong");
		control_change_end(&done);
		return;
	}
	client->state = CLIENT_SETTINGS;
	client->tag = done.version;
	client->wait_deadline_us = c->now_us + CONTROL_SETTINGS_WAIT_US;
	client->change = json_pack("{s:I, s:O, s:O}", "version", (json_int_t)done.version, "changed", done.changed,
				   "restart", done.restart);
	if (done.back_to)
		json_object_set_new(client->change, "back_to", json_integer((json_int_t)done.back_to));
	control_change_end(&done);
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

void control_change_turn(struct control *c, struct client *client)
{
	unsigned n = c->env->settings_awaited(c->env->arg, client->tag);
	json_t *answer = client->change;

	if (n && c->now_us < client->wait_deadline_us)
		return;
	client->change = NULL;
	json_object_set_new(answer, "workers_silent", json_integer(n));
	control_answer(client, answer);
}
