// SPDX-License-Identifier: MIT
/*
 * tcp_score.c - the scoreboard: what became of each octet between snd_una and snd_max (RFC 6675)
 */
#include "dataplane/net/tcp_rack.h"

static struct tcp_sent *at(struct tcp_score *b, size_t i)
{
	return &b->sent[b->first + i];
}

static uint32_t end_of(const struct tcp_conn *c, const struct tcp_score *b, size_t i)
{
	return i + 1u < b->n ? b->sent[b->first + i + 1].seq : c->snd_max;
}

/* The range that holds @seq, which is at or behind the first. */
static size_t find(const struct tcp_score *b, uint32_t seq)
{
	size_t low = 0, high = b->n;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (seq_le(b->sent[b->first + middle].seq, seq))
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Opens a place in front of range @i, for which there is room. */
static struct tcp_sent *open_at(struct tcp_score *b, size_t i)
{
	CHECK(b->n < TCP_SENT_MAX);
	if (b->first + b->n == TCP_SENT_MAX) {
		memmove(b->sent, b->sent + b->first, b->n * sizeof(b->sent[0]));
		b->first = 0;
	}
	memmove(at(b, i + 1), at(b, i), (b->n - i) * sizeof(b->sent[0]));
	b->n++;
	return at(b, i);
}

static void close_at(struct tcp_score *b, size_t i)
{
	b->n--;
	memmove(at(b, i), at(b, i + 1), (b->n - i) * sizeof(b->sent[0]));
}

static bool alike(const struct tcp_sent *a, const struct tcp_sent *b, uint32_t within_us)
{
	if (a->flags != b->flags)
		return false;
	return a->flags & SENT_SACKED || b->sent_us - a->sent_us <= within_us || a->sent_us - b->sent_us <= within_us;
}

/* Makes one of range @i and the one before it, if they are alike. */
static void join_at(struct tcp_score *b, size_t i, uint32_t within_us)
{
	if (i == 0 || i >= b->n || !alike(at(b, i - 1), at(b, i), within_us))
		return;
	at(b, i - 1)->sent_us = seq_max(at(b, i - 1)->sent_us, at(b, i)->sent_us);
	close_at(b, i);
}

/* Room for two more ranges. */
static bool make_room(struct tcp_score *b)
{
	if (b->n + 2u + TCP_SENT_SPARE <= TCP_SENT_MAX)
		return true;
	for (size_t i = b->n; i-- > 1;)
		join_at(b, i, UINT32_MAX);
	return b->n + 2u + TCP_SENT_SPARE <= TCP_SENT_MAX;
}

static size_t split(struct tcp_score *b, uint32_t seq)
{
	size_t i = find(b, seq);

	if (at(b, i)->seq == seq)
		return i;
	struct tcp_sent *later = open_at(b, i + 1);
	*later = *at(b, i);
	later->seq = seq;
	return i + 1;
}

/* The one place where flags change, so that the sums stay right. */
static void set_flags(const struct tcp_conn *c, struct tcp_score *b, size_t i, uint8_t flags)
{
	uint32_t len = end_of(c, b, i) - at(b, i)->seq;

	b->n_sacked -= at(b, i)->flags & SENT_SACKED ? len : 0;
	b->n_lost -= at(b, i)->flags & SENT_LOST ? len : 0;
	b->n_sacked += flags & SENT_SACKED ? len : 0;
	b->n_lost += flags & SENT_LOST ? len : 0;
	at(b, i)->flags = flags;
}

void tcp_score_open(struct tcp *t, struct tcp_conn *c, uint64_t now_us)
{
	if (c->score || tcp_blocks_free(&t->blocks, t->blocks.keep_send) == 0)
		return;
	c->score = pool_take(&t->blocks.pool);
	CHECK(c->score);
	struct tcp_score *b = tcp_score(c);
	memset(b, 0, offsetof(struct tcp_score, sent));
	b->high_sacked = b->dsack_round = b->used_round = c->snd_una;
	b->n = 1;
	*at(b, 0) = (struct tcp_sent){ .seq = c->snd_una, .sent_us = (uint32_t)now_us };
}

void tcp_score_close(struct tcp *t, struct tcp_conn *c)
{
	if (!c->score)
		return;
	pool_give(&t->blocks.pool, c->score);
	c->score = NULL;
}

static void sent_new(struct tcp *t, struct tcp_conn *c, uint32_t seq, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);
	const struct tcp_sent now = { .seq = seq, .sent_us = (uint32_t)now_us };
	struct tcp_sent *last = at(b, b->n - 1u);

	if (alike(last, &now, tcp_score_grain_us(c)) || (last->flags == 0 && b->n >= TCP_SENT_MAX - TCP_SENT_SPARE)) {
		last->sent_us = now.sent_us;
		return;
	}
	if (b->n == TCP_SENT_MAX)
		make_room(b);
	if (b->n == TCP_SENT_MAX) { /* never with a peer that means well */
		tcp_score_close(t, c);
		return;
	}
	*open_at(b, b->n) = now;
}

static void sent_again(struct tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now_us)
{
	struct tcp_score *b = tcp_score(c);
	bool room = make_room(b); /* else whole ranges count as sent: what was not is found out by the timer */
	size_t i = room ? split(b, seq) : find(b, seq), n = 0;

	if (room && seq_lt(end, c->snd_max))
		split(b, end);
	for (; i + n < b->n && seq_lt(at(b, i + n)->seq, end); n++) {
		if (at(b, i + n)->flags & SENT_SACKED)
			continue;
		set_flags(c, b, i + n, SENT_AGAIN);
		at(b, i + n)->sent_us = (uint32_t)now_us;
	}
	join_at(b, i + n, tcp_score_grain_us(c));
	join_at(b, i, tcp_score_grain_us(c));
}

void tcp_score_sent(struct tcp *t, struct tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now_us)
{
	if (seq_ge(seq, c->snd_max))
		sent_new(t, c, seq, now_us);
	else
		sent_again(c, seq, seq_min(end, c->snd_max), now_us);
}

uint32_t tcp_score_acked(struct tcp_conn *c, uint32_t ack)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t delivered = 0;

	b->high_sacked = seq_max(b->high_sacked, ack);
	while (b->n) {
		struct tcp_sent *r = at(b, 0);
		uint32_t end = end_of(c, b, 0), reach = seq_min(end, ack), len = reach - r->seq;

		if (seq_le(reach, r->seq))
			break;
		b->n_sacked -= r->flags & SENT_SACKED ? len : 0;
		b->n_lost -= r->flags & SENT_LOST ? len : 0;
		if (!(r->flags & SENT_SACKED)) {
			delivered += len;
			b->late |= r->flags == SENT_LOST;
			tcp_rack_delivered(c, reach, r->sent_us, r->flags);
		}
		r->seq = reach;
		if (reach != end || b->n == 1)
			break;
		b->first++;
		b->n--;
	}
	return delivered;
}

uint32_t tcp_score_sacked(struct tcp_conn *c, uint32_t start, uint32_t end)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t before = b->n_sacked;
	size_t i = find(b, start), n = 0;

	if (at(b, i)->flags & SENT_SACKED && seq_ge(end_of(c, b, i), end))
		return 0; /* the usual repetition of what is known */
	if (!make_room(b))
		return 0;
	i = split(b, start);
	if (seq_lt(end, c->snd_max))
		split(b, end);
	for (; i + n < b->n && seq_lt(at(b, i + n)->seq, end); n++) {
		b->late |= at(b, i + n)->flags == SENT_LOST;
		if (!(at(b, i + n)->flags & SENT_SACKED))
			tcp_rack_delivered(c, end_of(c, b, i + n), at(b, i + n)->sent_us, at(b, i + n)->flags);
		set_flags(c, b, i + n, SENT_SACKED);
	}
	for (size_t k = i + n + 1; k-- > i;)
		join_at(b, k, 0);
	b->high_sacked = seq_max(b->high_sacked, end);
	return b->n_sacked - before;
}

uint32_t tcp_score_mark_lost(struct tcp_conn *c)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t octets = 0, n_runs = 0, before = b->n_lost;

	if (b->n_sacked == 0)
		return 0;
	for (size_t i = b->n; i-- > 0;) {
		struct tcp_sent *r = at(b, i);

		if (r->flags & SENT_SACKED) {
			octets += end_of(c, b, i) - r->seq;
			n_runs++;
		} else if (r->flags == 0 && (n_runs >= 3 || octets > 2u * c->mss)) {
			set_flags(c, b, i, SENT_LOST);
			join_at(b, i + 1, 0);
		}
	}
	return b->n_lost - before;
}

void tcp_score_all_lost(struct tcp_conn *c, bool forget)
{
	struct tcp_score *b = tcp_score(c);

	forget = forget || at(b, 0)->flags & SENT_SACKED;
	for (size_t i = b->n; i-- > 0;) {
		if (forget || !(at(b, i)->flags & SENT_SACKED))
			set_flags(c, b, i, (at(b, i)->flags & SENT_AGAIN) | SENT_LOST);
		join_at(b, i + 1, tcp_score_grain_us(c));
	}
}

void tcp_score_lost_at(struct tcp_conn *c, size_t i)
{
	struct tcp_score *b = tcp_score(c);

	set_flags(c, b, i, at(b, i)->flags | SENT_LOST);
}

void tcp_score_none_lost(struct tcp_conn *c)
{
	struct tcp_score *b = tcp_score(c);

	for (size_t i = b->n; i-- > 0;) {
		set_flags(c, b, i, at(b, i)->flags & (uint8_t)~SENT_LOST);
		join_at(b, i + 1, tcp_score_grain_us(c));
	}
}

bool tcp_score_next_lost(const struct tcp_conn *c, uint32_t *seq, uint32_t *len)
{
	struct tcp_score *b = tcp_score(c);

	if (b->n_lost == 0)
		return false;
	for (size_t i = 0; i < b->n; i++) {
		if (at(b, i)->flags & SENT_LOST) {
			*seq = at(b, i)->seq;
			*len = end_of(c, b, i) - *seq;
			return true;
		}
	}
	return false;
}

void tcp_score_check(const struct tcp_conn *c)
{
	struct tcp_score *b = tcp_score(c);
	uint32_t n_sacked = 0, n_lost = 0;

	CHECK(b->n && b->first + b->n <= TCP_SENT_MAX);
	CHECK(c->snd_nxt == c->snd_max && at(b, 0)->seq == c->snd_una);
	for (size_t i = 0; i < b->n; i++) {
		uint32_t len = end_of(c, b, i) - at(b, i)->seq;

		CHECK(len && len <= c->snd_max - c->snd_una);
		CHECK(!(at(b, i)->flags & SENT_SACKED) || at(b, i)->flags == SENT_SACKED);
		n_sacked += at(b, i)->flags & SENT_SACKED ? len : 0;
		n_lost += at(b, i)->flags & SENT_LOST ? len : 0;
	}
	CHECK(n_sacked == b->n_sacked && n_lost == b->n_lost);
	CHECK(seq_ge(b->high_sacked, c->snd_una) && seq_le(b->high_sacked, c->snd_max));
}
