// SPDX-License-Identifier: MIT
/*
 * shard_tls.h - connections under TLS: the octets of both sides, handshakes, addresses that fail at them
 *
 * A client or a relay reads and writes by wire_peek(), wire_consume() and wire_send(): straight from and to TCP, until
 * tls_begin() put TLS between.
 */
#ifndef SHARD_TLS_H
#define SHARD_TLS_H

#include "crypto/tls.h"
#include "dataplane/base/siphash.h"
#include "dataplane/net/tcp.h"

struct shard;

/* One connection under TLS, from either side. */
struct shard_tls {
	struct shard *shard;
	struct tcp_conn *conn;
	void *peer; /* struct client or struct relay: its first member says which */
	struct tls_conn *tls;
	struct shard_tls *next, *prev; /* of those whose handshake has a turn to come */
	uint64_t now_us;               /* of the call of the driver that is under way */
	uint64_t until_us;             /* when the handshake must be done; 0: it is */
	size_t budget;                 /* octets that it may read */
	bool begun;                    /* octets are TLS's; before, the last reply in the clear is on its way */
	bool waits;                    /* in that list */
	bool peer_closed;              /* TCP's FIN came */
	bool over;                     /* the peer says no more: close_notify, or TLS failed */
	bool failed, given_up;         /* its handshake was waited for in vain */
	char facts[TLS_FACTS_MAX];     /* once the handshake is done */
};

/*
 * Takes an object, and a connection of the driver: of a client, @tickets as it may have them, or to next hop @hop when that
 * is not negative.  NULL, counted: there are too many already, or no memory.
 */
struct shard_tls *tls_take(struct shard *s, struct tcp_conn *conn, void *peer, int hop, bool tickets, uint64_t now_us);
void tls_begin(struct shard_tls *t);
void tls_give(struct shard *s, struct shard_tls *t);

/* Something happened to the connection.  True when the handshake is done; else it has a turn. */
bool tls_ready(struct shard *s, struct shard_tls *t, bool peer_closed);

/* When a handshake will be late; one that is late already has its turn, which sees to it. */
static inline uint64_t tls_deadline_us(const struct shard_tls *t, uint64_t now_us)
{
	return t && t->until_us > now_us ? t->until_us : UINT64_MAX;
}

/* One handshake goes on: each may cost a signature, and packets wait meanwhile.  False: none waits. */
bool tls_step(struct shard *s, uint64_t now_us);

/* @tls is NULL on a connection that never began it. */
struct span wire_peek(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, uint64_t now_us);
void wire_consume(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, size_t n, uint64_t now_us);
/* As tcp_send(); when TLS has failed all are taken and dropped. */
size_t wire_send(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, struct span bytes, uint64_t now_us);
/* close_notify, before the connection is closed. */
void wire_close(struct shard_tls *tls, uint64_t now_us);

/* --- addresses whose handshakes fail (shard_tls_failed.c) ---------------------------------------- */

/* Four to a set; a new one takes the place of the oldest of its set. */
struct tls_failed {
	struct siphash_key key;
	struct tls_failed_row {
		struct ip_addr addr;
		uint64_t until_us; /* 0: none */
	} * rows;
	size_t n_sets; /* a power of two */
};

size_t tls_failed_memory(size_t n_rows);
void tls_failed_init(struct tls_failed *f, void *memory, size_t n_rows, const struct siphash_key *key);
void tls_failed_add(struct tls_failed *f, const struct ip_addr *a, uint64_t until_us);
bool tls_failed_has(const struct tls_failed *f, const struct ip_addr *a, uint64_t now_us);

#endif
