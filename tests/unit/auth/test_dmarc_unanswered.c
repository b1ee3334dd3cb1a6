// SPDX-License-Identifier: MIT
/*
 * test_dmarc_unanswered.c - DMARC over random zones, some of whose names do not answer, against a slow twin
 *
 * The twin reads RFC 9989 4.10 sentence by sentence and asks one name after the other.  Where all names answer, both
 * must agree.  Where some do not, the twin judges again with each of several records in their place: a result of
 * pass, fail or none must be the twin's every time, and no disposition may be stricter than what is told to be at stake.
 */
#include "dataplane/auth/dmarc.h"
#include "dns/domain_names.h"
#include "tests/tap.h"

#define ZONE_MAX 64
#define NAME_ROOM 128
#define ROUNDS 60000

static struct stats stats;
static uint32_t seed;

static unsigned any(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* The zone: TXT records of "_dmarc." names, and names that exist for another reason. */
enum kind { TEXTS, SILENT, EMPTY };

static struct name {
	char name[NAME_ROOM];
	enum kind kind;
	int n_texts;
	char texts[2][128];
} zone[ZONE_MAX];
static int n_names;

/* What a silent name is taken to say; and whether the author domain, when it is silent itself, is taken to exist. */
static const char *instead;
static bool silent_exists;
static const char *const insteads[] = {
	"nothing of ours",         "v=DMARC1;p=reject",      "v=DMARC1;p=quarantine;psd=n",
	"v=DMARC1;p=reject;psd=y", "v=DMARC1;p=none;aspf=s", "v=DMARC1;p=none;sp=reject;np=quarantine"
};
enum { N_INSTEADS = sizeof(insteads) / sizeof(insteads[0]) };

static const struct name *find(const char *name)
{
	for (int i = 0; i < n_names; i++)
		if (strcmp(zone[i].name, name) == 0)
			return &zone[i];
	return NULL;
}

static struct name *add(const char *name, enum kind kind)
{
	struct name *n = &zone[n_names++];

	*n = (struct name){ .kind = kind };
	snprintf(n->name, sizeof(n->name), "%s", name);
	return n;
}

static bool is_dmarc(const struct name *n)
{
	return strncmp(n->name, "_dmarc.", 7) == 0;
}

/* Itself, or something below it. */
static bool exists(const char *name)
{
	for (int i = 0; i < n_names; i++) {
		struct span s = span_str(zone[i].name), tail = span_str(name);

		if (zone[i].kind == SILENT && !is_dmarc(&zone[i]) && !silent_exists)
			continue;
		if (span_eq(s, tail) ||
		    (s.len > tail.len && s.at[s.len - tail.len - 1] == '.' && span_ends_nocase(s, tail)))
			return true;
	}
	return false;
}

static const struct dns_answer *answer(const struct dns_question *q)
{
	static _Alignas(8) uint8_t room[1024];
	char name[NAME_ROOM];

	snprintf(name, sizeof(name), "%.*s", (int)q->len, (const char *)q->name);
	const struct name *n = find(name);
	if (n && n->kind == SILENT)
		return dns_answer_init(room, sizeof(room), any(2) ? DNS_TIMEOUT : DNS_SERVFAIL, 0);
	struct dns_answer *a = dns_answer_init(room, sizeof(room), exists(name) ? DNS_NODATA : DNS_NXDOMAIN, 0);
	for (int i = 0; n && n->kind == TEXTS && q->type == DNS_TXT && i < n->n_texts; i++)
		if (!dns_answer_add(a, sizeof(room), span_str(n->texts[i])))
			break;
	return a;
}

/* The twin: a record of "tag=value" without white space. */
struct record {
	bool there, bad, strict, testing, has_rua;
	int p, sp, np;
	char psd;
};

static int policy_of(struct span v)
{
	return span_eq(v, SPAN("none")) ? 1 : span_eq(v, SPAN("quarantine")) ? 2 : span_eq(v, SPAN("reject")) ? 3 : 0;
}

static struct record twin_parse(const char *text)
{
	struct record r = { .there = true };

	for (struct span rest = span_str(text); rest.at;) {
		struct span value = span_cut(&rest, ';'), tag = span_cut(&value, '=');

		if (span_eq(tag, SPAN("p")))
			r.bad |= !(r.p = policy_of(value));
		else if (span_eq(tag, SPAN("sp")))
			r.bad |= !(r.sp = policy_of(value));
		else if (span_eq(tag, SPAN("np")))
			r.bad |= !(r.np = policy_of(value));
		else if (span_eq(tag, SPAN("psd")))
			r.psd = (char)value.at[0];
		else if (span_eq(tag, SPAN("aspf")))
			r.strict = value.at[0] == 's';
		else if (span_eq(tag, SPAN("t")))
			r.testing = value.at[0] == 'y';
		else if (span_eq(tag, SPAN("rua")))
			r.has_rua = true;
	}
	return r;
}

/* RFC 9989 4.10 steps 2 and 6: of several records none is left. */
static struct record twin_query(const char *domain)
{
	struct record r = { 0 }, none = { 0 };
	char name[NAME_ROOM];
	int n = 0;

	snprintf(name, sizeof(name), "_dmarc.%s", domain);
	const struct name *at = find(name);
	if (at && at->kind == SILENT)
		return strncmp(instead, "v=DMARC1", 8) == 0 ? twin_parse(instead) : none;
	for (int i = 0; at && at->kind == TEXTS && i < at->n_texts; i++)
		if (strncmp(at->texts[i], "v=DMARC1", 8) == 0 && ++n)
			r = twin_parse(at->texts[i]);
	return n == 1 ? r : none;
}

static int n_labels(const char *domain)
{
	int n = 1;

	for (; *domain; domain++)
		n += *domain == '.';
	return n;
}

static const char *up(const char *domain)
{
	const char *dot = strchr(domain, '.');

	return dot ? dot + 1 : NULL;
}

struct walk {
	int n;
	const char *at[8];
	struct record record[8];
};

static struct walk twin_walk(const char *start)
{
	struct walk w = { 0 };
	const char *domain = start;

	for (int queries = 0; domain && queries < 8; queries++) {
		struct record r = twin_query(domain);

		if (r.there) {
			w.at[w.n] = domain;
			w.record[w.n++] = r;
		}
		if (r.psd == 'y' || r.psd == 'n')
			break;
		if (queries == 0 && n_labels(domain) >= 8)
			while (n_labels(domain) > 7)
				domain = up(domain);
		else
			domain = up(domain);
	}
	return w;
}

/* RFC 9989 4.10.2 */
static const char *twin_org(const char *start)
{
	struct walk w = twin_walk(start);

	for (int i = 0; i < w.n; i++) {
		if (w.record[i].psd == 'n')
			return w.at[i];
		if (w.record[i].psd == 'y' && w.at[i] != start) {
			const char *below = start;

			while (up(below) != w.at[i])
				below = up(below);
			return below;
		}
	}
	return w.n ? w.at[w.n - 1] : start;
}

/* RFC 9989 4.10.1: at the author domain, its organizational domain, the public suffix. */
static struct record twin_policy(const char *author, bool *inherited)
{
	struct walk w = twin_walk(author);
	const char *org = twin_org(author);

	*inherited = !(w.n && w.at[0] == author);
	if (!*inherited)
		return w.record[0];
	for (int i = 0; i < w.n; i++)
		if (w.at[i] == org)
			return w.record[i];
	for (int i = 0; i < w.n; i++)
		if (w.record[i].psd == 'y')
			return w.record[i];
	return (struct record){ 0 };
}

struct judgement {
	enum dmarc_result result;
	int policy;
};

static struct judgement twin_judge(const char *author, const char *spf, bool spf_pass)
{
	struct judgement none = { DMARC_RESULT_NONE, 0 }, j = { DMARC_RESULT_FAIL, 0 };
	bool inherited;
	struct record r = twin_policy(author, &inherited);

	if (!r.there || ((r.p == 0 || r.bad) && !r.has_rua))
		return none;
	if (r.p == 0 || r.bad) {
		r.p = 1;
		r.sp = r.np = 0;
	}
	j.policy = r.p;
	if (inherited && r.sp)
		j.policy = r.sp;
	if (inherited && r.np && !exists(author))
		j.policy = r.np;
	if (r.testing && j.policy > 1)
		j.policy--;
	if (spf_pass && (strcmp(author, spf) == 0 || (!r.strict && strcmp(twin_org(author), twin_org(spf)) == 0)))
		j.result = DMARC_RESULT_PASS;
	return j;
}

static void random_name(char *name, int labels)
{
	size_t n = 0;

	for (; labels; labels--) {
		name[n++] = (char)('a' + (labels <= 2 ? 0 : any(2)));
		name[n++] = labels > 1 ? '.' : '\0';
	}
}

static void random_text(char *text)
{
	static const char *const policies[] = { "none", "quarantine", "reject", "bob" };
	char *at = text + sprintf(text, "%s", any(8) ? "v=DMARC1" : "v=spf1");

	if (any(10))
		at += sprintf(at, ";p=%s", policies[any(20) ? any(3) : 3]);
	if (any(2))
		at += sprintf(at, ";sp=%s", policies[any(20) ? any(3) : 3]);
	if (any(2))
		at += sprintf(at, ";np=%s", policies[any(20) ? any(3) : 3]);
	if (any(5) == 0)
		at += sprintf(at, ";psd=%c", "ynu"[any(3)]);
	if (any(4) == 0)
		at += sprintf(at, ";aspf=%c", "rs"[any(2)]);
	if (any(6) == 0)
		at += sprintf(at, ";t=y");
	if (any(6) == 0)
		sprintf(at, ";rua=mailto:a@b");
}

/* Records at some of the names above @domain; returns whether one of them is silent. */
static bool random_zone(const char *domain)
{
	bool silent = false;

	for (; domain; domain = up(domain)) {
		char name[NAME_ROOM];

		snprintf(name, sizeof(name), "_dmarc.%s", domain);
		if (any(3) || find(name))
			continue;
		struct name *n = add(name, any(12) == 0 ? SILENT : any(8) == 0 ? EMPTY : TEXTS);
		n->n_texts = any(6) ? 1 : 2;
		for (int i = 0; i < n->n_texts; i++)
			random_text(n->texts[i]);
		silent |= n->kind == SILENT;
	}
	return silent;
}

/* Questions and answers in any order, until there are none. */
static void ask_all(struct dmarc *m)
{
	static struct {
		unsigned slot;
		struct dns_question q;
	} out[DMARC_WALKS_MAX * DMARC_WALK_STEPS_MAX + 1];
	unsigned n = 0;

	for (;;) {
		while (dmarc_question(m, &out[n].slot, &out[n].q)) {
			n++;
			if (any(3) == 0)
				break;
		}
		if (n == 0)
			return;
		unsigned i = any(n);
		dmarc_answer(m, out[i].slot, answer(&out[i].q), 0);
		out[i] = out[--n];
	}
}

static bool agree(const struct dmarc *m, const char *author, const char *spf, bool spf_pass, bool silent)
{
	for (int i = 0; i < (silent ? 2 * N_INSTEADS : 1); i++) {
		instead = insteads[i / 2];
		silent_exists = i % 2;
		struct judgement j = twin_judge(author, spf, spf_pass);

		if (m->result == DMARC_RESULT_TEMPERROR) {
			if (!silent || (j.result == DMARC_RESULT_FAIL && j.policy > 1 && j.policy > (int)m->at_stake))
				return false;
			continue;
		}
		if (m->result != j.result)
			return false;
		if (j.result != DMARC_RESULT_NONE && j.result == DMARC_RESULT_FAIL && (int)m->policy != j.policy)
			return false;
		if (!silent && j.result != DMARC_RESULT_NONE &&
		    ((int)m->policy != j.policy || !span_eq(m->org_domain, span_str(twin_org(author)))))
			return false;
	}
	return true;
}

int main(void)
{
	static struct dmarc m;
	static struct spf spf;
	struct auth_settings settings = auth_settings_default();
	unsigned n_silent = 0, n_bad = 0, results[5] = { 0 };

	settings.to_ascii = domain_to_ascii;
	settings.stats = &stats;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		char author[64], sender[NAME_ROOM];
		const char *above = author;

		seed = round * 2654435761u;
		n_names = 0;
		random_name(author, 1 + (int)any(11));
		for (unsigned n = any(4); n && up(above); n--)
			above = up(above);
		if (any(4) == 0)
			random_name(sender, 1 + (int)any(11));
		else
			snprintf(sender, sizeof(sender), "%s%s", any(2) ? "x." : "", above);
		bool silent = random_zone(author);
		silent |= random_zone(sender);
		if (any(3) == 0) {
			bool fails = any(4) == 0;

			add(author, fails ? SILENT : EMPTY);
			silent |= fails;
		}
		silent_exists = false;
		memset(&m, 0xa5, sizeof(m));
		dmarc_begin(&m, &settings, span_str(author), NULL, 0);
		dmarc_identifier(&m, span_str(sender));
		ask_all(&m);
		spf.result = any(5) ? SPF_RESULT_PASS : SPF_RESULT_FAIL;
		spf.domain = span_str(sender);
		bool done_asking = dmarc_walks_done(&m);
		dmarc_judge(&m, &spf, NULL);
		results[m.result]++;
		n_silent += silent;
		if ((!done_asking || !agree(&m, author, sender, spf.result == SPF_RESULT_PASS, silent)) && n_bad++ < 5)
			ok(false, "round %u: author %s, sender %s: %s (%s)", round, author, sender,
			   dmarc_result_text(m.result), m.reason);
	}
	ok(n_bad == 0, "RFC 9989 4.10: %d random zones are judged as the twin does", ROUNDS);
	ok(n_silent > ROUNDS / 10, "in %u of them some name did not answer, and no answer could overturn the result",
	   n_silent);
	for (int r = DMARC_RESULT_NONE; r <= DMARC_RESULT_TEMPERROR; r++)
		ok(results[r] > ROUNDS / 50, "%s came up %u times", dmarc_result_text((enum dmarc_result)r),
		   results[r]);
	return done();
}
