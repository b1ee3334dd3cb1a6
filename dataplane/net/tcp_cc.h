// SPDX-License-Identifier: MIT
/*
 * tcp_cc.h - congestion control: how much may be in flight (RFC 5681, RFC 9438, NewReno of RFC 6582)
 */
#ifndef NET_TCP_CC_H
#define NET_TCP_CC_H

#include "dataplane/net/tcp_conn.h"

/* The connection is established.  @syn_lost: its SYN had to be repeated more than once (RFC 6928 2). */
void tcp_cc_init(struct tcp_conn *c, bool syn_lost);

/* What cwnd allows in flight now, limited transmit (RFC 3042) included. */
uint32_t tcp_cc_window(const struct tcp_conn *c);

/* Octets were acknowledged, outside of recovery: slow start or congestion avoidance. */
void tcp_cc_grow(const struct tcp *t, struct tcp_conn *c, uint32_t acked, uint64_t now_us);

/* A loss, with a scoreboard: ssthresh and recover are set, cwnd is left to PRR. */
void tcp_cc_lost(const struct tcp *t, struct tcp_conn *c);
void tcp_cc_set_window(struct tcp_conn *c, uint32_t cwnd);

/* Without a scoreboard: @ack is about to advance snd_una.  Returns whether the segment there must be sent again (partial ACK). */
bool tcp_cc_new_ack(const struct tcp *t, struct tcp_conn *c, uint32_t ack, uint64_t now_us);

/* Without a scoreboard: a duplicate ACK as RFC 5681 2 defines it.  Returns whether the segment at snd_una must be sent again. */
bool tcp_cc_dupack(const struct tcp *t, struct tcp_conn *c);

/* The retransmission timer expired. */
void tcp_cc_timeout(const struct tcp *t, struct tcp_conn *c);

/* Nothing was sent for longer than an RTO (RFC 5681 4.1): each RTO halves the window, down to the initial one. */
void tcp_cc_idle(struct tcp_conn *c, uint32_t idle_ms);

#endif
