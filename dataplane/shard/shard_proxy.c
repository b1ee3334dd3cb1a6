// SPDX-License-Identifier: MIT
/*
 * shard_proxy.c - clients behind a proxy, which says in front of each connection whose it is (PROXY protocol)
 *
 * A peer in smtp.proxy_from must send the header before anything else, and nothing is said to it before: who the client
 * is decides on the greeting already.  From then on its address is the one of the header, wherever an address counts;
 * what TCP counts by source it counts as the client's.
 */
#include "dataplane/shard/shard_state.h"
#include "dataplane/smtp/smtp_proxy.h"

_Static_assert(sizeof(((struct client_room *)0)->out) >= SMTP_PROXY_MAX, "a header is gathered there");

bool proxy_expected(const struct shard *s, const struct client *c)
{
	const struct settings *settings = config_settings(s, c->config);

	return settings_prefixes_have(settings->proxy_from, settings->n_proxy_from, &c->ip);
}

uint64_t proxy_deadline_us(const struct shard *s, const struct client *c)
{
	return c->started_us + config_settings(s, c->config)->smtp_proxy_timeout_s * 1000000;
}

/* What came is added to what there is, as far as it may be header.  The header's end is found where it lies: what follows
 * stays with TCP. */
static enum smtp_proxy_end gather(struct shard *s, struct client *c, struct smtp_proxy *header)
{
	enum smtp_proxy_end end = SMTP_PROXY_MORE;
	struct span in;

	while (end == SMTP_PROXY_MORE && (in = tcp_peek(s->tcp, c->conn)).len) {
		if (in.len > (size_t)(SMTP_PROXY_MAX - c->proxy_len))
			in.len = SMTP_PROXY_MAX - c->proxy_len;
		memcpy(c->room->out + c->proxy_len, in.at, in.len);
		end = smtp_proxy_parse(span_of(c->room->out, c->proxy_len + in.len), header);
		tcp_consume(s->tcp, c->conn, end == SMTP_PROXY_WHOLE ? header->len - c->proxy_len : in.len);
		c->proxy_len = (uint16_t)(c->proxy_len + in.len);
	}
	return end;
}

/* False, counted: the client's source has too many connections already. */
static bool is_now(struct shard *s, struct client *c, const struct smtp_proxy *header, uint64_t now_us)
{
	s->stats.shard_proxy_headers++;
	s->stats.shard_proxy_local += header->local;
	if (header->local)
		return true;
	if (!tcp_source_admits(s->tcp, &header->from, now_us)) {
		s->stats.shard_proxy_refused++;
		return false;
	}
	c->ip = header->from;
	c->port = header->port;
	c->handed_on = tcp_source_hand_on(s->tcp, c->conn, &c->ip, now_us);
	return true;
}

bool proxy_take(struct shard *s, struct client *c, bool *over, uint64_t now_us)
{
	struct smtp_proxy header;
	enum smtp_proxy_end end = gather(s, c, &header);

	*over = false;
	if (end == SMTP_PROXY_MORE && !c->peer_closed && now_us < proxy_deadline_us(s, c))
		return false;
	if (end == SMTP_PROXY_WHOLE) {
		c->proxy_awaited = false;
		*over = !is_now(s, c, &header, now_us);
		return !*over;
	}
	if (end == SMTP_PROXY_MORE && !c->peer_closed)
		s->stats.shard_proxy_late++;
	else
		s->stats.shard_proxy_bad++;
	*over = true;
	return false;
}
