// SPDX-License-Identifier: MIT
/*
 * ctl_shell.c - history, completion and ? by libedit; each command is a process of its own
 *
 * A command that waits for ever (trace), draws a screen (top) or goes wrong takes nothing of the shell with it: ^C ends it.
 */
#include <errno.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctrlplane/cli/ctl_shell.h"

enum { EXIT_GOOD, EXIT_FAILED, WORDS_MAX = 32, LINE_MAX_OCTETS = 4096, HISTORY_LINES = 500 };

/* Of this file: no command of sekishoctl's. */
static const struct ctl_word own[] = { { "shell", "a shell of the system" }, { "exit", "end" } };

struct shell {
	struct ctl_word commands[128];
	size_t n;
	const char *socket;
};

static void print_following(const struct ctl_following *f, size_t n)
{
	if (n == 0)
		fputs("  (a value, or nothing)\n", stdout);
	for (size_t i = 0; i < n; i++)
		printf("  %-12s %s\n", f[i].word, *f[i].help ? f[i].help : "...");
}

/* What is typed up to the cursor. */
static void typed(EditLine *e, char out[LINE_MAX_OCTETS])
{
	const LineInfo *l = el_line(e);
	size_t n = (size_t)(l->cursor - l->buffer);

	snprintf(out, LINE_MAX_OCTETS, "%.*s", (int)(n < LINE_MAX_OCTETS ? n : LINE_MAX_OCTETS - 1), l->buffer);
}

static size_t following(EditLine *e, char line[LINE_MAX_OCTETS], struct ctl_following *f)
{
	struct shell *s = NULL;

	el_get(e, EL_CLIENTDATA, &s);
	typed(e, line);
	return ctl_following(s->commands, s->n, line, f);
}

/* The ? key. */
static unsigned char help(EditLine *e, int key)
{
	struct ctl_following f[CTL_FOLLOWING_MAX];
	char line[LINE_MAX_OCTETS];

	(void)key;
	putchar('\n');
	print_following(f, following(e, line, f));
	return CC_REDISPLAY;
}

/* The tab: what is common to all that may follow, or what they are. */
static unsigned char complete(EditLine *e, int key)
{
	struct ctl_following f[CTL_FOLLOWING_MAX];
	char line[LINE_MAX_OCTETS], more[CTL_WORD_MAX + 1];
	size_t n = following(e, line, f), common = ctl_common(f, n);
	const char *space = strrchr(line, ' ');
	size_t begun = strlen(space ? space + 1 : line);

	(void)key;
	if (n == 0)
		return CC_REFRESH_BEEP;
	if (n > 1 && common <= begun) {
		putchar('\n');
		print_following(f, n);
		return CC_REDISPLAY;
	}
	snprintf(more, sizeof(more), "%.*s%s", (int)(common - begun), f[0].word + begun, n == 1 ? " " : "");
	return el_insertstr(e, more) == 0 ? CC_REFRESH : CC_ERROR;
}

static char *prompt(EditLine *e)
{
	static char text[] = "sekisho> ";

	(void)e;
	return text;
}

static void run(const struct shell *s, int n, char **words)
{
	char *argv[WORDS_MAX + 4] = { (char *)"sekishoctl", (char *)"--socket", (char *)s->socket };
	bool system_shell = strcmp(words[0], "shell") == 0;
	int status;

	for (int i = 0; i < n; i++)
		argv[i + 3] = words[i];
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		signal(SIGINT, SIG_DFL);
		if (system_shell)
			execl("/bin/bash", "-bash", (char *)NULL);
		else
			execv("/proc/self/exe", argv);
		_exit(127);
	}
	if (child < 0)
		fprintf(stderr, "sekishoctl: no process for it: %s; end some\n", strerror(errno));
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

static bool take_line(const struct shell *s, const char *text)
{
	char line[LINE_MAX_OCTETS], *words[WORDS_MAX];

	snprintf(line, sizeof(line), "%s", text);
	int n = ctl_split(line, words, WORDS_MAX);
	if (n < 0)
		puts("a quote does not end, or there are too many words");
	if (n > 0 && (strcmp(words[0], "exit") == 0 || strcmp(words[0], "quit") == 0))
		return false;
	if (n > 0)
		run(s, n, words);
	return true;
}

int ctl_shell(const struct ctl_word *commands, size_t n_commands, const char *socket)
{
	struct shell s = { .socket = socket };
	EditLine *e = el_init("sekishoctl", stdin, stdout, stderr);
	History *h = history_init();
	HistEvent event;
	const char *text;
	int n;

	if (!e || !h) {
		fputs("sekishoctl: this terminal cannot be had; give a command, see sekishoctl --help\n", stderr);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < n_commands && s.n < sizeof(s.commands) / sizeof(s.commands[0]) - 2; i++)
		s.commands[s.n++] = commands[i];
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		s.commands[s.n++] = own[i];
	history(h, &event, H_SETSIZE, HISTORY_LINES);
	el_set(e, EL_PROMPT, prompt);
	el_set(e, EL_SIGNAL, 1);
	el_set(e, EL_EDITOR, "emacs");
	el_set(e, EL_HIST, history, h);
	el_set(e, EL_CLIENTDATA, &s);
	el_set(e, EL_ADDFN, "sekisho-help", "what may follow", help);
	el_set(e, EL_ADDFN, "sekisho-complete", "complete the word", complete);
	el_set(e, EL_BIND, "?", "sekisho-help", NULL);
	el_set(e, EL_BIND, "^I", "sekisho-complete", NULL);
	el_set(e, EL_BIND, "^R", "em-inc-search-prev", NULL);
	puts("? says what may follow, tab completes; exit ends");
	signal(SIGINT, SIG_IGN);
	do {
		text = el_gets(e, &n);
		if (text && n > 1)
			history(h, &event, H_ENTER, text);
	} while (text && n > 0 && take_line(&s, text));
	history_end(h);
	el_end(e);
	return EXIT_GOOD;
}
