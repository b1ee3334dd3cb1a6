// SPDX-License-Identifier: MIT
/*
 * load_sink.h - a next hop that takes everything and keeps nothing, on the generator's own wire
 *
 * Speaks what a gateway needs: EHLO with PIPELINING, SIZE, 8BITMIME, SMTPUTF8, CHUNKING, DSN; MAIL, RCPT, DATA, BDAT, RSET, QUIT.
 */
#ifndef LOAD_SINK_H
#define LOAD_SINK_H

#include "dataplane/base/pool.h"
#include "tools/load/load_wire.h"

enum { LOAD_SINK_MAX = 4096 }; /* connections at once */

struct load_sink {
	struct load_wire *wire;
	struct pool peers;
	uint64_t n_messages, n_octets, n_connections;
};

/* One connection; what the user pointer of its tcp_conn names. */
struct load_sink_peer {
	uint8_t what;   /* LOAD_SINK: tells it from a client */
	uint8_t column; /* octets of the line in `line` */
	uint8_t end;    /* of DATA: how much of CRLF.CRLF was seen */
	bool in_data;
	bool last;        /* this chunk is */
	uint64_t chunk;   /* octets of BDAT still to come */
	uint8_t line[30]; /* the beginning of a command */
};

#define LOAD_SINK 0xfe

size_t load_sink_memory(void);
void load_sink_init(struct load_sink *s, void *memory, struct load_wire *wire);
void load_sink_accept(struct load_sink *s, struct tcp_conn *conn, uint64_t now_us);
void load_sink_event(struct load_sink *s, const struct tcp_event *e, uint64_t now_us);

#endif
