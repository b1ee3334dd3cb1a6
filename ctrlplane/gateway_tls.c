// SPDX-License-Identifier: MIT
/*
 * gateway_tls.c - certificates and ticket keys: read at start, and again at each reload and change of ticket keys
 *
 * Each worker has a context of its own, made here from the files and handed over by its ring, so that nothing of
 * OpenSSL's is shared between cores.  New ones take the place of the old only when all could be made.
 */
#include <string.h>

#include "crypto/tls_context.h"
#include "crypto/tls_openssl.h"
#include "ctrlplane/gateway.h"

_Static_assert(TLS_CERTIFICATES_MAX == SETTINGS_CERTIFICATES_MAX, "all certificates fit");
_Static_assert(TLS_HOPS_MAX == SETTINGS_NEXT_HOPS_MAX, "all next hops fit");

static struct tls_context *make_context(const struct settings *s, const struct tls_ticket_key keys[2], char *why,
					size_t cap)
{
	struct tls_settings t = { .hostname = s->server_hostname,
				  .n_certificates = s->n_certificates,
				  .engine = true,
				  .tls13_only = strcmp(s->tls_version_min, "1.3") == 0,
				  .ciphers = s->tls_ciphers,
				  .groups = s->tls_groups,
				  .n_hops = s->n_next_hops };

	for (unsigned i = 0; i < s->n_certificates; i++) {
		t.certificates[i].certificate = s->certificates[i].certificate;
		t.certificates[i].key = s->certificates[i].key;
	}
	for (unsigned i = 0; i < s->n_next_hops; i++) {
		const struct settings_next_hop *h = &s->next_hops[i];

		t.hops[i] = (struct tls_hop_settings){ .used = h->tls != SETTINGS_TLS_NONE,
						       .ca_file = h->tls_ca_file,
						       .name = h->tls_name,
						       .addr = h->addr,
						       .has_pin = h->tls_pinned,
						       .dane = h->tls_dane };
		if (h->tls_dane)
			t.hops[i].n_tlsa = gateway_dane_records(h, &t.hops[i].tlsa);
		memcpy(t.hops[i].pin, h->tls_pin, sizeof(t.hops[i].pin));
	}
	memcpy(t.ticket_keys, keys, sizeof(t.ticket_keys));
	return tls_context_open(&t, why, cap);
}

bool gateway_tls_check(const struct settings *s, char *why, size_t cap)
{
	static const struct tls_ticket_key none[2];
	struct tls_context *c = make_context(s, none, why, cap);

	tls_context_close(c);
	return c != NULL;
}

bool gateway_tls_open(struct gateway *g, unsigned worker, char *error, size_t cap)
{
	if (!g->ticket_keys_us) {
		gateway_random(g->ticket_keys, sizeof(g->ticket_keys));
		g->ticket_keys_us = gateway_now_us();
	}
	struct tls_context *c = make_context(g->settings, g->ticket_keys, error, cap);

	if (!c)
		return false;
	g->tls[worker] = tls_openssl_open(c);
	if (g->tls[worker])
		return true;
	tls_context_close(c);
	snprintf(error, cap, "no memory for TLS of worker %u; free some", worker);
	return false;
}

bool gateway_tls_make(struct gateway *g, const struct settings *s, char *why, size_t cap)
{
	unsigned n = 0;

	gateway_tls_drop(g);
	while (n < g->n_workers && (g->tls_made[n] = make_context(s, g->ticket_keys, why, cap)))
		n++;
	if (n < g->n_workers)
		gateway_tls_drop(g);
	return n == g->n_workers;
}

void gateway_tls_drop(struct gateway *g)
{
	for (unsigned i = 0; i < g->n_workers; i++) {
		tls_context_close(g->tls_made[i]);
		g->tls_made[i] = NULL;
	}
}

void gateway_tls_hand_over(struct gateway *g)
{
	for (unsigned i = 0; i < g->n_workers; i++) {
		if (g->tls_made[i] && g->tls[i] && gateway_say_tls(g, i, g->tls_made[i]))
			g->tls_made[i] = NULL;
		else if (g->tls[i])
			log_error("no memory to hand certificates to worker %u, it keeps those before; reload again",
				  i);
	}
	gateway_tls_drop(g);
}

void gateway_tls_turn(struct gateway *g, uint64_t now_us)
{
	char why[512];

	if (!g->ticket_keys_us || now_us < g->ticket_keys_us + g->settings->tls_ticket_key_s * 1000000)
		return;
	g->ticket_keys_us = now_us;
	g->ticket_keys[1] = g->ticket_keys[0];
	gateway_random(&g->ticket_keys[0], sizeof(g->ticket_keys[0]));
	if (gateway_tls_make(g, g->settings, why, sizeof(why)))
		gateway_tls_hand_over(g);
	else
		log_error("certificates and ticket keys are not renewed, those before stay in use: %s", why);
}
