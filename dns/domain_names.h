// SPDX-License-Identifier: MIT
/*
 * domain_names.h - IDNA by libidn2, the public suffix list by libpsl; drivers for auth_settings
 */
#ifndef DOMAIN_NAMES_H
#define DOMAIN_NAMES_H

#include "dataplane/base/text.h"

/* U-labels to lower-case A-labels (IDNA 2008, UTS 46 non-transitional); false when it is no domain name. */
bool domain_to_ascii(struct span domain, struct text *out);

/* RFC 7489 3.2, a tail of @domain (A-labels); empty when it is itself a public suffix. */
struct span domain_organizational(struct span domain);

#endif
