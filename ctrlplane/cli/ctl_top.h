// SPDX-License-Identifier: MIT
/*
 * ctl_top.h - the live screen
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include "ctrlplane/cli/ctl_client.h"

/* Until q is pressed or the daemon ends; false: c->error says why it could not go on. */
bool ctl_top(struct ctl_client *c);

#endif
