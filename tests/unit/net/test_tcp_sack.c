// SPDX-License-Identifier: MIT
/*
 * test_tcp_sack.c - what a peer's SACK blocks lead to: RFC 6675 and 9937, and peers that lie
 */
#include "dataplane/net/tcp_score.h"
#include "tests/unit/net/tcp_script.h"

/* the same, 100 ms away */
#define SCRIPT_ACCEPT_100MS                                                                                            \
	"listen", "in S 0 mss 1460 sackok", "out S. 0 ack 1 mss 1460", "time +100", "in . 1 ack 1", "event ACCEPTED",  \
		"quiet"

static const struct script scripts[] = {
	{ "three segments that arrived behind it show that one is lost (RFC 6675 4)",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 1461-2921", "quiet", "in . 1 ack 1 sack 1461-4381",
	    "quiet", "in . 1 ack 1 sack 1461-5841", "out . 1+1460 ack 1", "quiet", "stat tcp_fast_retransmits 1",
	    "in . 1 ack 14601", "quiet", "stat tcp_rtos 0" } },
	{ "so does one ACK alone that tells of three",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 1461-5841", "out . 1+1460 ack 1", "quiet" } },
	{ "three runs, however short",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 3000-3001,5000-5001,7000-7001", "out . 1+1460 ack 1" } },
	{ "duplicates without blocks say nothing to a sender that has SACK",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1", "in . 1 ack 1", "in . 1 ack 1", "in . 1 ack 1", "quiet",
	    "stat tcp_fast_retransmits 0" } },
	{ "new octets for what arrived (limited transmit, RFC 3042)",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "send 14600", "quiet", "in . 1 ack 1 sack 1461-2921",
	    "out . 14601+1460 ack 1", "quiet", "in . 1 ack 1 sack 1461-4381", "out . 16061+1460 ack 1", "quiet" } },
	{ "two holes are filled in one round trip, in order",
	  { "set congestion 1", SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 1461-2921",
	    "in . 1 ack 1 sack 4381-5841,1461-2921", "in . 1 ack 1 sack 4381-7301,1461-2921", "out . 1+1460 ack 1",
	    "quiet", "in . 1 ack 1 sack 4381-8761,1461-2921", "quiet", "in . 1 ack 2921 sack 4381-8761",
	    "out . 2921+1460 ack 1", "quiet", "in . 1 ack 14601", "quiet", "stat tcp_rtos 0",
	    "stat tcp_retransmits 2" } },
	{ "in recovery one segment goes out for two that arrive, then cwnd is ssthresh (RFC 9937)",
	  { "set congestion 1",
	    SCRIPT_ACCEPT_SACK,
	    SEND_TEN,
	    "send 14600",
	    "in . 1 ack 1 sack 1461-5841",
	    "out . 1+1460 ack 1",
	    "quiet",
	    "in . 1 ack 1 sack 1461-7301",
	    "out . 14601+1460 ack 1",
	    "quiet",
	    "in . 1 ack 1 sack 1461-8761",
	    "quiet",
	    "in . 1 ack 1 sack 1461-10221",
	    "quiet",
	    "in . 1 ack 1 sack 1461-11681",
	    "out . 16061+1460 ack 1",
	    "quiet",
	    "in . 1 ack 1 sack 1461-14601",
	    "out . 17521+1460 ack 1",
	    "out . 18981+1460 ack 1",
	    "quiet",
	    "in . 1 ack 14601",
	    "out . 20441+1460 ack 1",
	    "quiet" } },
	{ "CUBIC keeps seven tenths of the window (RFC 9438 4.6)",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 1461-5841", "out . 1+1460 ack 1", "in . 1 ack 14601",
	    "send 14600", "out . 14601+1460 ack 1", "out . 16061+1460 ack 1", "out . 17521+1460 ack 1",
	    "out . 18981+1460 ack 1", "out . 20441+1460 ack 1", "out . 21901+1460 ack 1", "out . 23361+1460 ack 1",
	    "quiet" } },
	{ "seven tenths of what was in use, not of what a burst of ACKs has left of it",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 4381", "in . 1 ack 4381 sack 5841-10221", "out . 4381+1460 ack 1",
	    "in . 1 ack 14601", "send 14600", "out . 14601+1460 ack 1", "out . 16061+1460 ack 1",
	    "out . 17521+1460 ack 1", "out . 18981+1460 ack 1", "out . 20441+1460 ack 1", "out . 21901+1460 ack 1",
	    "out . 23361+1460 ack 1", "quiet" } },
	{ "a timeout in recovery: seven tenths of ssthresh, not of what PRR left of cwnd; and slow start ends there",
	  { SCRIPT_ACCEPT_100MS, SEND_TEN, "time +100", "in . 1 ack 1 sack 1461-5841", "out . 1+1460 ack 1", "quiet",
	    "time +302", "out . 1+1460 ack 1", "quiet", "in . 1 ack 14601", "send 14600", "out . 14601+1460 ack 1",
	    "out . 16061+1460 ack 1", "out . 17521+1460 ack 1", "out . 18981+1460 ack 1", "quiet" } },
	{ "NewReno keeps half of it",
	  { "set congestion 1", SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 1461-5841", "out . 1+1460 ack 1",
	    "in . 1 ack 14601", "send 14600", "out . 14601+1460 ack 1", "out . 16061+1460 ack 1",
	    "out . 17521+1460 ack 1", "out . 18981+1460 ack 1", "out . 20441+1460 ack 1", "quiet" } },
	{ "a timeout sends again what did not arrive, and nothing else",
	  { SCRIPT_ACCEPT_100MS,
	    SEND_TEN,
	    "time +100",
	    "in . 1 ack 1 sack 5841-7301,8761-10221",
	    "quiet",
	    "time +30",
	    "out . 1+1460 ack 1",
	    "quiet",
	    "time +500",
	    "out . 1+1460 ack 1",
	    "quiet",
	    "stat tcp_rtos 1",
	    "in . 1 ack 1461 sack 5841-7301,8761-10221",
	    "out . 1461+1460 ack 1",
	    "out . 2921+1460 ack 1",
	    "quiet",
	    "in . 1 ack 4381 sack 5841-7301,8761-10221",
	    "out . 4381+1460 ack 1",
	    "out . 7301+1460 ack 1",
	    "out . 10221+1460 ack 1",
	    "quiet",
	    "in . 1 ack 11681",
	    "out . 11681+1460 ack 1",
	    "out P. 13141+1460 ack 1",
	    "in . 1 ack 14601",
	    "quiet",
	    "stat tcp_rtos 1" } },
	{ "what was sent before a timeout starts no fast retransmit (RFC 6675 5.1)",
	  { SCRIPT_ACCEPT_100MS, SEND_TEN, "time +202", "out P. 13141+1460 ack 1", "time +400", "out . 1+1460 ack 1",
	    "in . 1 ack 1 sack 1461-8761", "quiet", "stat tcp_fast_retransmits 0", "stat tcp_rtos 1" } },
	{ "a peer that takes back what it had is sent it again (RFC 2018 8)",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 1461-5841", "out . 1+1460 ack 1", "in . 1 ack 1461",
	    "quiet", "time +202", "out . 1461+1460 ack 1", "quiet", "in . 1 ack 2921", "out . 2921+1460 ack 1",
	    "out . 4381+1460 ack 1" } },
	{ "blocks of what was never sent, of what is acknowledged, upside down or empty are nothing (RFC 2018 5)",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1461", "in . 1 ack 1461 sack 14601-20000",
	    "in . 1 ack 1461 sack 7301-30000", "in . 1 ack 1461 sack 1-1461", "in . 1 ack 1461 sack 8761-2921",
	    "in . 1 ack 1461 sack 5000-5000", "in . 1 ack 1461 sack 1461-14601", "in . 1 ack 1461 sack 100-14601",
	    "quiet", "stat tcp_dup_acks 0", "stat tcp_fast_retransmits 0" } },
	{ "an ACK cut into pieces opens cwnd no further than a whole one (RFC 3465)",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "send 29200", "quiet", "in . 1 ack 2", "in . 1 ack 3", "in . 1 ack 4",
	    "in . 1 ack 5", "in . 1 ack 6", "in . 1 ack 7", "quiet", "in . 1 ack 1461", "out . 14601+1460 ack 1",
	    "out . 16061+1460 ack 1", "quiet" } },
	{ "an ACK of what is not sent yet opens nothing",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "send 29200", "in . 1 ack 20000", "out . 14601 ack 1", "quiet" } },
	{ "a lost FIN is sent again like an octet",
	  { SCRIPT_ACCEPT_SACK, "send 4380", "close", "out . 1+1460 ack 1", "out . 1461+1460 ack 1",
	    "out FP. 2921+1460 ack 1", "in . 1 ack 1461", "time +15", "out FP. 2921+1460 ack 1", "time +210",
	    "out . 1461+1460 ack 1", "quiet", "in . 1 ack 2921", "out FP. 2921+1460 ack 1", "in . 1 ack 4382",
	    "state FIN-WAIT-2" } },
	{ "a FIN alone at the end of a burst is probed for",
	  { SCRIPT_ACCEPT_100MS, "send 2920", "out . 1+1460 ack 1", "out P. 1461+1460 ack 1", "close",
	    "out F. 2921 ack 1", "time +205", "out FP. 1461+1460 ack 1", "in . 1 ack 2922", "state FIN-WAIT-2" } },
	{ "a window that closes in recovery: the probe, and then from the start",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 win 0 sack 1461-5841", "quiet", "time +202", "out . 1+1 ack 1",
	    "in . 1 ack 2 win 0", "time +402", "out . 2+1 ack 1", "in . 1 ack 2 win 65535", "out . 2+1460 ack 1" } },
	{ "ICMP too-big with blocks known: all again, smaller",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 1461-2921", "toobig 1 1000", "out . 1+960 ack 1",
	    "out . 961+960 ack 1" } },
};

/* --- the scoreboard beside a twin that keeps one flag for each octet ---------------------------- */

enum { OCTETS = 4000 };

static struct tcp t;
static struct tcp_conn c;
static uint8_t twin[OCTETS]; /* SENT_... */
static uint32_t una, max;    /* as indices of it */
static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

static void change(uint32_t base, uint64_t now_us)
{
	uint32_t from = una + 1 + draw(max - una), to = from + 1 + draw(200);

	switch (draw(8)) {
	case 0:
	case 1:
		to = max + 1 + draw(100);
		to = to < OCTETS ? to : OCTETS;
		if (to > max) {
			tcp_score_sent(&t, &c, base + max, base + to, now_us);
			c.snd_max = c.snd_nxt = base + to;
			memset(twin + max, 0, to - max);
			max = to;
		}
		break;
	case 2:
		to = una + draw(300);
		if (to < max) {
			tcp_score_acked(&c, base + to);
			c.snd_una = base + to;
			una = to;
		}
		break;
	case 3:
		if (draw(20) == 0) {
			bool taken_back = twin[una] & SENT_SACKED;

			tcp_score_all_lost(&c, false);
			for (uint32_t i = una; i < max; i++)
				if (taken_back || !(twin[i] & SENT_SACKED))
					twin[i] = (twin[i] & SENT_AGAIN) | SENT_LOST;
		}
		break;
	case 4: {
		uint32_t seq, len;

		if (!tcp_score_next_lost(&c, &seq, &len))
			break;
		len = len < 60 ? len : 60;
		tcp_score_sent(&t, &c, seq, seq + len, now_us);
		memset(twin + (seq - base), SENT_AGAIN, len);
		break;
	}
	default:
		if (to > max)
			break;
		tcp_score_sacked(&c, base + from, base + to);
		memset(twin + from, SENT_SACKED, to - from);
		break;
	}
}

static const char *history(uint64_t seed)
{
	uint32_t base = 0u - 2000;

	random_state = seed;
	una = 0;
	max = 100;
	memset(twin, 0, sizeof(twin));
	c = (struct tcp_conn){
		.snd_una = base, .snd_nxt = base + max, .snd_max = base + max, .mss = 60, .srtt_us = 64000
	};
	tcp_score_open(&t, &c, 0);
	for (uint64_t step = 0; una + 1 < OCTETS - 200 && step < 3000 && c.score; step++) {
		uint32_t n_sacked = 0, n_lost = 0;

		change(base, step * 400);
		if (!c.score)
			return "the scoreboard was given up";
		tcp_score_check(&c);
		for (uint32_t i = una; i < max; i++) {
			n_sacked += (twin[i] & SENT_SACKED) != 0;
			n_lost += (twin[i] & SENT_LOST) != 0;
		}
		if (n_sacked != tcp_score(&c)->n_sacked || n_lost != tcp_score(&c)->n_lost)
			return "the sums differ";
	}
	tcp_score_close(&t, &c);
	return t.blocks.pool.n_used ? "a block leaked" : NULL;
}

/* One octet in two, over more octets than the table has ranges. */
static void crumbs(void)
{
	c = (struct tcp_conn){ .snd_una = 0, .snd_nxt = 60000, .snd_max = 60000, .mss = 60 };
	tcp_score_open(&t, &c, 0);
	for (uint32_t i = 1; i < 60000; i += 2)
		tcp_score_sacked(&c, i, i + 1);
	tcp_score_mark_lost(&c);
	tcp_score_check(&c);
	for (uint32_t n = 0, seq, len; tcp_score_next_lost(&c, &seq, &len); n++) {
		CHECK(n < 60000);
		tcp_score_sent(&t, &c, seq, seq + (len < 60 ? len : 60), 0);
		tcp_score_check(&c);
	}
	for (uint32_t i = 0; i < 500 && c.score; i++) {
		tcp_score_sent(&t, &c, c.snd_max, c.snd_max + 60, i * 100000);
		c.snd_max = c.snd_nxt = c.snd_max + 60;
		tcp_score_sacked(&c, c.snd_max - 20, c.snd_max);
		tcp_score_check(&c);
	}
	ok(c.score && tcp_score(&c)->n <= TCP_SENT_MAX, "blocks of one octet fill the table and no more");
	tcp_score_close(&t, &c);
}

int main(void)
{
	enum { BLOCKS = 4 };
	void *memory = aligned_alloc(64, pool_memory(BLOCKS, TCP_BLOCK));

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	pool_init(&t.blocks.pool, memory, BLOCKS, TCP_BLOCK);
	for (uint64_t seed = 1; seed <= 60; seed++) {
		const char *wrong = history(seed);

		ok(!wrong, "seed %" PRIu64 ": the scoreboard agrees with its twin%s%s", seed, wrong ? ": " : "",
		   wrong ? wrong : "");
	}
	crumbs();
	free(memory);
	return done();
}
