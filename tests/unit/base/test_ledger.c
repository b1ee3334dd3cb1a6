// SPDX-License-Identifier: MIT
/*
 * test_ledger.c - entries come out as they went in, beside a list that keeps them; over an end of the process, and damaged
 */
#include <pthread.h>
#include <sched.h>

#include "dataplane/base/ledger.h"
#include "tests/tap.h"

enum { OCTETS = LEDGER_OCTETS_MIN, ROUNDS = 20000, TOGETHER = 3000 };

static alignas(64) uint8_t memory[sizeof(struct ledger_head) + OCTETS], copy[sizeof(memory)];
static uint8_t room[LEDGER_ENTRY_MAX];
static uint64_t random_state = 88172645463325252;

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static struct ledger made(void)
{
	struct ledger l;

	memset(memory, 0, sizeof(memory));
	ledger_make(&l, memory, OCTETS, 7);
	return l;
}

/* Entry @i: its number, then octets that follow from it. */
static bool put(struct ledger *l, uint32_t i)
{
	static uint8_t octets[LEDGER_ENTRY_MAX];
	size_t n = i * 7919U % 2000;

	memset(octets, (int)i, n);
	const struct span parts[] = { span_of(&i, sizeof(i)), span_of(octets, n / 3), SPAN(""),
				      span_of(octets + n / 3, n - n / 3) };
	return ledger_put(l, parts, 4);
}

static bool is_entry(uint32_t i, size_t len)
{
	size_t n = i * 7919U % 2000;
	bool good = len == sizeof(i) + n && memcmp(room, &i, sizeof(i)) == 0;

	for (size_t j = 0; good && j < n; j++)
		good = room[sizeof(i) + j] == (uint8_t)i;
	return good;
}

/* The reader undoes what it read, the process ends and begins: what was not released comes again, all of it and in order. */
static void as_a_list(void)
{
	struct ledger l = made();
	uint32_t n_put = 0, n_read = 0, n_kept = 0;
	unsigned n_full = 0;
	bool good = true;
	size_t len;

	for (int i = 0; i < ROUNDS && good; i++) {
		switch (draw() % 8) {
		case 0:
		case 1:
		case 2:
			if (put(&l, n_put))
				n_put++;
			else
				n_full++;
			break;
		case 3:
		case 4:
			if (ledger_next(&l, room, &len) == LEDGER_ENTRY)
				good = is_entry(n_read++, len);
			else
				good = n_read == n_put;
			break;
		case 5:
			ledger_release(&l, ledger_at(&l));
			n_kept = n_read;
			break;
		case 6:
			good = ledger_seek(&l, 0); /* before the head is at the head */
			n_read = n_kept;
			break;
		case 7:
			memset(&l, 0, sizeof(l));
			good = ledger_join(&l, memory, sizeof(memory));
			n_read = n_kept;
			break;
		}
		good = good && ledger_is_read(&l) == (n_read == n_put);
	}
	ok(good && n_put > 1000 && n_full > 100, "as a list would: %u entries, full %u times", n_put, n_full);
	ok(atomic_load(&l.shared->n_refused) == n_full, "and what found no room is counted");
}

static void places(void)
{
	struct ledger l = made();
	size_t len;

	for (uint32_t i = 0; i < 3; i++)
		CHECK(put(&l, i));
	CHECK(ledger_next(&l, room, &len) == LEDGER_ENTRY);
	uint64_t at = ledger_at(&l);
	CHECK(ledger_join(&l, memory, sizeof(memory)) && ledger_seek(&l, at));
	ok(ledger_next(&l, room, &len) == LEDGER_ENTRY && is_entry(1, len),
	   "a place that was kept elsewhere goes before the head that the memory has");
	ok(!ledger_seek(&l, OCTETS), "memory that is older than what was kept is known as that");
}

/* Any octet that is another: nothing wrong is given out, nothing is read beyond the end, and what comes later is read. */
static void damaged(void)
{
	struct ledger l = made();
	unsigned n_wrong = 0, n_noted = 0;
	size_t len, n;

	for (uint32_t i = 0; i < 3; i++)
		CHECK(put(&l, i));
	n = atomic_load(&l.shared->tail);
	memcpy(copy, memory, sizeof(struct ledger_head) + n);
	for (size_t at = 0; at < n; at++) {
		enum ledger_read r;
		uint32_t i = 0;

		memcpy(memory, copy, sizeof(struct ledger_head) + n);
		memory[sizeof(struct ledger_head) + at] ^= (uint8_t)(1 + at % 255);
		CHECK(ledger_join(&l, memory, sizeof(memory)));
		while ((r = ledger_next(&l, room, &len)) == LEDGER_ENTRY)
			n_wrong += !is_entry(i++, len);
		n_noted += r == LEDGER_DAMAGED;
		n_wrong += r == LEDGER_DAMAGED && (!put(&l, 9) || ledger_next(&l, room, &len) != LEDGER_ENTRY);
	}
	/* What fills an entry to eight octets is no part of it. */
	ok(n_wrong == 0 && n_noted > n - 3 * 8, "an octet that changed is found: %u of %zu", n_noted, n);

	static const size_t fields[] = { offsetof(struct ledger_head, magic), offsetof(struct ledger_head, octets),
					 offsetof(struct ledger_head, head) + 3,
					 offsetof(struct ledger_head, tail) + 3 };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		memcpy(memory, copy, sizeof(struct ledger_head));
		memory[fields[i]] ^= 1;
		ok(!ledger_join(&l, memory, sizeof(memory)), "nor is memory joined whose head is damaged");
	}
	memcpy(memory, copy, sizeof(struct ledger_head));
	ok(!ledger_join(&l, memory, sizeof(memory) - 1), "or that is too small");
}

static void *write_all(void *arg)
{
	struct ledger *l = arg;

	for (uint32_t i = 0; i < TOGETHER; i++)
		while (!put(l, i))
			sched_yield();
	return NULL;
}

static void two_threads(void)
{
	struct ledger l = made(), writer = l;
	uint32_t n = 0;
	bool good = true;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, write_all, &writer) == 0);
	while (n < TOGETHER && good) {
		size_t len;
		enum ledger_read r = ledger_next(&l, room, &len);

		good = r == LEDGER_EMPTY || (r == LEDGER_ENTRY && is_entry(n++, len));
		ledger_release(&l, ledger_at(&l));
	}
	CHECK(good && pthread_join(thread, NULL) == 0);
	ok(n == TOGETHER, "a writer and a reader at the same time");
}

int main(void)
{
	as_a_list();
	places();
	damaged();
	two_threads();
	return done();
}
