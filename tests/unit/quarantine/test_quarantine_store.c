// SPDX-License-Identifier: MIT
/*
 * test_quarantine_store.c - whole messages or none, whatever was in the folder before; with an index in a file and in
 * PostgreSQL
 */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/quarantine/quarantine_store.h"
#include "tests/tap.h"

static char folder[64];
static struct quarantine_settings settings;

static struct quarantine_store *opened(void)
{
	char error[256] = "";
	struct quarantine_store *st = quarantine_store_open(&settings, error);

	if (!st)
		printf("# %s\n", error);
	CHECK(st);
	return st;
}

/* Octets in two runs. */
struct runs {
	struct span left[2];
	unsigned at;
};

static struct span next_run(void *arg)
{
	struct runs *r = arg;

	return r->at < 2 ? r->left[r->at++] : SPAN("");
}

static enum quarantine_result put(struct quarantine_store *st, const char *id, const char *text, uint64_t time_s)
{
	struct span s = span_str(text);
	struct runs runs = { { span_head(s, s.len / 2), span_skip(s, s.len / 2) }, 0 };
	struct quarantine_item item = { .time_s = time_s,
					.size = s.len,
					.client = SPAN("192.0.2.66"),
					.mail_from = SPAN("a@mild.example"),
					.from_domain = SPAN("mild.example"),
					.rule = SPAN("dmarc.quarantine"),
					.subject = SPAN("hello"),
					.rcpts = span_of("a@x.example\0b@x.example", 24) };

	CHECK(s.len >= 2);
	snprintf(item.id, sizeof(item.id), "%s", id);
	return quarantine_store_put(st, &item, next_run, &runs);
}

static bool octets_are(struct quarantine_store *st, const char *id, const char *expected)
{
	size_t n;
	char *octets = quarantine_store_octets(st, id, &n);
	bool same = octets && span_eq(span_of(octets, n), span_str(expected));

	free(octets);
	return same;
}

static unsigned n_files(const char *name)
{
	char path[128];
	struct dirent *e;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	DIR *d = opendir(path);
	CHECK(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void write_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	CHECK(f);
	fputs("left over", f);
	fclose(f);
}

static void remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	CHECK(unlink(path) == 0);
}

static unsigned n_listed;

static void list_one(void *arg, const struct quarantine_item *item)
{
	const char **first = arg;
	static char id[24];

	if (n_listed++ == 0) {
		memcpy(id, item->id, sizeof(id));
		*first = id;
	}
}

static void life(void)
{
	struct quarantine_store *st = opened();
	struct quarantine_item item;
	const char *first = "";
	uint64_t n, octets;

	ok(put(st, "one", "From: a\r\n\r\nx\r\n", 1000) == QUARANTINE_STORED, "a message is stored");
	ok(put(st, "two", "From: b\r\n\r\nyy\r\n", 2000) == QUARANTINE_STORED, "and another");
	ok(put(st, "one", "From: another\r\n\r\n", 3000) != QUARANTINE_STORED &&
		   octets_are(st, "one", "From: a\r\n\r\nx\r\n"),
	   "an id that is there is refused, its message stays");
	ok(put(st, "../three", "xx", 3000) == QUARANTINE_FAILED, "an id that is a path is refused");
	ok(quarantine_store_get(st, "one", &item) && item.time_s == 1000 && item.state == QUARANTINE_HELD &&
		   span_eq(item.rcpts, span_of("a@x.example\0b@x.example", 24)) && span_eq(item.subject, SPAN("hello")),
	   "what is known of it comes back");
	quarantine_store_list(st, 10, NULL, list_one, &first);
	ok(n_listed == 2 && strcmp(first, "two") == 0, "newest first");
	n_listed = 0;
	quarantine_store_list(st, 10, "two", list_one, &first);
	ok(n_listed == 1 && strcmp(first, "one") == 0, "the next page begins behind the last of this one");
	n_listed = 0;
	quarantine_store_totals(st, &n, &octets);
	ok(n == 2 && octets == 14 + 15, "totals");
	quarantine_store_close(st);

	st = opened();
	ok(octets_are(st, "one", "From: a\r\n\r\nx\r\n") && octets_are(st, "two", "From: b\r\n\r\nyy\r\n"),
	   "both are there after a restart");
	ok(quarantine_store_set(st, "one", QUARANTINE_RELEASED, 4000, "") && n_files("cur") == 1,
	   "released: its octets go");
	ok(quarantine_store_get(st, "one", &item) && item.state == QUARANTINE_RELEASED && item.released_s == 4000,
	   "its row stays");
	ok(quarantine_store_delete(st, "two") && !quarantine_store_delete(st, "two") && n_files("cur") == 0,
	   "deleted, once");
	ok(quarantine_store_purge(st, 5000) == 1 && !quarantine_store_get(st, "one", &item), "what is old goes");
	quarantine_store_totals(st, &n, &octets);
	ok(n == 0 && octets == 0, "and nothing is left");
	quarantine_store_close(st);
}

static void caps(void)
{
	struct quarantine_store *st = opened();
	char big[600];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ok(put(st, "a", big, 1) == QUARANTINE_STORED && put(st, "b", big, 1) == QUARANTINE_FULL, "full by octets");
	ok(put(st, "c", "xx", 1) == QUARANTINE_STORED && put(st, "d", "xx", 1) == QUARANTINE_STORED &&
		   put(st, "e", "xx", 1) == QUARANTINE_FULL,
	   "full by messages");
	ok(n_files("cur") == 3 && n_files("tmp") == 0, "nothing of what was refused is left");
	quarantine_store_delete(st, "a");
	ok(put(st, "b", big, 1) == QUARANTINE_STORED, "there is room again");
	struct runs runs = { { SPAN("xx"), SPAN("") }, 0 };
	struct quarantine_item item = { .id = "short", .size = 3, .rcpts = SPAN("") };
	quarantine_store_delete(st, "c");
	ok(quarantine_store_put(st, &item, next_run, &runs) == QUARANTINE_FAILED && n_files("tmp") == 0 &&
		   n_files("cur") == 2,
	   "a message that ends too early is not stored");
	quarantine_store_delete(st, "b");
	quarantine_store_delete(st, "d");
	quarantine_store_close(st);
}

/* What a crash can leave at each step. */
static void crashes(void)
{
	struct quarantine_store *st = opened();
	struct quarantine_item item;

	CHECK(put(st, "held", "xx", 1) == QUARANTINE_STORED && put(st, "gone", "yy", 1) == QUARANTINE_STORED);
	CHECK(put(st, "away", "zz", 1) == QUARANTINE_STORED);
	CHECK(quarantine_store_set(st, "away", QUARANTINE_RELEASING, 0, ""));
	quarantine_store_close(st);
	write_file("tmp/half");
	write_file("cur/norow");
	remove_file("cur/gone");
	st = opened();
	ok(n_files("tmp") == 0, "half written: removed");
	ok(n_files("cur") == 2 && octets_are(st, "held", "xx"),
	   "written, but not acknowledged: removed; the others stay");
	ok(!quarantine_store_get(st, "gone", &item), "a row without its message: removed");
	ok(quarantine_store_get(st, "away", &item) && item.state == QUARANTINE_HELD && item.note.len > 0,
	   "in the midst of a release: held, with a note");
	quarantine_store_delete(st, "held");
	quarantine_store_delete(st, "away");
	quarantine_store_close(st);
}

static void remove_folder(void)
{
	static const char *const names[] = { "index", "index-wal", "index-shm" };
	static const char *const folders[] = { "tmp", "new", "cur" };
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]); /* of an index in a file */
		unlink(path);
		snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		rmdir(path);
	}
	ok(rmdir(folder) == 0, "the folder is empty in the end");
}

static void postgres(const char *verb, const char *where)
{
	char command[128];

	snprintf(command, sizeof(command), "tests/postgres %s %s", verb, where);
	CHECK(system(command) == 0);
}

/* Two gateways, one index: each sees all, and has what is its own. */
static void fleet(void)
{
	struct quarantine_settings other = settings;
	struct quarantine_store *st = opened(), *another;
	struct quarantine_item item;
	char path[80], error[256];
	uint64_t n, octets;

	snprintf(path, sizeof(path), "%s.other", folder);
	other.folder = path;
	other.gateway = "mx2";
	another = quarantine_store_open(&other, error);
	CHECK(another);
	ok(put(st, "mine", "xx", 1) == QUARANTINE_STORED && put(another, "yours", "yy", 2) == QUARANTINE_STORED,
	   "each stores one");
	ok(quarantine_store_get(st, "yours", &item) && !quarantine_store_is_here(st, &item) &&
		   strcmp(item.gateway, "mx2") == 0,
	   "and sees the other's, and where it lies");
	ok(!quarantine_store_delete(st, "yours") && quarantine_store_purge(st, 9) == 1 &&
		   quarantine_store_get(another, "yours", &item),
	   "but changes its own alone");
	quarantine_store_totals(another, &n, &octets);
	ok(n == 1 && octets == 2, "and counts its own");
	quarantine_store_delete(another, "yours");
	quarantine_store_close(another);
	quarantine_store_close(st);
	CHECK(snprintf(error, sizeof(error), "rm -r %s", path) > 0 && system(error) == 0);
}

static void in_postgres(void)
{
	char where[] = "/tmp/sekisho-postgres-XXXXXX", server[128], command[64];

	printf("# the same with an index in PostgreSQL\n");
	CHECK(mkdtemp(where) && chmod(where, 0755) == 0);
	CHECK(mkdir(folder, 0700) == 0);
	snprintf(server, sizeof(server), "host=%s/postgres user=postgres dbname=postgres", where);
	settings.server = server;
	postgres("start", where);
	n_listed = 0;
	life();
	caps();
	crashes();
	fleet();

	struct quarantine_store *st = opened();
	CHECK(put(st, "kept", "xx", 1) == QUARANTINE_STORED);
	postgres("kill", where);
	ok(put(st, "away", "xx", 1) == QUARANTINE_FAILED && n_files("cur") == 1,
	   "the database is away: 451, nothing is left");
	quarantine_store_close(st);
	st = opened();
	ok(!quarantine_store_ready(st) && n_files("cur") == 1, "at a start without it no message is touched");
	postgres("start", where);
	for (unsigned i = 0; i < 100 && !quarantine_store_ready(st); i++)
		usleep(50000);
	ok(octets_are(st, "kept", "xx") && put(st, "again", "xx", 1) == QUARANTINE_STORED,
	   "it is back: all is as it was");
	quarantine_store_delete(st, "kept");
	quarantine_store_delete(st, "again");
	quarantine_store_close(st);
	postgres("kill", where);
	snprintf(command, sizeof(command), "rm -r %s", where);
	CHECK(system(command) == 0);
	remove_folder();
}

int main(void)
{
	char error[256];

	strcpy(folder, "/tmp/sekisho-quarantine-XXXXXX");
	CHECK(mkdtemp(folder));
	settings = (struct quarantine_settings){
		.folder = folder, .gateway = "mx1", .octets_max = 1000, .messages_max = 3
	};
	life();
	caps();
	crashes();
	remove_folder();
	in_postgres();
	settings.folder = "/proc/nowhere";
	settings.server = NULL;
	ok(!quarantine_store_open(&settings, error) && strstr(error, "quarantine.folder"),
	   "a folder that cannot be is told");
	return done();
}
