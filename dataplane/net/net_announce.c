// SPDX-License-Identifier: MIT
/*
 * net_announce.c - telling the links at the start which addresses are here
 *
 * An ARP announcement (RFC 5227 2.3) or an unsolicited neighbour advertisement (RFC 4861 7.2.6) for each address,
 * twice: after a fail-over the neighbours would otherwise send to the other appliance until their entries age.
 */
#include "dataplane/net/net_state.h"

bool net_announce(struct net *n, struct net_frame *frame)
{
	const unsigned n_each = NET_ADDRS_MAX + 1;

	for (; n->announce_at < n->n_ifs * n_each; n->announce_at++) {
		const struct net_if *f = &n->ifs[n->announce_at / n_each];
		unsigned i = n->announce_at % n_each;

		if (i >= f->n_addrs)
			continue;
		frame->ifindex = (uint16_t)(n->announce_at / n_each);
		if (f->addrs[i].addr.family == IP_V4)
			arp_announce(n, frame, &f->addrs[i].addr);
		else
			nd6_announce(n, frame, &f->addrs[i].addr);
		n->stats->net_neighbour_replied++;
		n->announce_at++;
		return true;
	}
	return false;
}
