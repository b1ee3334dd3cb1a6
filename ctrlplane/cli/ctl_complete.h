// SPDX-License-Identifier: MIT
/*
 * ctl_complete.h - what may follow a line that is being typed
 */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

/* A command: one word or two, and a sentence. */
struct ctl_word {
	const char *words;
	const char *help;
};

enum { CTL_WORD_MAX = 32, CTL_FOLLOWING_MAX = 64 };

struct ctl_following {
	char word[CTL_WORD_MAX]; /* the next word as a whole */
	const char *help;        /* of the command that it ends; "" when another word must follow */
};

/**
 * ctl_following - the words that may stand where the line ends, each once, in the order of the commands
 * @line: what is typed up to there; the last word may be begun
 * @out: room for CTL_FOLLOWING_MAX
 *
 * Returns how many; 0: none of ours, as a file or an address.
 */
size_t ctl_following(const struct ctl_word *commands, size_t n_commands, const char *line, struct ctl_following *out);

/* How many octets all of them begin with. */
size_t ctl_common(const struct ctl_following *f, size_t n);

/**
 * ctl_split - a line into words, in place
 * Words are parted by spaces; "..." keeps them.  At most @max; more, or a quote that does not end: -1.
 */
int ctl_split(char *line, char **words, int max);

#endif
