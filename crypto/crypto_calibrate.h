// SPDX-License-Identifier: MIT
/*
 * crypto_calibrate.h - what a verification costs by each backend on this machine, measured at the start
 */
#ifndef CRYPTO_CALIBRATE_H
#define CRYPTO_CALIBRATE_H

#include "crypto/crypto_device.h"

/* Nanoseconds that this thread had a processor, for one verification of a full batch; 0: not measured. */
struct crypto_figures {
	const char *name; /* of the backend */
	uint32_t ns[N_CRYPTO_CLASS];
};

/* Takes some milliseconds for each.  The least of a few rounds, so that a busy machine does not decide. */
void crypto_calibrate(struct crypto_backend *backend, struct crypto_figures *out);

/* A device alone, without the CPU that would confirm; what it does not answer at once is not measured. */
void crypto_calibrate_device(struct crypto_device *device, struct crypto_figures *out);

#endif
