// SPDX-License-Identifier: MIT
/*
 * shard_stream.c - the octets that the next hop gets
 *
 * First the fields that we put on top, then the message as it came, less the fields that claim to be ours
 * (RFC 8601 5), or our tag.  No octet is copied or changed: runs point into the fields, the header section and the body blocks.
 */
#include "dataplane/shard/shard_state.h"

static bool forged(const struct shard *s, const struct txn *t, const struct msg_header *h, const struct msg_field *f)
{
	const struct shard_config *config = &s->configs[t->config];
	struct span name = msg_field_name(h, f);

	if (t->send)
		return false; /* what we send ourselves is as we want it */
	return verify_field_is_forged(&config->auth, name, msg_field_value(h, f)) ||
	       verdict_field_is_ours(config->settings, name);
}

/* Index of the field that begins at or after octet @at. */
static uint32_t field_from(const struct msg_header *h, uint64_t at)
{
	uint32_t low = 0, high = h->n_fields;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (h->fields[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Finds the next run of the header section that is passed on: @p moves over what is not. */
static void header_run(const struct shard *s, struct txn *t, struct stream *p)
{
	const struct msg_header *h = msg_header_of(t->msg);

	p->end = h->bytes.len;
	for (uint32_t i = field_from(h, p->at); i < h->n_fields; i++) {
		const struct msg_field *f = &h->fields[i];

		if (!forged(s, t, h, f))
			continue;
		if (f->at > p->at) {
			p->end = f->at;
			return;
		}
		p->at = (uint64_t)f->at + f->len;
	}
}

uint64_t stream_len(const struct shard *s, const struct txn *t)
{
	const struct msg_header *h = msg_header_of(t->msg);
	uint64_t len = t->fields.len + h->bytes.len + (msg_has_separator(t->msg) ? 2 : 0) + msg_body_len(t->msg);

	for (uint32_t i = 0; i < h->n_fields; i++)
		if (forged(s, t, h, &h->fields[i]))
			len -= h->fields[i].len;
	return len;
}

static struct span part_run(const struct shard *s, struct txn *t)
{
	struct stream *p = &t->stream;

	switch (p->part) {
	case STREAM_FIELDS:
		return span_skip(text_span(&t->fields), (size_t)p->at);
	case STREAM_HEADER:
		if (p->at == p->end)
			header_run(s, t, p);
		return span_part(msg_header_of(t->msg)->bytes, (size_t)p->at, (size_t)p->end);
	case STREAM_SEPARATOR:
		return msg_has_separator(t->msg) ? span_skip(SPAN("\r\n"), (size_t)p->at) : SPAN("");
	case STREAM_BODY:
		return msg_body_at(t->msg, p->at);
	case STREAM_END:
		break;
	}
	return SPAN("");
}

struct span stream_peek(const struct shard *s, struct txn *t)
{
	struct span run = part_run(s, t);

	while (run.len == 0 && t->stream.part != STREAM_END) {
		t->stream = (struct stream){ .part = t->stream.part + 1 };
		run = part_run(s, t);
	}
	return run;
}

void stream_skip(struct txn *t, size_t n)
{
	t->stream.at += n;
}
