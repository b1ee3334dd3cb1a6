// SPDX-License-Identifier: MIT
/*
 * test_dmarc_record.c - which TXT is a DMARC record, and what it says (RFC 9989 4.7)
 */
#include "dataplane/auth/dmarc_record.h"
#include "dataplane/base/text.h"
#include "tests/tap.h"

/* All that a record says, as text: "p=reject sp=none psd=y adkim=s t=y rua=2"; "-" when it is no record. */
static const char *said(struct span txt)
{
	static const char *const policies[] = { "", "none", "quarantine", "reject" };
	static char out[256];
	struct dmarc_record r;
	int n = 0;

	out[0] = '\0';
	if (!dmarc_record_parse(&r, txt))
		return "-";
#define SAY(condition, ...)                                                                                            \
	if (condition)                                                                                                 \
	n += snprintf(out + n, sizeof(out) - (size_t)n, "%s", n ? " " : ""),                                           \
		n += snprintf(out + n, sizeof(out) - (size_t)n, __VA_ARGS__)
	SAY(r.p, "p=%s", policies[r.p]);
	SAY(r.sp, "sp=%s", policies[r.sp]);
	SAY(r.np, "np=%s", policies[r.np]);
	SAY(r.bad_policy, "bad");
	SAY(r.psd, "psd=%s", r.psd == DMARC_PSD_YES ? "y" : "n");
	SAY(r.adkim_strict, "adkim=s");
	SAY(r.aspf_strict, "aspf=s");
	SAY(r.testing, "t=y");
	SAY(r.n_rua, "rua=%u", r.n_rua);
	SAY(r.n_ruf, "ruf=%u", r.n_ruf);
#undef SAY
	return out;
}

struct parse_case {
	const char *behaviour, *txt, *says;
};

/* clang-format off */
static const struct parse_case parse_cases[] = {
	/* M4: the version */
	{ "M4: the version's value is case-sensitive", "v=dmarc1; p=reject", "-" },
	{ "M4: a longer version is another one", "v=DMARC1x; p=reject", "-" },
	{ "M4: white space may stand round the =", "v = DMARC1; p=reject", "p=reject" },
	{ "the version's name is not case-sensitive", "V=DMARC1; p=reject", "p=reject" },
	{ "white space before the version does no harm", " \tv\t=\tDMARC1 ;p=reject", "p=reject" },
	{ "the version must come first", "p=reject; v=DMARC1", "-" },
	{ "nothing may come before the version, not even a semicolon", "; v=DMARC1; p=reject", "-" },
	{ "the version must be followed by a semicolon", "v=DMARC1 p=reject", "-" },
	{ "a version alone is a record that says nothing", "v=DMARC1", "" },
	{ "an empty version is none", "v=; p=reject", "-" },
	{ "an empty TXT is no record", "", "-" },
	{ "a semicolon is no record", ";", "-" },
	{ "an SPF record is no DMARC record", "v=spf1 -all", "-" },
	{ "octets above 0x7f in the version make another one", "v=DMARC1\xc2\xa0; p=reject", "-" },

	/* M5: case and white space */
	{ "M5: a policy's case does not matter", "v=DMARC1; p=Reject", "p=reject" },
	{ "M5: a tag name's case does not matter", "v=DMARC1; P=reject; SP=NONE; nP=quarantine",
	  "p=reject sp=none np=quarantine" },
	{ "M5: spaces and tabs may stand anywhere round names and values",
	  "v=DMARC1\t; \t p \t=\t reject \t;\tsp\t=\tnone\t", "p=reject sp=none" },
	{ "no space is needed", "v=DMARC1;p=none;sp=reject;np=none;psd=n;t=y",
	  "p=none sp=reject np=none psd=n t=y" },
	{ "a space inside of a policy makes it none of the words", "v=DMARC1; p=re ject", "bad" },

	/* M29 */
	{ "M29: semicolons at the end do no harm", "v=DMARC1; p=reject;;", "p=reject" },
	{ "M29: empty tags do no harm", "v=DMARC1;;; ;p=reject; ;", "p=reject" },

	/* p, sp, np */
	{ "p may stand anywhere after the version", "v=DMARC1; rua=mailto:a@x.example; t=y; p=quarantine",
	  "p=quarantine t=y rua=1" },
	{ "an unknown policy is absent, and remembered", "v=DMARC1; p=deny", "bad" },
	{ "an empty policy is an unknown one", "v=DMARC1; p=", "bad" },
	{ "an unknown sp is remembered", "v=DMARC1; p=reject; sp=oops", "p=reject bad" },
	{ "an unknown np is remembered", "v=DMARC1; p=reject; np=oops", "p=reject bad" },

	/* defaults for bad values */
	{ "an unknown value of adkim is the default", "v=DMARC1; p=none; adkim=x", "p=none" },
	{ "strict alignment, in either case", "v=DMARC1; p=none; adkim=s; aspf=S", "p=none adkim=s aspf=s" },
	{ "relaxed alignment by name", "v=DMARC1; p=none; adkim=r; aspf=r", "p=none" },
	{ "an unknown value of psd is the default", "v=DMARC1; p=none; psd=maybe", "p=none" },
	{ "psd=u is the default", "v=DMARC1; p=none; psd=u", "p=none" },
	{ "psd in upper case", "v=DMARC1; p=none; psd=Y", "p=none psd=y" },
	{ "an unknown value of t is the default", "v=DMARC1; p=reject; t=yes", "p=reject" },
	{ "t=n is the default", "v=DMARC1; p=reject; t=n", "p=reject" },

	/* M14, M26 and other history */
	{ "M14: pct, rf and ri are ignored", "v=DMARC1; p=reject; pct=10; rf=afrf; ri=86400", "p=reject" },
	{ "unknown tags are ignored", "v=DMARC1; p=reject; x=y; policy=none", "p=reject" },
	{ "what is no tag is ignored", "v=DMARC1; hello; p=reject; =; =none", "p=reject" },
	{ "M26: of a tag that stands twice the first counts", "v=DMARC1; p=none; p=reject; sp=reject; SP=none",
	  "p=none sp=reject" },
	{ "M26: that holds also when the first is bad", "v=DMARC1; p=oops; p=reject", "bad" },
	{ "a second version changes nothing", "v=DMARC1; p=reject; v=DMARC2", "p=reject" },
	{ "a value may hold =", "v=DMARC1; p=none; rua=mailto:a@x.example?s=1", "p=none rua=1" },

	/* M25: rua */
	{ "M25: mailto without an address is none", "v=DMARC1; rua=mailto:0", "" },
	{ "M25: an address without @ is none", "v=DMARC1; rua=mailto:postmaster", "" },
	{ "an address without a domain is none", "v=DMARC1; rua=mailto:a@", "" },
	{ "an address without a local part is none", "v=DMARC1; rua=mailto:@x.example", "" },
	{ "a URI needs a scheme", "v=DMARC1; rua=a@x.example", "" },
	{ "a scheme begins with a letter", "v=DMARC1; rua=1a:b", "" },
	{ "a scheme alone is no URI", "v=DMARC1; rua=https:", "" },
	{ "any scheme is a URI", "v=DMARC1; rua=https://x.example/r", "rua=1" },
	{ "white space does not belong into a URI", "v=DMARC1; rua=mailto:a b@x.example", "" },
	{ "nor does anything above ASCII", "v=DMARC1; rua=mailto:\xc3\xbc@x.example", "" },
	{ "of a list the valid ones count", "v=DMARC1; rua=mailto:a@x.example , oops,,mailto:b@x.example!10m",
	  "rua=2" },
	{ "MAILTO in upper case", "v=DMARC1; rua=MAILTO:a@x.example", "rua=1" },
	{ "an empty rua holds none", "v=DMARC1; rua=", "" },
	{ "ruf is read likewise", "v=DMARC1; p=none; ruf=mailto:a@x.example,oops", "p=none ruf=1" },
};
/* clang-format on */

static void records_are_read(void)
{
	for (size_t i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]); i++) {
		const struct parse_case *c = &parse_cases[i];

		is_span(span_str(said(span_str(c->txt))), span_str(c->says), "%s", c->behaviour);
	}
	is_span(span_str(said(SPAN("v=DMARC1\0; p=reject"))), SPAN("-"),
		"a NUL belongs to the version that it follows");
	is_span(span_str(said(SPAN("v=DMARC1; p=reject\0"))), SPAN("bad"),
		"a NUL belongs to the value that it follows");
}

/* M25, M29: long records are read to their end, long lists are not. */
static void long_records(void)
{
	static char txt[8192];
	struct dmarc_record r;
	size_t n = (size_t)snprintf(txt, sizeof(txt), "v=DMARC1; p=none; rua=");

	for (unsigned i = 0; i < 200; i++)
		n += (size_t)snprintf(txt + n, sizeof(txt) - n, "%smailto:a%u@x.example", i ? "," : "", i);
	ok(dmarc_record_parse(&r, span_of(txt, n)) && r.n_rua == DMARC_RUA_MAX,
	   "M25: of 200 reporting addresses %d are looked at", DMARC_RUA_MAX);
	snprintf(txt + n, sizeof(txt) - n, "; sp=reject");
	ok(dmarc_record_parse(&r, span_str(txt)) && r.sp == DMARC_POLICY_REJECT, "what follows the list counts");

	n = (size_t)snprintf(txt, sizeof(txt), "v=DMARC1; ");
	while (n < 4096)
		n += (size_t)snprintf(txt + n, sizeof(txt) - n, "x%zu=y;", n);
	snprintf(txt + n, sizeof(txt) - n, "p=reject");
	ok(dmarc_record_parse(&r, span_str(txt)) && r.p == DMARC_POLICY_REJECT, "M29: a record of 4 KiB is read whole");

	static char large[1 << 15];
	struct text t;

	text_init(&t, large, sizeof(large));
	text_puts(&t, "v=DMARC1;");
	for (unsigned i = 0; i < 1000; i++)
		text_puts(&t, "xxxx=yyyyy;");
	text_puts(&t, "p=reject");
	ok(dmarc_record_parse(&r, text_span(&t)) && r.p == DMARC_POLICY_REJECT, "a record of 10 kB with 1000 tags");
	text_reset(&t);
	text_puts(&t, "v=DMARC1; ");
	for (unsigned i = 0; i < 1024; i++)
		text_putc(&t, 'p');
	text_puts(&t, "=none; p=reject");
	ok(dmarc_record_parse(&r, text_span(&t)) && r.p == DMARC_POLICY_REJECT, "a tag's name of 1 kB");
	text_reset(&t);
	text_puts(&t, "v=DMARC1; rua=mailto:a@x.example!10m");
	for (unsigned i = 0; i < 999; i++)
		text_puts(&t, ",mailto:a@x.example");
	text_puts(&t, "; p=reject");
	ok(dmarc_record_parse(&r, text_span(&t)) && r.n_rua == DMARC_RUA_MAX && r.p == DMARC_POLICY_REJECT,
	   "a thousand reporting addresses, one with a size");
	ok(dmarc_record_parse(&r, SPAN("v=DMARC1;;;;")) && !dmarc_record_usable(&r), "nothing but semicolons");
}

struct usable_case {
	const char *behaviour, *txt;
	bool usable;
	enum dmarc_policy p, sp, np;
};

/* clang-format off */
static const struct usable_case usable_cases[] = {
	{ "a valid policy stays as it is", "v=DMARC1; p=reject; sp=none; np=quarantine", true,
	  DMARC_POLICY_REJECT, DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE },
	{ "M12: no p, but a valid rua: as p=none", "v=DMARC1; rua=mailto:a@x.example", true, DMARC_POLICY_NONE, 0, 0 },
	{ "M12: no p and no rua: no DMARC", "v=DMARC1", false, 0, 0, 0 },
	{ "M25: a rua that is no address does not help", "v=DMARC1; rua=mailto:0", false, 0, 0, 0 },
	{ "a bad p with a valid rua is as p=none", "v=DMARC1; p=oops; sp=reject; rua=mailto:a@x.example", true,
	  DMARC_POLICY_NONE, 0, 0 },
	{ "a bad p without rua: no DMARC", "v=DMARC1; p=oops; sp=reject", false, 0, 0, 0 },
	{ "a bad sp with a valid rua is as p=none", "v=DMARC1; p=reject; sp=oops; rua=mailto:a@x.example", true,
	  DMARC_POLICY_NONE, 0, 0 },
	{ "a bad sp without rua: no DMARC", "v=DMARC1; p=reject; sp=oops", false, 0, 0, 0 },
	{ "a bad np with a valid rua is as p=none", "v=DMARC1; p=reject; np=oops; rua=mailto:a@x.example", true,
	  DMARC_POLICY_NONE, 0, 0 },
	{ "a bad np without rua: no DMARC", "v=DMARC1; p=reject; np=oops", false, 0, 0, 0 },
	{ "no p, but a good sp: as without sp", "v=DMARC1; sp=reject; rua=mailto:a@x.example", true,
	  DMARC_POLICY_NONE, 0, 0 },
};
/* clang-format on */

static void records_of_use(void)
{
	for (size_t i = 0; i < sizeof(usable_cases) / sizeof(usable_cases[0]); i++) {
		const struct usable_case *c = &usable_cases[i];
		struct dmarc_record r;
		bool usable = dmarc_record_parse(&r, span_str(c->txt)) && dmarc_record_usable(&r);

		ok(usable == c->usable && (!usable || (r.p == c->p && r.sp == c->sp && r.np == c->np)), "%s",
		   c->behaviour);
	}
}

int main(void)
{
	records_are_read();
	long_records();
	records_of_use();
	return done();
}
