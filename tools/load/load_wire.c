// SPDX-License-Identifier: MIT
/*
 * load_wire.c - the generator's conversations over our own TCP
 */
#include "tools/load/load_wire.h"

static struct tcp *tcp_of(struct load_wire *w)
{
	return ((struct load_wire_tcp *)w)->tcp;
}

static struct tcp_conn *wire_connect(struct load_wire *w, const struct tcp_path *path, uint16_t port, void *user,
				     uint64_t now_us)
{
	return tcp_connect(tcp_of(w), path, port, NULL, NULL, user, now_us);
}

static size_t wire_send(struct load_wire *w, struct tcp_conn *c, struct span data, uint64_t now_us)
{
	return tcp_send(tcp_of(w), c, data, now_us);
}

static struct span wire_peek(struct load_wire *w, struct tcp_conn *c)
{
	return tcp_peek(tcp_of(w), c);
}

static void wire_consume(struct load_wire *w, struct tcp_conn *c, size_t n)
{
	tcp_consume(tcp_of(w), c, n);
}

static void wire_close(struct load_wire *w, struct tcp_conn *c, uint64_t now_us)
{
	tcp_close(tcp_of(w), c, now_us);
}

static void wire_abort(struct load_wire *w, struct tcp_conn *c, uint64_t now_us)
{
	tcp_abort(tcp_of(w), c, now_us);
}

static void wire_set_user(struct load_wire *w, struct tcp_conn *c, void *user)
{
	(void)w;
	tcp_set_user(c, user);
}

static bool wire_event(struct load_wire *w, struct tcp_event *e)
{
	return tcp_event(tcp_of(w), e);
}

void load_wire_tcp_init(struct load_wire_tcp *w, struct tcp *tcp)
{
	*w = (struct load_wire_tcp){ { wire_connect, wire_send, wire_peek, wire_consume, wire_close, wire_abort,
				       wire_set_user, wire_event },
				     tcp };
}
