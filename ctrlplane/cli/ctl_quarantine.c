// SPDX-License-Identifier: MIT
/*
 * ctl_quarantine.c - answers about quarantined messages for people
 */
#include "ctrlplane/cli/ctl_print.h"
#include "ctrlplane/cli/ctl_table.h"

void ctl_print_quarantine(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "ID", "id", false },           { "STATE", "state", false },      { "TIME", "time", false },
		{ "OCTETS", "size", true },      { "FROM", "from_domain", false }, { "MAIL FROM", "mail_from", false },
		{ "RULE", "rule", false },       { "SUBJECT", "subject", false },  { "NOTE", "note", false },
		{ "GATEWAY", "gateway", false },
	};

	(void)all;
	ctl_fields(f, result);
	if (json_array_size(json_object_get(result, "messages")))
		CTL_TABLE(f, json_object_get(result, "messages"), columns);
}

/* Its octets are a stranger's: whatever could move a terminal is shown as '?'. */
void ctl_print_held(FILE *f, const json_t *result, bool all)
{
	const json_t *text = json_object_get(result, "text"), *rcpts = json_object_get(result, "rcpt");
	const char *s = json_string_value(text);
	char cell[CTL_CELL_MAX];

	(void)all;
	json_t *head = json_copy((json_t *)result);
	json_object_del(head, "text");
	ctl_fields(f, head);
	json_decref(head);
	for (size_t i = 0; i < json_array_size(rcpts); i++) {
		ctl_cell(json_array_get(rcpts, i), cell);
		fprintf(f, "to          %s\n", cell);
	}
	fputc('\n', f);
	for (size_t i = 0; s && i < json_string_length(text); i++)
		if (s[i] != '\r')
			fputc((s[i] >= ' ' && s[i] < 0x7f) || s[i] == '\n' || s[i] == '\t' ? s[i] : '?', f);
}
