// SPDX-License-Identifier: MIT
/*
 * dkim_fields.h - which header fields the names of h= mean (RFC 6376 5.4.2)
 */
#ifndef AUTH_DKIM_FIELDS_H
#define AUTH_DKIM_FIELDS_H

#include "dataplane/msg/msg_header.h"

#define DKIM_H_NAMES_MAX 1000
#define DKIM_FIELD_NONE UINT32_MAX

struct dkim_fields {
	size_t n;
	uint32_t field[DKIM_H_NAMES_MAX]; /* for each name its field's index, or DKIM_FIELD_NONE: the null string */
};

/**
 * dkim_fields_choose - find the field of each name
 * @h: the value of h=: at most DKIM_H_NAMES_MAX names
 * @self: index of the signature's own field, which is never among them
 *
 * A name that stands n times means the n lowest fields of that name, the lowest first; when there are fewer, the
 * names left over mean nothing, so that a field added later breaks the signature ("oversigning").
 */
void dkim_fields_choose(struct dkim_fields *f, const struct msg_header *header, struct span h, size_t self);

#endif
