// SPDX-License-Identifier: MIT
/*
 * shard_hop_clients.c - next hops that are told of the client, and whose connections therefore may be one client's for good
 *
 * Behind a header of the PROXY protocol a connection is one client's from its first octet.  XCLIENT can be said again where
 * it is offered again; a Postfix offers it no more once it was said, so the connection is that client's then.
 *
 * So a message takes the connection of its client, or one that is nobody's, or a new one; when there are as many as may
 * be, one that lies idle has to go.  A connection is kept for relay.idle_s, since its client may have more mail; messages of
 * our own, which have no client, use those that probes have opened.
 */
#include "dataplane/shard/shard_state.h"

static bool is_of(const struct relay *r, const struct txn *t)
{
	return ip_addr_eq(&r->client, &t->client_ip) && r->client_port == t->client_port;
}

static bool is_nobodys(const struct relay *r)
{
	return r->hop->settings->identity != SETTINGS_IDENTITY_PROXY && !smtp_relay_is_bound(&r->smtp);
}

/* The connection that @t may have, now or soon: on its way for this client, free, or after an RSET. */
static struct relay *relay_for(const struct hop *h, const struct txn *t)
{
	struct relay *found = NULL;

	for (struct relay *r = h->relays; r; r = r->next) {
		if (r->closing || r->worn || r->txn)
			continue;
		if (!r->greeted ? is_of(r, t)
				: (hop_relay_is_free(r) || smtp_relay_resetting(&r->smtp)) &&
					  (is_of(r, t) || is_nobodys(r)))
			found = !found || is_of(r, t) ? r : found;
	}
	return found;
}

/* Gives the first message whose connection is free to it.  False: there is none. */
static bool start_one(struct shard *s, struct hop *h, uint64_t now_us)
{
	for (struct txn *t = h->waiting; t; t = t->next) {
		struct relay *r = relay_for(h, t);

		if (!r || !hop_relay_is_free(r))
			continue;
		if (r->used && t->retried) { /* it may be as stale as the first */
			relay_drop_idle(s, h, now_us);
			return true;
		}
		hop_leave(s, t);
		relay_start(s, r, t, now_us);
		relay_run(s, r, now_us);
		return true;
	}
	return false;
}

/* Those that say QUIT leave room once it is answered. */
static uint32_t n_leaving(const struct hop *h)
{
	uint32_t n = 0;

	for (const struct relay *r = h->relays; r; r = r->next)
		n += r->closing || (r->greeted && !r->ready && !r->txn && !smtp_relay_resetting(&r->smtp));
	return n;
}

static struct relay *idle_of_others(const struct hop *h)
{
	struct relay *oldest = NULL;

	for (struct relay *r = h->relays; r; r = r->next)
		if (hop_relay_is_free(r) && (!oldest || r->since_us < oldest->since_us))
			oldest = r;
	return oldest;
}

/* While it does not work, one connection sees whether it does. */
static bool may_connect(const struct hop *h)
{
	return !h->down_until_us || h->n_connecting == 0;
}

void hop_serve_clients(struct shard *s, struct hop *h, uint64_t now_us)
{
	uint32_t n_without_room = 0;

	while (start_one(s, h, now_us))
		;
	for (const struct txn *t = h->waiting; t; t = t->next)
		if (!relay_for(h, t) && may_connect(h) && !relay_connect(s, h, false, t, now_us))
			n_without_room++;
	for (struct relay *r; n_without_room > n_leaving(h) && (r = idle_of_others(h));)
		relay_quit(s, r, now_us);
	if (h->waiting && h->n_relays == 0)
		hop_connect_failed(s, h, now_us);
}
