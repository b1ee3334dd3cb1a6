// SPDX-License-Identifier: MIT
/*
 * auth.c - the defaults of all verifiers
 */
#include "dataplane/auth/auth.h"

struct auth_settings auth_settings_default(void)
{
	return (struct auth_settings){
		.spf_terms_max = 10,
		.spf_voids_max = 2,
		.spf_mx_max = 10,
		.spf_ptr_max = 10,
		.spf_timeout_ms = 20000,
		.iprev = true,
		.iprev_names_max = 10,
		.iprev_timeout_ms = 5000,
		.dkim_signatures_max = 10,
		.dkim_h_names_max = 1000,
		.rsa_bits_min = 1024,
		.rsa_bits_max = 8192,
		.dkim_skew_s = 300,
		.arc_sets_max = 50,
		.dns_timeout_ms = 20000,
		.authserv_id = "mx.example",
	};
}
