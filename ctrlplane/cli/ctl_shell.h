// SPDX-License-Identifier: MIT
/*
 * ctl_shell.h - sekishoctl without a command, on a terminal: one after the other
 */
#ifndef CTL_SHELL_H
#define CTL_SHELL_H

#include "ctrlplane/cli/ctl_complete.h"

/* @socket: for the commands' --socket.  Returns an exit status when exit, quit or the end of input is read. */
int ctl_shell(const struct ctl_word *commands, size_t n_commands, const char *socket);

#endif
