// SPDX-License-Identifier: MIT
/*
 * side_wish.h - what a side thread wants of the control thread (gateway_send.c grants it)
 */
#ifndef SIDE_WISH_H
#define SIDE_WISH_H

#include <jansson.h>
#include <stdlib.h>

#include "dataplane/shard/shard_link.h"
#include "dns/dns_question.h"

enum side_wish_kind {
	SIDE_WISH_ASK,    /* ask DNS; the answer comes back with the tag */
	SIDE_WISH_SEND,   /* send a mail; what the next hop said comes back with the tag */
	SIDE_WISH_ANSWER, /* a request of the control socket is answered */
	SIDE_WISH_HOME    /* a worker's message has been dealt with */
};

struct side_wish {
	enum side_wish_kind kind;
	uint64_t tag;
	struct dns_question question; /* ASK */
	char mail_from[324];          /* SEND */
	char *rcpts;                  /* SEND: malloc()ed, each ended by a NUL */
	size_t rcpts_len;
	char *mail; /* SEND: malloc()ed */
	size_t mail_len;
	bool body_8bit, smtputf8, requiretls; /* SEND */
	bool outbound;                        /* SEND: by a smarthost, if there is one */
	int64_t report;                       /* SEND: see struct shard_send */
	json_t *result;                       /* ANSWER: of a request that went well, or NULL... */
	char error[256];                      /* ...and why it did not */
	bool refused;                         /* the request itself is wrong */
	struct shard_keep *keep;              /* HOME */
};

static inline void side_wish_free(struct side_wish *w)
{
	free(w->rcpts);
	free(w->mail);
	json_decref(w->result);
	free(w);
}

#endif
