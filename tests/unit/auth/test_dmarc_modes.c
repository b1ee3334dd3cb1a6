// SPDX-License-Identifier: MIT
/*
 * test_dmarc_modes.c - the messages that RFC 7489 and RFC 9989 judge differently are counted, and no others
 *
 * Public suffixes are the top levels and blogspot.com.  What is said of RFC 7489 is also compared with what its own
 * mode finds; over random zones that is done in test_dmarc_twin.
 */
#include "tests/unit/auth/dmarc_cache_check.h"

static const struct {
	const char *name, *zone, *author, *spf, *dkim; /* domains that pass; NULL: none */
	const char *found;                             /* by RFC 9989 */
	const char *old;                               /* by RFC 7489; NULL: not compared */
	bool differs;
} cases[] = {
	{ "one record, one signature", "_dmarc.b.example TXT \"v=DMARC1; p=reject\"\n", "b.example", NULL, "b.example",
	  "pass", "pass", false },
	{ "no record at all", "b.example A 192.0.2.1\n", "b.example", NULL, "b.example", "none", "none", false },
	{ "psd=y one level above the organizational domain (M8)",
	  "_dmarc.bank.example TXT \"v=DMARC1; p=reject; psd=y\"\n", "a.foo.bank.example", NULL, NULL, "fail reject",
	  "fail reject", false },
	{ "M8, signed by a neighbour", "_dmarc.bank.example TXT \"v=DMARC1; p=reject; psd=y\"\n", "a.foo.bank.example",
	  NULL, "bar.bank.example", "fail reject", "pass", true },
	{ "psd=y, whose own record RFC 7489 would use alike", "_dmarc.bank.example TXT \"v=DMARC1; p=reject; psd=y\"\n",
	  "bank.example", NULL, "x.bank.example", "fail reject", "pass", true },
	{ "a record at the subdomain alone, signed by the parent (M9)",
	  "_dmarc.mail.b.example TXT \"v=DMARC1; p=reject\"\n", "mail.b.example", NULL, "b.example", "fail reject",
	  "pass", true },
	{ "M9 by SPF", "_dmarc.mail.b.example TXT \"v=DMARC1; p=quarantine\"\n", "mail.b.example", "b.example", NULL,
	  "fail quarantine", "pass", true },
	{ "M9 strict in both", "_dmarc.mail.b.example TXT \"v=DMARC1; p=reject; adkim=s\"\n", "mail.b.example", NULL,
	  "b.example", "fail reject", "fail reject", false },
	{ "a public suffix that publishes a record (M10)", "_dmarc.blogspot.com TXT \"v=DMARC1; p=reject\"\n",
	  "x.blogspot.com", NULL, NULL, "fail reject", "none", true },
	{ "M10, signed by a neighbour", "_dmarc.blogspot.com TXT \"v=DMARC1; p=reject\"\n", "x.blogspot.com", NULL,
	  "y.blogspot.com", "pass", "none", true },
	{ "np below an organizational domain", "_dmarc.b.example TXT \"v=DMARC1; p=none; np=reject\"\n", "no.b.example",
	  NULL, NULL, "fail reject", "fail none", true },
	{ "np, but the name exists",
	  "_dmarc.b.example TXT \"v=DMARC1; p=none; np=reject\"\nyes.b.example A 192.0.2.1\n", "yes.b.example", NULL,
	  NULL, "fail none", "fail none", false },
	{ "np does not matter to what passes", "_dmarc.b.example TXT \"v=DMARC1; p=none; np=reject\"\n", "no.b.example",
	  NULL, "b.example", "pass", "pass", false },
	{ "sp alone", "_dmarc.b.example TXT \"v=DMARC1; p=reject; sp=none\"\n", "a.b.example", NULL, NULL, "fail none",
	  "fail none", false },
	{ "t=y", "_dmarc.b.example TXT \"v=DMARC1; p=reject; t=y\"\n", "b.example", NULL, NULL, "fail quarantine",
	  "fail reject", true },
	{ "pct is ignored in both", "_dmarc.b.example TXT \"v=DMARC1; p=reject; pct=0\"\n", "b.example", NULL, NULL,
	  "fail reject", "fail reject", false },
	{ "two records at the author domain: RFC 7489 stops there (M2)",
	  "_dmarc.a.b.example TXT \"v=DMARC1; p=none\"\n_dmarc.a.b.example TXT \"v=DMARC1; p=reject\"\n"
	  "_dmarc.b.example TXT \"v=DMARC1; p=reject\"\n",
	  "a.b.example", NULL, NULL, "fail reject", "none", true },
	{ "a record half way up, between author and organizational domain",
	  "_dmarc.c.b.example TXT \"v=DMARC1; p=reject\"\n", "a.c.b.example", NULL, NULL, "fail reject", "none", true },
	{ "psd=n below the name that RFC 7489 wants: it is beyond the walk's end",
	  "_dmarc.c.b.example TXT \"v=DMARC1; p=reject; psd=n\"\n_dmarc.b.example TXT \"v=DMARC1; p=none\"\n",
	  "a.c.b.example", NULL, NULL, "fail reject", NULL, false },
	{ "an answer that failed", "_dmarc.b.example TXT !SERVFAIL\n", "a.b.example", NULL, NULL, "temperror", NULL,
	  false },
};

static const char *judgement(enum dmarc_result result, enum dmarc_policy disposition)
{
	static char out[64];

	snprintf(out, sizeof(out), "%s%s%s", dmarc_result_text(result), result == DMARC_RESULT_FAIL ? " " : "",
		 result == DMARC_RESULT_FAIL ? dmarc_policy_text(disposition) : "");
	return out;
}

static void play(size_t i, struct auth_settings *settings)
{
	struct dns_zone *z = zone_of(cases[i].zone);
	const struct dmarc_input in = { .spf_domain = cases[i].spf,
					.spf = SPF_RESULT_PASS,
					.n_dkim = cases[i].dkim != NULL,
					.d = { cases[i].dkim },
					.dkim = { DKIM_RESULT_PASS } };

	dmarc_stats.dmarc_modes_differ = 0;
	dmarc_run(settings, z, cases[i].author, &in, ORDER_FIRST, UINT32_MAX);
	dns_zone_close(z);
}

static void told(size_t i, const char *how)
{
	const char *line = strstr(dmarc_account, "dmarc: RFC 7489 would say ");

	ok(strcmp(judgement(dmarc.result, dmarc.disposition), cases[i].found) == 0, "%s, %s: %s", cases[i].name, how,
	   cases[i].found);
	ok(dmarc.modes_compared == (cases[i].old != NULL) &&
		   (!cases[i].old ||
		    strcmp(judgement(dmarc.rfc7489_result, dmarc.rfc7489_disposition), cases[i].old) == 0),
	   "%s, %s: RFC 7489 would say: %s", cases[i].name, how, cases[i].old ? cases[i].old : "not known");
	ok(dmarc_stats.dmarc_modes_differ == cases[i].differs && (line != NULL) == cases[i].differs, "%s, %s: %s",
	   cases[i].name, how, cases[i].differs ? "counted and told" : "not counted, nothing told");
}

int main(void)
{
	struct auth_settings settings = dmarc_settings(false), old = dmarc_settings(true), unable = settings;

	settings.dmarc_cache = dmarc_cache_new(64);
	unable.organizational = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dmarc_cache_flush(settings.dmarc_cache);
		play(i, &settings);
		told(i, "cold");
		play(i, &settings);
		told(i, "warm");
		play(i, &old);
		ok(!cases[i].old || strcmp(judgement(dmarc.result, dmarc.disposition), cases[i].old) == 0,
		   "%s: mode rfc7489 finds the same as was told of it", cases[i].name);
		ok(dmarc_stats.dmarc_modes_differ == 0, "%s: nothing is counted in mode rfc7489", cases[i].name);
		play(i, &unable);
		ok(dmarc_stats.dmarc_modes_differ == 0, "%s: nor without a public suffix list", cases[i].name);
	}
	free(settings.dmarc_cache);
	return done();
}
