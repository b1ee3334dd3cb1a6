// SPDX-License-Identifier: MIT
/*
 * test_tcp_segment.c - headers, options, sequence numbers
 */
#include "dataplane/net/tcp_segment.h"
#include "dataplane/net/tcp_seq.h"
#include "tests/tap.h"

#define BYTES(literal)                                                                                                 \
	{                                                                                                              \
		(const uint8_t *)(literal), sizeof(literal) - 1                                                        \
	}

static const struct {
	const char *name;
	struct span in;
	enum err err;
	uint16_t mss;
	uint8_t wscale;
} options[] = {
	{ "none", BYTES(""), OK, 0, TCP_WSCALE_NONE },
	{ "MSS", BYTES("\2\4\5\xb4"), OK, 1460, TCP_WSCALE_NONE },
	{ "MSS and window scale behind padding", BYTES("\1\1\2\4\5\xb4\1\3\3\7"), OK, 1460, 7 },
	{ "window scale above 14 is 14 (RFC 7323 2.3)", BYTES("\3\3\xff"), OK, 0, 14 },
	{ "window scale 0", BYTES("\3\3\0"), OK, 0, 0 },
	{ "the end of the list hides the rest", BYTES("\0\2\4\5\xb4\2\0"), OK, 0, TCP_WSCALE_NONE },
	{ "unknown kinds are passed over", BYTES("\xfe\6abcd\2\4\0\xff"), OK, 255, TCP_WSCALE_NONE },
	{ "a known kind of another length is passed over", BYTES("\2\3\5\3\4\1\1"), OK, 0, TCP_WSCALE_NONE },
	{ "SACK, timestamps and all", BYTES("\4\2\10\12AAAABBBB\2\4\5\0"), OK, 1280, TCP_WSCALE_NONE },
	{ "length 0 does not stand still", BYTES("\2\0\5\xb4"), ERR_BAD_LENGTH, 0, 0 },
	{ "length 1 does not either", BYTES("\2\1\5\xb4"), ERR_BAD_LENGTH, 0, 0 },
	{ "unknown kind, length 0", BYTES("\xfe\0"), ERR_BAD_LENGTH, 0, 0 },
	{ "length beyond the end", BYTES("\2\5\5\xb4"), ERR_BAD_LENGTH, 0, 0 },
	{ "kind without a length", BYTES("\1\1\1\2"), ERR_BAD_LENGTH, 0, 0 },
};

static void option_table(void)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct tcp_options o = { .mss = 1, .wscale = 1 };
		enum err e = tcp_options_parse(options[i].in, &o);

		ok(e == options[i].err &&
			   (e ? o.mss == 1 && o.wscale == 1 : o.mss == options[i].mss && o.wscale == options[i].wscale),
		   "options: %s", options[i].name);
	}
}

/* SACK and timestamps beside whatever else: what is written is what is read, and four blocks shrink to what fits. */
static void option_round_trip(void)
{
	bool good = true;

	for (unsigned set = 0; set < 16; set++) {
		for (uint8_t n_sack = 0; n_sack <= TCP_SACK_BLOCKS; n_sack++) {
			struct tcp_options o = TCP_OPTIONS_NONE, back;
			uint8_t wire[TCP_OPTIONS_MAX];

			o.mss = set & 1 ? 1460 : 0;
			o.wscale = set & 2 ? 9 : TCP_WSCALE_NONE;
			o.sack_permitted = set & 4;
			o.stamped = set & 8;
			o.stamp = set & 8 ? 0xfedcba98 : 0;
			o.stamp_echo = set & 8 ? 0x76543210 : 0;
			o.n_sack = n_sack;
			for (uint32_t i = 0; i < n_sack; i++)
				o.sack[i] = (struct tcp_sack_block){ 0xfffffff0 + i, i + 7 };
			size_t n = tcp_options_emit(wire, &o);
			good = good && n <= TCP_OPTIONS_MAX && n % 4 == 0 &&
			       tcp_options_parse(span_of(wire, n), &back) == OK && back.mss == o.mss &&
			       back.wscale == o.wscale && back.sack_permitted == o.sack_permitted &&
			       back.stamped == o.stamped && back.stamp == o.stamp && back.stamp_echo == o.stamp_echo &&
			       back.n_sack <= n_sack &&
			       back.n_sack >= (set & 7      ? n_sack > 0
					       : n_sack < 4 ? n_sack
							    : 3) &&
			       memcmp(back.sack, o.sack, back.n_sack * sizeof(o.sack[0])) == 0;
		}
	}
	ok(good, "options: all of them together are read as they were written");
	struct tcp_options o;
	ok(tcp_options_parse((struct span)BYTES("\5\13AAAABBBBC"), &o) == OK && o.n_sack == 0,
	   "options: SACK of a length that is no multiple of a block is passed over");
	ok(tcp_options_parse((struct span)BYTES("\10\11AAAABBB"), &o) == OK && !o.stamped,
	   "options: timestamps of another length are passed over");
}

static void round_trip(void)
{
	const struct ip_addr a = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 });
	const struct ip_addr b = ip_addr_of6((const uint8_t[]){ 0x20, 1, 0xd, 0xb8, [15] = 1 });
	const struct tcp_segment s = { .source = 25,
				       .destination = 60000,
				       .seq = 0x12345678,
				       .ack = 0x9abcdef0,
				       .wnd = 0xfedc,
				       .flags = TCP_SYN | TCP_ACK,
				       .options = { .mss = 1460, .wscale = 7 } };
	uint8_t wire[TCP_HEADER_MAX + 5] = { 0 };
	struct tcp_segment back;
	size_t n = tcp_segment_emit(wire, &s);
	bool flips = true;

	ok(n == 28 && tcp_segment_parse(span_of(wire, n), &back) == OK && back.source == 25 &&
		   back.destination == 60000 && back.seq == s.seq && back.ack == s.ack && back.wnd == s.wnd &&
		   back.flags == s.flags && back.options.mss == 1460 && back.options.wscale == 7 && back.data.len == 0,
	   "what is written is what is read");
	memcpy(wire + n, "EHLO", 5);
	tcp_segment_sum_fill(&b, &b, wire, n + 5, false);
	ok(tcp_segment_sum_good(&b, &b, span_of(wire, n + 5)), "the checksum is right, odd length, IPv6");
	wire[16] = wire[17] = 0;
	tcp_segment_sum_fill(&a, &a, wire, n + 5, false);
	ok(tcp_segment_sum_good(&a, &a, span_of(wire, n + 5)), "the checksum is right, IPv4");
	for (size_t bit = 0; bit < 8 * (n + 5); bit++) {
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		flips = flips && !tcp_segment_sum_good(&a, &a, span_of(wire, n + 5));
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ok(flips, "and wrong after any flip of a bit");
	uint8_t whole[2] = { wire[16], wire[17] };
	wire[16] = wire[17] = 0;
	tcp_segment_sum_fill(&a, &a, wire, n + 5, true);
	/* What a NIC does: sum the segment with what stands in the field, complement. */
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < n + 5; i += 2)
		sum += (uint32_t)(wire[i] << 8 | wire[i + 1]);
	sum += (uint32_t)wire[n + 4] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	ok(sum == (uint32_t)(whole[0] << 8 | whole[1]), "offload: the field holds the sum of the pseudo-header");
}

static void sequence(void)
{
	ok(seq_lt(0xfffffff0, 5) && seq_gt(5, 0xfffffff0) && !seq_lt(5, 5) && seq_le(5, 5) && seq_ge(5, 5),
	   "sequence numbers compare across the wrap");
	ok(seq_max(0xfffffff0, 5) == 5 && seq_min(0xfffffff0, 5) == 0xfffffff0,
	   "so do the greater and the smaller of two");
	ok(seq_past(0xfffffffe, 3) == 5 && seq_past(3, 0xfffffffe) == 0, "and distances, which are never negative");
}

int main(void)
{
	option_table();
	option_round_trip();
	round_trip();
	sequence();
	return done();
}
