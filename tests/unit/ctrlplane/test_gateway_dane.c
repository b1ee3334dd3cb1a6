// SPDX-License-Identifier: MIT
/*
 * test_gateway_dane.c - TLSA records of next hops: which count, how long, and when they are asked for again
 */
#include <stdlib.h>

#include "ctrlplane/settings_table.h"
#include "tests/tap.h"
#include "tests/unit/ctrlplane/gateway_lent.h"

#define SECOND UINT64_C(1000000)

static struct {
	unsigned n_asked;
	uint64_t ticket;
	struct dns_question q;
	bool ready;
	_Alignas(8) uint8_t answer[512];
} fake;

static bool fake_ask(void *driver, const struct dns_question *q, uint64_t ticket)
{
	(void)driver;
	fake.n_asked++;
	fake.ticket = ticket;
	fake.q = *q;
	return true;
}

static bool fake_next(void *driver, uint64_t *ticket, const struct dns_answer **answer)
{
	(void)driver;
	if (!fake.ready)
		return false;
	fake.ready = false;
	*ticket = fake.ticket;
	*answer = (const struct dns_answer *)fake.answer;
	return true;
}

static struct gateway g;
static struct settings settings;

static void begin(void)
{
	char error[512];

	memset(&g, 0, sizeof(g));
	memset(&fake, 0, sizeof(fake));
	settings_default(&settings);
	g.settings = &settings;
	settings.dns_ttl_min_s = settings.dns_ttl_servfail_s = settings.dns_stale_max_s = 0;
	settings.dns_prefetch = false;
	snprintf(settings.dns_mode, sizeof(settings.dns_mode), "zone");
	snprintf(settings.dns_zone_file, sizeof(settings.dns_zone_file), "/dev/null");
	settings.n_next_hops = 2;
	settings.next_hops[0] = settings.next_hops[1] = (struct settings_next_hop){ .port = 25 };
	settings.next_hops[1].tls_dane = true;
	snprintf(settings.next_hops[1].tls_name, sizeof(settings.next_hops[1].tls_name), "mx.example");
	CHECK(gateway_dns_open(&g, error, sizeof(error)));
	g.resolver.ask = fake_ask;
	g.resolver.next = fake_next;
}

static size_t n_known(void)
{
	const struct tls_tlsa *records;

	return gateway_dane_records(&settings.next_hops[1], &records);
}

static void turn(uint64_t pass_s)
{
	now_us += pass_s * SECOND;
	gateway_dane_turn(&g, now_us);
}

/* The answer to what was asked last: @n records. */
static void answer(enum dns_rcode rcode, bool secure, uint32_t ttl_s, unsigned n)
{
	struct dns_answer *a = dns_answer_init(fake.answer, sizeof(fake.answer), rcode, ttl_s);

	for (uint8_t i = 0; i < n; i++) {
		const uint8_t rdata[] = { 3, 1, 1, i, 2, 3, 4 };

		CHECK(dns_answer_add(a, sizeof(fake.answer), span_of(rdata, sizeof(rdata))));
	}
	a->secure = secure;
	fake.ready = true;
	gateway_dns_turn(&g, now_us);
	turn(0);
}

int main(void)
{
	begin();
	turn(0);
	ok(fake.n_asked == 1 && fake.q.type == DNS_TLSA, "the next hop with tls_dane is asked for, the other is not");
	is_span(dns_question_name(&fake.q), SPAN("_25._tcp.mx.example"), "by port and name");
	ok(n_known() == 0, "until the answer nothing is known");
	turn(1);
	ok(fake.n_asked == 1, "one question at a time");
	answer(DNS_NOERROR, false, 100, 2);
	ok(n_known() == 0, "records that DNSSEC does not vouch for do not count");
	is_span(span_str(gateway_dane_word(&settings.next_hops[1])), SPAN("not vouched for by DNSSEC"),
		"which is told");
	is_span(span_str(gateway_dane_word(&settings.next_hops[0])), SPAN(""), "of those alone that need them");
	turn(101);
	answer(DNS_NOERROR, true, 100, 2);
	ok(fake.n_asked == 2 && n_known() == 2, "those that it vouches for do");
	is_span(span_str(gateway_dane_word(&settings.next_hops[1])), SPAN("good"), "and are good");
	turn(89);
	ok(fake.n_asked == 2, "they are not asked for again");
	turn(12);
	ok(fake.n_asked == 3 && n_known() == 2, "until their TTL nears its end");
	answer(DNS_SERVFAIL, false, 0, 0);
	ok(n_known() == 2, "a failure lets them be");
	turn(31);
	ok(fake.n_asked == 4 && n_known() == 0, "until it is over, and is asked again");
	answer(DNS_NOERROR, true, 100, 9);
	ok(n_known() == TLS_TLSA_MAX, "no more are taken than there is room for");
	turn(101);
	answer(DNS_NODATA, true, 100, 0);
	ok(n_known() == 0, "records that were taken back are gone");
	snprintf(settings.next_hops[1].tls_name, sizeof(settings.next_hops[1].tls_name), "other.example");
	turn(0);
	is_span(dns_question_name(&fake.q), SPAN("_25._tcp.other.example"), "another name is asked for at once");
	is_span(span_str(gateway_dane_word(&settings.next_hops[1])), SPAN("not asked for yet"), "and not known yet");
	settings.next_hops[1].tls_dane = false;
	turn(0);
	answer(DNS_NOERROR, true, 100, 1);
	ok(n_known() == 0, "an answer that nobody wants any more is dropped");
	gateway_dns_close(&g);
	return done();
}
