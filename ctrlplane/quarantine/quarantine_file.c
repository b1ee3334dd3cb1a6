// SPDX-License-Identifier: MIT
/*
 * quarantine_file.c - the files of the quarantine store
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/quarantine/quarantine_file.h"

enum { ID_MAX = 23 };

static int open_folder(int at, const char *name)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool quarantine_files_open(struct quarantine_files *f, const char *folder)
{
	int top = open_folder(AT_FDCWD, folder);

	*f = (struct quarantine_files){ -1, -1, -1 };
	if (top >= 0) {
		f->tmp = open_folder(top, "tmp");
		f->new = open_folder(top, "new");
		f->cur = open_folder(top, "cur");
		if (fsync(top) < 0)
			f->cur = -1;
		close(top);
	}
	return f->tmp >= 0 && f->new >= 0 && f->cur >= 0;
}

void quarantine_files_close(struct quarantine_files *f)
{
	const int all[] = { f->tmp, f->new, f->cur };

	for (size_t i = 0; i < 3; i++)
		if (all[i] >= 0)
			close(all[i]);
}

bool quarantine_id_good(const char *id)
{
	size_t n = strlen(id);

	for (size_t i = 0; i < n; i++)
		if (!byte_is_alnum((uint8_t)id[i]))
			return false;
	return n > 0 && n <= ID_MAX;
}

static bool write_all(int fd, struct span s)
{
	while (s.len) {
		ssize_t n = write(fd, s.at, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = span_skip(s, (size_t)n);
	}
	return true;
}

/* All octets, synced. */
static bool fill(int fd, uint64_t size, struct span (*read)(void *arg), void *arg)
{
	uint64_t n = 0;

	for (struct span run = read(arg); run.len; run = read(arg)) {
		n += run.len;
		if (!write_all(fd, run))
			return false;
	}
	return n == size && fsync(fd) == 0;
}

enum quarantine_result quarantine_file_put(struct quarantine_files *f, const char *id, uint64_t size,
					   struct span (*read)(void *arg), void *arg)
{
	int fd = openat(f->tmp, id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = fd >= 0 && fill(fd, size, read, arg);
	int why = errno;

	if (fd >= 0)
		good = close(fd) == 0 && good;
	/* An id that is there already is another message: it must not be replaced. */
	if (good && renameat2(f->tmp, id, f->cur, id, RENAME_NOREPLACE) == 0) {
		if (fsync(f->cur) == 0)
			return QUARANTINE_STORED;
		why = errno;
		unlinkat(f->cur, id, 0);
	} else if (fd >= 0) {
		unlinkat(f->tmp, id, 0);
	}
	return why == ENOSPC || why == EDQUOT || why == EFBIG ? QUARANTINE_FULL : QUARANTINE_FAILED;
}

char *quarantine_file_read(struct quarantine_files *f, const char *id, size_t *len)
{
	int fd = openat(f->cur, id, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *octets = NULL;
	size_t n = 0;

	if (fd >= 0 && fstat(fd, &st) == 0)
		octets = malloc((size_t)st.st_size + 1);
	while (octets && n < (size_t)st.st_size) {
		ssize_t got = read(fd, octets + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			free(octets);
			octets = NULL;
			break;
		}
		n += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	*len = n;
	return octets;
}

void quarantine_file_remove(struct quarantine_files *f, const char *id)
{
	unlinkat(f->cur, id, 0);
}

bool quarantine_file_exists(struct quarantine_files *f, const char *id)
{
	return faccessat(f->cur, id, R_OK, 0) == 0;
}

static void clean(int folder, bool (*known)(void *arg, const char *id), void *arg)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (quarantine_id_good(e->d_name) && (!known || !known(arg, e->d_name)))
			unlinkat(folder, e->d_name, 0);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

void quarantine_files_clean(struct quarantine_files *f, bool (*known)(void *arg, const char *id), void *arg)
{
	clean(f->tmp, NULL, NULL);
	clean(f->cur, known, arg);
}
