// SPDX-License-Identifier: MIT
/*
 * sekisho_load.c - the load generator: SMTP clients over our own TCP and a DPDK port, or over the kernel's sockets
 *
 * One worker on a core of its own; this thread waits, tells how it goes, and prints the result.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include <jansson.h>

#include "conf/version.h"
#include "dataplane/dpdk/dpdk.h"
#include "tools/load/load.h"
#include "tools/load/load_corpus.h"
#include "tools/load/load_kernel_run.h"
#include "tools/load/load_options.h"
#include "tools/load/load_sink.h"

#define LINGER_S 5    /* for sessions under way at the end */
#define OPENING_S 120 /* for those that are to be held; then they are as many as they are */

static void rx(void *load, const struct net_in *in, size_t n, uint64_t now_us)
{
	for (size_t i = 0; i < n; i++)
		load_rx(load, in[i].ifindex, in[i].frame, in[i].rx_flags, now_us);
}

/* Patient: what a full port does not take was not sent, and must not be counted as sent. */
static const struct dpdk_user load_user = {
	.rx = rx, .tick = load_tick, .tx = load_tx, .deadline_us = load_deadline_us, .is_patient = true
};

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
	(void)number;
	asked_to_stop = 1;
}

/* What the result is made of, at one moment. */
struct sample {
	double at_s, cpu_s;
	struct load_counts counts;
};

static double clock_s(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void take(struct sample *s, const struct load *l)
{
	s->at_s = clock_s(CLOCK_MONOTONIC);
	s->cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	s->counts = *load_counts(l);
}

static uint64_t messages_of(const struct load_counts *c)
{
	uint64_t n = 0;

	for (int i = 0; i < 6; i++)
		n += c->messages[i];
	return n;
}

/* The first process's network is the machine's: traffic there needs to be meant. */
static bool in_own_namespace(void)
{
	struct stat own, first;

	return stat("/proc/self/ns/net", &own) == 0 && stat("/proc/1/ns/net", &first) == 0 &&
	       own.st_ino != first.st_ino;
}

static bool is_loopback(const struct ip_addr *a)
{
	return a->bytes[0] == 127;
}

/* Whether what is sent may come to others. */
static bool leads_out(const struct load_options *o)
{
	if (o->kernel)
		return !is_loopback(&o->load.target) && !in_own_namespace();
	bool wire = strncmp(o->device, "net_memif", 9) != 0 && strncmp(o->device, "net_ring", 8) != 0 &&
		    strncmp(o->device, "net_virtio_user", 15) != 0;

	return wire && !(strncmp(o->device, "net_", 4) == 0 && in_own_namespace());
}

static void check_target(const struct load_options *o)
{
	if (o->target_is_mine || !leads_out(o))
		return;
	fprintf(stderr,
		"sekisho-load: %s leads to a network that others may use; say --target-is-mine if the target is "
		"yours\n",
		o->kernel ? "--target" : o->device);
	exit(2);
}

static void settings_for_dpdk(const struct load_options *o, struct settings *s)
{
	memset(s, 0, sizeof(*s));
	s->server_workers = 1;
	s->server_first_core = o->core;
	s->limits_mbufs = 8192;
	s->n_ports = 1;
	snprintf(s->ports[0].device, sizeof(s->ports[0].device), "%s", o->device);
	s->ports[0].mtu = o->mtu;
	s->ports[0].n_addresses = 1;
	s->ports[0].addresses[0].addr = o->own.addr;
	s->ports[0].addresses[0].prefix_len = o->own.prefix_len;
}

static void settings_for_net(const struct load_options *o, struct dpdk *d, struct net_settings *n)
{
	*n = net_settings_default();
	n->n_ifs = 1;
	dpdk_if(d, 0, &n->ifs[0]);
	n->ifs[0].clients = o->load.clients;
	n->tcp.conns_max = o->load.connections + o->load.idle + (o->load.sink ? LOAD_SINK_MAX : 0);
	n->tcp.half_open_max = 16;
	n->tcp.sources = (struct tcp_source_settings){ 0 }; /* the sink has one client */
	n->tcp.time_wait_max = 65536;
	n->tcp.time_wait_us = 1000000; /* the gateway closes first; what we close is not worth a minute */
	n->tcp.buffer_blocks = o->load.connections < 4096 ? 64 * o->load.connections + 1024 : 65536;
	n->tcp.receive_max = 65536;
	n->tcp.send_max = 1 << 20;
}

static struct load *start_dpdk(struct load_options *o, struct dpdk **to, char *error)
{
	static struct settings settings;
	struct net_settings net;
	uint8_t seed[16];
	uint64_t now_us, unix_us;

	settings_for_dpdk(o, &settings);
	struct dpdk *d = *to = dpdk_open(&settings, error, 512);

	if (!d)
		return NULL;
	settings_for_net(o, d, &net);
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return NULL;
	void *memory = dpdk_memory(d, load_memory(&o->load, &net), false);

	if (!memory) {
		snprintf(error, 512, "no memory for %u connections; lower --connections", o->load.connections);
		return NULL;
	}
	dpdk_now(d, &now_us, &unix_us);
	struct load *l = load_init(memory, &o->load, &net, seed, now_us);

	return dpdk_run(d, 0, &load_user, l, error, 512) ? l : NULL;
}

/* --- the result ------------------------------------------------------------------------------ */

static double per_s(uint64_t n, double seconds)
{
	return seconds > 0 ? (double)n / seconds : 0;
}

static json_t *quantiles(const struct histogram *h)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "n", (json_int_t)h->n, "p50",
			 (json_int_t)histogram_quantile(h, 0.5), "p90", (json_int_t)histogram_quantile(h, 0.9), "p99",
			 (json_int_t)histogram_quantile(h, 0.99), "p99_9", (json_int_t)histogram_quantile(h, 0.999),
			 "max", (json_int_t)h->most);
}

static void print_times(const char *what, const struct histogram *h)
{
	printf("%-10s p50 %llu  p90 %llu  p99 %llu  p99.9 %llu  max %llu us (of %llu)\n", what,
	       (unsigned long long)histogram_quantile(h, 0.5), (unsigned long long)histogram_quantile(h, 0.9),
	       (unsigned long long)histogram_quantile(h, 0.99), (unsigned long long)histogram_quantile(h, 0.999),
	       (unsigned long long)h->most, (unsigned long long)h->n);
}

/* Rates and replies are of the time that was counted, all else of the whole run. */
static json_t *result_of(const struct sample *a, const struct sample *b, const struct load *l)
{
	const struct load_counts *x = &a->counts, *y = &b->counts, *all = load_counts(l);
	double s = b->at_s - a->at_s;
	json_t *o = json_object(), *replies = json_object();
	const struct {
		const char *name;
		double value;
	} rates[] = {
		{ "seconds", s },
		{ "sessions_per_s", per_s(y->ended - x->ended, s) },
		{ "messages_per_s", per_s(messages_of(y) - messages_of(x), s) },
		{ "octets_per_s", per_s(y->octets - x->octets, s) },
		{ "rx_frames_per_s", per_s(y->rx_frames - x->rx_frames, s) },
		{ "tx_frames_per_s", per_s(y->tx_frames - x->tx_frames, s) },
		{ "syns_per_s", per_s(y->syns - x->syns, s) },
		{ "resets_per_s", per_s(y->resets - x->resets, s) },
		{ "handshakes_per_s", per_s(y->handshakes - x->handshakes, s) },
		{ "cpu_share", (b->cpu_s - a->cpu_s) / s },
	};
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "sessions", all->ended },
		{ "failed", all->failed },
		{ "resets", all->resets },
		{ "refused", all->refused },
		{ "odd_replies", all->odd_replies },
		{ "handshakes_failed", all->handshakes_failed },
		{ "held", y->held },
		{ "live", all->live },
		{ "flood_answers", load_flood_answers(l) },
		{ "sunk", load_sunk(l) },
	};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		json_object_set_new(o, rates[i].name, json_real(rates[i].value));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(o, counts[i].name, json_integer((json_int_t)counts[i].value));
	for (int i = 2; i < 6; i++) {
		char key[4] = { (char)('0' + i), 'x', 'x', '\0' };

		json_object_set_new(replies, key, json_integer((json_int_t)(y->messages[i] - x->messages[i])));
	}
	json_object_set_new(o, "replies", replies);
	json_object_set_new(o, "message_us", quantiles(load_message_us(l)));
	json_object_set_new(o, "session_us", quantiles(load_session_us(l)));
	return o;
}

static void print(json_t *r, const struct load *l)
{
	const char *key;
	json_t *value;

	json_object_foreach(r, key, value) if (json_is_number(value))
		printf("%-18s %14.6g\n", key, json_number_value(value));
	json_object_foreach(json_object_get(r, "replies"), key, value)
		printf("replies %-10s %14lld\n", key, (long long)json_integer_value(value));
	print_times("message", load_message_us(l));
	print_times("session", load_session_us(l));
}

/* --- the run --------------------------------------------------------------------------------- */

static void nap_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void tell(const struct sample *a, const struct sample *b)
{
	double s = b->at_s - a->at_s;

	fprintf(stderr, "%10.0f sessions/s %10.0f messages/s %10llu live %8llu failed %12.0f SYN/s\n",
		per_s(b->counts.ended - a->counts.ended, s),
		per_s(messages_of(&b->counts) - messages_of(&a->counts), s), (unsigned long long)b->counts.live,
		(unsigned long long)b->counts.failed, per_s(b->counts.syns - a->counts.syns, s));
}

/* Until the time is over, the work is done, or a signal came. */
static void wait_for_end(const struct load_options *o, struct load *l, struct sample *first, struct sample *last)
{
	struct sample before;
	double begin_s = clock_s(CLOCK_MONOTONIC), next_s = begin_s + 1, warm_s = begin_s + o->warm_up;

	take(&before, l);
	*first = before;
	bool warm = o->warm_up == 0 && load_is_ready(l);

	load_count_times(l, warm);
	while (!asked_to_stop && !load_is_done(l)) {
		nap_ms(10);
		double now_s = clock_s(CLOCK_MONOTONIC);

		if (!load_is_ready(l) && now_s - begin_s < OPENING_S) {
			warm_s = now_s + o->warm_up;
		} else if (!warm && now_s >= warm_s) {
			take(first, l);
			load_count_times(l, true);
			warm = true;
		}
		if (warm && now_s - first->at_s >= o->seconds)
			break;
		if (o->progress && now_s >= next_s) {
			take(last, l);
			tell(&before, last);
			before = *last;
			next_s += 1;
		}
	}
	take(last, l);
	load_stop(l);
	for (int i = 0; i < 100 * LINGER_S && o->load.mode != LOAD_IDLE && !load_is_done(l); i++)
		nap_ms(10);
}

static bool write_json(const char *path, const json_t *r)
{
	if (json_dump_file(r, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0)
		return true;
	fprintf(stderr, "sekisho-load: %s: cannot be written; name another file\n", path);
	return false;
}

int main(int argc, char **argv)
{
	static struct load_options o;
	static struct sample first, last;
	char error[512] = "no random numbers from the kernel; try again";

	load_options_read(&o, argc, argv);
	if (o.device || o.kernel)
		check_target(&o);
	o.load.corpus = o.corpus ? load_corpus_read(o.corpus, o.plan.chunks, &o.load.n_corpus)
				 : load_corpus_make(&o.plan, &o.load.n_corpus);
	if (!o.load.corpus)
		return 1;
	if (o.zone_to && !load_corpus_zone(&o.plan, &o.load.clients, o.zone_to)) {
		fprintf(stderr, "sekisho-load: %s: %s; name another file\n", o.zone_to, strerror(errno));
		return 1;
	}
	if (!o.device && !o.kernel)
		return 0;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	struct dpdk *d = NULL;
	struct load *l =
		o.kernel ? load_kernel_start(&o.load, o.core, error, sizeof(error)) : start_dpdk(&o, &d, error);

	if (!l) {
		fprintf(stderr, "sekisho-load: %s\n", error);
		return 1;
	}
	wait_for_end(&o, l, &first, &last);
	if (o.kernel)
		load_kernel_stop();
	else
		dpdk_stop(d);
	json_t *r = result_of(&first, &last, l);

	print(r, l);
	bool good = !o.json || write_json(o.json, r);

	json_decref(r);
	if (d)
		dpdk_close(d);
	return good ? 0 : 1;
}
