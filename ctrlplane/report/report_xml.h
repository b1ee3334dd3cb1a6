// SPDX-License-Identifier: MIT
/*
 * report_xml.h - one aggregate report as XML (RFC 9990 3.1 and appendix A; by setting RFC 7489 appendix C)
 *
 * The same rows give the same octets.  What peers wrote comes out as printable ASCII, '?' for any other octet.
 */
#ifndef REPORT_XML_H
#define REPORT_XML_H

#include "ctrlplane/report/report_store.h"

#define REPORT_DKIM_MAX 100 /* DKIM results of a row (RFC 9990 3.1.1.12) */

/* Who reports, and how; all borrowed. */
struct report_author {
	const char *organization, *email, *contact; /* contact: "" for none */
	const char *generator;
	bool rfc7489;
};

/* "ID.BEGIN@host": unique here for ever, and the same when a report is built again. */
void report_id_text(const struct report_period *p, const char *hostname, struct text *out);

/**
 * report_xml - the report of a period
 * @len: Out: its octets
 * Returns malloc()ed text, or NULL when there is no memory, or the store does not give all rows.
 */
char *report_xml(struct report_store *st, const struct report_period *p, const struct report_author *author,
		 const char *report_id, size_t *len);

#endif
