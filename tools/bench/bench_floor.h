// SPDX-License-Identifier: MIT
/*
 * bench_floor.h - what everyone pays for a signed message, and how still this processor holds
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

/* floor.*: SHA-256 of OpenSSL, one stream and two, and one RSA-2048 verification; of messages of 4 and 75 KiB. */
void bench_floor(void);

/* machine.jitter.*: an empty loop of two seconds, and how long it was interrupted. */
void bench_jitter(void);

#endif
