// SPDX-License-Identifier: MIT
/*
 * firmware_box.c - what is read from and written to the partitions
 *
 * The order of an installation, each step on the disk before the next:
 *	nothing is to be tried; the slot has no head; its octets; read again, they are right; its head; it is to be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "crypto/crypto_seal.h"
#include "ctrlplane/cli/firmware_box.h"

/* tools/image/disk gives the partitions these names, by their numbers. */
#define PARTITION "/dev/disk/by-partuuid/5e6b1500-0000-4000-8000-00000000000"
#define PUBLIC_KEY "/usr/share/sekisho/firmware.pub"

enum {
	ENV_PARTITION = 3,
	SLOT_A_PARTITION = 4,
	BLOCK = 1 << 20,
	FIRMWARE_PATH_MAX = 512,
	SECTOR = 512,
	ENV_SEARCHED = 1 << 17
};

__attribute__((format(printf, 2, 3))) static bool failed(struct firmware_box *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->error, sizeof(b->error), format, args);
	va_end(args);
	return false;
}

static void full_path(const struct firmware_box *b, const char *path, char out[FIRMWARE_PATH_MAX])
{
	snprintf(out, FIRMWARE_PATH_MAX, "%.400s%s", b->root, path);
}

static int open_partition(const struct firmware_box *b, unsigned number, int flags)
{
	char path[FIRMWARE_PATH_MAX], name[100];

	snprintf(name, sizeof(name), PARTITION "%u", number);
	full_path(b, name, path);
	return open(path, flags | O_CLOEXEC);
}

static int open_slot(const struct firmware_box *b, enum firmware_slot slot, int flags)
{
	return open_partition(b, SLOT_A_PARTITION + (slot == FIRMWARE_B), flags);
}

static bool put_all(int fd, const void *data, size_t len, off_t at)
{
	const char *from = data;

	while (len) {
		ssize_t n = pwrite(fd, from, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		from += n;
		len -= (size_t)n;
		at += n;
	}
	return true;
}

static bool get_all(int fd, void *data, size_t len, off_t at)
{
	char *to = data;

	while (len) {
		ssize_t n = pread(fd, to, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
		at += n;
	}
	return true;
}

static enum firmware_slot running_slot(const struct firmware_box *b)
{
	char path[FIRMWARE_PATH_MAX], text[4096];

	full_path(b, "/proc/cmdline", path);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (f)
		fclose(f);
	return firmware_running(span_of(text, n));
}

/* The block is the only file of a file system that nothing mounts (tools/image/disk): it lies where it begins with its name. */
static bool find_env(struct firmware_box *b, uint8_t block[FIRMWARE_ENV_SIZE])
{
	for (b->env_at = 0; b->env_at < ENV_SEARCHED; b->env_at += SECTOR)
		if (!get_all(b->env_fd, block, FIRMWARE_ENV_SIZE, b->env_at))
			return failed(b, "the boot environment cannot be read: %s; the disk may be failing",
				      strerror(errno));
		else if (firmware_env_begins(span_of(block, FIRMWARE_ENV_SIZE)))
			return true;
	return failed(b, "the boot environment is not where it was; write the image anew");
}

bool firmware_box_open(struct firmware_box *b, const char *root)
{
	uint8_t block[FIRMWARE_ENV_SIZE];

	*b = (struct firmware_box){ .root = root, .env_fd = -1, .put = put_all };
	b->running = running_slot(b);
	if (b->running == FIRMWARE_NONE)
		return failed(b, "this machine was not started from an image with two slots; update it by its package");
	b->env_fd = open_partition(b, ENV_PARTITION, O_RDWR);
	if (b->env_fd < 0)
		return failed(b, "the boot environment cannot be opened: %s; be root", strerror(errno));
	if (flock(b->env_fd, LOCK_EX | LOCK_NB) != 0)
		return failed(b, "another firmware command is at work; wait for it");
	if (!find_env(b, block))
		return false;
	/* What GRUB cannot read it takes for slot a; so do we, and mend it with the next change. */
	(void)firmware_env_parse(span_of(block, sizeof(block)), &b->env);
	return true;
}

void firmware_box_close(struct firmware_box *b)
{
	if (b->env_fd >= 0)
		close(b->env_fd);
	b->env_fd = -1;
}

bool firmware_box_tell(struct firmware_box *b)
{
	uint8_t block[FIRMWARE_ENV_SIZE];

	firmware_env_write(&b->env, block);
	if (!b->put(b->env_fd, block, sizeof(block), b->env_at) || fsync(b->env_fd) != 0)
		return failed(b, "the boot environment cannot be written: %s; the disk may be failing",
			      strerror(errno));
	return true;
}

static bool good_head(struct firmware_box *b, const uint8_t octets[FIRMWARE_HEAD_SIZE], const char *path,
		      struct firmware_head *out)
{
	char key[FIRMWARE_PATH_MAX];
	const char *why = "";

	full_path(b, PUBLIC_KEY, key);
	if (firmware_head_parse(span_of(octets, FIRMWARE_HEAD_SIZE), out) != OK)
		return failed(b, "%s is no update file; get it anew", path);
	if (!crypto_seal_good(key, span_of(octets, out->signed_len), out->signature, &why))
		return failed(b, "%s is not signed by the key of this image (%s); nothing is changed", path, why);
	return true;
}

/* Where a slot's head is; -1: the partition cannot have one. */
static off_t head_at(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	return size > FIRMWARE_HEAD_SIZE ? size - FIRMWARE_HEAD_SIZE : -1;
}

bool firmware_box_head(struct firmware_box *b, enum firmware_slot slot, struct firmware_head *out)
{
	uint8_t octets[FIRMWARE_HEAD_SIZE];
	int fd = open_slot(b, slot, O_RDONLY);
	off_t at = fd >= 0 ? head_at(fd) : -1;
	bool good = at >= 0 && get_all(fd, octets, sizeof(octets), at);

	if (fd >= 0)
		close(fd);
	if (!good)
		return failed(b, "slot %c cannot be read: %s", firmware_letter(slot), strerror(errno));
	return good_head(b, octets, "what the slot holds", out) &&
	       (out->size <= (uint64_t)at || failed(b, "slot %c says more than it can hold", firmware_letter(slot)));
}

/* @size octets of @fd from @at on have the hash of @h; with @to >= 0 they are written there as well. */
static bool hash_or_copy(struct firmware_box *b, int fd, off_t at, const struct firmware_head *h, int to)
{
	struct crypto_hash *hash = crypto_hash_open();
	uint8_t *block = malloc(BLOCK), out[FIRMWARE_HASH_LEN];
	uint64_t done = 0;
	bool good = hash && block;

	if (!good)
		failed(b, "no memory; free some");
	while (good && done < h->size) {
		size_t n = h->size - done < BLOCK ? (size_t)(h->size - done) : BLOCK;

		if (!get_all(fd, block, n, at + (off_t)done))
			good = failed(b, "it ends, or cannot be read, before its %llu octets are there; get it anew",
				      (unsigned long long)h->size);
		if (good)
			crypto_hash_add(hash, span_of(block, n));
		if (good && to >= 0 && !b->put(to, block, n, (off_t)done))
			good = failed(b, "the slot cannot be written: %s; the disk may be failing", strerror(errno));
		done += n;
	}
	free(block);
	if (!hash)
		return false;
	crypto_hash_end(hash, out);
	return good && (memcmp(out, h->sha256, sizeof(out)) == 0 ||
			failed(b, "its octets are not those that were signed; get it anew"));
}

bool firmware_box_whole(struct firmware_box *b, enum firmware_slot slot)
{
	struct firmware_head h;

	if (!firmware_box_head(b, slot, &h))
		return false;
	int fd = open_slot(b, slot, O_RDONLY);
	bool good = fd >= 0 && hash_or_copy(b, fd, 0, &h, -1);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Steps 2 to 5 of the order above. */
static bool write_slot(struct firmware_box *b, int from, int to, const uint8_t octets[FIRMWARE_HEAD_SIZE],
		       const struct firmware_head *h)
{
	static const uint8_t none[FIRMWARE_HEAD_SIZE];
	off_t at = head_at(to);

	if (at < 0 || h->size > (uint64_t)at)
		return failed(b, "it has %llu octets, a slot has room for %lld; make a smaller image",
			      (unsigned long long)h->size, at < 0 ? 0LL : (long long)at);
	if (!b->put(to, none, sizeof(none), at) || fsync(to) != 0)
		return failed(b, "the slot cannot be written: %s; the disk may be failing", strerror(errno));
	if (!hash_or_copy(b, from, FIRMWARE_HEAD_SIZE, h, to))
		return false;
	/* From the disk, not from what the kernel still holds. */
	if (fsync(to) != 0 || posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED) != 0)
		return failed(b, "the slot cannot be written: %s; the disk may be failing", strerror(errno));
	if (!hash_or_copy(b, to, 0, h, -1))
		return failed(b, "the slot does not hold what was written to it; the disk may be failing");
	return (b->put(to, octets, FIRMWARE_HEAD_SIZE, at) && fsync(to) == 0) ||
	       failed(b, "the slot cannot be written: %s; the disk may be failing", strerror(errno));
}

static bool install_open(struct firmware_box *b, int from, const char *path, struct firmware_head *h)
{
	uint8_t octets[FIRMWARE_HEAD_SIZE];

	if (!get_all(from, octets, sizeof(octets), 0))
		return failed(b, "%s is no update file; get it anew", path);
	if (!good_head(b, octets, path, h) || !hash_or_copy(b, from, FIRMWARE_HEAD_SIZE, h, -1))
		return false;
	if (firmware_install_begin(&b->env, b->running) == FIRMWARE_DONE && !firmware_box_tell(b))
		return false;
	int to = open_slot(b, firmware_other(b->running), O_RDWR);
	if (to < 0)
		return failed(b, "slot %c cannot be opened: %s; be root", firmware_letter(firmware_other(b->running)),
			      strerror(errno));
	bool good = write_slot(b, from, to, octets, h);

	close(to);
	if (!good)
		return false;
	firmware_install_end(&b->env, b->running);
	return firmware_box_tell(b);
}

bool firmware_box_install(struct firmware_box *b, const char *path, struct firmware_head *out)
{
	if (b->running != b->env.slot)
		return failed(b,
			      "slot %c is not confirmed, and slot %c is what we would fall back to; firmware confirm "
			      "or rollback first",
			      firmware_letter(b->running), firmware_letter(b->env.slot));
	int from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return failed(b, "%s cannot be opened: %s; name the update file", path, strerror(errno));
	bool good = install_open(b, from, path, out);

	close(from);
	return good;
}
