// SPDX-License-Identifier: MIT
/*
 * bench_tcp.h - what one side of TCP costs
 */
#ifndef BENCH_TCP_H
#define BENCH_TCP_H

/* Prints tcp.conn.bytes, tcp.accept.cycles, tcp.rr.cycles, tcp.bulk.gbps and what belongs to them. */
void bench_tcp(void);

#endif
