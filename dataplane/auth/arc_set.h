// SPDX-License-Identifier: MIT
/*
 * arc_set.h - the sets of an ARC chain, gathered from a header (RFC 8617 4.2, 5.2 steps 1 to 3)
 */
#ifndef AUTH_ARC_SET_H
#define AUTH_ARC_SET_H

#include "dataplane/auth/arc.h"

/**
 * arc_set_gather - find all sets, check their structure, and hash what each seal signs
 * @a: settings, header and now_unix are set; sets, instance and sealer are filled in here
 *
 * Returns NULL when the chain is whole or when there is none (a->instance is 0); else a constant sentence.
 */
const char *arc_set_gather(struct arc *a) MUST_USE;

#endif
