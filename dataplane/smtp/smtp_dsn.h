// SPDX-License-Identifier: MIT
/*
 * smtp_dsn.h - values of the parameters that ask for delivery reports (RFC 3461 4), which are passed on as they are
 */
#ifndef SMTP_DSN_H
#define SMTP_DSN_H

#include "dataplane/base/span.h"

#define SMTP_DSN_ENVID_MAX 100 /* RFC 3461 4.4 */
#define SMTP_DSN_ORCPT_MAX 500 /* 4.2 */

bool smtp_dsn_ret(struct span value);    /* FULL or HDRS */
bool smtp_dsn_envid(struct span value);  /* xtext */
bool smtp_dsn_notify(struct span value); /* NEVER, or a list of SUCCESS, FAILURE and DELAY */
bool smtp_dsn_orcpt(struct span value);  /* type ";" xtext; of type utf-8 also UTF-8 (RFC 6533 3) */

#endif
