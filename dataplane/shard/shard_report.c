// SPDX-License-Identifier: MIT
/*
 * shard_report.c - what a DMARC aggregate report tells of one message (RFC 9990)
 *
 * Told once for each message whose fate is final, before its client hears of it: one that was told to come again (4yz) is
 * counted when it does.  Nothing is told of domains that ask for no reports, and of mail that is such a report itself: two
 * receivers would otherwise report on each other's reports for ever.
 */
#include "dataplane/base/ledger.h"
#include "dataplane/shard/shard_state.h"

static void tag(struct text *out, const char *name, const char *value)
{
	text_puts(out, out->len ? ";" : "");
	text_puts(out, name);
	text_puts(out, "=");
	text_puts(out, value);
}

static void policy_tag(struct text *out, const char *name, uint8_t policy)
{
	if (policy != DMARC_POLICY_ABSENT)
		tag(out, name, dmarc_policy_text((enum dmarc_policy)policy));
}

static void published(bool rfc7489, const struct dmarc_record *r, struct text *out)
{
	tag(out, "method", rfc7489 ? "psl" : "treewalk");
	policy_tag(out, "p", r->p);
	policy_tag(out, "sp", r->sp);
	policy_tag(out, "np", r->np);
	tag(out, "adkim", r->adkim_strict ? "s" : "r");
	tag(out, "aspf", r->aspf_strict ? "s" : "r");
	tag(out, "t", r->testing ? "y" : "n");
}

/* A text and its NUL; what a peer wrote may hold neither a NUL nor more than a name can have. */
static void fact(struct text *out, struct span value)
{
	for (size_t i = 0; i < value.len && i < DNS_NAME_MAX; i++)
		text_putc(out, value.at[i] ? value.at[i] : '?');
	text_putc(out, '\0');
}

/* Why a failure did not meet the policy that was published (RFC 9990 3.1.1.8). */
static const char *reason(const struct txn *t)
{
	const struct dmarc *m = &t->verify.dmarc;

	if (m->result != DMARC_RESULT_FAIL)
		return "";
	if (strcmp(t->verdict.rule, "dmarc.override.arc") == 0)
		return "trusted_forwarder";
	if (strcmp(t->verdict.dmarc_disposition, dmarc_policy_text(m->disposition)) != 0)
		return "local_policy";
	return m->testing && m->published > DMARC_POLICY_NONE ? "policy_test_mode" : "";
}

/* What an operator calls his rules is no stranger's business. */
static bool is_own_rule(const struct txn *t)
{
	return span_starts_nocase(span_str(t->verdict.rule), SPAN("dmarc."));
}

static struct span domain_of(struct span mailbox)
{
	size_t at = span_find_last(mailbox, '@');

	return at == SPAN_NONE ? SPAN("") : span_skip(mailbox, at + 1);
}

/* All signatures, as many as fit whole. */
static void signatures(const struct verify *v, struct text *out)
{
	for (size_t i = 0; i < dkim_n_reports(&v->dkim); i++) {
		struct text before = *out;
		struct dkim_report d;

		dkim_report(&v->dkim, i, &d);
		if (d.d.len == 0 || d.s.len == 0)
			continue; /* RFC 9990: domain and selector are required */
		fact(out, d.d);
		fact(out, d.s);
		fact(out, span_str(dkim_result_text(d.result)));
		if (out->full) {
			*out = before;
			out->at[out->len] = '\0';
			return;
		}
	}
}

/* A report by its Subject (RFC 9990 3.5.2); only of one that passed, or a forger could keep his mail out of reports. */
static bool is_report(const struct txn *t)
{
	const struct msg_header *h = msg_header_of(t->msg);
	size_t i = msg_header_find(h, SPAN("Subject"), 0);
	struct span subject = i == SPAN_NONE ? SPAN("") : span_trim(msg_field_value(h, &h->fields[i]));

	return t->verify.dmarc.result == DMARC_RESULT_PASS && span_starts_nocase(subject, SPAN("Report Domain:"));
}

/* Whether any report could tell of it, and what kind. */
static bool is_told(const struct shard *s, const struct txn *t, const struct smtp_reply *reply, struct shard_told *told)
{
	const struct dmarc *m = &t->verify.dmarc;

	if (!s->env.ledger || !t->header_told || !verify_done(&t->verify) || reply->code / 100 == 4 || !t->verdict.rule)
		return false;
	if ((m->result != DMARC_RESULT_PASS && m->result != DMARC_RESULT_FAIL) || m->policy_domain.len == 0 ||
	    m->policy_domain.len > DNS_NAME_MAX)
		return false;
	told->rua = m->record.n_rua > 0;
	told->ruf = m->record.n_ruf > 0 && s->env.settings->report_failures;
	return (told->rua || told->ruf) && !is_report(t);
}

static void facts_of(const struct txn *t, struct text *out)
{
	const struct verify *v = &t->verify;
	const struct dmarc *m = &v->dmarc;

	fact(out, span_str(m->result == DMARC_RESULT_PASS ? "pass" : t->verdict.dmarc_disposition));
	fact(out, span_str(m->dkim_aligned ? "pass" : "fail"));
	fact(out, span_str(m->spf_aligned ? "pass" : "fail"));
	fact(out, span_str(reason(t)));
	fact(out, reason(t)[0] && is_own_rule(t) ? span_str(t->verdict.rule) : SPAN(""));
	fact(out, span_of(v->from.domain, v->from.domain_len));
	fact(out, domain_of(span_of(t->mail_from, t->mail_from_len)));
	fact(out, verify_spf(v)->domain);
	fact(out, span_str(spf_result_text(verify_spf(v)->result)));
	CHECK(!out->full);
	signatures(v, out);
}

static void write_down(struct shard *s, struct shard_told *told, struct span domain, struct span policy,
		       struct span facts)
{
	told->domain_len = (uint16_t)domain.len;
	told->policy_len = (uint16_t)policy.len;
	told->facts_len = (uint16_t)facts.len;
	const struct span parts[] = { span_of(told, sizeof(*told)), domain, policy, facts };
	if (!ledger_put(s->env.ledger, parts, 4))
		s->stats.shard_ledger_full++;
}

void report_message(struct shard *s, const struct txn *t, const struct smtp_reply *reply, uint64_t now_us)
{
	char policy_room[SHARD_POLICY_MAX], facts_room[SHARD_FACTS_MAX];
	const struct dmarc *m = &t->verify.dmarc;
	struct text policy, facts;
	struct shard_told told;

	memset(&told, 0, sizeof(told));
	if (!is_told(s, t, reply, &told))
		return;
	told.kind = SHARD_TOLD_MESSAGE;
	told.unix_s = shard_unix_us(s, now_us) / 1000000;
	told.client = t->client_ip;
	text_init(&policy, policy_room, sizeof(policy_room));
	published(s->configs[t->config].auth.dmarc_rfc7489, &m->record, &policy);
	text_init(&facts, facts_room, sizeof(facts_room));
	facts_of(t, &facts);
	write_down(s, &told, m->policy_domain, text_span(&policy), text_span(&facts));
}

/* At once: whoever is told by the rings may be killed before he has it on disk, and would send it again. */
void report_taken(struct shard *s, const struct shard_send *m)
{
	struct shard_told told;

	if (!s->env.ledger || !m->report)
		return;
	memset(&told, 0, sizeof(told));
	told.kind = SHARD_TOLD_TAKEN;
	told.number = m->report;
	write_down(s, &told, span_str((const char *)m->rcpts.at), SPAN(""), SPAN(""));
}
