// SPDX-License-Identifier: MIT
/*
 * tcp_keep.c - keep-alive probes: does the peer of an unused connection still know of it? (RFC 9293 3.8.4)
 *
 * Off unless the user of a connection asks for it.  We ask for it for connections to next hops that wait in the pool:
 * one that a firewall or a restart has forgotten should be found out before a message is put on it.
 *
 * The probe is an ACK with a number that the peer has acknowledged already, so that it must answer, without octets.
 */
#include "dataplane/net/tcp_conn.h"

void tcp_keepalive(struct tcp *t, struct tcp_conn *c, uint16_t idle_s, uint64_t now_us)
{
	if (c->state != TCP_ESTABLISHED && c->state != TCP_CLOSE_WAIT)
		return;
	c->keep_s = idle_s;
	if (!c->rto_deadline_us)
		c->retries = 0;
	c->flags &= (uint16_t) ~(CONN_KEEP | CONN_KEEP_SENT);
	c->idle_deadline_us = idle_s ? now_us + idle_s * UINT64_C(1000000) : 0;
	if (idle_s)
		tcp_timer_want(t, c, c->idle_deadline_us);
}

bool tcp_keep_due(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	if ((c->state != TCP_ESTABLISHED && c->state != TCP_CLOSE_WAIT) || c->keep_s == 0)
		return true; /* the user has closed since: other timers take care */
	/* What is in flight asks the same, and has its own timer. */
	if (c->rto_deadline_us || (c->retries && !(c->flags & CONN_KEEP_SENT))) {
		if (!c->rto_deadline_us)
			c->retries = 0;
		c->flags &= (uint16_t)~CONN_KEEP_SENT;
		c->idle_deadline_us = now_us + c->keep_s * UINT64_C(1000000);
		return true;
	}
	if (c->retries >= TCP_KEEPS_MAX) {
		t->stats->tcp_keepalives_failed++;
		tcp_conn_fail(t, c, ERR_TIMEOUT);
		return false;
	}
	c->retries++;
	t->stats->tcp_keepalives++;
	c->flags |= CONN_KEEP | CONN_KEEP_SENT;
	c->idle_deadline_us = now_us + TCP_KEEP_AGAIN_US;
	tcp_conn_ready(t, c);
	return true;
}
