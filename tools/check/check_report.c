// SPDX-License-Identifier: MIT
/*
 * check_report.c - what became of a case: as JSON, as text
 */
#include "tools/check/check_report.h"

#include <stdio.h>

#define FIELDS_MAX 65536 /* octets of all fields that go on top of a message */
#define POLICY_TEXT_MAX (sizeof(((struct verdict *)0)->text) + 160)

/* Octets as a JSON string, one code point each (Latin-1), as they came in. */
static json_t *json_octets(struct span s)
{
	static char utf8[2 * FIELDS_MAX]; /* of longer ones the beginning */
	size_t n = 0;

	for (size_t i = 0; i < s.len && n + 2 < sizeof(utf8); i++) {
		uint8_t c = s.at[i];

		if (c < 0x80) {
			utf8[n++] = (char)c;
		} else {
			utf8[n++] = (char)(0xc0 | c >> 6);
			utf8[n++] = (char)(0x80 | (c & 0x3f));
		}
	}
	return json_stringn(utf8, n);
}

static json_t *json_octets_or_null(struct span s)
{
	return s.len ? json_octets(s) : json_null();
}

static json_t *spf_json(const struct verify *v)
{
	const struct spf *s = verify_spf(v);

	return json_pack("{s:s, s:o, s:s, s:o, s:i, s:i, s:s}", "result", spf_result_text(s->result), "domain",
			 json_octets_or_null(s->domain), "scope", s->scope == SPF_SCOPE_HELO ? "helo" : "mfrom",
			 "explanation", json_octets_or_null(s->explanation), "lookups", (int)s->n_terms, "void",
			 (int)s->n_voids, "reason", s->reason);
}

/* Beside what is promised: "none" when the address is private or not known. */
static json_t *iprev_json(const struct verify *v)
{
	const struct iprev *p = verify_iprev(v);

	return json_pack("{s:s, s:o, s:s}", "result", iprev_result_text(p->result), "name",
			 json_octets_or_null(p->name), "reason", p->reason);
}

static json_t *dkim_json(const struct verify *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < dkim_n_reports(&v->dkim); i++) {
		struct dkim_report r;

		dkim_report(&v->dkim, i, &r);
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:s, s:s, s:i}", "d", json_octets_or_null(r.d),
						      "s", json_octets_or_null(r.s), "a", json_octets_or_null(r.a),
						      "result", dkim_result_text(r.result), "reason",
						      r.reason ? r.reason : "", "bits", (int)r.key_bits));
	}
	return list;
}

static json_t *arc_json(const struct verify *v)
{
	return json_pack("{s:s, s:i, s:o}", "result", arc_result_text(v->arc.result), "instance", (int)v->arc.instance,
			 "sealer", json_octets_or_null(v->arc.sealer));
}

static json_t *dmarc_json(const struct verify *v)
{
	const struct dmarc *m = &v->dmarc;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:s}", "result", dmarc_result_text(m->result),
			 "from_domain", json_octets_or_null(m->from_domain), "org_domain",
			 json_octets_or_null(m->org_domain), "policy_domain", json_octets_or_null(m->policy_domain),
			 "policy",
			 m->policy == DMARC_POLICY_ABSENT ? json_null() : json_string(dmarc_policy_text(m->policy)),
			 "testing", m->testing, "spf_aligned", m->spf_aligned, "dkim_aligned", m->dkim_aligned,
			 "disposition", dmarc_policy_text(m->disposition));
}

static void reply_text(const struct verdict *v, struct text *out)
{
	text_dec(out, v->code);
	for (int i = 0; i < 3; i++) {
		text_putc(out, i ? '.' : ' ');
		text_dec(out, v->enhanced[i]);
	}
	text_puts(out, " ");
	/* What is passed on gets the next hop's reply; there is none here. */
	text_puts(out, v->text[0] ? v->text : "message accepted");
}

/* The last line of an account: what policy makes of the results. */
static void policy_text(const struct verdict *v, struct text *out)
{
	text_puts(out, "policy: ");
	text_puts(out, verdict_action_text(v->action));
	text_puts(out, " by ");
	text_puts(out, v->rule);
	text_puts(out, ", reply ");
	reply_text(v, out);
}

/* The body of the Authentication-Results field, unfolded. */
static void results_text(const struct verify *v, struct text *out)
{
	static char octets[FIELDS_MAX];
	struct text fields;

	text_init(&fields, octets, sizeof(octets));
	verify_fields(v, &fields);
	struct span rest = text_span(&fields);
	if (span_starts_nocase(rest, SPAN("Authentication-Results:")))
		rest = span_skip(rest, sizeof("Authentication-Results:") - 1);
	for (bool first = true; rest.at; first = false) {
		struct span line = span_cut(&rest, '\n');

		if (!first && (line.len == 0 || !byte_is_wsp(line.at[0])))
			return;
		if (!first)
			text_puts(out, " ");
		text_put(out, span_trim(line));
	}
}

/* Everything but "spf" needs a message. */
static void add_message_results(json_t *object, const struct check_run *r, bool has_message)
{
	static char results[FIELDS_MAX];
	char reply[sizeof(r->verdict.text) + 32];
	const struct verify *v = r->verify;
	struct text text;

	static const char *const keys[] = {
		"dkim", "arc", "dmarc", "from_error", "action", "reply", "authentication_results"
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set_new(object, keys[i], json_null());
	if (!has_message)
		return;
	json_object_set_new(object, "dkim", dkim_json(v));
	json_object_set_new(object, "arc", arc_json(v));
	json_object_set_new(object, "dmarc", dmarc_json(v));
	if (v->from.error != FROM_OK)
		json_object_set_new(object, "from_error", json_string(from_error_text(v->from.error)));
	json_object_set_new(object, "action", json_string(verdict_action_text(r->verdict.action)));
	text_init(&text, reply, sizeof(reply));
	reply_text(&r->verdict, &text);
	json_object_set_new(object, "reply", json_octets(text_span(&text)));
	text_init(&text, results, sizeof(results));
	results_text(v, &text);
	json_object_set_new(object, "authentication_results", json_octets(text_span(&text)));
}

json_t *check_report_json(const struct check_run *r, const struct check_case *c, json_t *id, bool explain)
{
	json_t *object = json_object();

	json_object_set(object, "id", id ? id : json_null());
	json_object_set_new(object, "spf", spf_json(r->verify));
	json_object_set_new(object, "iprev", iprev_json(r->verify));
	add_message_results(object, r, c->has_message);
	if (explain) {
		json_t *lines = json_array();
		struct span rest = text_span(&r->explain.text);

		while (rest.at) {
			struct span line = span_cut(&rest, '\n');
			if (line.len)
				json_array_append_new(lines, json_octets(line));
		}
		if (c->has_message) {
			char policy[POLICY_TEXT_MAX];
			struct text text;

			text_init(&text, policy, sizeof(policy));
			policy_text(&r->verdict, &text);
			json_array_append_new(lines, json_octets(text_span(&text)));
		}
		json_object_set_new(object, "explain", lines);
	}
	return object;
}

json_t *check_report_error(json_t *id, const char *error)
{
	json_t *object = json_object();

	json_object_set(object, "id", id ? id : json_null());
	json_object_set_new(object, "error", json_string(error));
	return object;
}

void check_report_text(const struct check_run *r, const struct check_case *c, bool explain)
{
	static char octets[FIELDS_MAX];
	char policy[POLICY_TEXT_MAX];
	struct text text;

	if (explain) {
		fputs(r->explain.text.at, stdout);
		if (r->explain.text.full)
			puts("(the account was longer)");
	}
	if (explain && c->has_message) {
		text_init(&text, policy, sizeof(policy));
		policy_text(&r->verdict, &text);
		puts(policy);
	}
	text_init(&text, octets, sizeof(octets));
	verify_fields(r->verify, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] != '\r')
			putchar(text.at[i]);
}
