// SPDX-License-Identifier: MIT
/*
 * firmware_slot.c - GRUB's environment block, and the moves between two slots
 */
#include "ctrlplane/firmware/firmware_slot.h"
#include "dataplane/base/text.h"

#define SIGNATURE "# GRUB Environment Block\n"

static bool slot_of(struct span s, enum firmware_slot *out)
{
	if (s.len > 1 || (s.len == 1 && s.at[0] != 'a' && s.at[0] != 'b'))
		return false;
	*out = s.len == 0 ? FIRMWARE_NONE : s.at[0] == 'a' ? FIRMWARE_A : FIRMWARE_B;
	return true;
}

bool firmware_args_good(struct span args)
{
	for (size_t i = 0; i < args.len; i++)
		if (args.at[i] < ' ' || args.at[i] > '~' || memchr("\"'$\\`;&|<>(){}#", args.at[i], 15))
			return false;
	return args.len <= FIRMWARE_ARGS_MAX;
}

/* A line NAME=VALUE; one that we do not know is nothing to us, nor to grub.cfg. */
static bool take_variable(struct firmware_env *env, struct span line)
{
	const uint8_t *equals = line.len ? memchr(line.at, '=', line.len) : NULL;

	if (!equals)
		return false;
	struct span name = span_head(line, (size_t)(equals - line.at)), value = span_skip(line, name.len + 1);

	if (span_eq(name, SPAN("slot")))
		return slot_of(value, &env->slot) && env->slot != FIRMWARE_NONE;
	if (span_eq(name, SPAN("try")))
		return slot_of(value, &env->try);
	if (span_eq(name, SPAN("args"))) {
		if (!firmware_args_good(value))
			return false;
		if (value.len)
			memcpy(env->args, value.at, value.len);
		env->args[value.len] = '\0';
	}
	return true;
}

bool firmware_env_begins(struct span in)
{
	return in.len >= sizeof(SIGNATURE) - 1 && memcmp(in.at, SIGNATURE, sizeof(SIGNATURE) - 1) == 0;
}

enum err firmware_env_parse(struct span in, struct firmware_env *out)
{
	struct firmware_env env = { .slot = FIRMWARE_A };
	struct span rest = in;

	*out = env;
	if (in.len != FIRMWARE_ENV_SIZE)
		return ERR_BAD_LENGTH;
	if (!firmware_env_begins(in))
		return ERR_BAD_SYNTAX;
	rest = span_skip(in, sizeof(SIGNATURE) - 1);
	/* Lines, then # to the end. */
	while (rest.len && rest.at[0] != '#') {
		const uint8_t *end = memchr(rest.at, '\n', rest.len);

		if (!end || !take_variable(&env, span_head(rest, (size_t)(end - rest.at))))
			return ERR_BAD_SYNTAX;
		rest = span_skip(rest, (size_t)(end - rest.at) + 1);
	}
	*out = env;
	return OK;
}

void firmware_env_write(const struct firmware_env *env, uint8_t out[FIRMWARE_ENV_SIZE])
{
	static const char *const letters[] = { [FIRMWARE_NONE] = "", [FIRMWARE_A] = "a", [FIRMWARE_B] = "b" };
	char room[FIRMWARE_ENV_SIZE];
	struct text t;

	CHECK(env->slot != FIRMWARE_NONE && firmware_args_good(span_str(env->args)));
	text_init(&t, room, sizeof(room));
	text_puts(&t, SIGNATURE "slot=");
	text_puts(&t, letters[env->slot]);
	text_puts(&t, "\ntry=");
	text_puts(&t, letters[env->try]);
	text_puts(&t, "\nargs=");
	text_puts(&t, env->args);
	text_puts(&t, "\n");
	CHECK(!t.full && t.len <= 512);
	memset(out, '#', FIRMWARE_ENV_SIZE);
	memcpy(out, room, t.len);
}

enum firmware_slot firmware_running(struct span cmdline)
{
	static const struct span name = { (const uint8_t *)"sekisho.slot=", 13 };
	enum firmware_slot found = FIRMWARE_NONE;

	for (size_t i = 0; i < cmdline.len;) {
		size_t len = 0;

		while (i + len < cmdline.len && cmdline.at[i + len] > ' ')
			len++;
		struct span word = span_part(cmdline, i, i + len);
		if (word.len > name.len && memcmp(word.at, name.at, name.len) == 0 &&
		    !slot_of(span_skip(word, name.len), &found))
			return FIRMWARE_NONE;
		i += len + 1;
	}
	return found;
}

enum firmware_answer firmware_install_begin(struct firmware_env *env, enum firmware_slot running)
{
	if (running != env->slot)
		return FIRMWARE_ON_TRIAL;
	if (env->try == FIRMWARE_NONE)
		return FIRMWARE_AS_IT_IS;
	env->try = FIRMWARE_NONE;
	return FIRMWARE_DONE;
}

void firmware_install_end(struct firmware_env *env, enum firmware_slot running)
{
	CHECK(running == env->slot);
	env->try = firmware_other(running);
}

enum firmware_answer firmware_confirm(struct firmware_env *env, enum firmware_slot running)
{
	if (running == env->slot)
		return FIRMWARE_AS_IT_IS;
	env->slot = running;
	env->try = FIRMWARE_NONE;
	return FIRMWARE_DONE;
}

enum firmware_answer firmware_rollback(struct firmware_env *env, enum firmware_slot running, bool other_whole,
				       bool *restart)
{
	bool pending = env->try != FIRMWARE_NONE;

	*restart = false;
	if (running != env->slot) {
		*restart = true;
		env->try = FIRMWARE_NONE;
		return pending ? FIRMWARE_DONE : FIRMWARE_AS_IT_IS;
	}
	if (pending) {
		env->try = FIRMWARE_NONE;
		return FIRMWARE_DONE;
	}
	if (!other_whole)
		return FIRMWARE_OTHER_BROKEN;
	*restart = true;
	env->try = firmware_other(running);
	return FIRMWARE_DONE;
}
