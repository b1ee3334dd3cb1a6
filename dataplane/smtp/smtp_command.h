// SPDX-License-Identifier: MIT
/*
 * smtp_command.h - one command line, parsed: verb and arguments (RFC 5321 4.1)
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "dataplane/smtp/smtp_reply.h"

enum smtp_verb {
	SMTP_VERB_EHLO,
	SMTP_VERB_HELO,
	SMTP_VERB_MAIL,
	SMTP_VERB_RCPT,
	SMTP_VERB_DATA,
	SMTP_VERB_BDAT,
	SMTP_VERB_RSET,
	SMTP_VERB_NOOP,
	SMTP_VERB_VRFY,
	SMTP_VERB_HELP,
	SMTP_VERB_QUIT,
	SMTP_VERB_STARTTLS,
	SMTP_VERB_XCLIENT,
	SMTP_VERB_NOT_OFFERED, /* known, but not here: EXPN, AUTH, ETRN, TURN and the like */
	SMTP_VERB_FOREIGN,     /* another protocol's: a browser that was made to talk to port 25 */
	SMTP_VERB_UNKNOWN,
};

#define SMTP_N_VERBS (SMTP_VERB_UNKNOWN + 1)

struct smtp_command {
	enum smtp_verb verb;
	struct span
		argument; /* EHLO, HELO: the name; XCLIENT: the attributes; MAIL, RCPT: the mailbox; points into the line */
	uint64_t size;      /* MAIL: SIZE=, BDAT: of the chunk; UINT64_MAX for any larger number; 0 when not given */
	bool body_8bit;     /* MAIL: BODY=8BITMIME */
	bool last;          /* BDAT: LAST */
	bool smtputf8;      /* MAIL: SMTPUTF8 (RFC 6531) */
	bool requiretls;    /* MAIL: REQUIRETLS (RFC 8689) */
	bool eight_bit;     /* MAIL, RCPT: there are octets outside ASCII, all of it UTF-8 */
	struct span dsn[2]; /* values of RFC 3461: MAIL: RET, ENVID; RCPT: NOTIFY, ORCPT; at is NULL: not given */
};

/**
 * smtp_command_parse - what a line says
 * @line: without CRLF; borrowed by @c
 * @line_max: octets with CRLF that a line without parameters may have (512, RFC 5321 4.5.3.1.4)
 *
 * Returns SMTP_TEXT_OK, or the reply that refuses the line.  c->verb is set in either case; whether the command may
 * come now is for the session to say.
 */
enum smtp_text MUST_USE smtp_command_parse(struct span line, size_t line_max, struct smtp_command *c);

#endif
