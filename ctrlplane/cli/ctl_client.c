// SPDX-License-Identifier: MIT
/*
 * ctl_client.c - the other end of the control socket: one request, its answers
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctrlplane/cli/ctl_client.h"

#define PROTOCOL_VERSION 1
#define LINE_MAX_OCTETS (16 << 20) /* more than any answer has */

static bool failed(struct ctl_client *c, const char *what, const char *path, const char *remedy)
{
	snprintf(c->error, sizeof(c->error), "%.100s%.200s; %s", what, path, remedy);
	return false;
}

bool ctl_open(struct ctl_client *c, const char *socket_path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*c = (struct ctl_client){ .fd = -1 };
	if (strlen(socket_path) >= sizeof(a.sun_path))
		return failed(c, "too long a path: ", socket_path, "give another with --socket");
	memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return failed(c, "no socket: ", strerror(errno), "try again");
	if (connect(c->fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return true;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return failed(c, "no sekishod listens at ", socket_path, "start it, or name its socket with --socket");
	if (errno == EACCES)
		return failed(c, "you may not use ", socket_path, "be root or of the socket's group");
	return failed(c, "cannot connect: ", strerror(errno), "name another socket with --socket");
}

void ctl_close(struct ctl_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->line);
	json_decref(c->errors);
	c->errors = NULL;
	c->fd = -1;
	c->line = NULL;
}

bool ctl_ask(struct ctl_client *c, const char *command, json_t *args)
{
	json_t *o = json_pack("{s:i, s:s, s:O}", "v", PROTOCOL_VERSION, "command", command, "args", args);
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	bool sent = false;

	json_decref(o);
	if (!text)
		return failed(c, "the request cannot be made: ", command, "arguments must be UTF-8");
	size_t len = strlen(text), done = 0;
	text[len++] = '\n';
	while (done < len) {
		ssize_t n = send(c->fd, text + done, len - done, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	sent = done == len;
	free(text);
	/* What was not taken may have been answered all the same: too many clients. */
	return sent || errno == EPIPE || failed(c, "the request cannot be sent: ", strerror(errno), "try again");
}

/* Reads more; false with c->error set. */
static bool read_more(struct ctl_client *c, int wait_ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	if (c->cap - c->len < 65536) {
		char *line = c->cap < LINE_MAX_OCTETS ? realloc(c->line, c->cap + (1 << 20)) : NULL;
		if (!line)
			return failed(c, "the answer is too long", "", "ask for less");
		c->line = line;
		c->cap += 1 << 20;
	}
	int ready = poll(&p, 1, wait_ms);
	if (ready == 0)
		return failed(c, "sekishod does not answer", "", "see its log");
	ssize_t n = ready < 0 ? -1 : recv(c->fd, c->line + c->len, c->cap - c->len, 0);
	if (n == 0)
		return failed(c, "sekishod closed the connection", "", "see its log");
	if (n < 0)
		return errno == EINTR || failed(c, "cannot read: ", strerror(errno), "try again");
	c->len += (size_t)n;
	return true;
}

json_t *ctl_answer(struct ctl_client *c, bool *more, int wait_ms)
{
	char *end;
	json_t *answer, *result;

	while (!(end = c->len ? memchr(c->line, '\n', c->len) : NULL))
		if (!read_more(c, wait_ms))
			return NULL;
	answer = json_loadb(c->line, (size_t)(end - c->line), JSON_ALLOW_NUL, NULL);
	c->len -= (size_t)(end + 1 - c->line);
	memmove(c->line, end + 1, c->len);
	*more = json_is_true(json_object_get(answer, "more"));
	result = json_incref(json_object_get(answer, "result"));
	if (!result) {
		const char *error = json_string_value(json_object_get(answer, "error"));

		c->usage = json_is_true(json_object_get(answer, "usage"));
		json_decref(c->errors);
		c->errors = json_incref(json_object_get(answer, "errors"));
		snprintf(c->error, sizeof(c->error), "%s",
			 error ? error : "sekishod answers what it should not; use the sekishoctl of its version");
	}
	json_decref(answer);
	return result;
}
