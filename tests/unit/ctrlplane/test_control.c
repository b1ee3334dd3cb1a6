// SPDX-License-Identifier: MIT
/*
 * test_control.c - the control socket over a real Unix socket, with a daemon that is only a struct of functions
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctrlplane/log.h"
#include "ctrlplane/settings_table.h"
#include "tests/tap.h"
#include "tests/unit/ctrlplane/control_daemon.h"

static char dir[40], path[80];

static void turn(void)
{
	struct pollfd fds[CONTROL_FDS_MAX];
	size_t n = control_fds(d.control, fds);

	poll(fds, (nfds_t)n, 0);
	control_handle(d.control, fds, n, d.now_us);
}

static int connect_client(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return -1;
	}
	turn();
	return fd;
}

static void say(int fd, const char *line)
{
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		printf("# not sent\n");
	turn();
	turn();
}

/* What has come so far, without the line end of the last line; "" is nothing, "(closed)" the end. */
static const char *heard(int fd)
{
	static char text[1 << 20];
	ssize_t n;

	turn();
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	if (n == 0)
		return "(closed)";
	text[n < 0 ? 0 : n] = '\0';
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return text;
}

static const char *asked(int fd, const char *line)
{
	say(fd, line);
	return heard(fd);
}

#define COMMAND(name) "{\"v\":1,\"command\":\"" name "\"}\n"
#define COMMAND_ARGS(name, args) "{\"v\":1,\"command\":\"" name "\",\"args\":{" args "}}\n"
#define FAILED(error) "{\"v\":1,\"ok\":false,\"error\":\"" error "\"}"
#define REFUSED(error) "{\"v\":1,\"ok\":false,\"error\":\"" error "\",\"usage\":true}"

static const struct {
	const char *sentence, *line, *reply;
} answers[] = {
	{ "drain answers with the version in force", COMMAND("drain"),
	  "{\"v\":1,\"ok\":true,\"result\":{\"version\":3,\"draining\":true}}" },
	{ "resume too", COMMAND("resume"), "{\"v\":1,\"ok\":true,\"result\":{\"version\":3,\"draining\":false}}" },
	{ "a dump of what is at a name and below it", COMMAND_ARGS("dns dump", "\"name\":\"Example.org\""),
	  "{\"v\":1,\"ok\":true,\"result\":{\"total\":2,\"rows\":["
	  "{\"name\":\"example.org\",\"type\":\"TXT\",\"rcode\":\"NODATA\",\"ttl_s\":0,\"records\":0,\"octets\":12},"
	  "{\"name\":\"www.example.org\",\"type\":\"TXT\",\"rcode\":\"NODATA\",\"ttl_s\":0,\"records\":0,\"octets\":12}"
	  "]}}" },
	{ "a dump of no more than asked for", COMMAND_ARGS("dns dump", "\"limit\":1"),
	  "{\"v\":1,\"ok\":true,\"result\":{\"total\":3,\"rows\":["
	  "{\"name\":\"example.org\",\"type\":\"TXT\",\"rcode\":\"NODATA\",\"ttl_s\":0,\"records\":0,\"octets\":12}"
	  "]}}" },
	{ "a dump below what is no name", COMMAND_ARGS("dns dump", "\"name\":\"a..b\""),
	  REFUSED("a..b is no domain name; its labels have 1 to 63 octets, 253 in all") },
	{ "a flush of all", COMMAND("dns flush"), "{\"v\":1,\"ok\":true,\"result\":{\"version\":3,\"flushed\":4}}" },
	{ "the log level", COMMAND("log level"),
	  "{\"v\":1,\"ok\":true,\"result\":{\"version\":3,\"level\":\"warning\"}}" },
	{ "another log level", COMMAND_ARGS("log level", "\"level\":\"error\""),
	  "{\"v\":1,\"ok\":true,\"result\":{\"version\":3,\"level\":\"error\"}}" },
	{ "a log level that is none", COMMAND_ARGS("log level", "\"level\":\"loud\""),
	  REFUSED("there is no level loud; give error, warning, info or debug") },
	{ "an unknown command", COMMAND("sing"), REFUSED("there is no command sing; help lists them") },
	{ "no command", "{\"v\":1}\n", REFUSED("there is no command in the request; help lists them") },
	{ "another version of the protocol", "{\"v\":2,\"command\":\"status\"}\n",
	  REFUSED("this is version 1 of the protocol; use the sekishoctl of this sekishod") },
	{ "no JSON", "status\n",
	  REFUSED("the request is no JSON object: '[' or '{' expected near 'status'; send one a line") },
	{ "JSON that is no object", "[1]\n", REFUSED("the request is no JSON object: another value; send one a line") },
	{ "arguments that are no object", "{\"v\":1,\"command\":\"status\",\"args\":[]}\n",
	  REFUSED("args is no object; send one") },
	{ "a command twice", "{\"v\":1,\"command\":\"drain\",\"command\":\"status\"}\n",
	  REFUSED("the request is no JSON object: duplicate object key near '\\\"command\\\"'; send one a line") },
	{ "explain without an id", COMMAND("explain"), REFUSED("no message; name one with explain ID") },
	{ "explain of what is not kept", COMMAND_ARGS("explain", "\"id\":\"x\""),
	  FAILED("no record of that id among the last 10; look for it in server.log_file") },
	{ "a lookup of no type", COMMAND_ARGS("dns lookup", "\"name\":\"example.org\",\"type\":\"XYZ\""),
	  REFUSED("that type is not known; give both such as example.org TXT") },
	{ "a lookup of no name", COMMAND_ARGS("dns lookup", "\"name\":\"a..b\",\"type\":\"A\""),
	  REFUSED("a..b is no domain name; its labels have 1 to 63 octets, 253 in all") },
	{ "a trace of no prefix", COMMAND_ARGS("trace", "\"ip\":\"192.0.2.0/33\""),
	  REFUSED("192.0.2.0/33 is no address or prefix; give one such as 192.0.2.0/24") },
	{ "a trace of too few", COMMAND_ARGS("trace", "\"count\":0"),
	  REFUSED("count must be a number from 1 to 1000000000; give such a one") },
	{ "sessions beyond the limit", COMMAND_ARGS("show sessions", "\"limit\":2001"),
	  REFUSED("limit must be a number from 1 to 2000; give such a one") },
};

static void test_answers(void)
{
	int fd = connect_client();

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		is_span(span_str(asked(fd, answers[i].line)), span_str(answers[i].reply), "%s", answers[i].sentence);
	d.ending = true;
	is_span(span_str(asked(fd, COMMAND("resume"))),
		SPAN(FAILED("sekishod was told to end; start it again when it has")),
		"nothing is resumed that is about to end");
	d.ending = false;
	asked(fd, COMMAND_ARGS("dns flush", "\"name\":\"Example.ORG.\""));
	is_span(span_str(d.flushed), SPAN("[example.org]"),
		"a name is flushed as it is kept: lower case, no final dot");
	close(fd);
	turn();
}

/* @key of the result object of @reply, as compact JSON. */
static const char *result(const char *reply, const char *key)
{
	static char text[1 << 16];
	json_t *o = json_loads(reply, 0, NULL);
	const json_t *v = json_object_get(json_object_get(o, "result"), key);
	char *dumped = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	snprintf(text, sizeof(text), "%s", dumped ? dumped : "(none)");
	free(dumped);
	json_decref(o);
	return text;
}

static void test_shows(void)
{
	int fd = connect_client();

	is_span(span_str(result(asked(fd, COMMAND("status")), "state")), SPAN("\"running\""),
		"status: what it is doing");
	is_span(span_str(result(asked(fd, COMMAND("status")), "config_version")), SPAN("3"),
		"status: version in force");
	d.stats[0].shard_ticks = 1;
	d.stats[1].shard_ticks = 2;
	ok(strstr(result(asked(fd, COMMAND("stats")), "total"), "\"shard_ticks\":3"), "stats: the sum");
	ok(strstr(asked(fd, COMMAND_ARGS("stats", "\"format\":\"prometheus\"")), "sekisho_shard_ticks_total 3\\n"),
	   "stats: Prometheus");
	d.stats[1].shard_greylist_waits = 4;
	ok(strstr(asked(fd, COMMAND("show dnsbl")), "\"zone\":\"bl.example\""), "show dnsbl: the lists");
	ok(strstr(result(asked(fd, COMMAND("show greylist")), "counters"), "\"shard_greylist_waits\":4"),
	   "show greylist: the workers' counters");
	is_span(span_str(result(asked(fd, COMMAND("show dns")), "cache_hits")), SPAN("3"), "show dns: the cache");
	d.stats[0].crypto_batches = 1;
	d.stats[1].crypto_batches = 3;
	d.stats[1].crypto_batch_jobs = 20;
	d.stats[1].crypto_wait_us = 50;
	is_span(span_str(result(asked(fd, COMMAND("show crypto")), "mean_fill")), SPAN("5.0"), "show crypto: fill");
	is_span(span_str(result(asked(fd, COMMAND("show crypto")), "mean_wait_us")), SPAN("2.5"), "show crypto: wait");
	ok(strstr(asked(fd, COMMAND("show ports")), "\"addresses\":[\"192.0.2.25/24\"]"), "show ports: addresses");
	ok(strstr(asked(fd, COMMAND("show ports")), "\"link\":\"up\""), "show ports: what the driver knows");
	ok(strstr(asked(fd, COMMAND("show limits")), "{\"setting\":\"smtp.hops_max\",\"value\":50,"),
	   "show limits: values");
	ok(strstr(asked(fd, COMMAND("show limits")),
		  "{\"name\":\"limits.sessions_max\",\"used\":10,\"most\":18,\"limit\":200,\"refused\":4}"),
	   "show limits: how full, at worst, and refusals, of all workers");
	ok(strstr(asked(fd, COMMAND("show nexthops")), "\"address\":\"192.0.2.26\",\"port\":25"), "show nexthops");
	ok(strstr(asked(fd, COMMAND("show nexthops")),
		  "\"state\":\"partly up\",\"workers_up\":1,\"workers_down\":1,") &&
		   strstr(asked(fd, COMMAND("show nexthops")), "\"connections\":4,") &&
		   strstr(asked(fd, COMMAND("show nexthops")), "\"accepted\":6,"),
	   "show nexthops: the workers' sums");
	d.settings.rules.n_rules = 1;
	d.settings.rules.rules[0] = (struct policy_rule){ .action = POLICY_REJECT, .name = { .len = 3 } };
	memcpy(d.settings.rules.text, "one", 4);
	ok(strstr(asked(fd, COMMAND("show policy")),
		  "{\"rule\":\"one\",\"action\":\"reject\",\"monitor\":false,\"hits\":42,\"missing\":6}"),
	   "show policy: hits by rule");
	ok(strstr(asked(fd, COMMAND_ARGS("stats", "\"format\":\"prometheus\"")),
		  "sekisho_policy_rule_hits_total{rule=\\\"one\\\"} 42\\n"),
	   "and for Prometheus");
	ok(strstr(asked(fd, COMMAND("help")), "\"explain\":") && strstr(asked(fd, COMMAND("help")), "\"show tcp\":"),
	   "help lists what is there");
	ok(strstr(result(asked(fd, COMMAND("show tcp")), "use"), "\"limits.sessions_max\""), "show tcp: what fills up");
	ok(strstr(asked(fd, COMMAND("status") COMMAND("log level")), "}\n{"), "two requests at once get two answers");
	say(fd, "{\"v\":1,\"comm");
	is_span(span_str(heard(fd)), SPAN(""), "half a line is waited for");
	ok(strstr(asked(fd, "and\":\"status\"}\n"), "\"ok\":true"), "and answered when it is whole");
	close(fd);
	turn();
}

static void test_sessions(void)
{
	struct shard_sessions *s = calloc(1, sizeof(*s));
	int fd = connect_client();

	s->n_total = 700;
	s->n_rows = 2;
	memcpy(s->rows[0].helo, "a\xff", 3);
	s->rows[0].client.family = IP_V4;
	s->rows[1].client.family = IP_V6;
	d.n_session_asks = 0;
	is_span(span_str(asked(fd, COMMAND("show sessions"))), SPAN(""), "sessions are answered later");
	ok(d.n_session_asks == 2, "every worker is asked");
	s->m.tag = d.sessions_tag + 1;
	control_sessions(d.control, s);
	is_span(span_str(heard(fd)), SPAN(""), "an answer to another question is ignored");
	s->m.tag = d.sessions_tag;
	control_sessions(d.control, s);
	s->m.worker = 1;
	is_span(span_str(heard(fd)), SPAN(""), "all workers are waited for");
	control_sessions(d.control, s);
	const char *reply = heard(fd);
	ok(strstr(reply, "\"total\":1400,\"workers_silent\":0") && strstr(reply, "\"helo\":\"a\\u00FF\"") &&
		   strstr(reply, "{\"worker\":1,\"client_ip\":\"::\""),
	   "then their sessions come together");
	control_sessions(d.control, s);
	is_span(span_str(heard(fd)), SPAN(""), "an answer that comes twice is ignored");

	say(fd, COMMAND_ARGS("show sessions", "\"limit\":1") COMMAND("log level"));
	s->m.tag = d.sessions_tag;
	control_sessions(d.control, s);
	d.now_us += CONTROL_SESSIONS_WAIT_US;
	reply = heard(fd);
	ok(strstr(reply, "\"total\":700,\"workers_silent\":1") && !strstr(reply, "\"client_ip\":\"::\""),
	   "a worker that does not answer is not waited for; no more rows than asked for");
	ok(strstr(reply, "}\n{") || strstr(heard(fd), "\"level\""), "what was asked meanwhile is answered after it");
	free(s);
	close(fd);
	turn();
}

static void test_lookup(void)
{
	_Alignas(8) uint8_t block[512];
	struct dns_answer *a = dns_answer_init(block, sizeof(block), DNS_NODATA, 60);
	int fd = connect_client();

	ok(dns_answer_add(a, sizeof(block), SPAN("v=spf1 -all\xff")) && dns_answer_add(a, sizeof(block), SPAN("x")),
	   "an answer of two strings");
	is_span(span_str(asked(fd, COMMAND_ARGS("dns lookup", "\"name\":\"Example.ORG\",\"type\":\"TXT\""))), SPAN(""),
		"a lookup is answered later");
	control_dns_answer(d.control, d.dns_tag + 1, a);
	control_dns_answer(d.control, d.dns_tag, a);
	const char *reply = heard(fd);
	ok(strstr(reply,
		  "\"name\":\"example.org\",\"type\":\"TXT\",\"rcode\":\"NOERROR\",\"ttl_s\":60,\"secure\":false"),
	   "with question, result and time to live");
	ok(strstr(result(reply, "records"), "v=spf1 -all") != NULL, "and its records, one by one");
	say(fd, COMMAND_ARGS("dns lookup", "\"name\":\"example.org\",\"type\":\"A\""));
	d.now_us += CONTROL_DNS_WAIT_US;
	is_span(span_str(heard(fd)), SPAN(FAILED("no answer in time; try again")), "a lookup that gets no answer ends");
	d.ring_full = true;
	ok(strstr(asked(fd, COMMAND_ARGS("dns lookup", "\"name\":\"example.org\",\"type\":\"A\"")),
		  "too many questions"),
	   "a resolver that is full says so");
	d.ring_full = false;
	close(fd);
	turn();
}

static void test_trace(void)
{
	struct shard_record r = { .id = "t1", .from_domain = "example.org", .total_us = 700, .dns_us = 100 };
	int fd = connect_client(), lazy = connect_client();
	char *big = NULL;

	r.client.family = IP_V4;
	memcpy(r.client.bytes, "\300\0\2\7", 4);
	record_ring_add(&d.records, &r);
	say(fd, COMMAND_ARGS("trace", "\"ip\":\"192.0.2.0/24\",\"domain\":\"example.org\",\"count\":2,\"last\":5"));
	ok(strstr(heard(fd), "\"more\":true,\"result\":{\"time\""), "trace begins with records that are kept");
	r.id[1] = '2';
	control_hear_record(d.control, &r);
	ok(strstr(heard(fd), "\"id\":\"t2\""), "a new record comes at once");
	r.client.bytes[2] = 3;
	control_hear_record(d.control, &r);
	is_span(span_str(heard(fd)), SPAN(""), "one of another client does not");
	r.client.bytes[2] = 2;
	control_hear_record(d.control, &r);
	ok(strstr(heard(fd), "\n{\"v\":1,\"ok\":true,\"result\":{\"missed\":0}}"),
	   "the last one asked for ends the trace");
	ok(strstr(asked(fd, COMMAND_ARGS("explain", "\"id\":\"t1\"")), "\"duplicate_possible\":false"),
	   "explain tells all of a record");
	const char *times = asked(fd, COMMAND_ARGS("stats", "\"format\":\"prometheus\""));
	ok(strstr(times, "sekisho_message_seconds_bucket{le=\\\"0.0005\\\"} 0\\n") &&
		   strstr(times, "sekisho_message_seconds_bucket{le=\\\"0.001\\\"} 3\\n") &&
		   strstr(times, "sekisho_message_seconds_sum 0.002100\\n") &&
		   strstr(times, "sekisho_message_dns_seconds_bucket{le=\\\"0.0001\\\"} 3\\n") &&
		   strstr(times, "sekisho_message_crypto_seconds_count 3\\n"),
	   "stats for Prometheus have how long messages took");

	say(lazy, COMMAND("trace"));
	memset(r.reply, 'x', sizeof(r.reply) - 1);
	memset(r.nexthop_reply, 'x', sizeof(r.nexthop_reply) - 1);
	for (int i = 0; i < 10000; i++)
		control_hear_record(d.control, &r);
	ok(strstr(asked(fd, COMMAND("status")), "\"ok\":true"), "a client that does not read stands in nobody's way");
	say(lazy, COMMAND("status"));
	big = malloc(32 << 20);
	size_t n = 0;
	for (int i = 0; big && i < 100000; i++) {
		ssize_t some = recv(lazy, big + n, (32 << 20) - 1 - n, MSG_DONTWAIT);
		n += some > 0 ? (size_t)some : 0;
		turn();
	}
	if (big)
		big[n] = '\0';
	const char *missed = big ? strstr(big, "{\"missed\":") : NULL;
	ok(missed && strtol(missed + strlen("{\"missed\":"), NULL, 10) > 0, "it is told how many records it missed");
	ok(big && n < CONTROL_REPLY_MAX + (2 << 20), "and its memory is bounded");
	free(big);
	close(fd);
	close(lazy);
	turn();
}

static void test_bounds(void)
{
	int fds[CONTROL_CLIENTS_MAX], extra;
	char *line = malloc(CONTROL_REQUEST_MAX + 2);

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = connect_client();
	extra = connect_client();
	is_span(span_str(heard(extra)), SPAN(FAILED("16 clients are connected; close one")), "the 17th client is told");
	is_span(span_str(heard(extra)), SPAN("(closed)"), "and closed");
	close(extra);
	close(fds[3]);
	turn();
	fds[3] = connect_client();
	ok(strstr(asked(fds[3], COMMAND("status")), "\"ok\":true"), "a place that is free again is taken");

	memset(line, ' ', CONTROL_REQUEST_MAX + 1);
	line[CONTROL_REQUEST_MAX + 1] = '\0';
	say(fds[0], line);
	turn();
	ok(strstr(heard(fds[0]), "longer than 65536 octets"), "a line without an end is refused");
	shutdown(fds[1], SHUT_WR);
	turn();
	turn();
	is_span(span_str(heard(fds[1])), SPAN("(closed)"), "a client that says it is done is closed");
	if (send(fds[2], COMMAND("status"), strlen(COMMAND("status")), 0) > 0)
		shutdown(fds[2], SHUT_WR);
	turn();
	ok(strstr(heard(fds[2]), "\"ok\":true"), "one that asks and is done gets its answer");
	d.now_us += CONTROL_IDLE_US;
	turn();
	turn();
	is_span(span_str(heard(fds[4])), SPAN("(closed)"), "an idle client is closed in the end");
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	free(line);
	turn();
}

static void test_socket_file(void)
{
	char error[256], other[100];
	struct stat st;

	ok(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0660, "the socket has mode 0660");
	ok(!control_open(path, &env, error) && strstr(error, "another sekishod listens there"),
	   "a socket at which somebody listens is left alone");
	ok(stat(path, &st) == 0, "and stays");
	snprintf(other, sizeof(other), "%s/file", dir);
	fclose(fopen(other, "w"));
	ok(!control_open(other, &env, error) && strstr(error, "no socket"), "a file that is no socket is left alone");
	ok(stat(other, &st) == 0, "and stays");
	unlink(other);
	snprintf(other, sizeof(other), "%s/a/b/sock", dir);
	struct control *c = control_open(other, &env, error);
	ok(c && stat(other, &st) == 0, "directories that are missing are made");
	control_close(c);
	ok(stat(other, &st) != 0, "the socket file goes with the daemon");

	/* A daemon that was killed leaves its socket file. */
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", other);
	ok(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "a stale socket file");
	close(fd);
	c = control_open(other, &env, error);
	ok(c != NULL, "is taken over");
	control_close(c);
	snprintf(other, sizeof(other), "%s/a/b", dir);
	rmdir(other);
	snprintf(other, sizeof(other), "%s/a", dir);
	rmdir(other);
	ok(!control_open("/x/"
			 "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"
			 "3456789"
			 "0123456789",
			 &env, error),
	   "a path that fits no socket address is refused");
}

static void test_settings(void)
{
	int fd = connect_client();

	d.file_bad = true;
	is_span(span_str(asked(fd, COMMAND("reload"))),
		SPAN("{\"v\":1,\"ok\":false,\"error\":\"nothing is changed; mend what is wrong\","
		     "\"errors\":[\"f:2: a; mend it\",\"f:3: b; mend it\"],\"usage\":true}"),
		"a bad file: all that is wrong, and nothing is changed");
	d.file_bad = false;
	d.n_slow = 1;
	is_span(span_str(asked(fd, COMMAND("reload"))), SPAN(""), "a reload is answered when all workers have it");
	d.n_slow = 0;
	is_span(span_str(heard(fd)),
		SPAN("{\"v\":1,\"ok\":true,\"result\":{\"version\":4,\"changed\":[\"smtp.hops_max\"],"
		     "\"restart\":[\"smtp.port\"],\"workers_silent\":0}}"),
		"then with the version, what has changed and what waits for a restart");
	d.reading = true;
	is_span(span_str(asked(fd, COMMAND("reload"))), SPAN(""), "while lists are read for it a reload waits");
	int other = connect_client();
	ok(strstr(asked(other, COMMAND("log level")), "\"ok\":true") != NULL, "and others are answered");
	d.now_us += CONTROL_READ_WAIT_US;
	ok(strstr(heard(fd), "the lists are still being read, nothing is changed; reload again later") != NULL,
	   "it does not wait for ever");
	ok(*asked(fd, COMMAND("reload")) == '\0', "the next one");
	d.reading = false;
	heard(fd); /* published */
	ok(strstr(heard(fd), "\"version\":5,\"changed\":[\"smtp.hops_max\"]") != NULL, "goes on when they are read");
	close(other);
	d.settings.version = 4;
	d.n_slow = 2;
	is_span(span_str(asked(fd, COMMAND("rollback"))), SPAN(""), "so is a rollback");
	d.now_us += CONTROL_SETTINGS_WAIT_US;
	is_span(span_str(heard(fd)),
		SPAN("{\"v\":1,\"ok\":true,\"result\":{\"version\":5,\"changed\":[],\"restart\":[],"
		     "\"back_to\":3,\"workers_silent\":2}}"),
		"workers that do not take it are not waited for any longer, and counted");
	d.n_slow = 0;
	d.settings.version = 3;
	close(fd);
	turn();
}

static void test_lists(void)
{
	static const struct {
		const char *sentence, *line, *reply;
	} cases[] = {
		{ "an address is a prefix", COMMAND_ARGS("deny add", "\"entry\":\"192.0.2.1\""),
		  "{\"v\":1,\"ok\":true,\"result\":{\"version\":7,\"entry\":\"deny prefix 192.0.2.1\",\"changed\":true,"
		  "\"workers_silent\":0}}" },
		{ "another word is a domain", COMMAND_ARGS("allow del", "\"entry\":\"example.org\""),
		  "{\"v\":1,\"ok\":true,\"result\":{\"version\":7,\"entry\":\"allow domain "
		  "example.org\",\"changed\":false,"
		  "\"workers_silent\":0}}" },
		{ "unless its kind is given", COMMAND_ARGS("allow add", "\"entry\":\"x\",\"kind\":\"helo\""),
		  "{\"v\":1,\"ok\":true,\"result\":{\"version\":7,\"entry\":\"allow helo x\",\"changed\":true,"
		  "\"workers_silent\":0}}" },
		{ "an entry that is none", COMMAND_ARGS("deny add", "\"entry\":\"bad\""),
		  REFUSED("bad: that is no name; give one") },
		{ "no entry", COMMAND("deny del"),
		  REFUSED("no entry; give a prefix, a domain, or a name of HELO with its kind") },
		{ "the list", COMMAND("deny list"), "{\"v\":1,\"ok\":true,\"result\":{\"bits\":2}}" },
		{ "the other list", COMMAND("allow list"), "{\"v\":1,\"ok\":true,\"result\":{\"bits\":1}}" },
	};
	int fd = connect_client();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_span(span_str(asked(fd, cases[i].line)), span_str(cases[i].reply), "allow and deny: %s",
			cases[i].sentence);
	d.file_bad = true;
	is_span(span_str(asked(fd, COMMAND_ARGS("deny add", "\"entry\":\"a\""))),
		SPAN(FAILED("the disk is full; make room")), "what cannot be kept is not in force");
	d.file_bad = false;
	close(fd);
	turn();
}

int main(void)
{
	char error[256];

	snprintf(dir, sizeof(dir), "/tmp/sekisho-control-%ld", (long)getpid());
	settings_default(&d.settings);
	d.settings.version = 3;
	d.settings.n_ports = d.settings.n_next_hops = 1;
	d.settings.ports[0].n_addresses = 1;
	d.settings.ports[0].addresses[0].prefix_len = 24;
	d.settings.next_hops[0].port = 25;
	if (!ip_addr_parse(SPAN("192.0.2.25"), &d.settings.ports[0].addresses[0].addr) ||
	    !ip_addr_parse(SPAN("192.0.2.26"), &d.settings.next_hops[0].addr) ||
	    !record_ring_open(&d.records, 10, 4096) || mkdir(dir, 0700) != 0)
		return 1;
	log_set_level(LOG_LEVEL_WARNING);
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	d.control = control_open(path, &env, error);
	if (!ok(d.control != NULL, "the socket opens"))
		return done();
	test_socket_file();
	test_answers();
	test_shows();
	test_sessions();
	test_lookup();
	test_settings();
	test_lists();
	test_trace();
	test_bounds();
	control_close(d.control);
	record_ring_close(&d.records);
	rmdir(dir);
	return done();
}
