// SPDX-License-Identifier: MIT
/*
 * load_kernel_run.h - the generator's worker over the kernel's sockets; there is one in a process
 */
#ifndef LOAD_KERNEL_RUN_H
#define LOAD_KERNEL_RUN_H

#include "tools/load/load.h"

/* On core @core, counted among those allowed.  NULL: @error says why and what to do. */
struct load *load_kernel_start(struct load_settings *s, unsigned core, char *error, size_t error_cap);
void load_kernel_stop(void); /* the load can still be asked */

#endif
