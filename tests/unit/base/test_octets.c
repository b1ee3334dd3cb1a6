// SPDX-License-Identifier: MIT
/*
 * test_octets.c - many octets at a time, beside one at a time: every length and place, every octet, every limit in use
 */
#include "dataplane/base/octets.h"
#include "tests/tap.h"

static const uint8_t *twin(const uint8_t *p, const uint8_t *end, uint8_t limit)
{
	while (p < end && *p >= limit)
		p++;
	return p;
}

int main(void)
{
	static const uint8_t limits[] = { 1, '\r' + 1, ' ', 0x80 };
	uint8_t octets[100];
	size_t n_bad = 0;

	for (size_t k = 0; k < sizeof(limits); k++)
		for (size_t len = 0; len <= sizeof(octets); len++)
			for (size_t at = 0; at < len; at++)
				for (unsigned octet = 0; octet < 256; octet += at % 7 ? 17 : 1) {
					memset(octets, limits[k], len);
					octets[at] = (uint8_t)octet;
					octets[len - 1] = (uint8_t)(octet * 5);
					n_bad += octets_find_below(octets, octets + len, limits[k]) !=
						 twin(octets, octets + len, limits[k]);
				}
	ok(n_bad == 0, "the same octet is found, whatever stands where (%zu differ)", n_bad);
	ok(octets_find_below(octets, octets, 1) == octets, "nothing in nothing");
	return done();
}
