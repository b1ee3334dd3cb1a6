// SPDX-License-Identifier: MIT
/*
 * control_crypto.c - what `show crypto` answers: who verifies, how full batches are, how long jobs wait for them
 */
#include "ctrlplane/control_state.h"

static json_int_t at(const json_t *counters, const char *name)
{
	return json_integer_value(json_object_get(counters, name));
}

static double mean(json_int_t sum, json_int_t n)
{
	return n ? (double)sum / (double)n : 0;
}

static json_t *cost(uint32_t ns)
{
	return ns ? json_integer((json_int_t)ns) : json_string("-");
}

/* Who verifies a class, and what one costs by each that could. */
static json_t *classes(const json_t *counters, const struct control_status *status)
{
	static const char *const rows[CONTROL_CLASSES][2] = {
		{ "crypto_jobs_ed25519", "Ed25519" },   { "crypto_jobs_rsa_1024", "RSA-1024" },
		{ "crypto_jobs_rsa_2048", "RSA-2048" }, { "crypto_jobs_rsa_3072", "RSA-3072" },
		{ "crypto_jobs_rsa_4096", "RSA-4096" }, { "crypto_jobs_rsa_more", "longer RSA" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < CONTROL_CLASSES; i++) {
		const struct control_crypto_cost *c = &status->crypto_cost[i];
		const char *who = status->crypto_by_class[i] ? status->crypto_by_class[i] : "";

		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:o, s:o, s:o, s:s}", "class", rows[i][1], "jobs",
						at(counters, rows[i][0]), "openssl_ns", cost(c->openssl), "lanes_ns",
						cost(c->lanes), "device_ns", cost(c->device), "backend", who));
	}
	return list;
}

/* Summed over workers, each of which has its own circuit. */
static const char *device_state(const json_t *counters)
{
	if (at(counters, "crypto_device_ops") == 0)
		return "not used";
	return at(counters, "crypto_device_opened") > at(counters, "crypto_device_closed") ? "rests after faults"
											   : "works";
}

static json_t *fill(const json_t *counters)
{
	static const char *const names[] = { "crypto_fill_1", "crypto_fill_2", "crypto_fill_3", "crypto_fill_4",
					     "crypto_fill_5", "crypto_fill_6", "crypto_fill_7", "crypto_fill_8" };
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_array_append_new(list,
				      json_pack("{s:i, s:I}", "jobs", (int)i + 1, "batches", at(counters, names[i])));
	return list;
}

/* How long a worker was held at once. */
static json_t *steps(const json_t *counters)
{
	static const char *const rows[][2] = { { "< 25", "crypto_steps_25us" },
					       { "< 50", "crypto_steps_50us" },
					       { "< 100", "crypto_steps_100us" },
					       { "< 200", "crypto_steps_200us" },
					       { "more", "crypto_steps_more" } };
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:I}", "us", rows[i][0], "steps", at(counters, rows[i][1])));
	return list;
}

json_t *control_show_crypto(struct control *c)
{
	const struct settings *s = c->env->settings(c->env->arg);
	json_t *counters = control_counters_of(c, "crypto_");
	struct control_status status = { 0 };

	c->env->status(c->env->arg, &status);
	const char *backend = status.crypto_backend ? status.crypto_backend : "";
	json_int_t jobs = at(counters, "crypto_batch_jobs");

	return json_pack("{s:s, s:s, s:s, s:I, s:f, s:f, s:o, s:o, s:o, s:o}", "backend", backend, "device",
			 device_state(counters), "bodies",
			 status.bodies_paired ? "two side by side" : "one after the other", "batch_wait_us",
			 (json_int_t)s->crypto_batch_wait_us, "mean_wait_us",
			 mean(at(counters, "crypto_wait_us"), jobs), "mean_fill",
			 mean(jobs, at(counters, "crypto_batches")), "classes", classes(counters, &status), "fill",
			 fill(counters), "steps", steps(counters), "counters", counters);
}
