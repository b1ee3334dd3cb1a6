// SPDX-License-Identifier: MIT
/*
 * tcp_window.h - the receive window: how much is offered, when that is told, and how it grows with what is read
 *
 * A connection begins with 64 KiB at most.  Each round trip in which the user read a good part of what was offered makes
 * that four times what he read: a sender in slow start, which doubles, is never held back.  Nothing is set aside for it;
 * octets take blocks when they arrive, and growth stops while those are scarce.
 */
#ifndef NET_TCP_WINDOW_H
#define NET_TCP_WINDOW_H

#include "dataplane/net/tcp_conn.h"

/* The window to announce now, as on the wire; notes it as announced. */
uint16_t tcp_window_announce(const struct tcp *t, struct tcp_conn *c);

/* Whether enough room came free that the peer should hear of it at once. */
bool tcp_window_reopened(const struct tcp *t, const struct tcp_conn *c);

/* Octets arrived in order: once a round trip, looks at how many the user read. */
void tcp_window_tune(const struct tcp *t, struct tcp_conn *c, uint64_t now_us);

#endif
