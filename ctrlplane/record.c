// SPDX-License-Identifier: MIT
/*
 * record.c - one message's record as JSON, and the last of them kept
 */
#include <stdlib.h>
#include <time.h>

#include "ctrlplane/record.h"

size_t record_utf8_len(struct span s)
{
	uint8_t c = s.at[0];
	size_t n = c < 0x80                 ? 1
		   : c >= 0xc2 && c <= 0xdf ? 2
		   : c >= 0xe0 && c <= 0xef ? 3
		   : c >= 0xf0 && c <= 0xf4 ? 4
					    : 0;

	if (n == 0 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s.at[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && s.at[1] < 0xa0) || (c == 0xed && s.at[1] > 0x9f) || (c == 0xf0 && s.at[1] < 0x90) ||
	    (c == 0xf4 && s.at[1] > 0x8f))
		return 0;
	return n;
}

json_t *record_string(struct span s)
{
	char *utf8 = malloc(2 * s.len + 1);
	size_t n = 0;
	json_t *string;

	if (!utf8)
		return NULL;
	while (s.len) {
		size_t len = record_utf8_len(s);

		if (len) {
			memcpy(utf8 + n, s.at, len);
			n += len;
		} else {
			len = 1;
			utf8[n++] = (char)(0xc0 | s.at[0] >> 6);
			utf8[n++] = (char)(0x80 | (s.at[0] & 0x3f));
		}
		s = span_skip(s, len);
	}
	string = json_stringn(utf8, n);
	free(utf8);
	return string;
}

void record_time_text(uint64_t unix_us, struct text *out)
{
	time_t s = (time_t)(unix_us / 1000000);
	uint64_t ms = unix_us / 1000 % 1000;
	char text[40];
	struct tm tm;

	if (!gmtime_r(&s, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.", &tm))
		text[0] = '\0';
	text_puts(out, text);
	text_puts(out, ms < 10 ? "00" : ms < 100 ? "0" : "");
	text_dec(out, ms);
	text_putc(out, 'Z');
}

static json_t *recipients(const struct shard_record *r)
{
	json_t *list = json_array();
	struct span rest = RECORD_LIST(r->rcpts, r->rcpts_len);

	while (rest.at && rest.len)
		json_array_append_new(list, record_string(span_cut(&rest, '\0')));
	return list;
}

void record_authentication_results(const struct shard_record *r, struct text *out)
{
	static const char name[] = "Authentication-Results:";
	struct span fields = RECORD_LIST(r->fields, r->fields_len);
	bool in_field = false;

	while (fields.at) {
		struct span line = span_cut(&fields, '\n');
		bool folded = line.len && byte_is_wsp(line.at[0]);

		if (in_field && !folded)
			break;
		if (!in_field && (folded || !span_starts_nocase(line, span_str(name))))
			continue;
		if (in_field)
			text_putc(out, ' ');
		else
			line = span_skip(line, sizeof(name) - 1);
		text_put(out, span_trim(line));
		in_field = true;
	}
}

static json_t *authentication_results(const struct shard_record *r)
{
	char value[sizeof(r->fields) + 1];
	struct text t;

	text_init(&t, value, sizeof(value));
	record_authentication_results(r, &t);
	return record_string(text_span(&t));
}

static void set_string(json_t *o, const char *key, struct span s)
{
	json_object_set_new(o, key, record_string(s));
}

json_t *record_json(const struct shard_record *r)
{
	char small[64];
	struct text t;
	json_t *o = json_object();

	text_init(&t, small, sizeof(small));
	record_time_text(r->time_unix_us, &t);
	set_string(o, "time", text_span(&t));
	set_string(o, "id", RECORD_FIELD(r->id));
	set_string(o, "session", RECORD_FIELD(r->session));
	text_reset(&t);
	ip_addr_text(&r->client, &t);
	set_string(o, "client_ip", text_span(&t));
	json_object_set_new(o, "client_port", json_integer(r->client_port));
	set_string(o, "helo", RECORD_FIELD(r->helo));
	set_string(o, "tls", RECORD_FIELD(r->tls));
	set_string(o, "mail_from", RECORD_FIELD(r->mail_from));
	json_object_set_new(o, "rcpt", recipients(r));
	json_object_set_new(o, "size", json_integer((json_int_t)r->size));
	set_string(o, "spf", RECORD_FIELD(r->spf));
	set_string(o, "dkim", RECORD_FIELD(r->dkim));
	set_string(o, "arc", RECORD_FIELD(r->arc));
	set_string(o, "dmarc", RECORD_FIELD(r->dmarc));
	set_string(o, "action", RECORD_FIELD(r->action));
	set_string(o, "rule", RECORD_FIELD(r->rule));
	set_string(o, "reply", RECORD_FIELD(r->reply));
	set_string(o, "nexthop", RECORD_FIELD(r->nexthop));
	set_string(o, "nexthop_reply", RECORD_FIELD(r->nexthop_reply));
	json_object_set_new(o, "dns_ms", json_real((double)r->dns_us / 1000));
	json_object_set_new(o, "crypto_us", json_integer((json_int_t)r->crypto_us));
	json_object_set_new(o, "total_ms", json_real((double)r->total_us / 1000));
	set_string(o, "iprev", RECORD_FIELD(r->iprev));
	set_string(o, "from_domain", RECORD_FIELD(r->from_domain));
	json_object_set_new(o, "authentication_results", authentication_results(r));
	return o;
}

static json_t *steps(const struct shard_record *r)
{
	struct span rest = span_of(r->steps, r->steps_len);
	json_t *list = r->steps ? json_array() : json_null();

	while (rest.at && rest.len)
		json_array_append_new(list, record_string(span_cut(&rest, '\n')));
	return list;
}

json_t *record_json_whole(const struct shard_record *r)
{
	json_t *o = record_json(r);

	json_object_set_new(o, "rcpt_total", json_integer(r->n_rcpts));
	json_object_set_new(o, "duplicate_possible", json_boolean(r->duplicate_possible));
	set_string(o, "fields", RECORD_LIST(r->fields, r->fields_len));
	json_object_set_new(o, "steps", steps(r));
	return o;
}

char *record_dump(const json_t *o)
{
	char *plain = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12)), *line = NULL;
	size_t n_del = 0, n = 0;

	for (const char *c = plain; plain && *c; c++)
		n_del += *c == 0x7f;
	if (!plain || n_del == 0)
		return plain;
	/* DEL is ASCII but nothing that a terminal should be sent. */
	line = malloc(strlen(plain) + n_del * (sizeof("\\u007f") - 2) + 1);
	for (const char *c = plain; line && *c; c++) {
		if (*c == 0x7f) {
			memcpy(line + n, "\\u007f", 6);
			n += 6;
		} else {
			line[n++] = *c;
		}
	}
	if (line)
		line[n] = '\0';
	free(plain);
	return line;
}

static bool domain_matches(struct span name, struct span domain)
{
	if (!span_ends_nocase(name, domain))
		return false;
	return name.len == domain.len || name.at[name.len - domain.len - 1] == '.';
}

bool record_matches(const struct record_filter *f, const struct shard_record *r)
{
	struct span domain = RECORD_FIELD(f->domain), mail_from = RECORD_FIELD(r->mail_from);

	if (f->prefix.family != IP_NONE && !ip_addr_in_prefix(&r->client, &f->prefix, f->prefix_len))
		return false;
	if (domain.len == 0)
		return true;
	size_t at = span_find_last(mail_from, '@');
	return domain_matches(RECORD_FIELD(r->from_domain), domain) ||
	       (at != SPAN_NONE && domain_matches(span_skip(mail_from, at + 1), domain));
}

bool record_ring_open(struct record_ring *ring, size_t n_max, size_t steps_max)
{
	CHECK(n_max > 0);
	*ring = (struct record_ring){ .slots = calloc(n_max, sizeof(struct shard_record)),
				      .n_max = n_max,
				      .steps_max = steps_max };
	return ring->slots != NULL;
}

/* The account of the oldest record that may still have one. */
static void drop_steps(struct record_ring *ring)
{
	struct shard_record *r = &ring->slots[ring->steps_from++ % ring->n_max];

	free((char *)(uintptr_t)r->steps);
	ring->steps_octets -= r->steps_len;
	r->steps = NULL;
	r->steps_len = 0;
}

void record_ring_close(struct record_ring *ring)
{
	while (ring->steps_from < ring->n_added)
		drop_steps(ring);
	free(ring->slots);
	*ring = (struct record_ring){ 0 };
}

void record_ring_add(struct record_ring *ring, const struct shard_record *r)
{
	char *steps = r->steps && r->steps_len <= ring->steps_max ? malloc(r->steps_len + 1) : NULL;
	size_t len = steps ? r->steps_len : 0;

	while (ring->steps_from < ring->n_added &&
	       (ring->steps_octets + len > ring->steps_max || ring->steps_from + ring->n_max <= ring->n_added))
		drop_steps(ring);
	ring->newest = (size_t)(ring->n_added % ring->n_max);
	shard_record_copy(&ring->slots[ring->newest], r);
	if (steps)
		memcpy(steps, r->steps, len);
	ring->slots[ring->newest].steps = steps;
	ring->slots[ring->newest].steps_len = (uint32_t)len;
	ring->steps_octets += len;
	ring->n_added++;
	if (ring->n < ring->n_max)
		ring->n++;
}

const struct shard_record *record_ring_at(const struct record_ring *ring, size_t age)
{
	if (age >= ring->n)
		return NULL;
	return &ring->slots[(ring->newest + ring->n_max - age) % ring->n_max];
}

const struct shard_record *record_ring_find(const struct record_ring *ring, struct span id)
{
	const struct shard_record *r, *of_session = NULL;

	for (size_t age = 0; (r = record_ring_at(ring, age)); age++) {
		if (span_eq(RECORD_FIELD(r->id), id))
			return r;
		if (!of_session && span_eq(RECORD_FIELD(r->session), id))
			of_session = r;
	}
	return of_session;
}
