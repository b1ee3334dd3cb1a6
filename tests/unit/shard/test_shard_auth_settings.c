// SPDX-License-Identifier: MIT
/*
 * test_shard_auth_settings.c - every limit of the verifiers is a setting, and reaches them
 */
#include "tests/unit/shard/shard_world.h"

/* Settings on one side, what the verifiers are given on the other; names differ in a few. */
#define LIMITS(X)                                                                                                      \
	X(spf_terms_max, spf_terms_max, 3)                                                                             \
	X(spf_voids_max, spf_voids_max, 4)                                                                             \
	X(spf_mx_max, spf_mx_max, 5)                                                                                   \
	X(spf_ptr_max, spf_ptr_max, 6)                                                                                 \
	X(spf_timeout_ms, spf_timeout_ms, 70001)                                                                       \
	X(spf_received_spf, received_spf, true)                                                                        \
	X(iprev_enabled, iprev, false)                                                                                 \
	X(iprev_names_max, iprev_names_max, 7)                                                                         \
	X(iprev_timeout_ms, iprev_timeout_ms, 70002)                                                                   \
	X(dkim_signatures_max, dkim_signatures_max, 8)                                                                 \
	X(dkim_h_names_max, dkim_h_names_max, 9999)                                                                    \
	X(dkim_rsa_bits_min, rsa_bits_min, 1030)                                                                       \
	X(dkim_rsa_bits_max, rsa_bits_max, 4100)                                                                       \
	X(dkim_skew_s, dkim_skew_s, 80000)                                                                             \
	X(arc_sets_max, arc_sets_max, 10)                                                                              \
	X(dmarc_timeout_ms, dns_timeout_ms, 70003)

static void defaults(void)
{
	struct auth_settings d = auth_settings_default();

	world_settings();
	world_open();
#define SAME(setting, field, value) ok(world.shard->config->auth.field == d.field, "default of " #setting);
	LIMITS(SAME)
#undef SAME
	ok(!world.shard->config->auth.dmarc_rfc7489 && !world.shard->config->auth.arc_trusted[0],
	   "default of dmarc.mode, arc.trusted");
	ok(world.shard->config->auth.dkim_partial == d.dkim_partial, "default of dkim.partial_body");
	ok(!world.shard->config->auth.dkim_allow_sha1, "rsa-sha1 is never taken here");
	is_span(span_str(world.shard->config->auth.authserv_id), span_str(world.settings.server_hostname),
		"the authserv-id is the host's name");
	all_is_given_back("defaults");
}

static void others(void)
{
	world_settings();
#define SET(setting, field, value) world.settings.setting = (value);
	LIMITS(SET)
#undef SET
	strcpy(world.settings.dmarc_mode, "rfc7489");
	strcpy(world.settings.dkim_partial_body, "policy");
	strcpy(world.settings.server_authserv_id, "id.example");
	strcpy(world.settings.arc_trusted[0], "sealer.example");
	world.settings.n_arc_trusted = 1;
	world_open();
#define REACHES(setting, field, value)                                                                                 \
	ok(world.shard->config->auth.field == (value), #setting " reaches the verifiers");
	LIMITS(REACHES)
#undef REACHES
	ok(world.shard->config->auth.dkim_partial == DKIM_PARTIAL_POLICY, "dkim.partial_body reaches the verifiers");
	ok(world.shard->config->auth.dmarc_rfc7489, "dmarc.mode reaches the verifiers");
	is_span(span_str(world.shard->config->auth.authserv_id), SPAN("id.example"), "server.authserv_id reaches them");
	is_span(span_str(world.shard->config->auth.arc_trusted[0]), SPAN("sealer.example"), "arc.trusted reaches them");
	ok(!world.shard->config->auth.arc_trusted[1], "and ends there");
	all_is_given_back("others");
}

int main(void)
{
	defaults();
	others();
	return done();
}
