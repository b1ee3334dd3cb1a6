// SPDX-License-Identifier: MIT
/*
 * explain.c - the account of a verification, for a postmaster: lines that several cores write alike
 */
#include "dataplane/auth/explain.h"

void explain_answer(struct explain *e, const struct dns_question *q, const struct dns_answer *a)
{
	const char *type = dns_type_text(q->type);

	if (!e || e->text.full)
		return;
	text_puts(&e->text, "dns: ");
	text_escaped(&e->text, dns_question_name(q));
	text_puts(&e->text, " ");
	text_puts(&e->text, type ? type : "?");
	text_puts(&e->text, " -> ");
	dns_answer_text(a, q->type, &e->text);
	text_puts(&e->text, a->secure ? " (secure)\n" : "\n");
}

void explain_kept(struct explain *e, const char *core, struct span domain, const char *what)
{
	if (!e)
		return;
	text_puts(&e->text, core);
	text_puts(&e->text, ": ");
	text_escaped(&e->text, domain);
	text_puts(&e->text, ": from the ");
	text_puts(&e->text, what);
	text_puts(&e->text, "\n");
}

void explain_copy(const struct explain *from, struct text *out)
{
	struct span s = text_span(&from->text), mark = span_str(EXPLAIN_MARK);
	size_t room = out->cap - out->len - 1;
	bool cut = from->text.full || s.len > room;

	if (cut) {
		if (room < mark.len)
			return;
		if (s.len > room - mark.len)
			s = span_head(s, room - mark.len);
		size_t end = span_find_last(s, '\n');
		s = span_head(s, end == SPAN_NONE ? 0 : end + 1);
	}
	text_put(out, s);
	if (cut)
		text_put(out, mark);
}
