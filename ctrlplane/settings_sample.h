// SPDX-License-Identifier: MIT
/*
 * settings_sample.h - what people read about settings, made from settings.def
 */
#ifndef SETTINGS_SAMPLE_H
#define SETTINGS_SAMPLE_H

#include <stdio.h>

/* conf/sekisho.conf: every setting at its default with its help, and ports and next_hops to be changed. */
void settings_print_sample(FILE *f);

/* The list of settings of sekisho.conf(5), in mdoc(7). */
void settings_print_manual(FILE *f);

#endif
