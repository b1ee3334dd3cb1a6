// SPDX-License-Identifier: MIT
/*
 * test_tcp_rack.c - loss by time, probes of the tail, and losses that were none (RFC 8985, 3522, 3708)
 */
#include "tests/unit/net/tcp_script.h"

/* 100 ms away, without and with timestamps; ten segments */
#define SACK_100MS                                                                                                     \
	"listen", "in S 0 mss 1460 sackok", "out S. 0 ack 1 mss 1460", "time +100", "in . 1 ack 1", "event ACCEPTED",  \
		"quiet"
#define STAMPS_100MS                                                                                                   \
	"set mss4 1472", "listen", "in S 0 mss 1472 sackok ts 0", "out S. 0 ack 1", "time +100", "in . 1 ack 1",       \
		"event ACCEPTED", "quiet"

static const struct script scripts[] = {
	{ "one segment that arrived behind it, and a quarter of the RTT: lost (RFC 8985 6.2)",
	  { SACK_100MS, SEND_TEN, "time +100", "in . 1 ack 1 sack 1461-2921", "quiet", "time +23", "quiet", "time +4",
	    "out . 1+1460 ack 1", "quiet", "stat tcp_fast_retransmits 1", "stat tcp_rtos 0" } },
	{ "if it comes meanwhile nothing is sent again, and nothing slows down",
	  { SACK_100MS, SEND_TEN, "time +100", "in . 1 ack 1 sack 1461-2921", "time +10", "in . 1 ack 2921", "time +30",
	    "quiet", "stat tcp_fast_retransmits 0", "stat tcp_retransmits 0" } },
	{ "a path that was seen to reorder: three segments behind it are no proof any more",
	  { SACK_100MS, SEND_TEN, "time +100", "in . 1 ack 1 sack 1461-2921", "time +10", "in . 1 ack 2921",
	    "in . 1 ack 2921 sack 4381-10221", "quiet", "time +20", "quiet", "time +8", "out . 2921+1460 ack 1",
	    "stat tcp_fast_retransmits 1" } },
	{ "what was sent again and lost again is noticed without the timer",
	  { SACK_100MS, SEND_TEN, "send 29200", "quiet", "time +100", "in . 1 ack 1 sack 1461-5841",
	    "out . 1+1460 ack 1", "quiet", "time +99", "in . 1 ack 1 sack 1461-7301", "out . 14601+1460 ack 1", "quiet",
	    "time +101", "in . 1 ack 1 sack 1461-7301,14601-16061", "out . 1+1460 ack 1", "stat tcp_rtos 0" } },
	{ "nothing came back for two RTTs: the last segment once more (RFC 8985 7)",
	  { SACK_100MS, SEND_TEN, "time +198", "quiet", "time +4", "out P. 13141+1460 ack 1", "quiet",
	    "stat tcp_tail_probes 1", "time +100", "in . 1 ack 11681 sack 13141-14601", "out . 11681+1460 ack 1",
	    "quiet", "in . 1 ack 14601", "quiet", "stat tcp_rtos 0" } },
	{ "an answer too early to be that of the probe says nothing of when the rest was sent",
	  { SACK_100MS, SEND_TEN, "time +202", "out P. 13141+1460 ack 1", "time +50",
	    "in . 1 ack 11681 sack 13141-14601", "quiet", "time +60", "quiet" } },
	{ "or a new one, if there is one",
	  { SACK_100MS, SEND_TEN, "send 1460", "quiet", "time +202", "out P. 14601+1460 ack 1", "quiet" } },
	{ "a single probe; then the timer",
	  { SACK_100MS, SEND_TEN, "time +202", "out P. 13141+1460 ack 1", "time +202", "quiet", "time +150",
	    "out . 1+1460 ack 1", "stat tcp_tail_probes 1", "stat tcp_rtos 1" } },
	{ "the probe moves with each segment sent",
	  { SACK_100MS, "send 2920", "out . 1+1460 ack 1", "out P. 1461+1460 ack 1", "time +150", "send 100",
	    "out P. 2921+100 ack 1", "time +150", "quiet", "time +52", "out P. 1561+1460 ack 1" } },
	{ "a lost tail that the probe replaced is a loss (RFC 8985 7.4.2)",
	  { SACK_100MS,
	    SEND_TEN,
	    "time +202",
	    "out P. 13141+1460 ack 1",
	    "time +100",
	    "in . 1 ack 14601",
	    "send 14600",
	    "out . 14601+1460 ack 1",
	    "out . 16061+1460 ack 1",
	    "out . 17521+1460 ack 1",
	    "out . 18981+1460 ack 1",
	    "out . 20441+1460 ack 1",
	    "out . 21901+1460 ack 1",
	    "out . 23361+1460 ack 1",
	    "out . 24821+1460 ack 1",
	    "out . 26281+1460 ack 1",
	    "out P. 27741+1460 ack 1",
	    "send 29200",
	    "in . 1 ack 17521",
	    "quiet",
	    "in . 1 ack 21901",
	    "quiet",
	    "in . 1 ack 23361",
	    "out . 29201+1460 ack 1",
	    "quiet" } },
	{ "stamps tell that a segment was only late (RFC 3522)",
	  { STAMPS_100MS, SEND_TEN, "time +100", "in . 1 ack 1 ts 100 sack 1461-5841", "out . 1+1460 ack 1 ts 200",
	    "quiet", "time +10", "in . 1 ack 14601 ts 110 ecr 100", "stat tcp_undone 1", "quiet" } },
	{ "likewise while more is in flight: the window comes back",
	  { STAMPS_100MS, SEND_TEN, "send 29200", "quiet", "time +100", "in . 1 ack 1 ts 100 sack 1461-5841",
	    "out . 1+1460 ack 1 ts 200", "quiet", "time +10", "in . 1 ack 5841 ts 110 ecr 100", "stat tcp_undone 1",
	    "out . 14601+1460 ack 1", "out . 16061+1460 ack 1", "out . 17521+1460 ack 1", "out . 18981+1460 ack 1" } },
	{ "stamps tell that the second sending was needed",
	  { STAMPS_100MS, SEND_TEN, "send 29200", "quiet", "time +100", "in . 1 ack 1 ts 100 sack 1461-5841",
	    "out . 1+1460 ack 1 ts 200", "quiet", "time +100", "in . 1 ack 5841 ts 200 ecr 200",
	    "stat tcp_undone 0" } },
	{ "a timeout for nothing: stamps tell, and what was not lost is not sent again",
	  { STAMPS_100MS, SEND_TEN, "time +202", "out P. 13141+1460 ack 1", "time +400", "out . 1+1460 ack 1 ts 702",
	    "stat tcp_rtos 1", "time +5", "in . 1 ack 1461 ts 600 ecr 100", "stat tcp_undone 1", "quiet",
	    "in . 1 ack 14601 ts 600 ecr 100", "quiet", "stat tcp_retransmits 2" } },
	{ "without stamps a DSACK tells (RFC 3708)",
	  { SACK_100MS, SEND_TEN, "send 29200", "quiet", "time +100", "in . 1 ack 1 sack 1461-5841",
	    "out . 1+1460 ack 1", "quiet", "time +10", "in . 1 ack 5841", "out . 14601+1460 ack 1", "time +90",
	    "in . 1 ack 5841 sack 1-1461", "stat tcp_undone 1", "stat tcp_dsacks 1" } },
	{ "a DSACK of what was not sent again undoes nothing",
	  { SACK_100MS, SEND_TEN, "in . 1 ack 2921", "in . 1 ack 2921 sack 1-1461", "stat tcp_undone 0",
	    "stat tcp_dsacks 1", "quiet" } },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	return done();
}
