// SPDX-License-Identifier: MIT
/*
 * check_options.h - the command line of sekisho-check
 */
#ifndef CHECK_OPTIONS_H
#define CHECK_OPTIONS_H

#include "tools/check/check_run.h"

struct check_options {
	bool jsonl, json, explain;
	struct ip_addr ip;
	const char *helo, *mail_from; /* NULL: not given */
	bool has_now;
	uint64_t now_unix;
	const char *zone_file;
	const char *resolver;     /* "192.0.2.53", "192.0.2.53@5353" */
	const char *message_file; /* NULL: no message; "-": standard input */
	struct check_settings settings;
};

/* Returns -1 to go on, or the status to exit with; what was wrong has then been said. */
int check_options(struct check_options *o, int argc, char **argv);

#endif
