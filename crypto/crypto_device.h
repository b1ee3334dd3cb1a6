// SPDX-License-Identifier: MIT
/*
 * crypto_device.h - a device that computes RSA's public operation, and how far it is trusted
 *
 * Core.  A device (OpenSSL engine, DPDK cryptodev) gets a number and gives a number back; this makes a backend of it:
 *
 *	submit ── rsa_rule ──► op ──► device ──► encoding as expected ──────────► pass; one in sample_every goes to the CPU too
 *	   │                             │
 *	   │                             └─ another number, an error, no answer in time ─► the CPU decides
 *	   └─ Ed25519, keys not for it, the device rests ────────────────────────────────► CPU
 *
 * A positive verdict of a device cannot be an accident, since the whole encoding is compared; a negative one may be a
 * fault, and the device is asked for no reason: so the CPU decides each of them.  Faults in a row open the circuit: all
 * goes to the CPU, and after a while, longer each time, one operation tries whether the device is well again.
 *
 * What a device has been given stays where it is until the device gives it back, however late: an op has its own copy of
 * the signature and room for the result, and its job may end and go long before.
 */
#ifndef CRYPTO_DEVICE_H
#define CRYPTO_DEVICE_H

#include "crypto/crypto_batch.h"
#include "crypto/rsa_key.h"

/* One public operation: em = sig^e mod n, all of @len octets, big-endian. */
struct crypto_op {
	uint16_t len;
	bool good; /* out: there is a result */
	uint8_t sig[CRYPTO_SIG_MAX];
	uint8_t em[CRYPTO_SIG_MAX];
	void *of_driver; /* the driver's own use */
};

enum device_answer {
	DEVICE_TOOK,   /* poll() gives the op back, some time or never */
	DEVICE_FULL,   /* not now */
	DEVICE_FAILED, /* not this one */
};

struct crypto_device {
	const char *name;
	void *driver;
	uint32_t ops_max;            /* that it may have at once */
	uint16_t bits_min, bits_max; /* of the keys that it is good for */
	/* @job and @key are borrowed for the call, @op until it is given back. */
	enum device_answer (*submit)(void *driver, struct crypto_op *op, const struct crypto_job *job,
				     const struct rsa_key *key);
	struct crypto_op *(*poll)(void *driver, uint64_t now_us); /* one that ended; NULL: none now */
	/* Waits a bounded time until the device has nothing left; poll() gives it back.  By the thread that submitted. */
	void (*drain)(void *driver);
	void (*close)(struct crypto_device *device);
};

struct crypto_device_settings {
	uint64_t timeout_us;   /* then the CPU does it, and the op counts as a fault */
	uint32_t sample_every; /* positive verdicts, of which the CPU checks one */
	void (*release)(
		void *memory); /* by close(): @memory is the caller's again; not while the device has some of it */
};

#define CRYPTO_DEVICE_FAULTS 8          /* in a row, which open the circuit */
#define CRYPTO_DEVICE_REST_US 100000    /* the first time */
#define CRYPTO_DEVICE_REST_MAX 60000000 /* and at most */

size_t crypto_device_memory(const struct crypto_device *device);

/* A backend in @memory, which takes over @device and @cpu and closes them when it is closed. */
struct crypto_backend *crypto_device_init(void *memory, const struct crypto_device_settings *settings,
					  struct crypto_device *device, struct crypto_backend *cpu);

/* For `show crypto` and tests. */
bool crypto_device_rests(const struct crypto_backend *backend, uint64_t now_us);

#endif
