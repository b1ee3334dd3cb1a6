// SPDX-License-Identifier: MIT
/*
 * load_options.c - what sekisho-load is asked to do
 */
#include "tools/load/load_options.h"

#include "conf/version.h"
#include "tools/load/load_tls.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: sekisho-load {--device DEVICE | --kernel} --target ADDR[:PORT] [options]\n"
	"\n"
	"  --device DEVICE      port to send from: a DPDK device, such as net_memif0,role=client,socket=/run/sk.sock\n"
	"  --kernel             over the kernel's sockets instead; the clients' addresses must be this machine's, as "
	"by\n"
	"                       ip route add local 10.0.0.0/16 dev lo\n"
	"  --target ADDR[:PORT] the gateway (IPv4); port 25\n"
	"  --own ADDR/LEN       our own address on that link, the target's gateway to the clients; 192.0.2.2/24\n"
	"  --clients PREFIX/LEN addresses of the clients, within 10.0.0.0/8; 10.0.0.0/16\n"
	"  --mode MODE          send (messages), connect (220, QUIT, 221), idle (EHLO, then hold)\n"
	"  --connections N      at the same time; 50\n"
	"  --messages N         of one connection; 10\n"
	"  --rate N             connections begun a second, timed from when they were due; 0: as fast as they end\n"
	"  --idle N             connections more that are opened first, and held meanwhile\n"
	"  --drip N             microseconds between two octets of a client\n"
	"  --tls N              of a hundred connections that say STARTTLS; --bdat N: of a hundred messages by BDAT\n"
	"  --recipients N       of each message, 100 at most; 1\n"
	"  --sessions N         stop after so many; 0: no end\n"
	"  --flood N            SYN a second from addresses that do not exist, beside the connections\n"
	"  --sink PORT          listen there at our own address, as the gateway's next hop, and take all mail\n"
	"  --seconds N          stop after so many, 10; --warm-up N: not counted before, 1\n"
	"  --size N[:W],...     octets of made messages, and how many have them; 4096\n"
	"  --sign NAME[:W],...  and their signatures: rsa1024, rsa2048, rsa4096, ed25519, none; none\n"
	"  --forged N           of a hundred of them that were changed when they had been signed\n"
	"  --keys DIR           where their keys are kept for the next run; else each run has new ones\n"
	"  --zone-out FILE      what the domains of made messages publish: keys, SPF, DMARC; without --device and "
	"--kernel\n"
	"                       that is all that is done\n"
	"  --corpus DIR         messages of *.eml in turn instead of made ones\n"
	"  --domains N          made messages of N senders' domains in turn: d0, d1... below that of --mail-from\n"
	"  --helo NAME  --mail-from ADDR  --rcpt-to ADDR\n"
	"  --core N             of the worker, counted among those allowed; 0\n"
	"  --mtu N              1500\n"
	"  --json FILE          the result as JSON as well\n"
	"  --progress           a line each second\n"
	"  --target-is-mine     needed for a PCI device, and outside of a network namespace of its own\n"
	"  --help  --version\n";

__attribute__((format(printf, 1, 2), noreturn)) static void wrong(const char *format, ...)
{
	__builtin_va_list args;

	fprintf(stderr, "sekisho-load: ");
	__builtin_va_start(args, format);
	vfprintf(stderr, format, args);
	__builtin_va_end(args);
	fprintf(stderr, "; see --help\n");
	exit(2);
}

static uint64_t number(const char *name, const char *text, uint64_t least, uint64_t most)
{
	uint64_t v;

	if (!span_decimal(span_str(text), most, &v) || v < least)
		wrong("--%s must be %llu to %llu, is %s", name, (unsigned long long)least, (unsigned long long)most,
		      text);
	return v;
}

static struct net_if_addr prefix(const char *name, const char *text)
{
	struct net_if_addr a = { 0 };
	const char *slash = strchr(text, '/');

	if (!slash || !ip_addr_parse(span_of(text, (size_t)(slash - text)), &a.addr) || a.addr.family != IP_V4)
		wrong("--%s must be an IPv4 address and a length, is %s", name, text);
	a.prefix_len = (uint8_t)number(name, slash + 1, 8, 30);
	return a;
}

static void sized(struct load_choice *c, const char *what)
{
	c->octets = (uint32_t)number("size", what, 256, 64 << 20);
}

static void signed_by(struct load_choice *c, const char *what)
{
	c->by = load_sign_open(what);
	if (!c->by && strcmp(what, "none") != 0)
		wrong("--sign must be rsa1024, rsa2048, rsa4096, ed25519 or none, is %s", what);
}

/* WHAT[:WEIGHT],WHAT[:WEIGHT]...; returns how many.  Changes @text. */
static unsigned choices(const char *name, char *text, struct load_choice *to, unsigned n_max,
			void (*take)(struct load_choice *c, const char *what))
{
	unsigned n = 0;

	for (char *rest = text, *one; (one = strtok_r(rest, ",", &rest)); n++) {
		char *colon = strchr(one, ':');

		if (n == n_max)
			wrong("--%s has more than %u parts", name, n_max);
		to[n].weight = 1;
		if (colon) {
			*colon = '\0';
			to[n].weight = (uint32_t)number(name, colon + 1, 1, 1000000);
		}
		take(&to[n], one);
	}
	return n;
}

static void target(struct load_options *o, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	if (!ip_addr_parse(span_of(text, len), &o->load.target) || o->load.target.family != IP_V4)
		wrong("--target must be an IPv4 address, is %s", text);
	if (colon)
		o->load.port = (uint16_t)number("target", colon + 1, 1, 65535);
}

static enum load_mode mode(const char *text)
{
	if (strcmp(text, "send") == 0)
		return LOAD_SEND;
	if (strcmp(text, "connect") == 0)
		return LOAD_CONNECT;
	if (strcmp(text, "idle") == 0)
		return LOAD_IDLE;
	wrong("--mode must be send, connect or idle, is %s", text);
}

void load_options_read(struct load_options *o, int argc, char **argv)
{
	enum {
		DEVICE = 1,
		KERNEL,
		TARGET,
		OWN,
		CLIENTS,
		MODE,
		CONNECTIONS,
		MESSAGES,
		RATE,
		IDLE,
		DRIP,
		TLS,
		BDAT,
		RECIPIENTS,
		SIGN,
		FORGED,
		ZONE_OUT,
		KEYS,
		SESSIONS,
		FLOOD,
		SINK,
		SECONDS,
		WARM_UP,
		SIZE,
		CORPUS,
		DOMAINS,
		HELO,
		MAIL_FROM,
		RCPT_TO,
		CORE,
		MTU,
		JSON,
		PROGRESS,
		MINE,
		HELP,
		VERSION
	};
	static const struct option options[] = {
		{ "device", 1, NULL, DEVICE },
		{ "kernel", 0, NULL, KERNEL },
		{ "target", 1, NULL, TARGET },
		{ "own", 1, NULL, OWN },
		{ "clients", 1, NULL, CLIENTS },
		{ "mode", 1, NULL, MODE },
		{ "connections", 1, NULL, CONNECTIONS },
		{ "messages", 1, NULL, MESSAGES },
		{ "rate", 1, NULL, RATE },
		{ "idle", 1, NULL, IDLE },
		{ "drip", 1, NULL, DRIP },
		{ "tls", 1, NULL, TLS },
		{ "bdat", 1, NULL, BDAT },
		{ "recipients", 1, NULL, RECIPIENTS },
		{ "sign", 1, NULL, SIGN },
		{ "forged", 1, NULL, FORGED },
		{ "zone-out", 1, NULL, ZONE_OUT },
		{ "keys", 1, NULL, KEYS },
		{ "sessions", 1, NULL, SESSIONS },
		{ "flood", 1, NULL, FLOOD },
		{ "sink", 1, NULL, SINK },
		{ "seconds", 1, NULL, SECONDS },
		{ "warm-up", 1, NULL, WARM_UP },
		{ "size", 1, NULL, SIZE },
		{ "domains", 1, NULL, DOMAINS },
		{ "corpus", 1, NULL, CORPUS },
		{ "helo", 1, NULL, HELO },
		{ "mail-from", 1, NULL, MAIL_FROM },
		{ "rcpt-to", 1, NULL, RCPT_TO },
		{ "core", 1, NULL, CORE },
		{ "mtu", 1, NULL, MTU },
		{ "json", 1, NULL, JSON },
		{ "progress", 0, NULL, PROGRESS },
		{ "target-is-mine", 0, NULL, MINE },
		{ "help", 0, NULL, HELP },
		{ "version", 0, NULL, VERSION },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*o = (struct load_options){ .seconds = 10, .warm_up = 1, .mtu = 1500 };
	o->own = prefix("own", "192.0.2.2/24");
	o->load = (struct load_settings){ .mode = LOAD_SEND,
					  .port = 25,
					  .clients = prefix("clients", "10.0.0.0/16"),
					  .connections = 50,
					  .messages = 10,
					  .recipients = 1,
					  .helo = "client.example",
					  .mail_from = "sender@example.org",
					  .rcpt_to = "reader@example.net" };
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case DEVICE:
			o->device = optarg;
			break;
		case KERNEL:
			o->kernel = true;
			break;
		case TARGET:
			target(o, optarg);
			break;
		case OWN:
			o->own = prefix("own", optarg);
			break;
		case CLIENTS:
			o->load.clients = prefix("clients", optarg);
			if (o->load.clients.addr.bytes[0] != 10)
				wrong("--clients must lie in 10.0.0.0/8, is %s", optarg);
			break;
		case MODE:
			o->load.mode = mode(optarg);
			break;
		case CONNECTIONS:
			o->load.connections = (uint32_t)number("connections", optarg, 1, 4000000);
			break;
		case MESSAGES:
			o->load.messages = (uint32_t)number("messages", optarg, 1, 1000000);
			break;
		case RATE:
			o->load.rate = number("rate", optarg, 0, 100000000);
			break;
		case IDLE:
			o->load.idle = (uint32_t)number("idle", optarg, 0, 4000000);
			break;
		case DRIP:
			o->load.drip_us = number("drip", optarg, 0, 60000000);
			break;
		case TLS:
			o->load.tls_share = (unsigned)number("tls", optarg, 0, 100);
			break;
		case BDAT:
			o->load.bdat_share = (unsigned)number("bdat", optarg, 0, 100);
			break;
		case RECIPIENTS:
			o->load.recipients = (uint32_t)number("recipients", optarg, 1, LOAD_RECIPIENTS_MAX);
			break;
		case SIGN:
			o->plan.n_signers = choices("sign", optarg, o->plan.signers, LOAD_SIGN_MAX, signed_by);
			break;
		case FORGED:
			o->plan.forged_share = (unsigned)number("forged", optarg, 0, 100);
			break;
		case ZONE_OUT:
			o->zone_to = optarg;
			break;
		case KEYS:
			o->keys = optarg;
			break;
		case SESSIONS:
			o->load.sessions_max = number("sessions", optarg, 0, UINT64_C(1) << 40);
			break;
		case FLOOD:
			o->load.flood = number("flood", optarg, 0, 1000000000);
			break;
		case SINK:
			o->load.sink = (uint16_t)number("sink", optarg, 1, 65535);
			break;
		case SECONDS:
			o->seconds = (unsigned)number("seconds", optarg, 1, 86400);
			break;
		case WARM_UP:
			o->warm_up = (unsigned)number("warm-up", optarg, 0, 3600);
			break;
		case SIZE:
			o->plan.n_sizes = choices("size", optarg, o->plan.sizes, LOAD_SIZES_MAX, sized);
			break;
		case DOMAINS:
			o->plan.domains = (uint32_t)number("domains", optarg, 0, 10000000);
			break;
		case CORPUS:
			o->corpus = optarg;
			break;
		case HELO:
			o->load.helo = optarg;
			break;
		case MAIL_FROM:
			o->load.mail_from = optarg;
			break;
		case RCPT_TO:
			o->load.rcpt_to = optarg;
			break;
		case CORE:
			o->core = (unsigned)number("core", optarg, 0, 1023);
			break;
		case MTU:
			o->mtu = (uint16_t)number("mtu", optarg, 576, 9000);
			break;
		case JSON:
			o->json = optarg;
			break;
		case PROGRESS:
			o->progress = true;
			break;
		case MINE:
			o->target_is_mine = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(0);
		case VERSION:
			puts("sekisho-load " SEKISHO_VERSION);
			exit(0);
		default:
			wrong("%s is not understood", argv[optind - 1]);
		}
	}
	if (optind < argc)
		wrong("%s is one argument too many", argv[optind]);
	if ((o->device && o->kernel) || (!o->zone_to && !o->device && !o->kernel) ||
	    ((o->device || o->kernel) && o->load.target.family == IP_NONE))
		wrong("--device or --kernel, and --target are needed");
	if (o->kernel && o->load.flood)
		wrong("--flood needs a --device");
	if (o->corpus &&
	    (o->plan.domains || o->plan.n_sizes || o->plan.n_signers || o->plan.forged_share || o->zone_to))
		wrong("--domains, --size, --sign, --forged and --zone-out are of made messages; leave out --corpus");
	for (unsigned i = 0; o->keys && i < o->plan.n_signers; i++)
		if (o->plan.signers[i].by && !load_sign_keep(o->plan.signers[i].by, o->keys))
			wrong("--keys %s: a key there cannot be read or written", o->keys);
	if (strlen(o->load.helo) > 255 || strlen(o->load.mail_from) > 320 || strlen(o->load.rcpt_to) > 320)
		wrong("a name is too long");
	o->plan.mail_from = o->load.mail_from;
	o->plan.rcpt_to = o->load.rcpt_to;
	o->plan.recipients = o->load.recipients;
	o->plan.chunks = o->load.bdat_share;
	if (o->load.tls_share && !(o->load.tls = load_tls_open()))
		wrong("OpenSSL has no memory for --tls");
}
