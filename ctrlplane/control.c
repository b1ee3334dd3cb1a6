// SPDX-License-Identifier: MIT
/*
 * control.c - the control socket: connections, lines, and time limits
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/control_state.h"
#include "ctrlplane/log.h"

/* Whether somebody listens at the socket file. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool alive = false;

	if (fd >= 0) {
		alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
		close(fd);
	}
	return alive;
}

/* The directories of @path that are missing. */
static bool make_directories(const char *path)
{
	char part[sizeof(((struct sockaddr_un *)0)->sun_path)];

	for (size_t i = 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0750) != 0 && errno != EEXIST)
			return false;
	}
	return true;
}

/* The system's own words for an error, and the remedy. */
static const char *cannot(int error)
{
	static char why[120];

	snprintf(why, sizeof(why), "%s; change server.control_socket", strerror(error));
	return why;
}

/* Makes way for our socket; says why not. */
static const char *remove_stale(const struct sockaddr_un *address)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? NULL : cannot(errno);
	if (!S_ISSOCK(st.st_mode))
		return "it is there and no socket; remove it or change server.control_socket";
	if (is_alive(address))
		return "another sekishod listens there; stop it or change server.control_socket";
	return unlink(address->sun_path) == 0 ? NULL : cannot(errno);
}

static const char *listen_at(struct control *c)
{
	const char *why;
	mode_t mask;

	if (!make_directories(c->address.sun_path))
		return cannot(errno);
	if ((why = remove_stale(&c->address)))
		return why;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return cannot(errno);
	mask = umask(0117); /* 0660 from the first moment on */
	bool bound = bind(c->fd, (const struct sockaddr *)&c->address, sizeof(c->address)) == 0;
	int why_not = errno;
	umask(mask);
	if (bound && control_has_groups(c) && chmod(c->address.sun_path, 0666) != 0)
		return cannot(errno);
	if (!bound || listen(c->fd, CONTROL_CLIENTS_MAX) != 0)
		return cannot(bound ? errno : why_not);
	return NULL;
}

struct control *control_open(const char *path, const struct control_env *env, char error[256])
{
	struct control *c = calloc(1, sizeof(*c));
	const char *why = "no memory; free some";

	if (c) {
		c->env = env;
		c->fd = -1;
		c->address.sun_family = AF_UNIX;
		why = "the path is too long; change server.control_socket";
		if (strlen(path) < sizeof(c->address.sun_path)) {
			memcpy(c->address.sun_path, path, strlen(path) + 1);
			why = control_groups_find(c, env->settings(env->arg), error) ? listen_at(c) : error;
		}
	}
	if (!why)
		return c;
	if (why != error)
		snprintf(error, 256, "cannot listen at %.100s: %.120s", path, why);
	if (c && c->fd >= 0)
		close(c->fd);
	free(c);
	return NULL;
}

static void client_close(struct client *client)
{
	if (client->state == CLIENT_FREE)
		return;
	close(client->fd);
	json_decref(client->rows);
	json_decref(client->change);
	free(client->in);
	free(client->out);
	*client = (struct client){ .state = CLIENT_FREE };
}

void control_close(struct control *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_close(&c->clients[i]);
	close(c->fd);
	unlink(c->address.sun_path);
	free(c);
}

/* Octets to send; false when more than CONTROL_REPLY_MAX would wait, or no memory. */
static bool put_out(struct client *client, const char *at, size_t len)
{
	if (len > CONTROL_REPLY_MAX - client->n_out)
		return false;
	if (client->n_out + len > client->out_cap) {
		size_t cap = client->n_out + len + 4096;
		char *out = realloc(client->out, cap);

		if (!out)
			return false;
		client->out = out;
		client->out_cap = cap;
	}
	memcpy(client->out + client->n_out, at, len);
	client->n_out += len;
	return true;
}

/* Takes @o; ends its line. */
static bool put_object(struct client *client, json_t *o)
{
	char *text = record_dump(o);
	bool put = false;

	json_decref(o);
	if (text) {
		size_t len = strlen(text);
		text[len] = '\n'; /* in place of the NUL: one piece, all of it or nothing */
		put = put_out(client, text, len + 1);
	}
	free(text);
	return put;
}

bool control_more(struct client *client, json_t *result)
{
	return put_object(
		client, json_pack("{s:i, s:b, s:b, s:o}", "v", CONTROL_VERSION, "ok", 1, "more", 1, "result", result));
}

void control_answer(struct client *client, json_t *result)
{
	client->state = CLIENT_IDLE;
	if (!put_object(client, json_pack("{s:i, s:b, s:o}", "v", CONTROL_VERSION, "ok", 1, "result", result)))
		control_fail(client, "the answer is too large; ask for less");
}

static void put_error(struct client *client, bool usage, const char *format, va_list args)
{
	char what[512];

	client->state = CLIENT_IDLE;
	vsnprintf(what, sizeof(what), format, args);
	json_t *o = json_pack("{s:i, s:b, s:o}", "v", CONTROL_VERSION, "ok", 0, "error", record_string(span_str(what)));
	if (usage)
		json_object_set_new(o, "usage", json_true());
	if (!put_object(client, o))
		client->closing = true;
}

void control_fail(struct client *client, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_error(client, false, format, args);
	va_end(args);
}

void control_refuse(struct client *client, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_error(client, true, format, args);
	va_end(args);
}

void control_fail_with(struct client *client, bool usage, json_t *errors, const char *what)
{
	json_t *o = json_pack("{s:i, s:b, s:s, s:o}", "v", CONTROL_VERSION, "ok", 0, "error", what, "errors", errors);

	client->state = CLIENT_IDLE;
	if (usage)
		json_object_set_new(o, "usage", json_true());
	if (!put_object(client, o))
		client->closing = true;
}

static void accept_client(struct control *c)
{
	static const char full[] = "{\"v\":1,\"ok\":false,\"error\":\"16 clients are connected; close one\"}\n";
	static const char nobody[] =
		"{\"v\":1,\"ok\":false,\"error\":\"not for you; ask for a place in server.control_read_group\"}\n";
	struct client *client = c->clients;
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	enum control_access access = control_access_of(c, fd);
	if (access == CONTROL_MAY_NOTHING) {
		if (send(fd, nobody, sizeof(nobody) - 1, MSG_NOSIGNAL) < 0)
			log_debug("control: a client could not be told that it may do nothing");
		close(fd);
		return;
	}
	while (client < c->clients + CONTROL_CLIENTS_MAX && client->state != CLIENT_FREE)
		client++;
	char *in = client < c->clients + CONTROL_CLIENTS_MAX ? malloc(CONTROL_REQUEST_MAX) : NULL;
	if (!in) {
		if (send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL) < 0)
			log_debug("control: a client could not be told that there are too many");
		close(fd);
		return;
	}
	*client = (struct client){ .state = CLIENT_IDLE, .access = access, .fd = fd, .in = in };
	client->idle_deadline_us = c->now_us + CONTROL_IDLE_US;
}

/* Runs the complete lines that came, one after the other, until one of them has to be waited for. */
static void run_lines(struct control *c, struct client *client)
{
	size_t done = 0, end;

	while (client->state == CLIENT_IDLE && !client->closing &&
	       (end = span_find(span_of(client->in + done, client->n_in - done), '\n')) != SPAN_NONE) {
		client->idle_deadline_us = c->now_us + CONTROL_IDLE_US;
		control_run(c, client, span_trim(span_of(client->in + done, end)));
		done += end + 1;
	}
	client->n_in -= done;
	memmove(client->in, client->in + done, client->n_in);
	if (client->state == CLIENT_IDLE && client->n_in == CONTROL_REQUEST_MAX) {
		control_fail(client, "the request is longer than %d octets", CONTROL_REQUEST_MAX);
		client->closing = true;
	}
}

/*
 * False when the client is gone.  Whatever a tracing client sends ends its trace: it has nothing else to say.  One
 * that has said all (shutdown(2)) still gets what it asked for.
 */
static bool read_some(struct control *c, struct client *client, bool hung_up)
{
	ssize_t n = read(client->fd, client->in + client->n_in, CONTROL_REQUEST_MAX - client->n_in);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (client->state == CLIENT_TRACE)
		control_answer(client, json_pack("{s:I}", "missed", client->n_missed));
	if (n == 0) {
		client->half_closed = true;
		return !hung_up;
	}
	client->n_in += (size_t)n;
	run_lines(c, client);
	return true;
}

static bool write_some(struct client *client)
{
	if (client->n_out) {
		ssize_t n = send(client->fd, client->out, client->n_out, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		client->n_out -= (size_t)n;
		memmove(client->out, client->out + n, client->n_out);
	}
	return !(client->closing && client->n_out == 0);
}

size_t control_fds(struct control *c, struct pollfd *fds)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = &c->clients[i];
		bool reads = (client->state == CLIENT_IDLE || client->state == CLIENT_TRACE) &&
			     client->n_in < CONTROL_REQUEST_MAX && !client->closing && !client->half_closed;

		if (client->state != CLIENT_FREE)
			fds[n++] = (struct pollfd){ .fd = client->fd,
						    .events = (short)((reads ? POLLIN : 0) |
								      (client->n_out ? POLLOUT : 0)) };
	}
	return n;
}

static void time_limit(struct control *c, struct client *client)
{
	bool waits = client->state == CLIENT_SESSIONS || client->state == CLIENT_DNS || client->state == CLIENT_SIDE ||
		     client->state == CLIENT_LISTS || client->state == CLIENT_SETTINGS;

	if (client->state == CLIENT_SESSIONS && c->now_us >= client->wait_deadline_us)
		control_sessions_done(client);
	else if ((client->state == CLIENT_DNS || client->state == CLIENT_SIDE) && c->now_us >= client->wait_deadline_us)
		control_fail(client, "no answer in time; try again");
	else if (client->state == CLIENT_LISTS || client->state == CLIENT_SETTINGS)
		control_change_turn(c, client);
	else if (!waits && client->state != CLIENT_TRACE && c->now_us >= client->idle_deadline_us)
		client->closing = true;
}

static void handle_client(struct control *c, struct client *client, short revents)
{
	bool hung_up = (revents & POLLHUP) != 0;
	bool alive = !(revents & (POLLERR | POLLNVAL)) && !(hung_up && client->half_closed);

	if (alive && (revents & (POLLIN | POLLHUP)) && client->n_in < CONTROL_REQUEST_MAX)
		alive = read_some(c, client, hung_up);
	if (alive)
		time_limit(c, client);
	if (alive && client->state == CLIENT_IDLE)
		run_lines(c, client); /* those that waited behind an answer that has come */
	if (client->half_closed && client->state == CLIENT_IDLE)
		client->closing = true;
	if (alive && (client->n_out || client->closing))
		alive = write_some(client);
	if (!alive)
		client_close(client);
}

void control_handle(struct control *c, const struct pollfd *fds, size_t n_fds, uint64_t now_us)
{
	c->now_us = now_us;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &c->clients[i];
		short revents = 0;

		if (client->state == CLIENT_FREE)
			continue;
		for (size_t j = 0; j < n_fds; j++)
			if (fds[j].fd == client->fd)
				revents = fds[j].revents;
		handle_client(c, client, revents);
	}
	/* Last, so that a descriptor's new number is not taken for the old one's event. */
	for (size_t j = 0; j < n_fds; j++)
		if (fds[j].fd == c->fd && (fds[j].revents & POLLIN))
			accept_client(c);
}

void control_hear_record(struct control *c, const struct shard_record *r)
{
	if (!c)
		return;
	control_latency_add(c, r);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &c->clients[i];

		if (client->state != CLIENT_TRACE || !record_matches(&client->filter, r))
			continue;
		if (!control_more(client, record_json(r)))
			client->n_missed++;
		if (client->n_left > 0 && --client->n_left == 0)
			control_answer(client, json_pack("{s:I}", "missed", client->n_missed));
	}
}
