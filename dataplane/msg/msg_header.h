// SPDX-License-Identifier: MIT
/*
 * msg_header.h - the header section as fields (RFC 5322 2.2)
 *
 * The header section lies in one piece (the message store sees to that); fields are
 * offsets into it.  Finding where it ends is done once, here, on the very octets that
 * are relayed: what follows is body for the verifiers and for the next hop alike.
 */
#ifndef MSG_HEADER_H
#define MSG_HEADER_H

#include "dataplane/base/span.h"

#define MSG_FIELDS_MAX 2000 /* features: 2000 fields, 256 KiB; beyond that 552 5.6.0 */

struct msg_field {
	uint32_t at;       /* offset of the name's first octet */
	uint32_t len;      /* octets of the whole field, its last CRLF included */
	uint16_t name_len; /* octets before the colon without trailing white space; 0: the line has no valid name */
	uint16_t colon;    /* offset of the colon from @at; 0 when there is none */
};

struct msg_header {
	struct span bytes; /* all fields with their CRLFs, without the empty line that ends them */
	struct msg_field *fields;
	uint32_t n_fields;
	uint32_t fields_max;
	bool too_many;  /* more than fields_max: the surplus is not in fields[] */
	bool malformed; /* some line is neither a field nor a continuation of one */
};

/**
 * msg_header_parse - index the fields of a whole header section
 * @h: fields and fields_max set by the caller; the rest is set here
 * @bytes: the section up to and without the empty line; borrowed as long as @h is used
 */
void msg_header_parse(struct msg_header *h, struct span bytes);

/**
 * msg_header_end - find the end of the header section in bytes that arrive piece by piece
 * @seen: all bytes so far, @from: how many of them were searched before
 *
 * Returns the offset of the body (after the empty line) or SPAN_NONE.  The section ends at the
 * first CRLF CRLF, or at once when the message begins with CRLF.  @header_len gets the length of
 * the section without the empty line.
 */
size_t msg_header_end(struct span seen, size_t from, size_t *header_len);

static inline struct span msg_field_whole(const struct msg_header *h, const struct msg_field *f)
{
	return span_part(h->bytes, f->at, (size_t)f->at + f->len);
}

static inline struct span msg_field_name(const struct msg_header *h, const struct msg_field *f)
{
	return span_part(h->bytes, f->at, (size_t)f->at + f->name_len);
}

/* What follows the colon, folding and the final CRLF included; empty when there is no colon. */
struct span msg_field_value(const struct msg_header *h, const struct msg_field *f);

/* First field of that name at or after index @from, top to bottom; SPAN_NONE when there is none. */
size_t msg_header_find(const struct msg_header *h, struct span name, size_t from);

#endif
