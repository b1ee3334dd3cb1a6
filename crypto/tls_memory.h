// SPDX-License-Identifier: MIT
/*
 * tls_memory.h - how much memory OpenSSL holds for a worker's TLS connections
 *
 * OpenSSL allocates as it goes.  What it takes while a driver works for one of its connections is counted, by a few
 * octets in front of each piece that say whose it is.
 */
#ifndef TLS_MEMORY_H
#define TLS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define TLS_MEMORY_OWNERS 256 /* drivers of one process that are counted apart; 0: nobody */

/* Before anything of OpenSSL; false: it was used already, and nothing is counted. */
bool tls_memory_count(void);

unsigned tls_memory_owner(void); /* a new owner; 0 when there are no more: not counted */
/* From here on what this thread takes is @owner's; returns whose it was before. */
unsigned tls_memory_for(unsigned owner);
size_t tls_memory_octets(unsigned owner);

#endif
