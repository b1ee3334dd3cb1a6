// SPDX-License-Identifier: MIT
/*
 * test_dmarc_twin.c - DMARC and its slow twin come to the same, over random zones
 *
 * Domains are made of two labels each under two tops, so that they meet often; zones hold records at the ancestors of
 * the domains in play.  Where names fail there is no twin: there, no result but temperror may be one that the missing
 * answers, whatever they had been, would have changed; and a temperror must know the worst that they could bring.
 * A cache of walks changes nothing but the number of questions.
 */
#include "tests/unit/auth/dmarc_cache_check.h"
#include "tests/unit/auth/dmarc_twin.h"

#define ROUNDS 20000
#define FAILING_ROUNDS 6000
#define WARM_ROUNDS 6000
#define FILLS 6

static const char *pick(const char *const *words, unsigned n)
{
	return words[dmarc_random(n)];
}

/* Policies, now and then absent or none of the words. */
static const char *random_policy(void)
{
	static const char *const words[] = { NULL, NULL, "none", "quarantine", "reject", "reject", "oops" };

	return pick(words, dmarc_random(8) ? 6 : 7);
}

static void random_record(struct twin_record *r)
{
	static const char *const psd[] = { NULL, NULL, NULL, NULL, "y", "n", "u" };
	static const char *const t[] = { NULL, NULL, "y", "n" };
	static const char *const mode[] = { NULL, NULL, "r", "s" };

	r->fails = r->is_nothing = false;
	r->p = dmarc_random(6) ? "reject" : random_policy();
	r->sp = random_policy();
	r->np = random_policy();
	r->psd = pick(psd, 7);
	r->t = pick(t, 4);
	r->adkim = pick(mode, 4);
	r->aspf = pick(mode, 4);
	r->rua = dmarc_random(2);
}

static void random_domain(char *out, unsigned labels)
{
	out[0] = '\0';
	for (unsigned i = 1; i < labels; i++)
		strcat(out, dmarc_random(3) ? "a." : "b.");
	strcat(out, dmarc_random(8) ? "t" : "u");
}

/* A relative: the same, above, below, or another one. */
static void random_relative(char *out, const char *domain)
{
	static const char *const below[] = { "a.", "b.", "a.b.", "b.a.a." };

	out[0] = '\0';
	switch (dmarc_random(4)) {
	case 0:
		random_domain(out, 1 + dmarc_random(11));
		return;
	case 1:
		strcat(out, pick(below, 4));
		break;
	default:
		break;
	}
	for (unsigned up = dmarc_random(4); up > 0 && strchr(domain, '.'); up--)
		domain = strchr(domain, '.') + 1;
	strcat(out, domain);
}

static const char *random_ancestor(const char *domain)
{
	for (unsigned up = dmarc_random(twin_labels(domain)); up > 0; up--)
		domain = strchr(domain, '.') + 1;
	return domain;
}

/* One message: its author, its identifiers, and DNS. */
struct play {
	char author[64], domains[4][64];
	struct dmarc_input in;
	struct twin_zone zone;
};

static void play_make(struct play *p)
{
	memset(p, 0, sizeof(*p));
	random_domain(p->author, 1 + dmarc_random(11));
	for (unsigned i = 0; i < 4; i++)
		random_relative(p->domains[i], p->author);
	if (dmarc_random(4))
		p->in.spf_domain = p->domains[0];
	p->in.spf = dmarc_random(2) ? SPF_RESULT_PASS : SPF_RESULT_SOFTFAIL;
	p->in.n_dkim = dmarc_random(4);
	for (unsigned i = 0; i < p->in.n_dkim; i++) {
		/* A signature of a top-level domain is no signature. */
		if (!strchr(p->domains[1 + i], '.'))
			strcpy(p->domains[1 + i], "a.t");
		p->in.d[i] = p->domains[1 + i];
		p->in.dkim[i] = dmarc_random(2) ? DKIM_RESULT_PASS : DKIM_RESULT_FAIL;
	}
	p->zone.n = dmarc_random(9);
	for (unsigned i = 0; i < p->zone.n; i++) {
		struct twin_record *r = &p->zone.records[i];
		const char *domain = dmarc_random(2) ? p->author : p->domains[dmarc_random(4)];

		random_record(r);
		strcpy(r->domain, random_ancestor(domain));
		r->is_nothing = dmarc_random(8) == 0;
	}
}

static void put_tag(struct text *t, const char *name, const char *value)
{
	if (!value)
		return;
	text_puts(t, "; ");
	text_puts(t, name);
	text_puts(t, "=");
	text_puts(t, value);
}

static void zone_fill(struct dns_zone *z, const struct twin_zone *twin)
{
	for (unsigned i = 0; i < twin->n; i++) {
		const struct twin_record *r = &twin->records[i];
		char name[280], txt[256];
		struct text t;

		snprintf(name, sizeof(name), "_dmarc.%s", r->domain);
		text_init(&t, txt, sizeof(txt));
		text_puts(&t, "v=DMARC1");
		put_tag(&t, "p", r->p);
		put_tag(&t, "sp", r->sp);
		put_tag(&t, "np", r->np);
		put_tag(&t, "psd", r->psd);
		put_tag(&t, "t", r->t);
		put_tag(&t, "adkim", r->adkim);
		put_tag(&t, "aspf", r->aspf);
		put_tag(&t, "rua", r->rua ? "mailto:r@a.t" : NULL);
		CHECK(!t.full);
		if (r->fails)
			CHECK(dns_zone_fail(z, span_str(name), DNS_TXT, DNS_SERVFAIL));
		else if (r->is_nothing)
			CHECK(dns_zone_add(z, span_str(name), DNS_A, SPAN("\x7f\0\0\1")));
		else
			CHECK(dns_zone_add(z, span_str(name), DNS_TXT, text_span(&t)));
	}
}

static void judge(struct play *p, bool old)
{
	const struct auth_settings settings = dmarc_settings(old);
	struct dns_zone *z = dns_zone_open();

	CHECK(z);
	zone_fill(z, &p->zone);
	dmarc_run(&settings, z, p->author, &p->in, (enum dmarc_order)dmarc_random(N_ORDERS), UINT32_MAX);
	dns_zone_close(z);
}

static bool same(const struct twin_result *x)
{
	return dmarc.result == x->result && span_eq(dmarc.org_domain, span_str(x->org)) &&
	       span_eq(dmarc.policy_domain, span_str(x->record)) && dmarc.published == x->published &&
	       dmarc.policy == x->policy && dmarc.spf_aligned == x->spf && dmarc.dkim_aligned == x->dkim &&
	       (dmarc.result != DMARC_RESULT_FAIL || dmarc.disposition == x->disposition);
}

static void tell(const struct play *p, const struct twin_result *x)
{
	printf("# From %s, SPF %s %s\n", p->author, p->in.spf_domain ? p->in.spf_domain : "-",
	       spf_result_text(p->in.spf));
	for (unsigned i = 0; i < p->in.n_dkim; i++)
		printf("# DKIM %s %s\n", p->in.d[i], dkim_result_text(p->in.dkim[i]));
	for (unsigned i = 0; i < p->zone.n; i++) {
		const struct twin_record *r = &p->zone.records[i];

		printf("# %s%s%s p=%s sp=%s np=%s psd=%s t=%s adkim=%s aspf=%s%s\n", r->domain,
		       r->fails ? " fails" : "", r->is_nothing ? " is nothing" : "", r->p ? r->p : "",
		       r->sp ? r->sp : "", r->np ? r->np : "", r->psd ? r->psd : "", r->t ? r->t : "",
		       r->adkim ? r->adkim : "", r->aspf ? r->aspf : "", r->rua ? " rua" : "");
	}
	printf("# got: %s\n# twin: %s org=%s record=%s policy=%s%s%s\n", dmarc_found(), dmarc_result_text(x->result),
	       x->org, x->record, dmarc_policy_text(x->policy), x->spf ? " spf" : "", x->dkim ? " dkim" : "");
}

/* What is said of the other mode is what its twin finds, and it is counted when it differs. */
static bool compared_well(const struct play *p, const struct twin_result *x)
{
	struct twin_result y = twin_judge(&p->zone, true, p->author, &p->in);
	bool differ = x->result != y.result || (x->result == DMARC_RESULT_FAIL && x->disposition != y.disposition);

	if (!dmarc.modes_compared)
		return dmarc_stats.dmarc_modes_differ == 0;
	return dmarc.rfc7489_result == y.result &&
	       (y.result != DMARC_RESULT_FAIL || dmarc.rfc7489_disposition == y.disposition) &&
	       dmarc_stats.dmarc_modes_differ == differ;
}

static void agrees(bool old)
{
	static struct play p;
	unsigned n_same = 0, n_asked_most = 0, n_compared = 0, n_differ = 0, n_wrong = 0,
		 n_results[DMARC_RESULT_PERMERROR + 1] = { 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		play_make(&p);
		struct twin_result x = twin_judge(&p.zone, old, p.author, &p.in);

		dmarc_stats.dmarc_modes_differ = 0;
		judge(&p, old);
		n_compared += dmarc.modes_compared;
		n_differ += dmarc_stats.dmarc_modes_differ == 1;
		n_wrong += !compared_well(&p, &x);
		n_results[dmarc.result]++;
		if (dmarc_n_asked > n_asked_most)
			n_asked_most = dmarc_n_asked;
		if (same(&x))
			n_same++;
		else if (n_same == i)
			tell(&p, &x);
	}
	ok(n_same == ROUNDS, "%s: of %d random zones the twin finds the same in %u", old ? "RFC 7489" : "RFC 9989",
	   ROUNDS, n_same);
	ok(n_results[DMARC_RESULT_NONE] > ROUNDS / 50 && n_results[DMARC_RESULT_PASS] > ROUNDS / 50 &&
		   n_results[DMARC_RESULT_FAIL] > ROUNDS / 50,
	   "each result is found often: none %u, pass %u, fail %u", n_results[DMARC_RESULT_NONE],
	   n_results[DMARC_RESULT_PASS], n_results[DMARC_RESULT_FAIL]);
	if (old)
		ok(n_wrong == 0 && n_compared == 0, "RFC 7489: nothing is compared with it");
	else
		ok(n_wrong == 0 && n_compared > ROUNDS / 2 && n_differ > ROUNDS / 50,
		   "what RFC 7489 would say is known %u times, its twin says the same but %u times; %u differ",
		   n_compared, n_wrong, n_differ);
	ok(n_asked_most <= (old ? 2u : 5u * DMARC_WALK_STEPS_MAX + 1u), "never more than %u questions", n_asked_most);
}

/* Now and then a name fails, with all that stands there, or an identifier could not be checked. */
static void play_break(struct play *p)
{
	for (unsigned k = 0; k < p->zone.n; k++) {
		p->zone.records[k].fails = dmarc_random(4) == 0;
		for (unsigned j = 0; j < k; j++)
			if (strcmp(p->zone.records[j].domain, p->zone.records[k].domain) == 0)
				p->zone.records[k].fails = p->zone.records[j].fails;
	}
	if (dmarc_random(8) == 0)
		p->in.spf = SPF_RESULT_TEMPERROR;
	for (unsigned i = 0; i < p->in.n_dkim; i++)
		if (dmarc_random(8) == 0)
			p->in.dkim[i] = DKIM_RESULT_TEMPERROR;
}

/* What the failing names might have answered: nothing, or some record; and the identifiers: pass, or not. */
static void play_repair(struct play *p)
{
	if (p->in.spf == SPF_RESULT_TEMPERROR)
		p->in.spf = dmarc_random(2) ? SPF_RESULT_PASS : SPF_RESULT_FAIL;
	for (unsigned i = 0; i < p->in.n_dkim; i++)
		if (p->in.dkim[i] == DKIM_RESULT_TEMPERROR)
			p->in.dkim[i] = dmarc_random(2) ? DKIM_RESULT_PASS : DKIM_RESULT_FAIL;
	for (unsigned i = 0; i < p->zone.n; i++) {
		struct twin_record *r = &p->zone.records[i];

		if (!r->fails)
			continue;
		random_record(r);
		r->is_nothing = dmarc_random(3) == 0;
	}
}

/* Whether what was found with failures can stand beside what the twin finds without. */
static bool stands(enum dmarc_result result, enum dmarc_policy disposition, enum dmarc_policy at_stake,
		   const struct twin_result *x)
{
	if (result == DMARC_RESULT_TEMPERROR)
		return x->result != DMARC_RESULT_FAIL || x->disposition <= DMARC_POLICY_NONE ||
		       x->disposition <= at_stake;
	return x->result == result && (result != DMARC_RESULT_FAIL || x->disposition == disposition);
}

static void failures_decide_nothing(bool old)
{
	static struct play p, repaired;
	unsigned n_final = 0, n_temporary = 0, n_harmless = 0, n_wrong = 0;

	for (unsigned i = 0; i < FAILING_ROUNDS; i++) {
		play_make(&p);
		play_break(&p);
		judge(&p, old);
		enum dmarc_result result = dmarc.result;
		enum dmarc_policy disposition = dmarc.disposition, at_stake = dmarc.at_stake;
		bool temporary = result == DMARC_RESULT_TEMPERROR;

		n_temporary += temporary;
		n_harmless += temporary && at_stake <= DMARC_POLICY_NONE;
		n_final += !temporary;
		for (unsigned fill = 0; fill < FILLS; fill++) {
			repaired = p;
			play_repair(&repaired);
			struct twin_result x = twin_judge(&repaired.zone, old, p.author, &repaired.in);

			if (!stands(result, disposition, at_stake, &x) && n_wrong++ == 0) {
				tell(&p, &x);
				tell(&repaired, &x);
			}
		}
	}
	ok(n_wrong == 0, "%s: no missing answer changes a final result or brings more than a temperror says (%u times)",
	   old ? "RFC 7489" : "RFC 9989", n_wrong);
	ok(n_harmless > 0 && n_temporary - n_harmless > FAILING_ROUNDS / 50 && n_final > FAILING_ROUNDS / 50,
	   "some are temperror (%u, %u of them with nothing at stake), others final (%u)", n_temporary, n_harmless,
	   n_final);
}

/* Some seconds, by the name: the same each time. */
static uint32_t ttl_of_name(const struct dns_question *q)
{
	uint32_t n = q->type;

	for (unsigned i = 0; i < q->len; i++)
		n = n * 31 + q->name[i];
	return 1 + n % 500;
}

static void ttl_bounds(uint64_t *least_us, uint64_t *most_us)
{
	*least_us = UINT64_MAX;
	*most_us = 0;
	for (unsigned i = 0; i < dmarc_n_asked; i++) {
		uint64_t ttl_us = ttl_of_name(&dmarc_asked[i]) * US;

		*least_us = ttl_us < *least_us ? ttl_us : *least_us;
		*most_us = ttl_us > *most_us ? ttl_us : *most_us;
	}
}

/* One message without a cache, with a cold one, just before the first answer expires, and when all have. */
static bool warm_is_cold(struct dmarc_cache *cache, struct play *p, bool old, bool broken, unsigned *n_spared)
{
	static char first[1 << 17];
	const struct auth_settings without = dmarc_settings(old);
	struct auth_settings with = without;
	struct dns_zone *z = dns_zone_open();
	uint64_t start_us = 1 + dmarc_random(1000) * US, least_us, most_us;
	bool good = true;

	CHECK(z);
	zone_fill(z, &p->zone);
	with.dmarc_cache = cache;
	dmarc_cache_flush(cache);
	dmarc_now_us = start_us;
	dmarc_run(&without, z, p->author, &p->in, ORDER_FIRST, UINT32_MAX);
	struct span report = dmarc_report();
	unsigned n_asked = dmarc_n_asked;

	CHECK(report.len < sizeof(first));
	memcpy(first, report.at, report.len);
	report.at = (const uint8_t *)first;
	ttl_bounds(&least_us, &most_us);
	dmarc_run(&with, z, p->author, &p->in, (enum dmarc_order)dmarc_random(N_ORDERS), UINT32_MAX);
	good &= span_eq(dmarc_report(), report) && dmarc_n_asked == n_asked;
	dmarc_now_us = n_asked ? start_us + least_us - 1 : start_us;
	dmarc_run(&with, z, p->author, &p->in, ORDER_FIRST, UINT32_MAX);
	good &= span_eq(dmarc_report(), report) && (broken || dmarc_n_asked == 0) && dmarc_n_asked <= n_asked;
	*n_spared += n_asked - dmarc_n_asked;
	dmarc_now_us = start_us + most_us;
	dmarc_run(&with, z, p->author, &p->in, ORDER_LAST, UINT32_MAX);
	good &= span_eq(dmarc_report(), report) && (broken || dmarc_n_asked == n_asked);
	dns_zone_close(z);
	return good;
}

static void a_cache_changes_nothing(bool old)
{
	static struct play p;
	struct dmarc_cache *cache = dmarc_cache_new(64);
	unsigned n_same = 0, n_spared = 0;

	dmarc_ttl_s = ttl_of_name;
	for (unsigned i = 0; i < WARM_ROUNDS; i++) {
		bool broken = i % 4 == 3;

		play_make(&p);
		if (broken)
			play_break(&p);
		n_same += warm_is_cold(cache, &p, old, broken, &n_spared);
	}
	dmarc_ttl_s = NULL;
	ok(n_same == WARM_ROUNDS, "%s: with a cache, cold or warm, the same is found in %u of %u random zones",
	   old ? "RFC 7489" : "RFC 9989", n_same, WARM_ROUNDS);
	ok(n_spared > WARM_ROUNDS, "a warm one asks nothing: %u questions are spared", n_spared);
	free(cache);
}

int main(void)
{
	a_cache_changes_nothing(false);
	a_cache_changes_nothing(true);
	agrees(false);
	agrees(true);
	failures_decide_nothing(false);
	failures_decide_nothing(true);
	return done();
}
