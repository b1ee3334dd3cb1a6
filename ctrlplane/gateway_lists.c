// SPDX-License-Identifier: MIT
/*
 * gateway_lists.c - allow and deny: the file, what the operator adds; the table of recipients; how workers get them
 *
 * A version is three sets, each built whole and never changed.  A worker looks at them within a turn only, so that the
 * message which brings it newer ones, once it is home, says that it has left the older ones.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/gateway.h"
#include "ctrlplane/lists_aside.h"

/* A set that several versions may name. */
struct shared {
	struct lists *lists;
	unsigned n_versions;
};

struct version {
	struct version *older;
	uint64_t number;
	struct shared *file, *live, *recipients; /* NULL: empty, or there is no table */
	unsigned n_out;                          /* workers that have not taken it */
};

/* Which file was read, to know when it is another. */
struct stamp {
	char path[SETTINGS_STR_MAX];
	struct timespec mtime;
	off_t size;
	ino_t inode;
};

/* A file of entries that reload reads again. */
struct source {
	struct stamp stamp;
	struct stamp next_stamp; /* of what is prepared */
	struct shared *next;     /* prepared; NULL: empty */
	bool prepared;
	struct lists_aside *reading; /* what will be prepared by that; NULL: nothing is */
};

struct gateway_lists {
	struct version *newest;
	uint64_t n_versions;
	struct source file, recipients;
	char **live; /* entries as text, sorted */
	size_t n_live;
};

/* --- versions ---------------------------------------------------------------------------------- */

static void shared_give(struct shared *s)
{
	if (!s || --s->n_versions)
		return;
	lists_free(s->lists);
	free(s);
}

/* Takes @lists; NULL: no memory. */
static struct shared *shared_new(struct lists *lists)
{
	struct shared *s = lists ? calloc(1, sizeof(*s)) : NULL;

	if (s)
		s->lists = lists;
	else
		lists_free(lists);
	return s;
}

static void version_free(struct version *v)
{
	shared_give(v->file);
	shared_give(v->live);
	shared_give(v->recipients);
	free(v);
}

static const struct lists *lists_of(const struct shared *s)
{
	return s ? s->lists : NULL;
}

static void shared_keep(struct shared *s)
{
	if (s)
		s->n_versions++;
}

/* Another three in force; false: no memory, and nothing is changed. */
static bool publish(struct gateway *g, struct shared *file, struct shared *live, struct shared *recipients)
{
	struct gateway_lists *l = g->lists;
	struct version *v = calloc(1, sizeof(*v));

	if (!v || !gateway_publish_lists(g, lists_of(file), lists_of(live), lists_of(recipients), l->n_versions + 1)) {
		free(v);
		return false;
	}
	*v = (struct version){ .older = l->newest,
			       .number = ++l->n_versions,
			       .file = file,
			       .live = live,
			       .recipients = recipients,
			       .n_out = g->n_workers };
	shared_keep(file);
	shared_keep(live);
	shared_keep(recipients);
	l->newest = v;
	return true;
}

void gateway_lists_home(struct gateway *g, uint64_t version)
{
	struct version *v = g->lists->newest;

	while (v && v->number != version)
		v = v->older;
	if (!v || --v->n_out)
		return;
	for (struct version *old; (old = v->older);) {
		v->older = old->older;
		version_free(old);
	}
}

unsigned gateway_lists_awaited(void *arg, uint64_t version)
{
	const struct gateway *g = arg;
	const struct version *v = g->lists->newest;

	while (v && v->number != version)
		v = v->older;
	return v ? v->n_out : 0;
}

/* --- the file ---------------------------------------------------------------------------------- */

static bool stamp_of(const char *path, struct stamp *out)
{
	struct stat st;

	memset(out, 0, sizeof(*out));
	snprintf(out->path, sizeof(out->path), "%s", path);
	if (!*path)
		return true;
	if (stat(path, &st) != 0)
		return false; /* lists_load() tells */
	out->mtime = st.st_mtim;
	out->size = st.st_size;
	out->inode = st.st_ino;
	return true;
}

static void source_drop(struct source *f)
{
	if (f->next) {
		f->next->n_versions++; /* as if one version had had it */
		shared_give(f->next);
	}
	f->next = NULL;
	f->prepared = false;
}

static bool source_keep(struct source *f, struct lists *lists, settings_say *say, void *arg)
{
	f->next = shared_new(lists);
	if (!f->next)
		say(arg, "no memory for the lists; free some");
	f->prepared = f->next != NULL;
	return f->prepared;
}

/* What was being read, unless the file is another by now, and then it is read again. */
static enum control_outcome source_collect(struct source *f, const struct stamp *now, settings_say *say, void *arg)
{
	bool same = memcmp(&f->next_stamp, now, sizeof(*now)) == 0;

	if (!lists_aside_done(f->reading))
		return CONTROL_LATER;
	struct lists *lists = lists_aside_end(f->reading, same ? say : NULL, arg);

	f->reading = NULL;
	if (same)
		return lists && source_keep(f, lists, say, arg) ? CONTROL_DONE : CONTROL_FAILED;
	lists_free(lists);
	return CONTROL_DONE;
}

/*
 * Reads the file at @path if it is another than before, in a thread of its own while workers want answers: LATER, and what was
 * read is found when it is prepared again.
 */
static enum control_outcome source_prepare(struct gateway *g, struct source *f, const struct lists_format *format,
					   const char *path, uint64_t entries_max, settings_say *say, void *arg)
{
	struct stamp now;
	bool there = stamp_of(path, &now);

	if (f->reading) {
		enum control_outcome o = source_collect(f, &now, say, arg);

		if (o != CONTROL_DONE)
			return o;
	}
	if (f->prepared && there && memcmp(&f->next_stamp, &now, sizeof(now)) == 0)
		return CONTROL_DONE;
	source_drop(f);
	if (there && memcmp(&f->stamp, &now, sizeof(now)) == 0)
		return CONTROL_DONE;
	f->next_stamp = now;
	f->prepared = !*path;
	if (!*path)
		return CONTROL_DONE;
	if (g->running && (f->reading = lists_aside_begin(format, path, entries_max)))
		return CONTROL_LATER;
	struct lists *lists = lists_load(format, path, entries_max, say, arg);

	return lists && source_keep(f, lists, say, arg) ? CONTROL_DONE : CONTROL_FAILED;
}

static void source_taken(struct source *f)
{
	if (f->prepared)
		f->stamp = f->next_stamp;
	f->next = NULL;
	f->prepared = false;
}

enum control_outcome gateway_lists_prepare(struct gateway *g, const struct settings *s, settings_say *say, void *arg)
{
	struct gateway_lists *l = g->lists;
	enum control_outcome file =
		source_prepare(g, &l->file, &lists_access, s->lists_file, s->lists_entries_max, say, arg);
	enum control_outcome recipients = source_prepare(g, &l->recipients, &lists_recipients, s->recipients_file,
							 s->recipients_entries_max, say, arg);

	if (file == CONTROL_FAILED || recipients == CONTROL_FAILED)
		return CONTROL_FAILED;
	return file == CONTROL_LATER || recipients == CONTROL_LATER ? CONTROL_LATER : CONTROL_DONE;
}

static bool is_reading(const struct source *f)
{
	return f->reading && !lists_aside_done(f->reading);
}

bool gateway_lists_reading(void *arg)
{
	const struct gateway_lists *l = ((const struct gateway *)arg)->lists;

	return is_reading(&l->file) || is_reading(&l->recipients);
}

void gateway_lists_drop(struct gateway *g)
{
	source_drop(&g->lists->file);
	source_drop(&g->lists->recipients);
}

/* What was prepared, and what stays as it is. */
static bool publish_prepared(struct gateway *g, struct shared *live)
{
	struct gateway_lists *l = g->lists;
	struct version *v = l->newest;

	if (!publish(g, l->file.prepared || !v ? l->file.next : v->file, live,
		     l->recipients.prepared || !v ? l->recipients.next : v->recipients))
		return false;
	source_taken(&l->file);
	source_taken(&l->recipients);
	return true;
}

unsigned gateway_lists_commit(struct gateway *g)
{
	struct gateway_lists *l = g->lists;
	unsigned which =
		(l->file.prepared ? GATEWAY_LISTS_FILE : 0U) | (l->recipients.prepared ? GATEWAY_LISTS_RECIPIENTS : 0U);

	if (!which)
		return 0;
	if (!publish_prepared(g, l->newest ? l->newest->live : NULL)) {
		log_error("no memory for new lists; the old ones stay in force: free some and reload");
		gateway_lists_drop(g);
		return 0;
	}
	return which;
}

/* --- what the operator adds -------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **find_live(const struct gateway_lists *l, const char *entry)
{
	return l->n_live ? bsearch(&entry, l->live, l->n_live, sizeof(*l->live), by_text) : NULL;
}

static bool insert_live(struct gateway_lists *l, const char *entry)
{
	char **live = realloc(l->live, (l->n_live + 1) * sizeof(*live)), *copy = strdup(entry);

	if (live)
		l->live = live;
	if (!live || !copy) {
		free(copy);
		return false;
	}
	l->live[l->n_live++] = copy;
	qsort(l->live, l->n_live, sizeof(*l->live), by_text);
	return true;
}

static void remove_live(struct gateway_lists *l, const char *entry)
{
	char **at = find_live(l, entry);

	free(*at);
	memmove(at, at + 1, (size_t)(l->live + l->n_live - at - 1) * sizeof(*at));
	l->n_live--;
}

/* NULL: no memory. */
static struct shared *build_live(const struct gateway_lists *l)
{
	struct lists_builder *b = lists_builder_open();
	bool good = b != NULL;
	struct lists_entry e;

	for (size_t i = 0; good && i < l->n_live; i++)
		good = !lists_line_parse(span_str(l->live[i]), &e) && lists_builder_add(b, &e);
	struct lists *lists = b ? lists_builder_close(b) : NULL;
	if (good)
		return shared_new(lists);
	lists_free(lists);
	return NULL;
}

/* Whole or not at all: a new file takes the place of the old one once it is on the disk. */
static bool save_live(const struct gateway_lists *l, const char *path)
{
	char temporary[SETTINGS_STR_MAX + 8];
	bool good = true;

	if (!*path)
		return true;
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	FILE *f = fopen(temporary, "we");
	if (!f)
		return false;
	fputs("# kept by sekishoctl allow and deny\n", f);
	for (size_t i = 0; i < l->n_live; i++)
		fprintf(f, "%s\n", l->live[i]);
	good = fflush(f) == 0 && fsync(fileno(f)) == 0;
	good = fclose(f) == 0 && good && rename(temporary, path) == 0;
	if (!good)
		unlink(temporary);
	return good;
}

static bool apply(struct gateway *g, struct control_list_change *c)
{
	struct gateway_lists *l = g->lists;
	struct shared *live = build_live(l);

	if (!live || !save_live(l, g->settings->lists_live_file)) {
		snprintf(c->error, sizeof(c->error), "%s: %s; see lists.live_file", g->settings->lists_live_file,
			 live ? strerror(errno) : "no memory");
	} else if (!publish(g, l->newest ? l->newest->file : NULL, live, l->newest ? l->newest->recipients : NULL)) {
		snprintf(c->error, sizeof(c->error), "no memory for new lists; free some");
	} else {
		return true;
	}
	if (live) {
		live->n_versions++;
		shared_give(live);
	}
	return false;
}

bool gateway_list_change(void *arg, struct control_list_change *c)
{
	struct gateway *g = arg;
	struct gateway_lists *l = g->lists;
	struct lists_entry e;
	struct text text;
	const char *wrong = lists_entry_parse(c->bits, span_str(c->kind), span_str(c->what), &e);

	if (wrong) {
		c->usage = true;
		snprintf(c->error, sizeof(c->error), "%s", wrong);
		return false;
	}
	text_init(&text, c->entry, sizeof(c->entry));
	lists_entry_text(&e, &text);
	c->version = l->n_versions;
	c->changed = false;
	if ((find_live(l, c->entry) != NULL) == c->add)
		return true;
	if (c->add && l->n_live >= g->settings->lists_live_max) {
		snprintf(c->error, sizeof(c->error), "there are %zu entries already; see lists.live_max", l->n_live);
		return false;
	}
	if (c->add && !insert_live(l, c->entry)) {
		snprintf(c->error, sizeof(c->error), "no memory for it; free some");
		return false;
	}
	if (!c->add)
		remove_live(l, c->entry);
	if (apply(g, c)) {
		c->changed = true;
		c->version = l->n_versions;
		return true;
	}
	/* As it was before: what could be taken can be put back. */
	if (c->add)
		remove_live(l, c->entry);
	else if (!insert_live(l, c->entry))
		log_error("%s could not be put back; there is no memory", c->entry);
	return false;
}

json_t *gateway_list_show(void *arg, unsigned bits)
{
	const struct gateway *g = arg;
	const struct gateway_lists *l = g->lists;
	const struct lists *file = l->newest ? lists_of(l->newest->file) : NULL;
	const char *prefix = bits == LISTS_ALLOW ? "allow " : "deny ";
	json_t *entries = json_array();

	for (size_t i = 0; i < l->n_live; i++)
		if (strncmp(l->live[i], prefix, strlen(prefix)) == 0)
			json_array_append_new(entries, json_string(l->live[i] + strlen(prefix)));
	return json_pack("{s:I, s:o, s:s, s:I, s:I}", "version", (json_int_t)l->n_versions, "entries", entries, "file",
			 g->settings->lists_file, "file_prefixes", (json_int_t)(file ? file->n_prefixes : 0),
			 "file_names", (json_int_t)(file ? file->n_names : 0));
}

/* --- start and end ----------------------------------------------------------------------------- */

/* A file that is not there yet is an empty one. */
static bool load_live(struct gateway *g, settings_say *say, void *arg)
{
	const char *path = g->settings->lists_live_file;
	struct gateway_lists *l = g->lists;
	char line[512], entry[400], what[640];
	unsigned number = 0;
	struct lists_entry e;
	struct text text;
	FILE *f = *path ? fopen(path, "re") : NULL;
	bool good = f || !*path || errno == ENOENT;

	if (!good) {
		snprintf(what, sizeof(what), "%s: cannot be read: %s; see lists.live_file", path, strerror(errno));
		say(arg, what);
	}
	while (f && good && fgets(line, sizeof(line), f)) {
		struct span s = span_trim(span_str(line));

		number++;
		if (s.len && s.at[s.len - 1] == '\n')
			s.len--;
		if (s.len == 0 || s.at[0] == '#')
			continue;
		const char *wrong = lists_line_parse(span_trim(s), &e);
		text_init(&text, entry, sizeof(entry));
		if (!wrong) {
			lists_entry_text(&e, &text);
			if (!find_live(l, entry) && !insert_live(l, entry))
				wrong = "no memory for it; free some";
		}
		if (wrong) {
			snprintf(what, sizeof(what), "%s:%u: %s", path, number, wrong);
			say(arg, what);
			good = false;
		}
	}
	if (f)
		fclose(f);
	return good;
}

bool gateway_lists_begin(struct gateway *g, settings_say *say, void *arg)
{
	struct shared *live = NULL;

	g->lists = calloc(1, sizeof(*g->lists));
	if (!g->lists) {
		say(arg, "no memory for the lists; free some");
		return false;
	}
	if (!load_live(g, say, arg) || gateway_lists_prepare(g, g->settings, say, arg) != CONTROL_DONE)
		return false;
	if (g->lists->n_live && !(live = build_live(g->lists))) {
		say(arg, "no memory for the lists; free some");
		return false;
	}
	if (!publish_prepared(g, live)) {
		say(arg, "no memory for the lists; free some");
		return false;
	}
	return true;
}

static void source_end(struct source *f)
{
	if (f->reading)
		lists_free(lists_aside_end(f->reading, NULL, NULL));
	source_drop(f);
}

void gateway_lists_end(struct gateway *g)
{
	if (!g->lists)
		return;
	source_end(&g->lists->file);
	source_end(&g->lists->recipients);
	for (struct version *v; (v = g->lists->newest);) {
		g->lists->newest = v->older;
		version_free(v);
	}
	for (size_t i = 0; i < g->lists->n_live; i++)
		free(g->lists->live[i]);
	free(g->lists->live);
	free(g->lists);
	g->lists = NULL;
}
