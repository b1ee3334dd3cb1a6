// SPDX-License-Identifier: MIT
/*
 * gateway_save.c - what is kept from one start to the next: the greylist, and the answers of DNS
 *
 * Written every server.save_s and at the end, by a side thread; made here a few hundred answers a turn, so that no question waits
 * for a million of them.  After a crash what was written last is read.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "ctrlplane/gateway.h"
#include "ctrlplane/save.h"
#include "dns/dns_snapshot.h"

enum { ROWS_A_TURN = 256, READ_SLACK = 1 << 20 };
_Static_assert(SAVE_PIECE_OCTETS > 2 * DNS_SNAPSHOT_RECORD_MAX, "a piece holds more than one answer");

struct gateway_save {
	struct saver *saver;
	struct save_file greylist, dns;
	uint64_t begun_us; /* when they were written last */
	bool walking;      /* over the cache */
	uint32_t cursor;
	uint64_t n; /* answers so far */
	struct save_piece *piece;
};

/* --- reading ----------------------------------------------------------------------------------- */

/* All of the file, NULL with errno set; the caller frees it. */
static uint8_t *read_file(const char *path, size_t most, size_t *len)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	uint8_t *octets = NULL;
	int error = 0;

	if (!f)
		return NULL;
	if (fstat(fileno(f), &st) != 0)
		error = errno;
	else if (st.st_size < 0 || (size_t)st.st_size > most)
		error = EFBIG;
	else if (!(octets = malloc((size_t)st.st_size + 1)))
		error = ENOMEM;
	else
		*len = fread(octets, 1, (size_t)st.st_size, f);
	fclose(f);
	errno = error;
	return octets;
}

void gateway_save_restore_dns(struct gateway *g)
{
	const char *path = g->settings->dns_snapshot_file, *wrong;
	struct dns_cache_counts counts;
	size_t len = 0;
	uint64_t n = 0;

	if (!*path || g->zone) /* a zone in memory is quicker than its file */
		return;
	dns_cache_counts(g->cache, &counts);
	uint8_t *octets = read_file(path, counts.octets_max * 2 + READ_SLACK, &len);
	if (!octets) {
		if (errno != ENOENT)
			log_warning("%s: cannot be read: %s; the cache begins empty, see dns.snapshot_file", path,
				    strerror(errno));
		return;
	}
	wrong = dns_snapshot_read(span_of(octets, len), g->cache, gateway_now_us(), gateway_unix_us() / 1000000, &n);
	free(octets);
	if (wrong)
		log_warning("%s: %s; the cache begins empty, and the file is written anew", path, wrong);
	else
		log_info("%llu answers of DNS are known from %s", (unsigned long long)n, path);
}

/* --- writing ----------------------------------------------------------------------------------- */

bool gateway_save_begin(struct gateway *g)
{
	const struct settings *s = g->first;

	if (!s->greylist_file[0] && !s->dns_snapshot_file[0])
		return true;
	g->save = calloc(1, sizeof(*g->save));
	if (!g->save || !(g->save->saver = saver_open()))
		return false;
	g->save->greylist = (struct save_file){ .path = s->greylist_file, .setting = "greylist.file" };
	g->save->dns = (struct save_file){ .path = s->dns_snapshot_file, .setting = "dns.snapshot_file" };
	g->save->begun_us = gateway_now_us();
	return true;
}

/* The table itself is read by the side thread: its words are atomic, and each stands for itself. */
static void put_greylist(struct gateway *g)
{
	struct gateway_save *s = g->save;
	struct save_piece *p = s->greylist.path[0] ? saver_piece(s->saver, &s->greylist) : NULL;

	if (!p)
		return;
	p->borrowed = greylist_octets(g->greylist).at;
	p->len = greylist_octets(g->greylist).len;
	p->last = true;
	saver_put(s->saver, p);
}

static void begin(struct gateway *g, uint64_t now_us)
{
	struct gateway_save *s = g->save;

	s->begun_us = now_us;
	put_greylist(g);
	s->walking = s->dns.path[0] != '\0' && !g->zone;
	s->cursor = 0;
	s->n = 0;
}

/* A piece with room for one more answer, or NULL: the disk is behind. */
static struct save_piece *piece(struct gateway_save *s)
{
	if (s->piece && SAVE_PIECE_OCTETS - s->piece->len < DNS_SNAPSHOT_RECORD_MAX) {
		saver_put(s->saver, s->piece);
		s->piece = NULL;
	}
	if (!s->piece && (s->piece = saver_piece(s->saver, &s->dns)) && s->cursor == 0) {
		s->piece->len = sizeof(DNS_SNAPSHOT_HEAD) - 1;
		memcpy(s->piece->octets, DNS_SNAPSHOT_HEAD, s->piece->len);
	}
	return s->piece;
}

/* Some answers more, or the end. */
static void walk(struct gateway *g, uint64_t now_us)
{
	const uint64_t unix_s = gateway_unix_us() / 1000000;
	struct gateway_save *s = g->save;
	struct dns_cache_row row;
	struct save_piece *p;

	for (int i = 0; i < ROWS_A_TURN && (p = piece(s)); i++) {
		if (!dns_cache_walk(g->cache, &s->cursor, &row)) {
			dns_snapshot_end(s->n, p->octets + p->len);
			p->len += DNS_SNAPSHOT_END_LEN;
			p->last = true;
			saver_put(s->saver, p);
			s->piece = NULL;
			s->walking = false;
			return;
		}
		size_t len = dns_snapshot_record(&row, now_us, unix_s, p->octets + p->len);

		p->len += len;
		s->n += len > 0;
	}
}

void gateway_save_turn(struct gateway *g, uint64_t now_us)
{
	struct gateway_save *s = g->save;
	const uint64_t every_us = g->settings->server_save_s * 1000000;

	if (!s)
		return;
	if (s->walking)
		walk(g, now_us);
	else if (every_us && now_us - s->begun_us >= every_us && saver_idle(s->saver))
		begin(g, now_us);
}

/* What is under way to its end. */
static void finish(struct gateway *g)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	while (g->save->walking) {
		walk(g, gateway_now_us());
		if (g->save->walking && !g->save->piece)
			nanosleep(&moment, NULL); /* the disk is behind */
	}
}

void gateway_save_end(struct gateway *g)
{
	if (!g->save)
		return;
	if (g->running && g->save->saver) {
		finish(g);
		while (!saver_idle(g->save->saver))
			nanosleep(&(const struct timespec){ .tv_nsec = 1000000 }, NULL);
		begin(g, gateway_now_us());
		finish(g);
	}
	saver_close(g->save->saver);
	free(g->save);
	g->save = NULL;
}
