// SPDX-License-Identifier: MIT
/*
 * test_shard_config.c - other settings while sessions, transactions and next hop connections are under way
 */
#include "tests/unit/shard/shard_world.h"

#define N_VERSIONS 8

static struct settings versions[N_VERSIONS];

/* As the control thread does: the next version, made of the first one by @change. */
static struct settings *change_begin(unsigned version)
{
	versions[version] = world.settings;
	versions[version].version = version;
	return &versions[version];
}

static void publish(const struct settings *s)
{
	struct shard_settings *m = calloc(1, sizeof(struct shard_answer));

	CHECK(m);
	*m = (struct shard_settings){ .m = { .kind = SHARD_DOWN_SETTINGS, .tag = s->version }, .settings = s };
	CHECK(ring_put(&world.link.down, m));
	pass(1000);
}

static void sessions_end_on_what_they_began_with(void)
{
	world_settings();
	world_open();
	struct caller *old = greeted(), *busy = greeted();

	say(busy, "MAIL FROM:<a@mild.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	struct settings *s = change_begin(1);
	snprintf(s->server_hostname, sizeof(s->server_hostname), "new.example");
	snprintf(s->policy_dmarc_quarantine, sizeof(s->policy_dmarc_quarantine), "reject");
	s->smtp_recipients_max = 1;
	publish(s);
	ok(world.settings_version == 1, "the worker says that it has taken them");
	say(busy, "From: <a@mild.example>\r\n\r\nA line.\r\n.\r\n");
	is_last(busy, "250", "a message that was under way is judged by the settings of its beginning");
	say(old, "MAIL FROM:<a@good.example>\r\nRCPT TO:<a@inside.example>\r\nRCPT TO:<b@inside.example>\r\n");
	is_last(old, "250", "a session that was open keeps its limits");
	say(old, "RSET\r\nEHLO again\r\n");
	ok(strstr(old->got.at, "new.example") == NULL, "and its name");
	struct caller *new = greeted();

	ok(strncmp(new->got.at, "220 new.example", 15) == 0, "a new session is greeted by the new name");
	say(new, "MAIL FROM:<a@mild.example>\r\nRCPT TO:<a@inside.example>\r\nRCPT TO:<b@inside.example>\r\n");
	is_last(new, "452", "has the new limits");
	say(new, "DATA\r\n");
	say(new, "From: <a@mild.example>\r\n\r\nA line.\r\n.\r\n");
	is_last(new, "550", "and the new policy");
	all_is_given_back("sessions of two versions");
}

/* The first one is preferred. */
static void open_with_two_hops(void)
{
	world_settings();
	world.settings.n_next_hops = 2;
	world.settings.next_hops[1] = (struct settings_next_hop){ .addr = address("192.0.2.2"), .port = 25 };
	world.settings.next_hops[1].priority = 20;
	world.settings.next_hops[0].priority = 10;
	world_open();
}

/* The same next hops, used otherwise. */
static void next_hops_change(void)
{
	open_with_two_hops();
	is_last(sends(MESSAGE), "250 2.0.0", "a message");
	ok(world.stored_at[0] == 1, "goes to the next hop of the lower priority");
	struct settings *s = change_begin(1);
	s->next_hops[0].priority = 30;
	publish(s);
	is_last(sends(MESSAGE), "250 2.0.0", "another");
	ok(world.stored_at[1] == 2, "to the other, once its priority is the lower one");
	s = change_begin(2);
	s->next_hops[0].priority = 30;
	s->n_routes = 1;
	snprintf(s->routes[0].domain, SETTINGS_STR_MAX, "inside.example");
	s->routes[0].next_hops = 1;
	publish(s);
	is_last(sends(MESSAGE), "250 2.0.0", "and another");
	ok(world.stored_at[2] == 1, "to the one that its domain has a route to by now");
	struct caller *c = greeted();
	say(c, "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@other.example>\r\nDATA\r\n");
	say(c, MESSAGE);
	ok(world.stored_at[3] == 2, "what has no route goes to the one without");
	all_is_given_back("next hops that change");
}

/* A next hop becomes another server: nothing that began before goes to a stranger. */
static void servers_change(void)
{
	world_settings();
	world_open();
	is_last(sends(MESSAGE), "250 2.0.0", "a message");
	struct caller *old = greeted();
	say(old, "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	struct settings *s = change_begin(1);
	s->next_hops[0].addr = address("192.0.2.2");
	publish(s);
	struct shard_hop hop;
	shard_hop(world.shard, 0, 0, &hop);
	ok(hop.accepted == 0 && strcmp(world.shard->hops[0].name, "192.0.2.2:25") == 0, "the server is another one");
	say(old, MESSAGE);
	is_last(old, "451 4.4.1", "what was to go to the server that is gone may be sent again");
	say(old, "MAIL FROM:<a@good.example>\r\nRCPT TO:<user@inside.example>\r\nDATA\r\n");
	say(old, MESSAGE);
	is_last(old, "250 2.0.0", "and is taken then, in the same session");
	is_last(sends(MESSAGE), "250 2.0.0", "as are those of others");
	ok(world.n_stored == 3 && world.stored_at[0] == 1 && world.stored_at[1] == 2 && world.stored_at[2] == 2,
	   "by the new server");
	all_is_given_back("servers that change");
}

static void servers_change_meanwhile(void)
{
	open_with_two_hops();
	world.hop.phase = GREETING;
	world.hop.how = FAIL_SILENT;
	struct caller *c = sends(MESSAGE);

	ok(world.shard->hops[0].n_waiting == 1 && world.shard->hops[0].n_connecting == 1, "a message waits");
	struct settings *s = change_begin(1);
	s->next_hops[0].addr = address("192.0.2.3");
	s->next_hops[0].port = 26;
	world.hop.phase = NOWHERE;
	publish(s);
	pass(SECOND);
	is_last(c, "250 2.0.0", "its server becomes another one: it goes to the next hop that is the same");
	ok(world.n_stored == 1 && world.stored_at[0] == 2, "and to no stranger");
	ok(world.shard->configs[0].same_servers == 2, "that one alone");
	s = change_begin(2);
	publish(s);
	ok(world.shard->configs[0].same_servers == 3, "unless it becomes what it was");
	all_is_given_back("servers that change meanwhile");
}

static void messages_come_home(void)
{
	world_settings();
	world_open();
	for (unsigned i = 1; i <= 3; i++)
		publish(change_begin(i));
	ok(world.n_settings_home == 2, "settings that nobody began with come home at once");
	struct caller *c = greeted();

	publish(change_begin(4));
	ok(world.n_settings_home == 2, "those of a session stay with it");
	hang_up(c);
	pass(10 * SECOND);
	ok(world.n_settings_home == 3, "and come home when it has ended");
	c = sends(MESSAGE);
	is_last(c, "250", "a message goes out");
	hang_up(c);
	pass(10 * SECOND);
	publish(change_begin(5));
	pass(10 * SECOND);
	ok(world.n_settings_home == 4, "an idle connection to a next hop does not keep them: it is closed");
	ok(world.shard->hops[0].n_relays == 0 && strstr(world.sinks[0]->in.at, "QUIT"), "in good order");
	c = sends(MESSAGE);
	is_last(c, "250", "and another one is opened for the next message");
	all_is_given_back("settings come home");
}

static void all_slots(void)
{
	struct caller *callers[SHARD_CONFIGS_MAX];

	world_settings();
	world_open();
	for (unsigned i = 1; i < SHARD_CONFIGS_MAX; i++) {
		publish(change_begin(i));
		callers[i] = greeted();
	}
	ok(world.n_settings_home == 0, "as many versions as there are slots are in use at once");
	hang_up(callers[3]);
	pass(10 * SECOND);
	ok(world.n_settings_home == 1, "the one whose session ends comes home");
	publish(change_begin(3));
	ok(world.settings_version == 3, "and there is a slot for another");
	all_is_given_back("as many versions as may be");
}

/* A message that is being relayed while the settings change is not disturbed; the connection ends behind it. */
static void under_way_to_the_next_hop(void)
{
	world_settings();
	world.hop.phase = DOT;
	world.hop.how = FAIL_SILENT;
	world_open();
	struct caller *c = sends(MESSAGE);

	publish(change_begin(1));
	ok(world.shard->hops[0].n_relays == 1, "a connection with a message under way stays");
	world.hop.phase = NOWHERE;
	pass(700 * SECOND);
	is_last(c, "451", "its message ends by the time limit of its settings");
	all_is_given_back("a message under way");
}

static void verifiers_forget(void)
{
	world_settings();
	world_open();
	struct caller *c = sends(MESSAGE);
	struct settings *s = change_begin(1);

	is_last(c, "250", "SPF passes, and its record is kept compiled");
	s->spf_terms_max = 1;
	snprintf(s->arc_trusted[0], sizeof(s->arc_trusted[0]), "sealer.example");
	s->n_arc_trusted = 1;
	publish(s);
	ok(world.shard->config->auth.spf_terms_max == 1 && world.shard->configs[0].auth.spf_terms_max == 10,
	   "each version has its own limits of the verifiers");
	is_span(span_str(world.shard->config->auth.arc_trusted[0]), SPAN("sealer.example"), "and its own lists");
	ok(!world.shard->configs[0].auth.arc_trusted[0], "the first has none");
	uint64_t hits = world.shard->stats.spf_program_hits;

	c = sends(MESSAGE);
	is_last(c, "250", "another message");
	ok(world.shard->stats.spf_program_hits == hits, "records compiled under other limits are not used");
	all_is_given_back("the verifiers' settings");
}

int main(void)
{
	sessions_end_on_what_they_began_with();
	next_hops_change();
	servers_change();
	servers_change_meanwhile();
	messages_come_home();
	all_slots();
	under_way_to_the_next_hop();
	verifiers_forget();
	return done();
}
