// SPDX-License-Identifier: MIT
/*
 * gateway_settings.c - versions of the settings: read, published to the workers, reclaimed, rolled back
 *
 * Two phases.  First the file is read, checked and made whole beside what runs, the certificates that it names as well; a fault there changes nothing.  Then
 * each worker gets the new version by its ring and takes it at its next turn, without a lock; what it has begun goes on
 * with the version that it began with, and the message comes home when the last of that has ended (shard_link.h).
 *
 * A version is freed when no worker has it and it is neither in force nor one to go back to.  The first one stays: the
 * workers' pools are sized by it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ctrlplane/gateway.h"
#include "ctrlplane/settings_check.h"
#include "ctrlplane/settings_live.h"
#include "ctrlplane/settings_load.h"

struct gateway_version {
	struct gateway_version *older;
	struct settings settings;
	unsigned n_out; /* workers that have not sent it home */
};

static void tell(struct control_change *c, const char *text)
{
	json_array_append_new(c->errors, record_string(span_str(text)));
	log_error("%s", text);
}

static void hear_fault(void *arg, const char *message)
{
	tell(arg, message);
}

/* A fault of the mixture: the file is good, but what runs is not changed by it as a whole. */
static void hear_problem(void *arg, const char *setting, const char *message)
{
	char text[640];

	snprintf(text, sizeof(text), "%s %s; it depends on what needs a restart: restart sekishod", setting, message);
	tell(arg, text);
}

static void hear_difference(void *arg, const char *name, bool live)
{
	struct control_change *c = arg;

	json_array_append_new(live ? c->changed : c->restart, json_string(name));
}

static struct gateway_version *version_new(struct gateway *g)
{
	struct gateway_version *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->older = g->versions;
	g->versions = v;
	return v;
}

bool gateway_settings_begin(struct gateway *g, settings_say *say, void *arg)
{
	struct gateway_version *v = version_new(g);

	if (!v || !settings_load(g->path, &v->settings, say, arg))
		return false;
	v->settings.version = g->n_versions = 1;
	g->settings = g->first = &v->settings;
	return true;
}

static bool is_past(const struct gateway *g, const struct settings *s)
{
	for (unsigned i = 0; i < g->n_past; i++)
		if (g->past[i] == s)
			return true;
	return false;
}

static void free_unused(struct gateway *g)
{
	for (struct gateway_version **link = &g->versions, *v; (v = *link);) {
		const struct settings *s = &v->settings;

		if (v->n_out || s == g->settings || s == g->first || is_past(g, s)) {
			link = &v->older;
			continue;
		}
		*link = v->older;
		free(v);
	}
}

void gateway_settings_home(struct gateway *g, const struct shard_settings *m)
{
	for (struct gateway_version *v = g->versions; v; v = v->older)
		if (&v->settings == m->settings)
			v->n_out--;
	free_unused(g);
}

void gateway_settings_end(struct gateway *g)
{
	for (struct gateway_version *v; (v = g->versions);) {
		g->versions = v->older;
		free(v);
	}
	g->settings = NULL;
}

/* Whether every worker has a slot for one more (SHARD_CONFIGS_MAX), the first version's aside. */
static bool has_slot(const struct gateway *g)
{
	unsigned n = 0;

	for (const struct gateway_version *v = g->versions; v; v = v->older)
		n += v->n_out > 0;
	return n < SHARD_CONFIGS_MAX - 1;
}

/* The second phase: to every worker or to none. */
static bool publish(struct gateway *g, struct gateway_version *v, struct control_change *c)
{
	char why[512];

	if (!gateway_tls_make(g, &v->settings, why, sizeof(why))) {
		tell(c, why);
		free_unused(g);
		return false;
	}
	v->settings.version = g->n_versions + 1;
	if (!gateway_publish(g, &v->settings)) {
		tell(c, "no memory to publish the settings; free some and try again");
		gateway_tls_drop(g);
		free_unused(g);
		return false;
	}
	gateway_tls_drop(g); /* what no worker wanted */
	v->n_out = g->n_workers;
	c->version = ++g->n_versions;
	return true;
}

static void put_in_force(struct gateway *g, struct gateway_version *v, const struct control_change *c)
{
	const char *name;
	size_t i;
	json_t *value;

	g->settings = &v->settings;
	free_unused(g);
	log_info("version %llu of the settings is in force: %zu changed", (unsigned long long)c->version,
		 json_array_size(c->changed));
	json_array_foreach(c->restart, i, value)
	{
		name = json_string_value(value);
		log_warning("%s has changed in %s; restart sekishod to have it in force", name, g->path);
	}
}

static struct gateway_version *version_begin(struct gateway *g, struct control_change *c)
{
	struct gateway_version *v = NULL;

	if (!has_slot(g))
		tell(c, "sessions still use too many earlier versions; try again when some have ended");
	else if (!(v = version_new(g)))
		tell(c, "no memory to read the settings; free some and try again");
	return v;
}

static void remember(struct gateway *g)
{
	if (g->n_past == GATEWAY_PAST_MAX) {
		memmove(g->past, g->past + 1, (GATEWAY_PAST_MAX - 1) * sizeof(g->past[0]));
		g->n_past--;
	}
	g->past[g->n_past++] = g->settings;
}

/* With the lists that were prepared for it; when it cannot be published these go as well. */
static bool publish_with_lists(struct gateway *g, struct gateway_version *v, struct control_change *c)
{
	if (!publish(g, v, c)) {
		gateway_lists_drop(g);
		return false;
	}
	unsigned files = gateway_lists_commit(g);

	if (files & GATEWAY_LISTS_RECIPIENTS)
		json_array_append_new(c->changed, json_string("the entries of recipients.file"));
	if (files & GATEWAY_LISTS_FILE)
		json_array_append_new(c->changed, json_string("the entries of lists.file"));
	return true;
}

enum control_outcome gateway_reload(void *arg, struct control_change *c)
{
	struct gateway *g = arg;
	struct gateway_version *v = version_begin(g, c);
	enum control_outcome lists = CONTROL_FAILED;

	if (!v)
		return CONTROL_FAILED;
	c->usage = !settings_load(g->path, &v->settings, hear_fault, c);
	if (!c->usage) {
		settings_keep_started(&v->settings, g->settings, hear_difference, c);
		settings_check_whole(&v->settings, hear_problem, c);
	}
	if (json_array_size(c->errors) == 0) {
		lists = gateway_lists_prepare(g, &v->settings, hear_fault, c);
		c->usage |= lists == CONTROL_FAILED;
	}
	if (lists != CONTROL_DONE) {
		free_unused(g);
		return lists;
	}
	if (!publish_with_lists(g, v, c))
		return CONTROL_FAILED;
	remember(g);
	put_in_force(g, v, c);
	return CONTROL_DONE;
}

enum control_outcome gateway_rollback(void *arg, struct control_change *c)
{
	struct gateway *g = arg;

	if (g->n_past == 0) {
		tell(c, "there is no earlier version to go back to; change the file and reload");
		return CONTROL_FAILED;
	}
	struct gateway_version *v = version_begin(g, c);
	if (!v)
		return CONTROL_FAILED;
	v->settings = *g->past[g->n_past - 1];
	c->back_to = v->settings.version;
	settings_keep_started(&v->settings, g->settings, hear_difference, c);
	enum control_outcome lists = gateway_lists_prepare(g, &v->settings, hear_fault, c);
	if (lists != CONTROL_DONE) {
		free_unused(g);
		return lists;
	}
	if (!publish_with_lists(g, v, c))
		return CONTROL_FAILED;
	g->n_past--;
	put_in_force(g, v, c);
	return CONTROL_DONE;
}

unsigned gateway_settings_awaited(void *arg, uint64_t version)
{
	const struct gateway *g = arg;
	unsigned n = 0;

	for (unsigned i = 0; i < g->n_workers; i++)
		n += g->workers[i].version < version;
	return n;
}

unsigned gateway_settings_kept(const struct gateway *g)
{
	unsigned n = 0;

	for (const struct gateway_version *v = g->versions; v; v = v->older)
		n++;
	return n;
}
