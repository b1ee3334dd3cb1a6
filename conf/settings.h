// SPDX-License-Identifier: MIT
/*
 * settings.h - all settings, in one immutable struct
 *
 * Made whole by ctrlplane/settings_load.c and never changed after; a session keeps the one it began with.
 * Scalars are named group_name, from settings.def.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/policy_rules.h"
#include "dataplane/base/ip_addr.h"

#define SETTINGS_STR_MAX 256
#define SETTINGS_PORTS_MAX 8
#define SETTINGS_ADDRS_MAX 16
#define SETTINGS_NEIGHBOURS_MAX 16
#define SETTINGS_NEXT_HOPS_MAX 16
#define SETTINGS_HOP_NAME_MAX 64
#define SETTINGS_ROUTES_MAX 255
#define SETTINGS_SERVERS_MAX 8
#define SETTINGS_EAL_MAX 32
#define SETTINGS_ARC_TRUSTED_MAX 64
#define SETTINGS_DOMAINS_MAX 255
#define SETTINGS_CERTIFICATES_MAX 16
#define SETTINGS_PREFIXES_MAX 64
#define SETTINGS_DNSBLS_MAX 16
#define SETTINGS_DNSBL_ANSWERS_MAX 8
#define SETTINGS_MTU_MIN 1280 /* RFC 8200 5 */
#define SETTINGS_MTU_MAX 9000

struct settings_port {
	char device[SETTINGS_STR_MAX]; /* "0000:3b:00.0" or "net_tap0,iface=sk0" */
	uint16_t mtu;                  /* SETTINGS_MTU_MIN to SETTINGS_MTU_MAX; 1500 */
	uint16_t vlan;                 /* 0: untagged */
	uint8_t n_addresses;
	struct {
		struct ip_addr addr;
		uint8_t prefix_len;
	} addresses[SETTINGS_ADDRS_MAX]; /* "192.0.2.25/24" */
	struct ip_addr gateway4, gateway6;
	uint8_t n_neighbours;
	struct {
		struct ip_addr addr;
		uint8_t mac[6];
	} neighbours[SETTINGS_NEIGHBOURS_MAX]; /* "192.0.2.26 02:00:00:00:00:1a": their MAC is never asked for */
};

enum settings_tls {
	SETTINGS_TLS_NONE,
	SETTINGS_TLS_MAY,       /* STARTTLS where it is offered; in the clear when that fails */
	SETTINGS_TLS_REQUIRE,   /* STARTTLS, or no mail */
	SETTINGS_TLS_IMMEDIATE, /* from the first octet (RFC 8314 3) */
};

/* How a next hop is told of the client. */
enum settings_identity {
	SETTINGS_IDENTITY_NONE,
	SETTINGS_IDENTITY_XCLIENT, /* in front of a message, where it is offered */
	SETTINGS_IDENTITY_PROXY,   /* PROXY protocol, version 2: a connection for each client */
};

struct settings_next_hop {
	struct ip_addr addr;
	uint16_t port;                    /* 25 */
	uint16_t priority;                /* 10; the lowest that works is taken first */
	uint16_t weight;                  /* 1; share of the messages among those of one priority */
	bool lmtp;                        /* protocol = "lmtp" (RFC 2033) */
	char name[SETTINGS_HOP_NAME_MAX]; /* for rules; "": it has none */
	bool by_rule;                     /* gets what a rule sends there, and nothing else */
	bool smarthost;                   /* takes reports, to any domain, and nothing that a client sent */
	uint32_t recipients_max;          /* of one message; 0: as smtp.recipients_max; by LMTP 1 unless it is given */
	uint8_t identity;                 /* enum settings_identity */
	uint8_t tls;                      /* enum settings_tls */
	char tls_ca_file[SETTINGS_STR_MAX]; /* who must have signed its certificate; "": anyone */
	char tls_name[SETTINGS_STR_MAX];    /* the name in it; "": the address */
	bool tls_dane;                      /* known by the TLSA records of that name (RFC 7672) */
	bool tls_pinned;
	uint8_t tls_pin[32]; /* SHA-256 of the SubjectPublicKeyInfo, given in hexadecimal */
};

/* Mail for a domain goes to these next hops only; next hops without a route take what no route names. */
struct settings_route {
	char domain[SETTINGS_STR_MAX];
	uint32_t next_hops; /* bit i: next_hops[i] */
};

struct settings_certificate {
	char certificate[SETTINGS_STR_MAX], key[SETTINGS_STR_MAX]; /* PEM files */
};

struct settings_prefix {
	struct ip_addr addr;
	uint8_t len; /* bits */
};

/* Addresses in host order; with a mask one of its bits must be set. */
struct settings_dnsbl_answer {
	uint32_t low, high, mask;
};

struct settings_dnsbl {
	char zone[SETTINGS_STR_MAX];
	int16_t weight;    /* what a client that is listed gets; below 0: a list of the good */
	uint8_t n_answers; /* 0: any of 127.0.0.0/8 */
	struct settings_dnsbl_answer answers[SETTINGS_DNSBL_ANSWERS_MAX];
};

struct settings_server {
	struct ip_addr addr;
	uint16_t port; /* 53 */
};

struct settings {
#define INT(group, name, unit, least, most, default_, help) uint64_t group##_##name;
#define BOOL(group, name, default_, help) bool group##_##name;
#define STR(group, name, default_, help) char group##_##name[SETTINGS_STR_MAX];
#define WORD(group, name, words, default_, help) char group##_##name[SETTINGS_STR_MAX];
#include "conf/settings.def"
#undef INT
#undef BOOL
#undef STR
#undef WORD
	uint8_t n_ports;
	struct settings_port ports[SETTINGS_PORTS_MAX]; /* ports = ( { device = "..."; addresses = [...]; }, ... ) */
	uint8_t n_next_hops;
	struct settings_next_hop
		next_hops[SETTINGS_NEXT_HOPS_MAX]; /* next_hops = ( { address = "..."; port = 25; } ) */
	uint8_t n_routes;
	struct settings_route routes[SETTINGS_ROUTES_MAX]; /* next_hops.[i].domains, each name once */
	uint8_t n_dns_servers;
	struct settings_server
		dns_servers[SETTINGS_SERVERS_MAX]; /* dns.servers = [ "192.0.2.53", "[2001:db8::53]:5353" ] */
	uint8_t n_eal;
	char eal[SETTINGS_EAL_MAX][SETTINGS_STR_MAX]; /* eal = [ "--log-level=..." ] added to the EAL's arguments */
	uint8_t n_arc_trusted;
	char arc_trusted[SETTINGS_ARC_TRUSTED_MAX][SETTINGS_STR_MAX]; /* arc.trusted = [ "example.net" ] */
	uint8_t n_domains;
	char domains[SETTINGS_DOMAINS_MAX]
		    [SETTINGS_STR_MAX]; /* relay.domains = [ "example.org" ]; none: any recipient */
	struct policy_rules rules;      /* policy.rules = ( { name = "..."; when : { ... }; action = "..."; } ) */
	uint8_t n_certificates;
	struct settings_certificate certificates[SETTINGS_CERTIFICATES_MAX]; /* tls.certificates = ( { certificate =
										"..."; key = "..."; } ) */
	uint8_t n_tickets_except, n_required_from, n_proxy_from, n_xclient_from;
	struct settings_prefix tickets_except[SETTINGS_PREFIXES_MAX]; /* tls.tickets_except = [ "192.0.2.0/24" ] */
	struct settings_prefix required_from[SETTINGS_PREFIXES_MAX];  /* tls.required_from = [ "192.0.2.0/24" ] */
	struct settings_prefix proxy_from[SETTINGS_PREFIXES_MAX];     /* smtp.proxy_from = [ "192.0.2.0/24" ] */
	struct settings_prefix xclient_from[SETTINGS_PREFIXES_MAX];   /* smtp.xclient_from, likewise */
	uint8_t n_dnsbls;
	struct settings_dnsbl dnsbls[SETTINGS_DNSBLS_MAX]; /* dnsbl.lists = ( { zone = "..."; weight = 5; } ) */
	uint64_t version;                                  /* of the configuration in force, counted by publish.c */
};

static inline bool settings_prefixes_have(const struct settings_prefix *list, size_t n, const struct ip_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_addr_in_prefix(a, &list[i].addr, list[i].len))
			return true;
	return false;
}

#endif
