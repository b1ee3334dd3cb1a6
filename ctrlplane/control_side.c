// SPDX-License-Identifier: MIT
/*
 * control_side.c - commands that a side thread answers: reports
 */
#include "ctrlplane/control_state.h"

static void ask(struct control *c, struct client *client, const json_t *args, const char *command)
{
	client->state = CLIENT_SIDE;
	client->tag = ++c->n_tags;
	client->wait_deadline_us = c->now_us + CONTROL_SIDE_WAIT_US;
	/* A copy: the request is freed here, and read there. */
	if (!c->env->report(c->env->arg, command, json_deep_copy(args), client->tag))
		control_fail(client, "too much waits for the report thread; try again");
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
