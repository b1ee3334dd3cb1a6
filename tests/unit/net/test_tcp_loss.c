// SPDX-License-Identifier: MIT
/*
 * test_tcp_loss.c - lost segments: RFC 6298 timer, RFC 5681 and 6582 recovery
 */
#include "tests/unit/net/tcp_script.h"

#define SEND_TEN                                                                                                       \
	"send 14600", "out . 1+1460 ack 1", "out . 1461+1460 ack 1", "out . 2921+1460 ack 1", "out . 4381+1460 ack 1", \
		"out . 5841+1460 ack 1", "out . 7301+1460 ack 1", "out . 8761+1460 ack 1", "out . 10221+1460 ack 1",   \
		"out . 11681+1460 ack 1", "out P. 13141+1460 ack 1", "quiet"

static const struct script scripts[] = {
	{ "a lost segment is sent again after the RTO, at least 200 ms, then with backoff",
	  { SCRIPT_ACCEPT, "send 10", "out P. 1+10 ack 1", "time +199", "quiet", "time +3", "out P. 1+10 ack 1",
	    "quiet", "time +397", "quiet", "time +5", "out P. 1+10 ack 1", "in . 1 ack 11", "time +10000", "quiet",
	    "stat tcp_rtos 2" } },
	{ "the RTO follows the RTT (RFC 6298 2.2)",
	  { "listen", "in S 0", "out S. 0 ack 1", "time +500", "in . 1 ack 1", "event ACCEPTED", "send 10",
	    "out P. 1+10 ack 1", "time +1490", "quiet", "time +15", "out P. 1+10 ack 1" } },
	{ "Karn: an ACK after a retransmission is no sample, the backoff stays",
	  { SCRIPT_ACCEPT,
	    "send 10",
	    "out P. 1+10 ack 1",
	    "time +202",
	    "out P. 1+10 ack 1",
	    "time +50",
	    "in . 1 ack 11",
	    "send 10",
	    "out P. 11+10 ack 1",
	    "time +390",
	    "quiet",
	    "time +15",
	    "out P. 11+10 ack 1",
	    "in . 1 ack 21",
	    "send 10",
	    "out P. 21+10 ack 1",
	    "in . 1 ack 31",
	    "send 10",
	    "out P. 31+10 ack 1",
	    "time +202",
	    "out P. 31+10 ack 1" } },
	{ "after a SYN that was sent again the RTO is 3 s (RFC 6298 5.7)",
	  { "connect", "out S 0", "time +1002", "out S 0", "in S. 0 ack 1", "event CONNECTED", "send 10",
	    "out P. 1+10 ack 1", "time +2990", "quiet", "time +15", "out P. 1+10 ack 1" } },
	{ "no answer at all: the connection fails",
	  { "set data_retries 3", SCRIPT_ACCEPT, "send 10", "out P. 1+10 ack 1", "time +210", "out P. 1+10 ack 1",
	    "time +410", "out P. 1+10 ack 1", "time +810", "out P. 1+10 ack 1", "event none", "time +1610",
	    "event FAILED", "event none", "state none", "quiet" } },
	{ "a timeout sends one segment, then goes on from there",
	  { SCRIPT_ACCEPT, SEND_TEN, "time +202", "out . 1+1460 ack 1", "quiet", "in . 1 ack 1461",
	    "out . 1461+1460 ack 1", "out . 2921+1460 ack 1", "quiet", "in . 1 ack 14601", "quiet", "time +5000",
	    "quiet" } },
	{ "three duplicate ACKs: the segment is sent again at once (RFC 5681 3.2)",
	  { SCRIPT_ACCEPT, SEND_TEN, "in . 1 ack 1", "quiet", "in . 1 ack 1", "quiet", "in . 1 ack 1",
	    "out . 1+1460 ack 1", "quiet", "stat tcp_fast_retransmits 1", "in . 1 ack 14601", "quiet",
	    "stat tcp_rtos 0" } },
	{ "new octets for the first two duplicates (RFC 3042), and for those in recovery",
	  { SCRIPT_ACCEPT,
	    SEND_TEN,
	    "send 14600",
	    "quiet",
	    "in . 1 ack 1",
	    "out . 14601+1460 ack 1",
	    "quiet",
	    "in . 1 ack 1",
	    "out . 16061+1460 ack 1",
	    "quiet",
	    "in . 1 ack 1",
	    "out . 1+1460 ack 1",
	    "quiet",
	    "in . 1 ack 1",
	    "in . 1 ack 1",
	    "in . 1 ack 1",
	    "quiet",
	    "in . 1 ack 1",
	    "out . 17521+1460 ack 1",
	    "in . 1 ack 1",
	    "out . 18981+1460 ack 1" } },
	{ "a partial ACK shows the next hole (RFC 6582)",
	  { SCRIPT_ACCEPT, SEND_TEN, "in . 1 ack 1", "in . 1 ack 1", "in . 1 ack 1", "out . 1+1460 ack 1",
	    "in . 1 ack 4381", "out . 4381+1460 ack 1", "quiet", "in . 1 ack 8761", "out . 8761+1460 ack 1",
	    "in . 1 ack 14601", "quiet", "stat tcp_rtos 0" } },
	{ "duplicates of what was sent before a timeout start no fast retransmit (RFC 6582 3.2)",
	  { SCRIPT_ACCEPT, SEND_TEN, "time +202", "out . 1+1460 ack 1", "in . 1 ack 1", "in . 1 ack 1", "in . 1 ack 1",
	    "stat tcp_fast_retransmits 0" } },
	{ "ACKs with octets, another window, or for nothing in flight are no duplicates",
	  { SCRIPT_ACCEPT, "in . 1 ack 1", "in . 1 ack 1", "in . 1 ack 1", SEND_TEN, "in . 1+10 ack 1",
	    "in . 11 ack 1 win 60000", "in . 11 ack 1 win 50000", "in . 11 ack 1 win 40000", "stat tcp_dup_acks 0",
	    "stat tcp_fast_retransmits 0" } },
	{ "ICMP too-big lowers the MSS, and what is in flight goes out again in smaller pieces",
	  { SCRIPT_ACCEPT, "send 2920", "out . 1+1460 ack 1", "out P. 1461+1460 ack 1", "toobig 1 1000",
	    "out . 1+960 ack 1", "out . 961+960 ack 1", "out . 1921+960 ack 1", "out P. 2881+40 ack 1" } },
	{ "but not about what is not in flight, and never below 216",
	  { SCRIPT_ACCEPT, "send 1460", "toobig 1 500", "out P. 1+1460 ack 1", "toobig 1461 500", "toobig 0 500",
	    "toobig 1 1500", "quiet", "stat tcp_too_big_ignored 4", "toobig 1 68", "out . 1+216 ack 1" } },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	return done();
}
