// SPDX-License-Identifier: MIT
/*
 * tap.h - checks with a sentence each, printed as TAP; tests/run adds them up
 *
 *	int main(void) { ok(1 + 1 == 2, "one and one is two"); return done(); }
 */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/base/span.h"

static int tap_n, tap_n_failed;

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5))) __attribute__((unused)) static bool tap_ok(bool good, const char *file, int line,
										 const char *format, ...)
{
	__builtin_va_list args;

	printf("%sok %d - ", good ? "" : "not ", ++tap_n);
	__builtin_va_start(args, format);
	vprintf(format, args);
	__builtin_va_end(args);
	printf("\n");
	if (!good) {
		tap_n_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	return good;
}

/* Compares spans and prints both when they differ. */
#define is_span(got, expected, ...) tap_is_span((got), (expected), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) __attribute__((unused)) static bool tap_is_span(struct span got,
										      struct span expected,
										      const char *file, int line,
										      const char *format, ...)
{
	char sentence[512];
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	__builtin_va_end(args);
	if (tap_ok(span_eq(got, expected), file, line, "%s", sentence))
		return true;
	printf("#      got: '%.*s'\n# expected: '%.*s'\n", (int)got.len, (const char *)got.at, (int)expected.len,
	       (const char *)expected.at);
	return false;
}

__attribute__((unused)) static int done(void)
{
	printf("1..%d\n", tap_n);
	return tap_n_failed ? 1 : 0;
}

#endif
