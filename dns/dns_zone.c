// SPDX-License-Identifier: MIT
/*
 * dns_zone.c - records held in memory: a zone file or a test case
 *
 * A driver: it allocates.  Names lie in a hash table that doubles when it is full; with a name come its parents
 * as empty nodes, so that "does not exist" and "has no such record" are told apart by one look-up.
 */
#include <stdlib.h>

#include "dataplane/base/siphash.h"
#include "dns/dns_zone.h"

#define CNAMES_MAX 12
#define WAITING_MAX 1024 /* questions asked through the resolver and not yet fetched */
#define TTL_S 3600

struct record {
	struct record *next;
	uint16_t type;
	uint16_t len;
	bool fails; /* no data: the rcode that a question for this type gets */
	uint8_t rcode;
	uint8_t rdata[];
};

struct node {
	struct node *next;
	struct record *first, **last;
	bool fails; /* every type that is not listed */
	uint8_t rcode;
	struct dns_question name; /* its type is not used */
};

struct dns_zone {
	struct node **buckets;
	size_t n_buckets; /* a power of two */
	size_t n_nodes;
	uint8_t *answer;
	size_t answer_cap;
	struct waiting {
		struct dns_question q;
		uint64_t ticket;
	} * waiting; /* a ring of WAITING_MAX, taken with the first question */
	unsigned first_waiting, n_waiting;
};

/* Whoever writes a zone has its questions answered out of it alone: no secret is needed. */
static size_t bucket_of(const struct dns_zone *z, struct span name)
{
	static const struct siphash_key key = { 0, 0 };

	return (size_t)siphash(&key, name) & (z->n_buckets - 1);
}

struct dns_zone *dns_zone_open(void)
{
	struct dns_zone *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->n_buckets = 64;
	z->answer_cap = 4096;
	z->buckets = calloc(z->n_buckets, sizeof(*z->buckets));
	z->answer = malloc(z->answer_cap);
	if (z->buckets && z->answer)
		return z;
	dns_zone_close(z);
	return NULL;
}

static void free_node(struct node *n)
{
	while (n->first) {
		struct record *r = n->first;

		n->first = r->next;
		free(r);
	}
	free(n);
}

void dns_zone_close(struct dns_zone *z)
{
	if (!z)
		return;
	for (size_t i = 0; z->buckets && i < z->n_buckets; i++)
		while (z->buckets[i]) {
			struct node *n = z->buckets[i];

			z->buckets[i] = n->next;
			free_node(n);
		}
	free(z->buckets);
	free(z->answer);
	free(z->waiting);
	free(z);
}

static struct node *find_node(const struct dns_zone *z, struct span name)
{
	struct node *n = z->buckets[bucket_of(z, name)];

	while (n && !span_eq(dns_question_name(&n->name), name))
		n = n->next;
	return n;
}

/* Failing to grow only makes chains longer. */
static void grow(struct dns_zone *z)
{
	size_t n_old = z->n_buckets;
	struct node **old = z->buckets;
	struct node **buckets = calloc(2 * n_old, sizeof(*buckets));

	if (!buckets)
		return;
	z->buckets = buckets;
	z->n_buckets = 2 * n_old;
	for (size_t i = 0; i < n_old; i++)
		while (old[i]) {
			struct node *n = old[i];
			size_t to = bucket_of(z, dns_question_name(&n->name));

			old[i] = n->next;
			n->next = buckets[to];
			buckets[to] = n;
		}
	free(old);
}

/* The node of that name, made when it is not there. */
static struct node *make_node(struct dns_zone *z, const struct dns_question *name)
{
	struct node *n = find_node(z, dns_question_name(name));

	if (n)
		return n;
	if (z->n_nodes >= z->n_buckets)
		grow(z);
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	size_t at = bucket_of(z, dns_question_name(name));
	n->name = *name;
	n->last = &n->first;
	n->next = z->buckets[at];
	z->buckets[at] = n;
	z->n_nodes++;
	return n;
}

/* The node of @name, with those of all its parents. */
static struct node *make_nodes(struct dns_zone *z, struct span name)
{
	struct dns_question q;
	struct node *n;

	if (!dns_question_set(&q, DNS_TXT, name) || !(n = make_node(z, &q)))
		return NULL;
	struct span parent = dns_question_name(&n->name);
	for (size_t dot; (dot = span_find(parent, '.')) != SPAN_NONE;) {
		parent = span_skip(parent, dot + 1);
		if (!dns_question_set(&q, DNS_TXT, parent) || !make_node(z, &q))
			return NULL;
	}
	return n;
}

static struct record *add_record(struct dns_zone *z, struct span name, unsigned type, struct span rdata)
{
	struct node *n = make_nodes(z, name);
	struct record *r;

	if (!n || type == 0 || type > UINT16_MAX || rdata.len > UINT16_MAX || !(r = calloc(1, sizeof(*r) + rdata.len)))
		return NULL;
	r->type = (uint16_t)type;
	r->len = (uint16_t)rdata.len;
	if (rdata.len)
		memcpy(r->rdata, rdata.at, rdata.len);
	*n->last = r;
	n->last = &r->next;
	return r;
}

bool dns_zone_add(struct dns_zone *z, struct span name, unsigned type, struct span rdata)
{
	return add_record(z, name, type, rdata) != NULL;
}

bool dns_zone_fail(struct dns_zone *z, struct span name, unsigned type, enum dns_rcode rcode)
{
	if (type == 0) {
		struct node *n = make_nodes(z, name);

		if (!n)
			return false;
		n->fails = true;
		n->rcode = (uint8_t)rcode;
		return true;
	}
	struct record *r = add_record(z, name, type, SPAN(""));
	if (!r)
		return false;
	r->fails = true;
	r->rcode = (uint8_t)rcode;
	return true;
}

static const struct dns_answer *bare_answer(struct dns_zone *z, unsigned rcode)
{
	return dns_answer_init(z->answer, z->answer_cap, (enum dns_rcode)rcode, TTL_S);
}

/* Room for @size octets; false: no memory. */
static bool reserve(struct dns_zone *z, size_t size)
{
	if (size <= z->answer_cap)
		return true;
	uint8_t *more = realloc(z->answer, size);
	if (!more)
		return false;
	z->answer = more;
	z->answer_cap = size;
	return true;
}

/* All records of @type, or NULL when there is none. */
static const struct dns_answer *answer_of(struct dns_zone *z, const struct node *n, unsigned type)
{
	size_t size = sizeof(struct dns_answer);
	const struct record *r;

	for (r = n->first; r; r = r->next) {
		if (r->type == type && r->fails)
			return bare_answer(z, r->rcode);
		if (r->type == type)
			size += sizeof(uint16_t) + r->len;
	}
	if (size == sizeof(struct dns_answer))
		return NULL;
	if (!reserve(z, size))
		return bare_answer(z, DNS_SERVFAIL);
	struct dns_answer *a = dns_answer_init(z->answer, z->answer_cap, DNS_NODATA, TTL_S);
	for (r = n->first; r; r = r->next)
		if (r->type == type && !dns_answer_add(a, z->answer_cap, span_of(r->rdata, r->len)))
			break;
	return a;
}

static const struct record *find_cname(const struct node *n)
{
	const struct record *r = n->first;

	while (r && (r->type != DNS_CNAME || r->fails))
		r = r->next;
	return r;
}

const struct dns_answer *dns_zone_answer(struct dns_zone *z, const struct dns_question *q)
{
	struct dns_question asked = *q;

	for (int i = 0; i <= CNAMES_MAX; i++) {
		const struct node *n = find_node(z, dns_question_name(&asked));

		if (!n)
			return bare_answer(z, DNS_NXDOMAIN);
		const struct dns_answer *a = answer_of(z, n, asked.type);
		if (a)
			return a;
		const struct record *cname = find_cname(n);
		if (!cname)
			return bare_answer(z, n->fails ? n->rcode : DNS_NODATA);
		if (cname->len == 0) /* the root is there, without records */
			return bare_answer(z, DNS_NODATA);
		if (!dns_question_set(&asked, (enum dns_type)asked.type, span_of(cname->rdata, cname->len)))
			break;
	}
	return bare_answer(z, DNS_SERVFAIL);
}

static bool zone_ask(void *driver, const struct dns_question *q, uint64_t ticket)
{
	struct dns_zone *z = driver;

	if (!z->waiting && !(z->waiting = calloc(WAITING_MAX, sizeof(*z->waiting))))
		return false;
	if (z->n_waiting == WAITING_MAX)
		return false;
	struct waiting *w = &z->waiting[(z->first_waiting + z->n_waiting++) % WAITING_MAX];
	w->q = *q;
	w->ticket = ticket;
	return true;
}

static bool zone_next(void *driver, uint64_t *ticket, const struct dns_answer **answer)
{
	struct dns_zone *z = driver;

	if (z->n_waiting == 0)
		return false;
	const struct waiting *w = &z->waiting[z->first_waiting];
	*ticket = w->ticket;
	*answer = dns_zone_answer(z, &w->q);
	z->first_waiting = (z->first_waiting + 1) % WAITING_MAX;
	z->n_waiting--;
	return true;
}

static int zone_fd(void *driver)
{
	(void)driver;
	return -1;
}

static void zone_close(void *driver)
{
	dns_zone_close(driver);
}

struct dns_resolver dns_zone_resolver(struct dns_zone *z)
{
	return (struct dns_resolver){
		.driver = z, .ask = zone_ask, .next = zone_next, .fd = zone_fd, .close = zone_close
	};
}
