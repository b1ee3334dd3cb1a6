// SPDX-License-Identifier: MIT
/*
 * dnsbl.c - what lists of addresses in DNS say of a client, and whether they work (RFC 5782)
 */
#include "ctrlplane/policy/dnsbl.h"

_Static_assert(SETTINGS_DNSBLS_MAX <= 32, "lists are bits");

/* --- names ------------------------------------------------------------------------------------- */

bool dnsbl_question_of(struct dns_question *q, const struct settings_dnsbl *list, const struct ip_addr *client)
{
	static const char digits[] = "0123456789abcdef";
	char name[SETTINGS_STR_MAX + 80];
	struct text t;

	text_init(&t, name, sizeof(name));
	for (size_t i = ip_addr_len(client); i-- > 0;) {
		if (client->family == IP_V4) {
			text_dec(&t, client->bytes[i]);
		} else {
			text_putc(&t, (uint8_t)digits[client->bytes[i] & 15]);
			text_putc(&t, '.');
			text_putc(&t, (uint8_t)digits[client->bytes[i] >> 4]);
		}
		text_putc(&t, '.');
	}
	text_puts(&t, list->zone);
	return !t.full && t.len > 0 && dns_question_set(q, DNS_A, text_span(&t));
}

/* --- answers ----------------------------------------------------------------------------------- */

static uint32_t address_of(struct span rdata)
{
	return (uint32_t)rdata.at[0] << 24 | (uint32_t)rdata.at[1] << 16 | (uint32_t)rdata.at[2] << 8 | rdata.at[3];
}

static bool is_wanted(const struct settings_dnsbl *list, uint32_t address)
{
	for (unsigned i = 0; i < list->n_answers; i++)
		if (address >= list->answers[i].low && address <= list->answers[i].high &&
		    (list->answers[i].mask == 0 || (address & list->answers[i].mask)))
			return true;
	return list->n_answers == 0;
}

enum dnsbl_said dnsbl_read(const struct settings_dnsbl *list, const struct dns_answer *answer)
{
	enum dnsbl_said said = DNSBL_NOT_LISTED;
	uint32_t cursor = 0;
	struct span rdata;

	if (dns_answer_failed(answer))
		return DNSBL_NO_ANSWER;
	while (dns_answer_next(answer, &cursor, &rdata)) {
		uint32_t address = rdata.len == 4 ? address_of(rdata) : 0;

		/* RFC 5782 2.1: what is no loopback address is no entry: the zone has been sold, or a resolver lies. */
		if (address >> 24 != 127)
			continue;
		if (address >> 8 == 0x7fffff)
			return DNSBL_REFUSED;
		if (is_wanted(list, address))
			said = DNSBL_LISTED;
	}
	return said;
}

/* --- health ------------------------------------------------------------------------------------ */

/* Any answer within 127.0.0.0/8 will do. */
static const struct settings_dnsbl any;

bool dnsbl_test_question(struct dns_question *q, const char *zone, unsigned point)
{
	struct ip_addr address = { .family = IP_V4, .bytes = { 127, 0, 0, (uint8_t)(1 + point) } };
	struct settings_dnsbl list = { .n_answers = 0 };
	size_t n = strlen(zone);

	if (n >= sizeof(list.zone))
		return false;
	memcpy(list.zone, zone, n + 1);
	return dnsbl_question_of(q, &list, &address);
}

void dnsbl_test_begin(struct dnsbl_health *h)
{
	h->n_awaited = 2;
}

static bool says_nothing(enum dnsbl_said said)
{
	return said == DNSBL_NO_ANSWER || said == DNSBL_REFUSED;
}

static void conclude(struct dnsbl_health *h)
{
	if (says_nothing(h->said[0]) || says_nothing(h->said[1])) {
		if (++h->n_silent >= 2)
			h->state = DNSBL_SILENT;
		return;
	}
	h->n_silent = 0;
	h->state = h->said[0] == DNSBL_LISTED       ? DNSBL_LISTS_ALL
		   : h->said[1] == DNSBL_NOT_LISTED ? DNSBL_LISTS_NOTHING
						    : DNSBL_WORKS;
}

bool dnsbl_test_answer(struct dnsbl_health *h, unsigned point, const struct dns_answer *answer)
{
	if (h->n_awaited == 0)
		return false;
	h->said[point] = dnsbl_read(&any, answer);
	if (--h->n_awaited)
		return false;
	conclude(h);
	return true;
}

const char *dnsbl_state_text(enum dnsbl_state state)
{
	static const char *const texts[DNSBL_N_STATES] = {
		[DNSBL_UNTESTED] = "not tested yet",    [DNSBL_WORKS] = "works",
		[DNSBL_LISTS_ALL] = "lists everything", [DNSBL_LISTS_NOTHING] = "lists nothing",
		[DNSBL_SILENT] = "does not answer us",
	};

	return texts[state];
}

uint32_t dnsbl_suspended(const struct dnsbl_zones *zones, const struct settings *settings)
{
	uint32_t n = zones ? atomic_load_explicit(&zones->n, memory_order_acquire) : 0, suspended = 0;

	for (uint32_t z = 0; z < n; z++) {
		if (!atomic_load_explicit(&zones->zones[z].suspended, memory_order_relaxed))
			continue;
		for (unsigned i = 0; i < settings->n_dnsbls; i++)
			if (strcmp(settings->dnsbls[i].zone, zones->zones[z].name) == 0)
				suspended |= UINT32_C(1) << i;
	}
	return suspended;
}

/* --- one client -------------------------------------------------------------------------------- */

void dnsbl_begin(struct dnsbl *d, const struct settings *settings, const struct ip_addr *client, uint32_t suspended)
{
	*d = (struct dnsbl){ .settings = settings, .client = *client };
	d->to_ask = ((UINT32_C(1) << settings->n_dnsbls) - 1) & ~suspended;
}

bool dnsbl_question(struct dnsbl *d, uint32_t *list, struct dns_question *q)
{
	for (uint32_t i = 0; d->to_ask; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if (!(d->to_ask & bit))
			continue;
		d->to_ask &= ~bit;
		if (!dnsbl_question_of(q, &d->settings->dnsbls[i], &d->client))
			continue; /* with these 32 labels the name is too long */
		d->awaited |= bit;
		*list = i;
		return true;
	}
	return false;
}

void dnsbl_answer(struct dnsbl *d, uint32_t list, const struct dns_answer *answer)
{
	uint32_t bit = UINT32_C(1) << list;

	if (!(d->awaited & bit))
		return; /* too late */
	d->awaited &= ~bit;
	if (dnsbl_read(&d->settings->dnsbls[list], answer) == DNSBL_LISTED)
		d->listed |= bit;
}

void dnsbl_give_up(struct dnsbl *d)
{
	d->to_ask = d->awaited = 0;
}

int32_t dnsbl_score(const struct dnsbl *d)
{
	int32_t score = 0;

	for (unsigned i = 0; i < d->settings->n_dnsbls; i++)
		if (d->listed >> i & 1)
			score += d->settings->dnsbls[i].weight;
	return score;
}

void dnsbl_zones(const struct settings *settings, uint32_t listed, int sign, struct text *out)
{
	bool any_yet = false;

	for (unsigned i = 0; i < settings->n_dnsbls; i++) {
		if (!(listed >> i & 1) || settings->dnsbls[i].weight * sign <= 0)
			continue;
		text_puts(out, any_yet ? ", " : "");
		text_puts(out, settings->dnsbls[i].zone);
		any_yet = true;
	}
}
