// SPDX-License-Identifier: MIT
/*
 * load_kernel.c - the generator's conversations over the kernel's sockets, by epoll
 *
 * Edges are waited for, not levels: whoever is told READABLE reads until nothing is left.  A socket that ended is used
 * again only after the next wait, since events of the present one may still name it.
 */
#include "tools/load/load_kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/base/pool.h"

enum { EVENTS_MAX = 256, BUFFER = 65536 };

struct socket {
	void *user;
	struct socket *next; /* of those that ended */
	int fd;
	bool connected, eof, failed, over;
	bool waits; /* a send was short */
};

struct load_kernel {
	struct load_wire wire; /* first */
	int epoll, listener;   /* -1: none */
	struct pool sockets;
	void *memory;
	struct epoll_event events[EVENTS_MAX];
	int n_events, at;
	struct socket *reading; /* that was told to be readable */
	struct socket *ended;   /* not told yet */
	struct socket *told;    /* ended and told: free after the next wait */
	size_t from, to;        /* of `buffer`: octets of `reading` */
	uint8_t buffer[BUFFER];
};

static struct load_kernel *kernel_of(struct load_wire *w)
{
	return (struct load_kernel *)w;
}

static struct socket *socket_of(struct tcp_conn *c)
{
	return (struct socket *)c;
}

static struct tcp_conn *conn_of(struct socket *s)
{
	return (struct tcp_conn *)s;
}

/* --- opening and ending ------------------------------------------------------------------------- */

static struct sockaddr_in address_of(const struct ip_addr *a, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	memcpy(&to.sin_addr, a->bytes, sizeof(to.sin_addr));
	return to;
}

/* A socket for @fd, which is taken. */
static struct socket *socket_new(struct load_kernel *k, int fd, void *user, bool connected)
{
	struct socket *s = fd >= 0 ? pool_take(&k->sockets) : NULL;
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s };
	int one = 1;

	if (s) {
		*s = (struct socket){ .fd = fd, .user = user, .connected = connected };
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &e) == 0)
			return s;
		pool_give(&k->sockets, s);
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static struct tcp_conn *kernel_connect(struct load_wire *w, const struct tcp_path *path, uint16_t port, void *user,
				       uint64_t now_us)
{
	struct sockaddr_in from = address_of(&path->local, 0), to = address_of(&path->remote, port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)now_us;
	/* The port is chosen when the other end is known: each address has all of them for it. */
	if (fd >= 0)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
			(connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS))) {
		close(fd);
		return NULL;
	}
	return conn_of(socket_new(kernel_of(w), fd, user, false));
}

static void end(struct load_kernel *k, struct socket *s)
{
	if (s->over)
		return;
	s->over = true;
	close(s->fd);
	s->next = k->ended;
	k->ended = s;
}

static void kernel_close(struct load_wire *w, struct tcp_conn *c, uint64_t now_us)
{
	(void)now_us;
	end(kernel_of(w), socket_of(c));
}

static void kernel_abort(struct load_wire *w, struct tcp_conn *c, uint64_t now_us)
{
	struct load_kernel *k = kernel_of(w);
	struct socket *s = socket_of(c);

	(void)now_us;
	s->over = true;
	close(s->fd);
	s->next = k->told;
	k->told = s;
}

/* --- octets ------------------------------------------------------------------------------------- */

static size_t kernel_send(struct load_wire *w, struct tcp_conn *c, struct span data, uint64_t now_us)
{
	struct socket *s = socket_of(c);
	ssize_t n = s->over ? -1 : send(s->fd, data.at, data.len, MSG_NOSIGNAL);

	(void)w, (void)now_us;
	if (n < 0)
		n = 0;
	s->waits = (size_t)n < data.len;
	return (size_t)n;
}

static struct span kernel_peek(struct load_wire *w, struct tcp_conn *c)
{
	struct load_kernel *k = kernel_of(w);
	struct socket *s = socket_of(c);

	if (k->reading != s || s->over)
		return SPAN("");
	if (k->from == k->to && !s->eof && !s->failed) {
		ssize_t n = recv(s->fd, k->buffer, sizeof(k->buffer), 0);

		s->eof = n == 0;
		s->failed = n < 0 && errno != EAGAIN;
		k->from = 0;
		k->to = n > 0 ? (size_t)n : 0;
	}
	return span_of(k->buffer + k->from, k->to - k->from);
}

static void kernel_consume(struct load_wire *w, struct tcp_conn *c, size_t n)
{
	(void)c;
	kernel_of(w)->from += n;
}

static void kernel_set_user(struct load_wire *w, struct tcp_conn *c, void *user)
{
	(void)w;
	socket_of(c)->user = user;
}

/* --- events ------------------------------------------------------------------------------------- */

static bool tell(struct tcp_event *e, struct socket *s, enum tcp_event_kind kind)
{
	*e = (struct tcp_event){ .kind = kind, .conn = conn_of(s), .user = s->user };
	return true;
}

static bool tell_ended(struct load_kernel *k, struct tcp_event *e)
{
	struct socket *s = k->ended;

	k->ended = s->next;
	s->next = k->told;
	k->told = s;
	return tell(e, s, s->failed ? TCP_EVENT_FAILED : TCP_EVENT_CLOSED);
}

/* What its reader found behind the last octet; false: nothing. */
static bool tell_end_of_reading(struct load_kernel *k, struct tcp_event *e)
{
	struct socket *s = k->reading;

	k->reading = NULL;
	k->from = k->to = 0;
	if (s->over)
		return false;
	if (s->failed)
		end(k, s);
	return s->eof && tell(e, s, TCP_EVENT_PEER_CLOSED);
}

/* One of the things that an event of epoll says; false: it says no more. */
static bool tell_event(struct load_kernel *k, struct epoll_event *of, struct tcp_event *e)
{
	struct socket *s = of->data.ptr;

	if (s->over)
		return false;
	if (!s->connected) {
		int error = 0;
		socklen_t len = sizeof(error);

		getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		s->failed = error != 0;
		s->connected = !s->failed;
		if (s->failed)
			end(k, s);
		return s->connected && tell(e, s, TCP_EVENT_CONNECTED);
	}
	if (s->waits && (of->events & EPOLLOUT)) {
		s->waits = false;
		return tell(e, s, TCP_EVENT_WRITABLE);
	}
	if (!(of->events & ~(uint32_t)EPOLLOUT))
		return false;
	of->events = 0;
	k->reading = s;
	return tell(e, s, TCP_EVENT_READABLE);
}

static bool tell_accepted(struct load_kernel *k, struct tcp_event *e)
{
	struct socket *s = socket_new(k, accept4(k->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), NULL, true);

	return s && tell(e, s, TCP_EVENT_ACCEPTED);
}

static bool kernel_event(struct load_wire *w, struct tcp_event *e)
{
	struct load_kernel *k = kernel_of(w);

	for (;;) {
		if (k->ended)
			return tell_ended(k, e);
		if (k->reading) {
			if (tell_end_of_reading(k, e))
				return true;
			continue;
		}
		if (k->at == k->n_events)
			return false;
		struct epoll_event *of = &k->events[k->at];

		if (of->data.ptr ? tell_event(k, of, e) : tell_accepted(k, e))
			return true;
		k->at += !k->ended;
	}
}

void load_kernel_wait(struct load_kernel *k, int ms)
{
	while (k->told) {
		struct socket *s = k->told;

		k->told = s->next;
		pool_give(&k->sockets, s);
	}
	k->n_events = epoll_wait(k->epoll, k->events, EVENTS_MAX, ms);
	if (k->n_events < 0)
		k->n_events = 0;
	k->at = 0;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static bool listen_at(struct load_kernel *k, uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct epoll_event e = { .events = EPOLLIN }; /* by level: its data names no socket */
	int one = 1;

	k->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return k->listener >= 0 && setsockopt(k->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	       bind(k->listener, (struct sockaddr *)&any, sizeof(any)) == 0 && listen(k->listener, 4096) == 0 &&
	       epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->listener, &e) == 0;
}

struct load_kernel *load_kernel_open(uint32_t connections, uint16_t listen_port)
{
	struct load_kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->wire = (struct load_wire){ kernel_connect, kernel_send,  kernel_peek,     kernel_consume,
				      kernel_close,   kernel_abort, kernel_set_user, kernel_event };
	k->listener = -1;
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	/* Those that ended wait for the next turn. */
	size_t n = 2 * (size_t)connections + EVENTS_MAX;

	k->memory = aligned_alloc(64, (pool_memory(n, sizeof(struct socket)) + 63) & ~(size_t)63);
	if (k->memory && k->epoll >= 0) {
		pool_init(&k->sockets, k->memory, n, sizeof(struct socket));
		if (!listen_port || listen_at(k, listen_port))
			return k;
	}
	load_kernel_close(k);
	return NULL;
}

void load_kernel_close(struct load_kernel *k)
{
	int error = errno;

	if (k->listener >= 0)
		close(k->listener);
	if (k->epoll >= 0)
		close(k->epoll);
	free(k->memory);
	free(k);
	errno = error;
}

struct load_wire *load_kernel_wire(struct load_kernel *k)
{
	return &k->wire;
}
