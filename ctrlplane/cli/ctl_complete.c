// SPDX-License-Identifier: MIT
/*
 * ctl_complete.c - what may follow a line that is being typed
 */
#include <stdio.h>
#include <string.h>

#include "ctrlplane/cli/ctl_complete.h"

/* Where the last word begins; its spaces before are made one in @before, with none at the end. */
static const char *last_word(const char *line, char before[128])
{
	size_t n = 0;

	for (;;) {
		while (*line == ' ')
			line++;
		const char *end = line + strcspn(line, " ");

		if (!*end)
			break;
		n += (size_t)snprintf(before + n, 128 - n, "%s%.*s", n ? " " : "", (int)(end - line), line);
		if (n >= 128)
			n = 127;
		line = end;
	}
	before[n] = '\0';
	return line;
}

size_t ctl_following(const struct ctl_word *commands, size_t n_commands, const char *line, struct ctl_following *out)
{
	char before[128] = "";
	const char *begun = last_word(line, before);
	size_t n = 0, skip = strlen(before);

	for (size_t i = 0; i < n_commands && n < CTL_FOLLOWING_MAX; i++) {
		const char *word = commands[i].words;

		if (skip && (strncmp(word, before, skip) != 0 || word[skip] != ' '))
			continue;
		word += skip ? skip + 1 : 0;
		size_t len = strcspn(word, " ");
		if (strncmp(word, begun, strlen(begun)) != 0 || strlen(begun) > len || len >= CTL_WORD_MAX)
			continue;
		/* Those that begin alike stand together. */
		bool again = n && strlen(out[n - 1].word) == len && strncmp(out[n - 1].word, word, len) == 0;
		if (again)
			continue;
		snprintf(out[n].word, CTL_WORD_MAX, "%.*s", (int)len, word);
		out[n++].help = word[len] ? "" : commands[i].help;
	}
	return n;
}

size_t ctl_common(const struct ctl_following *f, size_t n)
{
	size_t len = n ? strlen(f[0].word) : 0;

	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < len; j++)
			if (f[i].word[j] != f[0].word[j])
				len = j;
	return len;
}

int ctl_split(char *line, char **words, int max)
{
	int n = 0;
	char *to = line;

	for (;;) {
		while (*line == ' ' || *line == '\t' || *line == '\n')
			line++;
		if (!*line)
			return n;
		if (n == max)
			return -1;
		words[n++] = to;
		bool quoted = false;
		while (*line && (quoted || (*line != ' ' && *line != '\t' && *line != '\n'))) {
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
			line++;
		}
		if (quoted)
			return -1;
		line += *line != '\0';
		*to++ = '\0';
	}
}
