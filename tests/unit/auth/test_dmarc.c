// SPDX-License-Identifier: MIT
/*
 * test_dmarc.c - policy discovery, alignment and result (RFC 9989 4.10, 5.3; RFC 7489 6.6.3)
 *
 * Each case is run with the answers in the order of the questions, the other way round and at random, and must come
 * to the same.  Cases named M... are defects known from other verifiers.
 */
#include "tests/unit/auth/dmarc_check.h"

struct dmarc_case {
	const char *behaviour;
	bool rfc7489;
	const char *from;
	const char *spf;  /* "domain result" */
	const char *dkim; /* "domain result", several after commas */
	const char *zone;
	const char *found; /* dmarc_found() */
};

#define RECORD(domain, tags) "_dmarc." domain " TXT \"v=DMARC1; " tags "\"\n"

/* clang-format off */
static const struct dmarc_case policy_cases[] = {
	{ "no record at all: none, and the author domain is its own organizational domain",
	  .from = "a.b.example", .zone = "", .found = "none org=a.b.example" },
	{ "the author domain's own record comes first", .from = "sub.b.example",
	  .zone = RECORD("sub.b.example", "p=quarantine") RECORD("b.example", "p=reject; sp=none"),
	  .found = "fail policy=quarantine disposition=quarantine org=b.example record=sub.b.example" },
	{ "without one the organizational domain's sp counts", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=quarantine") "sub.b.example A 192.0.2.1\n",
	  .found = "fail policy=quarantine disposition=quarantine org=b.example record=b.example" },
	{ "without sp its p counts", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=reject") "sub.b.example A 192.0.2.1\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "sp says nothing about the domain itself", .from = "b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject; np=reject"),
	  .found = "fail policy=none org=b.example record=b.example" },
	{ "p=none fails without consequence", .from = "b.example", .zone = RECORD("b.example", "p=none"),
	  .found = "fail policy=none org=b.example record=b.example" },
	{ "the walk does not stop at the first record: the fewest labels win", .from = "a.b.c.example",
	  .zone = RECORD("b.c.example", "p=none") RECORD("c.example", "p=reject") "a.b.c.example A 192.0.2.1\n",
	  .found = "fail policy=reject disposition=reject org=c.example record=c.example" },
	{ "the record of a top-level domain counts", .from = "a.b.example",
	  .zone = RECORD("example", "p=quarantine") "a.b.example A 192.0.2.1\n",
	  .found = "fail policy=quarantine disposition=quarantine org=example record=example" },
	{ "a record of the author's own with psd=n hides the apex", .from = "a.b.example",
	  .zone = RECORD("a.b.example", "p=none; psd=n") RECORD("b.example", "p=reject"),
	  .found = "fail policy=none org=a.b.example record=a.b.example" },

	{ "M2: two records at the author domain are both discarded, and the walk goes on", .from = "sub.b.example",
	  .zone = RECORD("sub.b.example", "p=none") RECORD("sub.b.example", "p=quarantine")
		  RECORD("b.example", "p=none; sp=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M2: by RFC 7489 two records end the search", .rfc7489 = true, .from = "sub.b.example",
	  .zone = RECORD("sub.b.example", "p=none") RECORD("sub.b.example", "p=quarantine")
		  RECORD("b.example", "p=none; sp=reject"),
	  .found = "none org=b.example" },
	{ "two records at the organizational domain are discarded too", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none") RECORD("b.example", "p=reject") RECORD("example", "p=quarantine"),
	  .found = "fail policy=quarantine disposition=quarantine org=example record=example" },
	{ "M3: a TXT of another kind at the author domain is ignored, and the walk goes on", .from = "sub.b.example",
	  .zone = "_dmarc.sub.b.example TXT \"hello\"\n" RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M3: so it is by RFC 7489", .rfc7489 = true, .from = "sub.b.example",
	  .zone = "_dmarc.sub.b.example TXT \"hello\"\n" RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M3: beside a record it does no harm", .from = "b.example",
	  .zone = "_dmarc.b.example TXT \"v=spf1 -all\"\n" RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M4: v=dmarc1 is no record", .from = "b.example", .zone = "_dmarc.b.example TXT \"v=dmarc1; p=reject\"\n",
	  .found = "none org=b.example" },
	{ "M4: v = DMARC1 is one", .from = "b.example", .zone = "_dmarc.b.example TXT \"v = DMARC1; p=reject\"\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M5: P=Reject is reject", .from = "b.example", .zone = RECORD("b.example", "P\\009= Reject "),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M6: the record at seven labels is found from eleven", .from = "a.b.c.d.e.f.g.h.i.b.example",
	  .zone = RECORD("e.f.g.h.i.b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=e.f.g.h.i.b.example record=e.f.g.h.i.b.example" },
	{ "M6: those at eight to ten labels are not", .from = "a.b.c.d.e.f.g.h.i.b.example",
	  .zone = RECORD("b.c.d.e.f.g.h.i.b.example", "p=reject; psd=n") RECORD("d.e.f.g.h.i.b.example", "p=reject"),
	  .found = "none org=a.b.c.d.e.f.g.h.i.b.example" },
	{ "M6: its own record is", .from = "a.b.c.d.e.f.g.h.i.b.example",
	  .zone = RECORD("a.b.c.d.e.f.g.h.i.b.example", "p=reject"), .found = "fail policy=reject disposition=reject "
	  "org=a.b.c.d.e.f.g.h.i.b.example record=a.b.c.d.e.f.g.h.i.b.example" },
	{ "M7: psd=n ends the walk, and is the organizational domain", .from = "a.b.c.example",
	  .zone = RECORD("b.c.example", "p=none; psd=n") RECORD("c.example", "p=reject"),
	  .found = "fail policy=none org=b.c.example record=b.c.example" },
	{ "M8: one label below psd=y is the organizational domain", .from = "a.foo.bank.example",
	  .zone = RECORD("bank.example", "p=none; psd=y") RECORD("foo.bank.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=foo.bank.example record=foo.bank.example" },
	{ "M8: the public suffix's own record is used when neither author nor organization has one",
	  .from = "a.foo.bank.example",
	  .zone = RECORD("bank.example", "p=none; sp=quarantine; psd=y") "a.foo.bank.example A 192.0.2.1\n",
	  .found = "fail policy=quarantine disposition=quarantine org=foo.bank.example record=bank.example" },
	{ "M8: psd=y ends the walk", .from = "a.foo.bank.example",
	  .zone = RECORD("bank.example", "p=none; psd=y") RECORD("example", "p=reject"),
	  .found = "fail policy=none org=foo.bank.example record=bank.example" },
	{ "a plain record between the author and the organization is not the policy", .from = "a.b.foo.bank.example",
	  .zone = RECORD("b.foo.bank.example", "p=reject") RECORD("bank.example", "p=none; psd=y"),
	  .found = "fail policy=none org=foo.bank.example record=bank.example" },
	{ "psd=y at the author domain itself: it is its own organization", .from = "bank.example",
	  .zone = RECORD("bank.example", "p=reject; psd=y") RECORD("example", "p=none"),
	  .found = "fail policy=reject disposition=reject org=bank.example record=bank.example" },
	{ "by RFC 7489 psd says nothing", .rfc7489 = true, .from = "a.b.c.example",
	  .zone = RECORD("b.c.example", "p=none; psd=n") RECORD("c.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=c.example record=c.example" },
	{ "M10: a public suffix that publishes hands its record down", .from = "x.blogspot.com",
	  .zone = RECORD("blogspot.com", "p=none; sp=reject") "x.blogspot.com A 192.0.2.1\n",
	  .found = "fail policy=reject disposition=reject org=blogspot.com record=blogspot.com" },
	{ "M10: by RFC 7489 it does not", .rfc7489 = true, .from = "x.blogspot.com",
	  .zone = RECORD("blogspot.com", "p=none; sp=reject") "x.blogspot.com A 192.0.2.1\n",
	  .found = "none org=x.blogspot.com" },
	{ "by RFC 7489 a public suffix has its own record", .rfc7489 = true, .from = "blogspot.com",
	  .zone = RECORD("blogspot.com", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=blogspot.com record=blogspot.com" },

	{ "M11: an existing subdomain without the type: sp", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject; np=quarantine") "sub.b.example TXT \"hello\"\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M11: a subdomain that does not exist: np", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject; np=quarantine"),
	  .found = "fail policy=quarantine disposition=quarantine org=b.example record=b.example" },
	{ "an empty non-terminal exists: sp", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject; np=quarantine") "x.sub.b.example A 192.0.2.1\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "without np one that does not exist gets sp", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "np without sp: one that exists gets p", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; np=reject") "sub.b.example A 192.0.2.1\n",
	  .found = "fail policy=none org=b.example record=b.example" },
	{ "by RFC 7489 np says nothing", .rfc7489 = true, .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject; np=quarantine"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "whether the domain exists cannot be looked up: temperror", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject; np=quarantine")
		  "sub.b.example A !SERVFAIL\n_dmarc.sub.b.example TXT !NXDOMAIN\n",
	  .found = "temperror policy=reject org=b.example record=b.example" },

	{ "M12: no p but a reporting address: as p=none", .from = "b.example",
	  .zone = RECORD("b.example", "rua=mailto:r@b.example"), .found = "fail policy=none org=b.example record=b.example" },
	{ "M12: no p and no reporting address: no DMARC", .from = "b.example", .zone = RECORD("b.example", "sp=reject"),
	  .found = "none org=b.example" },
	{ "M12: by RFC 7489 too", .rfc7489 = true, .from = "b.example", .zone = RECORD("b.example", "sp=reject"),
	  .found = "none org=b.example" },
	{ "a broken sp with a reporting address: as p=none", .from = "b.example",
	  .zone = RECORD("b.example", "p=reject; sp=oops; rua=mailto:r@b.example"),
	  .found = "fail policy=none org=b.example record=b.example" },
	{ "a broken record of the author's own is not replaced by the organization's", .from = "sub.b.example",
	  .zone = RECORD("sub.b.example", "p=oops") RECORD("b.example", "p=reject"), .found = "none org=b.example" },
	{ "M13: t=y makes quarantine of reject", .from = "b.example", .zone = RECORD("b.example", "p=reject; t=y"),
	  .found = "fail policy=quarantine disposition=quarantine org=b.example record=b.example" },
	{ "M13: t=y makes none of quarantine", .from = "b.example", .zone = RECORD("b.example", "p=quarantine; t=y"),
	  .found = "fail policy=none org=b.example record=b.example" },
	{ "t=y leaves none alone", .from = "b.example", .zone = RECORD("b.example", "p=none; t=y"),
	  .found = "fail policy=none org=b.example record=b.example" },
	{ "t=y steps down sp too", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=none; sp=reject; t=y") "sub.b.example A 192.0.2.1\n",
	  .found = "fail policy=quarantine disposition=quarantine org=b.example record=b.example" },
	{ "by RFC 7489 t says nothing", .rfc7489 = true, .from = "b.example", .zone = RECORD("b.example", "p=reject; t=y"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M14: pct is ignored", .from = "b.example", .zone = RECORD("b.example", "p=reject; pct=10"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M14: pct=0 too", .from = "b.example", .zone = RECORD("b.example", "p=reject; pct=0"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M25: rua=mailto:0 does not save a record without p", .from = "b.example",
	  .zone = RECORD("b.example", "rua=mailto:0"), .found = "none org=b.example" },
	{ "M26: of p twice the first counts", .from = "b.example", .zone = RECORD("b.example", "p=quarantine; p=none"),
	  .found = "fail policy=quarantine disposition=quarantine org=b.example record=b.example" },
	{ "M29: a record in several strings is joined without a space", .from = "b.example",
	  .zone = "_dmarc.b.example TXT \"v=DMA\" \"RC1; p=rej\" \"ect;;\"\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "a record by CNAME counts", .from = "b.example",
	  .zone = "_dmarc.b.example CNAME r.c.example\nr.c.example TXT \"v=DMARC1; p=reject\"\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
};

static const struct dmarc_case alignment_cases[] = {
	{ "SPF of the very domain passes", .from = "b.example", .spf = "b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example spf" },
	{ "DKIM of the very domain passes", .from = "b.example", .dkim = "b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "both may", .from = "b.example", .spf = "b.example pass", .dkim = "b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example spf dkim" },
	{ "relaxed: the organization's domain for its subdomain", .from = "sub.b.example", .dkim = "b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "relaxed: a subdomain for the organization's", .from = "b.example", .spf = "bounce.sub.b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example spf" },
	{ "relaxed: a subdomain for another", .from = "x.b.example", .dkim = "y.b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "by RFC 7489 as well", .rfc7489 = true, .from = "x.b.example", .dkim = "y.b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "M1: strict: the organization's domain does not do for its subdomain", .from = "sub.b.example",
	  .dkim = "b.example pass", .zone = RECORD("b.example", "p=reject; adkim=s"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M1: by RFC 7489 neither", .rfc7489 = true, .from = "sub.b.example", .dkim = "b.example pass",
	  .zone = RECORD("b.example", "p=reject; adkim=s"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "strict: the very domain in another case does", .from = "sub.b.example", .dkim = "SUB.b.Example pass",
	  .zone = RECORD("b.example", "p=reject; adkim=s"),
	  .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "adkim says nothing about SPF", .from = "sub.b.example", .spf = "b.example pass",
	  .zone = RECORD("b.example", "p=reject; adkim=s"),
	  .found = "pass policy=reject org=b.example record=b.example spf" },
	{ "aspf is strict for SPF", .from = "sub.b.example", .spf = "b.example pass", .dkim = "b.example pass",
	  .zone = RECORD("b.example", "p=reject; aspf=s"),
	  .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "a domain that only ends the same is a stranger", .from = "b.example", .dkim = "evilb.example pass",
	  .zone = RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "M9: a record below only: the parent is another organization", .from = "mail.b.example", .dkim = "b.example pass",
	  .zone = RECORD("mail.b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=mail.b.example record=mail.b.example" },
	{ "M9: by RFC 7489 it is the same", .rfc7489 = true, .from = "mail.b.example", .dkim = "b.example pass",
	  .zone = RECORD("mail.b.example", "p=reject"),
	  .found = "pass policy=reject org=b.example record=mail.b.example dkim" },
	{ "M8: two below psd=y are strangers", .from = "foo.bank.example", .dkim = "bar.bank.example pass",
	  .zone = RECORD("bank.example", "p=reject; psd=y"),
	  .found = "fail policy=reject disposition=reject org=foo.bank.example record=bank.example" },
	{ "M8: what is below the same one is one organization", .from = "a.foo.bank.example",
	  .dkim = "b.foo.bank.example pass", .zone = RECORD("bank.example", "p=reject; psd=y"),
	  .found = "pass policy=reject org=foo.bank.example record=bank.example dkim" },
	{ "psd=n in the signer's tree makes it a stranger", .from = "b.example", .dkim = "x.sub.b.example pass",
	  .zone = RECORD("b.example", "p=reject") RECORD("sub.b.example", "p=none; psd=n"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "psd=y at the signer itself does not make it a stranger's parent", .from = "b.example", .dkim = "b.example pass",
	  .zone = RECORD("b.example", "p=reject; psd=y"),
	  .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "M28: a U-label in d= is compared as A-label", .from = "xn--bcher-kva.example",
	  .dkim = "b\xc3\xbc" "cher.example pass", .zone = RECORD("xn--bcher-kva.example", "p=reject; adkim=s"),
	  .found = "pass policy=reject org=xn--bcher-kva.example record=xn--bcher-kva.example dkim" },
	{ "a final dot of SPF's domain does no harm", .from = "b.example", .spf = "b.example. pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example spf" },
	{ "a domain that is none aligns with nothing", .from = "b.example", .spf = "\xff\xfe.b.example pass",
	  .zone = RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },

	{ "only pass counts: SPF", .from = "b.example", .spf = "b.example softfail", .zone = RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "only pass counts: DKIM", .from = "b.example", .dkim = "b.example permerror, b.example policy",
	  .zone = RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "an aligned failure and a stranger's pass do not mix", .from = "b.example",
	  .dkim = "b.example fail, c.example pass", .zone = RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "nor the other way round", .from = "b.example", .dkim = "c.example pass, b.example fail",
	  .zone = RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "one aligned pass among failures is enough", .from = "b.example",
	  .dkim = "b.example fail, c.example pass, x.b.example pass, b.example temperror",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example dkim" },
};

static const struct dmarc_case error_cases[] = {
	{ "M27: an aligned signature's temperror: temperror", .from = "b.example", .spf = "b.example fail",
	  .dkim = "b.example temperror", .zone = RECORD("b.example", "p=reject"),
	  .found = "temperror policy=reject org=b.example record=b.example" },
	{ "M27: by RFC 7489 too", .rfc7489 = true, .from = "b.example", .spf = "b.example fail",
	  .dkim = "x.b.example temperror", .zone = RECORD("b.example", "p=reject"),
	  .found = "temperror policy=reject org=b.example record=b.example" },
	{ "a stranger's temperror decides nothing", .from = "b.example", .dkim = "c.example temperror",
	  .zone = RECORD("b.example", "p=reject"),
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "an aligned SPF temperror: temperror", .from = "b.example", .spf = "b.example temperror",
	  .zone = RECORD("b.example", "p=reject"), .found = "temperror policy=reject org=b.example record=b.example" },
	{ "a pass beside it: pass", .from = "b.example", .spf = "b.example temperror", .dkim = "b.example pass",
	  .zone = RECORD("b.example", "p=reject"), .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "the policy cannot be looked up: temperror", .from = "b.example", .dkim = "b.example pass",
	  .zone = "_dmarc.b.example TXT !SERVFAIL\n", .found = "temperror org=b.example" },
	{ "by RFC 7489 too", .rfc7489 = true, .from = "b.example", .zone = "_dmarc.b.example TXT !TIMEOUT\n",
	  .found = "temperror org=b.example" },
	{ "nor what is above it: temperror", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=reject") "_dmarc.example TXT !SERVFAIL\n",
	  .found = "temperror org=b.example" },
	{ "the author's own policy is known all the same, and the very domain aligns", .from = "b.example",
	  .dkim = "b.example pass", .zone = RECORD("b.example", "p=reject") "_dmarc.example TXT !SERVFAIL\n",
	  .found = "pass policy=reject org=b.example record=b.example dkim" },
	{ "beyond psd=n nothing can go wrong", .from = "sub.b.example",
	  .zone = RECORD("b.example", "p=reject; psd=n") "_dmarc.example TXT !SERVFAIL\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "a signer's broken tree: temperror, when it may be aligned", .from = "b.example", .dkim = "x.b.example pass",
	  .zone = RECORD("b.example", "p=reject") "_dmarc.x.b.example TXT !SERVFAIL\n",
	  .found = "temperror policy=reject org=b.example record=b.example" },
	{ "a stranger's broken tree decides nothing", .from = "b.example", .dkim = "x.c.example pass",
	  .zone = RECORD("b.example", "p=reject") "_dmarc.c.example TXT !SERVFAIL\n",
	  .found = "fail policy=reject disposition=reject org=b.example record=b.example" },
	{ "no author: none", .from = "", .spf = "b.example pass", .zone = "", .found = "none org=" },
};
/* clang-format on */

static unsigned word_of(struct span word, const char *(*text)(unsigned), unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (span_eq(word, span_str(text(i))))
			return i;
	printf("# no such result: %.*s\n", (int)word.len, (const char *)word.at);
	exit(1);
}

static const char *spf_text(unsigned i)
{
	return spf_result_text((enum spf_result)i);
}

static const char *dkim_text(unsigned i)
{
	return dkim_result_text((enum dkim_result)i);
}

/* "domain result": the domain, ended by a NUL in @room. */
static const char *domain_of(struct span item, char *room, size_t cap, struct span *result)
{
	item = span_trim(item);
	size_t space = span_find_last(item, ' ');

	CHECK(space != SPAN_NONE && space < cap);
	memcpy(room, item.at, space);
	room[space] = '\0';
	*result = span_skip(item, space + 1);
	return room;
}

static void input_of(struct dmarc_input *in, const struct dmarc_case *c)
{
	static char rooms[1 + DKIM_SIGNATURES_MAX][256];
	struct span result, rest = c->dkim ? span_str(c->dkim) : span_of(NULL, 0);

	*in = (struct dmarc_input){ 0 };
	if (c->spf) {
		in->spf_domain = domain_of(span_str(c->spf), rooms[0], sizeof(rooms[0]), &result);
		in->spf = (enum spf_result)word_of(result, spf_text, SPF_RESULT_PERMERROR + 1);
	}
	for (unsigned i = 0; rest.at; i++) {
		in->d[i] = domain_of(span_cut(&rest, ','), rooms[1 + i], sizeof(rooms[0]), &result);
		in->dkim[i] = (enum dkim_result)word_of(result, dkim_text, DKIM_RESULT_PERMERROR + 1);
		in->n_dkim++;
	}
}

static void cases_run(const struct dmarc_case *cases, size_t n)
{
	static const char *const orders[] = { "", " (last answers first)", " (answers at random)" };

	for (size_t i = 0; i < n; i++) {
		const struct dmarc_case *c = &cases[i];
		struct auth_settings settings = dmarc_settings(c->rfc7489);
		struct dns_zone *z = zone_of(c->zone);
		struct dmarc_input in;

		input_of(&in, c);
		for (int order = 0; order < N_ORDERS; order++) {
			dmarc_run(&settings, z, c->from, &in, (enum dmarc_order)order, UINT32_MAX);
			is_span(span_str(dmarc_found()), span_str(c->found), "%s%s", c->behaviour, orders[order]);
		}
		dns_zone_close(z);
	}
}

static bool asked_is(unsigned i, const char *name)
{
	return i < dmarc_n_asked && span_eq(dns_question_name(&dmarc_asked[i]), span_str(name));
}

/* M6 */
static void questions_are_few(void)
{
	const struct auth_settings settings = dmarc_settings(false);
	struct dns_zone *z = zone_of("");
	struct dmarc_input in = { 0 };
	static const char *const eleven[] = { "_dmarc.a.b.c.d.e.f.g.h.i.b.example",
					      "_dmarc.e.f.g.h.i.b.example",
					      "_dmarc.f.g.h.i.b.example",
					      "_dmarc.g.h.i.b.example",
					      "_dmarc.h.i.b.example",
					      "_dmarc.i.b.example",
					      "_dmarc.b.example",
					      "_dmarc.example" };
	bool good = true;

	dmarc_run(&settings, z, "a.b.c.d.e.f.g.h.i.b.example", &in, ORDER_FIRST, UINT32_MAX);
	for (unsigned i = 0; i < 8; i++)
		good &= asked_is(i, eleven[i]);
	ok(good && dmarc_n_asked == 8, "M6: of eleven labels are asked all, then seven, six... one: eight questions");
	char many[256] = "";

	for (unsigned i = 0; i < 127; i++)
		strcat(many, i < 126 ? "a." : "b");
	dmarc_run(&settings, z, many, &in, ORDER_FIRST, UINT32_MAX);
	/* "_dmarc." does not fit before the whole name. */
	ok(dmarc_n_asked == 7 && asked_is(0, "_dmarc.a.a.a.a.a.a.b"), "of 127 labels the last seven are asked for");
	dmarc_run(&settings, z, "b.c.d.e.f.g.h.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(asked_is(0, "_dmarc.b.c.d.e.f.g.h.example") && asked_is(1, "_dmarc.c.d.e.f.g.h.example") &&
		   dmarc_n_asked == 8,
	   "eight labels are asked one by one");
	dmarc_run(&settings, z, "example", &in, ORDER_FIRST, UINT32_MAX);
	ok(asked_is(0, "_dmarc.example") && dmarc_n_asked == 1, "a top-level domain is asked once");

	in.spf_domain = "a.b.example";
	in.n_dkim = 2;
	in.d[0] = "A.B.example";
	in.d[1] = "c.test";
	dmarc_run(&settings, z, "a.b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 3, "identifiers equal to the author domain, or below another top, need no walk");
	in.d[0] = "b.example";
	dmarc_run(&settings, z, "a.b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 5, "each other one has a walk of its own");
	dns_zone_close(z);

	const struct auth_settings old = dmarc_settings(true);

	z = zone_of(RECORD("b.example", "p=none; sp=reject; np=quarantine"));
	dmarc_run(&old, z, "a.b.c.d.b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 2 && asked_is(0, "_dmarc.a.b.c.d.b.example") && asked_is(1, "_dmarc.b.example"),
	   "by RFC 7489 the author domain and the organization's are asked, and nothing for the identifiers");
	in = (struct dmarc_input){ 0 };
	dmarc_run(&settings, z, "a.b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 4 && asked_is(3, "a.b.example"), "np asks whether the author domain exists");
	dns_zone_close(z);
	z = zone_of(RECORD("b.example", "p=none; sp=reject; np=reject"));
	dmarc_run(&settings, z, "a.b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 3, "np equal to sp asks nothing");
	dns_zone_close(z);
	z = zone_of(RECORD("b.example", "p=none; sp=reject; np=none") "_dmarc.a.b.example TXT !NODATA\n");
	dmarc_run(&settings, z, "a.b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 3, "a name below it that exists says that it does");
	dns_zone_close(z);
	z = zone_of(RECORD("b.example", "sp=reject; np=none"));
	dmarc_run(&settings, z, "a.b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 3, "nor is asked for the np of a record of no use");
	dns_zone_close(z);
}

/* Names that have no room for "_dmarc.", or no valid label. */
static void impossible_names(void)
{
	const struct auth_settings settings = dmarc_settings(false);
	struct dns_zone *z = zone_of(RECORD("example", "p=reject; np=quarantine"));
	struct dmarc_input in = { 0 };
	char name[254];

	memset(name, 'a', sizeof(name));
	for (size_t i = 49; i < 245; i += 50)
		name[i] = '.';
	memcpy(name + 245, ".example", sizeof(".example"));
	CHECK(strlen(name) == 253);
	dmarc_run(&settings, z, name, &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 6 && span_eq(dmarc.policy_domain, SPAN("example")) &&
		   dmarc.policy == DMARC_POLICY_QUARANTINE,
	   "an author domain of 253 octets has no record of its own, and may not exist");
	memset(name, 'a', 70);
	name[70] = '\0';
	dmarc_run(&settings, z, name, &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc_n_asked == 0 && dmarc.result == DMARC_RESULT_NONE, "a label of 70 octets is asked nothing, and ends");
	in.spf_domain = "..example";
	in.spf = SPF_RESULT_PASS;
	dmarc_run(&settings, z, "b.example", &in, ORDER_FIRST, UINT32_MAX);
	ok(dmarc.result == DMARC_RESULT_FAIL || dmarc.result == DMARC_RESULT_PASS,
	   "an identifier with empty labels ends too");
	dns_zone_close(z);
}

static void tickets(void)
{
	const struct auth_settings settings = dmarc_settings(false);
	struct dns_zone *z = zone_of(RECORD("b.example", "p=reject") RECORD("evil.example", "p=none"));
	struct dns_question evil, q;
	unsigned slot;

	CHECK(dns_question_set(&evil, DNS_TXT, SPAN("_dmarc.evil.example")));
	dmarc_begin(&dmarc, &settings, SPAN("b.example"), NULL, 0);
	for (unsigned i = 0; i < 4 * DMARC_ASKED_MAX; i++)
		dmarc_answer(&dmarc, i, dns_zone_answer(z, &evil), 0);
	ok(!dmarc_walks_done(&dmarc), "answers to what was not asked are ignored");
	while (dmarc_question(&dmarc, &slot, &q)) {
		dmarc_answer(&dmarc, slot, dns_zone_answer(z, &q), 0);
		dmarc_answer(&dmarc, slot, dns_zone_answer(z, &evil), 0);
	}
	for (unsigned i = 0; i < 4 * DMARC_ASKED_MAX; i++)
		dmarc_answer(&dmarc, i, dns_zone_answer(z, &evil), 0);
	dmarc_judge(&dmarc, NULL, NULL);
	is_span(span_str(dmarc_found()), SPAN("fail policy=reject disposition=reject org=b.example record=b.example"),
		"so are second answers, and late ones");
	dns_zone_close(z);
}

/* What a missing policy may bring: all, unless an identifier passes under any. */
static void stakes(void)
{
	static const char *const domains[] = { "b.example", "x.b.example" };
	struct dns_zone *z = zone_of("_dmarc.b.example TXT !SERVFAIL\n");

	for (int old = 0; old < 2; old++) {
		const struct auth_settings settings = dmarc_settings(old);

		for (int i = 0; i < 2; i++) {
			struct dmarc_input in = { .spf_domain = domains[i], .spf = SPF_RESULT_PASS };
			enum dmarc_policy stake = i ? DMARC_POLICY_REJECT : DMARC_POLICY_NONE;

			dmarc_run(&settings, z, "b.example", &in, ORDER_FIRST, UINT32_MAX);
			ok(dmarc.result == DMARC_RESULT_TEMPERROR && dmarc.at_stake == stake,
			   "%s: without the policy %s passes %s", old ? "RFC 7489" : "RFC 9989",
			   i ? "another domain of the organization" : "the author domain itself",
			   i ? "unless it is strict" : "whatever it is");
		}
	}
	dns_zone_close(z);
}

/* However many answers came: a result, and fail or none only when no missing answer could change it. */
static void given_up(void)
{
	const struct auth_settings settings = dmarc_settings(false);
	struct dns_zone *z = zone_of(RECORD("b.example", "p=none; sp=reject; np=quarantine"));
	struct dmarc_input in = { .n_dkim = 1, .d = { "x.b.example" }, .dkim = { DKIM_RESULT_FAIL } };
	unsigned n = 0, wrong = 0;

	for (int order = 0; order < N_ORDERS; order++) {
		for (unsigned most = 0; most < 12; most++) {
			dmarc_run(&settings, z, "sub.b.example", &in, (enum dmarc_order)order, most);
			bool temporary = dmarc.result == DMARC_RESULT_TEMPERROR;

			n++;
			wrong += temporary && dmarc.disposition != DMARC_POLICY_NONE;
			wrong += !temporary &&
				 (dmarc.result != DMARC_RESULT_FAIL || dmarc.policy != DMARC_POLICY_QUARANTINE);
		}
	}
	ok(wrong == 0, "without some of the answers: temperror without consequence, or the final result (%u runs)", n);
	dmarc_run(&settings, z, "sub.b.example", &in, ORDER_FIRST, 0);
	ok(dmarc.result == DMARC_RESULT_TEMPERROR, "without any answer: temperror");
	dns_zone_close(z);
}

int main(void)
{
	cases_run(policy_cases, sizeof(policy_cases) / sizeof(policy_cases[0]));
	cases_run(alignment_cases, sizeof(alignment_cases) / sizeof(alignment_cases[0]));
	cases_run(error_cases, sizeof(error_cases) / sizeof(error_cases[0]));
	questions_are_few();
	impossible_names();
	tickets();
	stakes();
	given_up();
	return done();
}
