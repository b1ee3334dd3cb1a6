// SPDX-License-Identifier: MIT
/*
 * gateway.h - the whole gateway while it runs: ports and workers, resolver, control socket, records
 *
 * For main.c and gateway_*.c.  All of it belongs to the control thread; workers are reached by their rings alone.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "conf/settings.h"
#include "crypto/tls_context.h"
#include "ctrlplane/control.h"
#include "ctrlplane/log.h"
#include "ctrlplane/notify.h"
#include "ctrlplane/policy/dnsbl.h"
#include "ctrlplane/policy/greylist.h"
#include "ctrlplane/quarantine/quarantine.h"
#include "ctrlplane/report/report.h"
#include "ctrlplane/settings_load.h"
#include "ctrlplane/stats_export.h"
#include "dataplane/dpdk/dpdk.h"
#include "dataplane/shard/shard.h"
#include "dns/dns_desk.h"
#include "dns/dns_unbound.h"
#include "dns/dns_zone.h"

#define GATEWAY_PAST_MAX 8  /* versions of the settings that rollback can go back to */
#define GATEWAY_RING_N 8192 /* messages each way between a worker and us */

struct gateway_worker {
	struct shard_link link;
	struct shard *shard;
	void *slots[4][GATEWAY_RING_N];
	struct own *waiting, **waiting_end; /* messages that found the ring down full, oldest first */
	uint64_t version;                   /* of the settings that it has in force */
	bool drained;
};

struct gateway_version;
struct gateway_lists;
struct gateway_save;

struct gateway {
	const struct settings *settings; /* in force */
	const struct settings *first;    /* those of the start */
	const struct settings *past[GATEWAY_PAST_MAX];
	unsigned n_past;
	struct gateway_version *versions; /* newest first */
	uint64_t n_versions;
	struct gateway_lists *lists; /* allow and deny */
	struct greylist *greylist;   /* of all workers */
	struct gateway_dnsbls *dnsbls;
	struct gateway_save *save; /* NULL: nothing is kept from one start to the next */
	const char *path;          /* of the configuration */
	unsigned n_workers;
	struct gateway_worker *workers;
	struct dpdk *dpdk;
	struct crypto_backend *crypto[STATS_WORKERS_MAX];
	struct control_crypto_cost crypto_cost[CONTROL_CLASSES];
	struct hash_pair *hash_pairs[STATS_WORKERS_MAX];
	struct tls_driver *tls[STATS_WORKERS_MAX];
	struct tls_context *tls_made[STATS_WORKERS_MAX]; /* not handed over yet */
	struct tls_ticket_key ticket_keys[2];            /* the one in use, and that before it */
	uint64_t ticket_keys_us;                         /* when the first was made; 0: none was */
	struct dns_resolver resolver;
	struct dns_zone *zone;
	struct dns_cache *cache;
	struct dns_flights *flights;
	struct dns_desk dns; /* over these two */
	struct control *control;
	struct control_env control_env;
	struct record_ring records;
	char line[RECORD_LINE_MAX];    /* where the next line of the log is made */
	struct reports *reports;       /* NULL: none are made */
	struct quarantine *quarantine; /* NULL: the next hop has it */
	unsigned send_worker;          /* that gets the next message of our own */
	struct log_file log;
	struct notify notify;
	uint64_t started_us, started_unix_us;
	uint64_t drain_until_us; /* 0: not draining towards an end */
	bool draining;
	bool running;       /* the workers are */
	bool reload_wanted; /* by a signal, and lists are being read for it */
};

uint64_t gateway_now_us(void);           /* monotonic */
uint64_t gateway_unix_us(void);          /* wall clock */
void gateway_random(void *at, size_t n); /* from the kernel; ends the process when there is none */

/* gateway_dns.c */
bool gateway_dns_open(struct gateway *g, char *error, size_t cap);
void gateway_dns_close(struct gateway *g);

/* gateway_control.c */
bool gateway_control_open(struct gateway *g, char *error); /* 512 octets for it */
bool gateway_drained(const struct gateway *g);             /* no worker has a transaction left */
void gateway_dns_ask_worker(struct gateway *g, unsigned worker, uint64_t ticket, const struct dns_question *q,
			    uint64_t now_us);
bool gateway_dns_turn(struct gateway *g, uint64_t now_us); /* answers that came, flights that are overdue */
bool gateway_dns_lookup(void *arg, const struct dns_question *q, uint64_t tag);
void gateway_dns_ask_for_dnsbl(struct gateway *g, const struct dns_question *q, uint64_t tag);
void gateway_dns_ask_for_reports(struct gateway *g, const struct dns_question *q, uint64_t tag);
void gateway_dns_ask_for_dane(struct gateway *g, const struct dns_question *q, uint64_t tag);

/* gateway_dane.c: TLSA records of next hops */
void gateway_dane_turn(struct gateway *g, uint64_t now_us);
void gateway_dane_answer(uint64_t tag, const struct dns_answer *answer);
/* Those of @h that are known now, 0 to TLS_TLSA_MAX; borrowed until the next turn. */
size_t gateway_dane_records(const struct settings_next_hop *h, const struct tls_tlsa **records);
/* What is known of these, in a few words; "": it is not known by TLSA records. */
const char *gateway_dane_word(const struct settings_next_hop *h);

/* gateway_send.c: messages of our own */
bool MUST_USE gateway_sides_begin(struct gateway *g, char *error); /* @error: 512 octets */
void gateway_sides_end(struct gateway *g);
bool gateway_sides_turn(struct gateway *g); /* what they want; returns whether it was anything */
bool gateway_report_request(void *arg, const char *command, json_t *args, uint64_t tag);
bool gateway_quarantine_request(void *arg, const char *command, json_t *args, uint64_t tag);
bool MUST_USE gateway_keep(struct gateway *g, struct shard_keep *k); /* false: @k goes home at once */
void gateway_sent(struct gateway *g, const struct shard_send *m);    /* a message of our own met its fate */

/* gateway_settings.c: versions of the settings */
bool MUST_USE gateway_settings_begin(struct gateway *g, settings_say *say, void *arg);
void gateway_settings_end(struct gateway *g);
/* @arg: the gateway; FAILED: c->errors say why; LATER: call again, with @c begun anew, when no list is being read. */
enum control_outcome gateway_reload(void *arg, struct control_change *c);
enum control_outcome gateway_rollback(void *arg, struct control_change *c);
unsigned gateway_settings_awaited(void *arg, uint64_t version);                /* workers that have not taken it yet */
unsigned gateway_settings_kept(const struct gateway *g);                       /* versions that are not freed yet */
void gateway_settings_home(struct gateway *g, const struct shard_settings *m); /* a worker has done with them */

/* gateway_lists.c: allow and deny, and the table of recipients */
enum { GATEWAY_LISTS_FILE = 1, GATEWAY_LISTS_RECIPIENTS = 2 };
bool MUST_USE gateway_lists_begin(struct gateway *g, settings_say *say, void *arg);
void gateway_lists_end(struct gateway *g);
/*
 * The first phase of a change of lists.file or recipients.file: reads what is another than before.  FAILED: @say heard why;
 * LATER: it is being read, prepare again when gateway_lists_reading() is over.  Then gateway_lists_commit() puts in force what
 * was read, and returns of which files; drop() forgets it.
 */
enum control_outcome MUST_USE gateway_lists_prepare(struct gateway *g, const struct settings *s, settings_say *say,
						    void *arg);
bool gateway_lists_reading(void *arg);
unsigned gateway_lists_commit(struct gateway *g);
void gateway_lists_drop(struct gateway *g);
void gateway_lists_home(struct gateway *g, uint64_t version); /* a worker has taken it */
bool gateway_list_change(void *arg, struct control_list_change *c);
json_t *gateway_list_show(void *arg, unsigned bits);
unsigned gateway_lists_awaited(void *arg, uint64_t version);

/* gateway_save.c: what is kept from one start to the next */
void gateway_save_restore_dns(struct gateway *g);
bool MUST_USE gateway_save_begin(struct gateway *g); /* false: no memory, no thread */
void gateway_save_turn(struct gateway *g, uint64_t now_us);
void gateway_save_end(struct gateway *g); /* after the workers, before what is saved */

/* gateway_greylist.c */
bool MUST_USE gateway_greylist_begin(struct gateway *g); /* false: no memory */
void gateway_greylist_end(struct gateway *g);            /* after the workers */
json_t *gateway_greylist_show(const struct gateway *g);

/* gateway_dnsbl.c: tests of dnsbl.lists */
bool MUST_USE gateway_dnsbl_begin(struct gateway *g); /* false: no memory */
void gateway_dnsbl_end(struct gateway *g);            /* after the workers */
const struct dnsbl_zones *gateway_dnsbl_zones(const struct gateway *g);
void gateway_dnsbl_turn(struct gateway *g, uint64_t now_us);
void gateway_dnsbl_answer(struct gateway *g, uint64_t tag, const struct dns_answer *answer);
json_t *gateway_dnsbl_show(struct gateway *g);

/* gateway_tls.c */
bool MUST_USE gateway_tls_check(const struct settings *s, char *why, size_t cap); /* whether its files are good */
bool MUST_USE gateway_tls_open(struct gateway *g, unsigned worker, char *error, size_t cap); /* g->tls[worker] */
/* For all workers, from the files as they are now; then these are handed to the workers, or dropped. */
bool MUST_USE gateway_tls_make(struct gateway *g, const struct settings *s, char *why, size_t cap);
void gateway_tls_hand_over(struct gateway *g);
void gateway_tls_drop(struct gateway *g);
void gateway_tls_turn(struct gateway *g, uint64_t now_us); /* ticket keys that are too old are replaced */

/* gateway_link.c: the rings */
bool MUST_USE gateway_publish_lists(struct gateway *g, const struct lists *file, const struct lists *live,
				    const struct lists *recipients, uint64_t version); /* likewise */
bool MUST_USE gateway_publish(struct gateway *g, const struct settings *s); /* to all workers, or to none: no memory */
bool MUST_USE gateway_say(struct gateway *g, unsigned worker, enum shard_message_kind kind, uint64_t tag);
/* @context is taken, unless it is false. */
bool MUST_USE gateway_say_tls(struct gateway *g, unsigned worker, struct tls_context *context);
bool gateway_links_turn(struct gateway *g, uint64_t now_us); /* returns whether anything came */
/* A wish to send; all is copied.  False: no memory. */
bool MUST_USE gateway_send(struct gateway *g, uint64_t tag, const struct side_wish *w);
void gateway_home(struct gateway *g, struct shard_message *m); /* a worker's message that was kept goes home */
void gateway_answer_worker(struct gateway *g, unsigned worker, uint64_t ticket, const struct dns_question *q,
			   const struct dns_answer *answer);

#endif
