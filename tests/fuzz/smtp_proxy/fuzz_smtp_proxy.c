// SPDX-License-Identifier: MIT
/*
 * fuzz_smtp_proxy.c - any octets as a header of the PROXY protocol
 *
 * Held: what is whole lies in its octets, is the same whatever follows, and no part of it is whole or bad; a header is
 * not waited for beyond SMTP_PROXY_MAX.
 */
#include <stdlib.h>

#include "dataplane/smtp/smtp_proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the first @n octets, in memory of exactly that size. */
static enum smtp_proxy_end parse(const uint8_t *data, size_t n, struct smtp_proxy *out)
{
	uint8_t *copy = malloc(n ? n : 1);

	CHECK(copy);
	if (n)
		memcpy(copy, data, n);
	enum smtp_proxy_end end = smtp_proxy_parse(span_of(copy, n), out);
	free(copy);
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_proxy all, part;
	enum smtp_proxy_end end = parse(data, size, &all);

	CHECK(size < SMTP_PROXY_MAX || end != SMTP_PROXY_MORE);
	if (end != SMTP_PROXY_WHOLE)
		return 0;
	CHECK(all.len >= 8 && all.len <= size && all.len <= SMTP_PROXY_MAX);
	CHECK(all.local ? all.from.family == IP_NONE : all.from.family == IP_V4 || all.from.family == IP_V6);
	CHECK(parse(data, all.len, &part) == SMTP_PROXY_WHOLE);
	CHECK(part.len == all.len && part.local == all.local && part.port == all.port);
	CHECK(ip_addr_eq(&part.from, &all.from));
	for (size_t n = 0; n < all.len; n++)
		CHECK(parse(data, n, &part) == SMTP_PROXY_MORE);
	return 0;
}
