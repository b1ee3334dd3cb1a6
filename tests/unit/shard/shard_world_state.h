// SPDX-License-Identifier: MIT
/*
 * shard_world_state.h - what the world around a shard consists of (shard_world.h)
 */
#ifndef SHARD_WORLD_STATE_H
#define SHARD_WORLD_STATE_H

#include <stdlib.h>

#include "crypto/crypto_openssl.h"
#include "crypto/hash_pair.h"
#include "ctrlplane/settings_table.h"
#include "crypto/tls.h"
#include "dataplane/shard/shard_state.h"
#include "dataplane/smtp/smtp_proxy.h"
#include "dns/dns_zone.h"
#include "dns/domain_names.h"
#include "tests/tap.h"

enum { CALLERS_MAX = 64, SINKS_MAX = 64, STORED_MAX = 512, HELD_MAX = 1024, RECORDS_MAX = 1024, RING_N = 8192 };
#define UNIX_US UINT64_C(1795507200000000)
#define SECOND UINT64_C(1000000)

struct octets {
	char *at; /* a NUL follows */
	size_t len, cap;
};

static void octets_add(struct octets *o, struct span s)
{
	if (o->len + s.len + 1 > o->cap) {
		o->cap = (o->len + s.len + 1) * 2;
		o->at = realloc(o->at, o->cap);
		CHECK(o->at);
	}
	if (s.len)
		memcpy(o->at + o->len, s.at, s.len);
	o->len += s.len;
	o->at[o->len] = '\0';
}

enum side { SIDE_CALLER, SIDE_SINK };

/* Where a sink fails, and how. */
enum phase { NOWHERE, GREETING, EHLO, MAIL, RCPT, DATA, BODY, DOT, STORED };
enum how { FAIL_CLOSE, FAIL_RESET, FAIL_SILENT, FAIL_4YZ, FAIL_5YZ, FAIL_DEAF /* it does not read any more */ };

struct caller {
	enum side side; /* first: what the user pointer names */
	struct tcp_conn *conn;
	bool connected, peer_closed, gone, failed, deaf, closing;
	struct octets to_say, got;
	size_t said;
};

struct sink {
	enum side side;
	struct tcp_conn *conn;
	unsigned address;     /* its last octet */
	size_t chunk;         /* octets of a chunk that are awaited */
	struct tls_conn *tls; /* from its 220 to STARTTLS on, or at once */
	bool tls_due, shaken; /* the 220 is on its way; the handshake is done */
	struct octets raw;    /* records that came */
	size_t raw_at;
	struct octets late; /* said to the first octets behind 220 */
	bool told;          /* XCLIENT was said */
	bool headed;        /* the header came: */
	struct smtp_proxy header;
	bool chunk_refused; /* and will be thrown away */
	bool in_data, deaf, silent, over;
	struct octets in, out;
	size_t out_at;
	unsigned n_messages, n_rcpts;
	bool lmtp;
};

static struct world {
	uint64_t now_us;
	struct settings settings;
	struct net_settings shard_net, peer_net;
	struct shard_link link;
	void *slots[4][RING_N];
	struct shard *shard;
	void *shard_memory, *peer_memory;
	struct crypto_backend *crypto;
	struct tls_driver *tls;          /* NULL: none; opened and closed by the test */
	uint64_t (*clock_us)(void *arg); /* within a turn; NULL: none passes; the test's */
	struct greylist *greylist;       /* NULL: none; the test's */
	struct ledger *ledger;           /* likewise */
	struct net *peer;
	struct tcp *tcp;
	struct stats peer_stats;
	struct dns_zone *zone;
	bool dns_withheld;
	struct shard_question held[HELD_MAX];
	size_t n_held, n_asked;
	struct caller callers[CALLERS_MAX];
	size_t n_callers;
	struct sink *sinks[SINKS_MAX];
	size_t n_sinks;
	struct {
		enum phase phase;
		enum how how;
		unsigned from_message;       /* of a connection, counted from 0: earlier ones go well */
		const char *ehlo;            /* its reply to EHLO; NULL: PIPELINING and SIZE */
		char mail[1024], rcpt[1024]; /* the last of each */
		bool unplugged;              /* nobody is there: frames to it vanish */
		bool refuses;                /* nobody listens */
		enum { TLS_NOT, TLS_GOOD, TLS_BROKEN /* an alert for a handshake */, TLS_REFUSED, TLS_AT_ONCE } tls;
		const char *starttls;  /* what it replies; NULL: by tls */
		bool mail_in_clear;    /* a MAIL came without TLS */
		bool proxied;          /* a header of the PROXY protocol comes first, or the sink resets */
		char xclient[600];     /* the last XCLIENT */
		bool xclient_once;     /* behind one EHLO offers nothing */
		const char *finals[4]; /* by LMTP: for each recipient; NULL: 250 */
		unsigned down;         /* bit n: 192.0.2.n resets each connection */
	} hop;
	char *stored[STORED_MAX];
	size_t stored_len[STORED_MAX], n_stored;
	unsigned stored_at[STORED_MAX]; /* last octet of the sink's address */
	struct shard_record records[RECORDS_MAX];
	size_t n_records;
	struct shard_keep *lent; /* a message that is being stored */
	bool lend;               /* it stays so until the test sends it home; else it is read and goes home at once */
	uint16_t keep_code;
	struct octets kept;
	struct shard_send sent; /* message of our own that came home last */
	char steps[1 << 16];    /* account of the last record */
	size_t steps_len;
	bool drained;
	uint64_t settings_version; /* that the shard says it has in force */
	size_t n_settings_home;    /* SHARD_DOWN_SETTINGS that came back */
	struct hash_ops hash;
	struct hash_pair *hash_pair;
	uintptr_t deepest;      /* lowest address of the stack in a call of the hash; 0: there was none */
	unsigned (*lose)(void); /* NULL, or whether the next frame is lost */
} world;

static struct ip_addr address(const char *text)
{
	struct ip_addr a = { 0 };

	CHECK(ip_addr_parse(span_str(text), &a));
	return a;
}

static const char *const world_zone =
	"good.example TXT \"v=spf1 ip4:192.0.2.10 -all\"\n"
	"_dmarc.good.example TXT \"v=DMARC1; p=reject\"\n"
	"good.example A 192.0.2.10\n"
	"mail.good.example A 192.0.2.10\n"
	"rua.example TXT \"v=spf1 ip4:192.0.2.10 -all\"\n"
	"ruf.example TXT \"v=spf1 ip4:192.0.2.10 -all\"\n"
	"_dmarc.ruf.example TXT \"v=DMARC1; p=reject; ruf=mailto:a@b.example\"\n"
	"_dmarc.rua.example TXT \"v=DMARC1; p=reject; sp=none; aspf=s; rua=mailto:a@b.example\"\n"
	"mild.example TXT \"v=spf1 -all\"\n"
	"_dmarc.mild.example TXT \"v=DMARC1; p=quarantine\"\n"
	"fails.example TXT \"v=spf1 -all\"\n"
	"_dmarc.fails.example TXT !SERVFAIL\n";

#endif
