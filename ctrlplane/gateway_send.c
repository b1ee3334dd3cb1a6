// SPDX-License-Identifier: MIT
/*
 * gateway_send.c - what the side threads want of the control thread: questions, mail to a next hop, answers
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/gateway.h"
#include "dns/domain_names.h"

bool gateway_reports_begin(struct gateway *g, char *error)
{
	if (!g->settings->report_store[0])
		return true;
	g->reports = report_open(g->settings, domain_organizational, error);
	return g->reports != NULL;
}

void gateway_reports_end(struct gateway *g)
{
	report_close(g->reports);
	g->reports = NULL;
}

static void grant(struct gateway *g, struct report_wish *w)
{
	switch (w->kind) {
	case REPORT_WISH_ASK:
		gateway_dns_ask_for_reports(g, &w->question, w->tag);
		break;
	case REPORT_WISH_SEND:
		if (!gateway_send(g, w->tag, report_from(g->reports), span_of(w->to, strlen(w->to) + 1),
				  span_of(w->mail, w->mail_len)))
			report_mail_result(g->reports, w->tag, 451, SPAN("no memory for the message"));
		break;
	case REPORT_WISH_ANSWER:
		control_side_answer(g->control, w->tag, json_incref(w->result), w->error, w->refused);
		break;
	}
	report_wish_free(w);
}

bool gateway_reports_turn(struct gateway *g)
{
	struct report_wish *w;
	bool any = false;

	while (g->reports && (w = report_next(g->reports))) {
		any = true;
		grant(g, w);
	}
	return any;
}

bool gateway_report_request(void *arg, const char *command, json_t *args, uint64_t tag)
{
	struct gateway *g = arg;

	if (g->reports)
		return report_request(g->reports, command, args, tag);
	json_decref(args);
	control_side_answer(g->control, tag, NULL, "no reports are made; name a file in report.store", false);
	return true;
}

void gateway_sent(struct gateway *g, const struct shard_send *m)
{
	if (g->reports)
		report_mail_result(g->reports, m->m.tag, m->code, span_str(m->reply));
}
