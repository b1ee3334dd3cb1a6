// SPDX-License-Identifier: MIT
/*
 * smtp_data.c - end of message and dot removal in the DATA phase
 *
 * RFC 5321 4.5.2 (transparency) and 2.3.8 (CR and LF only together).  Only CRLF.CRLF ends a message: a server that
 * also takes LF.LF or CR.CR lets a sender hide a second message inside the first ("SMTP smuggling"), so one bare CR
 * or LF is final.  A NUL is refused as well (RFC 5322 4.1 has it as obsolete, and software behind us may stop at it).
 *
 * This runs over every octet that is ever received.  Nearly all are ordinary text, which plain_run() skips many at
 * a time; the machine sees only line ends and what follows them.
 */
#include "dataplane/smtp/smtp_data.h"

#include "dataplane/base/octets.h"

static bool is_special(uint8_t c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

/* The first CR, LF or NUL from @p on, or @end. */
static const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
	while ((p = octets_find_below(p, end, '\r' + 1)) < end && !is_special(*p))
		p++; /* a tab and the like */
	return p;
}

/* So many octets of the line at hand more, and whether it ends with them.  Messages are shorter than 4 GiB. */
static void measure(struct smtp_data *d, size_t n, bool ends)
{
	d->line += (uint32_t)n;
	if (d->line > d->longest)
		d->longest = d->line;
	if (ends)
		d->line = 0;
}

/*
 * From the middle of a line to where the body stops being one run of @in: the end of @in, a dot to be dropped, or an
 * octet that must not be there.  Sets the state; returns the end of the run.
 */
static const uint8_t *lines(struct smtp_data *d, const uint8_t *p, const uint8_t *end)
{
	for (;;) {
		const uint8_t *from = p;

		p = plain_run(p, end);
		measure(d, (size_t)(p - from), p < end);
		if (p == end) {
			d->state = SMTP_DATA_TEXT;
			return p;
		}
		if (*p != '\r') {
			d->state = SMTP_DATA_BAD;
			return p;
		}
		if (++p == end) {
			d->state = SMTP_DATA_CR;
			return p;
		}
		if (*p != '\n') {
			d->state = SMTP_DATA_BAD;
			return p;
		}
		if (++p == end || *p == '.') {
			d->state = SMTP_DATA_BOL;
			return p;
		}
	}
}

size_t smtp_data_feed(struct smtp_data *d, struct span in, struct span *body)
{
	const uint8_t *p = in.at, *end = in.at + in.len;

	CHECK(d->state < SMTP_DATA_DONE);
	*body = span_of(in.at, 0);
	if (in.len == 0)
		return 0;
	switch ((enum smtp_data_state)d->state) {
	case SMTP_DATA_BOL:
		if (*p == '.') {
			d->state = SMTP_DATA_DOT;
			return 1;
		}
		p = lines(d, p, end);
		break;
	case SMTP_DATA_TEXT:
		p = lines(d, p, end);
		break;
	case SMTP_DATA_CR:
		if (*p != '\n') {
			d->state = SMTP_DATA_BAD;
			return 1;
		}
		d->state = SMTP_DATA_BOL;
		p++;
		if (p < end && *p != '.')
			p = lines(d, p, end);
		break;
	case SMTP_DATA_DOT:
		if (*p == '\r') {
			d->state = SMTP_DATA_DOT_CR;
			return 1;
		}
		/* The dot was stuffed (RFC 5321 4.5.2): the line begins after it, and a dot is text now. */
		p = lines(d, p, end);
		break;
	case SMTP_DATA_DOT_CR:
		d->state = *p == '\n' ? SMTP_DATA_DONE : SMTP_DATA_BAD;
		return 1;
	case SMTP_DATA_DONE:
	case SMTP_DATA_BAD:
		return 0;
	}
	body->len = (size_t)(p - in.at);
	/* The octet that broke the rule is taken, but is no part of the message; a dot is taken by the next call. */
	return body->len + (d->state == SMTP_DATA_BAD);
}

size_t smtp_data_chunk(struct smtp_data *d, struct span in)
{
	const uint8_t *p = in.at, *end = in.at + in.len;

	CHECK(d->state == SMTP_DATA_BOL || d->state == SMTP_DATA_TEXT || d->state == SMTP_DATA_CR);
	while (p < end && d->state != SMTP_DATA_BAD) {
		if (d->state != SMTP_DATA_CR) {
			p = lines(d, p, end); /* stops at a dot that begins a line, and goes on from it */
		} else if (*p == '\n') {
			d->state = SMTP_DATA_BOL;
			p++;
		} else {
			d->state = SMTP_DATA_BAD;
		}
	}
	return (size_t)(p - in.at);
}
