// SPDX-License-Identifier: MIT
/*
 * shard_rcpt_table.c - the table of recipients (recipients.file): whether a recipient is in it
 *
 * Looked for are the address as it came, without the extension behind one of recipients.extension's characters, and its
 * whole domain.  Letters of ASCII are the same in either case, in the local part as well: RFC 5321 2.4 leaves that to the
 * server behind us, and there is hardly one that tells User from user.
 */
#include "dataplane/shard/shard_state.h"

static bool has(const struct shard *s, struct span local, struct span domain)
{
	char address[LISTS_NAME_MAX];
	struct text t;

	text_init(&t, address, sizeof(address));
	text_put(&t, local);
	text_putc(&t, '@');
	text_put(&t, domain);
	return !t.full && lists_has(s->recipients, LISTS_RECIPIENT, text_span(&t));
}

/* Up to the first character of @delimiters, which must not be the first of all. */
static struct span without_extension(struct span local, const char *delimiters)
{
	for (size_t i = 1; i < local.len; i++)
		if (span_find(span_str(delimiters), local.at[i]) != SPAN_NONE)
			return span_head(local, i);
	return local;
}

enum rcpt_in_table rcpt_table_find(const struct shard *s, const struct settings *c, struct span rcpt)
{
	size_t at = span_find_last(rcpt, '@');
	char room[256];
	struct text t;

	if (!s->recipients)
		return RCPT_IN_NO_TABLE;
	if (at == SPAN_NONE)
		return RCPT_NOT_IN_TABLE;
	text_init(&t, room, sizeof(room));
	struct span local = span_head(rcpt, at), domain = route_domain(s, span_skip(rcpt, at + 1), &t);

	if (has(s, local, domain) || has(s, without_extension(local, c->recipients_extension), domain))
		return RCPT_IN_TABLE;
	return has(s, span_head(local, 0), domain) ? RCPT_IN_DOMAIN : RCPT_NOT_IN_TABLE;
}
