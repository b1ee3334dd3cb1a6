// SPDX-License-Identifier: MIT
/*
 * spf_program.c - the search in a compiled SPF record
 */
#include "dataplane/auth/spf_program.h"

static uint32_t load32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static spf_address load128(const uint8_t *at)
{
	spf_address v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Index of the last range that begins at or below @ip; the first begins at 0. */
static size_t find4(const uint8_t *starts, size_t n, uint32_t ip)
{
	size_t low = 0;

	while (n > 1) {
		size_t half = n / 2;

		low += load32(starts + 4 * (low + half)) <= ip ? half : 0;
		n -= half;
	}
	return low;
}

static size_t find6(const uint8_t *starts, size_t n, spf_address ip)
{
	size_t low = 0;

	while (n > 1) {
		size_t half = n / 2;

		low += load128(starts + 16 * (low + half)) <= ip ? half : 0;
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
	const uint8_t *starts = block.at + sizeof(head);
	const uint8_t *index = starts + head.n_ranges * spf_program_width(ip->family);
	const uint8_t *outcomes = index + head.n_ranges;
	spf_address client = spf_address_of(ip->bytes, ip->family);
	uint8_t i = index[ip->family == IP_V4 ? find4(starts, head.n_ranges, (uint32_t)client)
					      : find6(starts, head.n_ranges, client)];

	if (i == SPF_OUTCOME_OPEN)
		return SPF_PROGRAM_OPEN;
	if (i == SPF_OUTCOME_MISSING)
		return head.n_made < SPF_PROGRAM_MADE_MAX ? SPF_PROGRAM_MISSING : SPF_PROGRAM_OPEN;
	memcpy(&kept, outcomes + i * sizeof(kept), sizeof(kept));
	*out = (struct spf_outcome){ .result = kept.result, .n_terms = kept.n_terms, .n_voids = kept.n_voids };
	out->mechanism = span_of(outcomes + head.n_outcomes * sizeof(kept) + kept.mechanism_at, kept.mechanism_len);
	return SPF_PROGRAM_DECIDED;
}
