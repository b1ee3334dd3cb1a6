// SPDX-License-Identifier: MIT
/*
 * shard_identity.c - how a next hop is told of the client: what XCLIENT says in front of a message, or the header of the
 * PROXY protocol in front of a connection
 */
#include "dataplane/shard/shard_state.h"
#include "dataplane/smtp/smtp_proxy.h"

const struct smtp_identity *identity_for(const struct relay *r, struct txn *t)
{
	const struct iprev *iprev = verify_iprev(&t->verify);

	if (r->hop->settings->identity != SETTINGS_IDENTITY_XCLIENT)
		return NULL;
	t->identity = (struct smtp_identity){
		.addr = t->client_ip, .port = t->client_port, .esmtp = t->esmtp, .helo = span_of(t->helo, t->helo_len)
	};
	if (!t->send && iprev->result == IPREV_RESULT_PASS)
		t->identity.name = iprev->name;
	t->identity.name_late = !t->send && iprev->result == IPREV_RESULT_TEMPERROR;
	return &t->identity;
}

void identity_send_proxy(struct shard *s, struct relay *r, uint64_t now_us)
{
	const struct settings_next_hop *to = r->hop->settings;
	uint8_t header[SMTP_PROXY_WRITTEN_MAX];
	size_t n = smtp_proxy_write(&r->client, r->client_port, &to->addr, to->port, header);
	size_t sent = tcp_send(s->tcp, r->conn, span_of(header, n), now_us);

	CHECK(sent == n); /* nothing else is in a new connection's buffer */
}
