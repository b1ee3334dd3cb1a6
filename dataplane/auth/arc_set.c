// SPDX-License-Identifier: MIT
/*
 * arc_set.c - the sets of an ARC chain, gathered from a header
 *
 * The order of the fields in the header says nothing, i= says all (RFC 8617 4.2.1).  Any field of ARC that cannot be
 * read breaks the chain, since nobody knows what it was.
 */
#include "dataplane/auth/arc_set.h"
#include "dataplane/auth/dkim_tag.h"

/* Skips white space and comments, which may be nested (RFC 5322 3.2.2). */
static struct span skip_cfws(struct span s)
{
	size_t depth = 0;

	for (; s.len; s = span_skip(s, 1)) {
		uint8_t c = s.at[0];

		if (c == '(')
			depth++;
		else if (depth && c == ')')
			depth--;
		else if (depth && c == '\\' && s.len > 1)
			s = span_skip(s, 1);
		else if (!depth && !byte_is_fws(c))
			break;
	}
	return s;
}

/* RFC 8617 4.1.1: arc-info = [CFWS] "i" [CFWS] "=" [CFWS] 1*2DIGIT [CFWS] ";" ...; 0 when it is something else. */
static unsigned results_instance(struct span value)
{
	struct span s = skip_cfws(value);
	unsigned i = 0, n_digits = 0;

	if (s.len == 0 || s.at[0] != 'i')
		return 0;
	s = skip_cfws(span_skip(s, 1));
	if (s.len == 0 || s.at[0] != '=')
		return 0;
	for (s = skip_cfws(span_skip(s, 1)); s.len && byte_is_digit(s.at[0]) && n_digits < 3; s = span_skip(s, 1)) {
		i = i * 10 + (unsigned)(s.at[0] - '0');
		n_digits++;
	}
	s = skip_cfws(s);
	return n_digits >= 1 && n_digits <= 2 && i <= ARC_SETS_MAX && s.len && s.at[0] == ';' ? i : 0;
}

/* i= of the two fields that are tag lists.  What else is in them matters when they are verified. */
static unsigned signature_instance(struct span value)
{
	struct dkim_tags tags;

	return dkim_tags_parse(&tags, value) ? 0 : dkim_sig_instance(&tags);
}

/* Where a field of that name is kept in its set, NULL when it is none of ARC's. */
static uint32_t *place_of(struct arc_set *set, struct span name)
{
	if (span_eq_nocase(name, SPAN("ARC-Seal")))
		return &set->seal;
	if (span_eq_nocase(name, SPAN("ARC-Message-Signature")))
		return &set->message;
	if (span_eq_nocase(name, SPAN("ARC-Authentication-Results")))
		return &set->results;
	return NULL;
}

static const char *add_field(struct arc *a, uint32_t index)
{
	const struct msg_field *f = &a->header->fields[index];
	struct span name = msg_field_name(a->header, f), value = msg_field_value(a->header, f);
	struct arc_set unused;
	bool is_results = place_of(&unused, name) == &unused.results;
	unsigned i = is_results ? results_instance(value) : signature_instance(value);

	if (i == 0)
		return is_results ? "an ARC-Authentication-Results has no i= from 1 to 50"
				  : "an ARC field is no list of tags with i= from 1 to 50";
	if (i > a->instance)
		a->instance = i;
	uint32_t *place = place_of(&a->sets[i - 1], name);

	if (*place != ARC_FIELD_NONE)
		return "an ARC set has a field twice";
	*place = index;
	return NULL;
}

/* RFC 8617 5.2 step 3 for one seal: its own tags, and cv= by its place in the chain. */
static const char *check_seal(const struct dkim_sig *seal, unsigned i, unsigned newest)
{
	if (i == newest && seal->cv == DKIM_CV_FAIL)
		return "the newest ARC-Seal says cv=fail";
	if (seal->cv == DKIM_CV_FAIL)
		return "an ARC-Seal says cv=fail";
	if (i == 1 && seal->cv != DKIM_CV_NONE)
		return "the first ARC-Seal does not say cv=none";
	if (i > 1 && seal->cv != DKIM_CV_PASS)
		return "an ARC-Seal after the first does not say cv=pass";
	return NULL;
}

static void hash_field(const struct arc *a, struct dkim_hash *h, uint32_t index)
{
	dkim_canon_field(h, DKIM_CANON_RELAXED, msg_field_whole(a->header, &a->header->fields[index]));
}

/*
 * RFC 8617 5.1.1: a seal signs, set by set from the first on, the results, the message signature and the seal, the
 * last seal without its b=.  So each digest is that of a common beginning and one more field.
 */
static const char *seal_digests(struct arc *a)
{
	struct dkim_hash so_far;

	dkim_hash_init(&so_far, a->settings->hash, false);
	for (unsigned i = 1; i <= a->instance; i++) {
		struct arc_set *set = &a->sets[i - 1];
		struct dkim_sig seal;
		const char *why =
			dkim_sig_parse(&seal, DKIM_KIND_ARC_SEAL, a->settings, a->header, set->seal, a->now_unix);

		if (i == a->instance)
			a->sealer = seal.d;
		if (why || (why = check_seal(&seal, i, a->instance)))
			return why;
		hash_field(a, &so_far, set->results);
		hash_field(a, &so_far, set->message);

		struct dkim_hash with_seal = so_far;

		dkim_canon_signature(&with_seal, DKIM_CANON_RELAXED,
				     msg_field_whole(a->header, &a->header->fields[set->seal]), seal.b_raw);
		dkim_hash_final(&with_seal, set->digest);
		hash_field(a, &so_far, set->seal);
	}
	return NULL;
}

const char *arc_set_gather(struct arc *a)
{
	struct arc_set unused;
	const char *why = NULL;

	a->instance = 0;
	a->sealer = span_of(NULL, 0);
	for (unsigned i = 0; i < ARC_SETS_MAX; i++)
		a->sets[i].results = a->sets[i].message = a->sets[i].seal = ARC_FIELD_NONE;
	for (uint32_t i = 0; i < a->header->n_fields && !why; i++)
		if (place_of(&unused, msg_field_name(a->header, &a->header->fields[i])))
			why = add_field(a, i);
	if (why)
		return why;
	if (a->instance > a->settings->arc_sets_max)
		return "more ARC sets than are allowed";
	for (unsigned i = 0; i < a->instance; i++) {
		const struct arc_set *set = &a->sets[i];

		if (set->results == ARC_FIELD_NONE || set->message == ARC_FIELD_NONE || set->seal == ARC_FIELD_NONE)
			return "an ARC set is not whole";
	}
	return seal_digests(a);
}
