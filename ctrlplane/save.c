// SPDX-License-Identifier: MIT
/*
 * save.c - files that a side thread writes, whole or not at all
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/settings.h"
#include "ctrlplane/log.h"
#include "ctrlplane/save.h"
#include "ctrlplane/side.h"

struct saver {
	struct side side;
	_Atomic unsigned n_pieces; /* given out and not written yet */
};

static void name_of_new(const struct save_file *file, char name[SETTINGS_STR_MAX + 8])
{
	snprintf(name, SETTINGS_STR_MAX + 8, "%s.new", file->path);
}

static void begin(struct save_file *file)
{
	char name[SETTINGS_STR_MAX + 8];

	if (file->f || file->error)
		return;
	name_of_new(file, name);
	file->f = fopen(name, "we");
	if (!file->f)
		file->error = errno;
}

static void end(struct save_file *file)
{
	char name[SETTINGS_STR_MAX + 8];

	name_of_new(file, name);
	if (file->f) {
		bool good = !file->error && fflush(file->f) == 0 && fsync(fileno(file->f)) == 0;

		if (!good && !file->error)
			file->error = errno;
		if ((fclose(file->f) != 0 || (good && rename(name, file->path) != 0)) && !file->error)
			file->error = errno;
		if (file->error)
			unlink(name);
	}
	if (file->error)
		log_error("%s: cannot be written: %s; see %s", file->path, strerror(file->error), file->setting);
	file->f = NULL;
	file->error = 0;
}

static void take(void *arg, void *message)
{
	struct saver *s = arg;
	struct save_piece *p = message;
	struct save_file *file = p->file;

	begin(file);
	if (!file->error && fwrite(p->borrowed ? p->borrowed : p->octets, 1, p->len, file->f) != p->len)
		file->error = errno;
	if (p->last)
		end(file);
	free(p);
	atomic_fetch_sub(&s->n_pieces, 1);
}

static int turn(void *arg)
{
	(void)arg;
	return -1; /* nothing to do until something comes */
}

struct saver *saver_open(void)
{
	struct saver *s = calloc(1, sizeof(*s));
	const struct side_work work = { .take = take, .turn = turn, .arg = s };

	if (s && side_start(&s->side, &work))
		return s;
	free(s);
	return NULL;
}

void saver_close(struct saver *s)
{
	if (!s)
		return;
	side_stop(&s->side);
	free(s);
}

bool saver_idle(struct saver *s)
{
	return atomic_load(&s->n_pieces) == 0;
}

struct save_piece *saver_piece(struct saver *s, struct save_file *file)
{
	struct save_piece *p = atomic_load(&s->n_pieces) < SAVE_PIECES_MAX ? malloc(sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	p->file = file;
	p->last = false;
	p->len = 0;
	p->borrowed = NULL;
	atomic_fetch_add(&s->n_pieces, 1);
	return p;
}

void saver_put(struct saver *s, struct save_piece *p)
{
	bool taken = side_put(&s->side, p);

	CHECK(taken); /* the ring has room for many more than there are pieces */
}
