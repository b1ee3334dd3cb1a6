// SPDX-License-Identifier: MIT
/*
 * spf_program.c - the search in a compiled SPF record
 */
#include "dataplane/auth/spf_program.h"

/* Index of the last range that begins at or below @ip; the first begins at 0.  Starts lie in host order. */
static size_t find(const uint8_t *starts, size_t n, size_t width, spf_address ip)
{
	size_t low = 0;

	while (n > 1) {
		size_t half = n / 2;
		spf_address start = 0;

		memcpy(&start, starts + width * (low + half), width);
		low += start <= ip ? half : 0;
		n -= half;
	}
	return low;
}

enum spf_program_says spf_program_find(struct span block, const struct ip_addr *ip, struct spf_outcome *out)
{
	struct spf_program_head head;
	struct spf_kept kept;

	if (block.len < sizeof(head))
		return SPF_PROGRAM_NONE;
	memcpy(&head, block.at, sizeof(head));
	if (head.n_ranges == 0)
		return SPF_PROGRAM_NONE;
	const size_t width = spf_program_width(ip->family);
	const uint8_t *starts = block.at + sizeof(head);
	const uint8_t *index = starts + head.n_ranges * width;
	const uint8_t *outcomes = index + head.n_ranges;
	uint8_t i = index[find(starts, head.n_ranges, width, spf_address_of(ip->bytes, ip->family))];

	if (i == SPF_OUTCOME_OPEN)
		return SPF_PROGRAM_OPEN;
	if (i == SPF_OUTCOME_MISSING)
		return head.n_made < SPF_PROGRAM_MADE_MAX ? SPF_PROGRAM_MISSING : SPF_PROGRAM_OPEN;
	memcpy(&kept, outcomes + i * sizeof(kept), sizeof(kept));
	*out = (struct spf_outcome){ .result = kept.result, .n_terms = kept.n_terms, .n_voids = kept.n_voids };
	out->mechanism = span_of(outcomes + head.n_outcomes * sizeof(kept) + kept.mechanism_at, kept.mechanism_len);
	return SPF_PROGRAM_DECIDED;
}
