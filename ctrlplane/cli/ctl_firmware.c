// SPDX-License-Identifier: MIT
/*
 * ctl_firmware.c - sekishoctl firmware: what is said, and in which order things are asked
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/cli/ctl_firmware.h"
#include "ctrlplane/cli/ctl_health.h"
#include "ctrlplane/cli/ctl_table.h"
#include "ctrlplane/cli/firmware_box.h"

enum { EXIT_GOOD, EXIT_FAILED };

/* systemd's own mark that the gateway is started with the machine: setup has been done. */
#define ENABLED "/etc/systemd/system/multi-user.target.wants/sekishod.service"

static int complain(const char *what)
{
	fprintf(stderr, "sekishoctl: %s\n", what);
	return EXIT_FAILED;
}

/* What was done, in words or as {"done": true, ...}. */
static int done(bool json, bool restart, const char *sentence)
{
	if (json)
		printf("{\"done\": true, \"restart\": %s}\n", restart ? "true" : "false");
	else
		puts(sentence);
	return EXIT_GOOD;
}

static const char *state_of(const struct firmware_box *b, enum firmware_slot s, bool whole)
{
	if (s == b->running)
		return s == b->env.slot ? "runs, confirmed" : "runs, on trial";
	if (s == b->env.try)
		return "is tried at the next start";
	if (s == b->env.slot)
		return "is confirmed: the next start takes it";
	return whole ? "can be gone back to" : "holds nothing whole";
}

static json_t *slot_row(struct firmware_box *b, enum firmware_slot s)
{
	struct firmware_head h;
	bool whole = firmware_box_head(b, s, &h);
	char date[32] = "-", letter[2] = { firmware_letter(s), '\0' };
	time_t when = whole ? (time_t)h.date_s : 0;
	struct tm tm;

	if (whole && gmtime_r(&when, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "slot", letter, "version", whole ? h.version : "-", "date", date,
			 "state", state_of(b, s, whole), "whole", (int)whole);
}

static int status(struct firmware_box *b, bool json)
{
	static const struct ctl_column columns[] = { { "slot", "slot", false },
						     { "version", "version", false },
						     { "of", "date", false },
						     { "state", "state", false } };
	json_t *rows = json_array();

	json_array_append_new(rows, slot_row(b, FIRMWARE_A));
	json_array_append_new(rows, slot_row(b, FIRMWARE_B));
	if (json) {
		char running[2] = { firmware_letter(b->running), '\0' },
		     confirmed[2] = { firmware_letter(b->env.slot), '\0' };
		json_t *all = json_pack("{s:s, s:s, s:O}", "running", running, "confirmed", confirmed, "slots", rows);

		json_dumpf(all, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	} else {
		CTL_TABLE(stdout, rows, columns);
	}
	json_decref(rows);
	return EXIT_GOOD;
}

static int install(struct firmware_box *b, const char *path, bool json)
{
	struct firmware_head h;
	char sentence[FIRMWARE_VERSION_MAX + 128];

	if (!firmware_box_install(b, path, &h))
		return complain(b->error);
	snprintf(sentence, sizeof(sentence), "slot %c has %s, which the next start tries, once; reboot when it suits",
		 firmware_letter(firmware_other(b->running)), h.version);
	return done(json, true, sentence);
}

static int confirm(struct firmware_box *b, const char *socket, bool json)
{
	char why[256], sentence[512];

	if (b->running == b->env.slot)
		return done(json, false, "what runs is confirmed already");
	bool is_set_up = access(ENABLED, F_OK) == 0;
	if (is_set_up && !ctl_health(socket, CTL_HEALTH_WAIT_S, CTL_HEALTH_STEADY_S, why)) {
		snprintf(sentence, sizeof(sentence),
			 "the gateway is not well: %s; slot %c is not confirmed, a restart takes slot %c", why,
			 firmware_letter(b->running), firmware_letter(b->env.slot));
		return complain(sentence);
	}
	if (firmware_confirm(&b->env, b->running) == FIRMWARE_DONE && !firmware_box_tell(b))
		return complain(b->error);
	snprintf(sentence, sizeof(sentence), "slot %c is confirmed%s", firmware_letter(b->running),
		 is_set_up ? ": the gateway is well" : "; no gateway is set up yet");
	return done(json, false, sentence);
}

static int rollback(struct firmware_box *b, bool json)
{
	bool restart, other = b->running == b->env.slot && b->env.try == FIRMWARE_NONE;
	bool whole = other && firmware_box_whole(b, firmware_other(b->running));
	enum firmware_answer answer = firmware_rollback(&b->env, b->running, whole, &restart);
	char sentence[FIRMWARE_ERROR_MAX + 64];

	if (answer == FIRMWARE_OTHER_BROKEN) {
		snprintf(sentence, sizeof(sentence), "slot %c cannot be gone back to: %s",
			 firmware_letter(firmware_other(b->running)), b->error);
		return complain(sentence);
	}
	if (answer == FIRMWARE_DONE && !firmware_box_tell(b))
		return complain(b->error);
	if (!restart)
		return done(json, false, "the other slot is not tried");
	snprintf(sentence, sizeof(sentence), "reboot: it starts slot %c", firmware_letter(firmware_other(b->running)));
	return done(json, true, sentence);
}

int ctl_firmware(const char *what, const json_t *args, bool json, const char *socket)
{
	struct firmware_box b;
	int out;

	if (!firmware_box_open(&b, ""))
		out = complain(b.error);
	else if (strcmp(what, "status") == 0)
		out = status(&b, json);
	else if (strcmp(what, "install") == 0)
		out = install(&b, json_string_value(json_object_get(args, "file")), json);
	else if (strcmp(what, "confirm") == 0)
		out = confirm(&b, socket, json);
	else
		out = rollback(&b, json);
	firmware_box_close(&b);
	return out;
}
