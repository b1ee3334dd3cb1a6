// SPDX-License-Identifier: MIT
/*
 * check.c - what a failed CHECK does
 */
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/base/check.h"

_Noreturn void check_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "sekisho: %s:%d: CHECK failed: %s\n", file, line, what);
	abort();
}
