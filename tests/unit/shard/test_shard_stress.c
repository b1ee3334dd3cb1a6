// SPDX-License-Identifier: MIT
/*
 * test_shard_stress.c - a worker that is nearly full grants less to each, and more again when it is not
 */
#include "tests/unit/shard/shard_world.h"

static const struct stats *stats(void)
{
	return shard_stats(world.shard);
}

static void begin(uint64_t percent)
{
	world_settings();
	world.settings.limits_sessions_max = world.settings.limits_busy_max = 20;
	world.settings.stress_percent = percent;
	world_open();
}

static struct shard_limit row(const char *name)
{
	struct shard_limit rows[SHARD_LIMITS_MAX];
	unsigned n = shard_limits(world.shard, rows);

	for (unsigned i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i];
	CHECK(false);
	return rows[0];
}

static void waits_are_shorter(void)
{
	struct caller *idle, *data, *c[14];

	begin(80);
	idle = greeted();
	data = greeted();
	say(data, ENVELOPE);
	say(data, "Subject: slow");
	pass(60 * SECOND);
	ok(!idle->peer_closed && !data->peer_closed, "those who are silent are waited for");
	for (unsigned i = 0; i < 13; i++)
		c[i] = caller_open("192.0.2.66");
	pass(2000);
	ok(!world.shard->stress.on && row("stress.percent").used == 75, "15 sessions of 20 are no stress");
	c[13] = caller_open("192.0.2.66");
	pass(2000);
	ok(world.shard->stress.on && stats()->shard_stress_begun == 1 && stats()->shard_stressed == 1, "16 are");
	pass(1000);
	is_last(idle, "421 4.4.2", "who has been silent for longer than stress.command_timeout_s has to go at once");
	is_last(data, "421 4.4.2", "and who has in a message, for longer than stress.data_timeout_s");
	ok(stats()->smtp_timeouts_stress == 2 && !c[0]->peer_closed, "counted; those who came just now may stay");
	ok(world.shard->stress.on, "14 are still stress");
	say(c[0], "QUIT\r\n");
	pass(2000);
	ok(!world.shard->stress.on && stats()->shard_stressed == 0, "13 are not any more");
	pass(20 * SECOND);
	ok(!c[1]->peer_closed, "then silence is waited for as ever");
	struct shard_limit limit = row("stress.percent");
	ok(limit.used == 65 && limit.most == 80 && limit.limit == 80 && limit.refused == 1, "show limits has it");
	all_is_given_back("waits");
}

static void errors_are_fewer(void)
{
	struct caller *c;

	begin(10);
	(void)caller_open("192.0.2.66");
	c = greeted();
	pass(2000);
	say(c, "WHAT\r\nWHAT\r\n");
	is_last(c, "500 5.5.1", "two errors");
	say(c, "WHAT\r\n");
	is_last(c, "421 4.7.0", "the third is one too many");
	all_is_given_back("errors");
}

static void never(void)
{
	struct caller *c;

	begin(0);
	for (unsigned i = 0; i < 19; i++)
		(void)caller_open("192.0.2.66");
	c = greeted();
	pass(60 * SECOND);
	ok(!world.shard->stress.on && !c->peer_closed, "with 0 there is no stress however full it is");
	all_is_given_back("never");
}

/* Messages count as well as sessions. */
static void by_messages(void)
{
	begin(50);
	for (unsigned i = 0; i < 4; i++)
		say(greeted(), "MAIL FROM:<a@good.example>\r\n");
	pass(2000);
	ok(world.shard->stress.on && row("stress.percent").used == 50, "4 transactions of 8");
	all_is_given_back("messages");
}

int main(void)
{
	waits_are_shorter();
	errors_are_fewer();
	by_messages();
	never();
	return done();
}
