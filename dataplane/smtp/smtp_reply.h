// SPDX-License-Identifier: MIT
/*
 * smtp_reply.h - a reply: code, enhanced status code, text (RFC 5321 4.2, RFC 2034)
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "dataplane/base/text.h"

#define SMTP_REPLY_TEXT_MAX 512

struct smtp_reply {
	uint16_t code;       /* 200..599 */
	uint8_t enhanced[3]; /* class.subject.detail; class 0: none is sent */
	uint16_t detail;     /* third part again when above 255; 0: enhanced[2] counts */
	uint16_t text_len;
	char text[SMTP_REPLY_TEXT_MAX]; /* without CR, LF and control octets; several lines are separated by '\n' */
};

/* What smtp_reply_write() writes at most: lines of RFC 5321 4.5.3.1.5's 512 octets at most, in all so many octets. */
#define SMTP_REPLY_LINES_MAX 16
#define SMTP_REPLY_PREFIX_MAX 16 /* "250-5.255.65535 " */
#define SMTP_REPLY_WIRE_MAX (SMTP_REPLY_TEXT_MAX + SMTP_REPLY_LINES_MAX * (SMTP_REPLY_PREFIX_MAX + 2))

/* The replies of smtp_reply.def. */
enum smtp_text {
#define REPLY(name, code, e1, e2, e3, text) SMTP_TEXT_##name,
#include "dataplane/smtp/smtp_reply.def"
#undef REPLY
	SMTP_N_TEXTS,
};

void smtp_reply_fixed(struct smtp_reply *r, enum smtp_text which);

/* The 354 that lets a message come; what a caller answers to DATA_BEGIN. */
extern const struct smtp_reply smtp_reply_go_ahead;

/**
 * smtp_reply_set - a reply with a text of its own
 * @text: copied, cut at SMTP_REPLY_TEXT_MAX; octets outside printable ASCII become '?', except that '\n' begins
 *	  another line; after SMTP_REPLY_LINES_MAX - 1 lines it becomes a blank
 */
void smtp_reply_set(struct smtp_reply *r, unsigned code, unsigned e1, unsigned e2, unsigned e3, struct span text);

static inline bool smtp_reply_positive(const struct smtp_reply *r)
{
	return r->code / 100 == 2;
}

static inline bool smtp_reply_permanent(const struct smtp_reply *r)
{
	return r->code / 100 == 5;
}

/* "250-first\r\n250 last\r\n", each line with the enhanced code; SMTP_REPLY_WIRE_MAX octets at most. */
void smtp_reply_write(const struct smtp_reply *r, struct text *out);

/* "250 2.0.0 text" in one line, for records. */
void smtp_reply_line(const struct smtp_reply *r, struct text *out);

#endif
