// SPDX-License-Identifier: MIT
/*
 * check_case.c - one case: an envelope, perhaps a message, perhaps a zone
 *
 * In a zone one code point of JSON is one octet (Latin-1), so that any octet can be written.  The envelope is taken as
 * UTF-8, as SMTPUTF8 would carry it.
 */
#include "tools/check/check_case.h"

#include <stdlib.h>

#include "dataplane/base/base64.h"

#define MAIL_FROM_MAX 320 /* local-part of 64, @, domain of 255 octets (RFC 5321 4.5.3.1): the gateway refuses more */

static const char no_memory[] = "no memory";

static struct span string_span(const json_t *s)
{
	return span_of(json_string_value(s), json_string_length(s));
}

/*
 * UTF-8 to Latin-1.  @out has room for @s.len octets.  Returns the length, SPAN_NONE when a code point
 * is above U+00FF.
 */
static size_t latin1(struct span s, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (c >= 0x80) {
			if (c > 0xc3 || i + 1 == s.len)
				return SPAN_NONE;
			c = (uint8_t)((c & 3) << 6 | (s.at[++i] & 0x3f));
		}
		out[n++] = c;
	}
	return n;
}

/* One name as octets in @room of @cap; false when it is no string, or too long. */
static bool take_name(const json_t *value, uint8_t *room, size_t cap, struct span *name)
{
	if (!json_is_string(value) || json_string_length(value) > cap)
		return false;
	size_t n = latin1(string_span(value), room);
	if (n == SPAN_NONE)
		return false;
	if (n && room[n - 1] == '.')
		n--;
	*name = span_of(room, n);
	return true;
}

static const char *add_txt(struct dns_zone *z, struct span owner, unsigned type, const json_t *data)
{
	size_t i, cap = 0, n = 0;
	json_t *string;
	bool good = true;

	if (!json_is_array(data))
		return "zone: TXT data is a list of strings";
	json_array_foreach(data, i, string) cap += json_string_length(string);
	uint8_t *rdata = malloc(cap + 1);
	if (!rdata)
		return no_memory;
	json_array_foreach(data, i, string)
	{
		size_t len = json_is_string(string) ? latin1(string_span(string), rdata + n) : SPAN_NONE;

		good &= len != SPAN_NONE;
		n += len == SPAN_NONE ? 0 : len;
	}
	good = good && dns_zone_add(z, owner, type, span_of(rdata, n));
	free(rdata);
	return good ? NULL : "zone: TXT data has a string that is none, or is longer than 65535 octets";
}

static const char *add_data(struct dns_zone *z, struct span owner, unsigned type, const json_t *data)
{
	uint8_t room[1024];
	struct span name;
	struct ip_addr addr;

	switch (type) {
	case DNS_TXT:
	case DNS_SPF:
		return add_txt(z, owner, type, data);
	case DNS_A:
	case DNS_AAAA:
		if (!json_is_string(data) || !ip_addr_parse(string_span(data), &addr) ||
		    addr.family != (type == DNS_A ? IP_V4 : IP_V6))
			return "zone: an address is none of its type";
		return dns_zone_add(z, owner, type, span_of(addr.bytes, ip_addr_len(&addr))) ? NULL : no_memory;
	case DNS_MX:
		if (!json_is_integer(json_array_get(data, 0)) ||
		    !take_name(json_array_get(data, 1), room + 2, sizeof(room) - 2, &name))
			return "zone: MX data is [preference, \"host\"]";
		room[0] = (uint8_t)(json_integer_value(json_array_get(data, 0)) >> 8);
		room[1] = (uint8_t)json_integer_value(json_array_get(data, 0));
		return dns_zone_add(z, owner, type, span_of(room, 2 + name.len)) ? NULL : no_memory;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		if (!take_name(data, room, sizeof(room), &name))
			return "zone: the data is no name";
		return dns_zone_add(z, owner, type, name) ? NULL : no_memory;
	default:
		return "zone: data of an unknown type";
	}
}

static const char *add_failure(struct dns_zone *z, struct span owner, unsigned type, struct span rcode)
{
	for (unsigned r = DNS_NODATA; r <= DNS_TIMEOUT; r++)
		if (span_eq_nocase(rcode, span_str(dns_rcode_text(r))))
			return dns_zone_fail(z, owner, type, (enum dns_rcode)r) ? NULL : no_memory;
	return "zone: an rcode is SERVFAIL, NXDOMAIN, TIMEOUT or NODATA";
}

static const char *add_record(struct dns_zone *z, const json_t *record)
{
	const json_t *type_name = json_object_get(record, "type"), *data = json_object_get(record, "data");
	const json_t *rcode = json_object_get(record, "rcode");
	uint8_t room[1024];
	struct dns_question q;
	struct span owner;

	if (!json_is_string(type_name) || !take_name(json_object_get(record, "name"), room, sizeof(room), &owner))
		return "zone: a record has a name and a type, both strings";
	if (!dns_question_set(&q, DNS_TXT, owner)) /* nobody can ask for it */
		return NULL;
	bool any = span_eq(string_span(type_name), SPAN("*"));
	unsigned type = any ? 0 : dns_type_parse(string_span(type_name));
	if (json_is_string(rcode))
		return any || type ? add_failure(z, owner, type, string_span(rcode)) : "zone: an unknown type";
	return add_data(z, owner, type, data);
}

static const char *read_zone(struct check_case *c, const json_t *zone)
{
	const char *wrong = NULL;
	json_t *record;
	size_t i;

	if (zone && !json_is_null(zone) && !json_is_array(zone))
		return "zone is no list";
	c->zone = dns_zone_open();
	if (!c->zone)
		return no_memory;
	json_array_foreach(zone, i, record)
	{
		wrong = add_record(c->zone, record);
		if (wrong)
			break;
	}
	return wrong;
}

/* A string or null; @given: it is a string. */
static bool read_string(const json_t *json, const char *key, struct span *out, bool *given)
{
	const json_t *value = json_object_get(json, key);

	*given = json_is_string(value);
	*out = *given ? string_span(value) : SPAN("");
	return !value || json_is_null(value) || *given;
}

static const char *read_envelope(struct check_case *c)
{
	const json_t *now = json_object_get(c->json, "now");
	struct span ip;
	bool given;

	if (!read_string(c->json, "ip", &ip, &given) || (given && !ip_addr_parse(ip, &c->ip)))
		return "ip is no address";
	if (!read_string(c->json, "helo", &c->helo, &given))
		return "helo is no string";
	if (!read_string(c->json, "mail_from", &c->mail_from, &c->has_mail_from))
		return "mail_from is no string";
	if (c->mail_from.len > MAIL_FROM_MAX)
		return "mail_from is longer than a path may be";
	c->receiver = json_string_value(json_object_get(c->json, "receiver"));
	if (now && !json_is_null(now)) {
		if (!json_is_number(now) || json_number_value(now) < 0 || json_number_value(now) > 1e15)
			return "now is no Unix time";
		c->has_now = true;
		c->now_unix = (uint64_t)json_number_value(now);
	}
	return NULL;
}

static const char *read_message(struct check_case *c)
{
	struct span text;

	if (!read_string(c->json, "message_b64", &text, &c->has_message))
		return "message_b64 is no string";
	if (!c->has_message)
		return NULL;
	size_t cap = text.len / 4 * 3 + 3, n;
	c->message_octets = malloc(cap);
	if (!c->message_octets)
		return no_memory;
	if (base64_decode(text, c->message_octets, cap, &n) != OK)
		return "message_b64 is no base64";
	c->message = span_of(c->message_octets, n);
	return NULL;
}

const char *check_case_read(struct check_case *c, json_t *json)
{
	*c = (struct check_case){ .json = json };
	if (!json_is_object(json))
		return "the case is no JSON object";
	const char *wrong = read_envelope(c);
	if (!wrong)
		wrong = read_message(c);
	return wrong ? wrong : read_zone(c, json_object_get(json, "zone"));
}

void check_case_close(struct check_case *c)
{
	dns_zone_close(c->zone);
	free(c->message_octets);
	json_decref(c->json);
	*c = (struct check_case){ .json = NULL };
}
