// SPDX-License-Identifier: MIT
/*
 * check_stream.h - a stream of cases: one JSON object a line in, one a line out
 */
#ifndef CHECK_STREAM_H
#define CHECK_STREAM_H

#include <stdio.h>

#include "tools/check/check_run.h"

#define CHECK_LINE_MAX (128u << 20) /* octets of a line: a message of 50 MiB in base64, and its zone */

/**
 * check_stream - verify every case of @in, in order, each with its own zone
 *
 * A line that is no case gives {"id":...,"error":...} and the stream goes on; an empty line is skipped.  Returns
 * false when @in or @out failed.
 */
bool check_stream(struct check_run *r, FILE *in, FILE *out, bool explain);

#endif
