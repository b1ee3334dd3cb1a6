// SPDX-License-Identifier: MIT
/*
 * bench_tcp.h - what one side of TCP costs
 */
#ifndef BENCH_TCP_H
#define BENCH_TCP_H

/* Prints tcp.conn.bytes, tcp.accept.cycles, tcp.rr.cycles, tcp.bulk.gbps and what belongs to them. */
void bench_tcp(void);

/* tcp.rr_million.*: likewise with a million connections, which take 2 GB and some seconds to open. */
void bench_tcp_million(void);

#endif
