// SPDX-License-Identifier: MIT
/*
 * control_limits.c - every limit: its value, and of what fills up how full it is, was, and how often it was reached
 */
#include <stdio.h>

#include "ctrlplane/control_state.h"
#include "ctrlplane/settings_table.h"
#include "ctrlplane/stats_export.h"

/* Of all workers; "most" is the sum of what each one had at worst, perhaps at different times. */
static unsigned sum_limits(struct control *c, struct control_limit sum[CONTROL_LIMITS_MAX])
{
	struct control_limit one[CONTROL_LIMITS_MAX];
	unsigned n = 0;

	memset(sum, 0, CONTROL_LIMITS_MAX * sizeof(*sum));
	for (unsigned w = 0; w < c->env->n_workers; w++) {
		n = c->env->limits(c->env->arg, w, one);
		for (unsigned i = 0; i < n; i++) {
			sum[i].name = one[i].name;
			sum[i].used += one[i].used;
			sum[i].most += one[i].most;
			sum[i].limit += one[i].limit;
			sum[i].refused += one[i].refused;
		}
	}
	return n;
}

static json_t *use_json(struct control *c)
{
	struct control_limit sum[CONTROL_LIMITS_MAX];
	unsigned n = sum_limits(c, sum);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", sum[i].name, "used",
						      (json_int_t)sum[i].used, "most", (json_int_t)sum[i].most, "limit",
						      (json_int_t)sum[i].limit, "refused", (json_int_t)sum[i].refused));
	return list;
}

json_t *control_show_limits(struct control *c)
{
	const struct settings *s = c->env->settings(c->env->arg);
	json_t *list = json_array();
	char name[80];
	uint64_t value;

	for (size_t i = 0; i < n_setting_table; i++) {
		const struct setting *t = &setting_table[i];

		if (t->kind != SETTING_INT)
			continue;
		memcpy(&value, (const char *)s + t->offset, sizeof(value));
		snprintf(name, sizeof(name), "%s.%s", t->group, t->name);
		json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:s}", "setting", name, "value",
						      (json_int_t)value, "unit", t->unit, "least", (json_int_t)t->least,
						      "most", (json_int_t)t->most, "default", (json_int_t)t->default_,
						      "help", t->help));
	}
	return json_pack("{s:I, s:o, s:o}", "version", (json_int_t)s->version, "use", use_json(c), "limits", list);
}

/* What is TCP's of the same, and its counters. */
json_t *control_show_tcp(struct control *c)
{
	static const char *const names[] = { "limits.sessions_max", "limits.tcp_blocks", "tcp.half_open_max",
					     "tcp.time_wait_max", "relay.connections_max" };
	json_t *all = use_json(c), *some = json_array(), *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			if (strcmp(json_string_value(json_object_get(one, "name")), names[n]) == 0)
				json_array_append(some, one);
	}
	json_decref(all);
	return json_pack("{s:o, s:o}", "use", some, "counters", control_counters_of(c, "tcp_"));
}

/* Names of settings need no escapes; the others are ours. */
static void put_family(FILE *f, const struct control_limit *limits, unsigned n, const char *name, const char *type,
		       const char *help, size_t offset)
{
	uint64_t value;

	stats_prometheus_head(f, name, type, help);
	for (unsigned i = 0; i < n; i++) {
		memcpy(&value, (const char *)&limits[i] + offset, sizeof(value));
		fprintf(f, "sekisho_%s{limit=\"%s\"} %llu\n", name, limits[i].name, (unsigned long long)value);
	}
}

void control_limits_prometheus(struct control *c, FILE *f)
{
	struct control_limit sum[CONTROL_LIMITS_MAX];
	unsigned n = sum_limits(c, sum);

	put_family(f, sum, n, "limit_used", "gauge", "how much of a limit is in use, of all workers",
		   offsetof(struct control_limit, used));
	put_family(f, sum, n, "limit_most", "gauge", "the most of it that was in use since the start",
		   offsetof(struct control_limit, most));
	put_family(f, sum, n, "limit_size", "gauge", "the limit", offsetof(struct control_limit, limit));
	put_family(f, sum, n, "limit_refused_total", "counter", "times that it was reached",
		   offsetof(struct control_limit, refused));
}
