// SPDX-License-Identifier: MIT
/*
 * test_impair.c - the network that harms: its verdicts are a function of what they say, and what it rewrites stays whole
 */
#include <stdlib.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/tcp_segment.h"
#include "tests/impair/impair_box.h"
#include "tests/impair/impair_line.h"
#include "tests/tap.h"

enum { FRAME = 2048, FRAMES = 4096 };

static struct impair_line *line;
static uint8_t frame[FRAME];

static struct impair_line *fresh(const char *words)
{
	static void *memory;
	unsigned from = 0, to = 1;
	char word[64];

	if (!memory)
		memory = aligned_alloc(64, (impair_line_memory(FRAMES, FRAME) + 63) & ~(size_t)63);
	line = impair_line_init(memory, FRAMES, FRAME);
	for (int n; sscanf(words, "%63s%n", word, &n) == 1; words += n)
		if (!impair_set(&line->impair, &from, &to, word))
			ok(false, "%s is a setting", word);
	return line;
}

static struct ip_addr end(bool v6, uint8_t which)
{
	return v6 ? ip_addr_of6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = which })
		  : ip_addr_of4((const uint8_t[]){ 192, 0, 2, which });
}

/* A whole frame of a segment of side @from (0 or 1). */
static struct span build(bool v6, unsigned from, struct tcp_segment s, uint32_t n_data)
{
	struct ip_addr source = end(v6, (uint8_t)(1 + from)), destination = end(v6, (uint8_t)(2 - from));
	size_t tcp = IMPAIR_ETH + (v6 ? 40 : 20), n;
	uint8_t *ip = frame + IMPAIR_ETH;
	struct impair_view v;

	memset(frame, 0, sizeof(frame));
	s.source = (uint16_t)(from ? 25 : 4000);
	s.destination = (uint16_t)(from ? 4000 : 25);
	n = tcp_segment_emit(frame + tcp, &s) + n_data;
	for (uint32_t i = 0; i < n_data; i++)
		frame[tcp + n - n_data + i] = (uint8_t)(s.seq + i);
	frame[12] = v6 ? 0x86 : 0x08;
	frame[13] = v6 ? 0xdd : 0x00;
	ip[0] = v6 ? 0x60 : 0x45;
	ip[v6 ? 4 : 2] = (uint8_t)((v6 ? n : n + 20) >> 8);
	ip[v6 ? 5 : 3] = (uint8_t)(v6 ? n : n + 20);
	ip[v6 ? 6 : 9] = 6;
	memcpy(ip + (v6 ? 8 : 12), source.bytes + (v6 ? 0 : 0), v6 ? 16 : 4);
	memcpy(ip + (v6 ? 24 : 16), destination.bytes, v6 ? 16 : 4);
	if (!impair_look(span_of(frame, tcp + n), &v))
		ok(false, "the frame is a segment");
	impair_box_sum(frame, &v);
	return span_of(frame, tcp + n);
}

static struct tcp_segment segment(uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct tcp_segment){ .flags = flags, .seq = seq, .ack = ack, .wnd = 1000, .options = TCP_OPTIONS_NONE };
}

/* What a receiver reads: OK and a good checksum, or false. */
static bool reads(struct span f, bool v6, unsigned from, struct tcp_segment *s)
{
	struct ip_addr source = end(v6, (uint8_t)(1 + from)), destination = end(v6, (uint8_t)(2 - from));
	struct impair_view v;

	if (!impair_look(f, &v))
		return false;
	struct span wire = span_of(f.at + v.tcp, v.end - v.tcp);

	return tcp_segment_parse(wire, s) == OK && tcp_segment_sum_good(&source, &destination, wire) &&
	       (v6 || checksum_fold(checksum_add(0, span_of(f.at + IMPAIR_ETH, 20))) == 0xffff ||
		f.at[IMPAIR_ETH + 10] + f.at[IMPAIR_ETH + 11] == 0);
}

/* --- verdicts ------------------------------------------------------------------------------ */

static void shares(void)
{
	const struct {
		const char *words;
		unsigned lost, copies, damaged, cut; /* of 10000, about */
	} cases[] = {
		{ "seed=1", 0, 0, 0, 0 },
		{ "seed=1 loss=10000", 1000, 0, 0, 0 },
		{ "seed=1 repeat=20000", 0, 2000, 0, 0 },
		{ "seed=1 corrupt=5000", 0, 0, 500, 0 },
		{ "seed=1 corrupt_header=5000", 0, 0, 500, 0 },
		{ "seed=1 corrupt_data=5000", 0, 0, 500, 0 },
		{ "seed=1 truncate=5000", 0, 0, 0, 500 },
		{ "seed=1 bad=1000 good=9000", 1000, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned lost = 0, copies = 0, damaged = 0, cut = 0;

		fresh(cases[i].words);
		for (uint32_t k = 0; k < 10000; k++) {
			struct span f = build(k % 2, 0, segment(TCP_ACK, k * 100, 1), 100);
			struct impair_fate fate = impair(&line->impair, 0, f, k);

			lost += fate.n == 0;
			copies += fate.n == 2;
			for (unsigned c = 0; c < fate.n; c++) {
				damaged += fate.copies[c].bit != 0;
				cut += fate.copies[c].len < f.len;
			}
		}
		unsigned got[] = { lost, copies, damaged, cut };
		unsigned want[] = { cases[i].lost, cases[i].copies, cases[i].damaged, cases[i].cut };
		bool good = true;

		for (unsigned k = 0; k < 4; k++)
			good &= got[k] >= want[k] * 8 / 10 && got[k] <= want[k] * 12 / 10;
		ok(good, "%s: of 10000 %u are lost, %u come twice, %u damaged, %u cut", cases[i].words, lost, copies,
		   damaged, cut);
	}
}

static void independence(void)
{
	uint8_t fates[2][200];
	unsigned n_same = 0, n_lost = 0;

	for (unsigned turn = 0; turn < 2; turn++) {
		fresh("seed=7 loss=30000");
		for (uint32_t k = 0; k < 200; k++) {
			uint32_t i = turn ? 199 - k : k; /* the other way round, and at other times */
			struct impair_fate fate =
				impair(&line->impair, 0, build(false, 0, segment(TCP_SYN, 99, 0), 0), 0);

			fate = impair(&line->impair, 0, build(false, 0, segment(TCP_ACK, 100 + i * 50, 1), 50),
				      turn * 1000 + k);
			fates[turn][i] = (uint8_t)fate.n;
		}
	}
	for (unsigned i = 0; i < 200; i++)
		n_same += fates[0][i] == fates[1][i];
	ok(n_same == 200, "who is lost depends neither on time nor on order");
	for (unsigned i = 0; i < 1000; i++)
		n_lost += impair(&line->impair, 0, build(false, 0, segment(TCP_ACK, 5000, 1), 50), 0).n == 0;
	ok(n_lost > 200 && n_lost < 400, "each time that a segment is sent again has a draw of its own (%u)", n_lost);
}

static void settings(void)
{
	char text[512];

	fresh("there: loss=5 mtu=1300 back: strip=3 seed=9 both: rate=77");
	impair_text(&line->impair.harm[0], text, sizeof(text));
	ok(strcmp(text, "loss=5 rate=77 mtu=1300") == 0 && line->impair.seed == 9, "there: %s", text);
	impair_text(&line->impair.harm[1], text, sizeof(text));
	ok(strcmp(text, "rate=77 strip=3") == 0, "back: %s", text);
	unsigned from = 0, to = 1;
	ok(!impair_set(&line->impair, &from, &to, "los=5") && !impair_set(&line->impair, &from, &to, "loss"),
	   "what is no setting is refused");
}

/* --- the line ------------------------------------------------------------------------------ */

static void order(void)
{
	struct impair_frame *f;
	uint64_t at_us = 0;
	unsigned n = 0;
	bool sorted = true;

	fresh("seed=3 delay_us=1000 jitter_us=5000 rate=1000000 queue_max=1000000");
	for (uint32_t k = 0; k < 500; k++)
		impair_line_put(line, k % 2, build(false, k % 2, segment(TCP_ACK, k * 10, 1), 10), k, k);
	ok(!impair_line_take(line, 999), "nothing is out before the delay");
	while ((f = impair_line_take(line, 1000000000))) {
		sorted &= f->at_us >= at_us;
		at_us = f->at_us;
		n++;
		impair_line_give(line, f);
	}
	ok(sorted && n == 500 && impair_line_due_us(line) == UINT64_MAX, "all come out, by time");
	for (uint32_t k = 0; k < FRAMES + 10; k++)
		impair_line_put(line, 0, build(false, 0, segment(TCP_ACK, k, 1), 10), 0, 0);
	ok(line->n_no_room == 10, "for what there is no room is counted");
}

/* The only frame that comes out of @words for one of side @from. */
static struct span through(const char *words, unsigned from, struct span f)
{
	static uint8_t out[FRAME];
	struct impair_frame *got;

	fresh(words);
	impair_line_put(line, from, f, 0, 0);
	got = impair_line_take(line, UINT64_MAX - 1);
	if (!got)
		return (struct span){ 0 };
	memcpy(out, got->frame, got->len);
	return span_of(out, got->len);
}

/* --- middleboxes --------------------------------------------------------------------------- */

static void boxes(bool v6)
{
	struct tcp_segment syn = segment(TCP_SYN, 1000, 0), s, back;
	int ip = v6 ? 6 : 4;

	syn.options =
		(struct tcp_options){ .mss = 1460, .wscale = 7, .sack_permitted = true, .stamped = true, .stamp = 5 };
	ok(reads(through("strip=3", 0, build(v6, 0, syn, 0)), v6, 0, &s) && !s.options.sack_permitted &&
		   !s.options.stamped && s.options.wscale == 7 && s.options.mss == 1460,
	   "IPv%d: SACK and timestamps are taken from a SYN", ip);
	ok(reads(through("strip=15", 0, build(v6, 0, syn, 0)), v6, 0, &s) && s.options.mss == 0 &&
		   s.options.wscale == TCP_WSCALE_NONE,
	   "IPv%d: all options are", ip);
	ok(reads(through("clamp_mss=500", 0, build(v6, 0, syn, 0)), v6, 0, &s) && s.options.mss == 500,
	   "IPv%d: the MSS is lowered", ip);

	/* What one direction adds the other takes away, in the acknowledgement and in its blocks. */
	ok(reads(through("seed=3 shift=1", 0, build(v6, 0, segment(TCP_ACK, 5000, 7000), 10)), v6, 0, &s) &&
		   s.seq != 5000 && s.ack != 7000,
	   "IPv%d: numbers are moved", ip);
	back = segment(TCP_ACK, s.ack, s.seq);
	back.options.n_sack = 1;
	back.options.sack[0] = (struct tcp_sack_block){ s.seq + 10, s.seq + 20 };
	bool there = reads(through("seed=3 shift=1", 1, build(v6, 1, back, 0)), v6, 1, &s);
	ok(there && s.seq == 7000 && s.ack == 5000 && s.options.sack[0].start == 5010 && s.options.sack[0].end == 5020,
	   "IPv%d: and moved back on the way back", ip);
	ok(reads(through("seed=3 shift=1 shift_keeps_sack=1", 1, build(v6, 1, back, 0)), v6, 1, &s) &&
		   s.options.sack[0].start == back.options.sack[0].start,
	   "IPv%d: but for SACK blocks, where that is wanted", ip);
	ok(reads(through("bleach=1 clear_urg=1", 0, build(v6, 0, segment(TCP_ACK | TCP_URG | 0xc0, 1, 1), 5)), v6, 0,
		 &s) &&
		   s.flags == TCP_ACK,
	   "IPv%d: URG, ECE and CWR are cleared", ip);
	ok(reads(through("forge=100000", 0, build(v6, 0, segment(TCP_ACK, 1, 1), 5)), v6, 0, &s) ||
		   !impair_look(through("forge=100000", 0, build(v6, 0, segment(TCP_ACK, 1, 1), 5)),
				&(struct impair_view){ 0 }),
	   "IPv%d: a forged header has a good checksum", ip);
}

static void cut_and_join(bool v6)
{
	uint8_t first[FRAME], second[FRAME], whole[FRAME];
	size_t n, m;
	struct impair_view v;
	struct tcp_segment s, t;
	struct span f = build(v6, 0, segment(TCP_ACK | TCP_PSH | TCP_FIN, 1000, 1), 300);
	bool same = true;

	memcpy(whole, f.at, f.len);
	impair_look(f, &v);
	for (uint32_t at = 1; at < 300; at++) {
		impair_box_split(span_of(whole, f.len), &v, at, first, &n, second, &m);
		same &= reads(span_of(first, n), v6, 0, &s) && reads(span_of(second, m), v6, 0, &t);
		same &= s.data.len == at && t.data.len == 300 - at && t.seq == 1000 + at && !(s.flags & TCP_FIN) &&
			t.flags & TCP_FIN;
		same &= impair_box_join(first, &n, FRAME, span_of(second, m)) && n == f.len &&
			reads(span_of(first, n), v6, 0, &s) && memcmp(first + v.data, whole + v.data, v.len) == 0;
	}
	ok(same, "IPv%d: a segment that is cut anywhere and joined again is what it was", v6 ? 6 : 4);
	n = f.len;
	ok(!impair_box_join(whole, &n, FRAME, span_of(second, m)), "what does not follow is not joined");

	unsigned n_out = 0, octets = 0;
	struct impair_frame *got;

	fresh("seed=5 delay_us=100 split=50000 merge=50000");
	for (uint32_t k = 0; k < 100; k++)
		impair_line_put(line, 0, build(v6, 0, segment(TCP_ACK, 1000 + k * 100, 1), 100), 0, 0);
	while ((got = impair_line_take(line, 100))) {
		same &= reads(span_of(got->frame, got->len), v6, 0, &s) && s.data.at[0] == (uint8_t)s.seq;
		n_out++;
		octets += (unsigned)s.data.len;
		impair_line_give(line, got);
	}
	ok(same && octets == 10000 && n_out != 100, "IPv%d: 100 segments come out as %u, octets and checksums right",
	   v6 ? 6 : 4, n_out);
}

static void too_big(bool v6)
{
	struct span f = build(v6, 0, segment(TCP_ACK, 1000, 1), 1400);
	struct impair_frame *got;
	size_t icmp = IMPAIR_ETH + (v6 ? 40 : 20);

	fresh("mtu=1300 mtu_tell=1");
	impair_line_put(line, 0, f, 0, 0);
	got = impair_line_take(line, 0);
	if (!ok(got && got->direction == 1, "IPv%d: what is too big is told back", v6 ? 6 : 4))
		return;
	struct ip_addr source = end(v6, 2), destination = end(v6, 1);
	struct span message = span_of(got->frame + icmp, got->len - icmp);
	uint64_t sum = v6 ? checksum_pseudo(&source, &destination, 58, message.len) : 0;

	ok(checksum_fold(checksum_add(sum, message)) == 0xffff && message.at[0] == (v6 ? 2 : 3) &&
		   (message.at[6] << 8 | message.at[7]) == 1300,
	   "IPv%d: with the MTU and a good checksum", v6 ? 6 : 4);
	ok(memcmp(message.at + 8, f.at + IMPAIR_ETH, 40) == 0, "IPv%d: about that packet", v6 ? 6 : 4);
}

static void injected(void)
{
	struct impair_frame *got;
	struct tcp_segment s = { 0 };
	unsigned n_rst = 0, n = 0;

	fresh("inject_rst=100000");
	impair_line_put(line, 0, build(false, 0, segment(TCP_ACK, 1000, 1), 10), 0, 0);
	for (; (got = impair_line_take(line, 0)); n++) {
		n_rst += reads(span_of(got->frame, got->len), false, 0, &s) && s.flags & TCP_RST && s.seq > 1010 &&
			 got->touched;
		impair_line_give(line, got);
	}
	ok(n == 2 && n_rst == 1, "a RST behind a segment, not with the next number");
	fresh("thin=100000 delay_us=10");
	for (uint32_t k = 0; k < 5; k++)
		impair_line_put(line, 0, build(false, 0, segment(TCP_ACK, 1000, 100 + k), 0), 0, 0);
	for (n = 0; (got = impair_line_take(line, 10)); n++) {
		reads(span_of(got->frame, got->len), false, 0, &s);
		impair_line_give(line, got);
	}
	ok(n == 1 && s.ack == 104, "of five ACKs in a row the last one remains");
}

int main(void)
{
	shares();
	independence();
	settings();
	order();
	for (unsigned v6 = 0; v6 < 2; v6++) {
		boxes(v6);
		cut_and_join(v6);
		too_big(v6);
	}
	injected();
	return done();
}
