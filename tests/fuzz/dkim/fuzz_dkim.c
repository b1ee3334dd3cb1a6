// SPDX-License-Identifier: MIT
/*
 * fuzz_dkim.c - a hostile message, hostile key records, and verdicts and order as the input says
 *
 * Input: an octet of flags, one of verdicts, then a key record, NUL, another one, NUL, and the message.  The hash
 * is a constant, so that bh=AAAA... is right and all states are met.
 */
#include "dataplane/auth/dkim.h"
#include "tests/fuzz/dkim/null_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct stats stats;
static struct dkim dkim;
static struct msg_field fields[500];
static _Alignas(8) uint8_t room[70000];

static const struct dns_answer *answer_of(struct span first, struct span second, unsigned flags)
{
	struct dns_answer *a = dns_answer_init(room, sizeof(room), (enum dns_rcode)((flags & 7) % 5), 60);

	if (a->rcode == DNS_NOERROR &&
	    (!dns_answer_add(a, sizeof(room), first) || (second.len && !dns_answer_add(a, sizeof(room), second))))
		a->rcode = DNS_NODATA;
	return a;
}

static void answer_all(const struct dns_answer *a)
{
	struct dns_question q;
	unsigned slot, n = 0;

	while (dkim_question(&dkim, &slot, &q)) {
		CHECK(++n <= 10 && q.type == DNS_TXT && q.len > 0);
		dkim_answer(&dkim, slot, a);
	}
}

static void check_reports(const struct msg_header *h)
{
	size_t n = 0, n_read = 0;

	for (size_t i = 0; (i = msg_header_find(h, SPAN("DKIM-Signature"), i)) != SPAN_NONE; i++)
		n++;
	CHECK(dkim_n_reports(&dkim) == n);
	for (size_t i = 0; i < n; i++) {
		struct dkim_report r;

		dkim_report(&dkim, i, &r);
		CHECK(r.result != DKIM_RESULT_NONE && r.reason);
		CHECK((r.result == DKIM_RESULT_PASS && !r.partial) == (r.reason[0] == '\0'));
		CHECK(r.d.len == 0 || (r.d.at > h->bytes.at && r.d.at + r.d.len <= h->bytes.at + h->bytes.len));
		CHECK(r.counts == (r.result == DKIM_RESULT_PASS && !r.partial));
		n_read += r.result == DKIM_RESULT_PASS;
	}
	CHECK(n_read <= 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char told[1 << 16];
	struct auth_settings settings = auth_settings_default();
	struct msg_header h = { .fields = fields, .fields_max = 500 };
	struct explain explain;
	struct crypto_job *job;
	size_t header_len;

	if (size < 2 || size > 60000)
		return 0;
	settings.hash = &null_hash;
	settings.to_ascii = null_to_ascii;
	settings.stats = &stats;
	struct span rest = span_of(data + 2, size - 2);
	struct span first = span_cut(&rest, 0), second = rest.at ? span_cut(&rest, 0) : first;
	struct span message = rest.at ? rest : span_of(data, 0);
	size_t body = msg_header_end(message, 0, &header_len);

	if (body == SPAN_NONE)
		body = header_len = message.len;
	settings.dkim_allow_sha1 = data[0] & 8;
	text_init(&explain.text, told, sizeof(told));
	msg_header_parse(&h, span_head(message, header_len));
	dkim_begin(&dkim, &settings, &h, SPAN("example.org"), 1700000000, &explain);
	if (!(data[0] & 16))
		answer_all(answer_of(first, second, data[0]));
	size_t cut = body + (message.len - body) / 2;

	dkim_body(&dkim, span_part(message, body, cut));
	dkim_body(&dkim, span_skip(message, cut));
	dkim_body_end(&dkim);
	if (data[0] & 16)
		answer_all(answer_of(first, second, data[0]));
	dkim_give_up(&dkim);
	for (unsigned n = 0; (job = dkim_job(&dkim)); n++) {
		CHECK(n < 10 && job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
		job->verdict = (uint8_t)((data[1] + n) % 7);
		job->key_bits = data[1] & 64 ? 512 : 2048;
		dkim_job_done(&dkim, job);
	}
	CHECK(dkim_done(&dkim));
	check_reports(&h);
	return 0;
}
