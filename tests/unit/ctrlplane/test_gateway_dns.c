// SPDX-License-Identifier: MIT
/*
 * test_gateway_dns.c - questions of workers: one flight for many askers, late answers, full rings
 */
#include <stdlib.h>

#include "ctrlplane/settings_table.h"
#include "tests/tap.h"
#include "tests/unit/ctrlplane/gateway_lent.h"

/* A resolver that remembers what it was asked, and answers when the test says so. */
static struct {
	bool refuse;
	unsigned n_asked;
	uint64_t tickets[16];
	bool answer_ready;
	uint64_t answer_ticket;
	union {
		struct dns_answer header;
		uint8_t octets[256];
	} answer;
} fake;

static bool fake_ask(void *driver, const struct dns_question *q, uint64_t ticket)
{
	(void)driver;
	(void)q;
	if (fake.refuse)
		return false;
	fake.tickets[fake.n_asked++ % 16] = ticket;
	return true;
}

static bool fake_next(void *driver, uint64_t *ticket, const struct dns_answer **answer)
{
	(void)driver;
	if (!fake.answer_ready)
		return false;
	fake.answer_ready = false;
	*ticket = fake.answer_ticket;
	*answer = &fake.answer.header;
	return true;
}

static struct gateway g;
static struct settings settings;
static struct shard_question asked[GATEWAY_RING_N];

static void begin(void)
{
	char error[512];

	memset(&g, 0, sizeof(g));
	memset(&fake, 0, sizeof(fake));
	settings_default(&settings);
	g.settings = &settings;
	snprintf(settings.dns_mode, sizeof(settings.dns_mode), "zone");
	snprintf(settings.dns_zone_file, sizeof(settings.dns_zone_file), "/dev/null");
	g.n_workers = 2;
	g.workers = calloc(g.n_workers, sizeof(*g.workers));
	for (unsigned i = 0; i < g.n_workers; i++) {
		struct gateway_worker *w = &g.workers[i];

		ring_init(&w->link.up, w->slots[0], GATEWAY_RING_N);
		ring_init(&w->link.up_back, w->slots[1], GATEWAY_RING_N);
		ring_init(&w->link.down, w->slots[2], GATEWAY_RING_N);
		ring_init(&w->link.down_back, w->slots[3], GATEWAY_RING_N);
		w->waiting_end = &w->waiting;
	}
	if (!gateway_dns_open(&g, error, sizeof(error)))
		ok(false, "cannot begin: %s", error);
	if (g.resolver.close)
		g.resolver.close(g.resolver.driver);
	g.resolver = (struct dns_resolver){ .ask = fake_ask, .next = fake_next };
}

static void end(void)
{
	g.zone = NULL; /* closed above */
	gateway_dns_close(&g);
	free(g.workers);
}

static void worker_asks(unsigned worker, unsigned slot, uint64_t ticket, const char *name)
{
	struct shard_question *m = &asked[slot];

	m->m = (struct shard_message){ .kind = SHARD_UP_QUESTION, .worker = (uint16_t)worker };
	m->ticket = ticket;
	if (!dns_question_set(&m->q, DNS_TXT, span_str(name)) || !ring_put(&g.workers[worker].link.up, m))
		ok(false, "worker %u cannot ask", worker);
}

/* The worker's next answer; given home at once.  False: there is none. */
static bool worker_hears(unsigned worker, uint64_t *ticket, enum dns_rcode *rcode)
{
	struct shard_answer *a = ring_get(&g.workers[worker].link.down);

	if (!a)
		return false;
	*ticket = a->ticket;
	*rcode = (enum dns_rcode)((const struct dns_answer *)(const void *)a->answer)->rcode;
	return ring_put(&g.workers[worker].link.down_back, a);
}

static void resolver_answers(uint64_t ticket)
{
	struct dns_answer *a = dns_answer_init(&fake.answer, sizeof(fake.answer), DNS_NODATA, 300);

	fake.answer_ready = dns_answer_add(a, sizeof(fake.answer), SPAN("v=DMARC1; p=none"));
	fake.answer_ticket = ticket;
}

static void turn(void)
{
	gateway_links_turn(&g, now_us);
	gateway_dns_turn(&g, now_us);
}

static void test_one_flight(void)
{
	enum dns_rcode rcode;
	uint64_t ticket;

	begin();
	worker_asks(0, 0, 11, "_dmarc.example");
	worker_asks(1, 1, 22, "_dmarc.example");
	turn();
	ok(fake.n_asked == 1, "two workers, one question: the resolver is asked once");
	ok(ring_get(&g.workers[0].link.up_back) == &asked[0], "a question comes home to its worker");
	ok(!worker_hears(0, &ticket, &rcode), "nothing is answered before the answer is there");
	resolver_answers(fake.tickets[0]);
	turn();
	ok(worker_hears(0, &ticket, &rcode) && ticket == 11 && rcode == DNS_NOERROR, "the first asker hears it");
	ok(worker_hears(1, &ticket, &rcode) && ticket == 22 && rcode == DNS_NOERROR, "so does the second");
	worker_asks(1, 2, 33, "_dmarc.example");
	turn();
	ok(fake.n_asked == 1 && worker_hears(1, &ticket, &rcode) && ticket == 33, "asked again: from the cache");
	turn(); /* messages that came home are freed */
	end();
}

static void test_unanswered(void)
{
	enum dns_rcode rcode;
	uint64_t ticket;

	begin();
	worker_asks(0, 0, 1, "silent.example");
	turn();
	now_us += settings.dns_timeout_ms * 1000 + 1000;
	turn();
	ok(worker_hears(0, &ticket, &rcode) && ticket == 1 && rcode == DNS_TIMEOUT,
	   "silence: TIMEOUT after dns.timeout_ms");
	resolver_answers(fake.tickets[0]);
	turn();
	ok(!worker_hears(0, &ticket, &rcode), "an answer that comes after that is nobody's");
	fake.refuse = true;
	worker_asks(0, 1, 2, "refused.example");
	turn();
	ok(worker_hears(0, &ticket, &rcode) && ticket == 2 && rcode == DNS_SERVFAIL,
	   "the resolver takes no more: SERVFAIL");
	fake.refuse = false;
	worker_asks(0, 2, 3, "refused.example");
	turn();
	ok(fake.n_asked == 2, "and that does not stand in the way of the next try");
	turn();
	end();
}

static void test_full_ring(void)
{
	enum dns_rcode rcode;
	uint64_t ticket;
	unsigned n = 0;

	begin();
	worker_asks(0, 0, 0, "a.example");
	turn();
	resolver_answers(fake.tickets[0]);
	turn();
	(void)!worker_hears(0, &ticket, &rcode);
	/* More answers than the ring has room for, all from the cache; the worker reads none meanwhile. */
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < GATEWAY_RING_N / 2; i++)
			worker_asks(0, i, round * GATEWAY_RING_N + i, "a.example");
		for (unsigned i = 0; i < 8; i++)
			turn();
		while (ring_get(&g.workers[0].link.up_back))
			continue;
	}
	for (unsigned i = 0; i < 64; i++, turn())
		while (worker_hears(0, &ticket, &rcode))
			n++;
	ok(n == 3 * GATEWAY_RING_N / 2, "a worker that is behind hears all answers in the end: %u", n);
	turn();
	end();
}

int main(void)
{
	test_one_flight();
	test_unanswered();
	test_full_ring();
	return done();
}
