// SPDX-License-Identifier: MIT
/*
 * greylist.h - senders who are asked to come again, and those who did
 *
 * A message waits until its triplet, that is the client's net, the reverse-path and the recipient, was seen before and
 * long enough ago.  A net whose triplets passed often enough is let through from then on.
 *
 * One table for all workers, since a retry is a new connection, which may come to another worker.  An entry is one
 * 64-bit word that is read and exchanged atomically: no lock, nobody waits, and of two workers that take the same free
 * place one looks for another.  Names are not kept, only a keyed hash of 24 bits within a bucket of eight words: a
 * stranger is taken for one of them once in two million messages, and cannot choose to be.
 *
 * When a bucket has no place, what is out of time goes first, then the triplet that has waited longest among those that
 * nobody came back for in four times the delay.  If there is none either the message is let through (GREYLIST_FULL):
 * what fills the table must not keep strangers out.
 */
#ifndef POLICY_GREYLIST_H
#define POLICY_GREYLIST_H

#include <stdatomic.h>

#include "conf/settings.h"
#include "dataplane/base/siphash.h"

struct greylist;

size_t greylist_memory(uint64_t entries_max); /* octets for greylist_init() */

/* @memory: 64-byte aligned, zeroed, kept.  @entries_max is rounded up to a power of two. */
struct greylist *greylist_init(void *memory, uint64_t entries_max, const struct siphash_key *key);

enum greylist_answer {
	GREYLIST_NONE,   /* nobody asked */
	GREYLIST_WAITS,  /* to be deferred */
	GREYLIST_PASSES, /* this triplet has waited, now or earlier */
	GREYLIST_NET,    /* its net has shown that it comes again */
	GREYLIST_FULL,   /* there is no room to remember it */
};

/* What is asked for; borrowed for the call. */
struct greylist_triplet {
	struct ip_addr client;
	struct span domain; /* who stands for the message and takes the place of the client's net; empty: nobody */
	struct span mail_from, rcpt;
};

/**
 * greylist_ask - whether a message may pass, and from now on it is known
 * @now_s: wall clock, as the table may outlive us
 * @wait_s: set to the seconds that are left when it waits
 *
 * Digits of the reverse-path's local part count as one, and what follows a plus sign does not count: senders number
 * their bounces.
 */
enum greylist_answer greylist_ask(struct greylist *g, const struct settings *settings, const struct greylist_triplet *t,
				  uint32_t now_s, uint32_t *wait_s);

struct greylist_counts {
	uint64_t entries_max, waiting, passed, nets, nets_allowed;
};

/* Of what is in time.  Looks at every entry; from any thread. */
void greylist_counts(const struct greylist *g, const struct settings *settings, uint32_t now_s,
		     struct greylist_counts *out);

/*
 * The table as octets, with its key, for a file that the next start reads.  Restoring false: @octets are of a table of
 * another size or of none; the table is as before.
 */
struct span greylist_octets(const struct greylist *g);
bool MUST_USE greylist_restore(struct greylist *g, struct span octets);

#endif
