// SPDX-License-Identifier: MIT
/*
 * authres.c - Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 9.1): ours written, forged ones found
 *
 * Whoever reads these fields believes them, so that two things must not happen: that a peer's value is read as a
 * result of ours (CVE-2020-12272), and that a field of a peer's passes for ours.
 */
#include "dataplane/auth/authres.h"
#include "dataplane/auth/from_scan.h"

#define LINE_OCTETS_MAX 78 /* RFC 5322 2.1.1, where a single value is not longer */
#define WORD_ROOM (2 * AUTHRES_VALUE_MAX + 64)
#define B_OCTETS 8 /* of header.b (RFC 6008 4) */

/* Pieces with single dots between them, of alphanumerics and @others: a token and a dot-atom alike. */
static bool is_dotted(struct span v, const char *others)
{
	bool dot = true;

	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.at[i];

		if (c == '.' && dot)
			return false;
		if (c != '.' && !byte_is_alnum(c) && span_find(span_str(others), c) == SPAN_NONE)
			return false;
		dot = c == '.';
	}
	return !dot;
}

/* token or quoted-string (RFC 2045 5.1); of the octets that a token may have, only those that no reader takes amiss. */
static void put_value(struct text *out, struct span v)
{
	bool cut = v.len > AUTHRES_VALUE_MAX;

	if (!cut && is_dotted(v, "-_+")) {
		text_put(out, v);
		return;
	}
	if (cut)
		v = span_head(v, AUTHRES_VALUE_MAX - 3);
	text_putc(out, '"');
	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.at[i];

		if (c == '"' || c == '\\')
			text_putc(out, '\\');
		text_putc(out, c < ' ' || c >= 0x7f ? '?' : c);
	}
	text_puts(out, cut ? "...\"" : "\"");
}

/* [local-part] "@" domain-name where that needs no quotes (RFC 8601 2.2, pvalue), else as put_value(). */
static void put_mailbox(struct text *out, struct span v)
{
	size_t at = span_find_last(v, '@');

	if (at != SPAN_NONE && v.len <= AUTHRES_VALUE_MAX && is_dotted(span_head(v, at), "-_+=") &&
	    is_dotted(span_skip(v, at + 1), "-_"))
		text_put(out, v);
	else
		put_value(out, v);
}

/* A word and the blank before it, or on a new line when it does not fit on this one. */
static void put_word(struct text *out, const struct text *word)
{
	struct span so_far = text_span(out);
	size_t lf = span_find_last(so_far, '\n');
	size_t column = lf == SPAN_NONE ? so_far.len : so_far.len - lf - 1;

	out->full |= word->full;
	text_puts(out, column + 1 + word->len > LINE_OCTETS_MAX ? "\r\n\t" : " ");
	text_put(out, text_span(word));
}

/* @key and the value, by @put, then @after. */
static void put_pair(struct text *out, const char *key, void (*put)(struct text *, struct span), struct span v,
		     const char *after)
{
	char room[WORD_ROOM];
	struct text word;

	text_init(&word, room, sizeof(room));
	text_puts(&word, key);
	put(&word, v);
	text_puts(&word, after);
	put_word(out, &word);
}

/* @reason: one of our own sentences; no comment when it is empty. */
static void put_comment(struct text *out, const char *reason)
{
	char room[WORD_ROOM];
	struct text word;

	if (!*reason)
		return;
	text_init(&word, room, sizeof(room));
	text_puts(&word, "(");
	text_puts(&word, reason);
	text_puts(&word, ")");
	put_word(out, &word);
}

static void put_result(struct text *out, const char *method, const char *result)
{
	text_puts(out, ";\r\n\t");
	text_puts(out, method);
	text_puts(out, "=");
	text_puts(out, result);
}

static void put_spf(const struct authres_in *in, struct text *out)
{
	if (in->spf_helo) {
		put_result(out, "spf", spf_result_text(in->spf_helo->result));
		if (in->spf_helo->result != SPF_RESULT_PASS)
			put_comment(out, in->spf_helo->reason);
		put_pair(out, "smtp.helo=", put_value, in->helo, "");
	}
	if (in->spf_mfrom) {
		put_result(out, "spf", spf_result_text(in->spf_mfrom->result));
		if (in->spf_mfrom->result != SPF_RESULT_PASS)
			put_comment(out, in->spf_mfrom->reason);
		put_pair(out, "smtp.mailfrom=", put_mailbox, in->mail_from, "");
	}
}

/*
 * RFC 8601 2.7.3: the address as policy.iprev.  The name goes into a comment, where nothing can be quoted that every
 * reader understands: whatever is not of a host name's octets becomes '?'.
 */
static void put_iprev(const struct authres_in *in, struct text *out)
{
	char ip[48], name[DNS_NAME_MAX + 3];
	struct text t;

	put_result(out, "iprev", iprev_result_text(in->iprev->result));
	if (in->iprev->result != IPREV_RESULT_PASS)
		put_comment(out, in->iprev->reason);
	text_init(&t, ip, sizeof(ip));
	ip_addr_text(&in->ip, &t);
	put_pair(out, "policy.iprev=", put_value, text_span(&t), "");
	text_init(&t, name, sizeof(name));
	for (size_t i = 0; i < in->iprev->name.len; i++) {
		uint8_t c = in->iprev->name.at[i];

		text_putc(&t, byte_is_alnum(c) || c == '.' || c == '-' || c == '_' ? c : '?');
	}
	put_comment(out, name);
}

static void put_signature(const struct dkim_report *r, struct text *out)
{
	char b[B_OCTETS + 1];
	struct text first;

	put_result(out, "dkim", dkim_result_text(r->result));
	if (r->reason[0])
		put_comment(out, r->reason);
	if (r->d.len)
		put_pair(out, "header.d=", put_value, r->d, "");
	if (r->s.len)
		put_pair(out, "header.s=", put_value, r->s, "");
	if (r->a.len)
		put_pair(out, "header.a=", put_value, r->a, "");
	text_init(&first, b, sizeof(b));
	for (size_t i = 0; i < r->b.len && first.len < B_OCTETS; i++)
		if (!byte_is_fws(r->b.at[i]))
			text_putc(&first, r->b.at[i]);
	if (first.len)
		put_pair(out, "header.b=", put_value, text_span(&first), "");
}

/* What passed comes first: no heap of bad signatures may crowd it out. */
static void put_dkim(const struct dkim *k, struct text *out)
{
	char room[AUTHRES_DKIM_OCTETS_MAX + 1], more[64];
	size_t n = dkim_n_reports(k), n_shown = 0, n_octets = 0;
	struct dkim_report r;
	struct text t;

	if (n == 0) {
		put_result(out, "dkim", "none");
		return;
	}
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < n && n_shown < AUTHRES_SIGNATURES_MAX; i++) {
			dkim_report(k, i, &r);
			if ((r.result == DKIM_RESULT_PASS) != (turn == 0))
				continue;
			text_init(&t, room, sizeof(room));
			put_signature(&r, &t);
			if (t.full || n_octets + t.len > AUTHRES_DKIM_OCTETS_MAX)
				continue;
			text_put(out, text_span(&t));
			n_octets += t.len;
			n_shown++;
		}
	}
	if (n_shown == n)
		return;
	text_init(&t, more, sizeof(more));
	text_dec(&t, n - n_shown);
	text_puts(&t, " more signatures are not shown");
	put_comment(out, more);
}

/* The sealer's name goes into a comment, where there are no quotes: a strange one is left out. */
static void put_arc(const struct arc *a, struct text *out)
{
	char room[2 * AUTHRES_VALUE_MAX];
	struct text t;

	put_result(out, "arc", arc_result_text(a->result));
	text_init(&t, room, sizeof(room));
	if (a->instance) {
		text_puts(&t, "i=");
		text_dec(&t, a->instance);
		if (a->sealer.len <= AUTHRES_VALUE_MAX && is_dotted(a->sealer, "-_")) {
			text_puts(&t, " sealer=");
			text_put(&t, a->sealer);
		}
	}
	put_comment(out, room);
	if (a->result != ARC_RESULT_PASS && a->result != ARC_RESULT_NONE)
		put_comment(out, a->reason);
}

static void put_dmarc(const struct dmarc *m, const struct from *from, struct text *out)
{
	char room[64];
	struct text t;

	put_result(out, "dmarc", dmarc_result_text(m->result));
	if (from && from->error != FROM_OK) {
		put_comment(out, from->reason);
		return;
	}
	if (m->result == DMARC_RESULT_FAIL) {
		text_init(&t, room, sizeof(room));
		text_puts(&t, "p=");
		text_puts(&t, dmarc_policy_text(m->published));
		text_puts(&t, " dis=");
		text_puts(&t, dmarc_policy_text(m->disposition));
		put_comment(out, room);
	} else if (m->result != DMARC_RESULT_PASS) {
		put_comment(out, m->reason);
	}
	if (from)
		put_pair(out, "header.from=", put_value, span_of(from->domain, from->domain_len), "");
	if (m->policy_domain.len && m->published != DMARC_POLICY_ABSENT)
		put_pair(out, "policy.published-domain-policy=", put_value, span_str(dmarc_policy_text(m->published)),
			 "");
}

void authres_write(const struct authres_in *in, struct text *out)
{
	bool has_iprev = in->iprev && in->iprev->result != IPREV_RESULT_NONE;

	text_puts(out, "Authentication-Results: ");
	put_value(out, span_str(in->settings->authserv_id));
	put_spf(in, out);
	if (has_iprev)
		put_iprev(in, out);
	if (in->dkim)
		put_dkim(in->dkim, out);
	if (in->arc)
		put_arc(in->arc, out);
	if (in->dmarc)
		put_dmarc(in->dmarc, in->from, out);
	if (!in->spf_helo && !in->spf_mfrom && !has_iprev && !in->dkim && !in->arc && !in->dmarc)
		text_puts(out, "; none");
	text_puts(out, "\r\n");
}

static void received_spf(const struct authres_in *in, const struct spf *spf, const char *identity, struct text *out)
{
	char ip[48];
	struct text t;

	text_init(&t, ip, sizeof(ip));
	ip_addr_text(&in->ip, &t);
	text_puts(out, "Received-SPF: ");
	text_puts(out, spf_result_text(spf->result));
	if (spf->result != SPF_RESULT_PASS)
		put_comment(out, spf->reason);
	put_pair(out, "client-ip=", put_value, text_span(&t), ";");
	put_pair(out, "envelope-from=", put_value, in->mail_from, ";");
	put_pair(out, "helo=", put_value, in->helo, ";");
	put_pair(out, "receiver=", put_value, span_str(in->settings->authserv_id), ";");
	if (spf->mechanism.len)
		put_pair(out, "mechanism=", put_value, spf->mechanism, ";");
	put_pair(out, "identity=", put_value, span_str(identity), "");
	text_puts(out, "\r\n");
}

void authres_received_spf(const struct authres_in *in, struct text *out)
{
	if (in->spf_mfrom)
		received_spf(in, in->spf_mfrom, "mailfrom", out);
	if (in->spf_helo)
		received_spf(in, in->spf_helo, "helo", out);
}

static struct span without_root(struct span name)
{
	return name.len && name.at[name.len - 1] == '.' ? span_head(name, name.len - 1) : name;
}

/* Whether that is our authserv-id, or 8-bit text of which nobody can say whose name it is. */
static bool names_us(const struct auth_settings *settings, struct span id)
{
	struct span ours = without_root(span_str(settings->authserv_id));
	char ascii[DNS_NAME_MAX + 2];
	struct text t;
	bool eight_bit = false;

	id = without_root(id);
	for (size_t i = 0; i < id.len; i++)
		eight_bit |= id.at[i] >= 0x80;
	if (!eight_bit)
		return span_eq_nocase(id, ours);
	text_init(&t, ascii, sizeof(ascii));
	if (!settings->to_ascii(id, &t) || t.full)
		return true;
	return span_eq_nocase(without_root(text_span(&t)), ours);
}

/* The authserv-id has ended here for every reader: a version, an old field's next word, ";" or nothing follows. */
static bool id_has_ended(const struct from_scan *s)
{
	return s->token == FROM_TOKEN_END || from_scan_is(s, ';') ||
	       (s->token == FROM_TOKEN_ATOM && s->text.at[0] != '=');
}

/* An authserv-id without quotes.  Its dots are words of their own to the scanner, and may have comments round them. */
static bool bare_id_is_ours(const struct auth_settings *settings, struct from_scan *s)
{
	char room[4 * DNS_NAME_MAX];
	struct text id;

	text_init(&id, room, sizeof(room));
	for (bool dot = false; dot ? from_scan_is(s, '.') : s->token == FROM_TOKEN_ATOM; dot = !dot) {
		const uint8_t *end = s->text.at + s->text.len;
		size_t n = 0;

		if (span_find(s->text, '=') != SPAN_NONE)
			return true; /* a result; there is no authserv-id */
		while (n < s->text.len && s->text.at[n] != '/' && s->text.at[n] != '?')
			n++; /* these are in atoms, but not in tokens */
		text_put(&id, span_head(s->text, n));
		if (id.full || id.len == 0)
			return true;
		if (n < s->text.len) {
			from_scan_next(s);
			break;
		}
		from_scan_next(s);
		if (s->text.at != end && names_us(settings, text_span(&id)))
			return true; /* to some readers the name ends before white space, whatever follows */
	}
	return names_us(settings, text_span(&id)) || !id_has_ended(s);
}

/* What a quoted-string says, without any white space. */
static void put_unquoted(struct text *out, struct span quoted)
{
	struct span q = span_part(quoted, 1, quoted.len - 1);

	for (size_t i = 0; i < q.len; i++) {
		if (q.at[i] == '\\' && i + 1 < q.len)
			i++;
		if (!byte_is_fws(q.at[i]))
			text_putc(out, q.at[i]);
	}
}

static bool has_any(struct span s, const char *octets)
{
	for (; *octets; octets++)
		if (span_find(s, (uint8_t)*octets) != SPAN_NONE)
			return true;
	return false;
}

static bool quoted_id_is_ours(const struct auth_settings *settings, struct from_scan *s)
{
	const uint8_t *end = s->text.at + s->text.len;
	char room[4 * DNS_NAME_MAX];
	struct text id;

	text_init(&id, room, sizeof(room));
	put_unquoted(&id, s->text);
	if (has_any(text_span(&id), ";()\"\\"))
		return true; /* no name has these, and not all readers respect the quotes round them */
	if (id.full || id.len == 0 || names_us(settings, text_span(&id)))
		return true;
	from_scan_next(s);
	return !id_has_ended(s) || (s->token == FROM_TOKEN_ATOM && s->text.at == end);
}

/* Some drop comments and white space first: "m(x)x.example" is to them what all words before the ";" make together. */
static bool joined_id_is_ours(const struct auth_settings *settings, struct from_scan *s)
{
	char room[4 * DNS_NAME_MAX];
	struct text id;

	text_init(&id, room, sizeof(room));
	if (s->token == FROM_TOKEN_QUOTED) {
		put_unquoted(&id, s->text);
		from_scan_next(s);
	}
	for (; s->token != FROM_TOKEN_END && !from_scan_is(s, ';'); from_scan_next(s)) {
		if (s->token != FROM_TOKEN_ATOM && s->token != FROM_TOKEN_SPECIAL)
			return true; /* nothing that a server would write */
		text_put(&id, s->text);
	}
	return !id.full && names_us(settings, text_span(&id));
}

bool authres_is_ours(const struct auth_settings *settings, struct span name, struct span value)
{
	struct from_scan s, again;

	if (!span_eq_nocase(name, SPAN("Authentication-Results")))
		return false;
	from_scan_begin(&s, value);
	again = s;
	if (s.token == FROM_TOKEN_ATOM)
		return bare_id_is_ours(settings, &s) || joined_id_is_ours(settings, &again);
	if (s.token == FROM_TOKEN_QUOTED)
		return quoted_id_is_ours(settings, &s) || joined_id_is_ours(settings, &again);
	return true;
}
