// SPDX-License-Identifier: MIT
/*
 * ctl_report.c - answers about reports for people
 */
#include "ctrlplane/cli/ctl_print.h"
#include "ctrlplane/cli/ctl_table.h"

void ctl_print_reports(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "ID", "id", true },
		{ "DOMAIN", "domain", false },
		{ "STATE", "state", false },
		{ "BEGIN", "begin", false },
		{ "END", "end", false },
		{ "ROWS", "rows", true },
		{ "MESSAGES", "messages", true },
		{ "OVER", "over", true },
		{ "NOTE", "note", false },
	};

	(void)all;
	ctl_fields(f, result);
	if (json_array_size(json_object_get(result, "periods")))
		CTL_TABLE(f, json_object_get(result, "periods"), columns);
}

void ctl_print_report(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column rows[] = {
		{ "SOURCE", "source_ip", false },
		{ "COUNT", "count", true },
		{ "DISPOSITION", "disposition", false },
		{ "DKIM", "dkim", false },
		{ "SPF", "spf", false },
		{ "REASON", "reason", false },
		{ "HEADER FROM", "header_from", false },
		{ "ENVELOPE FROM", "envelope_from", false },
	};
	static const struct ctl_column deliveries[] = {
		{ "ADDRESS", "address", false }, { "STATE", "state", false }, { "ATTEMPTS", "attempts", true },
		{ "NEXT", "next", false },       { "REPLY", "reply", false },
	};

	(void)all;
	ctl_fields(f, result);
	CTL_TABLE(f, json_object_get(result, "record"), rows);
	if (json_array_size(json_object_get(result, "deliveries")))
		CTL_TABLE(f, json_object_get(result, "deliveries"), deliveries);
}

/* XML, whose texts are printable already. */
void ctl_print_preview(FILE *f, const json_t *result, bool all)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	(void)all;
	fputs(text ? text : "", f);
}

void ctl_print_suppressed(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "ADDRESS", "address", false },
		{ "UNTIL", "until", false },
		{ "FAILURES", "failures", true },
		{ "REPLY", "reply", false },
	};

	(void)all;
	CTL_TABLE(f, json_object_get(result, "suppressed"), columns);
}
