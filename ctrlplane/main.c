// SPDX-License-Identifier: MIT
/*
 * main.c - program sekishod: the gateway's life, from its configuration to its last message
 *
 * main() takes the control socket, starts the ports and the resolver, gives up its privileges, starts the workers, then
 * runs the control thread's loop: rings, resolver, control socket, records.  SIGTERM and SIGINT drain and end; a second one ends at once.
 * SIGHUP opens the record file anew and reloads the configuration.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto_cryptodev.h"
#include "crypto/crypto_open.h"
#include "crypto/crypto_openssl.h"
#include "crypto/hash_pair.h"
#include "crypto/tls_memory.h"
#include "ctrlplane/confine.h"
#include "ctrlplane/gateway.h"
#include "ctrlplane/privileges.h"
#include "ctrlplane/settings_sample.h"
#include "conf/version.h"
#include "dns/domain_names.h"

enum { EXIT_USAGE = 2, KEYS_MAX = 4096, IDLE_WAIT_US = 1000, END_US = 30000000 /* after the drain */ };

static volatile sig_atomic_t n_terms, n_hups;

static void on_signal(int number)
{
	if (number == SIGHUP)
		n_hups++;
	else
		n_terms++;
}

uint64_t gateway_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t gateway_unix_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void gateway_random(void *at, size_t n)
{
	if (getrandom(at, n, 0) != (ssize_t)n) {
		fprintf(stderr, "sekishod: the kernel gives no random numbers; nothing can be done without\n");
		exit(1);
	}
}

static void link_init(struct gateway_worker *w)
{
	ring_init(&w->link.up, w->slots[0], GATEWAY_RING_N);
	ring_init(&w->link.up_back, w->slots[1], GATEWAY_RING_N);
	ring_init(&w->link.down, w->slots[2], GATEWAY_RING_N);
	ring_init(&w->link.down_back, w->slots[3], GATEWAY_RING_N);
	w->waiting_end = &w->waiting;
}

static struct crypto_backend *open_crypto(struct gateway *g, unsigned worker, const char **why)
{
	const struct settings *s = g->settings;
	const struct crypto_choice choice = { .backend = s->crypto_backend,
					      .keys_max = KEYS_MAX,
					      .engine = s->crypto_engine,
					      .device = s->crypto_device,
					      .in_flight = (uint32_t)s->crypto_device_in_flight,
					      .device_bits_min = (uint16_t)s->crypto_device_bits_min,
					      .device_timeout_us = s->crypto_device_timeout_ms * 1000,
					      .worker = worker,
					      .n_workers = g->n_workers,
					      .open_cryptodev = crypto_cryptodev_open };

	struct crypto_backend *backend = crypto_open_chosen(&choice, why);
	const struct crypto_costs *costs = crypto_open_costs();

	for (int c = 0; c < N_CRYPTO_CLASS; c++)
		g->crypto_cost[c] =
			(struct control_crypto_cost){ costs->openssl.ns[c], costs->lanes.ns[c], costs->device.ns[c] };
	return backend;
}

/* One worker's shard, in memory of the ports' kind. */
static bool make_shard(struct gateway *g, unsigned i, struct net_settings *net, char *error)
{
	net->quiet = i > 0; /* the first one announces our addresses */
	struct gateway_worker *w = &g->workers[i];
	struct shard_env env = { .settings = g->settings,
				 .net = net,
				 .hash = &crypto_openssl_hash,
				 .to_ascii = domain_to_ascii,
				 .organizational = domain_organizational,
				 .port_is_ours = dpdk_port_is_ours,
				 .port_arg = dpdk_worker_arg(g->dpdk, i),
				 .clock_us = dpdk_clock_us,
				 .clock_arg = g->dpdk,
				 .dnsbl_zones = gateway_dnsbl_zones(g),
				 .greylist = g->greylist,
				 .link = &w->link,
				 .ledger = g->reports ? report_ledger(g->reports, i) : NULL,
				 .index = (uint16_t)i };

	link_init(w);
	gateway_random(env.seed, sizeof(env.seed));
	const char *why = NULL;
	env.hash_pair = g->hash_pairs[i] = hash_pair_open();
	env.crypto = g->crypto[i] = open_crypto(g, i, &why);
	if (!env.crypto) {
		snprintf(error, 512, "%s", why);
		return false;
	}
	if (!gateway_tls_open(g, i, error, 512))
		return false;
	env.tls = g->tls[i];
	size_t size = shard_memory(&env);
	privileges_raise(); /* without an IOMMU DPDK asks for the place of each hugepage, which is a privilege */
	void *memory = dpdk_memory(g->dpdk, size, g->settings->server_prefault);
	privileges_lower();
	if (!memory) {
		snprintf(error, 512, "no memory for worker %u, which needs %zu MiB; lower the numbers under limits", i,
			 size >> 20);
		return false;
	}
	uint64_t now_us, unix_us;
	dpdk_now(g->dpdk, &now_us, &unix_us);
	w->shard = shard_init(memory, &env, now_us, unix_us);
	return true;
}

static void rx(void *arg, const struct net_in *in, size_t n, uint64_t now_us)
{
	shard_rx_burst(arg, in, n, now_us);
}

static bool tick(void *arg, uint64_t now_us, uint64_t unix_us, bool idle)
{
	return shard_tick(arg, now_us, unix_us, idle);
}

static bool tx(void *arg, struct net_frame *frame, uint64_t now_us)
{
	return shard_tx(arg, frame, now_us);
}

static uint64_t deadline_us(void *arg)
{
	return shard_deadline_us(arg);
}

static struct confinement {
	enum confine_mode mode;
	bool polls;  /* every port is a NIC that is driven from user space */
	bool engine; /* an OpenSSL engine is somebody else's: workers have the profile of the process alone */
} confinement;

static bool begin(void *arg)
{
	(void)arg;
	return confinement.engine || confine_worker(confinement.mode, confinement.polls);
}

static void end(void *arg)
{
	shard_end(arg);
}

static struct stats *stats(void *arg)
{
	return shard_own_stats(arg);
}

static const struct dpdk_user shard_user = {
	.begin = begin, .rx = rx, .tick = tick, .tx = tx, .deadline_us = deadline_us, .end = end, .stats = stats
};

/* The first of all faults is what the start fails for; the others are logged. */
static void hear_start(void *arg, const char *message)
{
	char *error = arg;

	if (*error)
		log_error("%s", message);
	else
		snprintf(error, 512, "%s", message);
}

static struct tcp_source_settings source_settings(const struct settings *s)
{
	return (struct tcp_source_settings){
		.records_max = (uint32_t)s->sources_records_max,
		.host_conns_max = (uint32_t)s->sources_host_connections_max,
		.net_conns_max = (uint32_t)s->sources_net_connections_max,
		.host_rate_per_min = (uint32_t)s->sources_host_rate_max,
		.net_half_open_max = (uint16_t)s->sources_net_half_open_max,
		.host4_bits = (uint8_t)s->sources_host4_bits,
		.host6_bits = (uint8_t)s->sources_host6_bits,
		.net4_bits = (uint8_t)s->sources_net4_bits,
		.net6_bits = (uint8_t)s->sources_net6_bits,
		.silent = strcmp(s->sources_answer, "drop") == 0,
	};
}

static bool make_workers(struct gateway *g, struct net_settings *net, char *error)
{
	const struct settings *s = g->settings;

	*net = net_settings_default();
	net->n_ifs = s->n_ports;
	for (unsigned i = 0; i < s->n_ports; i++)
		dpdk_if(g->dpdk, i, &net->ifs[i]);
	net->reassemble = strcmp(s->net_fragments, "reassemble") == 0;
	uint64_t n_conns = s->limits_sessions_max + SHARD_REFUSED_MAX + s->relay_connections_max * s->n_next_hops;
	net->tcp.conns_max = (uint32_t)n_conns;
	net->tcp.buffer_blocks = (uint32_t)s->limits_tcp_blocks;
	net->tcp.receive_max = (uint32_t)s->tcp_receive_max;
	net->tcp.send_max = (uint32_t)s->tcp_send_max;
	net->tcp.mss_min = (uint16_t)s->tcp_mss_min;
	net->tcp.half_open_max = (uint32_t)s->tcp_half_open_max;
	net->tcp.syn_cookies = s->tcp_syn_cookies;
	net->tcp.sources = source_settings(s);
	net->tcp.time_wait_max = (uint32_t)s->tcp_time_wait_max;
	net->tcp.congestion = strcmp(s->tcp_congestion, "newreno") == 0 ? TCP_NEWRENO : TCP_CUBIC;
	net->tcp.time_wait_us = (uint32_t)(s->tcp_time_wait_s * 1000000);
	if (!gateway_dnsbl_begin(g) || !gateway_greylist_begin(g)) {
		snprintf(error, 512, "no memory for the greylist; lower greylist.entries_max");
		return false;
	}
	for (unsigned i = 0; i < g->n_workers; i++)
		if (!make_shard(g, i, net, error))
			return false;
	if (!gateway_lists_begin(g, hear_start, error))
		return false;
	return true;
}

/* The end of all privileges; what runs from here on runs as server.user, and within its profile. */
static bool confine(struct gateway *g, char *error)
{
	static const char *const words[] = {
		[CONFINE_OFF] = "off", [CONFINE_LOG] = "log", [CONFINE_ENFORCE] = "enforce"
	};
	const struct settings *s = g->settings;

	confinement.mode = confine_mode(s->server_seccomp);
	confinement.polls = dpdk_polls(g->dpdk);
	confinement.engine = s->crypto_engine[0] != '\0';
	if (!privileges_end(error, 512) || !confine_process(confinement.mode, error, 512))
		return false;
	if (geteuid() == 0)
		log_warning("runs as root: name a user in server.user");
	log_info("runs as user %u, group %u; system calls: %s, workers %s", geteuid(), getegid(),
		 words[confinement.mode],
		 confinement.engine  ? "as the process, for they run an engine"
		 : confinement.polls ? "next to none"
				     : "on open descriptors, for their ports are virtual");
	return true;
}

static bool run_workers(struct gateway *g, char *error)
{
	for (unsigned i = 0; i < g->n_workers; i++)
		if (!dpdk_run(g->dpdk, i, &shard_user, g->workers[i].shard, error, 512))
			return false;
	return true;
}

/* Sentences of the start, a line each. */
static void notes(const char *text)
{
	struct span rest = span_str(text);

	while (rest.at) {
		struct span line = span_cut(&rest, '\n');

		if (line.len)
			log_info("%.*s", (int)line.len, (const char *)line.at);
	}
}

static bool gateway_start(struct gateway *g, struct net_settings *net, char *error)
{
	notify_begin(&g->notify);
	g->started_us = gateway_now_us();
	g->started_unix_us = gateway_unix_us();
	if (!record_ring_open(&g->records, RECORD_RING_N, (size_t)g->settings->explain_kept_kb << 10) ||
	    !log_file_open(&g->log, g->settings->server_log_file)) {
		snprintf(error, 512, "records cannot be kept; see server.log_file in %s", g->path);
		return false;
	}
	if (!gateway_control_open(g, error))
		return false;
	privileges_raise();
	g->dpdk = dpdk_open(g->settings, error, 512);
	privileges_lower();
	if (!g->dpdk)
		return false;
	notes(dpdk_notes(g->dpdk));
	/* After the ports: see dpdk.h on when to open. */
	if (!gateway_dns_open(g, error, 512))
		return false;
	gateway_save_restore_dns(g);
	g->n_workers = g->control_env.n_workers = dpdk_n_workers(g->dpdk);
	g->workers = calloc(g->n_workers, sizeof(*g->workers));
	if (!g->workers)
		snprintf(error, 512, "no memory for %u workers; lower server.workers", g->n_workers);
	return g->workers && gateway_sides_begin(g, error) && make_workers(g, net, error) && confine(g, error) &&
	       run_workers(g, error);
}

static void gateway_end(struct gateway *g)
{
	if (g->dpdk)
		dpdk_stop(g->dpdk);
	if (g->workers) {
		gateway_links_turn(g, gateway_now_us()); /* the last records */
		log_file_flush(&g->log);
	}
	gateway_sides_end(g);
	if (g->control)
		control_close(g->control);
	gateway_save_end(g);
	gateway_dns_close(g);
	for (unsigned i = 0; i < g->n_workers; i++) {
		crypto_close(g->crypto[i]); /* may be a device of DPDK's */
		hash_pair_close(g->hash_pairs[i]);
	}
	if (g->dpdk)
		dpdk_close(g->dpdk);
	record_ring_close(&g->records);
	log_file_close(&g->log);
	gateway_lists_end(g);
	gateway_greylist_end(g);
	gateway_dnsbl_end(g);
	gateway_settings_end(g);
}

/* --- the loop ---------------------------------------------------------------------------------- */

static void say_ready(const struct gateway *g)
{
	char status[64];

	snprintf(status, sizeof(status), "%u worker%s, settings of version %llu", g->n_workers,
		 g->n_workers == 1 ? "" : "s", (unsigned long long)g->settings->version);
	notify_ready(status);
}

/* A worker that makes no turn has met a fault of ours: the service manager ends and restarts what says nothing. */
static void watchdog_turn(struct gateway *g, uint64_t now_us)
{
	uint64_t turns[STATS_WORKERS_MAX];

	if (!notify_due(&g->notify, now_us))
		return;
	for (unsigned i = 0; i < g->n_workers; i++)
		turns[i] = shard_stats(g->workers[i].shard)->shard_ticks;
	unsigned still = notify_alive(&g->notify, now_us, turns, g->n_workers);
	if (still < g->n_workers)
		log_error("worker %u makes no turn; the service manager restarts sekishod when that lasts", still);
}

/* All that there is to say, gateway_reload() logs. */
static void reload_by_signal(struct gateway *g)
{
	struct control_change c;

	control_change_begin(&c);
	enum control_outcome o = gateway_reload(g, &c);
	if (o == CONTROL_FAILED)
		log_error("%s is not in force: nothing is changed; mend it and reload", g->path);
	g->reload_wanted = o == CONTROL_LATER;
	if (!g->reload_wanted)
		say_ready(g);
	control_change_end(&c);
}

/* Signals that came; false: it is time to end. */
static bool signals_turn(struct gateway *g, uint64_t now_us)
{
	static sig_atomic_t n_terms_seen, n_hups_seen;

	if (n_hups != n_hups_seen) {
		n_hups_seen = n_hups;
		if (log_file_reopen(&g->log))
			log_info("record file opened anew");
		notify_reloading(now_us);
		reload_by_signal(g);
	} else if (g->reload_wanted && !gateway_lists_reading(g)) {
		reload_by_signal(g);
	}
	if (n_terms != n_terms_seen) {
		if (n_terms_seen) {
			log_warning("told twice to end: sessions that are left end here");
			return false;
		}
		n_terms_seen = n_terms;
		log_info("draining for at most %llu s", (unsigned long long)g->settings->server_drain_s);
		g->control_env.drain(g);
		g->drain_until_us = now_us + g->settings->server_drain_s * 1000000;
		notify_ending(g->settings->server_drain_s * 1000000 + END_US);
	}
	if (g->drain_until_us && now_us >= g->drain_until_us && !gateway_drained(g)) {
		log_warning("sessions are left after server.drain_s; they end here, and their clients try again");
		return false;
	}
	return !g->drain_until_us || !gateway_drained(g);
}

static void gateway_loop(struct gateway *g)
{
	struct pollfd fds[CONTROL_FDS_MAX + 1];

	for (uint64_t now_us = gateway_now_us(); signals_turn(g, now_us); now_us = gateway_now_us()) {
		bool any = gateway_links_turn(g, now_us);

		any |= gateway_sides_turn(g);
		any |= gateway_dns_turn(g, now_us);
		gateway_dane_turn(g, now_us);
		gateway_tls_turn(g, now_us);
		gateway_dnsbl_turn(g, now_us);
		gateway_save_turn(g, now_us);
		log_file_flush(&g->log);
		watchdog_turn(g, now_us);
		size_t n = control_fds(g->control, fds);
		fds[n] = (struct pollfd){ .fd = g->resolver.fd(g->resolver.driver), .events = POLLIN };
		/* Rings wake nobody: look at them every millisecond. */
		struct timespec wait = { .tv_nsec = any ? 0 : IDLE_WAIT_US * 1000 };
		if (ppoll(fds, (nfds_t)(n + 1), &wait, NULL) < 0 && errno != EINTR)
			log_error("poll: %s", strerror(errno));
		control_handle(g->control, fds, n, gateway_now_us());
	}
}

/* --- command line ------------------------------------------------------------------------------ */

static void usage(FILE *f)
{
	fputs("usage: sekishod -c FILE [-t]\n"
	      "The mail gateway; stays in the foreground.  SIGTERM drains and ends it; SIGHUP opens the record file "
	      "anew\nand reloads the configuration.\n"
	      "  -c, --config FILE   the configuration\n"
	      "  -t, --test          check the configuration and exit: 0 when it is good, 2 when it is not\n"
	      "      --print-sample  print a configuration with every setting at its default\n"
	      "      --help, --version\n",
	      f);
}

static void say_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "sekishod: %s\n", message);
}

/* What getopt_long() did not take: a letter in a word of others, or the whole word. */
static int option_wrong(int o, char **argv)
{
	const char *what = o == ':' ? "needs a value" : "is no option";

	if (optopt && optopt < 256)
		fprintf(stderr, "sekishod: -%c %s; see sekishod --help\n", optopt, what);
	else
		fprintf(stderr, "sekishod: %s %s; see sekishod --help\n", argv[optind - 1], what);
	return EXIT_USAGE;
}

/* Returns an exit status, or -1 to go on. */
static int arguments(int argc, char **argv, const char **path, bool *test)
{
	enum { HELP = 256, VERSION, SAMPLE };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },    { "test", no_argument, NULL, 't' },
		{ "print-sample", no_argument, NULL, SAMPLE }, { "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },     { 0 }
	};
	int o;

	opterr = 0;
	while ((o = getopt_long(argc, argv, ":c:t", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			*path = optarg;
			break;
		case 't':
			*test = true;
			break;
		case SAMPLE:
			settings_print_sample(stdout);
			return 0;
		case HELP:
			usage(stdout);
			return 0;
		case VERSION:
			printf("sekishod %s\n", SEKISHO_VERSION);
			return 0;
		default:
			return option_wrong(o, argv);
		}
	}
	if (optind < argc)
		fprintf(stderr, "sekishod: it takes no argument %s; see sekishod --help\n", argv[optind]);
	else if (!*path)
		fprintf(stderr, "sekishod: no configuration; name one with -c FILE\n");
	return optind < argc || !*path ? EXIT_USAGE : -1;
}

static void catch_signals(void)
{
	struct sigaction a = { .sa_handler = on_signal };

	sigemptyset(&a.sa_mask);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	static struct gateway g;
	static struct net_settings net;
	char error[512] = "";
	bool test = false;
	tls_memory_count(); /* before OpenSSL is used for the first time */
	int status = arguments(argc, argv, &g.path, &test);

	if (status >= 0 && fflush(stdout) != 0) {
		say_error(NULL, "standard output takes no more; make room");
		return 1;
	}
	if (status >= 0)
		return status;
	if (!gateway_settings_begin(&g, say_error, NULL))
		return EXIT_USAGE;
	/* Keys are read by who will read them again at reload. */
	if (!test && !privileges_begin(g.settings->server_user, g.settings->server_group, error, sizeof(error))) {
		fprintf(stderr, "sekishod: %s\n", error);
		return EXIT_USAGE;
	}
	if (!gateway_tls_check(g.settings, error, sizeof(error))) {
		fprintf(stderr, "sekishod: %s: %s\n", g.path, error);
		return EXIT_USAGE;
	}
	if (test) {
		bool good = gateway_lists_begin(&g, say_error, NULL);

		gateway_lists_end(&g);
		if (!good)
			return EXIT_USAGE;
		printf("sekishod: %s is good\n", g.path);
		return 0;
	}
	catch_signals();
	if (!gateway_start(&g, &net, error)) {
		fprintf(stderr, "sekishod: %s\n", error);
		gateway_end(&g);
		return 1;
	}
	log_info("sekishod %s is ready: %u worker%s", SEKISHO_VERSION, g.n_workers, g.n_workers == 1 ? "" : "s");
	say_ready(&g);
	g.running = true;
	gateway_loop(&g);
	gateway_end(&g);
	log_info("ended");
	return 0;
}
