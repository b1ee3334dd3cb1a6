// SPDX-License-Identifier: MIT
/*
 * ctl_health.c - the gateway asked again and again, until it has been well for a while
 *
 * Two questions: `status`, which the control thread answers, and `show sessions`, which each worker has to answer between
 * two turns of its own: a worker that cannot take its port, or hangs, is silent there.  That a next hop or a resolver is
 * down is not the firmware's fault, and another firmware would not mend it: neither is asked for.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/cli/ctl_client.h"
#include "ctrlplane/cli/ctl_health.h"

enum { ANSWER_WAIT_MS = 10000 };

static json_t *ask(struct ctl_client *c, const char *command, json_t *args)
{
	bool more = false;

	return ctl_ask(c, command, args) ? ctl_answer(c, &more, ANSWER_WAIT_MS) : NULL;
}

/* One look; @started: when this process began, of 64 octets. */
static bool is_well(const char *socket, char started[64], char error[256])
{
	struct ctl_client c;
	json_t *args = json_pack("{s:i}", "limit", 1), *status = NULL, *sessions = NULL;
	bool good = ctl_open(&c, socket) && (status = ask(&c, "status", args)) &&
		    (sessions = ask(&c, "show sessions", args));

	if (!good) {
		snprintf(error, 256, "%.200s", c.error);
	} else {
		const char *when = json_string_value(json_object_get(status, "started"));
		json_int_t workers = json_integer_value(json_object_get(status, "workers"));
		json_int_t silent = json_integer_value(json_object_get(sessions, "workers_silent"));

		snprintf(started, 64, "%.63s", when ? when : "");
		good = workers > 0 && silent == 0;
		if (!good)
			snprintf(error, 256,
				 "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " workers do not answer", silent,
				 workers);
	}
	json_decref(sessions);
	json_decref(status);
	json_decref(args);
	ctl_close(&c);
	return good;
}

static unsigned now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned)t.tv_sec;
}

bool ctl_health(const char *socket, unsigned wait_s, unsigned steady_s, char error[256])
{
	char first[64] = "", started[64] = "";
	unsigned begin = now_s(), since = 0;
	bool was_well = false;

	snprintf(error, 256, "it was not asked");
	while (now_s() - begin <= wait_s) {
		bool well = is_well(socket, started, error);

		if (well && was_well && strcmp(first, started) == 0) {
			if (now_s() - since >= steady_s)
				return true;
		} else if (well) {
			snprintf(first, sizeof(first), "%s", started);
			since = now_s();
			if (steady_s == 0)
				return true;
			snprintf(error, 256, "it does not stay up");
		}
		was_well = well;
		sleep(1);
	}
	return false;
}
