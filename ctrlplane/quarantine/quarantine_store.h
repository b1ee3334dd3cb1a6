// SPDX-License-Identifier: MIT
/*
 * quarantine_store.h - quarantined messages on disk: a Maildir, and what is known of each in an index
 *
 * The index is a file beside the Maildir, or a database that several gateways share (ctrlplane/sql/).  There each sees
 * what all of them hold, and each has the octets of its own.
 *
 * The order that makes a crash harmless:
 *
 *   put      tmp/ID written and synced -> cur/ID -> folder synced -> row committed -> 250
 *   delete   row committed away -> file removed
 *
 * At the start what is half of that is undone: files without a row were never acknowledged, rows without a file are of
 * no use.  So a message is here exactly if its client got 250, or lost the connection before it could.
 *
 *   HELD -> RELEASING -> RELEASED    by the operator; RELEASING at the start: HELD again, with a note
 *
 * One thread owns a store.
 */
#ifndef QUARANTINE_STORE_H
#define QUARANTINE_STORE_H

#include "dataplane/base/span.h"

enum quarantine_state { QUARANTINE_HELD, QUARANTINE_RELEASING, QUARANTINE_RELEASED };

struct quarantine_settings {
	const char *folder;  /* made when it is missing, with mode 0700 */
	const char *server;  /* of libpq: the index is there; NULL: a file in the folder */
	const char *gateway; /* this one; another name for each of a fleet */
	uint64_t octets_max, messages_max;
};

/* What is known of a message; spans are borrowed for the call, from the store until its next call. */
struct quarantine_item {
	char id[24];
	char gateway[256]; /* that has its octets */
	enum quarantine_state state;
	uint64_t time_s, released_s, size;
	struct span client, mail_from, from_domain, rule, subject, note;
	struct span rcpts; /* each ended by a NUL */
	bool body_8bit, smtputf8, requiretls;
};

enum quarantine_result { QUARANTINE_STORED, QUARANTINE_FULL /* 452 */, QUARANTINE_FAILED /* 451 */ };

struct quarantine_store;

/* NULL with @error set, of 256 octets.  A server need not answer yet. */
struct quarantine_store *quarantine_store_open(const struct quarantine_settings *s, char error[256]);
void quarantine_store_close(struct quarantine_store *st);

/* Whether the index answers; all that is below fails when it does not. */
bool quarantine_store_ready(struct quarantine_store *st);
const char *quarantine_store_why(const struct quarantine_store *st);

/**
 * quarantine_store_put - a message, on disk when this returns QUARANTINE_STORED, else not there at all
 * @read: gives its octets, run by run, item->size in all; empty at the end
 */
enum quarantine_result quarantine_store_put(struct quarantine_store *st, const struct quarantine_item *item,
					    struct span (*read)(void *arg), void *arg);

bool quarantine_store_get(struct quarantine_store *st, const char *id, struct quarantine_item *out);
/* Only what is here can be read, released and deleted here. */
bool quarantine_store_is_here(const struct quarantine_store *st, const struct quarantine_item *item);
/* Its octets, malloc()ed; NULL: they are gone, or no memory. */
char *quarantine_store_octets(struct quarantine_store *st, const char *id, size_t *len);
bool quarantine_store_set(struct quarantine_store *st, const char *id, enum quarantine_state state, uint64_t released_s,
			  const char *note);
bool quarantine_store_delete(struct quarantine_store *st, const char *id);
/* Those that came before @before_s, 1000 at most; how many. */
unsigned quarantine_store_purge(struct quarantine_store *st, uint64_t before_s);

/* Newest first, @max at most, from the one behind @before on; NULL: from the newest. */
void quarantine_store_list(struct quarantine_store *st, unsigned max, const char *before,
			   void (*each)(void *arg, const struct quarantine_item *item), void *arg);
void quarantine_store_totals(const struct quarantine_store *st, uint64_t *n, uint64_t *octets);

#endif
