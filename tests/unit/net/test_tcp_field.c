// SPDX-License-Identifier: MIT
/*
 * test_tcp_field.c - what users of other TCPs in userspace complained about, and what their authors had to repair
 *
 * Named by the symptom.  Those about a peer's lies, about TIME-WAIT and about memory have files of their own.
 */
#include "tests/unit/net/tcp_script.h"

static const struct script scripts[] = {
	/* timers */
	{ "the retransmission timer is lost: an ACK of a part leaves it running",
	  { SCRIPT_ACCEPT, "send 2920", "out . 1+1460 ack 1", "out P. 1461+1460 ack 1", "in . 1 ack 1461", "time +202",
	    "out P. 1461+1460 ack 1" } },
	{ "or is lost when an old duplicate comes in between",
	  { SCRIPT_ACCEPT, "send 2920", "out . 1+1460 ack 1", "out P. 1461+1460 ack 1", "in . 1 ack 1461",
	    "in . 1 ack 1", "in . 1 ack 1", "time +202", "out P. 1461+1460 ack 1" } },
	{ "LAST-ACK without a timer: the FIN is repeated",
	  { SCRIPT_ACCEPT, "in F. 1 ack 1", "out . 1 ack 2", "event PEER_CLOSED", "close", "out F. 1 ack 2",
	    "time +202", "out F. 1 ack 2", "time +402", "out F. 1 ack 2", "in . 2 ack 2", "state CLOSED" } },
	{ "CLOSING without a timer: likewise",
	  { SCRIPT_ACCEPT, "close", "out F. 1 ack 1", "in F. 1 ack 1", "out . 2 ack 2", "state CLOSING", "time +202",
	    "out F. 1 ack 2" } },
	/* windows */
	{ "the window opens again and nobody says so: a read of a full buffer is told at once",
	  { "set receive_max 2000", SCRIPT_ACCEPT, "in . 1+1000 ack 1", "in . 1001+1000 ack 1",
	    "out . 1 ack 2001 win 0", "event READABLE", "read 2000", "out . 1 ack 2001 win 2000" } },
	{ "the window update is lost: the peer's probe brings it",
	  { "set receive_max 2000", SCRIPT_ACCEPT, "in . 1+1000 ack 1", "in . 1001+1000 ack 1",
	    "out . 1 ack 2001 win 0", "event READABLE", "read 2000", "out . 1 ack 2001 win 2000", "in . 2000 ack 1",
	    "out . 1 ack 2001 win 2000" } },
	{ "a probe without an octet gets no answer: it does, also while the window is closed",
	  { "set receive_max 2000", SCRIPT_ACCEPT, "in . 1+1000 ack 1", "in . 1001+1000 ack 1",
	    "out . 1 ack 2001 win 0", "in . 2000 ack 1", "out . 1 ack 2001 win 0" } },
	{ "a probe with an old number",
	  { "set receive_max 2000", SCRIPT_ACCEPT, "in . 1+1000 ack 1", "in . 1001+1000 ack 1",
	    "out . 1 ack 2001 win 0", "in . 2000+1 ack 1", "out . 1 ack 2001 win 0" } },
	{ "silly-window rules too strict: half of a small window is sent",
	  { "listen", "in S 0 mss 1460 win 1000", "out S. 0 ack 1", "in . 1 ack 1 win 1000", "event ACCEPTED",
	    "send 5000", "out . 1+1000 ack 1", "in . 1 ack 1001 win 500", "out . 1001+500 ack 1" } },
	{ "a window that shrinks under what is in flight: that is no loss",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 2921 win 2000", "in . 1 ack 14601 win 65535", "quiet",
	    "stat tcp_retransmits 0", "stat tcp_fast_retransmits 0" } },
	{ "a window below the MSS: no more than it is sent",
	  { "listen", "in S 0 mss 1460 win 300", "out S. 0 ack 1", "in . 1 ack 1 win 300", "event ACCEPTED",
	    "send 1000", "out . 1+300 ack 1", "quiet", "in . 1 ack 301", "out . 301+300 ack 1" } },
	{ "the window announced is below the MSS although there is room: it is not",
	  { "set receive_max 4000", SCRIPT_ACCEPT, "in . 1+1460 ack 1", "event READABLE", "read 1460",
	    "in . 1461+1460 ack 1", "out . 1 ack 2921 win 2540" } },
	{ "cwnd grows although the peer's window is what binds: it does not",
	  { SCRIPT_ACCEPT,
	    "in . 1 ack 1 win 2920",
	    "send 29200",
	    "out . 1+1460 ack 1",
	    "out . 1461+1460 ack 1",
	    "quiet",
	    "in . 1 ack 2921",
	    "out . 2921+1460 ack 1",
	    "out . 4381+1460 ack 1",
	    "quiet",
	    "in . 1 ack 5841",
	    "out . 5841+1460 ack 1",
	    "out . 7301+1460 ack 1",
	    "in . 1 ack 8761 win 65535",
	    "out . 8761+1460 ack 1",
	    "out . 10221+1460 ack 1",
	    "out . 11681+1460 ack 1",
	    "out . 13141+1460 ack 1",
	    "out . 14601+1460 ack 1",
	    "out . 16061+1460 ack 1",
	    "out . 17521+1460 ack 1",
	    "out . 18981+1460 ack 1",
	    "out . 20441+1460 ack 1",
	    "out . 21901+1460 ack 1",
	    "quiet" } },
	/* FIN */
	{ "what is lost before the FIN is lost for good: it is waited for",
	  { SCRIPT_ACCEPT, "in F. 101+100 ack 1", "out . 1 ack 1", "event none", "in . 1+100 ack 1", "out . 1 ack 202",
	    "event READABLE", "read 200", "event PEER_CLOSED" } },
	{ "what a FIN acknowledges is sent again: it is not",
	  { SCRIPT_ACCEPT, "send 100", "out P. 1+100 ack 1", "in F. 1 ack 101", "out . 101 ack 2", "time +1000",
	    "quiet", "stat tcp_retransmits 0" } },
	{ "FIN-WAIT-1: an ACK of the octets alone is no ACK of the FIN",
	  { SCRIPT_ACCEPT, "send 100", "close", "out FP. 1+100 ack 1", "in . 1 ack 101", "state FIN-WAIT-1",
	    "time +202", "out F. 101 ack 1", "in . 1 ack 102", "state FIN-WAIT-2" } },
	{ "a FIN of ours that waits for memory or a window goes out, and again",
	  { SCRIPT_ACCEPT, "in . 1 ack 1 win 100", "send 100", "close", "out P. 1+100 ack 1", "time +202",
	    "out P. 1+100 ack 1", "in . 1 ack 101", "out F. 101 ack 1", "time +402", "out F. 101 ack 1" } },
	/* blocks and numbers */
	{ "blocks within blocks, the same twice, in any order",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 1 sack 2921-8761,4381-5841,2921-8761,2921-4381",
	    "out . 1+1460 ack 1", "out . 1461+1460 ack 1", "quiet" } },
	{ "numbers that wrap between the two ends of a block",
	  { SCRIPT_ACCEPT_SACK, "in . 4001+200 ack 1", "out . 1 ack 1 sack 4001-4201", "in . 3901+250 ack 1",
	    "out . 1 ack 1 sack 4001-4151,3901-4201" } },
	{ "an old ACK of octets that were not sent yet, seen from where it was sent: dropped",
	  { SCRIPT_ACCEPT, SEND_TEN, "in . 1 ack 14601", "send 100", "out P. 14601+100 ack 1", "in . 1 ack 14702",
	    "out . 14701 ack 1", "in . 1 ack 14701", "time +500", "quiet" } },
	{ "several SYNs in TIME-WAIT: the first begins, the same again is answered again, another is challenged",
	  { SCRIPT_ACCEPT,       "close",          "out F. 1 ack 1",  "in F. 1 ack 2",
	    "event PEER_CLOSED", "event CLOSED",   "out . 2 ack 2",   "event none",
	    "waits 1",           "again",          "in S 0 mss 1460", "waits 0",
	    "halves 1",          "out S. 0 ack 1", "in S 0 mss 1460", "out S. 0 ack 1",
	    "in S 700 mss 1460", "out . 1 ack 1",  "halves 1",        "in . 1 ack 1",
	    "event ACCEPTED" } },
	{ "the last ACK to a server in cookie mode is lost: its SYN-ACK is answered again, and octets say the same",
	  { "connect", "out S 0", "in S. 0 ack 1 mss 1460", "out . 1 ack 1", "event CONNECTED",
	    "in S. 0 ack 1 mss 1460", "out . 1 ack 1", "send 6", "out P. 1+6 ack 1", "time +1002",
	    "out P. 1+6 ack 1" } },
	{ "octets out of order with the ACK that opens the connection",
	  { "listen", "in S 0 mss 1460 sackok", "out S. 0 ack 1", "in . 101+100 ack 1", "event ACCEPTED",
	    "out . 1 ack 1 sack 101-201", "in . 1+100 ack 1", "event READABLE", "read 200" } },
	{ "a probe of the path at a tiny RTT stalls: it does not",
	  { SCRIPT_ACCEPT_SACK, SEND_TEN, "in . 1 ack 13141", "time +2", "quiet", "time +250",
	    "out P. 13141+1460 ack 1", "in . 1 ack 14601", "quiet" } },
	{ "four segments in flight and the first lost: no timeout",
	  { SCRIPT_ACCEPT_SACK, "send 5840", "out . 1+1460 ack 1", "out . 1461+1460 ack 1", "out . 2921+1460 ack 1",
	    "out P. 4381+1460 ack 1", "in . 1 ack 1 sack 1461-2921", "in . 1 ack 1 sack 1461-4381",
	    "in . 1 ack 1 sack 1461-5841", "out . 1+1460 ack 1", "stat tcp_rtos 0" } },
	/* ECN (RFC 3168, RFC 9768): not spoken, never an obstacle */
	{ "a SYN that offers ECN is answered by one that does not",
	  { "listen", "in SEC 0 mss 1460", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED" } },
	{ "nor one that offers accurate ECN",
	  { "listen", "in SECA 0 mss 1460", "out S. 0 ack 1", "in . 1 ack 1", "event ACCEPTED" } },
	{ "a SYN-ACK with any of these bits is one",
	  { "connect", "out S 0", "in SE.A 0 ack 1 mss 1460", "out . 1 ack 1", "event CONNECTED" } },
	{ "octets with any of them are octets, an ACK is an ACK",
	  { SCRIPT_ACCEPT, "in P.E 1+10 ack 1", "event READABLE", "read 10", "in P.C 11+10 ack 1", "event READABLE",
	    "read 10", "out . 1 ack 21", "in P.A 21+10 ack 1", "event READABLE", "read 10", "send 10",
	    "out P. 1+10 ack 31", "in .ECA 31 ack 11", "time +500", "quiet" } },
	{ "a FIN and a RST as well",
	  { SCRIPT_ACCEPT, "in FC. 1 ack 1", "event PEER_CLOSED", "out . 1 ack 2", "in RE 2", "event FAILED" } },
};

/* Lines for one of several connections of the same TCP. */
static bool lines(struct play *p, const char *const *line)
{
	for (; *line; line++)
		if (!play_line(p, *line)) {
			printf("# %s: %s\n", *line, p->wrong);
			return false;
		}
	return true;
}

static void two_connections(void)
{
	struct play one, two;

	play_init(&one);
	bool good = lines(&one, (const char *const[]){ SCRIPT_ACCEPT, NULL });
	play_init(&two);
	two.t = one.t;
	two.peer_port++;
	good = good && lines(&two, (const char *const[]){ "in S 0 mss 1460 win 100", "out S. 0 ack 1",
							  "in . 1 ack 1 win 100", "event ACCEPTED", NULL });
	good = good && lines(&one, (const char *const[]){ "send 1460", "out P. 1+1460 ack 1", NULL });
	good = good && lines(&two, (const char *const[]){ "send 1460", "out . 1+100 ack 1", NULL });
	ok(good && one.conn != two.conn, "a small window taken from another connection's segment: each has its own");
	free(one.memory);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	two_connections();
	return done();
}
