// SPDX-License-Identifier: MIT
/*
 * shard_tls_failed.c - addresses whose handshakes failed lately: they are not offered STARTTLS again
 *
 * Some senders try TLS wherever it is offered, fail, and try it again for days.  Without the offer they send in the
 * clear, as they may (RFC 3207 4).  Whoever can spoil a handshake can take the offer out of EHLO as well, so nothing is lost.
 */
#include "dataplane/shard/shard_tls.h"
#include "dataplane/base/ways.h"

enum { WAYS = 4 };

size_t tls_failed_memory(size_t n_rows)
{
	return buckets_for(n_rows, WAYS) * WAYS * sizeof(struct tls_failed_row);
}

void tls_failed_init(struct tls_failed *f, void *memory, size_t n_rows, const struct siphash_key *key)
{
	*f = (struct tls_failed){ .key = *key, .rows = memory, .n_sets = buckets_for(n_rows, WAYS) };
	memset(memory, 0, tls_failed_memory(n_rows));
}

static struct tls_failed_row *set_of(const struct tls_failed *f, const struct ip_addr *a)
{
	uint64_t hash = siphash(&f->key, span_of(a->bytes, sizeof(a->bytes)));

	return &f->rows[(size_t)(hash & (f->n_sets - 1)) * WAYS];
}

void tls_failed_add(struct tls_failed *f, const struct ip_addr *a, uint64_t until_us)
{
	struct tls_failed_row *set = set_of(f, a), *to = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].until_us && ip_addr_eq(&set[i].addr, a)) {
			to = &set[i];
			break;
		}
		if (set[i].until_us < to->until_us)
			to = &set[i];
	}
	*to = (struct tls_failed_row){ *a, until_us };
}

bool tls_failed_has(const struct tls_failed *f, const struct ip_addr *a, uint64_t now_us)
{
	const struct tls_failed_row *set = set_of(f, a);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].until_us > now_us && ip_addr_eq(&set[i].addr, a))
			return true;
	return false;
}
