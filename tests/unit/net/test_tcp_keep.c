// SPDX-License-Identifier: MIT
/*
 * test_tcp_keep.c - keep-alive probes of a connection that waits to be used (RFC 9293 3.8.4)
 */
#include "tests/unit/net/tcp_script.h"

static const struct script scripts[] = {
	{ "by default a connection may be silent for ever",
	  { SCRIPT_CONNECT, "time +7200000", "quiet", "state ESTABLISHED", "stat tcp_keepalives 0" } },
	{ "a silent connection is probed, and an answer is good for as long again",
	  { SCRIPT_CONNECT, "keep 20", "time +19990", "quiet", "time +12", "out . 0 ack 1", "quiet", "in . 1 ack 1",
	    "time +5001", "quiet", "time +20002", "out . 0 ack 1", "in . 1 ack 1", "event none",
	    "stat tcp_keepalives 2" } },
	{ "three probes without an answer: the connection fails",
	  { SCRIPT_CONNECT, "keep 20", "time +20001", "out . 0 ack 1", "time +5001", "out . 0 ack 1", "time +5001",
	    "out . 0 ack 1", "event none", "time +5001", "quiet", "event FAILED TIMEOUT", "event none", "state none",
	    "stat tcp_keepalives_failed 1" } },
	{ "a lost probe is no end",
	  { SCRIPT_CONNECT, "keep 20", "time +20001", "out . 0 ack 1", "time +5001", "out . 0 ack 1", "in . 1 ack 1",
	    "time +5001", "quiet", "time +20002", "out . 0 ack 1", "event none" } },
	{ "the peer has forgotten the connection: its RST ends it",
	  { SCRIPT_CONNECT, "keep 20", "time +20001", "out . 0 ack 1", "in R 1", "event FAILED RESET" } },
	{ "a segment from out of the window is no answer",
	  { SCRIPT_CONNECT, "keep 20", "time +20001", "out . 0 ack 1", "in . 1000000 ack 1", "out . 1 ack 1",
	    "time +5001", "out . 0 ack 1", "time +5001", "out . 0 ack 1", "time +5001", "event FAILED TIMEOUT" } },
	{ "once it is used there are none",
	  { SCRIPT_CONNECT, "keep 20", "time +19000", "keep 0", "time +60000", "quiet", "event none" } },
	{ "octets in flight have a timer of their own",
	  { SCRIPT_CONNECT, "keep 1", "send 10", "out P. 1+10 ack 1", "time +1020", "out P. 1+10 ack 1",
	    "in . 1 ack 11", "quiet", "time +1002", "out . 10 ack 1" } },
	{ "a probe is due when octets are sent: they do for it",
	  { SCRIPT_CONNECT, "keep 20", "time +20001", "send 10", "out P. 1+10 ack 1", "quiet", "in . 1 ack 11", "quiet",
	    "event none" } },
	{ "closing ends them",
	  { SCRIPT_CONNECT, "keep 20", "close", "out F. 1 ack 1", "in . 1 ack 2", "time +59000", "quiet", "event none",
	    "time +1002", "event CLOSED" } },
	{ "so does the peer's FIN and ours",
	  { SCRIPT_CONNECT, "keep 20", "in F. 1 ack 1", "event PEER_CLOSED", "out . 1 ack 2", "time +20001",
	    "out . 0 ack 2", "in . 2 ack 1", "close", "out F. 1 ack 2", "in . 2 ack 2", "event CLOSED" } },
	{ "the probe bears a timestamp, if the connection has them",
	  { SCRIPT_ACCEPT_STAMPS, "keep 20", "time +20001", "out . 0 ack 1 ts 20001", "in . 1 ack 1 ts 5",
	    "event none" } },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play(&scripts[i]);
	return done();
}
