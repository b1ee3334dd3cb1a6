// SPDX-License-Identifier: MIT
/*
 * control_state.h - what control.c, control_command.c and control_show.c share; for no one else
 */
#ifndef CONTROL_STATE_H
#define CONTROL_STATE_H

#include <sys/un.h>

#include "ctrlplane/control.h"

/*
 * A client asks one thing at a time: while its answer is awaited no further line of it is read.
 *
 *   FREE -> IDLE       accepted                           control_accept()
 *   IDLE -> SESSIONS   show sessions, asked the workers   control_run()
 *   IDLE -> DNS        dns lookup, asked the resolver     control_run()
 *   IDLE -> TRACE      trace                              control_run()
 *   IDLE -> SIDE       report ..., asked its thread       control_run()
 *   IDLE -> LISTS      reload, rollback: lists are read   control_run()
 *   IDLE, LISTS -> SETTINGS   reload, rollback: published   control_run(), control_change_turn()
 *   SESSIONS, DNS, TRACE, SIDE, LISTS, SETTINGS -> IDLE   last line answered   control_answer()
 *   any -> FREE        closed by either side, time limit  client_close()
 */
enum client_state {
	CLIENT_FREE,
	CLIENT_IDLE,
	CLIENT_SESSIONS,
	CLIENT_DNS,
	CLIENT_TRACE,
	CLIENT_SIDE,
	CLIENT_LISTS,
	CLIENT_SETTINGS
};

enum control_access { CONTROL_MAY_NOTHING, CONTROL_MAY_READ, CONTROL_MAY_ALL };

struct client {
	enum client_state state;
	enum control_access access;
	int fd;
	bool closing;              /* close when all is written */
	bool half_closed;          /* it will send no more; close when all is answered */
	uint64_t tag;              /* of what is awaited */
	uint64_t idle_deadline_us; /* IDLE: close */
	uint64_t wait_deadline_us; /* SESSIONS, DNS, SIDE, LISTS, SETTINGS: answer without it */
	char *in;                  /* CONTROL_REQUEST_MAX octets */
	size_t n_in;
	char *out;
	size_t n_out, out_cap;
	/* SESSIONS */
	unsigned n_awaited;
	json_int_t n_sessions, rows_max;
	json_t *rows;
	/* DNS */
	struct dns_question question;
	/* LISTS: what is to be asked for again */
	enum control_outcome (*change_again)(void *arg, struct control_change *c);
	/* SETTINGS: what will be answered; the tag is the version */
	json_t *change;
	unsigned (*awaited)(void *arg, uint64_t version); /* workers that have not taken it yet */
	/* TRACE */
	struct record_filter filter;
	json_int_t n_left; /* records; -1: no end */
	json_int_t n_missed;
};

#define CONTROL_TIMES 3       /* of a message: total, DNS, crypto */
#define CONTROL_TIME_SLOTS 18 /* control_latency.c has their bounds */

/* How long messages took, since the start. */
struct control_times {
	uint64_t counts[CONTROL_TIMES][CONTROL_TIME_SLOTS], sum_us[CONTROL_TIMES];
};

struct control {
	const struct control_env *env;
	struct sockaddr_un address;
	int fd;
	gid_t group_all, group_read; /* CONTROL_NO_GROUP: none */
	uint64_t now_us, n_tags;
	struct control_times times;
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* control_access.c: the groups of the settings; false: @error says what is wrong.  Then who may do what. */
#define CONTROL_NO_GROUP ((gid_t)-1)
bool MUST_USE control_groups_find(struct control *c, const struct settings *s, char error[256]);
bool control_has_groups(const struct control *c);
enum control_access control_access_of(const struct control *c, int fd); /* of a connection */

/* One request that has been parsed: runs or begins it, and answers unless it is awaited. */
void control_run(struct control *c, struct client *client, struct span line);

/* The last (or only) line of an answer: {"v":1,"ok":true,"result":...}; takes @result. */
void control_answer(struct client *client, json_t *result);

/* One line of several: the same with "more":true.  False when it would not fit; @result is taken either way. */
bool control_more(struct client *client, json_t *result);

/* {"v":1,"ok":false,"error":"what is wrong; what to do"} */
__attribute__((format(printf, 2, 3))) void control_fail(struct client *client, const char *format, ...);

/* The same with "usage":true: the request itself is wrong, and asking again does not help. */
__attribute__((format(printf, 2, 3))) void control_refuse(struct client *client, const char *format, ...);

/* Answers show sessions with what has come. */
void control_sessions_done(struct client *client);

/* control_change.c: commands that put other settings in force. */
void control_run_reload(struct control *c, struct client *client, const json_t *args);
void control_run_rollback(struct control *c, struct client *client, const json_t *args);
void control_run_allow_add(struct control *c, struct client *client, const json_t *args);
void control_run_allow_del(struct control *c, struct client *client, const json_t *args);
void control_run_allow_list(struct control *c, struct client *client, const json_t *args);
void control_run_deny_add(struct control *c, struct client *client, const json_t *args);
void control_run_deny_del(struct control *c, struct client *client, const json_t *args);
void control_run_deny_list(struct control *c, struct client *client, const json_t *args);
/* LISTS, SETTINGS: goes on when lists are read; answers when all workers have what was published, or when it takes too long. */
void control_change_turn(struct control *c, struct client *client);

/* Tells who changed something, which the system knows of a Unix socket; @to: to what, or "". */
void control_log_change(const struct client *client, const char *what, const char *to);

/* control_fail(), or control_refuse() when @usage, with a list of all that is wrong; takes @errors. */
void control_fail_with(struct client *client, bool usage, json_t *errors, const char *what);

/* control_policy.c */
json_t *control_show_policy(struct control *c);
void control_policy_prometheus(struct control *c, FILE *f);
/* control_dns.c */
void control_dns_prometheus(struct control *c, FILE *f);
void control_run_dns_lookup(struct control *c, struct client *client, const json_t *args);
void control_run_dns_flush(struct control *c, struct client *client, const json_t *args);
void control_run_dns_dump(struct control *c, struct client *client, const json_t *args);
void control_limits_prometheus(struct control *c, FILE *f); /* control_limits.c */

/* Commands of control_side.c. */
void control_run_report_list(struct control *c, struct client *client, const json_t *args);
void control_run_report_show(struct control *c, struct client *client, const json_t *args);
void control_run_report_preview(struct control *c, struct client *client, const json_t *args);
void control_run_report_send(struct control *c, struct client *client, const json_t *args);
void control_run_report_suppressed(struct control *c, struct client *client, const json_t *args);
void control_run_report_unsuppress(struct control *c, struct client *client, const json_t *args);
void control_run_quarantine_list(struct control *c, struct client *client, const json_t *args);
void control_run_quarantine_show(struct control *c, struct client *client, const json_t *args);
void control_run_quarantine_release(struct control *c, struct client *client, const json_t *args);
void control_run_quarantine_delete(struct control *c, struct client *client, const json_t *args);

/* The show commands; each gives the result, or NULL after control_fail(). */
json_t *control_show_status(struct control *c);
json_t *control_show_stats(struct control *c, const json_t *args);
json_t *control_show_ports(struct control *c);
json_t *control_show_next_hops(struct control *c); /* control_hops.c */
/* The sums of the counters whose name begins with @prefix or with "shard_" and @prefix. */
json_t *control_counters_of(struct control *c, const char *prefix);
void control_set_count(json_t *o, const char *key, uint64_t value);
json_t *control_show_limits(struct control *c);
json_t *control_show_tcp(struct control *c); /* control_limits.c */
json_t *control_show_dns(struct control *c);
json_t *control_show_crypto(struct control *c);
json_t *control_show_latency(struct control *c);
void control_latency_add(struct control *c, const struct shard_record *r);
void control_latency_prometheus(const struct control *c, FILE *f);

/* What a command that changes something answers: the version of the settings in force, and one thing more; takes @value. */
json_t *control_changed(struct control *c, const char *key, json_t *value);

/* A number from @least to @most; @absent when it is not there; -1 after control_refuse(). */
json_int_t control_number_arg(struct client *client, const json_t *args, const char *key, json_int_t least,
			      json_int_t most, json_int_t absent);

/* A string argument, or NULL when it is not there or none. */
const char *control_arg(const json_t *args, const char *key);

#endif
