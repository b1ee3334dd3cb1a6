// SPDX-License-Identifier: MIT
/*
 * impair_box.h - what middleboxes do to segments
 *
 * All take frames of which impair_look() found TCP, whose checksums are right, and leave them right.
 */
#ifndef IMPAIR_BOX_H
#define IMPAIR_BOX_H

#include "tests/impair/impair.h"

/* Options of a SYN blanked or lowered, numbers moved, URG and ECN cleared, as the settings of @direction say. */
void impair_box(const struct impair *m, unsigned direction, uint8_t *frame, const struct impair_view *v);

/* The segment's first @n octets of data, 0 < n < v->len, and the rest, as two frames; room for each as for @frame. */
void impair_box_split(struct span frame, const struct impair_view *v, uint32_t n, uint8_t *first, size_t *first_len,
		      uint8_t *second, size_t *second_len);

/* Joins @next to the segment in @frame, of *@len octets with room for @cap, if it goes on where that ends and has the same
 * ACK, flags and length of options (as the receive offload of a NIC does); returns whether it did. */
bool impair_box_join(uint8_t *frame, size_t *len, size_t cap, struct span next);

/* A segment without data from the same sender, with @flags and @seq; returns the length of @out. */
size_t impair_box_inject(struct span frame, const struct impair_view *v, uint8_t flags, uint32_t seq, uint8_t *out);

enum { IMPAIR_TOO_BIG = 14 + 40 + 8 + 40 + 28 };

/* What a router with that MTU tells the sender of @frame (RFC 1191 4, RFC 4443 3.2), in the other one's name; returns the
 * length of @out, IMPAIR_TOO_BIG at most. */
size_t impair_box_too_big(struct span frame, uint32_t mtu, uint8_t *out);

/* Puts the TCP checksum of a whole frame right. */
void impair_box_sum(uint8_t *frame, const struct impair_view *v);

#endif
