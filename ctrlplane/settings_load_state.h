// SPDX-License-Identifier: MIT
/*
 * settings_load_state.h - what settings_load.c and settings_lists.c share; for no one else
 */
#ifndef SETTINGS_LOAD_STATE_H
#define SETTINGS_LOAD_STATE_H

#include <libconfig.h>

#include "ctrlplane/settings_load.h"

struct settings_loading {
	const char *file;
	settings_say *say;
	void *arg;
	struct settings *s;
	bool reads_files; /* those that settings name, as policy.file */
	unsigned n_errors;
};

/* Reports one error; @at may be NULL when the fault has no line. */
__attribute__((format(printf, 3, 4))) void settings_complain(struct settings_loading *l, const config_setting_t *at,
							     const char *format, ...);

/* What a value is, for messages: `50`, `"x"`, `a group`. */
const char *settings_shown(const config_setting_t *v, char out[80]);

/* The string of a setting that must be one: at most SETTINGS_STR_MAX - 1 printable octets; NULL after a complaint. */
const char *settings_string(struct settings_loading *l, const config_setting_t *v, const char *name);

/* A number within its range; false after a complaint. */
bool settings_number(struct settings_loading *l, const config_setting_t *v, const char *name, uint64_t least,
		     uint64_t most, const char *unit, uint64_t *out);

/* policy.rules, in settings_rules.c. */
void settings_load_rules(struct settings_loading *l, const config_setting_t *v, const char *name);

/* dnsbl.lists, in settings_dnsbl.c. */
void settings_load_dnsbls(struct settings_loading *l, const config_setting_t *v, const char *name);

/* How many elements @v has, or -1 after a complaint when it is no list or has too many. */
int settings_n_elements(struct settings_loading *l, const config_setting_t *v, const char *name, int most);

/* The lists: ports, next_hops, eal, dns.servers, arc.trusted, relay.domains, policy.rules, tls.certificates, ...  False
 * when @name is none of them. */
bool settings_load_list(struct settings_loading *l, const config_setting_t *v, const char *name);

#endif
