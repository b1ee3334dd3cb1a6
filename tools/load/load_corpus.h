// SPDX-License-Identifier: MIT
/*
 * load_corpus.h - messages as they go over the wire: CRLF, dots stuffed, CRLF.CRLF at the end
 */
#ifndef LOAD_CORPUS_H
#define LOAD_CORPUS_H

#include "tools/load/load.h"

/* All *.eml of a directory; NULL with a message on standard error when there is none.  Never freed. */
struct load_message *load_corpus_read(const char *directory, uint32_t *n);

/*
 * Unsigned messages of about @size octets.  @domains 0: one, of @mail_from.  Else as many, each of a sender at a domain of
 * its own below that of @mail_from: user@d0.example.org, user@d1.example.org and so on, in envelope and From.
 */
struct load_message *load_corpus_make(uint32_t size, uint32_t domains, const char *mail_from, const char *rcpt_to,
				      uint32_t *n);

#endif
