// SPDX-License-Identifier: MIT
/*
 * test_report_xml.c - reports against the schemas of both RFCs
 */
#include "tests/unit/report/report_world.h"

#define RFC9990 "tests/unit/report/rfc9990.xsd"
#define RFC7489 "tests/unit/report/rfc7489.xsd"

static char *build(struct report_store *st, bool rfc7489, size_t *len)
{
	struct report_author author = world_author;
	struct report_period p;
	char *xml;

	author.rfc7489 = rfc7489;
	CHECK(report_store_newest(st, "good.example", &p));
	xml = report_xml(st, &p, &author, "1.2@mx.inside.example", len);
	CHECK(xml);
	return xml;
}

static bool has(const char *xml, const char *what)
{
	return strstr(xml, what) != NULL;
}

static void both_formats(void)
{
	struct report_store *st = world_store();
	size_t n, n_old, n_again;

	for (unsigned i = 0; i < 5; i++)
		tell(st, "good.example", POLICY, "192.0.2.10", FACTS_PASS, NOON_S);
	tell(st, "good.example", POLICY, "2001:db8::66", FACTS_FAIL, NOON_S);
	tell(st, "good.example", POLICY, "192.0.2.66",
	     "none|fail|fail|policy_test_mode|default|good.example||mail.good.example|none", NOON_S);
	tell(st, "good.example", POLICY, "192.0.2.66",
	     "none|fail|fail|trusted_forwarder|dmarc.override.arc|good.example|list.example|list.example|pass|"
	     "list.example|s|pass|good.example|s1|fail|other.example|s2|temperror",
	     NOON_S);
	char *xml = build(st, false, &n), *old = build(st, true, &n_old), *again = build(st, false, &n_again);

	ok(is_valid(xml, n, RFC9990), "a report is valid by the schema of RFC 9990");
	ok(is_valid(old, n_old, RFC7489), "by setting one by that of RFC 7489");
	ok(!is_valid(xml, n, RFC7489) && !is_valid(old, n_old, RFC9990), "neither is valid by the other's");
	is_span(span_of(again, n_again), span_of(xml, n), "built again it has the same octets");
	ok(has(xml, "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">"), "the namespace is that of RFC 9990");
	ok(has(xml, "<discovery_method>treewalk<") && has(xml, "<np>quarantine<") && has(xml, "<testing>n<") &&
		   has(xml, "<aspf>s<"),
	   "the policy is told as published");
	ok(has(xml, "<count>5</count>") && has(xml, "<disposition>pass<") && has(xml, "<source_ip>2001:db8::66<"),
	   "rows with their counts");
	ok(has(xml, "<type>policy_test_mode<") && has(old, "<type>other<"),
	   "a reason that RFC 7489 has not is other there");
	ok(has(old, "<scope>helo<") && !has(xml, "<scope>helo<"), "and so is the scope of HELO");
	free(xml);
	free(old);
	free(again);
	report_store_close(st);
}

/* Octets of strangers in every place where they can stand. */
static void hostile(void)
{
	struct report_store *st = world_store();
	size_t n;

	report_store_close_now(st, NULL, NOON_S + 1);
	tell(st, "good.example", POLICY, "192.0.2.66",
	     "none|fail|fail|local_policy|a]]></comment>|<script>\"&amp;'|\x01\x7f\xff\xc3|&#0;|pass|"
	     "</domain>|<!--|pass|\xf0\x9f|%n%s|fail",
	     NOON_S + 2);
	tell(st, "good.example", POLICY, "192.0.2.67", "none|fail|fail", NOON_S + 2);
	char *xml = build(st, false, &n);

	ok(!has(xml, "<script>") && !has(xml, "<!--") && has(xml, "&lt;script&gt;&quot;&amp;amp;"),
	   "markup of a stranger is text");
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)xml[i] >= 0x7f || ((uint8_t)xml[i] < ' ' && xml[i] != '\n'))
			n = 0;
	ok(n > 0, "and no control or eight-bit octet comes out");
	xmlDocPtr document = xmlReadMemory(xml, (int)n, "report", NULL, XML_PARSE_NONET);
	ok(document != NULL, "it is well-formed");
	xmlFreeDoc(document);
	free(xml);
	report_store_close(st);
}

int main(void)
{
	world_begin();
	both_formats();
	hostile();
	world_end();
	xmlCleanupParser();
	return done();
}
