// SPDX-License-Identifier: MIT
/*
 * control_side.c - commands that a side thread answers: reports, quarantine
 */
#include "ctrlplane/control_state.h"

static void ask_side(struct control *c, struct client *client, const json_t *args, const char *command,
		     bool (*side)(void *arg, const char *command, json_t *args, uint64_t tag))
{
	client->state = CLIENT_SIDE;
	client->tag = ++c->n_tags;
	client->wait_deadline_us = c->now_us + CONTROL_SIDE_WAIT_US;
	/* A copy: the request is freed here, and read there. */
	if (!side(c->env->arg, command, json_deep_copy(args), client->tag))
		control_fail(client, "too much waits for the disk; try again");
}

static void ask(struct control *c, struct client *client, const json_t *args, const char *command)
{
	ask_side(c, client, args, command, c->env->report);
}

void control_side_answer(struct control *c, uint64_t tag, json_t *result, const char *error, bool refused)
{
	for (size_t i = 0; c && i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &c->clients[i];

		if (client->state != CLIENT_SIDE || client->tag != tag)
			continue;
		if (result)
			control_answer(client, json_incref(result));
		else if (refused)
			control_refuse(client, "%s", error);
		else
			control_fail(client, "%s", error);
	}
	json_decref(result);
}

void control_run_report_list(struct control *c, struct client *client, const json_t *args)
{
	ask(c, client, args, "list");
}

void control_run_report_show(struct control *c, struct client *client, const json_t *args)
{
	ask(c, client, args, "show");
}

void control_run_report_preview(struct control *c, struct client *client, const json_t *args)
{
	ask(c, client, args, "preview");
}

void control_run_report_send(struct control *c, struct client *client, const json_t *args)
{
	const char *domain = control_arg(args, "domain");

	control_log_change(client, "report send", domain ? domain : "");
	ask(c, client, args, "send");
}

void control_run_report_suppressed(struct control *c, struct client *client, const json_t *args)
{
	ask(c, client, args, "suppressed");
}

void control_run_report_unsuppress(struct control *c, struct client *client, const json_t *args)
{
	const char *address = control_arg(args, "address");

	control_log_change(client, "report unsuppress", address ? address : "");
	ask(c, client, args, "unsuppress");
}

void control_run_quarantine_list(struct control *c, struct client *client, const json_t *args)
{
	ask_side(c, client, args, "list", c->env->quarantine);
}

void control_run_quarantine_show(struct control *c, struct client *client, const json_t *args)
{
	ask_side(c, client, args, "show", c->env->quarantine);
}

void control_run_quarantine_release(struct control *c, struct client *client, const json_t *args)
{
	const char *id = control_arg(args, "id");

	control_log_change(client, "quarantine release", id ? id : "");
	ask_side(c, client, args, "release", c->env->quarantine);
}

void control_run_quarantine_delete(struct control *c, struct client *client, const json_t *args)
{
	const char *id = control_arg(args, "id");

	control_log_change(client, "quarantine delete", id ? id : "");
	ask_side(c, client, args, "delete", c->env->quarantine);
}
