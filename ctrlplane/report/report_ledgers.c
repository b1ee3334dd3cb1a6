// SPDX-License-Identifier: MIT
/*
 * report_ledgers.c - what the workers wrote down for reports, in files that outlive the process
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/log.h"
#include "ctrlplane/report/report_ledgers.h"

#define MEMORY_FILE_SYSTEM 0x01021994 /* tmpfs: statfs(2) */

static void path_of(const struct report_ledgers *ls, unsigned i, char path[256])
{
	snprintf(path, 256, "%s.%u", ls->base, i);
}

static uint64_t new_name(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void unmap(struct report_ledger *l)
{
	if (l->memory)
		munmap(l->memory, l->size);
	l->memory = NULL;
}

/* All of it is there before a worker writes: no page is missing then, and none may be taken away if the limits allow that. */
static bool map(struct report_ledger *l, int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	if (at == MAP_FAILED)
		return false;
	l->memory = at;
	l->size = size;
	mlock(at, size);
	return true;
}

/* What is in the file, if that is a ledger of which something is still to be read. */
static bool join(struct report_ledger *l, const char *base, unsigned i, int fd, size_t size, struct report_store *file)
{
	uint64_t place;

	if (size == 0 || !map(l, fd, size))
		return false;
	if (!ledger_join(&l->ledger, l->memory, size))
		log_warning("reports: %s.%u is no ledger of this version; what may be in it is in no report", base, i);
	else if ((!report_store_place(file, i, l->ledger.shared->name, &place) || ledger_seek(&l->ledger, place)) &&
		 !ledger_is_read(&l->ledger))
		return true;
	unmap(l);
	return false;
}

/* Room is taken now: a worker that writes where there is none would be killed for it. */
static bool make(struct report_ledger *l, int fd, uint64_t octets)
{
	size_t size = ledger_memory(octets);

	if (ftruncate(fd, 0) || (errno = posix_fallocate(fd, 0, (off_t)size)) || !map(l, fd, size))
		return false;
	ledger_make(&l->ledger, l->memory, octets, new_name());
	return true;
}

static bool is_ours(int fd, size_t *size)
{
	struct stat s;

	if (fstat(fd, &s) || !S_ISREG(s.st_mode) || s.st_uid != geteuid() || s.st_size < 0)
		return false;
	*size = (size_t)s.st_size;
	return true;
}

/* One that a worker writes to, or what is left of one. */
static bool open_one(struct report_ledgers *ls, unsigned i, uint64_t octets, struct report_store *file)
{
	bool left = i >= ls->n_workers, good = false;
	struct report_ledger *l = &ls->each[i];
	char path[256];
	size_t size;

	path_of(ls, i, path);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (left ? 0 : O_CREAT), 0600);
	if (fd < 0)
		return left && errno == ENOENT;
	errno = EPERM;
	if (is_ours(fd, &size))
		good = join(l, ls->base, i, fd, size, file) || (left ? unlink(path) == 0 : make(l, fd, octets));
	close(fd);
	if (l->memory) {
		l->kept = l->seen = ledger_at(&l->ledger);
		ls->n = i + 1;
	}
	return good;
}

bool report_ledgers_open(struct report_ledgers *ls, const char *base, unsigned n_workers, uint64_t octets,
			 struct report_store *file, char note[256], char error[512])
{
	struct statfs fs;
	char path[256];

	CHECK(n_workers <= REPORT_LEDGERS_MAX);
	memset(ls, 0, sizeof(*ls));
	ls->n_workers = n_workers;
	note[0] = '\0';
	snprintf(ls->base, sizeof(ls->base), "%s", base);
	for (unsigned i = 0; i < REPORT_LEDGERS_MAX; i++) {
		path_of(ls, i, path);
		if (open_one(ls, i, octets, file))
			continue;
		snprintf(error, 512, "%s: %s; rows of reports wait there, %llu MiB for each worker (report.ledger_mb)",
			 path, strerror(errno), (unsigned long long)(octets >> 20));
		return false;
	}
	path_of(ls, 0, path);
	if (statfs(path, &fs) == 0 && fs.f_type != MEMORY_FILE_SYSTEM)
		snprintf(note, 256,
			 "%.120s.* lie on a disk, whose write-back workers may wait for; let server.control_socket lie "
			 "in "
			 "/run",
			 ls->base);
	return true;
}

void report_ledgers_close(struct report_ledgers *ls)
{
	for (unsigned i = 0; i < ls->n; i++) {
		struct report_ledger *l = &ls->each[i];
		char path[256];

		path_of(ls, i, path);
		if (l->memory && ledger_is_read(&l->ledger) && l->kept == ledger_at(&l->ledger))
			unlink(path);
		unmap(l);
	}
}

struct ledger *report_ledgers_of(struct report_ledgers *ls, unsigned worker)
{
	return &ls->each[worker].ledger;
}

/* The texts of an entry; false: it is none of ours. */
static bool parse(struct span entry, struct report_told *out)
{
	struct shard_told t;

	if (entry.len < sizeof(t))
		return false;
	memcpy(&t, entry.at, sizeof(t));
	entry = span_skip(entry, sizeof(t));
	if (entry.len != (size_t)t.domain_len + t.policy_len + t.facts_len || t.kind > SHARD_TOLD_TAKEN)
		return false;
	out->kind = (enum shard_told_kind)t.kind;
	out->rua = t.rua;
	out->ruf = t.ruf;
	out->number = t.number;
	out->address = out->message.domain = span_head(entry, t.domain_len);
	out->message.policy = span_head(span_skip(entry, t.domain_len), t.policy_len);
	out->message.facts = span_skip(entry, (size_t)t.domain_len + t.policy_len);
	out->message.unix_s = t.unix_s;
	out->message.client = t.client;
	return true;
}

static bool next_of(struct report_ledgers *ls, struct report_ledger *l, struct report_told *out, uint8_t *room)
{
	uint64_t at = ledger_at(&l->ledger);
	size_t len;

	switch (ledger_next(&l->ledger, room, &len)) {
	case LEDGER_EMPTY:
		return false;
	case LEDGER_ENTRY:
		out->again = at < l->seen;
		if (!out->again)
			l->seen = ledger_at(&l->ledger);
		if (parse(span_of(room, len), out))
			return true;
		break;
	case LEDGER_DAMAGED:
		break;
	}
	ls->n_damaged++;
	log_error("reports: %s.%u is damaged from place %llu on; what was there is in no report", ls->base,
		  (unsigned)(l - ls->each), (unsigned long long)at);
	return false;
}

bool report_ledgers_next(struct report_ledgers *ls, struct report_told *out, uint8_t *room)
{
	for (unsigned n = 0; n < ls->n; n++) {
		struct report_ledger *l = &ls->each[ls->turn++ % ls->n];

		if (l->memory && next_of(ls, l, out, room))
			return true;
	}
	return false;
}

bool report_ledgers_keep(struct report_ledgers *ls, struct report_store *file)
{
	for (unsigned i = 0; i < ls->n; i++) {
		const struct report_ledger *l = &ls->each[i];

		if (!l->memory || ledger_at(&l->ledger) == l->kept)
			continue;
		if (!report_store_keep_place(file, i, l->ledger.shared->name, ledger_at(&l->ledger))) {
			report_ledgers_undo(ls, file);
			return false;
		}
	}
	if (!report_store_commit(file)) {
		report_ledgers_undo(ls, file);
		return false;
	}
	for (unsigned i = 0; i < ls->n; i++) {
		struct report_ledger *l = &ls->each[i];

		if (!l->memory || ledger_at(&l->ledger) == l->kept)
			continue;
		l->kept = ledger_at(&l->ledger);
		ledger_release(&l->ledger, l->kept);
	}
	return true;
}

void report_ledgers_undo(struct report_ledgers *ls, struct report_store *file)
{
	report_store_undo(file);
	for (unsigned i = 0; i < ls->n; i++)
		if (ls->each[i].memory && !ledger_seek(&ls->each[i].ledger, ls->each[i].kept))
			CHECK(!"a place that was there a moment ago");
}

uint64_t report_ledgers_n_refused(const struct report_ledgers *ls)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < ls->n; i++)
		if (ls->each[i].memory)
			n += atomic_load_explicit(&ls->each[i].ledger.shared->n_refused, memory_order_relaxed);
	return n;
}
