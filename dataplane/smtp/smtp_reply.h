// SPDX-License-Identifier: MIT
/*
 * smtp_reply.h - a reply: code, enhanced status code, text (RFC 5321 4.2, RFC 2034)
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "dataplane/base/text.h"

#define SMTP_REPLY_TEXT_MAX 512

struct smtp_reply {
	uint16_t code;	      /* 200..599 */
	uint8_t enhanced[3];  /* class.subject.detail; class 0: none is sent */
	uint16_t detail;      /* third part again when above 255; 0: enhanced[2] counts */
	uint16_t text_len;
	char text[SMTP_REPLY_TEXT_MAX]; /* without CR, LF and control octets; several lines are separated by '\n' */
};

/* Sets all; @text is copied, cut at SMTP_REPLY_TEXT_MAX, octets outside printable ASCII become '?'. */
void smtp_reply_set(struct smtp_reply *r, unsigned code, unsigned e1, unsigned e2, unsigned e3, struct span text);

/* "250-first\r\n250 last\r\n", each line with the enhanced code. */
void smtp_reply_write(const struct smtp_reply *r, struct text *out);

/* "250 2.0.0 text" in one line, for records. */
void smtp_reply_line(const struct smtp_reply *r, struct text *out);

#endif
