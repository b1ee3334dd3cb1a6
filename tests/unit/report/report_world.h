// SPDX-License-Identifier: MIT
/*
 * report_world.h - a store in a folder of its own, or in a PostgreSQL there; verdicts to put into it, a schema to hold
 * reports to
 */
#ifndef REPORT_WORLD_H
#define REPORT_WORLD_H

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libxml/xmlschemas.h>

#include "ctrlplane/report/report_xml.h"
#include "dataplane/shard/shard_link.h"
#include "tests/tap.h"

#define DAY_S UINT64_C(86400)
#define NOON_S (UINT64_C(20000) * DAY_S + DAY_S / 2) /* of some day */
#define POLICY "method=treewalk;p=reject;sp=none;np=quarantine;adkim=r;aspf=s;t=n"

static char world_folder[64], world_path[96], world_server[160];
static struct report_store_settings world_settings;

static const struct report_author world_author = { .organization = "Inside & Co",
						   .email = "reports@inside.example",
						   .contact = "https://inside.example/dmarc",
						   .generator = "sekisho test" };

__attribute__((unused)) static struct report_store *world_store(void)
{
	char error[256] = "";
	struct report_store *st = report_store_open(&world_settings, error);

	if (!st)
		printf("# %s\n", error);
	CHECK(st);
	return st;
}

__attribute__((unused)) static void world_begin(void)
{
	/* In memory, if there is such a file system: none of these tests cuts the power. */
	strcpy(world_folder, "/dev/shm/sekisho-report-XXXXXX");
	if (!mkdtemp(world_folder)) {
		strcpy(world_folder, "/tmp/sekisho-report-XXXXXX");
		CHECK(mkdtemp(world_folder));
	}
	snprintf(world_path, sizeof(world_path), "%s/reports", world_folder);
	world_settings = (struct report_store_settings){ .path = world_path,
							 .owner = "mx1",
							 .interval_s = DAY_S,
							 .rows_max = 1000,
							 .store_mb = 64,
							 .keep_s = 7 * DAY_S,
							 .lease_s = 3600 };
}

/* A message from 192.0.2.1 to good.example's rua, now, written down as a worker does it; false: the ledger is full. */
__attribute__((unused)) static bool world_tells(struct ledger *l, struct span facts)
{
	const struct span domain = SPAN("good.example"), policy = SPAN(POLICY);
	struct shard_told t;

	memset(&t, 0, sizeof(t));
	t.kind = SHARD_TOLD_MESSAGE;
	t.rua = true;
	t.unix_s = (uint64_t)time(NULL);
	CHECK(ip_addr_parse(SPAN("192.0.2.1"), &t.client));
	t.domain_len = (uint16_t)domain.len;
	t.policy_len = (uint16_t)policy.len;
	t.facts_len = (uint16_t)facts.len;
	const struct span parts[] = { span_of(&t, sizeof(t)), domain, policy, facts };
	return ledger_put(l, parts, 4);
}

/* tests/postgres start, kill or stop, in the folder of the world. */
__attribute__((unused)) static void world_postgres(const char *verb)
{
	char command[160];

	CHECK(chmod(world_folder, 0755) == 0);
	snprintf(command, sizeof(command), "tests/postgres %s %s", verb, world_folder);
	CHECK(system(command) == 0);
	snprintf(world_server, sizeof(world_server), "host=%s/postgres user=postgres dbname=postgres", world_folder);
}

__attribute__((unused)) static void world_remove(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -r %s", world_folder);
	CHECK(system(command) == 0);
}

__attribute__((unused)) static void world_end(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", world_path, suffixes[i]);
		unlink(name);
	}
	rmdir(world_folder);
}

/* Facts from "pass|fail|...": each | is a NUL, and one follows the last. */
__attribute__((unused)) static struct span facts_of(const char *text)
{
	static char room[2048];
	size_t n = strlen(text);

	CHECK(n < sizeof(room));
	for (size_t i = 0; i <= n; i++)
		room[i] = (char)(text[i] == '|' ? '\0' : text[i]);
	return span_of(room, n + 1);
}

#define FACTS_PASS "pass|pass|fail|||good.example|good.example|good.example|softfail|good.example|s1|pass"
#define FACTS_FAIL "reject|fail|fail|||good.example|evil.example|evil.example|pass"

__attribute__((unused)) static void tell(struct report_store *st, const char *domain, const char *policy,
					 const char *ip, const char *facts, uint64_t unix_s)
{
	struct report_message m = {
		.unix_s = unix_s, .domain = span_str(domain), .policy = span_str(policy), .facts = facts_of(facts)
	};

	CHECK(ip_addr_parse(span_str(ip), &m.client));
	report_store_add(st, &m);
}

static void quiet(void *arg, const char *format, ...)
{
	va_list args;

	(void)arg;
	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	va_end(args);
}

/* Whether the text is a document of that schema, by libxml2. */
__attribute__((unused)) static bool is_valid(const char *xml, size_t len, const char *schema)
{
	xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt(schema);
	xmlSchemaPtr s = xmlSchemaParse(parser);
	xmlSchemaValidCtxtPtr valid = s ? xmlSchemaNewValidCtxt(s) : NULL;
	xmlDocPtr document = xmlReadMemory(xml, (int)len, "report", NULL, XML_PARSE_NONET);
	bool good = false;

	if (valid && document) {
		xmlSchemaSetValidErrors(valid, quiet, quiet, NULL);
		good = xmlSchemaValidateDoc(valid, document) == 0;
	}
	xmlFreeDoc(document);
	xmlSchemaFreeValidCtxt(valid);
	xmlSchemaFree(s);
	xmlSchemaFreeParserCtxt(parser);
	return good;
}

#endif
