// SPDX-License-Identifier: MIT
/*
 * bench_reports.h - a day of verdicts into the report store
 */
#ifndef BENCH_REPORTS_H
#define BENCH_REPORTS_H

/*
 * A million verdicts over ten thousand domains, twenty sources each: reports.verdicts_per_s (of the store's thread),
 * reports.memory.kb (what the process grew by), reports.store.mb, reports.lost, reports.build.ms (XML and gzip of one).
 */
void bench_reports(void);

#endif
