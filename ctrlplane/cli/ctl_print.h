// SPDX-License-Identifier: MIT
/*
 * ctl_print.h - answers for people: tables and lists
 *
 * Nothing that a peer sent reaches the terminal as it is: octets outside printable ASCII become \xNN.
 */
#ifndef CTL_PRINT_H
#define CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* @all: what is zero as well. */
typedef void ctl_printer(FILE *f, const json_t *result, bool all);

ctl_printer ctl_print_status, ctl_print_stats, ctl_print_sessions, ctl_print_ports, ctl_print_next_hops,
	ctl_print_limits, ctl_print_dns, ctl_print_crypto, ctl_print_trace, ctl_print_explain, ctl_print_lookup,
	ctl_print_changed, ctl_print_settings, ctl_print_policy, ctl_print_counted, ctl_print_dnsbl, ctl_print_tcp,
	ctl_print_latency, ctl_print_list, ctl_print_reports, ctl_print_report, ctl_print_preview, ctl_print_suppressed,
	ctl_print_quarantine, ctl_print_held, ctl_print_dump;

#endif
