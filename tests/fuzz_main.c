// SPDX-License-Identifier: MIT
/*
 * fuzz_main.c - replays a fuzz target's corpus, with any compiler and no fuzzer
 *
 * The program lies at .../tests/fuzz/TARGET/fuzz_TARGET; its corpus is tests/fuzz/TARGET/corpus/ of the source
 * tree, which is the working directory.  Other files may be named instead.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t cap = 1 << 22;
	uint8_t *data = malloc(cap);

	if (!f || !data) {
		ok(false, "cannot read %s", path);
	} else {
		size_t n = fread(data, 1, cap, f);
		/* An exact allocation, so that the sanitizer sees the first octet past the end. */
		uint8_t *exact = malloc(n ? n : 1);
		memcpy(exact, data, n);
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
		ok(true, "%s", path);
	}
	free(data);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	char dir[512], path[1024];

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			replay(argv[i]);
		return done();
	}
	const char *name = strstr(argv[0], "tests/fuzz/");
	if (!name || !strrchr(name, '/')) {
		fprintf(stderr, "fuzz_main: name the files to replay\n");
		return 2;
	}
	snprintf(dir, sizeof(dir), "%.*s/corpus", (int)(strrchr(name, '/') - name), name);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	ok(true, "empty input");
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		replay(path);
	}
	if (d)
		closedir(d);
	return done();
}
