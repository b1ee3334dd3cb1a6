// SPDX-License-Identifier: MIT
/*
 * dns_snapshot.h - what the cache holds as octets of a file, and back
 *
 * A snapshot is written record by record and read as a whole.  Numbers are in network order:
 *
 *	"sekisho dns snapshot 1\n"
 *	each answer   u32 octets that follow, u64 when it expires (Unix, seconds), u16 type, u8 rcode, u8 secure,
 *	              u8 and so many octets of name, u16 records, each u16 and so many octets of rdata (dns_question.h),
 *	              u32 check of what stands before it since the length
 *	the end       u32 0, u64 how many answers there were
 *
 * Another version has another first line.  The check is against bad disks, not against whoever may write the file: that one
 * may as well change the configuration.
 */
#ifndef DNS_SNAPSHOT_H
#define DNS_SNAPSHOT_H

#include "dns/dns_cache.h"

#define DNS_SNAPSHOT_HEAD "sekisho dns snapshot 1\n"

/* Octets that one answer takes at most: what the cache takes (64 KiB) and what stands around it. */
#define DNS_SNAPSHOT_RECORD_MAX ((size_t)65536 + 512)
#define DNS_SNAPSHOT_END_LEN ((size_t)12)

/**
 * dns_snapshot_record - one answer as octets
 * @unix_s: now, by the wall clock; @now_us: now, by the clock of the cache
 * @out: DNS_SNAPSHOT_RECORD_MAX octets
 *
 * Returns how many; 0 for what is not written: failures, and what has expired.
 */
size_t dns_snapshot_record(const struct dns_cache_row *row, uint64_t now_us, uint64_t unix_s, uint8_t *out);

/* The end of a snapshot of @n answers; DNS_SNAPSHOT_END_LEN octets. */
void dns_snapshot_end(uint64_t n, uint8_t *out);

/**
 * dns_snapshot_read - puts what has not expired into @cache, all or nothing
 *
 * Returns NULL, or what is wrong with @octets; the cache is then as it was.  Out: @n is how many were put.
 */
const char *dns_snapshot_read(struct span octets, struct dns_cache *cache, uint64_t now_us, uint64_t unix_s,
			      uint64_t *n);

#endif
