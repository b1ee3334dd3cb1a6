// SPDX-License-Identifier: MIT
/*
 * load_kernel.h - the generator's conversations over the kernel's sockets, by epoll
 *
 * The clients' addresses must be this machine's: `ip route add local 10.0.0.0/16 dev lo`.
 */
#ifndef LOAD_KERNEL_H
#define LOAD_KERNEL_H

#include "tools/load/load_wire.h"

struct load_kernel;

/* For @connections at once; @listen_port: of the sink, 0: none.  NULL: errno says why. */
struct load_kernel *load_kernel_open(uint32_t connections, uint16_t listen_port);
void load_kernel_close(struct load_kernel *k);
struct load_wire *load_kernel_wire(struct load_kernel *k);

/* What happened since, or happens within @ms; event() tells it. */
void load_kernel_wait(struct load_kernel *k, int ms);

#endif
