// SPDX-License-Identifier: MIT
/*
 * settings_text.h - the text of a settings file, before libconfig sees it
 */
#ifndef SETTINGS_TEXT_H
#define SETTINGS_TEXT_H

#include "dataplane/base/span.h"

/**
 * settings_text_prepare - make a text that libconfig reads as it was meant
 * @out: room for settings_text_room() octets; NUL-terminated
 * @line: of what was refused
 *
 * libconfig keeps a plain integer in 32 bits and drops the rest without a word, so that 4294968296 would be taken
 * for 1000: every integer gets the suffix L.  It ends a text at a NUL octet and opens any file named by @include,
 * and leaves the process when that is a directory: both are refused, a configuration is one file of text.
 *
 * Returns NULL, or what is wrong.  Lines stay lines, so that libconfig's numbers of them are right.
 */
const char *settings_text_prepare(struct span in, char *out, unsigned *line);

size_t settings_text_room(struct span in);

#endif
