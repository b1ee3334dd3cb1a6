// SPDX-License-Identifier: MIT
/*
 * dkim.c - all DKIM signatures of one message
 *
 * RFC 6376 6.1.  Of the signatures that can be read, at most dkim_signatures_max are verified: first those whose
 * d= is in one line with the author's domain, since they decide DMARC; then from the top of the header down.  A
 * signature that cannot be read costs no DNS and takes no one's place; those above the cap are reported as
 * policy.  Neither is stored: dkim_report() reads the field again.
 *
 * Words of RFC 8601 2.7.1: permerror is what the signer got wrong and will always be wrong; fail is a good
 * signature of something else; policy is one that verifies but is not accepted here: a key below 1024 bits (RFC
 * 8301 3.2), one signature too many, and by setting an l= that leaves octets of the body unsigned (RFC 6376 8.2).  To
 * tell policy from fail, signatures of short keys are computed all the same.
 *
 * v= is required; its absence is permerror, but only once all the rest has been found good, so that a forged
 * signature of a draft of before 2007 is called what it is.
 *
 * What would verify DKIM2-Signature and Message-Instance fields (draft-ietf-dkim-dkim2-spec) stands beside this
 * file as one more verifier with the same verbs: it needs the same header index, body octets, questions and jobs.
 */
#include "dataplane/auth/dkim.h"
#include "dataplane/auth/dkim_key.h"

#define SHORT_KEY_MIN 512 /* bits; shorter ones are not computed */

static const char dkim_name[] = "DKIM-Signature";
static const char surplus[] = "more signatures than are verified of one message";
static const char no_answer[] = "DNS did not answer for the key record";

const char *dkim_result_text(enum dkim_result r)
{
	switch (r) {
	case DKIM_RESULT_NONE:
		return "none";
	case DKIM_RESULT_PASS:
		return "pass";
	case DKIM_RESULT_FAIL:
		return "fail";
	case DKIM_RESULT_POLICY:
		return "policy";
	case DKIM_RESULT_NEUTRAL:
		return "neutral";
	case DKIM_RESULT_TEMPERROR:
		return "temperror";
	case DKIM_RESULT_PERMERROR:
		return "permerror";
	}
	return "none";
}

/* "dkim: d=example.org s=s1: WHAT" */
static void tell(const struct dkim *k, const struct dkim_sig *sig, const char *what, const char *reason)
{
	if (!k->explain)
		return;
	struct text *t = &k->explain->text;

	text_puts(t, "dkim: d=");
	text_escaped(t, sig->d);
	text_puts(t, " s=");
	text_escaped(t, sig->s);
	text_puts(t, ": ");
	text_puts(t, what);
	if (reason[0]) {
		text_puts(t, ": ");
		text_puts(t, reason);
	}
	text_puts(t, "\n");
}

static bool is_short(const struct dkim *k, const struct dkim_slot *slot)
{
	return slot->sig.alg != CRYPTO_ED25519_SHA256 && slot->job.key_bits < k->settings->rsa_bits_min;
}

static void count(const struct dkim *k, const struct dkim_slot *slot)
{
	struct stats *stats = k->settings->stats;

	switch (slot->result) {
	case DKIM_RESULT_PASS:
		stats->dkim_pass++;
		break;
	case DKIM_RESULT_FAIL:
		stats->dkim_fail++;
		break;
	case DKIM_RESULT_POLICY:
		stats->dkim_policy++;
		break;
	case DKIM_RESULT_TEMPERROR:
		stats->dkim_temperror++;
		break;
	case DKIM_RESULT_PERMERROR:
		stats->dkim_permerror++;
		break;
	case DKIM_RESULT_NONE:
	case DKIM_RESULT_NEUTRAL:
		break;
	}
	if (slot->job.key_bits && is_short(k, slot))
		stats->dkim_short_keys++;
}

static void finish(struct dkim *k, struct dkim_slot *slot, enum dkim_result result, const char *reason)
{
	slot->state = DKIM_STATE_DONE;
	slot->result = result;
	slot->reason = reason;
	k->bodies[slot->body].n_users--;
	tell(k, &slot->sig, dkim_result_text(result), reason);
	count(k, slot);
}

/* the choice of signatures */

static void skip(struct dkim *k, const struct dkim_sig *sig)
{
	k->settings->stats->dkim_surplus++;
	tell(k, sig, "not verified", surplus);
}

/* A place among those that are verified, NULL when all are taken by better ones. */
static struct dkim_slot *take_slot(struct dkim *k, bool aligned)
{
	uint8_t most = k->settings->dkim_signatures_max;

	if (most > DKIM_SIGNATURES_MAX)
		most = DKIM_SIGNATURES_MAX;
	if (k->n_slots < most)
		return &k->slots[k->n_slots++];
	if (!aligned)
		return NULL;
	/* The lowest one that is not aligned makes room; those below it move up, to stay in the order of the header. */
	for (size_t i = k->n_slots; i > 0; i--) {
		if (k->slots[i - 1].aligned)
			continue;
		skip(k, &k->slots[i - 1].sig);
		for (; i < k->n_slots; i++)
			k->slots[i - 1] = k->slots[i];
		return &k->slots[k->n_slots - 1];
	}
	return NULL;
}

static void consider(struct dkim *k, size_t index, struct span author_domain)
{
	struct stats *stats = k->settings->stats;
	struct dkim_sig sig;
	const char *why = dkim_sig_parse(&sig, DKIM_KIND_SIGNATURE, k->settings, k->header, index, k->now_unix);

	stats->dkim_signatures++;
	if (why) {
		tell(k, &sig, dkim_result_text(DKIM_RESULT_PERMERROR), why);
		stats->dkim_permerror++;
		if (span_eq(sig.a, SPAN("rsa-sha1")))
			stats->dkim_sha1++;
		return;
	}
	/* One without v= can not pass, so it must not take the place of one that can. */
	bool aligned = !sig.version_missing && dkim_sig_is_aligned(&sig, k->settings, author_domain);
	struct dkim_slot *slot = take_slot(k, aligned);

	if (!slot) {
		skip(k, &sig);
		return;
	}
	slot->sig = sig;
	slot->aligned = aligned;
}

/* Remembers where a DKIM-Signature stands; when the marks are used up every second one is dropped. */
static void mark(struct dkim *k, uint32_t index)
{
	if (k->n_fields++ % k->stride)
		return;
	if (k->n_marks == DKIM_MARKS) {
		for (size_t i = 0; i < DKIM_MARKS / 2; i++)
			k->mark[i] = k->mark[2 * i];
		k->n_marks = DKIM_MARKS / 2;
		k->stride *= 2;
	}
	k->mark[k->n_marks++] = index;
}

/* Index in the header of the @n-th DKIM-Signature. */
static size_t field_of(const struct dkim *k, size_t n)
{
	CHECK(n < k->n_fields);
	size_t index = k->mark[n / k->stride];

	for (size_t left = n % k->stride; left > 0; left--)
		index = msg_header_find(k->header, span_str(dkim_name), index + 1);
	return index;
}

/* Which of the body hashes is this; n_bodies: none. */
static uint8_t find_body(const struct dkim *k, bool sha1, enum dkim_canon canon, uint64_t l)
{
	uint8_t i = 0;

	for (; i < k->n_bodies; i++) {
		const struct dkim_body *b = &k->bodies[i].body;

		if (b->canon == canon && b->hash.sha1 == sha1 && b->limit == l)
			break;
	}
	return i;
}

const struct dkim_shared_body *dkim_share(struct dkim *k, enum dkim_canon canon, uint64_t l)
{
	uint8_t i = find_body(k, false, canon, l);

	/* A hash that all have left may have missed some of the body. */
	if (i == k->n_bodies || k->bodies[i].n_users == 0)
		return NULL;
	k->bodies[i].n_users++;
	return &k->bodies[i];
}

/* The body hash that @sig needs, made when no signature before it needs the same. */
static uint8_t share_body(struct dkim *k, const struct dkim_sig *sig)
{
	bool sha1 = sig->alg == CRYPTO_RSA_SHA1;
	uint8_t i = find_body(k, sha1, (enum dkim_canon)sig->canon_body, sig->l);

	if (i == k->n_bodies) {
		dkim_body_init(&k->bodies[i].body, k->settings->hash, sha1, (enum dkim_canon)sig->canon_body, sig->l);
		dkim_body_join(&k->bodies[i].body, k->settings->hash_pair);
		k->bodies[i].n_users = 0;
		k->n_bodies++;
	}
	k->bodies[i].n_users++;
	return i;
}

void dkim_begin(struct dkim *k, const struct auth_settings *settings, const struct msg_header *header,
		struct span author_domain, uint64_t now_unix, struct explain *explain)
{
	k->settings = settings;
	k->header = header;
	k->explain = explain;
	k->now_unix = now_unix;
	k->n_slots = k->n_bodies = 0;
	k->body_ended = false;
	k->n_fields = k->n_marks = 0;
	k->stride = 1;
	for (size_t i = 0; (i = msg_header_find(header, span_str(dkim_name), i)) != SPAN_NONE; i++) {
		mark(k, (uint32_t)i);
		consider(k, i, author_domain);
	}
	for (size_t i = 0; i < k->n_slots; i++) {
		struct dkim_slot *slot = &k->slots[i];

		slot->state = DKIM_STATE_ASK;
		slot->result = DKIM_RESULT_NONE;
		slot->reason = "";
		slot->testing = false;
		slot->job.key_bits = 0;
		slot->body = share_body(k, &slot->sig);
	}
}

/* keys */

bool dkim_question(struct dkim *k, unsigned *slot, struct dns_question *q)
{
	for (unsigned i = 0; i < k->n_slots; i++) {
		if (k->slots[i].state != DKIM_STATE_ASK)
			continue;
		bool can_ask = dkim_sig_question(&k->slots[i].sig, k->settings, q);

		CHECK(can_ask); /* dkim_sig_parse() has seen to it */
		k->slots[i].state = DKIM_STATE_ASKED;
		*slot = i;
		return true;
	}
	return false;
}

static const char *canon_text(const struct dkim_sig *sig)
{
	if (sig->canon_header == DKIM_CANON_SIMPLE)
		return sig->canon_body == DKIM_CANON_SIMPLE ? "c=simple/simple" : "c=simple/relaxed";
	return sig->canon_body == DKIM_CANON_SIMPLE ? "c=relaxed/simple" : "c=relaxed/relaxed";
}

/* RFC 6376 6.1.3 step 3, as soon as both the key and the end of the body are there. */
static void compare_body(struct dkim *k, struct dkim_slot *slot)
{
	const struct dkim_shared_body *b = &k->bodies[slot->body];

	if (slot->state != DKIM_STATE_BODY || !k->body_ended)
		return;
	/* A wrong body hash is final whatever the key would have been: no reason to make the client come again. */
	if (!span_eq(span_of(b->digest, b->digest_len), span_of(slot->sig.bh, b->digest_len)))
		finish(k, slot, DKIM_RESULT_FAIL, "the body hash does not match bh=");
	else if (slot->result == DKIM_RESULT_TEMPERROR)
		finish(k, slot, slot->result, slot->reason);
	else {
		slot->state = DKIM_STATE_READY;
		tell(k, &slot->sig, "the body hash matches bh=", canon_text(&slot->sig));
	}
}

/* No key for now: the result, unless the body hash is wrong. */
static void key_temperror(struct dkim *k, struct dkim_slot *slot, const char *why)
{
	slot->state = DKIM_STATE_BODY;
	slot->result = DKIM_RESULT_TEMPERROR;
	slot->reason = why;
	compare_body(k, slot);
}

void dkim_answer(struct dkim *k, unsigned index, const struct dns_answer *answer)
{
	if (index >= k->n_slots || k->slots[index].state != DKIM_STATE_ASKED)
		return;
	struct dkim_slot *slot = &k->slots[index];
	struct dkim_key key;
	bool temporary;
	const char *why = dkim_key_unanswered(answer, &temporary);

	if (why && temporary) {
		key_temperror(k, slot, why);
		return;
	}
	if (why || (why = dkim_key_find(&key, answer, &slot->sig)) ||
	    (why = dkim_key_job(&key, &slot->sig, k->settings, &slot->job))) {
		finish(k, slot, DKIM_RESULT_PERMERROR, why);
		return;
	}
	if (slot->job.rsa_bits_min > SHORT_KEY_MIN)
		slot->job.rsa_bits_min = SHORT_KEY_MIN;
	slot->job.owner = slot;
	slot->testing = key.testing;
	slot->state = DKIM_STATE_BODY;
	tell(k, &slot->sig, "key found", key.testing ? "its owner is testing (t=y)" : "");
	compare_body(k, slot);
}

void dkim_give_up(struct dkim *k)
{
	for (size_t i = 0; i < k->n_slots; i++)
		if (k->slots[i].state < DKIM_STATE_BODY)
			key_temperror(k, &k->slots[i], no_answer);
}

/* the body */

void dkim_body(struct dkim *k, struct span bytes)
{
	for (size_t i = 0; i < k->n_bodies; i++)
		if (k->bodies[i].n_users)
			dkim_body_add(&k->bodies[i].body, bytes);
}

void dkim_body_end(struct dkim *k)
{
	if (k->body_ended)
		return;
	k->body_ended = true;
	for (size_t i = 0; i < k->n_bodies; i++)
		k->bodies[i].digest_len = (uint8_t)dkim_body_final(&k->bodies[i].body, k->bodies[i].digest);
	for (size_t i = 0; i < k->n_slots; i++)
		compare_body(k, &k->slots[i]);
}

void dkim_leave(struct dkim *k)
{
	for (size_t i = 0; i < k->n_bodies; i++)
		dkim_body_drop(&k->bodies[i].body);
}

/* jobs and results */

struct crypto_job *dkim_job(struct dkim *k)
{
	for (size_t i = 0; i < k->n_slots; i++) {
		struct dkim_slot *slot = &k->slots[i];

		if (slot->state != DKIM_STATE_READY)
			continue;
		slot->job.digest_len = (uint8_t)dkim_sig_digest(&slot->sig, k->settings, k->header, slot->job.digest);
		slot->state = DKIM_STATE_OUT;
		return &slot->job;
	}
	return NULL;
}

/* l= leaves octets at the end of the body unsigned, so that anyone may have put them there. */
static bool is_partial(const struct dkim *k, const struct dkim_slot *slot)
{
	return k->body_ended && k->bodies[slot->body].body.n_octets > slot->sig.l;
}

/* The signature verifies, with this key and this body: is it accepted? */
static void judge_good(struct dkim *k, struct dkim_slot *slot)
{
	const struct auth_settings *settings = k->settings;
	const struct dkim_body *body = &k->bodies[slot->body].body;

	if (slot->sig.version_missing)
		finish(k, slot, DKIM_RESULT_PERMERROR, "v= is missing");
	else if (is_short(k, slot))
		finish(k, slot, DKIM_RESULT_POLICY, "the RSA key is shorter than allowed (RFC 8301 3.2)");
	else if (slot->sig.l != UINT64_MAX && body->n_octets < slot->sig.l)
		finish(k, slot, DKIM_RESULT_PERMERROR, "l= is larger than the body");
	else if (is_partial(k, slot) && settings->dkim_partial != DKIM_PARTIAL_ACCEPT)
		finish(k, slot, settings->dkim_partial == DKIM_PARTIAL_POLICY ? DKIM_RESULT_POLICY : DKIM_RESULT_PASS,
		       "l= leaves octets at the end of the body unsigned");
	else
		finish(k, slot, DKIM_RESULT_PASS, "");
}

void dkim_job_done(struct dkim *k, struct crypto_job *job)
{
	struct dkim_slot *slot = job->owner;

	CHECK(slot >= k->slots && slot < k->slots + k->n_slots && slot->state == DKIM_STATE_OUT);
	switch ((enum crypto_verdict)job->verdict) {
	case CRYPTO_PASS:
		judge_good(k, slot);
		return;
	case CRYPTO_FAIL:
		finish(k, slot, DKIM_RESULT_FAIL, "the signature does not match the header");
		return;
	case CRYPTO_BAD_KEY:
		finish(k, slot, DKIM_RESULT_PERMERROR, "p= of the key record is no key of that type");
		return;
	case CRYPTO_SHORT_KEY:
		finish(k, slot, DKIM_RESULT_POLICY, "the RSA key is shorter than allowed (RFC 8301 3.2)");
		return;
	case CRYPTO_LONG_KEY:
		finish(k, slot, DKIM_RESULT_PERMERROR, "the RSA key is longer than allowed");
		return;
	case CRYPTO_ERROR:
	case CRYPTO_PENDING:
		break;
	}
	finish(k, slot, DKIM_RESULT_TEMPERROR, "the signature could not be computed");
}

bool dkim_done(const struct dkim *k)
{
	for (size_t i = 0; i < k->n_slots; i++)
		if (k->slots[i].state != DKIM_STATE_DONE)
			return false;
	return true;
}

size_t dkim_n_reports(const struct dkim *k)
{
	return k->n_fields;
}

static void report_tags(struct dkim_report *r, const struct dkim_sig *sig)
{
	r->d = sig->d;
	r->s = sig->s;
	r->a = sig->a;
	r->i = sig->i;
	r->b = sig->b;
}

/* What anyone may have appended to is no proof of who wrote it, unless the operator wants it so. */
static bool does_count(const struct dkim *k, const struct dkim_slot *slot)
{
	return slot->result == DKIM_RESULT_PASS &&
	       (!is_partial(k, slot) || k->settings->dkim_partial == DKIM_PARTIAL_ACCEPT);
}

size_t dkim_n_verified(const struct dkim *k)
{
	return k->n_slots;
}

struct dkim_verified dkim_verified(const struct dkim *k, size_t index)
{
	const struct dkim_slot *slot = &k->slots[index];

	return (struct dkim_verified){ .d = slot->sig.d, .result = slot->result, .counts = does_count(k, slot) };
}

void dkim_report(const struct dkim *k, size_t index, struct dkim_report *r)
{
	size_t field = field_of(k, index);
	struct dkim_sig sig;

	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < k->n_slots; i++) {
		const struct dkim_slot *slot = &k->slots[i];

		if (slot->sig.field != field)
			continue;
		report_tags(r, &slot->sig);
		r->result = slot->result;
		r->reason = slot->reason;
		r->key_bits = slot->job.key_bits;
		r->testing = slot->testing;
		r->partial = is_partial(k, slot);
		r->counts = does_count(k, slot);
		return;
	}
	r->reason = dkim_sig_parse(&sig, DKIM_KIND_SIGNATURE, k->settings, k->header, field, k->now_unix);
	r->result = r->reason ? DKIM_RESULT_PERMERROR : DKIM_RESULT_POLICY;
	if (!r->reason)
		r->reason = surplus;
	report_tags(r, &sig);
}
