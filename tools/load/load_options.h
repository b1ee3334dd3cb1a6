// SPDX-License-Identifier: MIT
/*
 * load_options.h - what sekisho-load is asked to do
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "tools/load/load.h"
#include "tools/load/load_corpus.h"

struct load_options {
	const char *device, *json;
	bool kernel;            /* over the kernel's sockets; `device` is NULL */
	struct net_if_addr own; /* of the port; the target's gateway to the clients */
	struct ip_addr gateway;
	uint16_t mtu;
	unsigned core, seconds, warm_up;
	struct load_plan plan;        /* of made messages */
	const char *keys;             /* NULL: fresh ones; a folder that keeps them */
	const char *corpus, *zone_to; /* NULL: made; not wanted */
	bool target_is_mine, progress;
	struct load_settings load;
};

/* Ends the program with 0 after --help and --version, with 2 when it cannot be understood. */
void load_options_read(struct load_options *o, int argc, char **argv);

#endif
