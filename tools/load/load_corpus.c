// SPDX-License-Identifier: MIT
/*
 * load_corpus.c - messages as they go over the wire
 */
#include "tools/load/load_corpus.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
	if (!memory) {
		fprintf(stderr, "sekisho-load: no memory for the messages; send smaller or fewer ones\n");
		exit(1);
	}
	return memory;
}

static struct load_message on_the_wire(const uint8_t *text, size_t len)
{
	uint8_t *wire = need(malloc(2 * len + 8));
	size_t n = 0;
	bool begin = true;

	for (size_t i = 0; i < len; i++) {
		if (begin && text[i] == '.')
			wire[n++] = '.';
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			wire[n++] = '\r';
		wire[n++] = text[i];
		begin = text[i] == '\n';
	}
	if (!begin) {
		memcpy(wire + n, "\r\n", 2);
		n += 2;
	}
	memcpy(wire + n, ".\r\n", 3);
	return (struct load_message){ .octets = span_of(wire, n + 3) };
}

static bool read_file(const char *path, struct load_message *out)
{
	FILE *f = fopen(path, "rb");
	uint8_t *text = NULL;
	size_t len = 0, cap = 0;

	if (!f)
		return false;
	do {
		if (cap - len < 65536)
			text = need(realloc(text, cap = 2 * cap + 65536));
		len += fread(text + len, 1, cap - len, f);
	} while (!feof(f) && !ferror(f));
	bool good = !ferror(f);

	fclose(f);
	if (good)
		*out = on_the_wire(text, len);
	free(text);
	return good;
}

static int is_eml(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 4 && strcmp(e->d_name + len - 4, ".eml") == 0;
}

struct load_message *load_corpus_read(const char *directory, uint32_t *n)
{
	struct dirent **names;
	int found = scandir(directory, &names, is_eml, alphasort);
	struct load_message *corpus;

	*n = 0;
	if (found <= 0) {
		fprintf(stderr, "sekisho-load: %s: %s; name a directory with *.eml\n", directory,
			found < 0 ? strerror(errno) : "no messages");
		return NULL;
	}
	corpus = need(calloc((size_t)found, sizeof(*corpus)));
	for (int i = 0; i < found; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		if (!read_file(path, &corpus[*n])) {
			fprintf(stderr, "sekisho-load: %s: %s; it is left out\n", path, strerror(errno));
			continue;
		}
		(*n)++;
	}
	return *n ? corpus : NULL;
}

static struct load_message make_one(uint32_t size, const char *sender, const char *rcpt_to)
{
	static const char line[] = "The quick brown fox jumps over the lazy dog, and over it once more.\r\n";
	char *text = need(malloc(size + 2048));
	size_t len = (size_t)snprintf(text, 2048,
				      "From: Sender <%.400s>\r\nTo: %.400s\r\n"
				      "Subject: a message of the load generator\r\n"
				      "Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <load@example.org>\r\n\r\n",
				      sender, rcpt_to);

	while (len < size) {
		memcpy(text + len, line, sizeof(line) - 1);
		len += sizeof(line) - 1;
	}
	struct load_message m = on_the_wire((const uint8_t *)text, len);
	free(text);
	return m;
}

struct load_message *load_corpus_make(uint32_t size, uint32_t domains, const char *mail_from, const char *rcpt_to,
				      uint32_t *n)
{
	const char *at = strrchr(mail_from, '@');
	struct load_message *all;

	*n = domains ? domains : 1;
	all = need(calloc(*n, sizeof(*all)));
	if (!domains) {
		*all = make_one(size, mail_from, rcpt_to);
		return all;
	}
	for (uint32_t i = 0; i < domains; i++) {
		char sender[400], *envelope = need(malloc(1024));
		int len;

		snprintf(sender, sizeof(sender), "%.*s@d%u.%s", at ? (int)(at - mail_from) : 4, at ? mail_from : "user",
			 i, at ? at + 1 : mail_from);
		len = snprintf(envelope, 1024, "MAIL FROM:<%s>\r\nRCPT TO:<%.400s>\r\nDATA\r\n", sender, rcpt_to);
		all[i] = make_one(size, sender, rcpt_to);
		all[i].envelope = span_of(envelope, (size_t)len);
	}
	return all;
}
