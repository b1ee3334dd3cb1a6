// SPDX-License-Identifier: MIT
/*
 * tls_memory.c - how much memory OpenSSL holds for a worker's TLS connections
 *
 * Pieces are given back by the thread that took them as long as workers run, so counters need no atomics; a piece that
 * outlives its worker is counted by whoever ends the process.
 */
#include <openssl/crypto.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "crypto/tls_memory.h"

/* In front of each piece; as long as malloc()'s alignment. */
struct head {
	alignas(max_align_t) size_t octets;
	unsigned owner;
};

static size_t octets[TLS_MEMORY_OWNERS];
static atomic_uint n_owners;
static _Thread_local unsigned now_for;

static void *take(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	struct head *h = n && n <= SIZE_MAX - sizeof(*h) ? malloc(sizeof(*h) + n) : NULL;

	if (!h)
		return NULL;
	*h = (struct head){ .octets = n, .owner = now_for };
	octets[now_for] += now_for ? n : 0;
	return h + 1;
}

static void give(void *piece, const char *file, int line)
{
	(void)file, (void)line;
	struct head *h = piece ? (struct head *)piece - 1 : NULL;

	if (h && h->owner)
		octets[h->owner] -= h->octets;
	free(h);
}

static void *stretch(void *piece, size_t n, const char *file, int line)
{
	struct head *h = piece ? (struct head *)piece - 1 : NULL;

	if (!h)
		return take(n, file, line);
	if (n == 0) {
		give(piece, file, line);
		return NULL;
	}
	unsigned owner = h->owner;
	size_t before = h->octets;

	h = n <= SIZE_MAX - sizeof(*h) ? realloc(h, sizeof(*h) + n) : NULL;
	if (!h)
		return NULL;
	h->octets = n;
	if (owner)
		octets[owner] += n - before;
	return h + 1;
}

bool tls_memory_count(void)
{
	return CRYPTO_set_mem_functions(take, stretch, give) == 1;
}

unsigned tls_memory_owner(void)
{
	unsigned owner = atomic_fetch_add(&n_owners, 1) + 1;

	return owner < TLS_MEMORY_OWNERS ? owner : 0;
}

unsigned tls_memory_for(unsigned owner)
{
	unsigned before = now_for;

	now_for = owner;
	return before;
}

size_t tls_memory_octets(unsigned owner)
{
	return octets[owner];
}
