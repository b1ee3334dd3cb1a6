// SPDX-License-Identifier: MIT
/*
 * smtp_proxy.h - the header by which a proxy says whose connection it hands on (PROXY protocol of HAProxy, 1 and 2)
 */
#ifndef SMTP_PROXY_H
#define SMTP_PROXY_H

#include "dataplane/base/ip_addr.h"

#define SMTP_PROXY_MAX 1024 /* octets of a header; the longest of version 1 has 107, in version 2 TLVs may be more */

struct smtp_proxy {
	bool local; /* the proxy's own connection, or of a client that it cannot name: the connection's addresses hold */
	struct ip_addr from;
	uint16_t port;
	size_t len; /* octets of the header: what follows is the client's */
};

enum smtp_proxy_end {
	SMTP_PROXY_MORE, /* as far as it goes it is a header; never with SMTP_PROXY_MAX octets */
	SMTP_PROXY_WHOLE,
	SMTP_PROXY_BAD,
};

#define SMTP_PROXY_WRITTEN_MAX 52 /* octets of a header that we write */

/* A header of version 2.  @from of no family: LOCAL.  @to: what the connection leads to; of another family than @from it is
 * left out.  Returns the octets written to @out. */
size_t smtp_proxy_write(const struct ip_addr *from, uint16_t from_port, const struct ip_addr *to, uint16_t to_port,
			uint8_t out[SMTP_PROXY_WRITTEN_MAX]);

/* @in: all that came on the connection so far, SMTP_PROXY_MAX octets are enough.  @out is set when WHOLE. */
enum smtp_proxy_end MUST_USE smtp_proxy_parse(struct span in, struct smtp_proxy *out);

#endif
