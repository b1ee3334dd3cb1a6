// SPDX-License-Identifier: MIT
/*
 * ctl_health.h - whether the gateway is well: it answers, every worker answers, and it stays so
 */
#ifndef CTL_HEALTH_H
#define CTL_HEALTH_H

#include <stdbool.h>

enum {
	CTL_HEALTH_WAIT_S = 180,  /* for a gateway that starts */
	CTL_HEALTH_STEADY_S = 15, /* and then is the same process, and well each time it is asked */
};

/* Waits so long at most; false: @error, of 256 octets, says what the gateway lacked last. */
bool ctl_health(const char *socket, unsigned wait_s, unsigned steady_s, char error[256]);

#endif
