// SPDX-License-Identifier: MIT
/*
 * control.h - the control socket: what sekishoctl asks and who answers
 *
 * A Unix stream socket; one JSON object a line each way, see README.md.  Nothing here waits: the control thread polls
 * the descriptors of control_fds() together with its own and hands the result to control_handle().  What the daemon
 * is asked for comes from struct control_env; what it can only tell later (sessions, DNS answers) it hands in later.
 */
#ifndef CTRLPLANE_CONTROL_H
#define CTRLPLANE_CONTROL_H

#include <poll.h>

#include "conf/settings.h"
#include "ctrlplane/policy/rules.h"
#include "ctrlplane/record.h"
#include "dataplane/base/stats.h"
#include "dns/dns_desk.h"

#define CONTROL_VERSION 1      /* of the protocol */
#define CONTROL_CLIENTS_MAX 16 /* more are told so and closed */
#define CONTROL_FDS_MAX (CONTROL_CLIENTS_MAX + 1)
#define CONTROL_REQUEST_MAX (64 << 10)   /* octets of a request line; a longer one closes the connection */
#define CONTROL_REPLY_MAX (4 << 20)      /* octets that wait for one client; trace lines beyond are counted as missed */
#define CONTROL_SESSIONS_MAX 2000        /* rows of show sessions */
#define CONTROL_SETTINGS_WAIT_US 2000000 /* for all workers to take new settings; then it is told how many did not */
#define CONTROL_SESSIONS_WAIT_US 2000000 /* for all workers; then with those that answered */
#define CONTROL_READ_WAIT_US 300000000   /* for lists to be read; then it is told that they are not */
#define CONTROL_SIDE_WAIT_US 60000000    /* for a side thread, which may be writing */
#define CONTROL_DNS_WAIT_US 60000000 /* for an answer that never comes back; the resolver has its own, shorter limit */
#define CONTROL_IDLE_US 600000000    /* without a request and without a trace; then the connection is closed */

#define CONTROL_CLASSES 6 /* of crypto jobs */

/* What a verification costs by plain OpenSSL, by lanes and by the device, in ns, measured at the start; 0: not measured. */
struct control_crypto_cost {
	uint32_t openssl, lanes, device;
};

struct control_status {
	const char *version; /* of the program */
	const char *config;  /* path */
	uint64_t started_unix_us, uptime_s;
	bool draining, drained;
	uint64_t dns_flights; /* questions under way */
	uint64_t records_written, records_dropped;
	const char *crypto_backend;                   /* its name */
	const char *crypto_by_class[CONTROL_CLASSES]; /* who verifies */
	struct control_crypto_cost crypto_cost[CONTROL_CLASSES];
	bool bodies_paired; /* bodies are hashed two side by side */
};

#define CONTROL_LIMITS_MAX 13

/* A limit of a worker, how near it is and was, and how often it was reached. */
struct control_limit {
	const char *name; /* of its setting, or what it bounds */
	uint64_t used, most, limit, refused;
};

/* One port, as its driver knows it. */
struct control_port {
	char mac[18]; /* "02:00:5e:10:00:00" */
	char driver[32];
	bool link_up;
	uint32_t speed_mbps; /* 0: not known */
	uint64_t rx_packets, rx_octets, rx_missed, rx_errors, rx_no_buffer;
	uint64_t tx_packets, tx_octets, tx_errors;
};

/* LATER: lists are being read for it; it is to be asked for again. */
enum control_outcome { CONTROL_FAILED, CONTROL_DONE, CONTROL_LATER };

/* What became of a reload or a rollback. */
struct control_change {
	uint64_t version; /* published; 0: nothing is changed */
	uint64_t back_to; /* rollback: the version whose settings these are */
	bool usage;       /* the file is at fault */
	json_t *changed;  /* lists of names: settings that are in force from now on */
	json_t *restart;  /* ... that the file has otherwise, and that wait for a restart */
	json_t *errors;   /* list of sentences */
};

/* An entry that is put on the allow or the deny list, or taken from it. */
struct control_list_change {
	unsigned bits;           /* LISTS_ALLOW or LISTS_DENY */
	const char *kind, *what; /* "prefix" "domain" "helo"; the entry */
	bool add;
	/* Out: */
	uint64_t version; /* of the lists; published */
	bool changed;     /* false: it was so before */
	bool usage;       /* the entry is none */
	char entry[400];  /* "deny prefix 192.0.2.0/24" */
	char error[400];
};

/* What the daemon tells of as it is. */
enum control_shown { CONTROL_GREYLIST, CONTROL_DNSBL };

void control_change_begin(struct control_change *c);
void control_change_end(struct control_change *c);

/* What the daemon lends; every function is called from control_handle() only, with @arg, and must not wait. */
struct control_env {
	void *arg;
	unsigned n_workers; /* at most STATS_WORKERS_MAX; may be set after control_open() */
	const struct record_ring *records;
	const struct settings *(*settings)(void *arg); /* in force now */
	const struct stats *(*stats)(void *arg, unsigned worker);
	/* Those of @worker in the order of shard_limits(); returns how many. */
	unsigned (*limits)(void *arg, unsigned worker, struct control_limit out[CONTROL_LIMITS_MAX]);
	const struct histogram *(*latency)(void *arg, unsigned worker);           /* as shard_latency() */
	const struct policy_counts *(*policy_counts)(void *arg, unsigned worker); /* of the rules in force */
	void (*status)(void *arg, struct control_status *out);
	bool (*port)(void *arg, unsigned index, struct control_port *out); /* index as in settings; false: not known */
	void (*next_hop)(void *arg, unsigned worker, unsigned index, struct shard_hop *out); /* index as in settings */
	/* What is known of its TLSA records, in a few words; "": it is not known by them. */
	const char *(*next_hop_tlsa)(void *arg, unsigned index);
	void (*dns_counts)(void *arg, struct dns_cache_counts *cache, struct dns_desk_counts *desk);
	bool (*dns_walk)(void *arg, uint32_t *cursor, struct dns_cache_row *row); /* as dns_cache_walk() */
	size_t (*dns_flush)(void *arg,
			    struct span name); /* the workers' caches as well; empty: all; how many entries */
	/* Answer by control_dns_answer(), which may happen before this returns.  False: too many under way. */
	bool (*dns_lookup)(void *arg, const struct dns_question *q, uint64_t tag);
	/* Sends SHARD_DOWN_SESSIONS; answer by control_sessions().  False: that worker's ring is full. */
	bool (*sessions)(void *arg, unsigned worker, uint64_t tag);
	void (*drain)(void *arg);
	bool (*resume)(void *arg); /* false: it is about to end */
	/* @c: begun; FAILED: c->errors say why nothing is changed; LATER: again when lists_reading() is over, with another @c. */
	enum control_outcome (*reload)(void *arg, struct control_change *c);
	enum control_outcome (*rollback)(void *arg, struct control_change *c);
	bool (*lists_reading)(void *arg);
	/* A report command; takes @args.  Answer by control_side_answer(), perhaps before this returns.  False: too busy. */
	bool (*report)(void *arg, const char *command, json_t *args, uint64_t tag);
	bool (*quarantine)(void *arg, const char *command, json_t *args, uint64_t tag); /* the same */
	unsigned (*settings_awaited)(void *arg, uint64_t version);     /* workers that have not taken it yet */
	bool (*list_change)(void *arg, struct control_list_change *c); /* false: c->error says why nothing is changed */
	json_t *(*list_show)(void *arg, unsigned bits);
	json_t *(*show)(void *arg, enum control_shown what);
	unsigned (*lists_awaited)(void *arg, uint64_t version);
};

struct control;

/**
 * control_open - listen at @path
 * @env: borrowed for the life of the control
 * @error: room for 256 octets; set when NULL is returned
 *
 * Makes the directory (mode 0750) when it is missing and the socket with mode 0660.  A socket file at which nobody
 * listens is removed first; one at which somebody does, or anything that is no socket, is an error.
 */
struct control *control_open(const char *path, const struct control_env *env, char error[256]);

/* Closes all connections and removes the socket file; nothing to do for NULL. */
void control_close(struct control *c);

/* Fills in what to poll for, at most CONTROL_FDS_MAX; returns how many.  Call before every poll(). */
size_t control_fds(struct control *c, struct pollfd *fds);

/* What poll() said of these descriptors; also runs the time limits, so call it each turn.  @now_us: monotonic. */
void control_handle(struct control *c, const struct pollfd *fds, size_t n_fds, uint64_t now_us);

/* Those below do nothing while @c is NULL: nobody asks before the socket is open, or when it could not be. */

/* A record: to those who trace, and how long it took into the statistics. */
void control_hear_record(struct control *c, const struct shard_record *r);

/* Late answers; a tag that nobody waits for (any more) is ignored. */
void control_sessions(struct control *c, const struct shard_sessions *s);
void control_dns_answer(struct control *c, uint64_t tag, const struct dns_answer *answer);
/* Of a side thread; takes @result, and when it is NULL tells @error. */
void control_side_answer(struct control *c, uint64_t tag, json_t *result, const char *error, bool refused);

#endif
