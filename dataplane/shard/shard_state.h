// SPDX-License-Identifier: MIT
/*
 * shard_state.h - the structs inside a shard; for the files of this room only
 *
 * client   one SMTP connection from outside (shard_client.c)
 * txn      one transaction: envelope, message, verification, verdict (shard_txn.c, shard_stream.c)
 * hop      a next hop and the messages that wait for it (shard_hop.c)
 * relay    one SMTP connection to a next hop (shard_relay.c)
 * config   what is made of one version of the settings; each of the three keeps the one it began with (shard_config.c)
 *
 * A txn belongs to its client until the final dot was answered, or until the client is gone; it lends itself to
 * one relay at a time.  All three come from pools that were filled at start-up.
 */
#ifndef SHARD_STATE_H
#define SHARD_STATE_H

#include "ctrlplane/policy/dnsbl.h"
#include "ctrlplane/policy/lists.h"
#include "ctrlplane/policy/rate.h"
#include "ctrlplane/policy/rules.h"
#include "dataplane/base/histogram.h"
#include "dataplane/base/pool.h"
#include "dataplane/base/timer.h"
#include "dataplane/msg/msg_store.h"
#include "dataplane/shard/shard.h"
#include "dataplane/shard/shard_rcpt_cache.h"
#include "dataplane/shard/shard_tls.h"
#include "dataplane/smtp/smtp_relay.h"
#include "dataplane/smtp/smtp_session.h"
#include "dns/dns_cache.h"

enum {
	TXN_RCPTS_MAX = 1000,
	TXN_RCPT_TEXT_MAX = 32768, /* octets of all recipients of one transaction: then 452 4.5.3 */
	TXN_FIELDS_MAX = 16384,    /* octets of the fields put on top */
	TXN_ID_LEN = 16,
	TXN_RATES_MAX = 4,      /* domains of recipients of which a transaction counts as one that is open */
	RELAY_OUT_MAX = 8192,   /* message octets made ready for TCP at once */
	CLIENT_HELO_SHORT = 48, /* octets of a name in EHLO that need no room */
	SHARD_QUESTIONS_MAX = 4096,
	SHARD_RECORDS_MAX = 256,
	SHARD_JOBS_MAX = 1024,         /* signatures under way */
	SHARD_KEEPS_MAX = 64,          /* messages on their way to the quarantine store */
	SHARD_HOP_CLEAR_US = 60000000, /* how long a next hop whose TLS failed is met without, if it may */
};

/* What the user pointer of a TCP connection names; the first member of struct client and struct relay. */
enum shard_peer { PEER_CLIENT, PEER_RELAY, PEER_REFUSED /* nobody's: told to come again, and closed */ };

/* Which struct a timer lies in. */
enum shard_timer { SHARD_TIMER_CLIENT, SHARD_TIMER_TXN, SHARD_TIMER_RELAY, SHARD_TIMER_HOP };

struct shard_config {
	const struct settings *settings;
	struct shard_settings
		*message;      /* goes home when nobody is left; NULL: a free slot, or the settings of the start */
	uint32_t n_users;      /* clients, txns and relays that began with it */
	uint32_t unrouted;     /* next hops that take what no route names */
	uint32_t same_servers; /* bit i: hops[i] is the server that it is by these settings */
	struct smtp_session_settings smtp;
	struct smtp_relay_settings relay;
	struct auth_settings auth;
	const char *arc_trusted[SETTINGS_ARC_TRUSTED_MAX + 1];
	struct policy_counts policy_counts;
};

struct client {
	enum shard_peer peer;
	struct client *next, *prev; /* list of all that live */
	struct tcp_conn *conn;      /* NULL: the connection is gone */
	struct txn *txn;            /* from MAIL on */
	struct shard_tls *tls;      /* from STARTTLS on */
	struct timer timer;
	uint64_t started_us;
	struct ip_addr ip;
	uint16_t port;
	uint32_t n_messages;
	size_t n_fed;      /* octets that the session took and TCP still holds */
	uint64_t stuck_us; /* when a peer that does not read, or does not close, is reset; 0: it does */
	bool closing;      /* the session said CLOSE */
	bool peer_closed;
	bool running; /* client_pump() is at work: an answer goes on there */
	bool on_ready;
	uint8_t config;            /* number of the one it began with */
	struct client *ready_next; /* list of those that were answered and have to go on */
	uint16_t out_at, out_len;  /* in room->out: reply octets that TCP had no room for */
	uint16_t proxy_len;        /* in room->out: octets of the header that is awaited */
	bool proxy_awaited;        /* nothing else is taken before it: smtp is not begun */
	bool handed_on;            /* counts as one of ip's connections, not of the peer's (tcp_source.h) */
	struct client_room *room;  /* while there is something to be done, or kept in it */
	char id[TXN_ID_LEN + 1];
	uint8_t helo_len;
	bool esmtp;
	char helo[CLIENT_HELO_SHORT]; /* a longer one is in the room, which is kept then */
	struct smtp_session smtp;
};

/* What a client that waits for a command does without. */
struct client_room {
	struct smtp_room smtp;
	uint8_t out[1152];
	char helo[256];
};

static inline struct span client_helo(const struct client *c)
{
	return span_of(c->helo_len <= CLIENT_HELO_SHORT ? c->helo : c->room->helo, c->helo_len);
}

_Static_assert(sizeof(struct client) <= 384, "an idle session is cheap");

enum txn_phase {
	TXN_ENVELOPE, /* MAIL was taken; SPF is under way */
	TXN_ASKING,   /* likewise; a next hop is asked for the last recipient, waits or has its connection */
	TXN_DATA,     /* octets of the message arrive */
	TXN_JUDGING,  /* final dot seen; DNS or crypto is awaited */
	TXN_WAITING,  /* accepted; waits for a connection to a next hop */
	TXN_RELAYING, /* a relay has it */
	TXN_KEEPING,  /* quarantined: another thread stores it */
	TXN_ZOMBIE,   /* over; waits for crypto jobs that are out */
};

/* Where in the relayed octets a stream stands (shard_stream.c). */
enum stream_part { STREAM_FIELDS, STREAM_HEADER, STREAM_SEPARATOR, STREAM_BODY, STREAM_END };

struct stream {
	enum stream_part part;
	uint64_t at;  /* octet of the part; of HEADER: of the section */
	uint64_t end; /* HEADER: of the run that @at lies in, so that no field is looked at twice */
};

struct txn {
	struct client *client;   /* NULL: it went away, or there is none */
	struct shard_send *send; /* of a message of our own; else NULL */
	struct relay *relay;
	struct hop *hop;           /* it waits for a connection to it; NULL: it does not */
	uint32_t hops, hops_tried; /* where its recipients' mail may go; of these, those that could not be reached */
	struct txn *next;          /* list of those that wait for the same hop */
	struct msg *msg;           /* from DATA on */
	struct timer timer;
	enum txn_phase phase;
	uint32_t generation; /* tells this use of the object from earlier ones */
	bool header_told, retried, duplicate_possible;
	bool body_8bit, smtputf8, requiretls, early_talk;
	uint8_t config; /* its client's */
	uint8_t mail_dsn_len;
	uint64_t data_us, end_us, last_answer_us, jobs_us, jobs_done_us; /* 0: did not happen */
	struct stream stream;
	uint32_t n_rcpts;
	uint32_t rcpt_text_len;
	uint16_t asked_len, asked_total; /* the recipient at hand, at the end of rcpt_text; with its parameters */
	struct span asked;
	uint64_t rcpt_deadline_us; /* ASKING */
	uint64_t rcpt_rules;       /* policy_rcpt() of all recipients */
	uint16_t mail_from_len;
	char id[TXN_ID_LEN + 1], session[TXN_ID_LEN + 1];
	char tls[TLS_FACTS_MAX];
	struct ip_addr client_ip; /* the client's facts again: the record outlives it */
	uint16_t client_port, helo_len;
	bool esmtp;
	char helo[256];
	char nexthop[64];
	char nexthop_reply[640];
	char mail_from[324];
	char mail_dsn[128];                              /* " RET=FULL ENVID=..." */
	struct smtp_identity identity;                   /* of the client, for the envelope */
	uint32_t rate_sender, rate_rcpts[TXN_RATES_MAX]; /* records of rates_charge() in which it is counted; or 0 */
	struct dnsbl dnsbl;
	uint64_t dnsbl_deadline_us;
	struct smtp_envelope envelope;
	struct verdict verdict;
	struct text fields;
	struct explain explain; /* in shard.explains; unused when explain.octets is 0 */
	char fields_text[TXN_FIELDS_MAX];
	struct span rcpts[TXN_RCPTS_MAX];
	uint16_t rcpts_dsn[TXN_RCPTS_MAX]; /* octets of DSN parameters that follow each recipient in rcpt_text */
	char rcpt_text[TXN_RCPT_TEXT_MAX];
	struct verify verify; /* last: large, and its jobs lie inside the pool's object */
};

struct relay {
	enum shard_peer peer;
	struct relay *next, *prev; /* list of the hop's */
	struct hop *hop;
	struct tcp_conn *conn;
	struct txn *txn;
	struct timer timer;
	uint64_t since_us; /* of connecting, then of being idle, then of closing */
	uint8_t config;    /* number of the one that was in force when it was opened */
	struct ip_addr
		client; /* where the next hop is told of it: whose connection it was made for, or has been; of no family: ours */
	uint16_t client_port;
	bool up;      /* TCP is established */
	bool greeted; /* it was ready once */
	bool probe;   /* opened for no message */
	bool ready;   /* may take a message */
	bool used;    /* lay idle before: the next hop may have closed it meanwhile */
	bool worn;    /* it failed a message that a new one may take: from READY on QUIT */
	bool closing, peer_closed;
	bool tls_failed; /* its handshake failed, and without TLS it may do */
	struct shard_tls *tls;
	bool body_wanted, body_ended;
	uint32_t out_at, out_len;
	uint8_t out[RELAY_OUT_MAX];
	struct smtp_relay smtp;
};

/* How a message ended at a next hop. */
enum hop_result {
	HOP_ACCEPTED,
	HOP_REFUSED,
	HOP_ASKED /* for a recipient */,
	HOP_LOST /* or late, or unclear */,
	HOP_N_RESULTS
};

struct hop {
	const struct settings_next_hop *settings;
	struct relay *relays;
	uint32_t n_relays, n_busy, n_connecting, n_probing; /* all; with a message; never ready yet; probes of these */
	struct txn *waiting, **waiting_end;
	uint32_t n_waiting;
	int32_t credit;          /* of its weight (by_weight() in shard_hop.c) */
	struct timer timer;      /* the next probe */
	uint32_t n_failures;     /* in a row */
	uint32_t n_opened;       /* times that its breaker opened since it last gave a result: doublings */
	char tls_fault[64];      /* of the last handshake; "": it was good, or there was none */
	uint64_t clear_until_us; /* TLS failed where it need not be: no STARTTLS until then */
	uint64_t down_until_us;  /* 0: its breaker is closed */
	bool met;                /* it answered EHLO once; what it offered then: */
	unsigned offers;         /* SMTP_OFFER_... */
	uint64_t size_max;       /* 0: it did not say */
	char name[64];           /* "192.0.2.1:25" */
	struct {
		uint64_t connects, connects_failed, opened, results[HOP_N_RESULTS];
	} counts;
};

/* How full the worker is, and what follows from it (shard_stress.c). */
struct stress {
	bool on;
	uint8_t percent, most; /* of what is fullest; and the most that it ever was */
	uint32_t jobs_most;    /* signatures that were under way, as far as it was looked */
	uint64_t looked_us;
	struct client *rearm; /* this one and those behind it in `live` may have timers from before stress began */
};

struct shard {
	struct shard_env env;
	struct stats stats;
	struct net *net;
	struct tcp *tcp;
	struct msg_store *store;
	struct crypto_batch *crypto;
	struct dns_cache *dns;
	struct dns_cache *kept; /* blocks of the verifiers: shard_memory.c */
	struct auth_memory memory;
	struct timer_wheel timers;
	struct pool clients, rooms, txns, relays, questions, records, keeps;
	struct pool tls;                                /* empty without a driver */
	struct shard_tls *handshakes, *handshakes_last; /* that wait for a turn */
	uint8_t *plaintext;                             /* of the record at hand: TLS_RECORD_MAX octets */
	struct tls_failed tls_failed;
	char *explains; /* explain.octets for each txn */
	size_t explain_octets;
	struct shard_sessions *sessions_reply;
	bool sessions_reply_out;
	struct shard_message drained;
	bool drained_out;  /* it is not home yet */
	bool drained_told; /* of this drain */
	bool draining;
	struct client *live;
	struct stress stress;
	uint32_t n_live;
	enum shard_peer refused; /* PEER_REFUSED, for all of these; */
	uint32_t n_refused;      /* SHARD_REFUSED_MAX at most */
	struct client *ready, **ready_end;
	uint32_t n_waiting; /* at all hops */
	bool dispatch;      /* hop_dispatch() has something to look at */
	struct hop hops[SETTINGS_NEXT_HOPS_MAX];
	uint32_t hops_all;       /* bit i: hops[i] */
	uint32_t hops_ours;      /* smarthosts, which are not in it */
	uint64_t unix_offset_us; /* wall clock less monotonic */
	uint64_t turn_us;        /* when this turn began */
	bool turn_busy;          /* and whether it did anything */
	uint32_t id_counter, generation;
	struct dmarc_cache *walks;
	const struct lists *lists[2];   /* allow and deny: of the file, and what sekishoctl added */
	const struct lists *recipients; /* the table; NULL: there is none */
	struct shard_send *sends_home;  /* for which the ring had no room */
	struct rcpt_cache *rcpts;
	struct rates *rates;
	struct shard_config configs[SHARD_CONFIGS_MAX];
	struct shard_config *config; /* in force: what begins now gets it */
	uint32_t n_old_configs;      /* others that are not home yet */
	struct histogram latency_us; /* shard_latency() */
	struct shard_message config_told;
	bool config_told_out; /* it is not home yet */
};

/* Time within a turn, where it matters: now_us is the turn's. */
static inline uint64_t shard_clock_us(const struct shard *s, uint64_t now_us)
{
	return s->env.clock_us ? s->env.clock_us(s->env.clock_arg) : now_us;
}

/*
 * What comes by ring or by timer comes in bursts, and each answer of DNS may end a message: a turn takes as long for each of
 * them as it took for the frames before, or this many microseconds if that is more, and SHARD_TURN_MAX of them at most.  The
 * rest is the next turn's, so that frames wait no longer than they do in a turn full of frames; and under full load
 * answers get no less of the time than the frames that ask for them.
 */
enum { SHARD_TURN_SHARE_US = 50, SHARD_TURN_MAX = 32 };

/* When the stage that begins now has had its share, by shard_clock_us(). */
static inline uint64_t shard_share_ends_us(const struct shard *s, uint64_t now_us)
{
	uint64_t clock_us = shard_clock_us(s, now_us), before_us = clock_us - now_us;

	return clock_us + (before_us > SHARD_TURN_SHARE_US ? before_us : SHARD_TURN_SHARE_US);
}

static inline uint64_t shard_unix_us(const struct shard *s, uint64_t now_us)
{
	return now_us + s->unix_offset_us;
}

/* Reads what still comes on a connection that is being closed: TCP tells its end only when all was read. */
void shard_discard(struct shard *s, struct tcp_conn *conn);

/* 16 hexadecimal digits: worker, second, count; unique and sortable. */
void shard_id(struct shard *s, char id[TXN_ID_LEN + 1], uint64_t now_us);

/* shard_config.c */
void config_begin(struct shard *s);                                             /* that of env.settings */
void config_change(struct shard *s, struct shard_settings *m, uint64_t now_us); /* @m is kept until nobody uses it */
void config_step(struct shard *s);   /* sends home what is not used any more, and says what is in force */
void config_offers(struct shard *s); /* what EHLO offers outward has changed */

/* The number of the config in force, for one more user of it. */
static inline uint8_t config_take(struct shard *s)
{
	s->config->n_users++;
	return (uint8_t)(s->config - s->configs);
}

static inline uint8_t config_share(struct shard *s, uint8_t number)
{
	s->configs[number].n_users++;
	return number;
}

static inline void config_give(struct shard *s, uint8_t number)
{
	CHECK(s->configs[number].n_users > 0);
	s->configs[number].n_users--;
}

static inline const struct settings *config_settings(const struct shard *s, uint8_t number)
{
	return s->configs[number].settings;
}

/* shard_client.c */
void client_accept(struct shard *s, struct tcp_conn *conn, uint64_t now_us);
void client_event(struct shard *s, struct client *c, const struct tcp_event *event, uint64_t now_us);
void client_run(struct shard *s, struct client *c, uint64_t now_us); /* all that can be done now */
void client_timer(struct shard *s, struct client *c, uint64_t now_us);
/* The reply to the message in hand.  What the client says next is read by client_run_ready(): a peer that has many
 * messages under way must not be able to nest us as deep. */
void client_answer(struct shard *s, struct client *c, const struct smtp_reply *reply, uint64_t now_us);
/* The reply to the command in hand, likewise. */
void client_go_on(struct shard *s, struct client *c, const struct smtp_reply *reply, uint64_t now_us);
bool client_run_ready(struct shard *s, uint64_t now_us); /* one of those answered; false: there is none */
void client_handshaken(struct shard *s, struct client *c, uint64_t now_us); /* or it failed: c->tls->failed */
void client_shutdown_all(struct shard *s, uint64_t now_us);

void client_arm(struct shard *s, struct client *c, uint64_t now_us); /* its timer */

/* shard_refuse.c */
/* There is no place for the client of @conn: it is told 421, through @tls if there is any, and the connection ends. */
void refuse_client(struct shard *s, struct tcp_conn *conn, struct shard_tls *tls, uint64_t now_us);
void refused_event(struct shard *s, const struct tcp_event *event);

/* shard_stress.c */
void stress_step(struct shard *s, uint64_t now_us);

/* shard_proxy.c */
bool proxy_expected(const struct shard *s, const struct client *c);
/* Whether the client may be greeted now; with @over set: the connection is of no use, counted. */
bool proxy_take(struct shard *s, struct client *c, bool *over, uint64_t now_us);
uint64_t proxy_deadline_us(const struct shard *s, const struct client *c);

/* shard_txn.c: each call may end the txn; the client's pointer is then NULL */
void txn_begin(struct shard *s, struct client *c, const struct smtp_action *mail, struct smtp_reply *reply,
	       uint64_t now_us);
void txn_data(struct shard *s, struct txn *t, struct smtp_reply *reply, uint64_t now_us);
/* False: the message is refused with @reply, the txn is gone. */
bool txn_octets(struct shard *s, struct txn *t, struct span bytes, struct smtp_reply *reply, uint64_t now_us);
void txn_end(struct shard *s, struct txn *t, uint64_t now_us); /* final dot: client_answer() follows, perhaps at once */
void txn_abandon(struct shard *s, struct txn *t, uint64_t now_us); /* the client does not want it or is gone */
void txn_timer(struct shard *s, struct txn *t, uint64_t now_us);
void txn_answered(struct shard *s, uint64_t ticket, const struct dns_question *q, const struct dns_answer *answer,
		  uint64_t now_us);
void txn_job_done(struct shard *s, struct crypto_job *job, uint64_t now_us);
void txn_release(struct shard *s, struct txn *t);
void txn_arm(struct shard *s, struct txn *t); /* its timer, before the final dot */
/* A parameter of RFC 3461, if it was given. */
void txn_dsn_write(struct text *out, const char *name, struct span value);
/* No next hop had it, or said anything: @reply to the message.  Of a recipient that is asked for nothing is known. */
void txn_failed_to_relay(struct shard *s, struct txn *t, const struct smtp_reply *reply, uint64_t now_us);
/* The message is over: the client gets @reply, the record is written, the txn is released. */
void txn_finish(struct shard *s, struct txn *t, const struct smtp_reply *reply, uint64_t now_us);

/* shard_rcpt.c */
/* False: a next hop is asked, and client_go_on() tells the client. */
bool txn_rcpt(struct shard *s, struct txn *t, const struct smtp_action *rcpt, struct smtp_reply *reply,
	      uint64_t now_us);
void rcpt_envelope(struct txn *t); /* that asks for the recipient at hand */
/* @said: by the next hop to RCPT; NULL: it did not say. */
void rcpt_replied(struct shard *s, struct txn *t, const struct smtp_reply *said, uint64_t now_us);
void rcpt_expired(struct shard *s, struct txn *t, uint64_t now_us);

/* shard_rcpt_table.c */
enum rcpt_in_table {
	RCPT_IN_NO_TABLE, /* there is none */
	RCPT_NOT_IN_TABLE,
	RCPT_IN_DOMAIN, /* all of its domain are: whether it exists is not said */
	RCPT_IN_TABLE,
};
/* @rcpt: a forward-path, without <>. */
enum rcpt_in_table rcpt_table_find(const struct shard *s, const struct settings *c, struct span rcpt);

/* shard_rate.c: limits by domain; false: @reply refuses.  @record: for the txn that begins. */
bool rate_sender(struct shard *s, const struct settings *c, struct span path, uint32_t *record,
		 struct smtp_reply *reply, uint64_t now_us);
bool rate_rcpt(struct shard *s, struct txn *t, struct span path, struct smtp_reply *reply, uint64_t now_us);
void rate_release(struct shard *s, struct txn *t); /* it is over */

/* shard_memory.c */
struct auth_memory shard_memory_for_auth(struct shard *s);

/* shard_stream.c: the octets that the next hop gets */
uint64_t stream_len(const struct shard *s, const struct txn *t);
/* The next run of octets in one piece; empty at the end.  stream_skip() goes on by @n of them. */
struct span stream_peek(const struct shard *s, struct txn *t);
void stream_skip(struct txn *t, size_t n);

/* shard_route.c */
void route_init(struct shard *s);
/* Where mail to @forward_path, without <>, may go: bit i is hops[i].  0: it is not taken here, by the settings of @config. */
uint32_t route_of(const struct shard *s, const struct shard_config *config, struct span forward_path);
/* A domain as settings, tables and DNS write it, in @room if it has octets outside ASCII (RFC 5890 2.3.2.1). */
struct span route_domain(const struct shard *s, struct span domain, struct text *room);

/* The one of that name, likewise; 0: there is none (settings_check.c sees to it that there is). */
uint32_t route_named(const struct shard *s, const char *name);

/* The next hops that take what no route names; as many routes as there are are looked at, so a config has it (unrouted). */
uint32_t route_unrouted(const struct shard *s, const struct settings *c);

/* Recipients of one message to any of @hops. */
uint32_t route_recipients_max(const struct shard *s, uint32_t hops);

/* shard_hop.c */
void hop_init(struct shard *s, uint64_t now_us);
void hop_name(struct hop *h); /* of the server that it is */
void hop_timer(struct shard *s, struct hop *h, uint64_t now_us);
void hop_take(struct shard *s, struct txn *t, uint64_t now_us); /* accepted: bring it to a next hop */
void hop_leave(struct shard *s, struct txn *t);                 /* it waits no more */
/* A message may be given to it: a connection that carries none, and is not about to end. */
static inline bool hop_relay_is_free(const struct relay *r)
{
	return r->ready && !r->closing && !r->txn && r->out_at == r->out_len;
}
void hop_met(struct shard *s, struct relay *r);                                           /* its EHLO was answered */
void hop_result(struct shard *s, struct hop *h, enum hop_result result, uint64_t now_us); /* of a message */
bool hop_keeps_warm(const struct shard *s, const struct hop *h); /* one that is unused for relay.idle_s */
/* A connection attempt came to nothing, at the latest before EHLO was answered. */
void hop_connect_failed(struct shard *s, struct hop *h, uint64_t now_us);
/* When s->dispatch: brings waiting messages and free connections together. */
void hop_dispatch(struct shard *s, uint64_t now_us);

/* shard_hop_change.c */
/* Bit i: next_hops[i] of both is the same server, met in the same way. */
uint32_t hop_same_servers(const struct shard *s, const struct settings *a, const struct settings *b);
/* Other settings than @before are in force. */
void hop_change(struct shard *s, const struct settings *before, uint64_t now_us);

/* shard_hop_clients.c */
void hop_serve_clients(struct shard *s, struct hop *h, uint64_t now_us);

/* shard_identity.c */
/* The client of @t, when @r's next hop is told of it by XCLIENT; lies in @t. */
const struct smtp_identity *identity_for(const struct relay *r, struct txn *t);
/* The header of a new connection, in front of everything, TLS as well. */
void identity_send_proxy(struct shard *s, struct relay *r, uint64_t now_us);

/* shard_relay.c */
/* @client: for whose message, where that matters (shard_hop_clients.c); NULL: anybody's. */
bool relay_connect(struct shard *s, struct hop *h, bool probe, const struct txn *client, uint64_t now_us);
void relay_quit(struct shard *s, struct relay *r, uint64_t now_us);                 /* @r is free */
void relay_start(struct shard *s, struct relay *r, struct txn *t, uint64_t now_us); /* @r is free */
void relay_run(struct shard *s, struct relay *r, uint64_t now_us);                  /* does all that can be done now */
void relay_drop(struct shard *s, struct relay *r, uint64_t now_us);                 /* @r has no message */
void relay_drop_idle(struct shard *s, struct hop *h, uint64_t now_us); /* free connections that were used before */
/* The txn is being given up.  False: its final dot is out, the relay keeps it and ends it by txn_finish(). */
bool MUST_USE relay_forget(struct shard *s, struct txn *t, uint64_t now_us);
void relay_event(struct shard *s, struct relay *r, const struct tcp_event *event, uint64_t now_us);
void relay_handshaken(struct shard *s, struct relay *r, uint64_t now_us); /* or it failed: r->tls->failed */
void relay_timer(struct shard *s, struct relay *r, uint64_t now_us);
void relay_renew(struct shard *s, uint64_t now_us); /* connections of an earlier config end, idle ones at once */

/* shard_control.c: the rings */
/* Where the steps of @t are told; NULL: nowhere. */
static inline struct explain *txn_explain(const struct shard *s, struct txn *t)
{
	return s->explain_octets ? &t->explain : NULL;
}

bool control_ask(struct shard *s, const struct dns_question *q, uint64_t ticket);
void control_record(struct shard *s, const struct txn *t, const struct smtp_reply *reply, uint64_t now_us);
bool control_step(struct shard *s, uint64_t now_us);
void control_check_drained(struct shard *s);

/* shard_keep.c: quarantined messages for the local store */
bool keep_wanted(const struct shard *s);
void keep_begin(struct shard *s, struct txn *t, uint64_t now_us);
void keep_home(struct shard *s, struct shard_keep *k, uint64_t now_us);

/* shard_send.c: messages of our own */
void send_begin(struct shard *s, struct shard_send *m, uint64_t now_us);
void send_done(struct shard *s, struct shard_send *m, const struct smtp_reply *reply);
void send_step(struct shard *s);

/* shard_report.c: what the domain owner's report will tell of @t, whose client got @reply */
void report_message(struct shard *s, const struct txn *t, const struct smtp_reply *reply, uint64_t now_us);
void report_taken(struct shard *s, const struct shard_send *m); /* a next hop took a message of our own */

#endif
