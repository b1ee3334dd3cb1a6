// SPDX-License-Identifier: MIT
/*
 * dns_snapshot.c - what the cache holds as octets of a file, and back
 *
 * Read in two passes: the first believes nothing and changes nothing, so that a file is taken whole or not at all.
 */
#include "dns/dns_rdata.h"
#include "dns/dns_snapshot.h"

#define US_PER_S UINT64_C(1000000)
#define ANSWER_MAX 65536

static const struct siphash_key check_key = { 0, 0 };

/* --- writing ----------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, uint64_t value, unsigned octets)
{
	while (octets--)
		*at++ = (uint8_t)(value >> 8 * octets);
	return at;
}

static uint8_t *put_octets(uint8_t *at, struct span s)
{
	memcpy(at, s.at, s.len);
	return at + s.len;
}

size_t dns_snapshot_record(const struct dns_cache_row *row, uint64_t now_us, uint64_t unix_s, uint8_t *out)
{
	const struct dns_answer *a = row->answer;
	uint32_t cursor = 0;
	struct span rdata;
	uint8_t *at = out + 4;

	if (dns_answer_failed(a) || row->expires_us < now_us + US_PER_S)
		return 0;
	CHECK(a->size <= ANSWER_MAX);
	at = put(at, unix_s + (row->expires_us - now_us) / US_PER_S, 8);
	at = put(at, row->q.type, 2);
	at = put(at, a->rcode, 1);
	at = put(at, a->secure, 1);
	at = put(at, row->q.len, 1);
	at = put_octets(at, dns_question_name(&row->q));
	at = put(at, a->n_records, 2);
	while (dns_answer_next(a, &cursor, &rdata))
		at = put_octets(put(at, rdata.len, 2), rdata);
	at = put(at, siphash(&check_key, span_of(out + 4, (size_t)(at - out) - 4)) & UINT32_MAX, 4);
	put(out, (uint64_t)(at - out) - 4, 4);
	return (size_t)(at - out);
}

void dns_snapshot_end(uint64_t n, uint8_t *out)
{
	put(put(out, 0, 4), n, 8);
}

/* --- reading ----------------------------------------------------------------------------------- */

/* False when it is cut short; @value is then undefined. */
static bool take(struct span *rest, unsigned octets, uint64_t *value)
{
	if (rest->len < octets)
		return false;
	*value = 0;
	for (unsigned i = 0; i < octets; i++)
		*value = *value << 8 | rest->at[i];
	*rest = span_skip(*rest, octets);
	return true;
}

static bool take_span(struct span *rest, unsigned octets_of_length, struct span *s)
{
	uint64_t len;

	if (!take(rest, octets_of_length, &len) || len > rest->len)
		return false;
	*s = span_head(*rest, (size_t)len);
	*rest = span_skip(*rest, (size_t)len);
	return true;
}

struct record {
	struct dns_question q;
	uint64_t expires_unix_s;
	_Alignas(8) uint8_t answer[ANSWER_MAX];
};

static bool read_rdata(struct span *rest, struct record *r, uint64_t n)
{
	struct span rdata;

	while (n--)
		if (!take_span(rest, 2, &rdata) || !dns_rdata_good(r->q.type, rdata) ||
		    !dns_answer_add((struct dns_answer *)(void *)r->answer, sizeof(r->answer), rdata))
			return false;
	return true;
}

/* An answer as dns_snapshot_record() would write it, and nothing behind it. */
static bool read_record(struct span rest, struct record *r)
{
	uint64_t type, rcode, secure, n, check;
	struct span name;

	if (rest.len < 4)
		return false;
	struct span checked = span_head(rest, rest.len - 4), tail = span_skip(rest, rest.len - 4);

	if (!take(&tail, 4, &check) || check != (siphash(&check_key, checked) & UINT32_MAX))
		return false;
	if (!take(&checked, 8, &r->expires_unix_s) || !take(&checked, 2, &type) || !take(&checked, 1, &rcode) ||
	    !take(&checked, 1, &secure) || !take_span(&checked, 1, &name) || !take(&checked, 2, &n))
		return false;
	if (!dns_type_text((unsigned)type) || rcode > DNS_NXDOMAIN || secure > 1 || (rcode == DNS_NOERROR) != (n > 0))
		return false;
	if (!dns_question_set(&r->q, (enum dns_type)type, name) || !span_eq(dns_question_name(&r->q), name))
		return false;
	struct dns_answer *a = dns_answer_init(r->answer, sizeof(r->answer), (enum dns_rcode)rcode, 0);

	a->secure = (uint8_t)secure;
	return read_rdata(&checked, r, n) && checked.len == 0;
}

/* All records, into @cache unless it is NULL; false: there is a fault. */
static bool walk(struct span rest, struct dns_cache *cache, uint64_t now_us, uint64_t unix_s, uint64_t *n_put)
{
	struct record r;
	uint64_t n = 0, told;
	struct span one;

	for (*n_put = 0;; n++) {
		if (!take_span(&rest, 4, &one))
			return false;
		if (one.len == 0)
			break;
		if (!read_record(one, &r))
			return false;
		if (cache && r.expires_unix_s > unix_s)
			*n_put += dns_cache_restore(cache, &r.q, (const struct dns_answer *)(const void *)r.answer,
						    r.expires_unix_s - unix_s, now_us);
	}
	return take(&rest, 8, &told) && told == n && rest.len == 0;
}

const char *dns_snapshot_read(struct span octets, struct dns_cache *cache, uint64_t now_us, uint64_t unix_s,
			      uint64_t *n)
{
	const struct span head = SPAN(DNS_SNAPSHOT_HEAD);

	*n = 0;
	if (octets.len < head.len || !span_eq(span_head(octets, head.len), head))
		return "is no snapshot of this version";
	octets = span_skip(octets, head.len);
	if (!walk(octets, NULL, now_us, unix_s, n))
		return "is damaged or was not written to its end";
	walk(octets, cache, now_us, unix_s, n);
	return NULL;
}
