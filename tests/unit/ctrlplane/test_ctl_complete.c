// SPDX-License-Identifier: MIT
/*
 * test_ctl_complete.c - what may follow a line, and its words
 */
#include "ctrlplane/cli/ctl_complete.h"
#include "tests/tap.h"

static const struct ctl_word commands[] = { { "status", "s" },      { "stats", "t" },      { "show sessions", "ss" },
					    { "show ports", "sp" }, { "allow add", "aa" }, { "allow del", "ad" } };

static void test_following(void)
{
	static const struct {
		const char *what, *line, *words;
		size_t common;
	} rows[] = {
		{ "an empty line", "", "status stats show allow", 0 },
		{ "spaces before", "  sta", "status stats", 4 },
		{ "a word that is begun", "st", "status stats", 4 },
		{ "a word that is whole", "status", "status", 6 },
		{ "the second word", "show ", "sessions ports", 0 },
		{ "the second word, begun", "show  s", "sessions", 8 },
		{ "another command's second word", "allow p", "", 0 },
		{ "behind a command", "show ports ", "", 0 },
		{ "a word of nobody's", "x", "", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctl_following f[CTL_FOLLOWING_MAX];
		size_t n = ctl_following(commands, sizeof(commands) / sizeof(commands[0]), rows[i].line, f);
		char got[256] = "";

		for (size_t j = 0, len = 0; j < n; j++)
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s", j ? " " : "", f[j].word);
		is_span(span_str(got), span_str(rows[i].words), "%s: %s", rows[i].what, rows[i].words);
		ok(ctl_common(f, n) == rows[i].common, "%s: what they have in common", rows[i].what);
	}
	struct ctl_following f[CTL_FOLLOWING_MAX];
	ctl_following(commands, 6, "s", f);
	ok(strcmp(f[0].help, "s") == 0 && strcmp(f[2].help, "") == 0, "help is of whole commands");
	char line[600];
	memset(line, 'x', sizeof(line));
	line[300] = ' ';
	line[599] = '\0';
	ok(ctl_following(commands, 6, line, f) == 0, "a long line");
}

static void test_split(void)
{
	static const struct {
		const char *line;
		int n;
		const char *last;
	} rows[] = {
		{ "", 0, NULL },
		{ "  \n", 0, NULL },
		{ "show ports\n", 2, "ports" },
		{ " deny  add \"a b\"  ", 3, "a b" },
		{ "a\"b c\"d", 1, "ab cd" },
		{ "x \"\"", 2, "" },
		{ "\"a", -1, NULL },
		{ "a b c d", 4, "d" },
		{ "a b c d e", -1, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[64], *words[4];

		snprintf(line, sizeof(line), "%s", rows[i].line);
		int n = ctl_split(line, words, 4);
		ok(n == rows[i].n && (n <= 0 || strcmp(words[n - 1], rows[i].last) == 0), "'%.20s' has %d words",
		   rows[i].line, rows[i].n);
	}
}

int main(void)
{
	test_following();
	test_split();
	return done();
}
