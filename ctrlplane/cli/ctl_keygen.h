// SPDX-License-Identifier: MIT
/*
 * ctl_keygen.h - a key that signs reports, and what DNS must say of it
 */
#ifndef CTL_KEYGEN_H
#define CTL_KEYGEN_H

#include <jansson.h>
#include <stdbool.h>

/**
 * ctl_keygen - make the key file, print the record for DNS
 * @args: file, and selector, domain: for the record's name
 * @error: room for 256 octets
 */
bool ctl_keygen(const json_t *args, bool json, char error[256]);

#endif
