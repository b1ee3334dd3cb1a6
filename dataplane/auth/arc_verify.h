// SPDX-License-Identifier: MIT
/*
 * arc_verify.h - struct arc, for placement
 */
#ifndef AUTH_ARC_VERIFY_H
#define AUTH_ARC_VERIFY_H

#include "dataplane/auth/dkim_canon.h"
#include "dataplane/auth/dkim_sig.h"

/* Signatures under way at once.  A chain of up to seven sets asks for all its keys together, a longer one in turn. */
#define ARC_SLOTS 8

#define ARC_FIELD_NONE UINT32_MAX

/* One ARC set, as indexes into the header. */
struct arc_set {
	uint32_t results;           /* ARC-Authentication-Results */
	uint32_t message;           /* ARC-Message-Signature */
	uint32_t seal;              /* ARC-Seal */
	uint8_t digest[SHA256_LEN]; /* what the seal signs: this set and all before it */
};

/* The states are those of a DKIM signature (dkim_verify.h); only the newest message signature waits for the body. */
enum arc_state {
	ARC_STATE_FREE,
	ARC_STATE_ASKED,
	ARC_STATE_READY, /* the key is there; held until the body hash is known */
	ARC_STATE_OUT,
};

struct arc_slot {
	enum arc_state state;
	bool is_seal;
	struct dkim_sig sig;
	struct crypto_job job;
};

struct arc {
	enum arc_result result;
	const char *reason; /* constant sentence, "" for a plain pass and for none */
	unsigned instance;  /* the highest i= of a chain that is whole, else the highest seen; 0: none */
	struct span sealer; /* d= of the newest ARC-Seal, borrowed from the header; empty: none */
	bool covers_from;   /* the newest ARC-Message-Signature signs From */
	bool trusted;       /* result is pass, covers_from, and sealer is listed in arc_trusted */

	/* what follows is arc.c's own */
	const struct auth_settings *settings;
	const struct msg_header *header;
	struct explain *explain;
	uint64_t now_unix;
	bool decided; /* result is final */
	bool body_ended;
	bool body_is_good; /* the newest AMS's body hash is right */
	bool temporary;    /* some key could not be had: temperror unless another signature fails */
	unsigned n_begun;  /* signatures asked for: the newest AMS, then the seals from the newest down */
	unsigned n_checked;
	uint8_t bh[SHA256_LEN];
	const struct dkim_shared_body *shared; /* one of DKIM's, that is the same; else NULL, and */
	struct dkim_body body;
	struct arc_set sets[ARC_SETS_MAX]; /* [i - 1] */
	struct arc_slot slots[ARC_SLOTS];
};

_Static_assert(sizeof(struct arc) <= 64 * 1024, "a pool of them stays small");

#endif
