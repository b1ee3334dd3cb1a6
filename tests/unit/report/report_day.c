// SPDX-License-Identifier: MIT
/*
 * report_day.c - a day of a million verdicts over ten thousand domains: every report is made, sent, and held to the schema
 *
 * Not of `make test`: `make reports-day`.  Each report is taken out of the mail that would carry it (base64, gzip), validated
 * against the schema of RFC 9990, and its counts are added up; in the end they must be what was told, domain by domain
 * and disposition by disposition.  Prints what memory the process had at its peak.
 */
#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#include "ctrlplane/report/report_job.h"
#include "dns/domain_names.h"
#include "tests/unit/report/report_world.h"

enum { VERDICTS = 1000000, DOMAINS = 10000, SOURCES = 20, KINDS = 3, REPORT_MAX = 1 << 20 };

static const char *const kinds[KINDS] = { "pass", "quarantine", "reject" };
static const char *const facts[KINDS] = {
	"pass|pass|fail|||good.example|good.example|good.example|softfail|good.example|s1|pass",
	"quarantine|fail|fail|||mild.example|evil.example|evil.example|pass",
	"reject|fail|fail|||good.example|evil.example|evil.example|none",
};

static uint32_t told[DOMAINS][KINDS], found[DOMAINS][KINDS];
static unsigned n_reports, n_invalid, n_odd;
static xmlSchemaValidCtxtPtr schema;
static struct report_store *store;
static struct report_job job;

static uint64_t peak_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_maxrss;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* xorshift64*: the same day each time. */
static uint32_t draw(void)
{
	static uint64_t x = 9;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	return (uint32_t)(x * UINT64_C(2685821657736338717) >> 32);
}

/* Some domains get much mail, most little: the product of two draws. */
static void tell_all(void)
{
	for (uint64_t i = 0; i < VERDICTS; i++) {
		uint32_t d = (uint32_t)((uint64_t)(draw() % DOMAINS) * (draw() % DOMAINS) / DOMAINS),
			 kind = draw() % KINDS;
		char domain[32], ip[32];

		if (i < DOMAINS)
			d = (uint32_t)i; /* each at least once */
		snprintf(domain, sizeof(domain), "d%u.example", d);
		snprintf(ip, sizeof(ip), "192.0.%u.%u", d % 256, draw() % SOURCES);
		tell(store, domain, POLICY, ip, facts[kind], NOON_S - DAY_S / 2 + i * DAY_S / VERDICTS);
		told[d][kind]++;
	}
	report_store_commit(store);
}

/* --- what comes out ---------------------------------------------------------------------------- */

static int value_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The attachment of a mail as octets; ends at the boundary behind it. */
static size_t decode(const char *mail, uint8_t *out, size_t cap)
{
	const char *at = strstr(mail, "Content-Disposition: attachment");
	uint32_t bits = 0;
	size_t n = 0;
	int n_bits = 0;

	CHECK(at);
	for (at = strstr(at, "\r\n\r\n") + 4; *at && *at != '-' && n < cap; at++) {
		int value = value_of(*at);

		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	return n;
}

static size_t inflate_all(const uint8_t *in, size_t n, char *out, size_t cap)
{
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)n, .next_out = (Bytef *)out, .avail_out = (uInt)cap
	};

	CHECK(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
	CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
	inflateEnd(&z);
	return z.total_out;
}

/* The first element below @node of that name, at any depth. */
static const xmlNode *element(const xmlNode *node, const char *name)
{
	for (const xmlNode *n = node->children; n; n = n->next) {
		const xmlNode *below = n->type != XML_ELEMENT_NODE                ? NULL
				       : strcmp((const char *)n->name, name) == 0 ? n
										  : element(n, name);
		if (below)
			return below;
	}
	return NULL;
}

static const char *text_of(const xmlNode *node, const char *name)
{
	const xmlNode *e = element(node, name);

	CHECK(e && e->children);
	return (const char *)e->children->content;
}

static void add_record(const xmlNode *record, unsigned domain)
{
	for (unsigned k = 0; k < KINDS; k++)
		if (strcmp(text_of(record, "disposition"), kinds[k]) == 0) {
			found[domain][k] += (uint32_t)strtoul(text_of(record, "count"), NULL, 10);
			return;
		}
	n_odd++;
}

static void read_report(const char *xml, size_t len)
{
	xmlDocPtr document = xmlReadMemory(xml, (int)len, "report", NULL, XML_PARSE_NONET);
	const xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;

	n_reports++;
	if (!root || xmlSchemaValidateDoc(schema, document) != 0) {
		n_invalid++;
	} else {
		unsigned domain = (unsigned)strtoul(text_of(element(root, "policy_published"), "domain") + 1, NULL, 10);

		for (const xmlNode *n = root->children; n && domain < DOMAINS; n = n->next)
			if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, "record") == 0)
				add_record(n, domain);
	}
	xmlFreeDoc(document);
}

static void take_mail(const char *mail)
{
	static uint8_t packed[REPORT_MAX];
	static char xml[REPORT_MAX];

	read_report(xml, inflate_all(packed, decode(mail, packed, sizeof(packed)), xml, sizeof(xml)));
}

/* --- the job ----------------------------------------------------------------------------------- */

/* Each domain takes its own reports. */
static void answer(const struct dns_question *q, uint64_t now_s)
{
	static _Alignas(8) uint8_t room[1024];
	struct dns_answer *a = dns_answer_init(room, sizeof(room), DNS_NOERROR, 60);
	char record[256];
	struct span name = dns_question_name(q);

	name = span_skip(name, sizeof("_dmarc.") - 1);
	snprintf(record, sizeof(record), "v=DMARC1; p=reject; rua=mailto:dmarc@%.*s", (int)name.len,
		 (const char *)name.at);
	CHECK(dns_answer_add(a, sizeof(room), span_str(record)));
	report_job_answer(&job, a, now_s);
}

static void send_all(uint64_t now_s)
{
	struct report_job_settings s = { .hostname = "inside.example",
					 .author = world_author,
					 .addresses_max = 4,
					 .attempts_max = 3,
					 .retry_s = 600,
					 .suppress_s = 86400,
					 .organizational = domain_organizational };
	struct report_action a;

	report_job_init(&job, &s, store);
	report_store_close_due(store, now_s);
	while (report_job_next(&job, &a, now_s)) {
		if (a.act == REPORT_ACT_ASK) {
			answer(&a.question, now_s);
			continue;
		}
		take_mail(a.mail);
		free(a.mail);
		report_job_sent(&job, 250, SPAN("250 2.0.0 taken"), now_s);
	}
}

static void open_schema(void)
{
	xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt("tests/unit/report/rfc9990.xsd");

	schema = xmlSchemaNewValidCtxt(xmlSchemaParse(parser));
	xmlSchemaFreeParserCtxt(parser);
	CHECK(schema);
	xmlSchemaSetValidErrors(schema, quiet, quiet, NULL);
}

int main(void)
{
	uint64_t before_kb, counted_kb;
	double began = now(), counted;

	world_begin();
	world_settings.rows_max = 10000;
	world_settings.store_mb = 256;
	store = world_store();
	open_schema();
	before_kb = peak_kb();
	tell_all();
	counted_kb = peak_kb();
	counted = now();
	send_all(NOON_S + DAY_S);
	printf("# %u verdicts counted in %.1f s, %u reports built and sent in %.1f s\n", VERDICTS, counted - began,
	       n_reports, now() - counted);
	printf("# peak of the process: %llu KiB at the start, %llu KiB when all was counted, %llu KiB when all was "
	       "sent\n",
	       (unsigned long long)before_kb, (unsigned long long)counted_kb, (unsigned long long)peak_kb());
	ok(report_store_n_lost(store) == 0, "no verdict is lost");
	ok(n_reports == DOMAINS, "one report for each domain");
	ok(n_invalid == 0 && n_odd == 0, "each is valid by the schema of RFC 9990");
	ok(memcmp(told, found, sizeof(told)) == 0, "the counts are what was told, for each domain and disposition");
	ok(peak_kb() - before_kb < 64 * 1024, "in bounded memory: less than 64 MiB");
	report_store_close(store);
	world_end();
	return done();
}
