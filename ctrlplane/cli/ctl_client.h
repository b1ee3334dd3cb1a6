// SPDX-License-Identifier: MIT
/*
 * ctl_client.h - the other end of the control socket: one request, its answers
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct ctl_client {
	int fd;
	char *line; /* what has come and is not yet used */
	size_t len, cap;
	char error[512]; /* what is wrong; what to do */
	bool usage;      /* the daemon says that the request itself is wrong */
	json_t *errors;  /* ... all that is wrong, a list of sentences; NULL: the error says it */
};

/* False: c->error says why.  Close it in any case. */
bool ctl_open(struct ctl_client *c, const char *socket_path);
void ctl_close(struct ctl_client *c);

/* @args: borrowed. */
bool ctl_ask(struct ctl_client *c, const char *command, json_t *args);

/**
 * ctl_answer - the next answer
 * @more: set when others follow
 * @wait_ms: how long the daemon may take; -1: for ever
 *
 * Returns the result, the caller's to release; or NULL, and c->error says why, in the daemon's words if it refused.
 */
json_t *ctl_answer(struct ctl_client *c, bool *more, int wait_ms);

#endif
