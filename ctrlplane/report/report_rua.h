// SPDX-License-Identifier: MIT
/*
 * report_rua.h - where reports go: rua of a DMARC record, and who may receive for whom (RFC 9990 4)
 *
 * Text of strangers: bounded, and nothing that could be more than one address of SMTP comes out.
 */
#ifndef REPORT_RUA_H
#define REPORT_RUA_H

#include "dataplane/base/text.h"
#include "dns/dns_question.h"

/* The DMARC record of an answer; false unless there is exactly one (RFC 9989 4.7). */
bool MUST_USE report_rua_record(const struct dns_answer *answer, struct span *record);

/* The questions for the record of a domain, and for the word of an external host on it (RFC 9990 4). */
bool MUST_USE report_rua_policy_question(struct span domain, struct dns_question *out);
bool MUST_USE report_rua_question(struct span domain, struct span host, struct dns_question *out);

/* The value of a tag of a record, which begins with v=DMARC1; false when it has none. */
bool MUST_USE report_rua_tag(struct span record, struct span name, struct span *value);
/* The value of rua= in a record that begins with v=DMARC1; false when there is none, or the record is another. */
bool MUST_USE report_rua_value(struct span record, struct span *value);

/**
 * report_rua_next - the next mailto: address of a rua value
 * @rest: what is left of the value; moves on
 * @address: reset, then local-part@domain with percent-encoding undone; a size limit ("!10m") is history and cut off
 *
 * What is no mailto:, or no plain address (dot-atom at a host name), is passed over.  False: none is left.
 */
bool MUST_USE report_rua_next(struct span *rest, struct text *address);

struct span report_rua_host(struct span address); /* what follows the @ */

/**
 * report_rua_is_external - whether the host must say that it takes reports on @domain
 * @organizational: of dns/domain_names.h
 *
 * Not when both lie in one organizational domain; nor below the domain itself, whoever else is there.
 */
bool report_rua_is_external(struct span domain, struct span host, struct span (*organizational)(struct span));

#endif
