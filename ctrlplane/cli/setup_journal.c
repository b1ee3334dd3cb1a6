// SPDX-License-Identifier: MIT
/*
 * setup_journal.c - changes that can be undone
 *
 * The journal is a file of one JSON object a line: what is changed, how it was, and what it becomes.  A line is on the
 * disk before its change is made, so that a machine which stops in between is put right as well: undoing what was not
 * done changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/cli/setup.h"
#include "dataplane/base/span.h"

enum { FILE_MAX = 1 << 20, LINES_MAX = 256 };

__attribute__((format(printf, 2, 3))) static bool failed(struct setup_journal *j, const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(j->error, 512, format, args);
	__builtin_va_end(args);
	return false;
}

void setup_journal_open(struct setup_journal *j, const char *root, char *error)
{
	*j = (struct setup_journal){ .root = root, .error = error };
	error[0] = '\0';
	snprintf(j->path, sizeof(j->path), "%.400s/var/lib/sekisho/setup.journal", root);
}

bool setup_journal_exists(const struct setup_journal *j)
{
	return access(j->path, F_OK) == 0;
}

static bool full_path(struct setup_journal *j, const char *path, char out[SETUP_PATH_MAX])
{
	if (snprintf(out, SETUP_PATH_MAX, "%s%s", j->root, path) < SETUP_PATH_MAX)
		return true;
	return failed(j, "%s: the path is too long; use a shorter --root", path);
}

/* All folders above @path. */
static bool make_folders(struct setup_journal *j, const char *path)
{
	char copy[SETUP_PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			return failed(j, "%s: %s; make it", copy, strerror(errno));
		*slash = '/';
	}
	return true;
}

/* The whole file as a string; NULL: it is not there, or too large to be one of ours. */
static json_t *contents(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = f ? malloc(FILE_MAX) : NULL;
	size_t n = text ? fread(text, 1, FILE_MAX, f) : 0;
	json_t *out = text && n < FILE_MAX ? json_stringn(text, n) : NULL;

	free(text);
	if (f)
		fclose(f);
	return out;
}

/* The directory is synced as well: a file that is renamed must be there after the power came back. */
static bool sync_folder_of(const char *path)
{
	char copy[SETUP_PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

/* Takes @line. */
static bool write_down(struct setup_journal *j, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	if (!text)
		return failed(j, "no memory for the journal; free some");
	if (!make_folders(j, j->path)) {
		free(text);
		return false;
	}
	int fd = open(j->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bool good = fd >= 0 && dprintf(fd, "%s\n", text) == (int)strlen(text) + 1 && fsync(fd) == 0 &&
		    sync_folder_of(j->path);

	free(text);
	if (fd >= 0)
		close(fd);
	return good || failed(j, "%s cannot be written (%s); nothing is changed without it", j->path, strerror(errno));
}

/* --- files -------------------------------------------------------------------------------------- */

/* By a new file that takes the place of the old: never half of one. */
static bool replace(struct setup_journal *j, const char *path, const char *text, size_t len, unsigned mode)
{
	char next[SETUP_PATH_MAX + 8];
	struct stat before;
	bool was_there = stat(path, &before) == 0;

	snprintf(next, sizeof(next), "%s.new", path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len &&
		    fchmod(fd, was_there ? before.st_mode & 07777 : mode) == 0 &&
		    (!was_there || geteuid() != 0 || fchown(fd, before.st_uid, before.st_gid) == 0) && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	if (good && rename(next, path) == 0 && sync_folder_of(path))
		return true;
	int why = errno;
	unlink(next);
	return failed(j, "%s cannot be written: %s", path, strerror(why));
}

bool setup_put_file(struct setup_journal *j, const char *path, const char *text, unsigned mode)
{
	char full[SETUP_PATH_MAX];

	if (!full_path(j, path, full) || !make_folders(j, full))
		return false;
	json_t *before = contents(full);
	if (!before && access(full, F_OK) == 0)
		return failed(j, "%s is no text of a size that could be put back; move it away", full);
	return write_down(j, json_pack("{s:s, s:o?, s:s}", "file", path, "before", before, "after", text)) &&
	       replace(j, full, text, strlen(text), mode);
}

static bool undo_file(struct setup_journal *j, const json_t *line, const char **what)
{
	const char *path = json_string_value(json_object_get(line, "file"));
	const json_t *before = json_object_get(line, "before");
	char full[SETUP_PATH_MAX];

	if (!full_path(j, path, full))
		return false;
	json_t *now = contents(full);
	bool is_ours = now && json_equal(now, json_object_get(line, "after"));
	json_decref(now);
	if (!is_ours) {
		*what = "has been changed since: left as it is";
		return true;
	}
	*what = json_is_string(before) ? "is as it was" : "is removed";
	if (json_is_string(before))
		return replace(j, full, json_string_value(before), json_string_length(before), 0644);
	return unlink(full) == 0 || errno == ENOENT || failed(j, "%s cannot be removed: %s", full, strerror(errno));
}

/* --- values of the kernel ----------------------------------------------------------------------- */

/* What the kernel says to a value it says to this one write. */
static bool write_value(struct setup_journal *j, const char *path, const char *value)
{
	char full[SETUP_PATH_MAX];

	if (!full_path(j, path, full))
		return false;
	int fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	int why = errno;

	if (fd >= 0)
		close(fd);
	return good ||
	       failed(j, "%s does not take \"%.*s\": %s", full, (int)strcspn(value, "\n"), value, strerror(why));
}

bool setup_put_value(struct setup_journal *j, const char *path, const char *value)
{
	char full[SETUP_PATH_MAX];

	if (!full_path(j, path, full))
		return false;
	json_t *before = contents(full);
	if (!before)
		return failed(j, "%s is not there; this kernel cannot do it", full);
	return write_down(j, json_pack("{s:s, s:o, s:s}", "value", path, "before", before, "after", value)) &&
	       write_value(j, path, value);
}

/* --- drivers ------------------------------------------------------------------------------------ */

static void driver_now(const struct setup_journal *j, const char *address, char *out, size_t cap)
{
	static struct setup_machine m;

	out[0] = '\0';
	setup_find(j->root, &m);
	for (unsigned i = 0; i < m.n_nics; i++)
		if (strcmp(m.nics[i].address, address) == 0)
			snprintf(out, cap, "%s", m.nics[i].driver);
}

static bool bind_to(struct setup_journal *j, const char *address, const char *driver)
{
	char path[SETUP_PATH_MAX], value[64], now[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
	snprintf(value, sizeof(value), "%s\n", driver);
	if (!write_value(j, path, value))
		return false;
	driver_now(j, address, now, sizeof(now));
	if (*now) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", address);
		if (!write_value(j, path, address))
			return false;
	}
	if (!write_value(j, "/sys/bus/pci/drivers_probe", address))
		return false;
	driver_now(j, address, now, sizeof(now));
	/* A folder of plain files binds nothing. */
	if (!*j->root && *driver && strcmp(now, driver) != 0)
		return failed(j, "%s is driven by %s still: is the module %s there?", address, *now ? now : "nothing",
			      driver);
	return true;
}

bool setup_put_driver(struct setup_journal *j, const char *address, const char *driver)
{
	char before[32];

	driver_now(j, address, before, sizeof(before));
	return write_down(j, json_pack("{s:s, s:s, s:s}", "driver", address, "before", before, "after", driver)) &&
	       bind_to(j, address, driver);
}

/* --- undoing ------------------------------------------------------------------------------------ */

static bool undo_line(struct setup_journal *j, const json_t *line, void (*say)(const char *line))
{
	const char *file = json_string_value(json_object_get(line, "file")),
		   *value = json_string_value(json_object_get(line, "value")),
		   *driver = json_string_value(json_object_get(line, "driver")), *what = "is as it was";
	bool good = false;
	char said[SETUP_PATH_MAX + 64];

	if (file)
		good = undo_file(j, line, &what);
	else if (value)
		good = write_value(j, value, json_string_value(json_object_get(line, "before")));
	else if (driver)
		good = bind_to(j, driver, "");
	else
		return failed(j, "%s has a line that is none of ours; see to it by hand", j->path);
	if (!good)
		return false;
	if (driver)
		what = "is back with the kernel";
	snprintf(said, sizeof(said), "%s %s", file ? file : value ? value : driver, what);
	say(said);
	return true;
}

bool setup_undo(struct setup_journal *j, void (*say)(const char *line))
{
	json_t *lines[LINES_MAX];
	size_t n = 0;
	bool good = true;
	FILE *f = fopen(j->path, "r");

	if (!f)
		return failed(j, "%s is not there: nothing was set up, or all is undone", j->path);
	/* A line that is not whole was never acted upon. */
	while (n < LINES_MAX && (lines[n] = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL)))
		n++;
	fclose(f);
	for (size_t i = n; i > 0; i--) {
		good = undo_line(j, lines[i - 1], say) && good; /* what can be undone is */
		json_decref(lines[i - 1]);
	}
	return good && (unlink(j->path) == 0 || failed(j, "%s cannot be removed: %s", j->path, strerror(errno)));
}
