// SPDX-License-Identifier: MIT
/*
 * smtp_session_data.h - messages, from DATA and BDAT to their ends; for smtp_session.c alone
 */
#ifndef SMTP_SESSION_DATA_H
#define SMTP_SESSION_DATA_H

#include "dataplane/smtp/smtp_command.h"
#include "dataplane/smtp/smtp_session_out.h"

void smtp_session_do_data(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us);
void smtp_session_do_bdat(struct smtp_session *s, const struct smtp_command *c, uint64_t now_us);

/* The answer to DATA_BEGIN when BDAT asked it: a 354 is not said, a refusal after the chunk's octets. */
void smtp_session_chunks_answered(struct smtp_session *s, const struct smtp_reply *reply, uint64_t now_us);

/* DUE_CHUNK, once the chunk's octets were told. */
void smtp_session_chunk_taken(struct smtp_session *s);

/* What comes next is octets of a message, not a command. */
static inline bool smtp_session_in_message(const struct smtp_session *s)
{
	return s->state == SESSION_DATA || s->state == SESSION_CHUNK || s->state == SESSION_DRAIN;
}

size_t smtp_session_take_message(struct smtp_session *s, struct span in, uint64_t now_us);

#endif
