// SPDX-License-Identifier: MIT
/*
 * report_store.h - what reports are made of, on disk: periods, their rows, their deliveries, addresses that are dead
 *
 * In a file, or in a database that several gateways share (ctrlplane/sql/).  One thread owns a store.  Whatever returns is
 * on disk when the call returns, but for rows, which are when report_store_commit() does.
 *
 *   a period   one policy domain, one policy as published, begin and end: becomes one report
 *   OPEN       takes rows                                   -> CLOSED by its end, or by report_store_close_now()
 *   CLOSED     its addresses are to be found out in DNS     -> ADDRESSED, or DONE when there is none
 *   ADDRESSED  has deliveries that are not over             -> DONE with the last
 *   DONE       kept for a while, to be looked at
 *
 *   a delivery PENDING -> SENDING -> SENT, or PENDING again (4yz), or FAILED (5yz, given up)
 *              SENDING when the process died: PENDING again at the next start, under the same Message-ID.
 *
 * A period that is not OPEN is worked on by who claims it: report_store_due() does so, for lease_s, and only its owner
 * changes it.  A gateway that was killed finds its own again at once, others find it when the lease is over.
 */
#ifndef REPORT_STORE_H
#define REPORT_STORE_H

#include "dataplane/base/ip_addr.h"

enum report_state { REPORT_OPEN, REPORT_CLOSED, REPORT_ADDRESSED, REPORT_DONE };
enum report_delivery_state { DELIVERY_PENDING, DELIVERY_SENDING, DELIVERY_SENT, DELIVERY_FAILED };

#define REPORT_ADDRESS_MAX 320     /* octets of an address that reports go to */
#define REPORT_STORE_TOGETHER 4096 /* messages of a transaction */
#define REPORT_NOTE_MAX 256        /* octets of a reply or a reason that are kept */

struct report_store_settings {
	const char *path;
	const char *server;  /* of libpq: the store is there, and not in a file; NULL */
	const char *owner;   /* this gateway; another name for each of a fleet */
	uint64_t interval_s; /* of a period, which begins at a multiple of it */
	uint64_t rows_max;   /* of a period; messages of further rows are counted in n_over */
	uint64_t store_mb;   /* of the file; then no row is added */
	uint64_t keep_s;     /* after it is DONE */
	uint64_t grace_s;    /* from its end on, for rows that are on their way from other gateways */
	uint64_t lease_s;    /* of a claim; longer than any step takes */
};

/* One message, as the worker told it (shard_link.h); all borrowed for the call. */
struct report_message {
	uint64_t unix_s;
	struct ip_addr client;
	struct span domain, policy, facts;
};

struct report_period {
	int64_t id;
	enum report_state state;
	uint64_t begin_s, end_s, next_s; /* next_s: not looked at before */
	uint64_t n_attempts;             /* to find its addresses */
	uint64_t n_rows, n_messages, n_over;
	char domain[256], policy[96];
	char note[REPORT_NOTE_MAX]; /* why it came to nothing; "" */
};

struct report_delivery {
	char address[REPORT_ADDRESS_MAX + 1];
	enum report_delivery_state state;
	uint64_t next_s, n_attempts;
	char reply[REPORT_NOTE_MAX];
};

struct report_suppressed {
	char address[REPORT_ADDRESS_MAX + 1];
	uint64_t until_s, n_failures;
	char reply[REPORT_NOTE_MAX];
};

struct report_store;

/* NULL with @error set, of which it has 256 octets.  A server need not answer yet: report_store_ready() says when. */
struct report_store *report_store_open(const struct report_store_settings *s, char error[256]);
void report_store_close(struct report_store *st);
bool report_store_ready(struct report_store *st); /* reaches for it again, when it is time */
const char *report_store_why(const struct report_store *st);

/**
 * report_store_add - count one message in its period and row
 *
 * In a store that is full a message of a row that exists is counted, one of another row in its period's n_over, one of
 * another period is lost.  False: the disk fails, and all since the last commit is undone.  After REPORT_STORE_TOGETHER
 * messages it commits by itself.
 */
bool report_store_add(struct report_store *st, const struct report_message *m);
bool report_store_commit(struct report_store *st); /* rows since the last one; false: they are undone */
void report_store_undo(struct report_store *st);
uint64_t report_store_n_lost(const struct report_store *st); /* messages, since the store was opened */

/* How far the ledger of that name is read, kept with the rows that were read there: by the next commit. */
bool MUST_USE report_store_keep_place(struct report_store *st, unsigned worker, uint64_t name, uint64_t place);
bool MUST_USE report_store_place(struct report_store *st, unsigned worker, uint64_t name, uint64_t *place);

/*
 * A worker wrote down that a next hop took this report: by the next commit it is in @file.  From there it goes to the
 * store that has the delivery, which may be another and away: false, and call again.
 */
bool MUST_USE report_store_taken(struct report_store *file, int64_t id, struct span address);
bool report_store_tell_taken(struct report_store *file, struct report_store *store);

/* Periods whose end has come are CLOSED. */
void report_store_close_due(struct report_store *st, uint64_t now_s);
/* Those of @domain (NULL: all) now, which is then their end.  What waits for a retry is due as well.  How many. */
unsigned report_store_close_now(struct report_store *st, const char *domain, uint64_t now_s);
/* One that is CLOSED or ADDRESSED and due, the one that waits longest; it is this gateway's for lease_s. */
bool report_store_due(struct report_store *st, uint64_t now_s, struct report_period *out);
bool report_store_period(struct report_store *st, int64_t id, struct report_period *out);
/* Of that domain, newest first; its rows are of use for a preview while it is OPEN. */
bool report_store_newest(struct report_store *st, const char *domain, struct report_period *out);

/* @each is called with a row's key (client address, NUL, facts) and count, in the order of the keys. */
typedef void report_row(void *arg, struct span key, uint64_t count);
bool report_store_rows(struct report_store *st, int64_t id, report_row *each, void *arg); /* false: not all of them */

/* CLOSED to ADDRESSED, with these addresses PENDING; without one it is DONE, for the reason @note. */
bool report_store_address(struct report_store *st, int64_t id, const char (*addresses)[REPORT_ADDRESS_MAX + 1],
			  size_t n, const char *note, uint64_t now_s);
/* Not now: looked at again at @next_s. */
void report_store_later(struct report_store *st, int64_t id, uint64_t next_s, const char *note);

/* The first PENDING delivery that is due.  False: the period has none now, and report_store_settle() says what of it. */
bool report_store_delivery(struct report_store *st, int64_t id, uint64_t now_s, struct report_delivery *out);
/* False: not written, or it is another gateway's by now; it must not be sent. */
bool report_store_sending(struct report_store *st, int64_t id, const char *address, uint64_t now_s);
/* False: not written, and must be said again.  Nothing is changed when it is another's by now. */
bool report_store_sent(struct report_store *st, int64_t id, const struct report_delivery *d);
/* ADDRESSED without an open delivery becomes DONE, another one is due when the first of them is. */
void report_store_settle(struct report_store *st, int64_t id, uint64_t now_s);

/* Addresses that refused: not written to before @until_s.  Each failure counts; success forgets it. */
bool report_store_suppressed(struct report_store *st, const char *address, struct report_suppressed *out);
void report_store_suppress(struct report_store *st, const struct report_suppressed *s);
bool report_store_unsuppress(struct report_store *st, const char *address);

/*
 * Of a fleet (report_forward.c): CLOSED periods of a gateway's file go to the database, 64 at most, each exactly once; how
 * many went.  What waits in the file is told by the other two.
 */
size_t report_store_forward(struct report_store *from, struct report_store *to, uint64_t now_s);
bool report_store_has_frozen(struct report_store *from);
uint64_t report_store_waiting(struct report_store *from); /* messages */

/* What is DONE for longer than keep_s goes. */
void report_store_purge(struct report_store *st, uint64_t now_s);

/* Lists for the operator, newest first, @max at most. */
void report_store_list(struct report_store *st, unsigned max, void (*each)(void *arg, const struct report_period *p),
		       void *arg);
void report_store_deliveries(struct report_store *st, int64_t id,
			     void (*each)(void *arg, const struct report_delivery *d), void *arg);
void report_store_suppressions(struct report_store *st, unsigned max,
			       void (*each)(void *arg, const struct report_suppressed *s), void *arg);

#endif
