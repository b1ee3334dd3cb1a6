// SPDX-License-Identifier: MIT
/*
 * ctl_firmware.h - sekishoctl firmware: what the slots hold, a new one, keep it, or go back
 */
#ifndef CTL_FIRMWARE_H
#define CTL_FIRMWARE_H

#include <jansson.h>
#include <stdbool.h>

/* @what: status, install, confirm or rollback; @socket: of the gateway, for confirm.  Returns an exit status. */
int ctl_firmware(const char *what, const json_t *args, bool json, const char *socket);

#endif
