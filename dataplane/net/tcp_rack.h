// SPDX-License-Identifier: MIT
/*
 * tcp_rack.h - loss by time, and the probe of a tail (RACK-TLP, RFC 8985)
 *
 * What was sent a round trip and a little more before something that has arrived is lost, also what was sent again.  How
 * much more depends on whether this path was seen to reorder.  The times are those of arrival that the driver hands in,
 * not of processing.
 */
#ifndef NET_TCP_RACK_H
#define NET_TCP_RACK_H

#include "dataplane/net/tcp_score.h"

/* Octets up to @end, not known before, have arrived: of a range with @sent_us and @flags. */
void tcp_rack_delivered(struct tcp_conn *c, uint32_t end, uint32_t sent_us, uint8_t flags);

/* The peer says that something came twice (step 4: the reordering window was too short). */
void tcp_rack_dsack(struct tcp_conn *c);

/* Marks what is lost by now.  Returns in how many microseconds more may be; 0: nothing waits for that. */
uint32_t tcp_rack_detect(struct tcp_conn *c, uint64_t now_us);

/* When the tail is to be probed, counted from now; 0: not at all (7.2). */
uint64_t tcp_rack_probe_us(const struct tcp_conn *c);

#endif
