// SPDX-License-Identifier: MIT
/*
 * neighbour.h - which MAC address an on-link address has, and who may say so
 *
 * One table for ARP (RFC 826) and neighbour discovery (RFC 4861).  An entry lives in one of four lists:
 *
 *	            neighbour_want()                    neighbour_ask()             answer
 *	  (none) ───────────────────────► DUE ───────────────────► ASKED ─────────────────► KNOWN
 *	    ▲                            ▲ │ has a MAC: ask it alone ▲  │ no answer in 3 s     │
 *	    └────────────────────────────┼─┼─────────────────────────┼──┘                      │
 *	                                 │ └───────► PROBED ─────────┘ 3 s: ask everybody      │
 *	                                 └── used 30 s after the last answer, or contradicted ─┘
 *
 * Trust: a MAC is taken from the answer to a question of ours, or from a neighbour that asks for us and is not known
 * yet.  Whatever contradicts a known entry (gratuitous ARP, unsolicited advertisement, a second answer) only makes
 * us ask the known MAC again: if its owner still answers, nothing changes; if not, everybody is asked.
 */
#ifndef NET_NEIGHBOUR_H
#define NET_NEIGHBOUR_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dataplane/net/rate.h"

#define NEIGHBOUR_ASK_US 1000000        /* between two questions (RFC 4861 10: RETRANS_TIMER) */
#define NEIGHBOUR_ASKS_MAX 3            /* MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT */
#define NEIGHBOUR_REACHABLE_US 30000000 /* REACHABLE_TIME */
#define NEIGHBOUR_ASKS_PER_S 1000       /* so that a flood from forged on-link addresses does not become one of ours */

enum neighbour_list {
	NEIGHBOUR_FREE,   /* in no list */
	NEIGHBOUR_DUE,    /* to be asked now */
	NEIGHBOUR_ASKED,  /* everybody was asked; no MAC */
	NEIGHBOUR_PROBED, /* the known MAC was asked; frames go there meanwhile */
	NEIGHBOUR_KNOWN,  /* in the order of the last answer */
	NEIGHBOUR_LISTS,
};

struct neighbour {
	struct ip_addr addr;
	uint16_t ifindex;
	uint8_t mac[6];
	bool has_mac;
	bool keep;      /* a gateway: never evicted */
	bool is_static; /* by setting: never evicted, asked, or believed otherwise */
	uint8_t list;   /* enum neighbour_list */
	uint8_t n_asked;
	uint16_t n_waiting;      /* frames that net_out.c keeps for it */
	uint64_t ask_us;         /* ASKED, PROBED: when to ask again */
	uint64_t fresh_until_us; /* KNOWN: from then on a frame makes us ask again; 0: it never answered a question */
	struct neighbour *next, *previous; /* in the list */
	struct neighbour *chain;           /* in the bucket, or free */
};

struct neighbours {
	struct neighbour *entries, *free, **buckets;
	struct neighbour *last; /* found: most frames go to the gateway */
	struct {
		struct neighbour *first, *last;
	} lists[NEIGHBOUR_LISTS];
	uint32_t n_max, n_used, n_without_mac, bucket_mask;
	struct siphash_key key;
	struct rate asks;
	struct stats *stats;
	/* Called before an entry without an answer goes away: its waiting frames go with it. */
	void (*on_drop)(void *arg, struct neighbour *gone);
	void *drop_arg;
};

size_t neighbour_memory(uint32_t n_max);
void neighbour_init(struct neighbours *t, void *memory, uint32_t n_max, const struct siphash_key *key,
		    struct stats *stats);

/* @addr has @mac, whatever anybody says.  For the start: there must be room. */
void neighbour_fix(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr, const uint8_t mac[6]);

/* The entry, or NULL; valid until the next call of anything but neighbour_find(). */
struct neighbour *neighbour_find(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr);

/**
 * neighbour_want - the entry of an address that a frame is to be sent to
 *
 * Frames may go to it at once if it has a MAC; otherwise neighbour_ask() will name it.  NULL when the table is full
 * of neighbours in use, or half full of ones that did not answer yet.
 */
struct neighbour *neighbour_want(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr, bool keep,
				 uint64_t now_us);

/* An answer arrived.  Returns the entry when it has a MAC now that it had not: frames can go. */
struct neighbour *neighbour_answer(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr,
				   const uint8_t mac[6], uint64_t now_us);

/* @addr asked for us, or announced itself (@asked_us false: never a new entry).  Returns as neighbour_answer(). */
struct neighbour *neighbour_hint(struct neighbours *t, uint16_t ifindex, const struct ip_addr *addr,
				 const uint8_t mac[6], bool asked_us, uint64_t now_us);

/* The next entry to ask for: that MAC alone if it has one, else everybody.  NULL when there is none now. */
struct neighbour *neighbour_ask(struct neighbours *t, uint64_t now_us);

/* When neighbour_ask() must be called next; UINT64_MAX: not before something else happens. */
uint64_t neighbour_deadline_us(const struct neighbours *t);

#endif
