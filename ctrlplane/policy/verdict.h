// SPDX-License-Identifier: MIT
/*
 * verdict.h - what is done with a message: results and settings in, action and reply out
 *
 * Pure.  Nothing that a verdict needs may be missing silently: what is not known is deferred.
 */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include "conf/settings.h"
#include "ctrlplane/policy/greylist.h"
#include "dataplane/auth/verify.h"

enum verdict_action { VERDICT_ACCEPT, VERDICT_QUARANTINE, VERDICT_REJECT, VERDICT_DEFER, VERDICT_DISCARD };

struct verdict {
	enum verdict_action action;
	const char *
		rule; /* "default", "dmarc.reject", "from.repeated"... or the name of a rule, which lies in the settings */
	uint16_t code;                 /* reply to the client when the action is REJECT or DEFER; 250 otherwise */
	uint8_t enhanced[3];           /* 5.7.1 ... */
	char text[256];                /* reply text, printable ASCII, names the domain and the failed policy */
	enum greylist_answer greylist; /* of the rule with that action that was asked last */
	const char *next_hop;          /* the name of the one to which a rule redirects it; NULL: the recipients' */
	uint64_t added;                /* rules whose field goes on top (rules.h) */
	const char *dmarc_disposition; /* "none" "quarantine" "reject": what was done for DMARC, for the record */
};

void verdict_of(struct verdict *out, const struct settings *settings, const struct verify *v);

/* "accept" "quarantine" "reject" "defer" "discard" */
const char *verdict_action_text(enum verdict_action a);

/* For rules.c: what verdict_of() is made of. */
void verdict_set(struct verdict *out, enum verdict_action action, const char *rule); /* the text is the caller's */
bool verdict_is_verified(const struct verify *v);
bool verdict_arc_overrides(const struct arc *a);
bool verdict_arc_is_missed(const struct settings *settings, const struct arc *a);

/* Fields to put on top of a quarantined message (policy.quarantine_header), with CRLF. */
void verdict_quarantine_fields(const struct settings *settings, const struct verdict *verdict, struct text *out);

/* Whether a field of that name would be taken for the tag above or that of a rule: one that a message brings along is not passed on. */
bool verdict_field_is_ours(const struct settings *settings, struct span name);

#endif
