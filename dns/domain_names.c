// SPDX-License-Identifier: MIT
/*
 * domain_names.c - IDNA by libidn2, the public suffix list by libpsl
 *
 * ASCII names never reach libidn2: it refuses names that are in use ("r3---sn", underscores by some flags), and
 * there is nothing to map.  Whatever it maps to is held to the same rules, since UTS 46 turns single characters
 * into dots, slashes and parentheses.
 */
#include <idn2.h>
#include <libpsl.h>

#include "dns/dns_question.h"
#include "dns/domain_names.h"

/* Four octets of UTF-8 for each character of the longest name: longer input is no domain name. */
#define U_LABELS_MAX 1024

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 0x80)
			return false;
	return true;
}

/* Letters, digits, hyphen, and the underscore that is in use; labels of 1 to 63 octets, 253 in all. */
static bool is_domain(struct span s)
{
	size_t label = 0;

	if (s.len == 0 || s.len > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!byte_is_alnum(c) && c != '-' && c != '_')
			return false;
		if (++label > DNS_LABEL_MAX)
			return false;
	}
	return label > 0;
}

static void put_lower(struct span s, struct text *out)
{
	for (size_t i = 0; i < s.len; i++)
		text_putc(out, byte_lower(s.at[i]));
}

bool domain_to_ascii(struct span domain, struct text *out)
{
	uint8_t u_labels[U_LABELS_MAX + 1], *a_labels = NULL;

	if (is_ascii(domain)) {
		if (!is_domain(domain))
			return false;
		put_lower(domain, out);
		return !out->full;
	}
	if (domain.len > U_LABELS_MAX || span_find(domain, 0) != SPAN_NONE)
		return false;
	memcpy(u_labels, domain.at, domain.len);
	u_labels[domain.len] = 0;
	/* RFC 8616 4, RFC 5891 5: what is not in NFC is brought there, as UTS 46 wants before its mapping. */
	if (idn2_lookup_u8(u_labels, &a_labels, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	struct span mapped = span_str((const char *)a_labels);
	bool good = is_domain(mapped);

	if (good)
		put_lower(mapped, out);
	idn2_free(a_labels);
	return good && !out->full;
}

struct span domain_organizational(struct span domain)
{
	struct span none = span_of(domain.at, 0);
	char name[DNS_NAME_MAX + 1];

	if (!is_domain(domain))
		return none;
	for (size_t i = 0; i < domain.len; i++)
		name[i] = (char)byte_lower(domain.at[i]);
	name[domain.len] = '\0';

	const char *tail = psl_registrable_domain(psl_builtin(), name);

	return tail ? span_skip(domain, (size_t)(tail - name)) : none;
}
