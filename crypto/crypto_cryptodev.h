// SPDX-License-Identifier: MIT
/*
 * crypto_cryptodev.h - a DPDK crypto device that does RSA
 */
#ifndef CRYPTO_CRYPTODEV_H
#define CRYPTO_CRYPTODEV_H

#include "crypto/crypto_open.h"

/*
 * One queue pair of the device for each worker; all are opened by the control thread after the EAL was started, and
 * closed before it ends.  The name is that of a device which the EAL has found, or of a driver whose virtual device is
 * then made ("crypto_openssl").
 */
struct crypto_device *crypto_cryptodev_open(const struct crypto_device_want *want, const char **why);

#endif
