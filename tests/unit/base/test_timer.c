// SPDX-License-Identifier: MIT
/*
 * test_timer.c - the wheel beside a list of deadlines that is searched from end to end
 */
#include "dataplane/base/timer.h"
#include "tests/tap.h"

enum { N = 200, ROUNDS = 60000 };

static uint64_t random_state;

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static struct timer timers[N];
static uint64_t twin_at_us[N]; /* 0: off */

static uint64_t rounded(uint64_t at_us)
{
	return (at_us + TIMER_TICK_US - 1) / TIMER_TICK_US * TIMER_TICK_US;
}

static uint64_t twin_first(void)
{
	uint64_t first = TIMER_NEVER;

	for (int i = 0; i < N; i++)
		if (twin_at_us[i] && rounded(twin_at_us[i]) < first)
			first = rounded(twin_at_us[i]);
	return first;
}

/* Runs one random history; returns what went wrong, or NULL. */
static const char *history(uint64_t seed, uint64_t now_us)
{
	static struct timer_wheel w;

	random_state = seed * 0x9e3779b97f4a7c15u + 1;
	memset(timers, 0, sizeof(timers));
	memset(twin_at_us, 0, sizeof(twin_at_us));
	timer_wheel_init(&w, now_us);
	for (int round = 0; round < ROUNDS; round++) {
		size_t i = draw() % N;

		if (draw() % 4) {
			uint64_t reach = 1ull << (draw() % 45);

			twin_at_us[i] = now_us + draw() % reach + 1 - (now_us > 5000 && draw() % 8 == 0 ? 3000 : 0);
			timer_arm(&w, &timers[i], twin_at_us[i]);
		} else {
			twin_at_us[i] = 0;
			timer_cancel(&w, &timers[i]);
		}
		if (draw() % 3)
			continue;
		/* Time moves a little, a lot, or just to where the wheel wants to be called. */
		uint64_t deadline_us = timer_deadline_us(&w);
		if (deadline_us > twin_first() && twin_first() > now_us)
			return "the deadline lies behind the first timer";
		if (draw() % 2 && deadline_us != TIMER_NEVER && deadline_us > now_us)
			now_us = deadline_us;
		else
			now_us += draw() % (1ull << (draw() % 40));
		for (struct timer *t; (t = timer_due(&w, now_us));) {
			size_t k = (size_t)(t - timers);

			if (timer_armed(t) || !twin_at_us[k])
				return "a timer that is off fired";
			if (rounded(twin_at_us[k]) > now_us)
				return "a timer fired early";
			twin_at_us[k] = 0;
		}
		if (twin_first() <= now_us)
			return "a timer did not fire";
	}
	return NULL;
}

int main(void)
{
	static struct timer_wheel w;
	struct timer t = { 0 }, u = { 0 };

	for (uint64_t seed = 1; seed <= 8; seed++) {
		const char *wrong = history(seed, seed % 2 ? 0 : seed << 40);

		ok(!wrong, "seed %" PRIu64 ": the wheel agrees with its twin%s%s", seed, wrong ? ": " : "",
		   wrong ? wrong : "");
	}
	timer_wheel_init(&w, 0);
	ok(timer_deadline_us(&w) == TIMER_NEVER, "no deadline when nothing is armed");
	timer_arm(&w, &t, 5000);
	ok(timer_deadline_us(&w) == 5120, "the deadline is rounded up to a tick");
	ok(!timer_due(&w, 5119) && timer_due(&w, 5120) == &t, "a timer fires at its tick, not before");
	timer_arm(&w, &t, 1000);
	ok(timer_due(&w, 6000) == &t, "a timer armed for the past fires at once");
	timer_arm(&w, &t, 1ull << 62);
	timer_arm(&w, &u, 1ull << 50);
	ok(timer_due(&w, 1ull << 61) == &u && !timer_due(&w, 1ull << 61), "timers centuries away keep their order");
	timer_cancel(&w, &t);
	timer_cancel(&w, &t);
	ok(!timer_armed(&t) && timer_deadline_us(&w) == TIMER_NEVER, "cancelling twice is harmless");
	return done();
}
