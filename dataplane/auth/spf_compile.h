// SPDX-License-Identifier: MIT
/*
 * spf_compile.h - an SPF record evaluated for all client addresses at once
 */
#ifndef AUTH_SPF_COMPILE_H
#define AUTH_SPF_COMPILE_H

#include "dataplane/auth/auth.h"
#include "dataplane/auth/spf_record.h"

#define SPF_COMPILE_RANGES_MAX 1024 /* of one program; with more the record is not compiled */
#define SPF_COMPILE_TEXT_MAX 4096   /* octets of all mechanisms that may match */
#define SPF_COMPILE_OCTETS_MAX 32768
#define SPF_COMPILE_RECORDS_MAX 64 /* looked at to make one program */
#define SPF_COMPILE_WORK_MAX 4096  /* prefixes and mail servers looked at to make one */
#define SPF_COMPILE_MET_S 300      /* a domain is compiled when it is met twice within this time */

/**
 * spf_compile - work out what the SPF record of a domain, with all that it includes, says to every address of a family
 *
 * From the DNS answers that are at hand (settings->memory); none is asked for.
 *
 * @arena: scratch; what lies in it stays
 * @domain: A-labels in lower case, at least two of them
 * @before: the block that was kept, empty for none: then what comes is only a mark that the domain was met
 * @block: room for SPF_COMPILE_OCTETS_MAX
 * @ttl_s: set to the least time to live of all answers that were used
 *
 * Returns the length of the block.
 */
size_t spf_compile(const struct auth_settings *settings, struct spf_arena *arena, struct span domain, unsigned family,
		   struct span before, uint64_t now_us, uint8_t *block, uint32_t *ttl_s);

#endif
