// SPDX-License-Identifier: MIT
/*
 * ctl_print.c - answers for people: tables and lists
 */
#include <string.h>

#include "ctrlplane/cli/ctl_print.h"
#include "ctrlplane/cli/ctl_table.h"
#include "dataplane/base/span.h"

static void put(FILE *f, const json_t *object, const char *key)
{
	char cell[CTL_CELL_MAX];

	ctl_cell(json_object_get(object, key), cell);
	fputs(cell, f);
}

/* A list of strings, with commas. */
static void put_list(FILE *f, const json_t *list)
{
	char cell[CTL_CELL_MAX];

	for (size_t i = 0; i < json_array_size(list); i++) {
		ctl_cell(json_array_get(list, i), cell);
		fprintf(f, "%s%s", i ? ", " : "", cell);
	}
}

/* Counters that are not zero, or all; @help: their sentences, may be NULL. */
static void print_counters(FILE *f, const json_t *counters, const json_t *help, bool all)
{
	size_t width = 0, n_zero = 0;
	char sentence[CTL_CELL_MAX];
	void *at;

	for (at = json_object_iter((json_t *)counters); at; at = json_object_iter_next((json_t *)counters, at))
		if (strlen(json_object_iter_key(at)) > width)
			width = strlen(json_object_iter_key(at));
	for (at = json_object_iter((json_t *)counters); at; at = json_object_iter_next((json_t *)counters, at)) {
		json_int_t n = json_integer_value(json_object_iter_value(at));

		if (n == 0 && !all) {
			n_zero++;
			continue;
		}
		ctl_cell(json_object_get(help, json_object_iter_key(at)), sentence);
		fprintf(f, "%-*s  %12" JSON_INTEGER_FORMAT "%s%s\n", (int)width, json_object_iter_key(at), n,
			sentence[0] ? "  " : "", sentence);
	}
	if (n_zero)
		fprintf(f, "(%zu counters are 0; --all shows them)\n", n_zero);
}

void ctl_print_status(FILE *f, const json_t *result, bool all)
{
	(void)all;
	ctl_fields(f, result);
}

void ctl_print_stats(FILE *f, const json_t *result, bool all)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	if (text)
		fputs(text, f);
	else
		print_counters(f, json_object_get(result, "total"), json_object_get(result, "help"), all);
}

void ctl_print_sessions(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "WORKER", "worker", true }, { "CLIENT", "client_ip", false }, { "PORT", "client_port", true },
		{ "STATE", "state", false },  { "AGE s", "age_s", true },       { "MESSAGES", "messages", true },
		{ "HELO", "helo", false },    { "TLS", "tls", false },          { "MAIL FROM", "mail_from", false },
	};
	const json_t *rows = json_object_get(result, "sessions");
	json_int_t total = json_integer_value(json_object_get(result, "total"));
	json_int_t silent = json_integer_value(json_object_get(result, "workers_silent"));

	(void)all;
	if (json_array_size(rows))
		CTL_TABLE(f, rows, columns);
	fprintf(f, "%" JSON_INTEGER_FORMAT " sessions, %zu shown\n", total, json_array_size(rows));
	if (silent)
		fprintf(f, "%" JSON_INTEGER_FORMAT " workers did not answer in time\n", silent);
}

static void put_gateway(FILE *f, const json_t *port, const char *key)
{
	if (json_string_length(json_object_get(port, key)) == 0)
		return;
	fprintf(f, "; %s ", key);
	put(f, port, key);
}

void ctl_print_ports(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "DEVICE", "device", false },         { "LINK", "link", false },       { "MAC", "mac", false },
		{ "Mb/s", "speed_mbps", true },        { "MTU", "mtu", true },          { "VLAN", "vlan", true },
		{ "RX", "rx_packets", true },          { "MISSED", "rx_missed", true }, { "ERRORS", "rx_errors", true },
		{ "NO BUFFER", "rx_no_buffer", true }, { "TX", "tx_packets", true },    { "ERRORS", "tx_errors", true },
	};
	const json_t *ports = json_object_get(result, "ports");

	(void)all;
	CTL_TABLE(f, ports, columns);
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *p = json_array_get(ports, i);

		put(f, p, "device");
		fputs(": ", f);
		put_list(f, json_object_get(p, "addresses"));
		put_gateway(f, p, "gateway4");
		put_gateway(f, p, "gateway6");
		if (json_array_size(json_object_get(p, "neighbours"))) {
			fputs("; neighbours ", f);
			put_list(f, json_object_get(p, "neighbours"));
		}
		fputc('\n', f);
	}
}

void ctl_print_next_hops(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "ADDRESS", "address", false },
		{ "PORT", "port", true },
		{ "STATE", "state", false },
		{ "PRIORITY", "priority", true },
		{ "WEIGHT", "weight", true },
		{ "CONNS", "connections", true },
		{ "BUSY", "busy", true },
		{ "WAITING", "waiting", true },
		{ "ACCEPTED", "accepted", true },
		{ "REFUSED", "refused", true },
		{ "LOST", "lost", true },
		{ "NO CONN", "connects_failed", true },
		{ "RETRY s", "retry_s", true },
		{ "LAST", "last_time", false },
		{ "LAST REPLY", "last_reply", false },
	};

	const json_t *hops = json_object_get(result, "next_hops");

	CTL_TABLE(f, hops, columns);
	for (size_t i = 0; i < json_array_size(hops); i++) {
		const json_t *domains = json_object_get(json_array_get(hops, i), "domains");
		const char *tlsa = json_string_value(json_object_get(json_array_get(hops, i), "tlsa"));

		const char *fault = json_string_value(json_object_get(json_array_get(hops, i), "tls_fault"));

		if (fault && *fault) {
			put(f, json_array_get(hops, i), "address");
			fprintf(f, ": the last handshake of TLS failed: %s\n", fault);
		}
		if (tlsa && *tlsa) {
			put(f, json_array_get(hops, i), "address");
			fprintf(f, " is known by TLSA records: %s\n", tlsa);
		}
		if (json_array_size(domains) == 0)
			continue;
		put(f, json_array_get(hops, i), "address");
		fputs(" takes mail for ", f);
		put_list(f, domains);
		fputc('\n', f);
	}
	print_counters(f, json_object_get(result, "counters"), NULL, all);
}

static const struct ctl_column use[] = {
	{ "LIMIT", "name", false }, { "USED", "used", true },       { "AT WORST", "most", true },
	{ "OF", "limit", true },    { "REFUSED", "refused", true },
};

void ctl_print_tcp(FILE *f, const json_t *result, bool all)
{
	CTL_TABLE(f, json_object_get(result, "use"), use);
	print_counters(f, json_object_get(result, "counters"), NULL, all);
}

void ctl_print_limits(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "SETTING", "setting", false }, { "VALUE", "value", true }, { "UNIT", "unit", false },
		{ "LEAST", "least", true },      { "MOST", "most", true },   { "DEFAULT", "default", true },
		{ "", "help", false },
	};

	CTL_TABLE(f, json_object_get(result, "use"), use);
	if (!all) {
		fputs("(--all shows every numeric setting with its range)\n", f);
		return;
	}
	fputc('\n', f);
	CTL_TABLE(f, json_object_get(result, "limits"), columns);
}

void ctl_print_latency(FILE *f, const json_t *result, bool all)
{
	static const char *const parts[] = { "total", "dns", "crypto", "to_next_hop" };

	(void)all;
	fprintf(f, "%-12s %12s %12s %12s\n", "ms", "median", "99 %", "longest");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *o = json_object_get(result, parts[i]);

		fprintf(f, "%-12s %12.2f %12.2f %12.2f\n", parts[i], json_real_value(json_object_get(o, "p50_ms")),
			json_real_value(json_object_get(o, "p99_ms")), json_real_value(json_object_get(o, "max_ms")));
	}
	ctl_fields(f, result);
}

void ctl_print_policy(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "RULE", "rule", false }, { "ACTION", "action", false },    { "MONITOR", "monitor", false },
		{ "HITS", "hits", true },  { "NO ANSWER", "missing", true },
	};
	const json_t *rules = json_object_get(result, "rules");

	(void)all;
	ctl_fields(f, result);
	if (json_array_size(rules))
		CTL_TABLE(f, rules, columns);
}

void ctl_print_counted(FILE *f, const json_t *result, bool all)
{
	ctl_fields(f, result);
	print_counters(f, json_object_get(result, "counters"), NULL, all);
}

void ctl_print_dnsbl(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = {
		{ "ZONE", "zone", false },
		{ "WEIGHT", "weight", true },
		{ "SUSPENDED", "suspended", false },
		{ "STATE", "state", false },
	};

	if (json_array_size(json_object_get(result, "lists")))
		CTL_TABLE(f, json_object_get(result, "lists"), columns);
	print_counters(f, json_object_get(result, "counters"), NULL, all);
}

void ctl_print_dns(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column delay[] = { { "ANSWERED WITHIN us", "up_to_us", true },
						   { "ANSWERS", "answers", true } };

	ctl_fields(f, result);
	if (json_array_size(json_object_get(result, "servers"))) {
		fputs("servers: ", f);
		put_list(f, json_object_get(result, "servers"));
		fputc('\n', f);
	}
	if (all || json_integer_value(json_object_get(result, "asked")))
		CTL_TABLE(f, json_object_get(result, "delay"), delay);
	print_counters(f, json_object_get(result, "counters"), NULL, all);
}

void ctl_print_dump(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column columns[] = { { "NAME", "name", false },      { "TYPE", "type", false },
						     { "RCODE", "rcode", false },    { "TTL s", "ttl_s", true },
						     { "RECORDS", "records", true }, { "OCTETS", "octets", true } };
	const json_t *rows = json_object_get(result, "rows");

	(void)all;
	if (json_array_size(rows))
		CTL_TABLE(f, rows, columns);
	fprintf(f, "%" JSON_INTEGER_FORMAT " answers, %zu shown\n",
		json_integer_value(json_object_get(result, "total")), json_array_size(rows));
}

void ctl_print_crypto(FILE *f, const json_t *result, bool all)
{
	static const struct ctl_column classes[] = {
		{ "CLASS", "class", false },          { "JOBS", "jobs", true },
		{ "OPENSSL_NS", "openssl_ns", true }, { "LANES_NS", "lanes_ns", true },
		{ "DEVICE_NS", "device_ns", true },   { "BACKEND", "backend", false }
	};
	static const struct ctl_column steps[] = { { "STEP US", "us", false }, { "STEPS", "steps", true } };
	static const struct ctl_column fill[] = { { "JOBS", "jobs", true }, { "BATCHES", "batches", true } };

	ctl_fields(f, result);
	fputc('\n', f);
	CTL_TABLE(f, json_object_get(result, "classes"), classes);
	fputc('\n', f);
	CTL_TABLE(f, json_object_get(result, "fill"), fill);
	CTL_TABLE(f, json_object_get(result, "steps"), steps);
	fputc('\n', f);
	print_counters(f, json_object_get(result, "counters"), NULL, all);
}

void ctl_print_trace(FILE *f, const json_t *record, bool all)
{
	static const char *const before[][2] = {
		{ "", "time" },
		{ " ", "id" },
		{ " ", "client_ip" },
		{ " helo=", "helo" },
		{ " from=<", "mail_from" },
		{ "> ", "action" },
		{ " by ", "rule" },
		{ " spf=", "spf" },
		{ " dkim=", "dkim" },
		{ " arc=", "arc" },
		{ " dmarc=", "dmarc" },
		{ " (", "from_domain" },
		{ ") ms=", "total_ms" },
		{ ": ", "reply" },
	};

	(void)all;
	if (json_object_get(record, "missed")) { /* the end of a trace */
		if (json_integer_value(json_object_get(record, "missed"))) {
			fputs("records that came too fast to be shown: ", f);
			put(f, record, "missed");
			fputc('\n', f);
		}
		return;
	}
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		fputs(before[i][0], f);
		put(f, record, before[i][1]);
	}
	fputc('\n', f);
}

/* "label      value, value": keys until NULL, each with what stands before it. */
static void print_line(FILE *f, const json_t *o, const char *label, const char *const (*parts)[2])
{
	fprintf(f, "%-10s", label);
	for (; (*parts)[1]; parts++) {
		fputs((*parts)[0], f);
		put(f, o, (*parts)[1]);
	}
	fputc('\n', f);
}

/* Whole, however long: an answer of DNS is what one looks for. */
static void print_steps(FILE *f, const json_t *steps)
{
	if (json_array_size(steps))
		fputs("\nWhat was asked, answered and decided, in this order:\n", f);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *v = json_array_get(steps, i);
		const char *s = json_string_value(v);

		fputs("  ", f);
		for (size_t at = 0; s && at < json_string_length(v); at++)
			fputc(s[at] >= ' ' && s[at] < 0x7f ? s[at] : '?', f);
		fputc('\n', f);
	}
}

void ctl_print_explain(FILE *f, const json_t *r, bool all)
{
	typedef const char *const parts[2];
	static parts message[] = { { "", "id" }, { " of session ", "session" }, { ", ended ", "time" }, { 0 } };
	static parts client[] = { { "", "client_ip" }, { " port ", "client_port" }, { ", HELO ", "helo" }, { 0 } };
	static parts tls[] = { { "", "tls" }, { 0 } };
	static parts from[] = { { "<", "mail_from" }, { ">, From domain ", "from_domain" }, { 0 } };
	static parts size[] = { { "", "size" }, { 0 } };
	static parts results[] = { { "SPF ", "spf" },       { ", DKIM ", "dkim" },   { ", ARC ", "arc" },
				   { ", DMARC ", "dmarc" }, { ", iprev ", "iprev" }, { 0 } };
	static parts verdict[] = { { "", "action" }, { ", by rule ", "rule" }, { 0 } };
	static parts reply[] = { { "", "reply" }, { 0 } };
	static parts next_hop[] = { { "", "nexthop" }, { " said ", "nexthop_reply" }, { 0 } };
	static parts times[] = { { "", "total_ms" },
				 { " ms from DATA to the reply; DNS after the final dot ", "dns_ms" },
				 { " ms; signatures ", "crypto_us" },
				 { " us", "" },
				 { 0 } };
	static parts added[] = { { "", "authentication_results" }, { 0 } };
	const char *tls_text = json_string_value(json_object_get(r, "tls"));
	const char *next_hop_text = json_string_value(json_object_get(r, "nexthop"));
	json_int_t n_rcpts = json_integer_value(json_object_get(r, "rcpt_total"));
	size_t n_shown = json_array_size(json_object_get(r, "rcpt"));

	(void)all;
	print_line(f, r, "message", message);
	print_line(f, r, "client", client);
	if (tls_text && *tls_text)
		print_line(f, r, "TLS", tls);
	print_line(f, r, "from", from);
	fprintf(f, "%-10s", "to");
	put_list(f, json_object_get(r, "rcpt"));
	if (n_rcpts > (json_int_t)n_shown)
		fprintf(f, " and %" JSON_INTEGER_FORMAT " more", n_rcpts - (json_int_t)n_shown);
	fputc('\n', f);
	print_line(f, r, "octets", size);
	print_line(f, r, "results", results);
	print_line(f, r, "verdict", verdict);
	print_line(f, r, "reply", reply);
	if (next_hop_text && *next_hop_text)
		print_line(f, r, "next hop", next_hop);
	print_line(f, r, "took", times);
	/* What is put on top of a message; of one that goes no further, what would have been. */
	print_line(f, r, next_hop_text && *next_hop_text ? "added" : "found", added);
	if (json_is_true(json_object_get(r, "duplicate_possible")))
		fputs("The next hop was lost after the final dot: it may have taken the message, and get it again.\n",
		      f);
	print_steps(f, json_object_get(r, "steps"));
}

void ctl_print_lookup(FILE *f, const json_t *result, bool all)
{
	const json_t *records = json_object_get(result, "records");
	char cell[CTL_CELL_MAX];

	(void)all;
	put(f, result, "name");
	fputc(' ', f);
	put(f, result, "type");
	fputs(": ", f);
	put(f, result, "rcode");
	fputs(", kept for ", f);
	put(f, result, "ttl_s");
	fputs(" s", f);
	fputs(json_is_true(json_object_get(result, "secure")) ? ", validated\n" : "\n", f);
	for (size_t i = 0; i < json_array_size(records); i++) {
		ctl_cell(json_array_get(records, i), cell);
		fprintf(f, "%s\n", cell);
	}
}

void ctl_print_changed(FILE *f, const json_t *result, bool all)
{
	(void)all;
	ctl_fields(f, result);
}

/* What a reload or a rollback did, and what is left to do. */
void ctl_print_settings(FILE *f, const json_t *result, bool all)
{
	json_int_t back_to = json_integer_value(json_object_get(result, "back_to"));
	json_int_t silent = json_integer_value(json_object_get(result, "workers_silent"));

	(void)all;
	fputs("version ", f);
	put(f, result, "version");
	fputs(" is in force", f);
	if (back_to)
		fprintf(f, ": the settings of version %" JSON_INTEGER_FORMAT, back_to);
	fputs("\nchanged: ", f);
	if (json_array_size(json_object_get(result, "changed")))
		put_list(f, json_object_get(result, "changed"));
	else
		fputs("nothing", f);
	fputc('\n', f);
	if (json_array_size(json_object_get(result, "restart"))) {
		fputs("not in force before a restart: ", f);
		put_list(f, json_object_get(result, "restart"));
		fputc('\n', f);
	}
	if (silent)
		fprintf(f, "%" JSON_INTEGER_FORMAT " workers have not taken it yet\n", silent);
}

void ctl_print_list(FILE *f, const json_t *result, bool all)
{
	const json_t *entries = json_object_get(result, "entries");
	char cell[CTL_CELL_MAX];

	(void)all;
	for (size_t i = 0; i < json_array_size(entries); i++) {
		ctl_cell(json_array_get(entries, i), cell);
		fprintf(f, "%s\n", cell);
	}
	ctl_fields(f, result);
}
