// SPDX-License-Identifier: MIT
/*
 * dns_unbound.h - libunbound as a resolver; the only room that knows it
 */
#ifndef DNS_UNBOUND_H
#define DNS_UNBOUND_H

#include "dns/dns.h"

struct dns_unbound_settings {
	const char *const *forwarders; /* "192.0.2.53@5353", NULL-terminated; NULL or empty: recursive from the root */
	const char *trust_anchor_file; /* NULL or "": no validation */
	uint32_t under_way_max;
};

/* Opens with a thread of its own inside libunbound.  False: @error says why. */
bool dns_unbound_open(struct dns_resolver *r, const struct dns_unbound_settings *settings, const char **error);

#endif
