// SPDX-License-Identifier: MIT
/*
 * load_corpus.h - messages as they go over the wire: CRLF, dots stuffed, CRLF.CRLF at the end
 */
#ifndef LOAD_CORPUS_H
#define LOAD_CORPUS_H

#include "tools/load/load.h"

/* All *.eml of a directory; NULL with a message on standard error when there is none.  Never freed. */
struct load_message *load_corpus_read(const char *directory, uint32_t *n);

/* One message of about @size octets, unsigned. */
struct load_message *load_corpus_make(uint32_t size, uint32_t *n);

#endif
