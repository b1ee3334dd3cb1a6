// SPDX-License-Identifier: MIT
/*
 * bench_crypto.h - our backend, octets to verdict, beside plain OpenSSL
 */
#ifndef BENCH_CRYPTO_H
#define BENCH_CRYPTO_H

/* Prints crypto.*.ratio, and crypto.*.share where lanes work. */
void bench_crypto(void);

/* Seconds that one RSA-2048 verification takes plain OpenSSL, with a prepared context. */
double bench_rsa2048_s(void);

/* Two bodies hashed in turn, against one after the other: rates. */
double bench_sha256_multi_ratio(void);

#endif
