// SPDX-License-Identifier: MIT
/*
 * settings_load.c - from a file to struct settings, or to a list of all that is wrong with it
 *
 * Three passes: settings_text.c makes the text safe for libconfig; here names, types and ranges are checked while
 * the struct is filled; settings_check.c then looks at the whole.  With settings_lists.c and settings_rules.c the
 * only file that knows libconfig.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/settings_check.h"
#include "ctrlplane/settings_load_state.h"
#include "ctrlplane/settings_text.h"

#define ERRORS_MAX 100 /* told of one file */
#define MESSAGE_MAX 1024
#define SHOWN_MAX 18 /* octets of a string; four for each when all are escaped */

static void say_at(struct settings_loading *l, unsigned line, const char *what)
{
	char message[MESSAGE_MAX];

	if (++l->n_errors > ERRORS_MAX)
		return;
	if (line)
		snprintf(message, sizeof(message), "%s:%u: %s", l->file, line, what);
	else
		snprintf(message, sizeof(message), "%s: %s", l->file, what);
	l->say(l->arg, message);
	if (l->n_errors == ERRORS_MAX)
		l->say(l->arg, "there are more errors; mend these first");
}

void settings_complain(struct settings_loading *l, const config_setting_t *at, const char *format, ...)
{
	char what[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	say_at(l, at ? config_setting_source_line(at) : 0, what);
}

const char *settings_shown(const config_setting_t *v, char out[80])
{
	struct span string;
	struct text t;

	text_init(&t, out, 80);
	switch (config_setting_type(v)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(out, 80, "%lld", config_setting_get_int64(v));
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(out, 80, "%g", config_setting_get_float(v));
		break;
	case CONFIG_TYPE_BOOL:
		text_puts(&t, config_setting_get_bool(v) ? "true" : "false");
		break;
	case CONFIG_TYPE_STRING:
		string = span_str(config_setting_get_string(v));
		text_putc(&t, '"');
		text_escaped(&t, span_head(string, string.len < SHOWN_MAX ? string.len : SHOWN_MAX));
		text_puts(&t, string.len > SHOWN_MAX ? "...\"" : "\"");
		break;
	case CONFIG_TYPE_GROUP:
		text_puts(&t, "a group");
		break;
	default:
		text_puts(&t, "a list");
		break;
	}
	return out;
}

const char *settings_string(struct settings_loading *l, const config_setting_t *v, const char *name)
{
	const char *s = config_setting_get_string(v);
	char shown[80];

	if (!s) {
		settings_complain(l, v, "%s must be a string in quotes, is %s", name, settings_shown(v, shown));
		return NULL;
	}
	if (strlen(s) >= SETTINGS_STR_MAX) {
		settings_complain(l, v, "%s must have at most %d octets, has %zu", name, SETTINGS_STR_MAX - 1,
				  strlen(s));
		return NULL;
	}
	/* Strings end up in headers, replies, logs and the EAL's arguments: a control octet has no place in any. */
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			settings_complain(l, v, "%s must have no control octets, is %s", name,
					  settings_shown(v, shown));
			return NULL;
		}
	return s;
}

bool settings_number(struct settings_loading *l, const config_setting_t *v, const char *name, uint64_t least,
		     uint64_t most, const char *unit, uint64_t *out)
{
	int type = config_setting_type(v);
	bool whole = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
	long long value = whole ? config_setting_get_int64(v) : 0;
	char shown[80];

	if (whole && value >= 0 && (uint64_t)value >= least && (uint64_t)value <= most) {
		*out = (uint64_t)value;
		return true;
	}
	settings_complain(l, v, "%s must be %s%llu to %llu%s%s, is %s", name, whole ? "" : "a whole number, ",
			  (unsigned long long)least, (unsigned long long)most, *unit ? " " : "", unit,
			  settings_shown(v, shown));
	return false;
}

static void load_scalar(struct settings_loading *l, const config_setting_t *v, const struct setting *t)
{
	char *field = (char *)l->s + t->offset;
	char name[80], shown[80];
	const char *string;
	uint64_t number;

	snprintf(name, sizeof(name), "%s.%s", t->group, t->name);
	switch (t->kind) {
	case SETTING_INT:
		if (settings_number(l, v, name, t->least, t->most, t->unit, &number))
			memcpy(field, &number, sizeof(number));
		break;
	case SETTING_BOOL:
		if (config_setting_type(v) == CONFIG_TYPE_BOOL) {
			bool flag = config_setting_get_bool(v) != 0;
			memcpy(field, &flag, sizeof(flag));
		} else {
			settings_complain(l, v, "%s must be true or false, is %s", name, settings_shown(v, shown));
		}
		break;
	case SETTING_STR:
	case SETTING_WORD:
		string = settings_string(l, v, name);
		if (string && t->kind == SETTING_WORD && !setting_word_known(t->words, span_str(string)))
			settings_complain(l, v, "%s must be one of %s, is %s", name, t->words,
					  settings_shown(v, shown));
		else if (string)
			snprintf(field, SETTINGS_STR_MAX, "%s", string);
		break;
	}
}

static void load_group(struct settings_loading *l, const config_setting_t *group)
{
	const char *group_name = config_setting_name(group);
	char name[160];

	if (!config_setting_is_group(group)) {
		settings_complain(l, group, "%s must be a group: %s : { ... };", group_name, group_name);
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *v = config_setting_get_elem(group, (unsigned)i);
		const struct setting *t = setting_find(span_str(group_name), span_str(config_setting_name(v)));

		snprintf(name, sizeof(name), "%s.%s", group_name, config_setting_name(v));
		if (t)
			load_scalar(l, v, t);
		else if (!settings_load_list(l, v, name))
			settings_complain(l, v, "there is no setting %s; sekisho.conf(5) lists them", name);
	}
}

/* Where settings_check.c found something: the setting itself, or the nearest thing around it that is in the file. */
struct whole {
	struct settings_loading *l;
	config_t *config;
};

static void tell_problem(void *arg, const char *setting, const char *message)
{
	struct whole *w = arg;
	char path[160], what[MESSAGE_MAX];
	const config_setting_t *at = NULL;

	snprintf(path, sizeof(path), "%s", setting);
	while (!at && path[0]) {
		at = config_lookup(w->config, path);
		char *dot = strrchr(path, '.');
		*(dot ? dot : path) = '\0';
	}
	snprintf(what, sizeof(what), "%s %s", setting, message);
	say_at(w->l, at ? config_setting_source_line(at) : 0, what);
}

static void load_policy_file(struct settings_loading *l);

static void load_root(struct settings_loading *l, config_t *config)
{
	const config_setting_t *root = config_root_setting(config);
	struct whole w = { l, config };

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *v = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(v);

		if (setting_group_known(span_str(name)))
			load_group(l, v);
		else if (!settings_load_list(l, v, name))
			settings_complain(l, v, "there is no setting %s; sekisho.conf(5) lists them", name);
	}
	if (l->s->policy_file[0] && l->reads_files)
		load_policy_file(l);
	unsigned n_errors = l->n_errors;
	settings_check_strings(l->s, tell_problem, &w);
	/* A half-filled struct would make the rest say what is not so. */
	if (n_errors == 0)
		settings_check_whole(l->s, tell_problem, &w);
}

static void say_syntax(struct settings_loading *l, const config_t *config)
{
	const char *error = config_error_text(config);
	char what[MESSAGE_MAX];

	/* libconfig notices a missing sign only at what follows it. */
	snprintf(what, sizeof(what), "%s; %s", error,
		 strcmp(error, "duplicate setting name") != 0
			 ? "see whether a ; , \" or bracket is missing here or above"
			 : "leave one of them");
	say_at(l, (unsigned)config_error_line(config), what);
}

/* The text as libconfig reads it; config_destroy() is the caller's when true. */
static bool parse(struct settings_loading *l, struct span text, config_t *config)
{
	char *prepared = malloc(settings_text_room(text));
	const char *refused = "no memory to read it; free some";
	bool good = false;
	unsigned line = 0;

	if (prepared)
		refused = settings_text_prepare(text, prepared, &line);
	if (refused) {
		say_at(l, line, refused);
	} else {
		config_init(config);
		good = config_read_string(config, prepared);
		if (!good) {
			say_syntax(l, config);
			config_destroy(config);
		}
	}
	free(prepared);
	return good;
}

/* The octets of @path, to be freed; NULL after a complaint. */
static char *read_file(struct settings_loading *l, const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *text = malloc(SETTINGS_FILE_MAX + 1);

	if (!f || !text) {
		settings_complain(l, NULL, "cannot be opened: %s; name a file that can be read", strerror(errno));
		goto bad;
	}
	errno = 0;
	*n = fread(text, 1, SETTINGS_FILE_MAX + 1, f);
	if (!ferror(f) && *n <= SETTINGS_FILE_MAX) {
		fclose(f);
		return text;
	}
	if (ferror(f))
		settings_complain(l, NULL, "cannot be read: %s; name a file that can be read", strerror(errno));
	else
		settings_complain(l, NULL, "is larger than %d octets; leave something out", SETTINGS_FILE_MAX);
bad:
	free(text);
	if (f)
		fclose(f);
	return NULL;
}

/* A file of its own for the group policy: its lines are told under its name. */
static void load_policy_file(struct settings_loading *l)
{
	const char *file = l->file;
	char path[SETTINGS_STR_MAX];
	config_t config;
	size_t n;

	memcpy(path, l->s->policy_file, sizeof(path));
	l->file = path;
	char *text = read_file(l, path, &n);
	if (text && parse(l, span_of(text, n), &config)) {
		const config_setting_t *root = config_root_setting(&config);

		for (int i = 0; i < config_setting_length(root); i++) {
			const config_setting_t *v = config_setting_get_elem(root, (unsigned)i);

			if (strcmp(config_setting_name(v), "policy") == 0)
				load_group(l, v);
			else
				settings_complain(l, v,
						  "%s has no place here; a policy file has the group policy alone",
						  config_setting_name(v));
		}
		config_destroy(&config);
	}
	memcpy(l->s->policy_file, path, sizeof(path)); /* whatever the file says of itself */
	l->file = file;
	free(text);
}

static bool load(struct settings_loading *l, struct span text, struct settings *out)
{
	config_t config;

	l->s = malloc(sizeof(*l->s));
	if (!l->s) {
		say_at(l, 0, "no memory to read it; free some");
		return false;
	}
	settings_default(l->s);
	if (parse(l, text, &config)) {
		load_root(l, &config);
		config_destroy(&config);
	}
	if (l->n_errors == 0)
		*out = *l->s;
	free(l->s);
	return l->n_errors == 0;
}

bool settings_load_text(struct span text, const char *file, struct settings *out, settings_say *say, void *arg)
{
	struct settings_loading l = { .file = file, .say = say, .arg = arg };

	return load(&l, text, out);
}

bool settings_load(const char *path, struct settings *out, settings_say *say, void *arg)
{
	struct settings_loading l = { .file = path, .say = say, .arg = arg, .reads_files = true };
	size_t n;
	char *text = read_file(&l, path, &n);
	bool good = text && load(&l, span_of(text, n), out);

	free(text);
	return good;
}
