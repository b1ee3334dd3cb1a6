// SPDX-License-Identifier: MIT
/*
 * report_gzip.c - GZIP by zlib
 */
#include <stdlib.h>
#include <zlib.h>

#include "ctrlplane/report/report_gzip.h"

enum { GZIP = 16, MEMORY_LEVEL = 8 };

uint8_t *report_gzip(struct span in, size_t *len)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in.at, .avail_in = (uInt)in.len };
	uint8_t *out = NULL;

	if (in.len > UINT32_MAX || deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, MEMORY_LEVEL,
						Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	size_t cap = deflateBound(&z, (uLong)in.len);
	out = malloc(cap);
	z.next_out = out;
	z.avail_out = (uInt)cap;
	if (out && deflate(&z, Z_FINISH) != Z_STREAM_END) {
		free(out);
		out = NULL;
	}
	*len = z.total_out;
	deflateEnd(&z);
	return out;
}
