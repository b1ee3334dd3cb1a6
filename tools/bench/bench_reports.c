// SPDX-License-Identifier: MIT
/*
 * bench_reports.c - a day of verdicts into the report store: how fast, and in how much memory
 *
 * In an order that no cache likes: each verdict is of another domain than the one before.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/report/report_gzip.h"
#include "ctrlplane/report/report_xml.h"
#include "tools/bench/bench_figure.h"
#include "tools/bench/bench_reports.h"

enum { VERDICTS = 1000000, DOMAINS = 10000, SOURCES = 20, BATCH = 1024 };

static const char facts[] =
	"pass\0pass\0fail\0\0\0good.example\0good.example\0good.example\0softfail\0good.example\0s1\0pass";

static double resident_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void tell(struct report_store *st, unsigned i)
{
	char domain[64], ip[32];
	struct report_message m = { .unix_s = UINT64_C(1795478400) + i / 20,
				    .policy = SPAN("method=treewalk;p=reject;adkim=r;aspf=r;t=n"),
				    .facts = span_of(facts, sizeof(facts)) };
	unsigned source = i / DOMAINS % SOURCES;

	snprintf(domain, sizeof(domain), "d%u.example", (i * 7919U) % DOMAINS);
	snprintf(ip, sizeof(ip), "192.0.2.%u", source);
	m.domain = span_str(domain);
	CHECK(ip_addr_parse(span_str(ip), &m.client));
	report_store_add(st, &m);
}

static void add_count(void *arg, const struct report_period *p)
{
	*(uint64_t *)arg += p->n_messages;
}

static double build_ms(struct report_store *st)
{
	const struct report_author author = { "org", "a@b.example", "", "bench", false };
	double begin = now_s();
	struct report_period p;
	size_t n, n_gzip;

	CHECK(report_store_newest(st, "d1.example", &p));
	char *xml = report_xml(st, &p, &author, "1@bench", &n);
	CHECK(xml);
	free(report_gzip(span_of(xml, n), &n_gzip));
	free(xml);
	return (now_s() - begin) * 1000;
}

static double file_mb(const char *path)
{
	struct stat s = { 0 };

	stat(path, &s);
	return (double)s.st_size / (1 << 20);
}

void bench_reports(void)
{
	char folder[] = "/tmp/sekisho-bench-XXXXXX", path[64], name[80], error[256] = "";
	uint64_t total = 0;

	CHECK(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/reports", folder);
	struct report_store_settings s = {
		.path = path, .owner = "bench", .interval_s = 86400, .rows_max = 10000, .store_mb = 256
	};
	double before_kb = resident_kb(), begin = now_s();
	struct report_store *st = report_store_open(&s, error);
	CHECK(st);
	for (unsigned i = 0; i < VERDICTS; i++) {
		tell(st, i);
		if (i % BATCH == BATCH - 1)
			report_store_commit(st);
	}
	report_store_commit(st);
	double took = now_s() - begin;
	report_store_list(st, 2 * DOMAINS, add_count, &total);
	CHECK(total == VERDICTS);
	say("reports.verdicts_per_s", VERDICTS / took, "1/s");
	say("reports.memory.kb", resident_kb() - before_kb, "KiB");
	say("reports.lost", (double)report_store_n_lost(st), "verdicts");
	say("reports.build.ms", build_ms(st), "ms");
	say("reports.store.mb", file_mb(path), "MiB");
	report_store_close(st);
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
	rmdir(folder);
}
