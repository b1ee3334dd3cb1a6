// SPDX-License-Identifier: MIT
/*
 * oracle_explained.h - where the kernel and we answer differently, one by one, and why that is as we want it
 *
 * A difference that is not here, or is another than here, fails; so does one of these that is no longer seen.
 */
#ifndef ORACLE_EXPLAINED_H
#define ORACLE_EXPLAINED_H

struct oracle_difference {
	const char *name;
	int line; /* of the case, from 0; -1: what the user knows at the end */
	const char *theirs, *ours;
};

struct oracle_reason {
	const char *why;
	struct oracle_difference differences[16];
};

/* clang-format off */
static const struct oracle_reason oracle_explained[] = {
	{ "RFC 5961 4.2 asks for a challenge ACK in every synchronized state, and RFC 9293 3.10.7.4 allows it in "
	  "SYN-RECEIVED; the kernel gives the handshake up, so whoever guesses a number can end it",
	  {
		{ "SYN with another number while one is half-open", 1, "RST 0 ack 5001", "ack 1" },
		{ "SYN with another number while one is half-open", 2, "RST 1", "-" },
		{ "SYN with another number while one is half-open", -1, "nothing, 0 octets", "open, 0 octets" },
	  } },
	{ "RFC 7323 1.3, RFC 2018 2: in a SYN-ACK only options that the SYN had; and the peer's SYN-ACK completes "
	  "our handshake, so there is nothing to answer",
	  {
		{ "both call", 1, "SYN mss 1460 sackok ts ws ack 1", "SYN mss 1460 ack 1" },
		{ "both call", 2, "ack 1", "-" },
	  } },
	{ "RFC 7323 1.3, RFC 2018 2: in a SYN-ACK only options that the SYN had",
	  {
		{ "both call, and the second SYN is lost", 1, "SYN mss 1460 sackok ts ws ack 1", "SYN mss 1460 ack 1" },
	  } },
	{ "RFC 2883 4.2 tells parts of a segment that came twice; we tell whole ones and those at the front, which "
	  "is what a sender undoes a loss by",
	  {
		{ "overlap behind a gap, front", 4, "ack 201 sack 51-61", "ack 201" },
		{ "overlap over two gaps", 5, "ack 291 sack 91-101", "ack 291" },
		{ "one segment over everything", 4, "ack 301 sack 101-151", "ack 301" },
	  } },
	{ "RFC 6093 6: urgent octets stay in the stream; the kernel takes one out of it, which in mail would be an "
	  "attack",
	  {
		{ "urgent data", -1, "open, 19 octets, wrong ones", "open, 20 octets" },
	  } },
	{ "RFC 9293 3.2 MUST-7: what has an illegal option length is not to be trusted; we drop the segment, the "
	  "kernel stops reading options there",
	  {
		{ "of 6 over what is data", 2, "ack 7", "-" },
		{ "of 6 over what is data", -1, "open, 6 octets, wrong ones", "open, 0 octets" },
		{ "an option of length 0", 0, "SYN mss 1460 ack 1", "-" },
		{ "an option of length 0", 1, "-", "RST 1" },
		{ "an option of length 0", -1, "open, 0 octets", "nothing, 0 octets" },
		{ "of length 1", 0, "SYN mss 1460 ack 1", "-" },
		{ "of length 1", 1, "-", "RST 1" },
		{ "of length 1", -1, "open, 0 octets", "nothing, 0 octets" },
		{ "an option that leads out of the header", 0, "SYN mss 1460 ack 1", "-" },
		{ "an option that leads out of the header", 1, "-", "RST 1" },
		{ "an option that leads out of the header", -1, "open, 0 octets", "nothing, 0 octets" },
		{ "an unknown option of length 0 in data", 2, "ack 11", "-" },
		{ "an unknown option of length 0 in data", -1, "open, 10 octets", "open, 0 octets" },
	  } },
	{ "RFC 5961 3.2: only the next number resets, all others in the window are challenged; the kernel takes the "
	  "right edge of a SACK block as well",
	  {
		{ "RST at the end of a gap", 3, "-", "ack 1 sack 101-201" },
		{ "RST at the end of a gap", 4, "RST 1", "ack 201" },
		{ "RST at the end of a gap", -1, "an error, 0 octets", "open, 200 octets" },
	  } },
	{ "RFC 7323 5.3 R1 answers each; a bare ACK that was overtaken needs no answer, and answering those lets two "
	  "ends answer each other for ever",
	  {
		{ "an old stamp in a bare ACK", 3, "ack 11", "-" },
	  } },
	{ "RFC 2018 3 reports octets received and queued; the kernel counts a FIN among them, we do not: it comes "
	  "again with the gap, or is known already; and behind a FIN there is nothing to queue",
	  {
		{ "FIN with data behind a gap", 2, "ack 1 sack 11-22", "ack 1 sack 11-21" },
		{ "a second FIN elsewhere", 2, "ack 1 sack 51-52", "ack 1" },
		{ "a second FIN elsewhere", 3, "ack 1 sack 101-102,51-52", "ack 1" },
		{ "data beyond a FIN that is not there yet", 2, "ack 1 sack 51-52", "ack 1" },
		{ "data beyond a FIN that is not there yet", 3, "ack 1 sack 101-111,51-52", "ack 1" },
	  } },
	{ "the kernel hands its user the end that came first and the error with the next write; ours is told of the "
	  "reset at once (RFC 9293 3.10.7.4)",
	  {
		{ "RST in CLOSE-WAIT", -1, "the end, 0 octets", "an error, 0 octets" },
	  } },
	{ "RFC 1337 3, fix F1: a RST does not end TIME-WAIT; the kernel would do the same with "
	  "net.ipv4.tcp_rfc1337=1",
	  {
		{ "RST in TIME-WAIT", 5, "RST 2", "ack 2" },
	  } },
};
/* clang-format on */

#endif
