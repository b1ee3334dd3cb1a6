// SPDX-License-Identifier: MIT
/*
 * arc.c - validation of an ARC chain
 *
 * RFC 8617 5.2: the structure of all sets, then the newest ARC-Message-Signature (AMS) with the body, then every
 * ARC-Seal from the newest down.  One that fails makes the chain fail; nothing more is asked or computed then.
 *
 * Keys are asked for as soon as the header has ended, for as many signatures as there are slots.  Signatures are
 * computed when the body hash of the AMS is known to be right, since a body that was changed, the usual reason for
 * a chain to fail, then costs no public-key operation.
 *
 * Whom to believe: a chain that passes proves only who sealed it.  Any sealer may have written anything into its
 * results, so "trusted" asks that the newest sealer is listed in arc_trusted: it has validated the chain below it
 * (its cv=pass says so) and it alone has seen the message as it came to us.  The sealers before it are its affair.
 * And the AMS must sign From, or the message could be given another author after it was sealed.
 */
#include "dataplane/auth/arc.h"
#include "dataplane/auth/arc_set.h"
#include "dataplane/auth/dkim_key.h"

const char *arc_result_text(enum arc_result r)
{
	switch (r) {
	case ARC_RESULT_NONE:
		return "none";
	case ARC_RESULT_PASS:
		return "pass";
	case ARC_RESULT_FAIL:
		return "fail";
	case ARC_RESULT_TEMPERROR:
		return "temperror";
	}
	return "none";
}

static void tell(const struct arc *a, const char *what, const char *reason)
{
	if (!a->explain)
		return;
	struct text *t = &a->explain->text;

	text_puts(t, "arc: ");
	text_puts(t, what);
	if (reason[0]) {
		text_puts(t, ": ");
		text_puts(t, reason);
	}
	text_puts(t, "\n");
}

/* "arc: i=2 seal d=example.org s=s1: WHAT" */
static void tell_signature(const struct arc *a, const struct arc_slot *slot, const char *what)
{
	if (!a->explain)
		return;
	struct text *t = &a->explain->text;

	text_puts(t, "arc: i=");
	text_dec(t, slot->sig.instance);
	text_puts(t, slot->is_seal ? " seal d=" : " message signature d=");
	text_escaped(t, slot->sig.d);
	text_puts(t, " s=");
	text_escaped(t, slot->sig.s);
	text_puts(t, ": ");
	text_puts(t, what);
	text_puts(t, "\n");
}

static bool is_listed(const struct auth_settings *settings, struct span sealer)
{
	for (const char *const *d = settings->arc_trusted; d && *d; d++)
		if (span_eq_nocase(span_str(*d), sealer))
			return true;
	return false;
}

static void decide(struct arc *a, enum arc_result result, const char *reason)
{
	struct stats *stats = a->settings->stats;

	if (a->decided)
		return;
	a->decided = true;
	a->result = result;
	a->reason = reason;
	a->trusted = result == ARC_RESULT_PASS && a->covers_from && is_listed(a->settings, a->sealer);
	switch (result) {
	case ARC_RESULT_NONE:
		return;
	case ARC_RESULT_PASS:
		stats->arc_pass++;
		break;
	case ARC_RESULT_FAIL:
		stats->arc_fail++;
		break;
	case ARC_RESULT_TEMPERROR:
		stats->arc_temperror++;
		break;
	}
	tell(a, arc_result_text(result), reason);
	if (a->trusted)
		tell(a, "the newest sealer is listed in arc.trusted, and From is signed", "");
}

/* A result other than fail: when all signatures have been dealt with and the body is known to be the one sealed. */
static void conclude(struct arc *a)
{
	if (!a->body_ended || a->n_checked < a->instance + 1)
		return;
	if (a->temporary)
		decide(a, ARC_RESULT_TEMPERROR, "a key of the chain could not be had, or a signature not be computed");
	else
		decide(a, ARC_RESULT_PASS, "");
}

/* One signature has been dealt with and did not fail; @temporary: it could not be verified for now. */
static void release(struct arc *a, struct arc_slot *slot, bool temporary)
{
	slot->state = ARC_STATE_FREE;
	a->temporary |= temporary;
	a->n_checked++;
	conclude(a);
}

static void fail(struct arc *a, struct arc_slot *slot, const char *why)
{
	slot->state = ARC_STATE_FREE;
	tell_signature(a, slot, why);
	decide(a, ARC_RESULT_FAIL, why);
}

void arc_begin(struct arc *a, const struct auth_settings *settings, const struct msg_header *header, struct dkim *dkim,
	       uint64_t now_unix, struct explain *explain)
{
	struct dkim_sig ams;

	a->result = ARC_RESULT_NONE;
	a->reason = "";
	a->covers_from = a->trusted = false;
	a->settings = settings;
	a->header = header;
	a->explain = explain;
	a->now_unix = now_unix;
	a->decided = a->body_ended = a->body_is_good = a->temporary = false;
	a->n_begun = a->n_checked = 0;
	a->body.hash.pair = NULL;
	a->shared = NULL;
	for (size_t i = 0; i < ARC_SLOTS; i++)
		a->slots[i].state = ARC_STATE_FREE;

	const char *why = arc_set_gather(a);

	if (!why && a->instance == 0) {
		decide(a, ARC_RESULT_NONE, "");
		return;
	}
	if (!why)
		why = dkim_sig_parse(&ams, DKIM_KIND_ARC_MESSAGE, settings, header, a->sets[a->instance - 1].message,
				     now_unix);
	if (why) {
		decide(a, ARC_RESULT_FAIL, why);
		return;
	}
	a->covers_from = ams.signs_from;
	memcpy(a->bh, ams.bh, sizeof(a->bh));
	/* A forwarder's DKIM-Signature and his AMS mostly cover one body in one form. */
	if (dkim)
		a->shared = dkim_share(dkim, (enum dkim_canon)ams.canon_body, ams.l);
	if (a->shared)
		return;
	dkim_body_init(&a->body, settings->hash, false, (enum dkim_canon)ams.canon_body, ams.l);
	dkim_body_join(&a->body, settings->hash_pair);
}

/* keys */

/* The @n-th signature of the chain: the newest AMS, then the seals from the newest down.  All parsed before. */
static void parse_nth(struct arc *a, struct arc_slot *slot, unsigned n)
{
	unsigned i = n == 0 ? a->instance : a->instance + 1 - n;
	const struct arc_set *set = &a->sets[i - 1];
	const char *why;

	slot->is_seal = n > 0;
	why = dkim_sig_parse(&slot->sig, slot->is_seal ? DKIM_KIND_ARC_SEAL : DKIM_KIND_ARC_MESSAGE, a->settings,
			     a->header, slot->is_seal ? set->seal : set->message, a->now_unix);
	CHECK(!why);
}

bool arc_question(struct arc *a, unsigned *index, struct dns_question *q)
{
	if (a->decided || a->n_begun == a->instance + 1)
		return false;
	for (unsigned i = 0; i < ARC_SLOTS; i++) {
		struct arc_slot *slot = &a->slots[i];

		if (slot->state != ARC_STATE_FREE)
			continue;
		parse_nth(a, slot, a->n_begun++);
		bool can_ask = dkim_sig_question(&slot->sig, a->settings, q);

		CHECK(can_ask); /* dkim_sig_parse() has seen to it */
		slot->state = ARC_STATE_ASKED;
		*index = i;
		return true;
	}
	return false;
}

void arc_answer(struct arc *a, unsigned index, const struct dns_answer *answer)
{
	if (a->decided || index >= ARC_SLOTS || a->slots[index].state != ARC_STATE_ASKED)
		return;
	struct arc_slot *slot = &a->slots[index];
	struct dkim_key key;
	bool temporary;
	const char *why = dkim_key_unanswered(answer, &temporary);

	if (why && temporary) {
		tell_signature(a, slot, why);
		release(a, slot, true);
		return;
	}
	if (why || (why = dkim_key_find(&key, answer, &slot->sig)) ||
	    (why = dkim_key_job(&key, &slot->sig, a->settings, &slot->job))) {
		fail(a, slot, why);
		return;
	}
	tell_signature(a, slot, "key found");
	slot->job.owner = slot;
	slot->state = ARC_STATE_READY;
}

void arc_give_up(struct arc *a)
{
	if (a->decided)
		return;
	/* Those never asked for are as good as unanswered. */
	if (a->n_begun < a->instance + 1) {
		a->temporary = true;
		a->n_checked += a->instance + 1 - a->n_begun;
		a->n_begun = a->instance + 1;
	}
	for (size_t i = 0; i < ARC_SLOTS && !a->decided; i++)
		if (a->slots[i].state == ARC_STATE_ASKED)
			release(a, &a->slots[i], true);
	conclude(a);
}

/* the body */

void arc_body(struct arc *a, struct span bytes)
{
	if (!a->decided && !a->shared)
		dkim_body_add(&a->body, bytes);
}

void arc_leave(struct arc *a)
{
	dkim_body_drop(&a->body);
}

void arc_body_end(struct arc *a)
{
	const struct dkim_body *body = a->shared ? &a->shared->body : &a->body;
	uint8_t digest[SHA256_LEN];

	if (a->decided || a->body_ended)
		return;
	a->body_ended = true;
	if (a->shared)
		memcpy(digest, a->shared->digest, SHA256_LEN);
	else
		dkim_body_final(&a->body, digest);
	if (!span_eq(span_of(digest, SHA256_LEN), span_of(a->bh, SHA256_LEN)))
		decide(a, ARC_RESULT_FAIL, "the body hash does not match bh= of the newest ARC-Message-Signature");
	else if (body->n_octets > body->limit && a->settings->dkim_partial != DKIM_PARTIAL_ACCEPT)
		decide(a, ARC_RESULT_FAIL, "l= leaves octets at the end of the body unsigned");
	else if (body->limit != UINT64_MAX && body->n_octets < body->limit)
		decide(a, ARC_RESULT_FAIL, "l= is larger than the body");
	else
		a->body_is_good = true;
	if (a->body_is_good)
		tell(a, "the body hash matches bh= of the newest message signature", "");
	conclude(a);
}

/* jobs */

struct crypto_job *arc_job(struct arc *a)
{
	if (a->decided || !a->body_is_good)
		return NULL;
	for (size_t i = 0; i < ARC_SLOTS; i++) {
		struct arc_slot *slot = &a->slots[i];

		if (slot->state != ARC_STATE_READY)
			continue;
		if (slot->is_seal) {
			memcpy(slot->job.digest, a->sets[slot->sig.instance - 1].digest, SHA256_LEN);
			slot->job.digest_len = SHA256_LEN;
		} else {
			slot->job.digest_len =
				(uint8_t)dkim_sig_digest(&slot->sig, a->settings, a->header, slot->job.digest);
		}
		slot->state = ARC_STATE_OUT;
		return &slot->job;
	}
	return NULL;
}

void arc_job_done(struct arc *a, struct crypto_job *job)
{
	struct arc_slot *slot = job->owner;

	CHECK(slot >= a->slots && slot < a->slots + ARC_SLOTS && slot->state == ARC_STATE_OUT);
	switch ((enum crypto_verdict)job->verdict) {
	case CRYPTO_PASS:
		tell_signature(a, slot, "good");
		release(a, slot, false);
		return;
	case CRYPTO_FAIL:
		fail(a, slot,
		     slot->is_seal ? "an ARC-Seal does not match its sets"
				   : "the newest ARC-Message-Signature does not match the header");
		return;
	case CRYPTO_BAD_KEY:
		fail(a, slot, "p= of a key record is no key of that type");
		return;
	case CRYPTO_SHORT_KEY:
	case CRYPTO_LONG_KEY:
		fail(a, slot, "an RSA key is shorter or longer than allowed");
		return;
	case CRYPTO_ERROR:
	case CRYPTO_PENDING:
		break;
	}
	tell_signature(a, slot, "could not be computed");
	release(a, slot, true);
}

bool arc_done(const struct arc *a)
{
	for (size_t i = 0; i < ARC_SLOTS; i++)
		if (a->slots[i].state == ARC_STATE_OUT)
			return false;
	return a->decided;
}
