// SPDX-License-Identifier: MIT
/*
 * fuzz_dns_rdata.c - rdata fits where it came from, and names that are read can be asked for
 *
 * The first octet is the type.
 */
#include <stdlib.h>

#include "dns/dns_rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	unsigned type = data[0];
	struct span wire = span_of(data + 1, size - 1);
	uint8_t *out = malloc(wire.len ? wire.len : 1); /* exact: an octet too many is seen */
	size_t len;

	if (out && dns_rdata_read(type, wire, out, &len)) {
		size_t skip = type == DNS_MX ? 2 : 0;
		struct dns_question q;

		CHECK(len <= wire.len);
		CHECK(dns_rdata_good(type, span_of(out, len)));
		if (type == DNS_NS || type == DNS_CNAME || type == DNS_PTR || type == DNS_MX) {
			struct span name = span_part(span_of(out, len), skip, len);

			/* The root is empty and cannot be asked for; every other name comes back as it is. */
			CHECK(name.len == 0 ||
			      (dns_question_set(&q, DNS_A, name) && span_eq(dns_question_name(&q), name)));
			CHECK(name.len == 0 || wire.len == skip + name.len + 2);
		}
	}
	free(out);
	return 0;
}
