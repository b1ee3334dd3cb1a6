// SPDX-License-Identifier: MIT
/*
 * tcp_recovery.h - loss recovery with a scoreboard (RFC 6675), at a rate that follows what arrives (RFC 9937)
 */
#ifndef NET_TCP_RECOVERY_H
#define NET_TCP_RECOVERY_H

#include "dataplane/net/tcp_score.h"

/**
 * tcp_recovery_input - what an ACK says about losses, and the congestion window that follows
 * @acked: octets by which it advanced snd_una; 0: none
 * @delivered: of these, those that the scoreboard did not know to have arrived
 *
 * To be called with a scoreboard, after snd_una has moved.
 */
void tcp_recovery_input(struct tcp *t, struct tcp_conn *c, const struct tcp_segment *s, uint32_t acked,
			uint32_t delivered, uint64_t now_us);

/* An ACK arrived: to be called before anything else of it is looked at. */
void tcp_recovery_begin(struct tcp_conn *c, uint64_t now_us);

/* The reordering window has passed for what was overdue. */
void tcp_recovery_late(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

/* The window is about to shrink for a loss: remembers it, should the loss prove to be none.  Returns false when there is no
 * way back, or it leads to before an earlier loss. */
bool tcp_undo_arm(struct tcp_conn *c, uint64_t now_us);

/* The retransmission timer has expired and all that did not arrive counts as lost.  @armed: by tcp_undo_arm(), just now. */
void tcp_frto_begin(struct tcp_conn *c, bool armed);

#endif
