// SPDX-License-Identifier: MIT
/*
 * version.h - the version that every program prints
 */
#ifndef VERSION_H
#define VERSION_H

#define SEKISHO_VERSION "0.1.0"

#endif
