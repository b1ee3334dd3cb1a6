// SPDX-License-Identifier: MIT
/*
 * check.h - assertions, for our own mistakes only
 *
 * A peer's bytes never reach an assertion: they get an error.  CHECK stays in
 * release builds, since a wrong index must stop one process (which restarts)
 * rather than filter mail wrongly.  DCHECK is for hot loops.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

/** check_failed - write where it happened to standard error and abort */
_Noreturn void check_failed(const char *what, const char *file, int line);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define DCHECK(condition) ((void)sizeof(condition))
#else
#define DCHECK(condition) CHECK(condition)
#endif

#define MUST_USE __attribute__((warn_unused_result))

#endif
