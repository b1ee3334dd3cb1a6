// SPDX-License-Identifier: MIT
/*
 * test_gateway_settings.c - reload and rollback: what is published, what waits for a restart, what is reclaimed
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "ctrlplane/gateway.h"
#include "ctrlplane/policy/lists.h"
#include "tests/tap.h"

/* What main.c lends in the daemon. */
uint64_t gateway_now_us(void)
{
	return 1;
}

uint64_t gateway_unix_us(void)
{
	return 1;
}

void gateway_random(void *at, size_t n)
{
	memset(at, 7, n);
}

static struct gateway g;
static char path[] = "/tmp/sekisho-settings-XXXXXX";
static struct control_change change;

#define PORT "ports = ( { device = \"net_tap0,iface=sk0\"; addresses = [ \"192.0.2.25/24\" ]; } );\n"
#define HOP "next_hops = ( { address = \"192.0.2.1\"; } );\n"
static const char *hops = HOP;

static void file(const char *rest)
{
	FILE *f = fopen(path, "w");

	CHECK(f);
	fprintf(f, PORT "%s%s", hops, rest);
	fclose(f);
}

static void never(void *arg, const char *message)
{
	(void)arg;
	ok(false, "%s", message);
}

static void begin(const char *rest)
{
	memset(&g, 0, sizeof(g));
	file(rest);
	g.path = path;
	ok(gateway_settings_begin(&g, never, NULL), "the first version is loaded");
	ok(gateway_lists_begin(&g, never, NULL), "there are no lists");
	g.n_workers = 2;
	g.workers = calloc(g.n_workers, sizeof(*g.workers));
	CHECK(g.workers);
	for (unsigned i = 0; i < g.n_workers; i++) {
		struct gateway_worker *w = &g.workers[i];

		ring_init(&w->link.up, w->slots[0], GATEWAY_RING_N);
		ring_init(&w->link.up_back, w->slots[1], GATEWAY_RING_N);
		ring_init(&w->link.down, w->slots[2], GATEWAY_RING_N);
		ring_init(&w->link.down_back, w->slots[3], GATEWAY_RING_N);
		w->waiting_end = &w->waiting;
	}
}

static struct shard_settings *held[2][16];
static unsigned n_held[2];

/* A worker takes what was published, and keeps it. */
static void worker_takes(unsigned worker)
{
	static struct shard_message told[2];
	struct shard_settings *m;

	while ((m = ring_get(&g.workers[worker].link.down))) {
		ok(m->m.kind == SHARD_DOWN_SETTINGS && m->settings->version == m->m.tag, "worker %u gets version %llu",
		   worker, (unsigned long long)m->m.tag);
		held[worker][n_held[worker]++] = m;
		told[worker] = (struct shard_message){ .kind = SHARD_UP_SETTINGS,
						       .worker = (uint16_t)worker,
						       .tag = m->m.tag };
		CHECK(ring_put(&g.workers[worker].link.up, &told[worker]));
		gateway_links_turn(&g, 1);
		CHECK(ring_get(&g.workers[worker].link.up_back));
	}
}

static void workers_give_back(void)
{
	for (unsigned w = 0; w < 2; w++) {
		for (unsigned i = 0; i < n_held[w]; i++)
			CHECK(ring_put(&g.workers[w].link.down_back, held[w][i]));
		n_held[w] = 0;
	}
	gateway_links_turn(&g, 1);
}

static void end(void)
{
	worker_takes(0);
	worker_takes(1);
	workers_give_back();
	gateway_lists_end(&g);
	gateway_settings_end(&g);
	free(g.workers);
}

static bool is_told(const json_t *list, const char *names)
{
	char all[512] = "";

	for (size_t i = 0; i < json_array_size(list); i++) {
		strncat(all, i ? " " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, json_string_value(json_array_get(list, i)), sizeof(all) - strlen(all) - 1);
	}
	return is_span(span_str(all), span_str(names), "names: %s", names);
}

static bool reload(const char *rest)
{
	file(rest);
	control_change_end(&change);
	control_change_begin(&change);
	return gateway_reload(&g, &change);
}

static bool rollback(void)
{
	control_change_end(&change);
	control_change_begin(&change);
	return gateway_rollback(&g, &change);
}

static void good_and_bad(void)
{
	begin("smtp : { hops_max = 10; };\n");
	ok(reload("smtp : { hops_max = 20; port = 2525; };\nlimits : { mbufs = 1024; };\n"), "a good file");
	ok(g.settings->version == 2 && change.version == 2, "is version 2");
	ok(g.settings->smtp_hops_max == 20, "what is live is in force");
	ok(g.settings->smtp_port == 25 && g.settings->limits_mbufs == 8192, "what needs a restart is as it was");
	is_told(change.changed, "smtp.hops_max");
	is_told(change.restart, "smtp.port limits.mbufs");
	ok(gateway_settings_awaited(&g, 2) == 2, "no worker has it yet");
	worker_takes(0);
	ok(gateway_settings_awaited(&g, 2) == 1, "one has");
	worker_takes(1);
	ok(gateway_settings_awaited(&g, 2) == 0, "both have");
	ok(held[0][0]->settings == g.settings && held[1][0]->settings == g.settings, "all read the same octets");

	ok(!reload("smtp : { hops_max = 0;\n colour = 1; };\n"), "a bad file");
	ok(change.usage && json_array_size(change.errors) == 2, "all its faults are told");
	const char *first = json_string_value(json_array_get(change.errors, 0));
	ok(first && strncmp(first, path, strlen(path)) == 0 &&
		   strstr(first, ":3: smtp.hops_max must be 1 to 1000, is 0"),
	   "with file, line and remedy: %s", first ? first : "");
	ok(g.settings->version == 2 && g.settings->smtp_hops_max == 20, "and nothing is changed");
	ok(!ring_get(&g.workers[0].link.down), "no worker hears of it");

	ok(!reload("smtp : { message_max = 200000000; };\nlimits : { body_blocks = 20000; };\n"),
	   "what is live needs what is not");
	ok(strstr(json_string_value(json_array_get(change.errors, 0)), "restart sekishod"), "that is told");
	ok(!change.usage && g.settings->version == 2, "and nothing is changed");
	unlink(path);
	control_change_end(&change);
	control_change_begin(&change);
	ok(!gateway_reload(&g, &change) && g.settings->version == 2, "a file that is not there changes nothing");
	end();
}

/* Next hops change, and may become other servers; but they stay as many, and what rules know them by. */
static void next_hops(void)
{
#define TWO(first, second)                                                                                             \
	"next_hops = ( { address = \"192.0.2.1\"; " first " }, { address = \"192.0.2.2\"; " second " } );\n"
	hops = TWO("", "");
	begin("");
	ok((hops = TWO("priority = 20; domains = [ \"a.example\" ];",
		       "weight = 7; identity = \"xclient\"; recipients_max = 3;"),
	    reload("")),
	   "other priorities, weights, domains");
	is_told(change.changed, "next_hops next_hops.domains");
	ok(g.settings->next_hops[0].priority == 20 && g.settings->next_hops[1].weight == 7 && g.settings->n_routes == 1,
	   "are in force");
	ok((hops = TWO("port = 26; tls = \"require\";", "weight = 9;"), reload("")), "another port, and TLS");
	is_told(change.changed, "next_hops next_hops.domains");
	ok(g.settings->next_hops[0].port == 26 && g.settings->next_hops[0].tls == SETTINGS_TLS_REQUIRE &&
		   g.settings->next_hops[1].weight == 9 && g.settings->n_routes == 0,
	   "are in force");
	ok((hops = TWO("name = \"a\";", "weight = 7;"), reload("")), "a name");
	is_told(change.restart, "next_hops");
	ok((hops = HOP, reload("")), "one less");
	is_told(change.restart, "next_hops");
	ok(g.settings->n_next_hops == 2 && g.settings->next_hops[1].weight == 9, "wait for a restart, all of the list");
	end();
	hops = HOP;
#undef TWO
}

static void back(void)
{
	begin("smtp : { hops_max = 10; };\n");
	ok(!rollback() && g.settings->version == 1, "there is nothing to go back to");
	ok(reload("smtp : { hops_max = 20; };\n") && reload("smtp : { hops_max = 30; };\n"), "two reloads");
	ok(rollback(), "a rollback");
	ok(change.version == 4 && change.back_to == 2 && g.settings->smtp_hops_max == 20,
	   "is version 4: the second again");
	is_told(change.changed, "smtp.hops_max");
	ok(rollback() && change.back_to == 1 && g.settings->smtp_hops_max == 10, "another goes back further");
	ok(!rollback() && g.settings->version == 5, "until there is none left");
	ok(reload("smtp : { hops_max = 30; };\n") && rollback() && change.back_to == 5, "and again after a reload");
	end();
}

static void reclaimed(void)
{
	char text[64];

	begin("");
	for (unsigned i = 0; i < SHARD_CONFIGS_MAX - 1; i++) {
		snprintf(text, sizeof(text), "smtp : { hops_max = %u; };\n", i + 1);
		ok(reload(text), "reload %u while sessions keep every version", i + 1);
		worker_takes(0);
		worker_takes(1);
	}
	ok(!reload("") && !change.usage, "one more is refused: the workers have no slot for it");
	ok(strstr(json_string_value(json_array_get(change.errors, 0)), "try again"), "and it is said why");
	workers_give_back();
	ok(reload("smtp : { hops_max = 1; };\n"), "after sessions have ended there is room");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "smtp : { hops_max = %u; };\n", i + 1);
		if (!reload(text))
			ok(false, "reload %u", i);
		worker_takes(0);
		worker_takes(1);
		workers_give_back();
	}
	ok(gateway_settings_kept(&g) == GATEWAY_PAST_MAX + 2,
	   "kept are the first, the one in force and those to go back to: %u", gateway_settings_kept(&g));
	for (unsigned i = 0; i < GATEWAY_PAST_MAX; i++) {
		if (!rollback())
			ok(false, "rollback %u", i);
		worker_takes(0);
		worker_takes(1);
		workers_give_back();
	}
	ok(gateway_settings_kept(&g) == 2, "behind as many rollbacks only the first and the one in force are left");
	end();
}

/* Sets of lists are freed behind the last worker that may look at them. */
static void lists(void)
{
	struct control_list_change c = { .bits = 2, .kind = "prefix", .what = "192.0.2.1", .add = true };
	struct shard_message *taken[2][3];
	const struct lists *seen = NULL;

	begin("");
	ok(gateway_list_change(&g, &c) && c.changed && c.version == 2, "an entry is added: %s", c.entry);
	c.what = "192.0.2.2";
	ok(gateway_list_change(&g, &c) && gateway_lists_awaited(&g, 3) == 2, "and another; no worker has it");
	for (unsigned w = 0; w < 2; w++)
		for (unsigned i = 0; i < 2; i++) {
			taken[w][i] = ring_get(&g.workers[w].link.down);
			CHECK(taken[w][i] && taken[w][i]->kind == SHARD_DOWN_LISTS);
		}
	seen = ((struct shard_lists *)taken[0][1])->live;
	CHECK(ring_put(&g.workers[0].link.down_back, taken[0][0]) &&
	      ring_put(&g.workers[0].link.down_back, taken[0][1]));
	gateway_links_turn(&g, 1);
	ok(gateway_lists_awaited(&g, 3) == 1, "one worker has it");
	struct ip_addr a = { .family = IP_V4, .bytes = { 192, 0, 2, 1 } };
	ok(lists_prefix(((struct shard_lists *)taken[1][0])->live, &a), "the other still looks at the older one");
	CHECK(ring_put(&g.workers[1].link.down_back, taken[1][0]) &&
	      ring_put(&g.workers[1].link.down_back, taken[1][1]));
	gateway_links_turn(&g, 1);
	ok(gateway_lists_awaited(&g, 3) == 0 && lists_prefix(seen, &a), "both have it, and it stays");
	ok(gateway_list_change(&g, &c) && !c.changed, "the same again changes nothing");
	c.add = false;
	ok(gateway_list_change(&g, &c) && c.changed, "it is removed");
	c.what = "nonsense";
	ok(!gateway_list_change(&g, &c) && c.usage, "no entry: %s", c.error);
	for (unsigned w = 0; w < 2; w++) {
		struct shard_message *m = ring_get(&g.workers[w].link.down);

		CHECK(m && ring_put(&g.workers[w].link.down_back, m));
	}
	gateway_links_turn(&g, 1);
	gateway_lists_end(&g);
	gateway_settings_end(&g);
	free(g.workers);
}

int main(void)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	control_change_begin(&change);
	good_and_bad();
	next_hops();
	back();
	reclaimed();
	lists();
	control_change_end(&change);
	unlink(path);
	return done();
}
