// SPDX-License-Identifier: MIT
/*
 * report_mail.h - the message that carries a report (RFC 9990 3.5, RFC 5322, RFC 2045), signed (RFC 6376)
 */
#ifndef REPORT_MAIL_H
#define REPORT_MAIL_H

#include "crypto/crypto_sign.h"
#include "ctrlplane/report/report_xml.h"

/* All borrowed. */
struct report_mail {
	const struct report_author *author; /* its email is From */
	const char *hostname;               /* submitter, and the right side of the Message-ID */
	const char *to;
	const struct report_period *period;
	const char *report_id;
	struct span xml;
	const struct crypto_signer *signer; /* NULL: not signed */
	const char *selector;
	uint64_t now_s; /* for t= of the signature */
};

/**
 * report_mail_write - the whole message, every line with its CRLF
 *
 * But for the signature it is the same each time: a report that is sent again after a crash is known by its Message-ID.
 * malloc()ed; NULL: no memory, or OpenSSL failed.
 */
char *report_mail_write(const struct report_mail *m, size_t *len);

/* A date as RFC 5322 3.3 has it, UTC. */
void report_mail_date(struct text *out, uint64_t unix_s);

#endif
