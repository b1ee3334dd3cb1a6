// SPDX-License-Identifier: MIT
/*
 * greylist.c - senders who are asked to come again, and those who did
 *
 *	word	tag 24 | kind 1 | state 7 | seconds 32
 *
 * seconds: of a triplet that waits, when it was first seen; else when it passed last.  state: of a triplet, whether it
 * passed; of a net, how many did.  0 is an empty place.  A clock that was set back makes entries younger, never older.
 */
#include "ctrlplane/policy/greylist.h"
#include "dataplane/base/ways.h"

enum {
	WAYS = 8, /* words of a bucket: one cache line */
	STATE_MAX = 127,
	SAFE_DELAYS = 4, /* a triplet that waits is not driven out before so many times the delay */
	NAME_MAX = 1024,
	TRIES = 4, /* other workers may be quicker as often */
};

enum kind { TRIPLET, NET };

struct greylist {
	struct siphash_key key;
	uint64_t magic, n_buckets; /* a power of two */
	_Alignas(64) _Atomic uint64_t words[];
};

/* Tells our own files; the last digit is the version of the layout. */
#define MAGIC UINT64_C(0x53656b4772657901)

size_t greylist_memory(uint64_t entries_max)
{
	return sizeof(struct greylist) + buckets_for(entries_max, WAYS) * WAYS * sizeof(uint64_t);
}

struct greylist *greylist_init(void *memory, uint64_t entries_max, const struct siphash_key *key)
{
	struct greylist *g = memory;

	g->key = *key;
	g->magic = MAGIC;
	g->n_buckets = buckets_for(entries_max, WAYS);
	return g;
}

/* --- words ------------------------------------------------------------------------------------- */

struct entry {
	uint32_t tag;
	enum kind kind;
	uint8_t state;
	uint32_t time_s;
};

static uint64_t pack(struct entry e)
{
	return (uint64_t)e.tag << 40 | (uint64_t)e.kind << 39 | (uint64_t)e.state << 32 | e.time_s;
}

static struct entry unpack(uint64_t word)
{
	return (struct entry){ .tag = (uint32_t)(word >> 40),
			       .kind = word >> 39 & 1 ? NET : TRIPLET,
			       .state = word >> 32 & STATE_MAX,
			       .time_s = (uint32_t)word };
}

static uint32_t age_s(struct entry e, uint32_t now_s)
{
	return now_s > e.time_s ? now_s - e.time_s : 0;
}

static bool is_waiting(struct entry e)
{
	return e.kind == TRIPLET && e.state == 0;
}

static bool in_time(const struct settings *c, struct entry e, uint32_t now_s)
{
	return age_s(e, now_s) <= (is_waiting(e) ? c->greylist_retry_s : c->greylist_keep_days * 86400);
}

/* --- names ------------------------------------------------------------------------------------- */

static void put_lower(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		text_putc(t, byte_lower(s.at[i]));
}

/* Without what changes from one message to the next. */
static void put_mail_from(struct text *t, struct span path)
{
	size_t at = span_find_last(path, '@');
	struct span local = at == SPAN_NONE ? path : span_head(path, at);

	for (size_t i = 0; i < local.len && local.at[i] != '+'; i++)
		if (!byte_is_digit(local.at[i]))
			text_putc(t, byte_lower(local.at[i]));
		else if (i == 0 || !byte_is_digit(local.at[i - 1]))
			text_putc(t, '#');
	put_lower(t, span_skip(path, local.len));
}

static void put_net(struct text *t, const struct settings *c, const struct ip_addr *client)
{
	unsigned bits = (unsigned)(client->family == IP_V4 ? c->greylist_net4_bits : c->greylist_net6_bits);

	text_putc(t, client->family);
	for (unsigned i = 0; i < ip_addr_len(client) && i * 8 < bits; i++) {
		unsigned left = bits - i * 8;

		text_putc(t, (uint8_t)(client->bytes[i] & (left >= 8 ? 0xff : 0xff00 >> left)));
	}
}

/* The client's part alone, for its net; or all of it.  Parts are told apart by NUL, which no path has. */
static uint64_t hash_of(const struct greylist *g, const struct settings *c, const struct greylist_triplet *t,
			enum kind kind)
{
	char name[NAME_MAX];
	struct text text;

	text_init(&text, name, sizeof(name));
	text_putc(&text, (uint8_t)kind);
	if (t->domain.len)
		put_lower(&text, t->domain);
	else
		put_net(&text, c, &t->client);
	if (kind == TRIPLET) {
		text_putc(&text, '\0');
		put_mail_from(&text, t->mail_from);
		text_putc(&text, '\0');
		put_lower(&text, t->rcpt);
	}
	return siphash(&g->key, text_span(&text));
}

/* --- places ------------------------------------------------------------------------------------ */

struct place {
	_Atomic uint64_t *at; /* NULL: none */
	uint64_t was;
	bool known; /* else a free one, or one whose entry may go */
	struct entry e;
};

/* The same name once more must not be found beside it when the clock is set back. */
#define SAME UINT64_MAX
#define EMPTY (UINT64_MAX - 1)
#define OUT_OF_TIME (UINT64_MAX - 2)

/* How little an entry is worth: the largest goes first; 0: it stays. */
static uint64_t worth_least(const struct settings *c, struct entry e, uint32_t now_s)
{
	if (!in_time(c, e, now_s))
		return OUT_OF_TIME;
	return is_waiting(e) && age_s(e, now_s) >= SAFE_DELAYS * c->greylist_delay_s ? age_s(e, now_s) : 0;
}

static struct place find(struct greylist *g, const struct settings *c, uint64_t hash, enum kind kind, uint32_t now_s)
{
	_Atomic uint64_t *bucket = &g->words[(hash & (g->n_buckets - 1)) * WAYS];
	struct place free = { .at = NULL };
	uint64_t best = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t was = atomic_load_explicit(&bucket[i], memory_order_relaxed);
		struct entry e = unpack(was);
		uint64_t worth = was ? worth_least(c, e, now_s) : EMPTY;

		if (was && e.tag == hash >> 40 && e.kind == kind) {
			if (in_time(c, e, now_s))
				return (struct place){ .at = &bucket[i], .was = was, .known = true, .e = e };
			worth = SAME;
		}
		if (worth > best) {
			best = worth;
			free = (struct place){ .at = &bucket[i], .was = was };
		}
	}
	free.e = (struct entry){ .tag = (uint32_t)(hash >> 40), .kind = kind };
	return free;
}

/* False: another worker was quicker. */
static bool set(struct place *p, uint8_t state, uint32_t time_s)
{
	p->e.state = state;
	p->e.time_s = time_s;
	return atomic_compare_exchange_strong_explicit(p->at, &p->was, pack(p->e), memory_order_relaxed,
						       memory_order_relaxed);
}

/* --- questions --------------------------------------------------------------------------------- */

static bool net_is_allowed(struct greylist *g, const struct settings *c, uint64_t net, uint32_t now_s)
{
	struct place p = find(g, c, net, NET, now_s);

	if (c->greylist_net_passes == 0 || !p.known || p.e.state < c->greylist_net_passes)
		return false;
	set(&p, p.e.state, now_s); /* if another worker is quicker, it sets the same */
	return true;
}

/* One more triplet of the net has passed.  Without a place it is not counted, and the next one has to wait again. */
static void net_passed(struct greylist *g, const struct settings *c, uint64_t net, uint32_t now_s)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct place p = find(g, c, net, NET, now_s);
		uint8_t n = p.known ? p.e.state : 0;

		if (!p.at || set(&p, n < STATE_MAX ? (uint8_t)(n + 1) : n, now_s))
			return;
	}
}

/* False: another worker was quicker, ask again. */
static bool ask_once(struct greylist *g, const struct settings *c, uint64_t triplet, uint64_t net, uint32_t now_s,
		     uint32_t *wait_s, enum greylist_answer *answer)
{
	struct place p = find(g, c, triplet, TRIPLET, now_s);
	uint32_t age = p.known ? age_s(p.e, now_s) : 0;

	*answer = GREYLIST_FULL;
	if (!p.at)
		return true;
	if (!p.known || (is_waiting(p.e) && age < c->greylist_delay_s)) {
		*answer = GREYLIST_WAITS;
		*wait_s = (uint32_t)c->greylist_delay_s - age;
		return p.known || set(&p, 0, now_s);
	}
	bool first = is_waiting(p.e);
	*answer = GREYLIST_PASSES;
	if (!set(&p, 1, now_s))
		return false;
	if (first)
		net_passed(g, c, net, now_s);
	return true;
}

enum greylist_answer greylist_ask(struct greylist *g, const struct settings *settings, const struct greylist_triplet *t,
				  uint32_t now_s, uint32_t *wait_s)
{
	uint64_t net = hash_of(g, settings, t, NET), triplet = hash_of(g, settings, t, TRIPLET);
	enum greylist_answer answer = GREYLIST_NET;

	*wait_s = 0;
	if (net_is_allowed(g, settings, net, now_s))
		return answer;
	for (unsigned i = 0; i < TRIES; i++)
		if (ask_once(g, settings, triplet, net, now_s, wait_s, &answer))
			break;
	return answer;
}

/* --- the whole --------------------------------------------------------------------------------- */

void greylist_counts(const struct greylist *g, const struct settings *settings, uint32_t now_s,
		     struct greylist_counts *out)
{
	*out = (struct greylist_counts){ .entries_max = g->n_buckets * WAYS };
	for (uint64_t i = 0; i < out->entries_max; i++) {
		uint64_t word = atomic_load_explicit(&g->words[i], memory_order_relaxed);
		struct entry e = unpack(word);

		if (!word || !in_time(settings, e, now_s))
			continue;
		out->waiting += is_waiting(e);
		out->passed += e.kind == TRIPLET && e.state != 0;
		out->nets += e.kind == NET;
		out->nets_allowed +=
			e.kind == NET && settings->greylist_net_passes != 0 && e.state >= settings->greylist_net_passes;
	}
}

struct span greylist_octets(const struct greylist *g)
{
	return span_of(g, sizeof(*g) + g->n_buckets * WAYS * sizeof(uint64_t));
}

bool greylist_restore(struct greylist *g, struct span octets)
{
	struct greylist head;

	if (octets.len != greylist_octets(g).len)
		return false;
	memcpy(&head, octets.at, sizeof(head));
	if (head.magic != MAGIC || head.n_buckets != g->n_buckets)
		return false;
	memcpy(g, octets.at, octets.len);
	return true;
}
