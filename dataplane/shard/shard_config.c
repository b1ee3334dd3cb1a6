// SPDX-License-Identifier: MIT
/*
 * shard_config.c - the settings in force, and those that older sessions end on
 *
 *	config_begin    slot 0: the settings of the start, which stay for good
 *	config_change   a message with new settings: what is made of them goes into a free slot, and is in force
 *	config_take     a client or a relay begins; config_share: a transaction begins with its client's
 *	config_give     it has ended
 *	config_step     a slot that is not in force and has no users is free: its message goes home
 *
 * One thread, so a count is enough: no lock, no atomic.  The control thread frees settings that came home from all.
 */
#include "dataplane/shard/shard_state.h"

static void make_smtp(const struct shard *s, struct shard_config *config)
{
	const struct settings *c = config->settings;

	config->smtp = smtp_session_settings_default();
	config->smtp.hostname = c->server_hostname;
	config->smtp.message_max = c->smtp_message_max;
	config->smtp.text_line_max = (uint32_t)c->smtp_text_line_max;
	config->smtp.recipients_max =
		(uint32_t)(c->smtp_recipients_max < TXN_RCPTS_MAX ? c->smtp_recipients_max : TXN_RCPTS_MAX);
	config->smtp.messages_max = (uint32_t)c->smtp_messages_max;
	config->smtp.errors_soft = (uint32_t)c->smtp_errors_soft;
	config->smtp.errors_hard = (uint32_t)c->smtp_errors_hard;
	config->smtp.error_delay_us = c->smtp_error_delay_ms * 1000;
	config->smtp.refuse_early_talk = strcmp(c->smtp_early_talk, "refuse") == 0;
	config->smtp.command_timeout_us = c->smtp_command_timeout_s * 1000000;
	config->smtp.data_timeout_us = c->smtp_data_timeout_s * 1000000;
	config->smtp.message_timeout_us = c->smtp_message_timeout_s * 1000000;
	config->smtp.data_rate_min = (uint32_t)c->smtp_data_rate_min;
	config->smtp.stressed = &s->stress.on;
	config->smtp.stress_command_timeout_us = c->stress_command_timeout_s * 1000000;
	config->smtp.stress_data_timeout_us = c->stress_data_timeout_s * 1000000;
	config->smtp.stress_errors_hard = (uint32_t)c->stress_errors_hard;
	config->relay = smtp_relay_settings_default();
	config->relay.chunking = c->relay_chunking;
	config->relay.hostname = c->server_hostname;
	config->relay.final_timeout_us = c->relay_final_timeout_s * 1000000;
}

static void make_auth(struct shard *s, struct shard_config *config)
{
	const struct settings *c = config->settings;
	struct auth_settings *a = &config->auth;

	*a = auth_settings_default();
	a->spf_terms_max = (uint8_t)c->spf_terms_max;
	a->spf_voids_max = (uint8_t)c->spf_voids_max;
	a->spf_mx_max = (uint8_t)c->spf_mx_max;
	a->spf_ptr_max = (uint8_t)c->spf_ptr_max;
	a->spf_timeout_ms = (uint32_t)c->spf_timeout_ms;
	a->iprev = c->iprev_enabled;
	a->iprev_names_max = (uint8_t)c->iprev_names_max;
	a->iprev_timeout_ms = (uint32_t)c->iprev_timeout_ms;
	a->dkim_signatures_max = (uint8_t)c->dkim_signatures_max;
	a->dkim_h_names_max = (uint16_t)c->dkim_h_names_max;
	a->rsa_bits_min = (uint16_t)c->dkim_rsa_bits_min;
	a->rsa_bits_max = (uint16_t)c->dkim_rsa_bits_max;
	a->dkim_skew_s = (uint32_t)c->dkim_skew_s;
	a->dkim_partial = strcmp(c->dkim_partial_body, "accept") == 0   ? DKIM_PARTIAL_ACCEPT
			  : strcmp(c->dkim_partial_body, "policy") == 0 ? DKIM_PARTIAL_POLICY
									: DKIM_PARTIAL_UNALIGNED;
	a->arc_sets_max = (uint8_t)c->arc_sets_max;
	for (unsigned i = 0; i < c->n_arc_trusted; i++)
		config->arc_trusted[i] = c->arc_trusted[i];
	config->arc_trusted[c->n_arc_trusted] = NULL;
	a->arc_trusted = config->arc_trusted;
	a->dmarc_rfc7489 = strcmp(c->dmarc_mode, "rfc7489") == 0;
	a->dns_timeout_ms = (uint32_t)c->dmarc_timeout_ms;
	a->authserv_id = c->server_authserv_id[0] ? c->server_authserv_id : c->server_hostname;
	a->received_spf = c->spf_received_spf;
	a->hash = s->env.hash;
	a->hash_pair = s->env.hash_pair;
	a->memory = &s->memory;
	a->to_ascii = s->env.to_ascii;
	a->organizational = s->env.organizational;
	a->dmarc_cache = s->walks;
	a->stats = &s->stats;
}

static bool is_for_clients(const struct shard *s, unsigned hop)
{
	return !s->env.settings->next_hops[hop].smarthost;
}

/* EHLO offers outward what all next hops that were met offer; of those not met yet nothing is known. */
void config_offers(struct shard *s)
{
	struct smtp_session_settings *smtp = &s->config->smtp;
	unsigned all = SMTP_OFFER_8BITMIME | SMTP_OFFER_SMTPUTF8 | SMTP_OFFER_DSN | SMTP_OFFER_REQUIRETLS;
	bool any = false;

	uint32_t most = 0; /* RCPTMAX: what the next hop that takes most takes (RFC 9422 4) */

	smtp->message_max = s->config->settings->smtp_message_max;
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		uint32_t max = is_for_clients(s, i) ? route_recipients_max(s, 1U << i) : 0;

		most = max > most ? max : most;
	}
	if (most < smtp->recipients_max)
		smtp->recipients_max = most;
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) {
		const struct hop *h = &s->hops[i];

		if (!h->met || !is_for_clients(s, i))
			continue;
		any = true;
		if (h->size_max && h->size_max < smtp->message_max)
			smtp->message_max = h->size_max;
		all &= h->offers;
	}
	smtp->offers = (any ? all : SMTP_OFFER_8BITMIME) | SMTP_OFFER_CHUNKING | SMTP_OFFER_LIMITS;
}

static void put_in_force(struct shard *s, struct shard_config *config)
{
	make_smtp(s, config);
	make_auth(s, config);
	config->unrouted = route_unrouted(s, config->settings);
	config->same_servers = s->hops_all | s->hops_ours;
	s->config = config;
	for (unsigned i = 0; i < s->env.settings->n_next_hops; i++) /* as many (settings_live.c) */
		s->hops[i].settings = &config->settings->next_hops[i];
	config_offers(s);
}

void config_begin(struct shard *s)
{
	s->configs[0].settings = s->env.settings;
	put_in_force(s, &s->configs[0]);
	s->config_told.tag = s->env.settings->version;
}

static struct shard_config *free_slot(struct shard *s)
{
	for (size_t i = 1; i < SHARD_CONFIGS_MAX; i++)
		if (!s->configs[i].message)
			return &s->configs[i];
	return NULL;
}

/* What older messages may still go to. */
static void compare_servers(struct shard *s)
{
	for (size_t i = 0; i < SHARD_CONFIGS_MAX; i++)
		if (s->configs[i].settings)
			s->configs[i].same_servers = hop_same_servers(s, s->configs[i].settings, s->config->settings);
}

void config_change(struct shard *s, struct shard_settings *m, uint64_t now_us)
{
	struct shard_config *config = free_slot(s);
	const struct settings *before = s->config->settings;

	CHECK(config); /* the control thread counts what is out (shard_link.h) */
	*config = (struct shard_config){ .settings = m->settings, .message = m };
	policy_counts_carry(&config->policy_counts, &m->settings->rules, &s->config->policy_counts,
			    &s->config->settings->rules);
	if (s->config->message)
		s->n_old_configs++;
	if (m->tls)
		s->env.tls->renew(s->env.tls, m->tls);
	m->tls = NULL;
	put_in_force(s, config);
	compare_servers(s);
	rcpt_cache_flush(s->rcpts);
	dns_cache_flush(s->kept, SPAN("")); /* SPF programs have the limits of their time in them */
	relay_renew(s, now_us);
	hop_change(s, before, now_us);
}

static void send_home(struct shard *s)
{
	for (size_t i = 1; i < SHARD_CONFIGS_MAX; i++) {
		struct shard_config *config = &s->configs[i];

		if (!config->message || config == s->config || config->n_users)
			continue;
		if (!ring_put(&s->env.link->down_back, config->message))
			return; /* later */
		config->message = NULL;
		config->settings = NULL;
		s->n_old_configs--;
	}
}

/* The control thread wants to know when all workers have what it published. */
static void tell(struct shard *s)
{
	uint64_t version = s->config->settings->version;

	if (s->config_told_out || s->config_told.tag == version)
		return;
	s->config_told = (struct shard_message){ .kind = SHARD_UP_SETTINGS, .worker = s->env.index, .tag = version };
	s->config_told_out = ring_put(&s->env.link->up, &s->config_told);
	if (!s->config_told_out)
		s->config_told.tag = 0; /* no version: it is told later */
}

void config_step(struct shard *s)
{
	if (s->n_old_configs)
		send_home(s);
	tell(s);
}
