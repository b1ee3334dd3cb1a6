// SPDX-License-Identifier: MIT
/*
 * gateway_send.c - what the side threads want of the control thread: questions, mail to a next hop, answers
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/gateway.h"
#include "dns/domain_names.h"

#define TAG_QUARANTINE (UINT64_C(1) << 63) /* in the tag of a mail: whose it is */

bool gateway_sides_begin(struct gateway *g, char *error)
{
	const struct settings *s = g->settings;

	if (!gateway_save_begin(g)) {
		snprintf(error, 512, "no memory or no thread to write greylist.file and dns.snapshot_file; free some");
		return false;
	}
	if (s->report_store[0]) {
		g->reports = report_open(s, g->n_workers, domain_organizational, error);
		if (!g->reports)
			return false;
	}
	if (s->quarantine_folder[0])
		g->quarantine = quarantine_open(s, error);
	return g->quarantine || !s->quarantine_folder[0];
}

static void sent(struct gateway *g, uint64_t tag, unsigned code, struct span text)
{
	if (tag & TAG_QUARANTINE && g->quarantine)
		quarantine_mail_result(g->quarantine, tag & ~TAG_QUARANTINE, code, text);
	else if (!(tag & TAG_QUARANTINE) && g->reports)
		report_mail_result(g->reports, tag, code, text);
}

static void grant(struct gateway *g, struct side_wish *w, uint64_t owner)
{
	switch (w->kind) {
	case SIDE_WISH_ASK:
		gateway_dns_ask_for_reports(g, &w->question, w->tag);
		break;
	case SIDE_WISH_SEND:
		if (!gateway_send(g, w->tag | owner, w))
			sent(g, w->tag | owner, 451, SPAN("no memory for the message"));
		break;
	case SIDE_WISH_ANSWER:
		control_side_answer(g->control, w->tag, json_incref(w->result), w->error, w->refused);
		break;
	case SIDE_WISH_HOME:
		gateway_home(g, &w->keep->m);
		break;
	}
	side_wish_free(w);
}

bool gateway_sides_turn(struct gateway *g)
{
	struct side_wish *w;
	bool any = false;

	while (g->reports && (w = report_next(g->reports))) {
		any = true;
		grant(g, w, 0);
	}
	while (g->quarantine && (w = quarantine_next(g->quarantine))) {
		any = true;
		grant(g, w, TAG_QUARANTINE);
	}
	return any;
}

void gateway_sides_end(struct gateway *g)
{
	report_close(g->reports);
	g->reports = NULL;
	quarantine_close(g->quarantine);
	g->quarantine = NULL;
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

bool gateway_quarantine_request(void *arg, const char *command, json_t *args, uint64_t tag)
{
	struct gateway *g = arg;

	if (g->quarantine)
		return quarantine_request(g->quarantine, command, args, tag);
	json_decref(args);
	control_side_answer(g->control, tag, NULL, "nothing is quarantined here; name a folder in quarantine.folder",
			    false);
	return true;
}

bool gateway_keep(struct gateway *g, struct shard_keep *k)
{
	k->code = 451;
	return g->quarantine && quarantine_keep(g->quarantine, k);
}

void gateway_sent(struct gateway *g, const struct shard_send *m)
{
	sent(g, m->m.tag, m->code, span_str(m->reply));
}
