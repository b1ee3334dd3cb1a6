// SPDX-License-Identifier: MIT
/*
 * fuzz_arc.c - a hostile chain, a hostile key record, and verdicts and order as the input says
 *
 * Input: an octet of flags, one of verdicts, then a key record, NUL, and the message.  The hash is a constant, so
 * that bh=AAAA... is right and all states are met.
 */
#include "dataplane/auth/arc.h"
#include "tests/fuzz/dkim/null_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct stats stats;
static struct arc arc;
static struct msg_field fields[500];
static _Alignas(8) uint8_t room[70000];
static unsigned n_asked;

static void answer_all(struct span record, unsigned flags)
{
	struct dns_question q;
	unsigned slot;

	while (arc_question(&arc, &slot, &q)) {
		struct dns_answer *a = dns_answer_init(room, sizeof(room), (enum dns_rcode)((flags & 7) % 5), 60);

		if (a->rcode == DNS_NOERROR && !dns_answer_add(a, sizeof(room), record))
			a->rcode = DNS_NODATA;
		CHECK(++n_asked <= 51 && q.type == DNS_TXT && q.len > 0);
		if (!(flags & 32) || n_asked % 3)
			arc_answer(&arc, slot, a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const trusted[] = { "example.org", NULL };
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
	settings.arc_trusted = trusted;
	struct span rest = span_of(data + 2, size - 2);
	struct span record = span_cut(&rest, 0);
	struct span message = rest.at ? rest : span_of(data, 0);
	size_t body = msg_header_end(message, 0, &header_len);

	if (body == SPAN_NONE)
		body = header_len = message.len;
	text_init(&explain.text, told, sizeof(told));
	msg_header_parse(&h, span_head(message, header_len));
	n_asked = 0;
	arc_begin(&arc, &settings, &h, NULL, 1700000000, &explain);
	if (!(data[0] & 16))
		answer_all(record, data[0]);
	arc_body(&arc, span_skip(message, body));
	arc_body_end(&arc);
	answer_all(record, data[0]);
	for (unsigned n = 0; (job = arc_job(&arc)); n++) {
		CHECK(n < 51 && job->key_len <= CRYPTO_KEY_MAX && job->sig_len <= CRYPTO_SIG_MAX);
		job->verdict = (uint8_t)(n < data[1] ? CRYPTO_PASS : (data[1] + n) % 7);
		arc_job_done(&arc, job);
		answer_all(record, data[0]);
	}
	arc_give_up(&arc);
	CHECK(arc_done(&arc) && arc.reason && arc.instance <= ARC_SETS_MAX);
	CHECK(arc.result != ARC_RESULT_NONE || arc.instance == 0);
	CHECK(arc.result != ARC_RESULT_PASS || n_asked == arc.instance + 1);
	CHECK(!arc.trusted || (arc.result == ARC_RESULT_PASS && arc.covers_from));
	return 0;
}
