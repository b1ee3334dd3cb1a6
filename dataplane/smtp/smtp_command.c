// SPDX-License-Identifier: MIT
/*
 * smtp_command.c - one command line, parsed: verb and arguments (RFC 5321 4.1)
 *
 * A table of name and parse function; each looks at its own arguments and knows nothing of the session.
 */
#include "dataplane/smtp/smtp_address.h"
#include "dataplane/smtp/smtp_command.h"
#include "dataplane/smtp/smtp_dsn.h"

#define HELO_MAX 255 /* octets of a domain (RFC 5321 4.5.3.1.2) */

/* Lenient: whether the name is one of DNS is for policy to judge, but it must be one printable word. */
static enum smtp_text parse_helo(struct span args, struct smtp_command *c)
{
	if (args.len == 0 || args.len > HELO_MAX || span_find(args, ' ') != SPAN_NONE)
		return SMTP_TEXT_BAD_HELO;
	c->argument = args;
	return SMTP_TEXT_OK;
}

/* RFC 1870 3: size-value ::= 1*20DIGIT; more than 64 bits hold is too big for any limit. */
static enum smtp_text parse_size(struct span value, struct smtp_command *c)
{
	for (size_t i = 0; i < value.len; i++)
		if (!byte_is_digit(value.at[i]))
			return SMTP_TEXT_PARAMETER_VALUE;
	if (value.len == 0 || value.len > 20)
		return SMTP_TEXT_PARAMETER_VALUE;
	if (!span_decimal(value, UINT64_MAX, &c->size))
		c->size = UINT64_MAX;
	return SMTP_TEXT_OK;
}

/* RFC 6152 2 (4) */
static enum smtp_text parse_body(struct span value, struct smtp_command *c)
{
	c->body_8bit = span_eq_nocase(value, SPAN("8BITMIME"));
	return c->body_8bit || span_eq_nocase(value, SPAN("7BIT")) ? SMTP_TEXT_OK : SMTP_TEXT_PARAMETER_VALUE;
}

/* RFC 6531 3.4: no value */
static enum smtp_text parse_smtputf8(struct span value, struct smtp_command *c)
{
	c->smtputf8 = true;
	return value.at ? SMTP_TEXT_PARAMETER_VALUE : SMTP_TEXT_OK;
}

/* RFC 8689 2 (4): no value */
static enum smtp_text parse_requiretls(struct span value, struct smtp_command *c)
{
	c->requiretls = true;
	return value.at ? SMTP_TEXT_PARAMETER_VALUE : SMTP_TEXT_OK;
}

static enum smtp_text keep_dsn(struct smtp_command *c, unsigned i, struct span value, bool good)
{
	c->dsn[i] = value;
	return good ? SMTP_TEXT_OK : SMTP_TEXT_PARAMETER_VALUE;
}

static enum smtp_text parse_ret(struct span value, struct smtp_command *c)
{
	return keep_dsn(c, 0, value, smtp_dsn_ret(value));
}

static enum smtp_text parse_envid(struct span value, struct smtp_command *c)
{
	return keep_dsn(c, 1, value, smtp_dsn_envid(value));
}

static enum smtp_text parse_notify(struct span value, struct smtp_command *c)
{
	return keep_dsn(c, 0, value, smtp_dsn_notify(value));
}

static enum smtp_text parse_orcpt(struct span value, struct smtp_command *c)
{
	return keep_dsn(c, 1, value, smtp_dsn_orcpt(value));
}

static const struct parameter {
	struct span name;
	enum smtp_text (*parse)(struct span value, struct smtp_command *c);
} mail_parameters[] = {
	{ { (const uint8_t *)"SIZE", 4 }, parse_size },
	{ { (const uint8_t *)"BODY", 4 }, parse_body },
	{ { (const uint8_t *)"SMTPUTF8", 8 }, parse_smtputf8 },
	{ { (const uint8_t *)"RET", 3 }, parse_ret },
	{ { (const uint8_t *)"ENVID", 5 }, parse_envid },
	{ { (const uint8_t *)"REQUIRETLS", 10 }, parse_requiretls },
}, rcpt_parameters[] = {
	{ { (const uint8_t *)"NOTIFY", 6 }, parse_notify },
	{ { (const uint8_t *)"ORCPT", 5 }, parse_orcpt },
};

#define N_MAIL_PARAMETERS (sizeof(mail_parameters) / sizeof(mail_parameters[0]))
#define N_RCPT_PARAMETERS (sizeof(rcpt_parameters) / sizeof(rcpt_parameters[0]))

/* esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-") (RFC 5321 4.1.2) */
static bool is_keyword(struct span s)
{
	if (s.len == 0 || s.at[0] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!byte_is_alnum(s.at[i]) && s.at[i] != '-')
			return false;
	return true;
}

/* *( SP esmtp-keyword ["=" esmtp-value] ); the line has no controls, so a value can only break the rule by '=' or be empty. */
static enum smtp_text parse_parameters(struct span args, const struct parameter *known, size_t n_known,
				       struct smtp_command *c)
{
	unsigned seen = 0;

	if (args.len == 0)
		return SMTP_TEXT_OK;
	if (args.at[0] != ' ')
		return SMTP_TEXT_PARAMETER_SYNTAX;
	for (struct span rest = span_skip(args, 1); rest.at;) {
		struct span value = span_cut(&rest, ' '), name = span_cut(&value, '=');
		enum smtp_text refusal;
		size_t i = 0;

		if (!is_keyword(name) || (value.at && (value.len == 0 || span_find(value, '=') != SPAN_NONE)))
			return SMTP_TEXT_PARAMETER_SYNTAX;
		while (i < n_known && !span_eq_nocase(name, known[i].name))
			i++;
		if (i == n_known)
			return SMTP_TEXT_PARAMETER_UNKNOWN;
		if (seen & 1U << i)
			return SMTP_TEXT_PARAMETER_TWICE;
		seen |= 1U << i;
		refusal = known[i].parse(value, c);
		if (refusal != SMTP_TEXT_OK)
			return refusal;
	}
	return SMTP_TEXT_OK;
}

/* "MAIL FROM:" Reverse-path [SP Mail-parameters]; no blank after the colon (RFC 5321 3.3) */
static enum smtp_text parse_mail(struct span args, struct smtp_command *c)
{
	static const struct span from = { (const uint8_t *)"FROM:<", 6 };

	if (!span_starts_nocase(args, from))
		return SMTP_TEXT_MAIL_SYNTAX;
	args = span_skip(args, from.len - 1);
	if (!smtp_address_path_utf8(&args, &c->argument) || smtp_address_is_postmaster(c->argument))
		return SMTP_TEXT_BAD_SENDER;
	enum smtp_text refusal = parse_parameters(args, mail_parameters, N_MAIL_PARAMETERS, c);
	return refusal == SMTP_TEXT_OK && c->eight_bit && !c->smtputf8 ? SMTP_TEXT_ADDRESS_8BIT : refusal;
}

/* "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] */
static enum smtp_text parse_rcpt(struct span args, struct smtp_command *c)
{
	static const struct span to = { (const uint8_t *)"TO:<", 4 };

	if (!span_starts_nocase(args, to))
		return SMTP_TEXT_RCPT_SYNTAX;
	args = span_skip(args, to.len - 1);
	if (!smtp_address_path_utf8(&args, &c->argument) || c->argument.len == 0)
		return SMTP_TEXT_BAD_RECIPIENT;
	return parse_parameters(args, rcpt_parameters, N_RCPT_PARAMETERS, c);
}

static enum smtp_text parse_none(struct span args, struct smtp_command *c)
{
	(void)c;
	return args.len ? SMTP_TEXT_NO_ARGUMENT : SMTP_TEXT_OK;
}

/*
 * RFC 3030 2: "BDAT" SP chunk-size [SP "LAST"], chunk-size ::= 1*DIGIT.  As for SIZE more than 20 digits are none, and
 * more than 64 bits hold is too big for any limit.
 */
static enum smtp_text parse_bdat(struct span args, struct smtp_command *c)
{
	struct span last = args, size = span_cut(&last, ' ');

	if (parse_size(size, c) != SMTP_TEXT_OK)
		return SMTP_TEXT_BAD_CHUNK;
	c->last = last.at != NULL;
	return !c->last || span_eq_nocase(last, SPAN("LAST")) ? SMTP_TEXT_OK : SMTP_TEXT_BAD_CHUNK;
}

static enum smtp_text parse_any(struct span args, struct smtp_command *c)
{
	(void)args, (void)c;
	return SMTP_TEXT_OK;
}

/* Its attributes are for who may say it at all. */
static enum smtp_text parse_xclient(struct span args, struct smtp_command *c)
{
	c->argument = args;
	return SMTP_TEXT_OK;
}

static enum smtp_text parse_some(struct span args, struct smtp_command *c)
{
	(void)c;
	return args.len ? SMTP_TEXT_OK : SMTP_TEXT_WANTS_ARGUMENT;
}

static enum smtp_text parse_not_offered(struct span args, struct smtp_command *c)
{
	(void)args, (void)c;
	return SMTP_TEXT_NOT_OFFERED;
}

static enum smtp_text parse_foreign(struct span args, struct smtp_command *c)
{
	(void)args, (void)c;
	return SMTP_TEXT_FOREIGN_PROTOCOL;
}

/* clang-format off */
static const struct {
	const char *name;
	enum smtp_verb verb;
	enum smtp_text (*parse)(struct span args, struct smtp_command *c);
	bool long_line; /* has parameters, so the line may be longer */
} verbs[] = {
	{ "RCPT",     SMTP_VERB_RCPT,        parse_rcpt, true },
	{ "MAIL",     SMTP_VERB_MAIL,        parse_mail, true },
	{ "DATA",     SMTP_VERB_DATA,        parse_none, false },
	{ "BDAT",     SMTP_VERB_BDAT,        parse_bdat, false },
	{ "EHLO",     SMTP_VERB_EHLO,        parse_helo, false },
	{ "QUIT",     SMTP_VERB_QUIT,        parse_none, false },
	{ "RSET",     SMTP_VERB_RSET,        parse_none, false },
	{ "HELO",     SMTP_VERB_HELO,        parse_helo, false },
	{ "NOOP",     SMTP_VERB_NOOP,        parse_any,  false },
	{ "VRFY",     SMTP_VERB_VRFY,        parse_some, false },
	{ "HELP",     SMTP_VERB_HELP,        parse_any,  false },
	{ "STARTTLS", SMTP_VERB_STARTTLS,    parse_none, false },
	{ "XCLIENT",  SMTP_VERB_XCLIENT,     parse_xclient, false },
	{ "AUTH",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "EXPN",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "ETRN",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "ATRN",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "TURN",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "SEND",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "SOML",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "SAML",     SMTP_VERB_NOT_OFFERED, parse_not_offered, false },
	{ "GET",      SMTP_VERB_FOREIGN,     parse_foreign, false },
	{ "POST",     SMTP_VERB_FOREIGN,     parse_foreign, false },
	{ "PUT",      SMTP_VERB_FOREIGN,     parse_foreign, false },
	{ "HEAD",     SMTP_VERB_FOREIGN,     parse_foreign, false },
	{ "OPTIONS",  SMTP_VERB_FOREIGN,     parse_foreign, false },
	{ "CONNECT",  SMTP_VERB_FOREIGN,     parse_foreign, false },
	{ "PROXY",    SMTP_VERB_FOREIGN,     parse_foreign, false }, /* from one who is no proxy of ours */
};
/* clang-format on */

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static bool any_octet(struct span s, uint8_t from, uint8_t to)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= from && s.at[i] <= to)
			return true;
	return false;
}

enum smtp_text smtp_command_parse(struct span line, size_t line_max, struct smtp_command *c)
{
	struct span args, name;
	size_t n_wire = line.len + 2, i = 0;

	/* RFC 5321 4.1.1: white space before the CRLF is tolerated. */
	while (line.len && byte_is_wsp(line.at[line.len - 1]))
		line.len--;
	args = line;
	name = span_cut(&args, ' ');
	while (i < N_VERBS && !span_eq_nocase(name, span_str(verbs[i].name)))
		i++;
	*c = (struct smtp_command){ .verb = i < N_VERBS ? verbs[i].verb : SMTP_VERB_UNKNOWN };
	if (n_wire > line_max && !(i < N_VERBS && verbs[i].long_line))
		return SMTP_TEXT_LINE_TOO_LONG;
	if (any_octet(line, 0, ' ' - 1) || any_octet(line, 0x7f, 0x7f))
		return SMTP_TEXT_BAD_LINE;
	c->eight_bit = any_octet(line, 0x80, 0xff);
	if (c->eight_bit && c->verb != SMTP_VERB_MAIL && c->verb != SMTP_VERB_RCPT)
		return SMTP_TEXT_BAD_LINE; /* RFC 6531 has it in addresses only */
	return i < N_VERBS ? verbs[i].parse(args, c) : SMTP_TEXT_UNKNOWN_VERB;
}
