// SPDX-License-Identifier: MIT
/*
 * test_shard_soak.c - random callers, next hops, DNS and networks, by seed
 *
 * Every caller numbers its messages.  Whatever happens: a 250 to message N means that the next hop stored N before,
 * no message has two replies, and at the end every pool has all its objects again.
 *
 *     test_shard_soak [FIRST LAST]      the seeds; one that fails is named
 */
#include "tests/unit/shard/shard_world.h"

enum { N_CALLERS = 10, N_STEPS = 60 };

static uint64_t dice_state;

static uint32_t dice(uint32_t n)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % n;
}

static unsigned loss_permille;

static unsigned loses(void)
{
	return dice(1000) < loss_permille;
}

/* A caller with its dialogue written out beforehand, sent in pieces of any size. */
struct talker {
	struct caller *c;
	struct octets script;
	size_t at, n_replies_seen;
	unsigned first, n; /* its messages */
};

static unsigned n_messages;

static void write_message(struct octets *o, unsigned number)
{
	static const char *const domains[] = { "good.example", "good.example", "mild.example", "fails.example",
					       "unknown.example" };
	char text[256];
	const char *domain = domains[dice(5)];

	snprintf(text, sizeof(text), "MAIL FROM:<a@%s>\r\nRCPT TO:<user@inside.example>\r\n", domain);
	octets_add(o, span_str(text));
	if (dice(10) == 0)
		octets_add(o, SPAN("RSET\r\nNOOP\r\nMAIL FROM:<>\r\nRCPT TO:<user@inside.example>\r\n"));
	snprintf(text, sizeof(text), "DATA\r\n\1From: <a@%s>\r\nSubject: number %u.\r\n", domain, number);
	octets_add(o, span_str(text));
	if (dice(15) == 0)
		for (int i = 0; i < 400; i++)
			octets_add(o, SPAN("X-Filler: forty-nine octets of no importance to us\r\n"));
	octets_add(o, SPAN("\r\n"));
	for (uint32_t i = dice(4) ? dice(20) : dice(6000); i; i--)
		octets_add(o, dice(9) ? SPAN("A line of a body, which may be long.\r\n") : SPAN("..\r\n"));
	octets_add(o, dice(30) ? SPAN(".\r\n\2") : SPAN(".\n\2"));
}

/* \1 in the script: 354 must come first; \2: some reply must. */
static void talker_begin(struct talker *t)
{
	memset(t, 0, sizeof(*t));
	t->c = caller_begin(dice(4) ? "192.0.2.10" : "192.0.2.66");
	octets_add(&t->script, SPAN("EHLO mail.good.example\r\n"));
	t->first = n_messages;
	t->n = 1 + dice(4);
	for (unsigned i = 0; i < t->n; i++)
		write_message(&t->script, n_messages++);
	octets_add(&t->script, SPAN("QUIT\r\n"));
}

/* Whether a line that begins with @prefix came since the last one that was found. */
static bool replied(struct talker *t, const char *prefix)
{
	for (size_t i = t->n_replies_seen; i < t->c->got.len; i++) {
		const char *at = t->c->got.at + i;

		if ((i == 0 || at[-1] == '\n') && strncmp(at, prefix, strlen(prefix)) == 0) {
			t->n_replies_seen = i + 1;
			return true;
		}
	}
	return false;
}

static void talker_step(struct talker *t)
{
	if (!t->c->conn || t->c->closing)
		return;
	for (uint32_t n = 1 + (dice(3) ? dice(40) : dice(8000)); n && t->at < t->script.len; n--) {
		char o = t->script.at[t->at];

		if ((o == '\1' && !replied(t, "354")) || (o == '\2' && !replied(t, "")))
			break;
		if (o != '\1' && o != '\2')
			mutter(t->c, span_of(&o, 1));
		t->at++;
	}
	switch (dice(200)) {
	case 0:
		reset(t->c);
		break;
	case 1:
		t->c->closing = true;
		caller_flush(t->c);
		break;
	case 2:
		t->c->deaf = true;
		break;
	default:
		break;
	}
}

static unsigned n_times_stored(unsigned number)
{
	char text[64];
	unsigned n = 0;

	snprintf(text, sizeof(text), "\r\nSubject: number %u.\r\n", number);
	for (size_t i = 0; i < world.n_stored; i++)
		n += strstr(world.stored[i], text) != NULL;
	return n;
}

/* "250 2.0.0 Stored as N" names what was stored; it must be this caller's, and each one once. */
static bool replies_are_true(const struct talker *t)
{
	for (const char *at = t->c->got.at; (at = strstr(at, "Stored as ")); at++) {
		size_t n = strtoul(at + 10, NULL, 10);
		const char *subject = n && n <= world.n_stored ? strstr(world.stored[n - 1], "number ") : NULL;

		if (!subject)
			return false;
		unsigned number = (unsigned)strtoul(subject + 7, NULL, 10);
		if (number < t->first || number >= t->first + t->n || n_times_stored(number) != 1)
			return false;
	}
	return true;
}

static void random_hop(void)
{
	world.hop.phase = dice(3) ? NOWHERE : (enum phase)dice(STORED + 1);
	world.hop.how = (enum how)dice(FAIL_DEAF + 1);
	world.hop.from_message = dice(3);
	if (dice(3) == 0) /* connections that were silent speak again, or end */
		for (size_t i = 0; i < world.n_sinks; i++)
			if (world.sinks[i]->conn && (world.sinks[i]->silent || world.sinks[i]->deaf)) {
				tcp_abort(world.tcp, world.sinks[i]->conn, world.now_us);
				sink_over(world.sinks[i]);
			}
}

static void random_settings(void)
{
	struct settings *s = &world.settings;

	world_settings();
	s->limits_sessions_max = 2 + dice(12);
	s->limits_transactions_max = 1 + dice(8);
	s->relay_connections_max = 1 + dice(4);
	s->relay_waiting_max = 1 + dice(6);
	s->relay_wait_ms = 100 + dice(20000);
	s->relay_idle_s = 1 + dice(60);
	s->limits_tcp_blocks = 64 + dice(200);
	s->smtp_command_timeout_s = 1 + dice(300);
}

static bool soak(uint64_t seed)
{
	static struct talker talkers[N_CALLERS];
	bool good = true;

	dice_state = seed * 977 + 1;
	n_messages = 0;
	random_settings();
	world_open();
	loss_permille = dice(3) ? 0 : dice(100);
	world.lose = loses;
	for (int i = 0; i < N_CALLERS; i++)
		talker_begin(&talkers[i]);
	for (int step = 0; step < N_STEPS; step++) {
		if (dice(8) == 0)
			random_hop();
		if (dice(10) == 0) {
			world.dns_withheld = !world.dns_withheld;
			if (!world.dns_withheld && dice(2))
				answer_held();
		}
		if (dice(60) == 0)
			tell_shard(dice(2) ? SHARD_DOWN_DRAIN : SHARD_DOWN_FLUSH);
		if (dice(30) == 0)
			tell_shard(SHARD_DOWN_RESUME);
		if (dice(30) == 0)
			tell_shard(SHARD_DOWN_SESSIONS);
		for (int i = 0; i < N_CALLERS; i++)
			if (dice(2))
				talker_step(&talkers[i]);
		pass(dice(4) ? dice(20000) : dice(30) ? dice(3000000) : dice(400000000));
		if (dice(4) == 0)
			tcp_check(world.shard->tcp);
	}
	tell_shard(SHARD_DOWN_RESUME);
	for (int i = 0; i < N_CALLERS; i++) {
		good &= replies_are_true(&talkers[i]);
		free(talkers[i].script.at);
	}
	if (!good)
		printf("# seed %ju: a 250 without its message\n", (uintmax_t)seed);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 2 ? strtoul(argv[1], NULL, 10) : 1, last = argc > 2 ? strtoul(argv[2], NULL, 10) : 300;
	unsigned n_bad = 0, n_stored = 0, n_said = 0, n_records = 0;

	for (uint64_t seed = first; seed <= last; seed++) {
		fprintf(stderr, "%s", argc > 2 ? "." : "");
		n_bad += !soak(seed);
		n_said += n_messages;
		n_stored += (unsigned)world.n_stored;
		n_records += (unsigned)world.n_records;
		char when[32];
		snprintf(when, sizeof(when), "seed %ju", (uintmax_t)seed);
		all_is_given_back(when);
	}
	ok(n_bad == 0, "every 250 has its one stored message");
	ok(n_stored > (last - first) && n_records > n_stored, "%u messages were written, %u stored, %u recorded",
	   n_said, n_stored, n_records);
	return done();
}
