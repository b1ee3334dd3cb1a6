// SPDX-License-Identifier: MIT
/*
 * load_options.h - what sekisho-load is asked to do
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "tools/load/load.h"

struct load_options {
	const char *device, *json;
	bool kernel;            /* over the kernel's sockets; `device` is NULL */
	struct net_if_addr own; /* of the port; the target's gateway to the clients */
	struct ip_addr gateway;
	uint16_t mtu;
	unsigned core, seconds, warm_up;
	uint32_t size;    /* of a generated message, octets */
	uint32_t domains; /* of made messages; 0: that of --mail-from alone */
	const char *corpus;
	bool target_is_mine, progress;
	struct load_settings load;
};

/* Ends the program with 0 after --help and --version, with 2 when it cannot be understood. */
void load_options_read(struct load_options *o, int argc, char **argv);

#endif
