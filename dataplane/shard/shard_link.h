// SPDX-License-Identifier: MIT
/*
 * shard_link.h - what a worker and the control thread say to each other
 *
 * Four rings a worker.  A message belongs to who made it and comes back to it: `up` carries the worker's
 * messages and `up_back` brings them home; `down` carries the control thread's, `down_back` returns them.
 * So each side allocates and frees only what is its own.
 */
#ifndef SHARD_LINK_H
#define SHARD_LINK_H

#include "dataplane/base/ip_addr.h"
#include "dataplane/base/ring.h"
#include "dns/dns_question.h"

struct tls_context;

struct shard_link {
	struct ring up, up_back;     /* worker -> control, and home again */
	struct ring down, down_back; /* control -> worker, and home again */
};

enum shard_message_kind {
	/* up */
	SHARD_UP_QUESTION, /* struct shard_question: ask DNS */
	SHARD_UP_RECORD,   /* struct shard_record: one message is over */
	SHARD_UP_SESSIONS, /* struct shard_sessions: reply to SHARD_DOWN_SESSIONS */
	SHARD_UP_KEEP,     /* struct shard_keep: store this message; it comes home when that is done */
	SHARD_UP_DRAINED,  /* struct shard_message: no session is left, after SHARD_DOWN_DRAIN */
	SHARD_UP_SETTINGS, /* struct shard_message: the settings of version @tag are in force */
	/* down */
	SHARD_DOWN_ANSWER,   /* struct shard_answer */
	SHARD_DOWN_SESSIONS, /* struct shard_message: list your sessions */
	SHARD_DOWN_DRAIN,    /* struct shard_message: no new connections, 421 to idle ones, finish transactions */
	SHARD_DOWN_RESUME,
	SHARD_DOWN_FLUSH, /* struct shard_message: forget cached DNS answers */
	SHARD_DOWN_SEND,  /* struct shard_send: hand this message to a next hop */
	SHARD_DOWN_LISTS, /* struct shard_lists: from now on these are looked at; those before are free when it is home */
	SHARD_DOWN_SETTINGS, /* struct shard_settings: what begins from now on takes these */
	SHARD_DOWN_TLS,      /* struct shard_renewal */
};

struct shard_message {
	enum shard_message_kind kind;
	uint16_t worker;
	uint64_t tag; /* SESSIONS: comes back in the reply; SETTINGS: the version */
};

struct settings;
struct tls_context;

#define SHARD_CONFIGS_MAX 8 /* versions of the settings that sessions of one worker may be using at once */

/*
 * Published by the ring, reclaimed by it: the message comes home when the last session that began with these settings
 * has ended, so that they may be freed once it did from every worker.  At most SHARD_CONFIGS_MAX - 1 may be out, beside
 * those of the start, which stay.
 */
struct shard_settings {
	struct shard_message m;
	const struct settings *settings;
	struct tls_context *
		tls; /* taken with them, so that no next hop is met by the keys of another; NULL: that of before stays */
};

/* A message of our own.  It stays with the worker until its fate is known, and comes home with the reply. */
struct shard_send {
	struct shard_message m;
	struct shard_send *next; /* the worker's */
	char mail_from[324];
	struct span rcpts;  /* each ended by a NUL */
	struct span octets; /* whole, with CRLF; copied by the worker */
	bool body_8bit, smtputf8, requiretls;
	bool outbound;  /* to anybody's domain: a smarthost takes it, if there is one */
	int64_t report; /* its number; when a next hop took it, that is written down (SHARD_TOLD_TAKEN); 0: it is none */
	uint16_t code;  /* Out: of the next hop's reply; 452 when the worker has no room */
	char reply[256];
};

struct lists;

struct shard_lists {
	struct shard_message m;
	const struct lists *file, *live; /* either may be NULL */
	const struct lists *recipients;  /* NULL: there is no table */
};

/*
 * A message for the quarantine store, whose octets lie with the worker and are lent: whoever has this reads them, until he
 * sends it home with the code.
 */
struct shard_keep {
	struct shard_message m;
	struct shard *shard; /* the worker's, for read() */
	struct txn *txn;
	struct span (*read)(struct shard_keep *k); /* the next octets as a next hop would get them; empty: no more */
	uint64_t size;                             /* of all that read() gives */
	uint64_t time_unix_us;
	struct ip_addr client;
	char id[24];
	char mail_from[324];
	char from_domain[256], rule[64], subject[200];
	bool body_8bit, smtputf8, requiretls;
	uint32_t rcpts_len;
	char rcpts[34816]; /* each ended by a NUL */
	uint16_t code;     /* Out: 250 when it is on disk, 452 when there is no room, 451 */
};

struct shard_question {
	struct shard_message m;
	uint64_t ticket;
	struct dns_question q;
};

struct shard_answer {
	struct shard_message m;
	uint64_t ticket;
	struct dns_question q;
	_Alignas(8) uint8_t answer[]; /* struct dns_answer, with its records */
};

/* New certificates: the worker takes @context. */
struct shard_renewal {
	struct shard_message m;
	struct tls_context *context;
};

#define SHARD_SESSIONS_MAX 512 /* shown of one worker; more are only counted */

struct shard_session_row {
	struct ip_addr client;
	uint16_t client_port;
	char state[16];
	char helo[64];
	char tls[64];
	char mail_from[96];
	uint32_t age_s, n_messages;
};

struct shard_sessions {
	struct shard_message m;
	uint32_t n_total, n_rows;
	struct shard_session_row rows[SHARD_SESSIONS_MAX];
};

enum shard_hop_state {
	SHARD_HOP_UNKNOWN, /* never met */
	SHARD_HOP_UP,
	SHARD_HOP_DOWN,   /* its breaker is open */
	SHARD_HOP_TRYING, /* half open */
	SHARD_HOP_N_STATES,
};

/* One next hop as one worker knows it. */
struct shard_hop {
	enum shard_hop_state state;
	uint64_t retry_us;   /* DOWN: until it is tried again */
	char extensions[64]; /* of those that it decides on, what its last reply to EHLO offered: "8BITMIME DSN" */
	char tls_fault[64];  /* why the last handshake with it failed; "": it did not */
	uint64_t size_max;   /* by its SIZE; 0: it did not say */
	uint32_t n_connections, n_connecting, n_busy, n_waiting, n_failures; /* failures in a row */
	uint64_t connects, connects_failed, opened;                          /* since the start */
	uint64_t accepted, refused, lost;                                    /* messages */
};

/*
 * What a DMARC aggregate report tells of one message (RFC 9990 3.1), as texts that each end with a NUL: those of
 * enum shard_fact in their order, then d=, s= and the result of each DKIM signature.
 */
enum shard_fact {
	FACT_DISPOSITION, /* "pass" "none" "quarantine" "reject" */
	FACT_DKIM,        /* aligned: "pass" or "fail" */
	FACT_SPF,
	FACT_REASON, /* why the policy was not followed to the letter: a PolicyOverrideType, or "" */
	FACT_COMMENT,
	FACT_HEADER_FROM,
	FACT_ENVELOPE_FROM, /* domain of the reverse-path; "": null */
	FACT_SPF_DOMAIN,
	FACT_SPF_RESULT,
	N_FACTS
};

/*
 * What a worker writes down for reports, where it outlives the process: an entry of its ledger, which is this and then the
 * texts.  Another layout is another MAGIC (dataplane/base/ledger.c).
 */
enum shard_told_kind {
	SHARD_TOLD_MESSAGE, /* one message: its domain, policy and facts */
	SHARD_TOLD_TAKEN,   /* a next hop took report @number: its address, in place of the domain */
};

struct shard_told {
	uint64_t unix_s; /* when the reply was decided */
	int64_t number;
	struct ip_addr client;
	uint8_t kind;
	bool rua, ruf; /* the record has valid addresses there */
	uint16_t domain_len, policy_len, facts_len;
};

#define SHARD_POLICY_MAX 96 /* "method=treewalk;p=reject;sp=none;np=none;adkim=r;aspf=r;t=n" */
#define SHARD_FACTS_MAX 4096

/* All that is known of one message at its end; ctrlplane/record.c makes one line of JSON of it. */
struct shard_record {
	struct shard_message m;
	uint64_t time_unix_us; /* when the reply was decided */
	char id[24], session[24];
	struct ip_addr client;
	uint16_t client_port;
	char helo[256];
	char tls[64]; /* "": none */
	char mail_from[324];
	uint32_t n_rcpts;
	uint64_t size;
	char spf[12], iprev[12], dkim[12], arc[12], dmarc[12];
	char from_domain[256];
	char action[16], rule[48];
	char reply[640], nexthop[64], nexthop_reply[640];
	uint64_t dns_us, crypto_us,
		total_us;        /* waited for DNS after the final dot; in the crypto batch; DATA to reply */
	bool duplicate_possible; /* the next hop was lost after the final dot */
	/* The account, a line a step; NULL: none.  Worker's memory: whoever keeps the record copies it. */
	const char *steps;
	uint32_t steps_len;
	/* Of what follows only these many octets are written; see shard_record_copy(). */
	uint16_t rcpts_len, fields_len;
	char rcpts[4096];  /* each ended by a NUL; those that did not fit are only counted */
	char fields[8192]; /* the Authentication-Results and other fields put on top */
};

/* What is set of it; the most is a tenth of its size in nearly every record. */
static inline void shard_record_copy(struct shard_record *to, const struct shard_record *r)
{
	memcpy(to, r, offsetof(struct shard_record, rcpts));
	memcpy(to->rcpts, r->rcpts, r->rcpts_len);
	memcpy(to->fields, r->fields, r->fields_len);
}

#endif
