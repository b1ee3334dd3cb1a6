// SPDX-License-Identifier: MIT
/*
 * sekisho_check.c - program sekisho-check: verify a message offline, or a stream of cases
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/dns_unbound.h"
#include "tools/check/check_options.h"
#include "tools/check/check_report.h"
#include "tools/check/check_stream.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define FILE_OCTETS_MAX (256u << 20)

static int failed(const char *what, const char *to_do)
{
	fprintf(stderr, "sekisho-check: %s; %s\n", what, to_do);
	return EXIT_FAILED;
}

/* All of a file; false when it cannot be read or is too large.  @octets is to be freed. */
static bool read_file(FILE *f, uint8_t **octets, size_t *len)
{
	size_t cap = 0;

	*octets = NULL;
	*len = 0;
	do {
		if (*len == cap) {
			errno = 0; /* too large is no error of the system */
			uint8_t *more = cap < FILE_OCTETS_MAX ? realloc(*octets, cap ? 2 * cap : 65536) : NULL;
			if (!more)
				return false;
			*octets = more;
			cap = cap ? 2 * cap : 65536;
		}
		*len += fread(*octets + *len, 1, cap - *len, f);
	} while (!feof(f) && !ferror(f));
	return !ferror(f);
}

static int read_named(const char *path, uint8_t **octets, size_t *len)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	bool good = f && read_file(f, octets, len);

	if (!good)
		fprintf(stderr, "sekisho-check: %s cannot be read: %s; name a file, or - for standard input\n", path,
			errno ? strerror(errno) : "too large");
	if (f && f != stdin)
		fclose(f);
	return good ? -1 : EXIT_FAILED;
}

static int open_zone(const char *path, struct dns_zone **zone)
{
	uint8_t *octets = NULL;
	size_t len;
	const char *what = NULL;
	unsigned line = 0;
	int status = read_named(path, &octets, &len);

	*zone = status < 0 ? dns_zone_open() : NULL;
	if (*zone)
		line = dns_zone_load(*zone, span_of(octets, len), &what);
	free(octets);
	if (line == 0)
		return *zone ? -1 : EXIT_FAILED;
	fprintf(stderr, "sekisho-check: %s:%u: %s; write name TYPE rdata\n", path, line, what);
	dns_zone_close(*zone);
	return EXIT_USAGE;
}

static int open_resolver(const struct check_options *o, struct dns_resolver *resolver)
{
	const char *forwarders[] = { o->resolver, NULL };
	struct dns_unbound_settings settings = { .forwarders = forwarders, .under_way_max = 256 };
	const char *error = "";
	struct dns_zone *zone;

	if (o->zone_file) {
		int status = open_zone(o->zone_file, &zone);
		if (status < 0)
			*resolver = dns_zone_resolver(zone);
		return status;
	}
	if (dns_unbound_open(resolver, &settings, &error))
		return -1;
	return failed(error, "check --resolver");
}

static int check_one(const struct check_options *o, struct check_run *r)
{
	struct check_case c = { .ip = ip_addr_unmap(o->ip),
				.helo = span_str(o->helo ? o->helo : ""),
				.mail_from = span_str(o->mail_from ? o->mail_from : ""),
				.has_mail_from = o->mail_from,
				.has_now = o->has_now,
				.now_unix = o->now_unix,
				.has_message = o->message_file };
	struct dns_resolver resolver;
	int status = -1;

	if (o->message_file)
		status = read_named(o->message_file, &c.message_octets, &c.message.len);
	c.message.at = c.message_octets;
	if (status < 0)
		status = open_resolver(o, &resolver);
	if (status < 0) {
		const char *wrong = check_run(r, &c, &resolver, o->explain);
		if (wrong) {
			status = failed(wrong, "this is a defect, please report it");
		} else if (o->json) {
			json_t *name = o->message_file ? json_string(o->message_file) : NULL;
			json_t *report = check_report_json(r, &c, name, o->explain);
			json_dumpf(report, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
			putchar('\n');
			json_decref(report);
			json_decref(name);
		} else {
			check_report_text(r, &c, o->explain);
		}
		resolver.close(resolver.driver);
	}
	free(c.message_octets);
	return status < 0 ? 0 : status;
}

/* What was printed must have gone somewhere. */
static int ended(int status)
{
	return fflush(stdout) != 0 && status == 0 ? failed("standard output cannot be written", "make room") : status;
}

int main(int argc, char **argv)
{
	struct check_options o;
	struct check_run r;
	int status = check_options(&o, argc, argv);

	if (status >= 0)
		return ended(status);
	if (!check_run_open(&r, &o.settings))
		return failed("no memory, or OpenSSL is not usable", "see what the system lacks");
	if (!o.jsonl)
		status = check_one(&o, &r);
	else
		status = check_stream(&r, stdin, stdout, o.explain)
				 ? 0
				 : failed("reading or writing failed", "see the pipe");
	check_run_close(&r);
	return ended(status);
}
