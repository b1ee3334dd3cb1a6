// SPDX-License-Identifier: MIT
/*
 * fuzz_verdict.c - a whole message and hostile DNS: what we write of it, and the verdict, are clean
 *
 * Input: HELO, MAIL FROM ("-" for none told), a line of digits that steer the order of events, the message with its
 * lines ended by LF, a line "====", then one answer a line as in fuzz_spf.c, used again from the first when they are
 * used up.  Nothing is really hashed: digests are sums, and the steering says which signatures are good.
 */
#include "ctrlplane/policy/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two SPF checks, each as many as fuzz_spf.c allows; keys of 10 signatures and 51 ARC fields; 18 walks of 8, and one. */
#define QUESTIONS_MAX (2 * 300 + 10 + 51 + 18 * 8 + 1)
#define FIELDS_ROOM 16384 /* the shard's, Received not counted */

static void sum_init(struct hash_state *h)
{
	memset(h, 0, sizeof(*h));
}

static void sum_update(struct hash_state *h, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		h->opaque[i % SHA1_LEN] = (uint8_t)(h->opaque[i % SHA1_LEN] + s.at[i]);
}

static void sum_final(struct hash_state *h, uint8_t *digest)
{
	memcpy(digest, h->opaque, SHA1_LEN);
}

static void sum_final_256(struct hash_state *h, uint8_t *digest)
{
	memset(digest, 0, SHA256_LEN);
	sum_final(h, digest);
}

static bool to_ascii(struct span domain, struct text *out)
{
	text_puts(out, "xn--");
	text_hex(out, span_head(domain, domain.len < 20 ? domain.len : 20));
	return !out->full;
}

static struct span organizational(struct span domain)
{
	size_t dot = span_find(domain, '.');

	return dot == SPAN_NONE ? span_of(domain.at, 0) : span_skip(domain, dot + 1);
}

/* What the input says beyond the message: digits and answers, each used again and again. */
static struct span steering, answers, answers_left;
static size_t n_steered;
static uint8_t octets[1 << 17];

static unsigned steer(void)
{
	return steering.len ? steering.at[n_steered++ % steering.len] % 10u : 0;
}

static const struct dns_answer *next_answer(unsigned type)
{
	static const char codes[] = "dnst"; /* in the order of enum dns_rcode from DNS_NODATA on */
	struct dns_answer *a = dns_answer_init(octets, sizeof(octets), DNS_NODATA, 60);
	struct ip_addr addr;

	if (!answers_left.at)
		answers_left = answers;
	struct span line = span_cut(&answers_left, '\n');
	for (unsigned i = 0; line.len && i < 4; i++)
		if (line.at[0] == (uint8_t)codes[i])
			return dns_answer_init(octets, sizeof(octets), (enum dns_rcode)(DNS_NODATA + i), 60);
	for (line = span_skip(line, line.len > 0); line.at;) {
		struct span record = span_cut(&line, '|');

		if ((type == DNS_A || type == DNS_AAAA) && ip_addr_parse(record, &addr))
			record = span_of(addr.bytes, ip_addr_len(&addr));
		if (!dns_answer_add(a, sizeof(octets), record))
			break;
	}
	return a;
}

/* LF becomes CRLF, as the message comes in. */
static struct span wire(struct span s)
{
	static uint8_t room[1 << 17];
	size_t n = 0;

	for (size_t i = 0; i < s.len && n + 2 <= sizeof(room); i++) {
		if (s.at[i] == '\n')
			room[n++] = '\r';
		room[n++] = s.at[i];
	}
	return span_of(room, n);
}

/* Before a line "====". */
static struct span cut_message(struct span *rest)
{
	struct span all = *rest;

	for (size_t i = 0; i + 6 <= all.len; i++) {
		if (memcmp(all.at + i, "\n====\n", 6) == 0) {
			*rest = span_skip(all, i + 6);
			return span_head(all, i + 1);
		}
	}
	*rest = span_of(NULL, 0);
	return all;
}

static void give_message(struct verify *v, struct span message, uint64_t now_us)
{
	static struct msg_field fields[MSG_FIELDS_MAX];
	static struct msg_header header;
	size_t header_len, body = msg_header_end(message, 0, &header_len);

	if (body == SPAN_NONE)
		body = header_len = message.len;
	header = (struct msg_header){ .fields = fields, .fields_max = MSG_FIELDS_MAX };
	msg_header_parse(&header, span_head(message, header_len));
	verify_header(v, &header, now_us);
	for (struct span rest = span_skip(message, body); rest.len;) {
		size_t n = steer() * 10 + 1;

		n = n < rest.len ? n : rest.len;
		verify_body(v, span_head(rest, n));
		rest = span_skip(rest, n);
	}
	verify_end(v, now_us);
}

/* Questions and jobs out, answers and jobs back in any order, some answers twice, some never. */
static void drive(struct verify *v, uint64_t *now_us)
{
	static struct {
		uint32_t ticket;
		uint16_t type;
	} out[QUESTIONS_MAX];
	unsigned n_out = 0, n_asked = 0, n_expired = 0;
	struct dns_question q;
	struct crypto_job *job;

	while (!verify_done(v)) {
		while (verify_question(v, &out[n_out].ticket, &q)) {
			struct dns_question again;

			CHECK(++n_asked < QUESTIONS_MAX);
			CHECK(dns_question_set(&again, (enum dns_type)q.type, dns_question_name(&q)));
			out[n_out++].type = q.type;
		}
		while ((job = verify_job(v))) {
			CHECK(job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
			job->verdict = (uint8_t)(CRYPTO_PASS + steer() % (CRYPTO_ERROR - CRYPTO_PASS + 1));
			job->key_bits = 1024;
			verify_job_done(v, job, *now_us);
		}
		CHECK(verify_n_jobs_out(v) == 0);
		if (n_out == 0 || steer() == 9) {
			uint64_t deadline_us = verify_deadline_us(v);

			if (verify_done(v))
				return;
			CHECK(deadline_us != UINT64_MAX && ++n_expired < 2000);
			*now_us = deadline_us > *now_us ? deadline_us : *now_us;
			verify_expire(v, *now_us);
			continue;
		}
		unsigned i = (steer() * 10 + steer()) % n_out;
		const struct dns_answer *a = next_answer(out[i].type);
		verify_answer(v, out[i].ticket, a, *now_us);
		if (steer() == 8) {
			verify_answer(v, out[i].ticket, a, *now_us);
			verify_answer(v, out[i].ticket ^ (1u << steer() * 2), a, *now_us);
		}
		out[i] = out[--n_out];
		*now_us += steer() * 1000;
	}
}

/* Lines of printable ASCII, each a field or a fold of the one above it; ours are known as ours. */
static void check_fields(const struct auth_settings *settings, struct span text)
{
	static struct msg_field fields[16];
	struct msg_header h = { .fields = fields, .fields_max = 16 };

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];

		CHECK((c >= ' ' && c < 0x7f) || c == '\t' || (c == '\r' && text.at[i + 1] == '\n') ||
		      (c == '\n' && text.at[i - 1] == '\r'));
	}
	msg_header_parse(&h, text);
	CHECK(!h.malformed && h.n_fields >= 1 && h.n_fields <= 3 && !h.too_many);
	CHECK(verify_field_is_forged(settings, msg_field_name(&h, &fields[0]), msg_field_value(&h, &fields[0])));
	for (struct span rest = text; rest.len;)
		CHECK(span_cut(&rest, '\n').len <= 998);
}

static void check_results(const struct auth_settings *settings, const struct verify *v)
{
	static struct settings policy = { .policy_dmarc_reject = "reject",
					  .policy_dmarc_quarantine = "quarantine",
					  .policy_temperror = "defer",
					  .policy_bad_from = "reject" };
	static char room[FIELDS_ROOM];
	struct text text;
	struct verdict verdict;

	text_init(&text, room, sizeof(room));
	verify_fields(v, &text);
	CHECK(!text.full);
	check_fields(settings, text_span(&text));
	verdict_of(&verdict, &policy, v);
	for (const char *c = verdict.text; *c; c++)
		CHECK(*c >= ' ' && *c <= '~');
	/* DMARC passes only with something that passed, and refuses only under a policy. */
	CHECK(v->dmarc.result != DMARC_RESULT_PASS || v->dmarc.spf_aligned || v->dmarc.dkim_aligned);
	CHECK(verdict.action != VERDICT_REJECT || v->from.error != FROM_OK || v->dmarc.policy == DMARC_POLICY_REJECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_ops sums = { .sha256_init = sum_init,
					      .sha256_update = sum_update,
					      .sha256_final = sum_final_256,
					      .sha1_init = sum_init,
					      .sha1_update = sum_update,
					      .sha1_final = sum_final };
	static const char *const trusted[] = { "lists.example", NULL };
	static struct stats stats;
	static struct verify v;
	struct span rest = span_of(data, size);
	struct auth_client client = { .ip = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }), .now_unix = 1700000000 };
	struct auth_settings settings = auth_settings_default();
	uint64_t now_us = 1000000;

	client.helo = span_cut(&rest, '\n');
	client.mail_from = span_cut(&rest, '\n');
	client.has_mail_from = !span_eq(client.mail_from, SPAN("-"));
	steering = span_cut(&rest, '\n');
	n_steered = 0;
	struct span message = wire(cut_message(&rest));
	answers = answers_left = rest.at ? rest : SPAN("");
	settings.hash = &sums;
	settings.to_ascii = to_ascii;
	settings.organizational = organizational;
	settings.stats = &stats;
	settings.received_spf = true;
	settings.arc_trusted = trusted;
	settings.dmarc_rfc7489 = steer() == 7;
	verify_begin(&v, &settings, &client, NULL, now_us);
	give_message(&v, message, now_us);
	drive(&v, &now_us);
	check_results(&settings, &v);
	return 0;
}
