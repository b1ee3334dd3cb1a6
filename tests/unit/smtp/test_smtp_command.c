// SPDX-License-Identifier: MIT
/*
 * test_smtp_command.c - command lines and what they say
 */
#include "dataplane/smtp/smtp_command.h"
#include "tests/tap.h"

#define LINE(literal) literal, sizeof(literal) - 1

/* clang-format off */
static const struct {
	const char *name, *line;
	size_t len;
	enum smtp_verb verb;
	enum smtp_text refusal;
	const char *argument;
} cases[] = {
	{ "EHLO with a name",               LINE("EHLO mx.example"),         SMTP_VERB_EHLO, SMTP_TEXT_OK, "mx.example" },
	{ "verbs in any case",              LINE("eHLo mx.example"),         SMTP_VERB_EHLO, SMTP_TEXT_OK, "mx.example" },
	{ "EHLO with a literal",            LINE("EHLO [192.0.2.1]"),        SMTP_VERB_EHLO, SMTP_TEXT_OK, "[192.0.2.1]" },
	{ "a name DNS would not like",      LINE("HELO my_pc!"),             SMTP_VERB_HELO, SMTP_TEXT_OK, "my_pc!" },
	{ "EHLO without a name",            LINE("EHLO"),                    SMTP_VERB_EHLO, SMTP_TEXT_BAD_HELO, "" },
	{ "EHLO and a blank",               LINE("EHLO "),                   SMTP_VERB_EHLO, SMTP_TEXT_BAD_HELO, "" },
	{ "a name of two words",            LINE("HELO my pc"),              SMTP_VERB_HELO, SMTP_TEXT_BAD_HELO, "" },
	{ "blanks before CRLF",             LINE("HELO pc \t "),             SMTP_VERB_HELO, SMTP_TEXT_OK, "pc" },
	{ "MAIL",                           LINE("MAIL FROM:<a@b>"),         SMTP_VERB_MAIL, SMTP_TEXT_OK, "a@b" },
	{ "MAIL in small letters",          LINE("mail from:<a@b>"),         SMTP_VERB_MAIL, SMTP_TEXT_OK, "a@b" },
	{ "MAIL of the null sender",        LINE("MAIL FROM:<>"),            SMTP_VERB_MAIL, SMTP_TEXT_OK, "" },
	{ "MAIL without its route",         LINE("MAIL FROM:<@x:a@b>"),      SMTP_VERB_MAIL, SMTP_TEXT_OK, "a@b" },
	{ "T2: MAIL with a blank",          LINE("MAIL FROM: <a@b>"),        SMTP_VERB_MAIL, SMTP_TEXT_MAIL_SYNTAX, "" },
	{ "T2: MAIL without brackets",      LINE("MAIL FROM:a@b"),           SMTP_VERB_MAIL, SMTP_TEXT_MAIL_SYNTAX, "" },
	{ "MAIL with two blanks",           LINE("MAIL  FROM:<a@b>"),        SMTP_VERB_MAIL, SMTP_TEXT_MAIL_SYNTAX, "" },
	{ "MAIL alone",                     LINE("MAIL"),                    SMTP_VERB_MAIL, SMTP_TEXT_MAIL_SYNTAX, "" },
	{ "MAIL with TO",                   LINE("MAIL TO:<a@b>"),           SMTP_VERB_MAIL, SMTP_TEXT_MAIL_SYNTAX, "" },
	{ "MAIL FROM postmaster alone",     LINE("MAIL FROM:<postmaster>"),  SMTP_VERB_MAIL, SMTP_TEXT_BAD_SENDER, "" },
	{ "MAIL of a bad address",          LINE("MAIL FROM:<a@b c>"),       SMTP_VERB_MAIL, SMTP_TEXT_BAD_SENDER, "" },
	{ "MAIL of an 8-bit address",       LINE("MAIL FROM:<\xc3\xa9@b>"),  SMTP_VERB_MAIL, SMTP_TEXT_ADDRESS_8BIT, "" },
	{ "RCPT",                           LINE("RCPT TO:<a@b>"),           SMTP_VERB_RCPT, SMTP_TEXT_OK, "a@b" },
	{ "RCPT to postmaster",             LINE("RCPT TO:<Postmaster>"),    SMTP_VERB_RCPT, SMTP_TEXT_OK, "Postmaster" },
	{ "RCPT to nobody",                 LINE("RCPT TO:<>"),              SMTP_VERB_RCPT, SMTP_TEXT_BAD_RECIPIENT, "" },
	{ "RCPT with a blank",              LINE("RCPT TO: <a@b>"),          SMTP_VERB_RCPT, SMTP_TEXT_RCPT_SYNTAX, "" },
	{ "RCPT with a parameter",          LINE("RCPT TO:<a@b> XFOO=NEVER"), SMTP_VERB_RCPT, SMTP_TEXT_PARAMETER_UNKNOWN, "" },
	{ "RCPT and text after >",          LINE("RCPT TO:<a@b>x"),          SMTP_VERB_RCPT, SMTP_TEXT_PARAMETER_SYNTAX, "" },
	{ "RCPT to an 8-bit address",       LINE("RCPT TO:<a@\xc3\xa9>"),    SMTP_VERB_RCPT, SMTP_TEXT_OK, "a@\xc3\xa9" },
	{ "RCPT to an address of bad UTF-8", LINE("RCPT TO:<a\xc3@b>"),      SMTP_VERB_RCPT, SMTP_TEXT_BAD_RECIPIENT, "" },
	{ "MAIL of an 8-bit address with SMTPUTF8", LINE("MAIL FROM:<\xc3\xa9@b> SMTPUTF8"), SMTP_VERB_MAIL, SMTP_TEXT_OK, "\xc3\xa9@b" },
	{ "SMTPUTF8 with a value",          LINE("MAIL FROM:<a@b> SMTPUTF8=1"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "SMTPUTF8 twice",                 LINE("MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_TWICE, "" },
	{ "8-bit in another parameter",     LINE("MAIL FROM:<a@b> SMTPUTF8 ENVID=\xc3\xa9"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "RET and ENVID",                  LINE("MAIL FROM:<a@b> RET=hdrs ENVID=Q+2B1"), SMTP_VERB_MAIL, SMTP_TEXT_OK, "a@b" },
	{ "RET of nothing known",           LINE("MAIL FROM:<a@b> RET=ALL"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "ENVID twice",                    LINE("MAIL FROM:<a@b> ENVID=a ENVID=b"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_TWICE, "" },
	{ "NOTIFY at MAIL",                 LINE("MAIL FROM:<a@b> NOTIFY=NEVER"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_UNKNOWN, "" },
	{ "NOTIFY and ORCPT",               LINE("RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b"), SMTP_VERB_RCPT, SMTP_TEXT_OK, "a@b" },
	{ "NOTIFY twice",                   LINE("RCPT TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER"), SMTP_VERB_RCPT, SMTP_TEXT_PARAMETER_TWICE, "" },
	{ "NOTIFY=NEVER and more",          LINE("RCPT TO:<a@b> NOTIFY=NEVER,DELAY"), SMTP_VERB_RCPT, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "ORCPT without a type",           LINE("RCPT TO:<a@b> ORCPT=a@b"), SMTP_VERB_RCPT, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "SIZE and BODY",                  LINE("MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME"), SMTP_VERB_MAIL, SMTP_TEXT_OK, "a@b" },
	{ "parameters in small letters",    LINE("MAIL FROM:<a@b> size=1 body=7bit"), SMTP_VERB_MAIL, SMTP_TEXT_OK, "a@b" },
	{ "a parameter without a blank",    LINE("MAIL FROM:<a@b>SIZE=1"),   SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_SYNTAX, "" },
	{ "two blanks before one",          LINE("MAIL FROM:<a@b>  SIZE=1"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_SYNTAX, "" },
	{ "SIZE twice",                     LINE("MAIL FROM:<a@b> SIZE=1 SIZE=1"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_TWICE, "" },
	{ "BODY twice",                     LINE("MAIL FROM:<a@b> BODY=7BIT BODY=7BIT"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_TWICE, "" },
	{ "SIZE without a value",           LINE("MAIL FROM:<a@b> SIZE"),    SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "SIZE with an empty one",         LINE("MAIL FROM:<a@b> SIZE="),   SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_SYNTAX, "" },
	{ "a negative SIZE",                LINE("MAIL FROM:<a@b> SIZE=-1"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "a SIZE of 21 digits",            LINE("MAIL FROM:<a@b> SIZE=000000000000000000001"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "two equals signs",               LINE("MAIL FROM:<a@b> SIZE=1=2"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_SYNTAX, "" },
	{ "BODY=BINARYMIME",                LINE("MAIL FROM:<a@b> BODY=BINARYMIME"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_VALUE, "" },
	{ "AUTH= is not offered",           LINE("MAIL FROM:<a@b> AUTH=<>"), SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_UNKNOWN, "" },
	{ "SMTPUTF8", LINE("MAIL FROM:<a@b> SMTPUTF8"), SMTP_VERB_MAIL, SMTP_TEXT_OK, "a@b" },
	{ "a parameter that is none",       LINE("MAIL FROM:<a@b> -x"),      SMTP_VERB_MAIL, SMTP_TEXT_PARAMETER_SYNTAX, "" },
	{ "DATA",                           LINE("DATA"),                    SMTP_VERB_DATA, SMTP_TEXT_OK, "" },
	{ "DATA with an argument",          LINE("DATA x"),                  SMTP_VERB_DATA, SMTP_TEXT_NO_ARGUMENT, "" },
	{ "QUIT with an argument",          LINE("QUIT now"),                SMTP_VERB_QUIT, SMTP_TEXT_NO_ARGUMENT, "" },
	{ "NOOP with an argument",          LINE("NOOP anything"),           SMTP_VERB_NOOP, SMTP_TEXT_OK, "" },
	{ "VRFY",                           LINE("VRFY postmaster"),         SMTP_VERB_VRFY, SMTP_TEXT_OK, "" },
	{ "VRFY of nothing",                LINE("VRFY"),                    SMTP_VERB_VRFY, SMTP_TEXT_WANTS_ARGUMENT, "" },
	{ "EXPN",                           LINE("EXPN list"),               SMTP_VERB_NOT_OFFERED, SMTP_TEXT_NOT_OFFERED, "" },
	{ "AUTH",                           LINE("AUTH PLAIN AGEAYg=="),     SMTP_VERB_NOT_OFFERED, SMTP_TEXT_NOT_OFFERED, "" },
	{ "STARTTLS",                       LINE("STARTTLS"),                SMTP_VERB_STARTTLS, SMTP_TEXT_OK, "" },
	{ "STARTTLS with an argument",      LINE("STARTTLS now"),            SMTP_VERB_STARTTLS, SMTP_TEXT_NO_ARGUMENT, "" },
	{ "BDAT",                           LINE("BDAT 10"),                 SMTP_VERB_BDAT, SMTP_TEXT_OK, "" },
	{ "BDAT and LAST in any case",      LINE("bdat 10 LasT"),            SMTP_VERB_BDAT, SMTP_TEXT_OK, "" },
	{ "BDAT 0 LAST",                    LINE("BDAT 0 LAST"),             SMTP_VERB_BDAT, SMTP_TEXT_OK, "" },
	{ "BDAT alone",                     LINE("BDAT"),                    SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT LAST without a size",       LINE("BDAT LAST"),               SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT of a negative size",        LINE("BDAT -1"),                 SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT of a signed size",          LINE("BDAT +5 LAST"),            SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT of a size in hexadecimal",  LINE("BDAT 0x10"),               SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT of 25 digits",              LINE("BDAT 0000000000000000000000005"), SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT with another word",         LINE("BDAT 5 FIRST"),            SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT with two words",            LINE("BDAT 5 LAST LAST"),        SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT with two blanks",           LINE("BDAT  5"),                 SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "BDAT, a blank within",           LINE("BDAT 1 0"),                SMTP_VERB_BDAT, SMTP_TEXT_BAD_CHUNK, "" },
	{ "HTTP",                           LINE("POST / HTTP/1.1"),         SMTP_VERB_FOREIGN, SMTP_TEXT_FOREIGN_PROTOCOL, "" },
	{ "no verb of SMTP",                LINE("FOO bar"),                 SMTP_VERB_UNKNOWN, SMTP_TEXT_UNKNOWN_VERB, "" },
	{ "a verb that is too long",        LINE("MAILX FROM:<a@b>"),        SMTP_VERB_UNKNOWN, SMTP_TEXT_UNKNOWN_VERB, "" },
	{ "an empty line",                  LINE(""),                        SMTP_VERB_UNKNOWN, SMTP_TEXT_UNKNOWN_VERB, "" },
	{ "a blank in front",               LINE(" NOOP"),                   SMTP_VERB_UNKNOWN, SMTP_TEXT_UNKNOWN_VERB, "" },
	{ "a NUL",                          LINE("NOOP a\0b"),               SMTP_VERB_NOOP, SMTP_TEXT_BAD_LINE, "" },
	{ "a NUL in an address",            LINE("MAIL FROM:<a@b\0.c>"),     SMTP_VERB_MAIL, SMTP_TEXT_BAD_LINE, "" },
	{ "a tab after the verb",           LINE("NOOP\tx"),                 SMTP_VERB_UNKNOWN, SMTP_TEXT_BAD_LINE, "" },
	{ "DEL",                            LINE("NOOP \x7f"),               SMTP_VERB_NOOP, SMTP_TEXT_BAD_LINE, "" },
	{ "8-bit in NOOP",                  LINE("NOOP \xc3\xa9"),           SMTP_VERB_NOOP, SMTP_TEXT_BAD_LINE, "" },
	{ "8-bit in EHLO",                  LINE("EHLO \xc3\xa9"),           SMTP_VERB_EHLO, SMTP_TEXT_BAD_LINE, "" },
};
/* clang-format on */

static struct smtp_command parsed(const char *line)
{
	struct smtp_command c;

	ok(smtp_command_parse(span_str(line), 512, &c) == SMTP_TEXT_OK, "taken: %s", line);
	return c;
}

static void values(void)
{
	struct smtp_command c;

	c = parsed("MAIL FROM:<a@b> SIZE=12345 BODY=8BITMIME");
	ok(c.size == 12345 && c.body_8bit, "SIZE and BODY are told");
	c = parsed("MAIL FROM:<a@b> BODY=7BIT");
	ok(c.size == 0 && !c.body_8bit, "so is their absence");
	c = parsed("MAIL FROM:<a@b> SIZE=18446744073709551615");
	ok(c.size == UINT64_MAX, "a SIZE of 64 bits");
	c = parsed("MAIL FROM:<a@b> SIZE=18446744073709551616");
	ok(c.size == UINT64_MAX, "one more does not wrap");
	c = parsed("MAIL FROM:<a@b> SIZE=99999999999999999999");
	ok(c.size == UINT64_MAX, "nor do twenty digits");
}

static void chunks(void)
{
	static const struct {
		const char *line;
		uint64_t size;
	} sizes[] = {
		{ "BDAT 2147483648", 1ULL << 31 },           { "BDAT 4294967296", 1ULL << 32 },
		{ "BDAT 9223372036854775808", 1ULL << 63 },  { "BDAT 18446744073709551615", UINT64_MAX },
		{ "BDAT 18446744073709551616", UINT64_MAX }, { "BDAT 00000000000000000005", 5 },
	};
	struct smtp_command c;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		c = parsed(sizes[i].line);
		ok(c.size == sizes[i].size && !c.last, "and is so large, not the last");
	}
	c = parsed("BDAT 86 last");
	ok(c.size == 86 && c.last, "size and LAST are told");
}

static void lengths(void)
{
	char line[1600];
	struct smtp_command c;

	memset(line, 'x', sizeof(line));
	memcpy(line, "NOOP ", 5);
	ok(smtp_command_parse(span_of(line, 510), 512, &c) == SMTP_TEXT_OK, "512 octets with CRLF are a command");
	ok(smtp_command_parse(span_of(line, 511), 512, &c) == SMTP_TEXT_LINE_TOO_LONG, "513 are too long");
	memcpy(line, "EHLO ", 5);
	ok(smtp_command_parse(span_of(line, 5 + 255), 512, &c) == SMTP_TEXT_OK, "a name of 255 octets");
	ok(smtp_command_parse(span_of(line, 5 + 256), 512, &c) == SMTP_TEXT_BAD_HELO, "one of 256");
	memcpy(line, "MAIL FROM:<a@b> X=", 18);
	ok(smtp_command_parse(span_of(line, 1500), 512, &c) == SMTP_TEXT_PARAMETER_UNKNOWN, "MAIL may be longer");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_command c;
		enum smtp_text refusal = smtp_command_parse(span_of(cases[i].line, cases[i].len), 512, &c);
		bool argument = refusal != SMTP_TEXT_OK || span_eq(c.argument, span_str(cases[i].argument));

		ok(refusal == cases[i].refusal && c.verb == cases[i].verb && argument, "%s", cases[i].name);
	}
	values();
	chunks();
	lengths();
	return done();
}
