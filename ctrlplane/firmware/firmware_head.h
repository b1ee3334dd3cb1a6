// SPDX-License-Identifier: MIT
/*
 * firmware_head.h - the head of an update file, which says what follows it and is signed
 *
 * 4096 octets: lines of text in a fixed order, then zeroes (tools/image/sign writes them).
 *
 *	sekisho-firmware 1
 *	version 0.1.0+git368.b2a2acfff6
 *	date 1764022222
 *	size 123456789
 *	sha256 <64 hexadecimal digits>
 *	signature <88 characters of base64>
 *
 * The signature is Ed25519 (RFC 8032) over the lines before it.  A slot that is whole has the head in its last 4096
 * octets, so each slot can say what it holds.
 */
#ifndef FIRMWARE_HEAD_H
#define FIRMWARE_HEAD_H

#include "dataplane/base/err.h"
#include "dataplane/base/span.h"

enum { FIRMWARE_HEAD_SIZE = 4096, FIRMWARE_VERSION_MAX = 64, FIRMWARE_HASH_LEN = 32, FIRMWARE_SIGNATURE_LEN = 64 };

#define FIRMWARE_SIZE_MAX (UINT64_C(1) << 40) /* octets; sums of it stay far from overflow */

struct firmware_head {
	char version[FIRMWARE_VERSION_MAX + 1]; /* letters, digits and . + ~ -; NUL-terminated */
	uint64_t date_s;                        /* of the commit, seconds since 1970 */
	uint64_t size;                          /* octets that follow the head; at least 1 */
	uint8_t sha256[FIRMWARE_HASH_LEN];      /* of those */
	uint8_t signature[FIRMWARE_SIGNATURE_LEN];
	size_t signed_len; /* octets at the head's start that the signature covers */
};

/**
 * firmware_head_parse - what a head says; not whether its signature is good
 * @in: FIRMWARE_HEAD_SIZE octets; ERR_BAD_LENGTH for any other number
 *
 * There is one way to write a head: other orders, spaces, leading zeroes or octets behind it are ERR_BAD_SYNTAX.
 */
enum err MUST_USE firmware_head_parse(struct span in, struct firmware_head *out);

#endif
