// SPDX-License-Identifier: MIT
/*
 * bench_net.h - what a small segment costs from the Ethernet header on, one at a time and in bursts
 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

/* Prints net.segment_*_conns_each.ns and net.segment_*_conns_burst.ns. */
void bench_net(void);

#endif
