// SPDX-License-Identifier: MIT
/*
 * shard_refuse.c - clients for whom there is no place: 421 4.3.2, so that they come again, and the end of the connection
 *
 * They take up none of what has run out: their connections are left to TCP, some few at a time.  When these do not end,
 * since a peer does not read or does not close, the next ones are reset.
 */
#include "dataplane/shard/shard_state.h"

void refuse_client(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, uint64_t now_us)
{
	struct smtp_reply reply;
	char line[128];
	struct text t;

	text_init(&t, line, sizeof(line));
	smtp_reply_fixed(&reply, SMTP_TEXT_BUSY);
	smtp_reply_write(&reply, &t);
	CHECK(!t.full);
	/* In the midst of a handshake there is no saying anything. */
	if (s->n_refused >= SHARD_REFUSED_MAX || (tls && (tls->until_us || tls->over)) ||
	    wire_send(s, conn, tls, text_span(&t), now_us) < t.len) {
		tcp_abort(s->tcp, conn, now_us);
		return;
	}
	wire_close(tls, now_us);
	s->n_refused++;
	s->refused = PEER_REFUSED;
	tcp_set_user(conn, &s->refused);
	shard_discard(s, conn);
	tcp_close(s->tcp, conn, now_us);
}

void refused_event(struct shard *s, const struct tcp_event *event)
{
	switch (event->kind) {
	case TCP_EVENT_READABLE:
		shard_discard(s, event->conn);
		break;
	case TCP_EVENT_CLOSED:
	case TCP_EVENT_FAILED:
		s->n_refused--;
		break;
	case TCP_EVENT_PEER_CLOSED:
	case TCP_EVENT_WRITABLE:
	case TCP_EVENT_ACCEPTED:
	case TCP_EVENT_CONNECTED:
		break;
	}
}
