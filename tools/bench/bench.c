// SPDX-License-Identifier: MIT
/*
 * bench.c - figures of single parts, each a ratio of two things measured in turn in this run
 *
 * usage: bench [quick|PART]    prints one `name value unit` a line; tools/bench/run makes the result file of it.
 * Every figure is the median over rounds that alternate between the two sides, so that a busy machine slows both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <string.h>
#include <time.h>

#include "crypto/crypto_openssl.h"
#include "dataplane/auth/dkim_canon.h"
#include "dataplane/auth/dmarc.h"
#include "dataplane/shard/shard_state.h"
#include "dns/dns_cache.h"
#include "dns/domain_names.h"
#include "tools/bench/bench_crypto.h"
#include "tools/bench/bench_figure.h"
#include "tools/bench/bench_floor.h"
#include "tools/bench/bench_lists.h"
#include "tools/bench/bench_net.h"
#include "tools/bench/bench_path.h"
#include "tools/bench/bench_reports.h"
#include "tools/bench/bench_tcp.h"

enum { ROUNDS = 31, BODY = 1 << 20 };

/* Text as mail has it: lines of 40 to 76 octets, single blanks between words of some five letters. */
static void fill_text(uint8_t *at, size_t n)
{
	size_t column = 0, width = 60;

	for (size_t i = 0; i < n; i++) {
		if (column == width && i + 2 < n) {
			at[i++] = '\r';
			at[i] = '\n';
			column = 0;
			width = 40 + (size_t)(rand() % 37);
			continue;
		}
		bool space = column && column + 1 < width && at[i - 1] != ' ' && rand() % 5 == 0;
		at[i] = space ? ' ' : (uint8_t)('a' + rand() % 26);
		column++;
	}
}

/* Indented HTML as programs write it: blanks and tabs before the text, some pairs of blanks in it, some after it. */
static void fill_html(uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n;) {
		char line[160];
		size_t len = 0, indent = (size_t)(rand() % 24), text = 20 + (size_t)(rand() % 60);

		if (rand() % 4 == 0) {
			memset(line, '\t', indent / 8);
			len = indent / 8;
		} else {
			memset(line, ' ', indent);
			len = indent;
		}
		for (size_t end = len + text; len < end; len++) {
			bool space = rand() % 7 == 0 || (line[len ? len - 1 : 0] == ' ' && rand() % 8 == 0);

			line[len] = space ? ' ' : (char)('a' + rand() % 26);
		}
		for (int blanks = rand() % 5 == 0 ? 1 + rand() % 3 : 0; blanks > 0; blanks--)
			line[len++] = ' ';
		memcpy(line + len, "\r\n\r\n", 4);
		len += rand() % 10 ? 2 : 4;
		if (len > n - i)
			len = n - i;
		memcpy(at + i, line, len);
		i += len;
	}
}

/* What the machine is said to have, so that each variant can be measured. */
static enum simd simd_chosen;

static enum simd simd_as_chosen(void)
{
	return simd_chosen;
}

static double hash_alone(struct span body)
{
	struct hash_state h;
	uint8_t digest[SHA256_LEN];
	double start = now_s();

	crypto_openssl_hash.sha256_init(&h);
	crypto_openssl_hash.sha256_update(&h, body);
	crypto_openssl_hash.sha256_final(&h, digest);
	return now_s() - start;
}

/* In pieces of a segment's size, as they arrive. */
static double canonical(struct span body, enum dkim_canon canon)
{
	struct hash_ops ops = crypto_openssl_hash;
	struct dkim_body b;
	uint8_t digest[SHA256_LEN];
	double start = now_s();

	ops.simd = simd_as_chosen;
	dkim_body_init(&b, &ops, false, canon, UINT64_MAX);
	for (struct span rest = body; rest.len;) {
		size_t n = rest.len < 1460 ? rest.len : 1460;

		dkim_body_add(&b, span_head(rest, n));
		rest = span_skip(rest, n);
	}
	dkim_body_final(&b, digest);
	return now_s() - start;
}

/* By octets that came: HTML may well get above 1, since what is left of its white space is less to hash. */
static double canonical_ratio(struct span body, enum dkim_canon canon)
{
	double ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double alone = hash_alone(body);

		ratio[i] = alone / canonical(body, canon);
	}
	return median(ratio, ROUNDS);
}

/* A processor that has just woken up is slower at some instructions than at others. */
static void warm_up(struct span body)
{
	double end = now_s() + 0.3;

	while (now_s() < end)
		(void)(hash_alone(body) + canonical(body, DKIM_CANON_RELAXED));
}

static void bench_canon(void)
{
	static const char *const variants[][2] = {
		{ "canon.relaxed_portable.ratio", "canon.relaxed_html_portable.ratio" },
		{ "canon.relaxed_avx2.ratio", "canon.relaxed_html_avx2.ratio" },
		{ "canon.relaxed_avx512.ratio", "canon.relaxed_html_avx512.ratio" },
	};
	const enum simd best = crypto_openssl_hash.simd();
	uint8_t *octets = malloc((size_t)2 * BODY);
	struct span text = span_of(octets, BODY), html = span_of(octets + BODY, BODY);

	fill_text(octets, BODY);
	fill_html(octets + BODY, BODY);
	simd_chosen = best;
	warm_up(text);
	say("canon.relaxed.level", best, "0_portable_1_avx2_2_avx512");
	say("canon.relaxed.ratio", canonical_ratio(text, DKIM_CANON_RELAXED), "of_sha256_rate");
	say("canon.relaxed_html.ratio", canonical_ratio(html, DKIM_CANON_RELAXED), "of_sha256_rate");
	say("canon.simple.ratio", canonical_ratio(text, DKIM_CANON_SIMPLE), "of_sha256_rate");
	for (simd_chosen = SIMD_PORTABLE; simd_chosen <= best; simd_chosen++) {
		say(variants[simd_chosen][0], canonical_ratio(text, DKIM_CANON_RELAXED), "of_sha256_rate");
		say(variants[simd_chosen][1], canonical_ratio(html, DKIM_CANON_RELAXED), "of_sha256_rate");
	}
	free(octets);
}

enum { DOMAINS = 256 };

/* A worker as far as the verifiers see it, whose DNS cache is filled by answer(). */
static struct shard *worker(void)
{
	struct dns_cache_settings settings = {
		.entries_max = 4096, .ttl_min_s = 60, .ttl_max_s = 86400, .ttl_negative_max_s = 900, .ttl_servfail_s = 5
	};
	struct siphash_key key = { 3, 4 };
	struct shard *s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);
	size_t size = (dns_cache_memory(&settings) + 63) & ~(size_t)63;

	if (!s)
		exit(1);
	memset(s, 0, sizeof(*s));
	s->dns = dns_cache_init(aligned_alloc(64, size), &settings, &key);
	s->kept = dns_cache_init(aligned_alloc(64, size), &settings, &key);
	s->memory = shard_memory_for_auth(s);
	s->configs[0].auth = auth_settings_default();
	s->configs[0].auth.authserv_id = "mx.example";
	s->configs[0].auth.stats = &s->stats;
	s->configs[0].auth.memory = &s->memory;
	return s;
}

static void answer(struct shard *s, enum dns_type type, const char *name, const char *txt)
{
	uint64_t block[256];
	struct dns_question q;
	struct dns_answer *a = dns_answer_init(block, sizeof(block), DNS_NODATA, 3600);

	if (!dns_question_set(&q, type, span_str(name)) || (txt && !dns_answer_add(a, sizeof(block), span_str(txt))))
		exit(1);
	dns_cache_put(s->dns, &q, a, 1);
}

static struct auth_client senders[DOMAINS];

static void make_senders(void)
{
	static char names[DOMAINS][2][64];

	for (unsigned i = 0; i < DOMAINS; i++) {
		snprintf(names[i][0], sizeof(names[i][0]), "mail.domain-%u.example", i);
		snprintf(names[i][1], sizeof(names[i][1]), "someone@domain-%u.example", i);
		senders[i] = (struct auth_client){ .helo = span_str(names[i][0]),
						   .mail_from = span_str(names[i][1]),
						   .has_mail_from = true,
						   .ip = ip_addr_of4((const uint8_t[]){ 10, i % 8, 7, (uint8_t)i }) };
	}
}

/* Both identities of a message: HELO without a record, and a reverse-path whose provider has twenty networks. */
static void check_spf(struct shard *s, struct spf *spf, unsigned i)
{
	for (int scope = 0; scope < 2; scope++) {
		spf_begin(spf, &s->configs[0].auth, scope ? SPF_SCOPE_MFROM : SPF_SCOPE_HELO, &senders[i], NULL, 2);
		for (bool done = spf_step(spf, NULL, 2); !done;)
			done = spf_step(spf, dns_cache_get(s->dns, spf_question(spf), 2), 2);
	}
	if (spf->result != SPF_RESULT_PASS)
		exit(1);
}

static void bench_spf(void)
{
	struct shard *s = worker();
	struct spf *spf = malloc(sizeof(*spf));
	double warm[ROUNDS], cold[ROUNDS], build[ROUNDS];
	const struct auth_memory *memory = s->configs[0].auth.memory;

	make_senders();
	for (unsigned i = 0; i < DOMAINS; i++) {
		char name[64], txt[1024];

		snprintf(name, sizeof(name), "domain-%u.example", i);
		snprintf(txt, sizeof(txt), "v=spf1 ip4:192.0.2.%u include:spf-%u.example -all", i, i % 8);
		answer(s, DNS_TXT, name, txt);
		snprintf(name, sizeof(name), "mail.domain-%u.example", i);
		answer(s, DNS_TXT, name, NULL);
		int at = snprintf(txt, sizeof(txt), "v=spf1");
		for (unsigned n = 0; n < 20; n++)
			at += snprintf(txt + at, sizeof(txt) - (size_t)at, " ip4:10.%u.%u.0/24", i % 8,
				       (n * 7 + 7) % 140);
		snprintf(txt + at, sizeof(txt) - (size_t)at, " ~all");
		snprintf(name, sizeof(name), "spf-%u.example", i % 8);
		answer(s, DNS_TXT, name, txt);
	}
	for (int r = 0; r < ROUNDS; r++) {
		double rsa = bench_rsa2048_s(), start = now_s();

		s->configs[0].auth.memory = NULL;
		for (unsigned i = 0; i < DOMAINS; i++)
			check_spf(s, spf, i);
		cold[r] = (now_s() - start) / DOMAINS / rsa;
		s->configs[0].auth.memory = memory;
		dns_cache_flush(s->kept, SPAN(""));
		start = now_s();
		for (unsigned i = 0; i < 2 * DOMAINS; i++)
			check_spf(s, spf, i % DOMAINS);
		build[r] = (now_s() - start) / DOMAINS / rsa;
		start = now_s();
		for (unsigned i = 0; i < 10 * DOMAINS; i++)
			check_spf(s, spf, i % DOMAINS);
		warm[r] = (now_s() - start) / (10 * DOMAINS) / rsa;
	}
	say("auth.spf_warm.ratio", median(warm, ROUNDS), "of_rsa2048_verify");
	say("auth.spf_evaluated.ratio", median(cold, ROUNDS), "of_rsa2048_verify");
	say("auth.spf_compile.ratio", median(build, ROUNDS), "of_rsa2048_verify");
	free(spf);
}

/* Questions as they lie in struct dns_question, without what is behind the name: a look-up has just made its own. */
struct asked {
	uint8_t len;
	uint8_t octets[47];
};

/* As the gateway has it: transparent huge pages, where there are any. */
static void *bench_memory(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		exit(1);
	madvise(at, size, MADV_HUGEPAGE);
	return at;
}

/* What one read costs that waits for the one before it, anywhere in @size octets: the yardstick of any large table. */
static double dependent_read_ns(uint8_t *at, size_t size)
{
	enum { N = 1000000 };
	const size_t n_lines = size / 64;
	uint64_t x = 1;

	double start = now_s();
	for (int i = 0; i < N; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		x += *(volatile uint8_t *)(at + (x >> 20) % n_lines * 64);
	}
	return (now_s() - start) * 1e9 / N;
}

/* A million answers, asked for in another order than they came. */
static void bench_dns_cache(void)
{
	enum { N = 1000000 };
	struct dns_cache_settings settings = {
		.entries_max = N, .ttl_min_s = 60, .ttl_max_s = 86400, .ttl_negative_max_s = 900, .ttl_servfail_s = 5
	};
	struct siphash_key key = { 1, 2 };
	const size_t size = dns_cache_memory(&settings);
	void *memory = bench_memory(size);
	struct dns_cache *c = dns_cache_init(memory, &settings, &key);
	struct asked *asked = bench_memory(N * sizeof(*asked));
	struct dns_question q;
	uint64_t block[64];
	size_t hits = 0;

	for (size_t i = 0; i < N; i++) {
		struct asked *to = &asked[i * 7919 % N];
		char name[64];

		snprintf(name, sizeof(name), "_dmarc.domain-%zu.example", i);
		struct dns_answer *a = dns_answer_init(block, sizeof(block), DNS_NODATA, 300);
		if (!dns_question_set(&q, DNS_TXT, span_str(name)) ||
		    !dns_answer_add(a, sizeof(block), SPAN("v=DMARC1; p=reject; rua=mailto:reports@example")))
			exit(1);
		dns_cache_put(c, &q, a, 1);
		to->len = (uint8_t)(offsetof(struct dns_question, name) + q.len);
		memcpy(to->octets, &q, to->len);
	}
	double start = now_s();
	for (int r = 0; r < 3; r++)
		for (size_t i = 0; i < N; i++) {
			memcpy(&q, asked[i].octets, sizeof(asked[i].octets));
			hits += dns_cache_get(c, &q, 2) != NULL;
		}
	double ns = (now_s() - start) * 1e9 / (3.0 * N);

	say("dns.cache_lookup.ns", ns, "ns");
	say("dns.cache_lookup.reads", ns / dependent_read_ns(memory, size), "dependent_reads_of_that_memory");
	if (hits != 3 * N)
		exit(1);
	munmap(asked, N * sizeof(*asked));
	munmap(memory, size);
}

/* Judges a message of example.com with a signature of it and one of a name below, and SPF of another; counts questions. */
static unsigned dmarc_once(const struct auth_settings *settings, const struct spf *spf, const struct dkim *dkim)
{
	static struct dmarc m;
	struct dns_question q;
	unsigned slot, n = 0;

	dmarc_begin(&m, settings, SPAN("example.com"), NULL, 2);
	dmarc_identifier(&m, spf->domain);
	for (size_t i = 0; i < dkim_n_verified(dkim); i++)
		dmarc_identifier(&m, dkim_verified(dkim, i).d);
	for (; dmarc_question(&m, &slot, &q); n++) {
		uint64_t block[64];
		struct dns_answer *a = dns_answer_init(block, sizeof(block), DNS_NXDOMAIN, 300);

		if (span_eq(dns_question_name(&q), SPAN("_dmarc.example.com")) &&
		    !dns_answer_add(a, sizeof(block), SPAN("v=DMARC1; p=reject; rua=mailto:reports@example.com")))
			exit(1);
		dmarc_answer(&m, slot, a, 2);
	}
	dmarc_judge(&m, spf, dkim);
	if (m.result != DMARC_RESULT_PASS || !m.spf_aligned || !m.dkim_aligned || !m.modes_compared)
		exit(1);
	return n;
}

/* DMARC of such a message, as a share of one RSA-2048 verification by EVP_PKEY_verify. */
static void bench_dmarc(void)
{
	static struct stats stats;
	static struct spf spf;
	static struct dkim dkim;
	struct auth_settings settings = auth_settings_default();
	double ratio[ROUNDS];

	settings.to_ascii = domain_to_ascii;
	settings.organizational = domain_organizational;
	settings.stats = &stats;
	const struct dmarc_cache_settings size = {
		.entries_max = 20000, .ttl_min_s = 1, .ttl_max_s = 900, .ttl_negative_max_s = 900
	};
	const struct siphash_key hash_key = { 1, 2 };
	void *memory = aligned_alloc(64, (dmarc_cache_memory(&size) + 63) & ~(size_t)63);
	settings.dmarc_cache = dmarc_cache_init(memory, &size, &hash_key, &stats);
	spf.domain = SPAN("bounce.example.com");
	spf.result = SPF_RESULT_PASS;
	dkim.settings = &settings;
	dkim.n_slots = 2;
	dkim.slots[0].sig.d = SPAN("example.com");
	dkim.slots[1].sig.d = SPAN("mail.example.com");
	dkim.slots[0].result = dkim.slots[1].result = DKIM_RESULT_PASS;
	if (dmarc_once(&settings, &spf, &dkim) == 0)
		exit(1);
	for (int r = 0; r < ROUNDS; r++) {
		double start = now_s();
		for (int i = 0; i < 4000; i++)
			if (dmarc_once(&settings, &spf, &dkim))
				exit(1);
		double ours = (now_s() - start) / 4000;

		ratio[r] = ours / bench_rsa2048_s();
	}
	say("auth.dmarc_warm.ratio", median(ratio, ROUNDS), "of_rsa2048_verify");
	free(memory);
}

/* bench [quick | PART]: all parts, all but the long ones, or those whose name has that in it. */
int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {
		{ "floor", bench_floor },     { "crypto", bench_crypto }, { "canon", bench_canon },
		{ "dmarc", bench_dmarc },     { "dns", bench_dns_cache }, { "net", bench_net },
		{ "tcp", bench_tcp },         { "spf", bench_spf },       { "lists", bench_lists },
		{ "reports", bench_reports }, { "jitter", bench_jitter }, { "million", bench_tcp_million },
		{ "path", bench_path },
	};
	bool quick = argc > 1 && strcmp(argv[1], "quick") == 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (quick ? parts[i].run != bench_tcp_million : argc < 2 || strstr(parts[i].name, argv[1]) != NULL)
			parts[i].run();
	if (argc < 2 || quick || strstr("smtp", argv[1]))
		say("smtp.idle_session.bytes", (double)sizeof(struct client), "octets");
	return 0;
}
