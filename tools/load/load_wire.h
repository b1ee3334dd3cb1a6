// SPDX-License-Identifier: MIT
/*
 * load_wire.h - what carries the generator's conversations: our own TCP, or the kernel's sockets (load_kernel.h)
 *
 * Each call means what the function of that name in dataplane/net/tcp.h means.  A driver that is not our own TCP has
 * structs of its own behind `struct tcp_conn *`.
 */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H

#include "dataplane/net/tcp.h"

struct load_wire {
	struct tcp_conn *(*connect)(struct load_wire *w, const struct tcp_path *path, uint16_t port, void *user,
				    uint64_t now_us);
	size_t (*send)(struct load_wire *w, struct tcp_conn *c, struct span data, uint64_t now_us);
	struct span (*peek)(struct load_wire *w, struct tcp_conn *c);
	void (*consume)(struct load_wire *w, struct tcp_conn *c, size_t n);
	void (*close)(struct load_wire *w, struct tcp_conn *c, uint64_t now_us);
	void (*abort)(struct load_wire *w, struct tcp_conn *c, uint64_t now_us);
	void (*set_user)(struct load_wire *w, struct tcp_conn *c, void *user);
	/* READABLE is answered by peek() and consume() until nothing is left. */
	bool (*event)(struct load_wire *w, struct tcp_event *e);
};

struct load_wire_tcp {
	struct load_wire wire; /* first */
	struct tcp *tcp;
};

void load_wire_tcp_init(struct load_wire_tcp *w, struct tcp *tcp);

#endif
