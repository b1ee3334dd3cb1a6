// SPDX-License-Identifier: MIT
/*
 * gateway_greylist.c - the greylist of all workers: its memory, and the file that carries it over a restart
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/gateway.h"

/* Without a file, or with one that is not of this size, all are strangers again: told, but no reason not to start. */
static void restore(struct gateway *g)
{
	const char *path = g->settings->greylist_file;
	size_t size = greylist_octets(g->greylist).len;
	FILE *f = *path ? fopen(path, "re") : NULL;
	char *octets = f ? malloc(size + 1) : NULL;

	if (*path && !f && errno != ENOENT)
		log_warning("%s: cannot be read: %s; see greylist.file", path, strerror(errno));
	if (octets && !greylist_restore(g->greylist, span_of(octets, fread(octets, 1, size + 1, f))))
		log_warning("%s: is not a greylist of %llu entries; it begins empty", path,
			    (unsigned long long)g->settings->greylist_entries_max);
	free(octets);
	if (f)
		fclose(f);
}

bool gateway_greylist_begin(struct gateway *g)
{
	size_t size = (greylist_memory(g->settings->greylist_entries_max) + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, size);
	struct siphash_key key;

	if (!memory)
		return false;
	memset(memory, 0, size);
	gateway_random(&key, sizeof(key));
	g->greylist = greylist_init(memory, g->settings->greylist_entries_max, &key);
	restore(g);
	return true;
}

void gateway_greylist_end(struct gateway *g)
{
	free(g->greylist);
	g->greylist = NULL;
}

json_t *gateway_greylist_show(const struct gateway *g)
{
	struct greylist_counts c;

	greylist_counts(g->greylist, g->settings, (uint32_t)(gateway_unix_us() / 1000000), &c);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "waiting", (json_int_t)c.waiting, "passed", (json_int_t)c.passed,
			 "nets", (json_int_t)c.nets, "nets_allowed", (json_int_t)c.nets_allowed, "entries_max",
			 (json_int_t)c.entries_max);
}
