// SPDX-License-Identifier: MIT
/*
 * oracle.h - the same segments to the kernel's TCP and to ours, and what each answers
 *
 * A case is a list of lines.  Both stacks have the address 192.0.2.1 and listen to port 25; each case is a peer of its
 * own.  Numbers are relative: the first SYN of either side is 0, so data starts at 1.
 *
 *	in FLAGS SEQ+LEN [ack N] [win N] [mss N] [ws N] [sackok] [ts N] [ecr N] [sack A-B,C-D] [WORD N]
 *	              as in tests/unit/net/tcp_script.h.  Words besides: `badsum 1` the TCP checksum is wrong, `badip 1`
 *	              that of the IP header, `doff N` the data offset, `opt HEX` octets of options instead of the others,
 *	              `urg N` URG and its pointer, `port N` another port of ours, `cut N` octets are cut off the packet,
 *	              `reserved N` bits
 *	open          the user calls port 4000 of the peer
 *	send N        the user sends N octets
 *	read          the user reads what there is
 *	close         the user says that he sends no more
 *	abort
 *	time +MS      nothing happens for so long
 *	watch         from now on octets that are sent again count, which depends on time
 *
 * After each line each stack has ORACLE_TURN_MS to answer; what it sends in that time is one answer, in normal form.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/tcp_segment.h"

enum { ORACLE_LINES = 24, ORACLE_TURN_MS = 90, ORACLE_PACKET = 2048, ORACLE_TEXT = 160 };

struct oracle_case {
	const char *name;
	const char *lines[ORACLE_LINES];
};

/* What was sent in one turn, as far as it counts.  Left out: how octets were cut into segments, PSH, windows but the
 * closed one (until the peer has sent a FIN), an ACK that a later segment of the turn repeats, what is sent again. */
struct oracle_answer {
	bool any, syn, fin, ack_known, closed;
	uint32_t ack, fin_seq;
	uint32_t data_from, data_to;
	struct tcp_options options; /* of the last segment; of the SYN */
	bool again;                 /* octets or a FIN were sent again */
	unsigned n_rst;
	uint32_t rst_seq, rst_ack;
	bool rst_acks;
};

/* One end of a case, as its peer sees it. */
struct oracle_peer {
	struct ip_addr stack, peer;
	uint16_t stack_port, peer_port;
	uint32_t peer_isn, stack_isn, stack_max,
		stack_ack; /* one past the last octet that the stack has sent; its last ACK */
	bool stack_isn_known, stamps, watched, peer_fin;
	uint16_t wnd;
	uint32_t peer_stamp, stack_stamp;
	struct oracle_answer answer; /* of the turn under way */
};

struct oracle_peer oracle_peer(unsigned index);

/* The packet of an `in` line, from the IP header on; returns its length. */
size_t oracle_packet(struct oracle_peer *p, const char *line, uint8_t out[ORACLE_PACKET]);

/* A packet that the stack has sent; false when it is not for this peer. */
bool oracle_take(struct oracle_peer *p, struct span packet);

/* The normal form of the turn's answer, which is over; "-": nothing. */
void oracle_text(struct oracle_peer *p, char out[ORACLE_TEXT]);

/* An octet of the user, by its number. */
uint8_t oracle_octet(uint32_t i);

/* Answers by line, and what the user knows at the end. */
struct oracle_record {
	char answers[ORACLE_LINES][ORACLE_TEXT];
	char user[ORACLE_TEXT];
};

void oracle_user(struct oracle_record *r, const char *state, uint32_t n_read, bool wrong);

/* oracle_kernel.c: all cases at the same time, by the peers from @first on (each may be used once).  False, with a reason, when there is no TUN device to be had. */
bool oracle_kernel(const struct oracle_case *cases, unsigned first, size_t n, struct oracle_record *records,
		   const char **reason);

/* oracle_ours.c */
void oracle_ours(const struct oracle_case *c, unsigned index, struct oracle_record *record);

#endif
