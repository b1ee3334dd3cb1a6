// SPDX-License-Identifier: MIT
/*
 * test_settings_sample.c - conf/sekisho.conf and sekisho.conf(5) say what settings.def says
 *
 * With --write it brings both files up to date instead.
 */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include <stdlib.h>

#include "ctrlplane/settings_sample.h"
#include "tests/tap.h"

#define SAMPLE "conf/sekisho.conf"
#define MANUAL "conf/man/sekisho.conf.5"
#define BEGIN ".\\\" settings.def begins here: made by tests/unit/ctrlplane/test_settings_sample --write\n"
#define END ".\\\" settings.def ends here\n"

static char *printed(void (*print)(FILE *))
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	print(f);
	fclose(f);
	return text;
}

static char *file_text(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	if (f && text) {
		size_t n = fread(text, 1, (1 << 20) - 1, f);
		text[n] = '\0';
	}
	if (f)
		fclose(f);
	return text;
}

static int write_both(const char *sample, const char *list, const char *manual)
{
	const char *begin = strstr(manual, BEGIN), *end = strstr(manual, END);
	FILE *f = fopen(SAMPLE, "w");

	if (!f || !begin || !end)
		return 1;
	fputs(sample, f);
	fclose(f);
	f = fopen(MANUAL, "w");
	if (!f)
		return 1;
	fprintf(f, "%.*s%s%s", (int)(begin + strlen(BEGIN) - manual), manual, list, end);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	char *sample = printed(settings_print_sample), *list = printed(settings_print_manual);
	char *sample_file = file_text(SAMPLE), *manual = file_text(MANUAL);
	int rc;

	if (!sample || !list || !sample_file || !manual)
		return 1;
	if (argc > 1 && strcmp(argv[1], "--write") == 0) {
		rc = write_both(sample, list, manual);
	} else {
		const char *begin = strstr(manual, BEGIN);
		const char *end = strstr(manual, END);

		is_span(span_str(sample_file), span_str(sample),
			"the sample file is what settings_print_sample() prints");
		if (ok(begin && end, "the manual page has its marks"))
			is_span(span_of(begin + strlen(BEGIN), (size_t)(end - begin) - strlen(BEGIN)), span_str(list),
				"its list is what settings_print_manual() prints");
		rc = done();
	}
	free(sample);
	free(list);
	free(sample_file);
	free(manual);
	return rc;
}
