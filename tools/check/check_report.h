// SPDX-License-Identifier: MIT
/*
 * check_report.h - what became of a case: as JSON, as text
 */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include "tools/check/check_run.h"

/* The object of one case; @id and @explain are borrowed and may be NULL.  NULL: no memory. */
json_t *check_report_json(const struct check_run *r, const struct check_case *c, json_t *id, bool explain);

/* {"id":...,"error":...} */
json_t *check_report_error(json_t *id, const char *error);

/* The account, the verdict and the fields that the gateway would add. */
void check_report_text(const struct check_run *r, const struct check_case *c, bool explain);

#endif
