// SPDX-License-Identifier: MIT
/*
 * tcp.h - TCP in userspace as a sans-I/O core (RFC 9293): what its user sees
 *
 * One struct tcp is one shard's TCP.  Segments come in by tcp_input() (called by net.c once the IP
 * header is off), what happened is read by tcp_event(), what to send by tcp_next().  Time is `now_us`,
 * monotonic microseconds; randomness a seed.  Nothing is allocated after tcp_init().
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "dataplane/base/err.h"
#include "dataplane/base/ip_addr.h"
#include "dataplane/base/stats.h"
#include "dataplane/net/tcp_source.h"
#include "dataplane/net/tcp_table.h"

struct tcp;
struct tcp_conn;

enum tcp_congestion { TCP_CUBIC, TCP_NEWRENO };

struct tcp_settings {
	uint32_t conns_max;     /* connections in any state but TIME-WAIT and half-open */
	uint32_t half_open_max; /* SYN received, not yet acknowledged */
	uint32_t time_wait_max;
	uint32_t buffer_blocks; /* pool of TCP_BLOCK octets each, shared by all send and receive buffers */
	uint32_t receive_max;   /* octets buffered and offered as window, which begins with 64 KiB and grows */
	uint32_t send_max; /* octets taken by tcp_send() and not yet acknowledged; 64 KiB at first, grows with cwnd */
	uint32_t rto_min_us, rto_max_us;    /* 200 ms, 60 s */
	uint32_t syn_retries, data_retries; /* 5, 10: then the connection fails with ERR_TIMEOUT */
	uint32_t time_wait_us;              /* 60 s */
	uint16_t mss4, mss6;                /* what we announce: MTU less headers */
	uint16_t mss_min;                   /* whatever the peer or ICMP says (CVE-2019-11479) */
	enum tcp_congestion congestion;     /* how the window grows, and shrinks after a loss */
	bool syn_cookies;                   /* when half_open_max are waited for; else the SYN is dropped */
	struct tcp_source_settings sources; /* limits by where connections come from */
};

#define TCP_BLOCK 2048

struct tcp_settings tcp_settings_default(void);
size_t tcp_memory(const struct tcp_settings *settings); /* octets for tcp_init(), 64-byte aligned */
struct tcp *tcp_init(void *memory, const struct tcp_settings *settings, const uint8_t seed[16], struct stats *stats);

/* --- towards the network ------------------------------------------------------------------- */

/* What the IP layer knows of a segment. */
struct tcp_path {
	struct ip_addr local, remote;
	uint16_t ifindex;
	bool checksum_good; /* in: verified by the NIC or the IP layer already; false: tcp_input() verifies */
};

/* @segment: TCP header and data; borrowed until tcp_input_end(). */
void tcp_input(struct tcp *t, const struct tcp_path *path, struct span segment, uint64_t now_us);

/*
 * In a burst: the flow of each segment, and its bucket on the way; then the first key there; then the record.  What
 * @a says holds for as long as the struct tcp.  False: too short for a segment; tcp_input() counts it.
 */
struct tcp_ahead {
	struct tcp_key key;
	uint32_t hash;
};

bool tcp_ahead_pays(const struct tcp *t); /* false: all records are in the cache as it is */
bool tcp_ahead_bucket(const struct tcp *t, const struct tcp_path *path, struct span segment, struct tcp_ahead *a);
void tcp_ahead_key(const struct tcp *t, const struct tcp_ahead *a);
void tcp_ahead_record(const struct tcp *t, const struct tcp_ahead *a);

/* tcp_input() of a segment that was looked at ahead. */
void tcp_input_ahead(struct tcp *t, const struct tcp_path *path, struct span segment, const struct tcp_ahead *a,
		     uint64_t now_us);

/* To be called when the events that tcp_input() caused were handled: octets not consumed are copied now. */
void tcp_input_end(struct tcp *t, uint64_t now_us);

/* ICMP too-big for a segment that we sent: @quoted is the TCP header quoted (RFC 5927: sequence checked). */
void tcp_too_big(struct tcp *t, const struct tcp_path *path, struct span quoted, uint32_t mtu, uint64_t now_us);

/*
 * ICMP says that a segment of ours did not get there.  @hard: nor will the next one (RFC 1122 4.2.3.9).  Ends the open
 * that it is about, if the quoted sequence number proves that; an established connection is left alone (RFC 5927 5.2).
 */
void tcp_unreachable(struct tcp *t, const struct tcp_path *path, struct span quoted, bool hard, uint64_t now_us);

/**
 * tcp_next - the next segment to send
 * @segment, @cap: room for header and data, at least the path's MSS + 20; a full segment fills that
 * @path: set to the addresses
 *
 * Returns its length, 0 when there is nothing to send now.  The checksum field holds the pseudo-header
 * sum, folded and not complemented, if @offload (as NICs want it), the complete checksum otherwise.
 */
size_t tcp_next(struct tcp *t, uint8_t *segment, size_t cap, bool offload, struct tcp_path *path, uint64_t now_us);

/* Timers that are due. */
void tcp_step(struct tcp *t, uint64_t now_us);
uint64_t tcp_deadline_us(const struct tcp *t);

/* --- towards the user ---------------------------------------------------------------------- */

enum tcp_event_kind {
	TCP_EVENT_ACCEPTED,    /* a passive open is established; conn is new */
	TCP_EVENT_CONNECTED,   /* an active open is established */
	TCP_EVENT_READABLE,    /* tcp_peek() has octets */
	TCP_EVENT_PEER_CLOSED, /* FIN arrived and all before it is readable; more may be sent */
	TCP_EVENT_WRITABLE,    /* after a short tcp_send(): there is room again */
	TCP_EVENT_CLOSED,      /* gone in good order, and all is read: conn must not be used after this event */
	TCP_EVENT_FAILED,      /* reset, refused, unreachable or timed out (err): likewise gone */
};

struct tcp_event {
	enum tcp_event_kind kind;
	enum err err; /* FAILED: ERR_RESET or ERR_TIMEOUT or ERR_UNREACHABLE */
	struct tcp_conn *conn;
	void *user; /* as set by tcp_set_user() */
};

/* The next thing that happened; false when all is told. */
bool tcp_event(struct tcp *t, struct tcp_event *event);

/* Accept connections to @port on every local address.  Off again: tcp_unlisten(). */
enum err MUST_USE tcp_listen(struct tcp *t, uint16_t port);
void tcp_unlisten(struct tcp *t, uint16_t port);

/**
 * tcp_connect - active open
 * @port_filter, @filter_arg: NULL, or says whether a source port will do (RSS must bring the answers back here)
 *
 * Returns NULL when there is no free connection or port.  CONNECTED or FAILED follows.
 */
struct tcp_conn *tcp_connect(struct tcp *t, const struct tcp_path *path, uint16_t remote_port,
			     bool (*port_filter)(void *arg, uint16_t local_port), void *filter_arg, void *user,
			     uint64_t now_us);

/* The longest run of octets in order that is at hand in one piece; empty: none.  Valid until the next call
 * of tcp_consume(), tcp_input(), tcp_input_end() or tcp_step(). */
struct span tcp_peek(struct tcp *t, struct tcp_conn *c);
void tcp_consume(struct tcp *t, struct tcp_conn *c, size_t n); /* reopens the window */

/* Takes what there is room for and returns how much; the octets are copied.  Short: WRITABLE follows. */
size_t tcp_send(struct tcp *t, struct tcp_conn *c, struct span data, uint64_t now_us);
size_t tcp_send_room(const struct tcp *t, const struct tcp_conn *c);
size_t tcp_unacked(const struct tcp_conn *c); /* octets sent or queued that the peer has not acknowledged */

/* FIN after all that was sent.  CLOSED follows when the peer has closed too and all is read: go on reading, or
 * discarding, what comes (a reader who does not keeps the connection for a minute). */
void tcp_close(struct tcp *t, struct tcp_conn *c, uint64_t now_us);

/* Probes a connection that was silent for @idle_s seconds, now and again: a peer that answers no probe is FAILED.
 * 0: no more of that. */
void tcp_keepalive(struct tcp *t, struct tcp_conn *c, uint16_t idle_s, uint64_t now_us);

void tcp_abort(struct tcp *t, struct tcp_conn *c, uint64_t now_us); /* RST; c is gone at once, no event follows */

void tcp_set_user(struct tcp_conn *c, void *user);
const struct ip_addr *tcp_remote(const struct tcp_conn *c);
const struct ip_addr *tcp_local(const struct tcp_conn *c);
uint16_t tcp_remote_port(const struct tcp_conn *c);
uint16_t tcp_local_port(const struct tcp_conn *c);

/* Walks all connections (for `show tcp`): @cursor 0 at first; NULL at the end. */
struct tcp_conn *tcp_walk(struct tcp *t, size_t *cursor);
const char *tcp_state_text(const struct tcp_conn *c); /* "ESTABLISHED"... */

/* For how full they are: connections, handshakes waited for, TIME-WAIT records, blocks of buffers. */
enum tcp_pool { TCP_POOL_CONNS, TCP_POOL_HALVES, TCP_POOL_WAITS, TCP_POOL_BLOCKS };
struct pool;
const struct pool *tcp_pool(const struct tcp *t, enum tcp_pool which);

/* Stops the process if an invariant of tcp_conn.h is broken.  Looks at everything: for tests. */
void tcp_check(const struct tcp *t);

#endif
