// SPDX-License-Identifier: MIT
/*
 * test_ctl.c - sekishoctl's client and its tables, against a control socket in a process of its own
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctrlplane/cli/ctl_client.h"
#include "ctrlplane/cli/ctl_print.h"
#include "ctrlplane/control.h"
#include "ctrlplane/settings_table.h"
#include "tests/tap.h"
#include "tests/unit/ctrlplane/control_stubs.h"

static struct settings settings;
static struct stats stats;
static struct record_ring records;
static struct control *control;
static char dir[40], path[80];

static const struct settings *env_settings(void *arg)
{
	(void)arg;
	return &settings;
}

static const struct stats *env_stats(void *arg, unsigned worker)
{
	(void)arg;
	(void)worker;
	return &stats;
}

static void env_status(void *arg, struct control_status *out)
{
	(void)arg;
	*out = (struct control_status){ .version = "9.9", .config = "f", .crypto_backend = "ifma" };
	out->crypto_by_class[2] = "ifma; openssl for one alone";
	out->crypto_cost[2] = (struct control_crypto_cost){ 21000, 4100, 0 };
}

static bool env_port(void *arg, unsigned index, struct control_port *out)
{
	(void)arg;
	(void)index;
	(void)out;
	return false;
}

/* Answers before it returns, as a cache does. */
static bool env_dns_lookup(void *arg, const struct dns_question *q, uint64_t tag)
{
	_Alignas(8) uint8_t block[512];
	struct dns_answer *a = dns_answer_init(block, sizeof(block), DNS_NODATA, 60);

	(void)arg;
	if (q->type == DNS_A && !dns_answer_add(a, sizeof(block), SPAN("\300\0\2\7")))
		return false;
	control_dns_answer(control, tag, a);
	return true;
}

static bool env_sessions(void *arg, unsigned worker, uint64_t tag)
{
	static struct shard_sessions s;

	(void)arg;
	s.m.worker = (uint16_t)worker;
	s.m.tag = tag;
	s.n_total = s.n_rows = 1;
	s.rows[0].client = ip_addr_of4((const uint8_t *)"\300\0\2\7");
	memcpy(s.rows[0].state, "DATA", 5);
	memcpy(s.rows[0].tls, "TLSv1.3 TLS_AES_256_GCM_SHA384", 31);
	memcpy(s.rows[0].helo, "a\x1b[31m\xc2\x9b", 9);
	control_sessions(control, &s);
	return true;
}

static const struct control_env env = { .n_workers = 1,
					.records = &records,
					.settings = env_settings,
					.stats = env_stats,
					.latency = stub_latency,
					.policy_counts = stub_policy_counts,
					.limits = stub_limits,
					.status = env_status,
					.port = env_port,
					.next_hop = stub_next_hop,
					.next_hop_tlsa = stub_next_hop_tlsa,
					.show = stub_show,
					.dns_counts = stub_dns_counts,
					.dns_walk = stub_dns_walk,
					.dns_flush = stub_dns_flush,
					.dns_lookup = env_dns_lookup,
					.sessions = env_sessions,
					.drain = stub_drain,
					.resume = stub_resume };

_Noreturn static void serve(void)
{
	struct pollfd fds[CONTROL_FDS_MAX];

	alarm(60);
	for (uint64_t now_us = 0;; now_us += 1000) {
		size_t n = control_fds(control, fds);
		poll(fds, (nfds_t)n, 10);
		control_handle(control, fds, n, now_us);
	}
}

/* What `sekishoctl WORDS` prints; the caller frees it.  Takes @args. */
static char *printed(const char *words, json_t *args, ctl_printer *print)
{
	struct ctl_client c;
	bool more = true;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (ctl_open(&c, path) && ctl_ask(&c, words, args)) {
		while (more) {
			json_t *result = ctl_answer(&c, &more, 5000);
			if (result)
				print(f, result, false);
			else {
				fprintf(f, "sekishoctl: %s\n", c.error);
				more = false;
			}
			json_decref(result);
		}
	} else {
		fprintf(f, "sekishoctl: %s\n", c.error);
	}
	ctl_close(&c);
	json_decref(args);
	fclose(f);
	return text;
}

static const struct {
	const char *words;
	ctl_printer *print;
	const char *arg, *value; /* of one argument */
	const char *holds;       /* must be printed */
} cases[] = {
	{ "status", ctl_print_status, NULL, NULL, "state            running\n" },
	{ "stats", ctl_print_stats, NULL, NULL, "           42  turns of the worker's loop\n" },
	{ "stats", ctl_print_stats, "format", "prometheus", "\nsekisho_shard_ticks_total 42\n" },
	{ "show sessions", ctl_print_sessions, NULL, NULL,
	  "WORKER  CLIENT     PORT  STATE  AGE s  MESSAGES  HELO               TLS                             MAIL "
	  "FROM\n"
	  "     0  192.0.2.7     0  DATA       0         0  a\\x1b[31m\\xc2\\x9b  TLSv1.3 TLS_AES_256_GCM_SHA384  \n1 "
	  "sessions, 1 shown\n" },
	{ "show dns", ctl_print_dns, NULL, NULL, "cache_hits         3\n" },
	{ "show dns", ctl_print_dns, NULL, NULL, "             2000        2\n" },
	{ "show crypto", ctl_print_crypto, NULL, NULL,
	  "RSA-2048      20       21000      4100          -  ifma; openssl for one alone\n" },
	{ "show crypto", ctl_print_crypto, NULL, NULL, "   8        2\n" },
	{ "show ports", ctl_print_ports, NULL, NULL,
	  "net_tap0: 192.0.2.25/24; gateway4 192.0.2.1; neighbours 192.0.2.1 02:00:00:00:00:1a\n" },
	{ "show nexthops", ctl_print_next_hops, NULL, NULL,
	  "ADDRESS     PORT  STATE  PRIORITY  WEIGHT  CONNS  BUSY  WAITING  ACCEPTED  REFUSED  LOST  NO CONN  RETRY s  "
	  "LAST                      LAST REPLY\n"
	  "192.0.2.26    25  up            0       0      2     0        0         3        0     0        0        0  "
	  "2026-11-24T06:10:37.123Z  250 done\n"
	  "192.0.2.26: the last handshake of TLS failed: certificate verify failed\n"
	  "192.0.2.26 is known by TLSA records: no answer\n"
	  "192.0.2.26 takes mail for inside.example\n" },
	{ "show limits", ctl_print_limits, NULL, NULL, "limits.sessions_max     5         9  100        2\n" },
	{ "show tcp", ctl_print_tcp, NULL, NULL, "limits.sessions_max" },
	{ "show dnsbl", ctl_print_dnsbl, NULL, NULL,
	  "ZONE        WEIGHT  SUSPENDED  STATE\nbl.example      -3  yes        lists nothing\n" },
	{ "show greylist", ctl_print_counted, NULL, NULL, "shown" },
	{ "show latency", ctl_print_latency, NULL, NULL, "dns                  1.25         1.25         1.25\n" },
	{ "show latency", ctl_print_latency, NULL, NULL, "to_next_hop          0.10         4.00         4.00\n" },
	{ "explain", ctl_print_explain, "id", "id1",
	  "message   id1 of session s1, ended 2026-11-24T06:10:37.123Z\n"
	  "client    192.0.2.7 port 4567, HELO client.example\n"
	  "from      <a@example.org>, From domain example.org\n"
	  "to        b@example.net and 2 more\n"
	  "octets    1234\n"
	  "results   SPF pass, DKIM none, ARC none, DMARC pass, iprev fail\n"
	  "verdict   accept, by rule default\n"
	  "reply     250 2.0.0 ok\n"
	  "next hop  192.0.2.26:25 said 250 done\n"
	  "took      15.00 ms from DATA to the reply; DNS after the final dot 1.25 ms; signatures 90 us\n"
	  "added     \n"
	  "The next hop was lost after the final dot: it may have taken the message, and get it again.\n"
	  "\nWhat was asked, answered and decided, in this order:\n"
	  "  dns: example.org TXT -> \"v=spf1 -all\"\n"
	  "  spf: ?[31m\n" },
	{ "explain", ctl_print_explain, "id", "other", "sekishoctl: no record of that id" },
	{ "dns lookup", ctl_print_lookup, "type", "A", "example.org A: NOERROR, kept for 60 s\n192.0.2.7\n" },
	{ "dns lookup", ctl_print_lookup, "type", "TXT", "example.org TXT: NODATA, kept for 60 s\n" },
	{ "dns dump", ctl_print_dump, NULL, NULL, "2 answers, 2 shown\n" },
	{ "dns dump", ctl_print_dump, "name", "example.org",
	  "www.example.org  TXT   NODATA      0        0      12\n" },
	{ "dns flush", ctl_print_changed, NULL, NULL, "version  1\nflushed  11\n" },
	{ "drain", ctl_print_changed, NULL, NULL, "version   1\ndraining  yes\n" },
};

int main(void)
{
	struct shard_record r = { .time_unix_us = 1795500637123456,
				  .id = "id1",
				  .session = "s1",
				  .client_port = 4567,
				  .helo = "client.example",
				  .mail_from = "a@example.org",
				  .n_rcpts = 3,
				  .rcpts = "b@example.net",
				  .rcpts_len = 14,
				  .size = 1234,
				  .spf = "pass",
				  .iprev = "fail",
				  .dkim = "none",
				  .arc = "none",
				  .dmarc = "pass",
				  .from_domain = "example.org",
				  .action = "accept",
				  .rule = "default",
				  .reply = "250 2.0.0 ok",
				  .nexthop = "192.0.2.26:25",
				  .nexthop_reply = "250 done",
				  .dns_us = 1250,
				  .crypto_us = 90,
				  .total_us = 15000,
				  .duplicate_possible = true };
	static const char steps[] = "dns: example.org TXT -> \"v=spf1 -all\"\nspf: \x1b[31m\n";
	char error[256];

	snprintf(dir, sizeof(dir), "/tmp/sekisho-ctl-%ld", (long)getpid());
	settings_default(&settings);
	settings.version = 1;
	stats.shard_ticks = 42;
	stats.crypto_jobs_rsa_2048 = 20;
	stats.crypto_fill_8 = 2;
	settings.n_ports = settings.n_next_hops = settings.ports[0].n_addresses = settings.ports[0].n_neighbours = 1;
	settings.ports[0].gateway4 = settings.ports[0].neighbours[0].addr =
		ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 });
	memcpy(settings.ports[0].neighbours[0].mac, (const uint8_t[]){ 2, 0, 0, 0, 0, 0x1a }, 6);
	settings.next_hops[0].port = 25;
	settings.n_routes = 1;
	settings.routes[0] = (struct settings_route){ .domain = "inside.example", .next_hops = 1 };
	memcpy(settings.ports[0].device, "net_tap0", 9);
	settings.ports[0].addresses[0].prefix_len = 24;
	r.client = ip_addr_of4((const uint8_t *)"\300\0\2\7");
	if (!ip_addr_parse(SPAN("192.0.2.25"), &settings.ports[0].addresses[0].addr) ||
	    !ip_addr_parse(SPAN("192.0.2.26"), &settings.next_hops[0].addr) || !record_ring_open(&records, 10, 4096) ||
	    mkdir(dir, 0700) != 0)
		return 1;
	r.steps = steps;
	r.steps_len = sizeof(steps) - 1;
	record_ring_add(&records, &r);
	snprintf(path, sizeof(path), "%s/control.sock", dir);

	char *text = printed("status", json_object(), ctl_print_status);
	ok(strncmp(text, "sekishoctl: no sekishod listens at /tmp/sekisho-ctl-", 52) == 0 &&
		   strstr(text, "; start it, or name its socket with --socket\n"),
	   "without a daemon it says what to do");
	free(text);

	control = control_open(path, &env, error);
	if (!ok(control != NULL, "the socket opens"))
		return done();
	fflush(stdout);
	pid_t daemon = fork();
	if (daemon == 0)
		serve();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *args = json_pack("{s:s}", "name", "example.org");

		if (cases[i].arg)
			json_object_set_new(args, cases[i].arg, json_string(cases[i].value));
		text = printed(cases[i].words, args, cases[i].print);
		if (!ok(strstr(text, cases[i].holds) != NULL, "%s%s%s: readable", cases[i].words,
			cases[i].value ? " " : "", cases[i].value ? cases[i].value : ""))
			printf("# %s\n", text);
		free(text);
	}
	text = printed("trace", json_pack("{s:i, s:i}", "last", 1, "count", 1), ctl_print_trace);
	ok(strstr(text,
		  "2026-11-24T06:10:37.123Z id1 192.0.2.7 helo=client.example from=<a@example.org> accept by default "
		  "spf=pass dkim=none arc=none dmarc=pass (example.org) ms=15.00: 250 2.0.0 ok\n") &&
		   strstr(text, "sekishoctl: sekishod does not answer; see its log\n"),
	   "trace: a line a message, and the wait for more is ours to bound");
	free(text);
	kill(daemon, SIGTERM);
	waitpid(daemon, NULL, 0);
	control_close(control);
	record_ring_close(&records);
	rmdir(dir);
	return done();
}
