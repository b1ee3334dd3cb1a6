// SPDX-License-Identifier: MIT
/*
 * fuzz_settings_load.c - any text is either taken in silence or refused with a message, and never half
 */
#include <stdlib.h>

#include "ctrlplane/settings_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the string it was reading when a syntax error follows: a few octets, once a bad file. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

static void count(void *arg, const char *message)
{
	CHECK(message[0] && !strchr(message, '\n'));
	++*(unsigned *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings s, before;
	unsigned n_errors = 0;

	memset(&s, 0x5a, sizeof(s));
	before = s;
	bool good = settings_load_text(span_of(data, size), "f", &s, count, &n_errors);
	CHECK(good == (n_errors == 0));
	if (!good) {
		CHECK(memcmp(&s, &before, sizeof(s)) == 0);
		return 0;
	}
	CHECK(s.n_ports > 0 && s.n_ports <= SETTINGS_PORTS_MAX && s.n_next_hops > 0);
	for (size_t i = 0; i < n_setting_table; i++) {
		const struct setting *t = &setting_table[i];
		uint64_t value;

		if (t->kind != SETTING_INT)
			continue;
		memcpy(&value, (const char *)&s + t->offset, sizeof(value));
		CHECK(value >= t->least && value <= t->most);
	}
	return 0;
}
