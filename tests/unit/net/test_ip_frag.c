// SPDX-License-Identifier: MIT
/*
 * test_ip_frag.c - fragments: put together beside a twin, and every way to spoil them (RFC 5722, RFC 8200 4.5)
 */
#include "dataplane/net/ip_frag.h"
#include "tests/unit/net/net_bench.h"

#define CAP 1500
#define FROM "c6336407" /* 198.51.100.7 */
#define OURS "c0000219"
#define FROM6 "20010db8000000ff0000000000000007"
#define OURS6 "20010db8000000000000000000000025"
#define TO0 MAC0 GATEWAY "0800"
#define V6 MAC0 GATEWAY "86dd"
#define FIRST "0401 0019 00000001 00000000 5010 ffff 0000 0000 61626364" /* 24 octets */

static struct ip_frags f;
static struct stats stats;
static void *memory;
static uint8_t whole[CAP];

static void start(void)
{
	static const struct siphash_key key = { 3, 4 };

	free(memory);
	memory = malloc(ip_frag_memory(CAP));
	memset(memory, 0xa5, ip_frag_memory(CAP));
	memset(&stats, 0, sizeof(stats));
	ip_frag_init(&f, memory, CAP, &key, &stats);
	for (size_t i = 0; i < CAP; i++)
		whole[i] = (uint8_t)(i * 7 + i / 256);
}

static struct ip_packet piece(uint8_t source, uint32_t id, size_t from, size_t to, bool more)
{
	return (struct ip_packet){ .source = ip_addr_of4((const uint8_t[]){ 198, 51, 100, source }),
				   .destination = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 25 }),
				   .protocol = IP_PROTO_TCP,
				   .fragment_id = id,
				   .fragment_at = (uint16_t)from,
				   .more_fragments = more,
				   .payload = span_of(whole + from, to - from) };
}

/* From exactly as much memory as there is. */
static struct span put(struct ip_packet p, uint64_t now_us)
{
	uint8_t *exact = malloc(p.payload.len ? p.payload.len : 1);
	struct span done;

	memcpy(exact, p.payload.at, p.payload.len);
	p.payload.at = exact;
	done = ip_frag_input(&f, &p, now_us);
	free(exact);
	return done;
}

static bool is_whole(struct span s, size_t len)
{
	return s.len == len && memcmp(s.at, whole, len) == 0;
}

static void spoilt(void)
{
	/* After the first two pieces, 0-800 and 800-1200 of 1300, one more; then the true rest. */
	static const struct {
		const char *sentence;
		size_t from, to;
		bool more, other_octets, is_spoilt;
	} cases[] = {
		{ "the last one", 1200, 1300, false, false, false },
		{ "a repeated piece", 0, 800, true, false, false },
		{ "a repeated piece with other octets", 0, 800, true, true, true },
		{ "a piece that overlaps by one unit", 1192, 1208, true, false, true },
		{ "a piece that covers two", 0, 1200, true, false, false },
		{ "a piece that covers all and more", 0, 1208, true, false, true },
		{ "an end before what is there", 800, 1100, false, false, true },
		{ "an end at what is there", 800, 1200, false, false, true },
		{ "a piece up to the bound", 1200, CAP & ~7u, true, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start();
		struct ip_packet p = piece(7, 1, cases[i].from, cases[i].to, cases[i].more);
		uint8_t other[CAP];
		struct span done = put(piece(7, 1, 0, 800, true), 0);

		ok(done.len == 0 && put(piece(7, 1, 800, 1200, true), 0).len == 0, "two of three pieces");
		memcpy(other, whole, CAP);
		other[cases[i].from + 5] ^= cases[i].other_octets;
		p.payload.at = other + cases[i].from;
		done = put(p, 0);
		if (!done.len && cases[i].to <= 1300)
			done = put(piece(7, 1, 1200, 1300, false), 0);
		bool good = is_whole(done, 1300) && stats.net_reassembled == 1;
		ok(stats.net_fragments_spoilt == cases[i].is_spoilt &&
			   (good || cases[i].is_spoilt || cases[i].to > 1300),
		   "  ... and %s: %s", cases[i].sentence, cases[i].is_spoilt ? "spoilt" : "good");
	}
}

static void dropped(void)
{
	struct ip_packet p;

	start();
	(void)put(piece(7, 1, 0, 16, true), 0);
	ok(stats.net_rx_fragments == 1, "a first piece that cuts the TCP header is dropped (RFC 1858)");
	(void)put(piece(7, 1, 0, 801, true), 0);
	ok(stats.net_rx_fragments == 2, "a piece of no whole units that is not the last is dropped");
	(void)put(piece(7, 1, 800, 800, false), 0);
	ok(stats.net_rx_fragments == 3, "an empty piece is dropped");
	p = piece(7, 1, 0, 800, true);
	p.protocol = IP_PROTO_ICMP4;
	(void)put(p, 0);
	ok(stats.net_rx_fragments == 4 && stats.net_fragments_kept == 0, "what is not TCP is dropped");
	p.protocol = IP_PROTO_TCP;
	p.fragment_at = 65528;
	(void)put(p, 0);
	ok(stats.net_rx_fragments == 5 && stats.net_fragments_spoilt == 1, "a piece beyond our MTU spoils its packet");
	(void)put(piece(7, 1, 0, 800, true), 0);
	ok(put(piece(7, 1, 800, 900, false), 0).len == 0, "and pieces that follow do not heal it (RFC 5722)");
	ok(put(piece(7, 2, 0, 800, true), 0).len == 0 && put(piece(7, 2, 800, 900, false), IP_FRAG_US).len == 0,
	   "after three seconds the rest comes too late");
	start();
	for (size_t i = 0; i < IP_FRAG_PIECES_MAX; i++)
		(void)put(piece(7, 1, i * 24, i * 24 + 24, true), 0);
	ok(stats.net_fragments_spoilt == 0 && put(piece(7, 1, 384, 400, false), 0).len == 0 &&
		   stats.net_fragments_spoilt == 1,
	   "more than %d pieces are too many", IP_FRAG_PIECES_MAX);
	start();
	(void)put(piece(7, 1, 0, 800, true), 0);
	p = piece(8, 1, 800, 900, false);
	ok(put(p, 0).len == 0, "another source");
	p = piece(7, 2, 800, 900, false);
	ok(put(p, 0).len == 0, "another identification");
	p = piece(7, 1, 800, 900, false);
	p.destination.bytes[3] = 26;
	ok(put(p, 0).len == 0, "another destination: none is the rest of it");
	ok(is_whole(put(piece(7, 1, 800, 900, false), 0), 900), "but the true one is");
}

static void floods(void)
{
	unsigned n_good = 0;

	start();
	(void)put(piece(7, 1, 0, 800, true), 0);
	for (uint32_t id = 100; id < 1100; id++)
		(void)put(piece(8, id, 0, 800, true), 0);
	ok(is_whole(put(piece(7, 1, 800, 900, false), 0), 900),
	   "one source with a thousand open packets does not push out those of another");
	/* Random strangers fill all of it; every packet whose pieces follow each other still gets through. */
	for (uint32_t i = 0; i < 1000; i++) {
		(void)put(piece((uint8_t)(i * 37), i, 0, 800, true), i);
		(void)put(piece(200, 5000 + i, 0, 800, true), i);
		n_good += is_whole(put(piece(200, 5000 + i, 800, 900, false), i), 900);
	}
	ok(n_good == 1000, "a full table still takes packets whose pieces come close together");
}

/* The twin: one flag for each octet.  Random cuts in random order, some repeated, some of which overlap. */
static void beside_a_twin(void)
{
	uint64_t state = 1;
	unsigned n_wrong = 0, n_done = 0, n_spoilt = 0;
#define DRAW(n) ((unsigned)((state = state * 6364136223846793005u + 1442695040888963407u) >> 33) % (n))

	start();
	for (uint32_t id = 1; id < 20000; id++) {
		static bool have[CAP];
		bool is_spoilt = false, is_done = false;
		size_t len = 24 + DRAW(CAP - 24), known_len = 0;

		memset(have, 0, sizeof(have));
		for (unsigned n = 0; n < 12 && !is_done; n++) {
			size_t units = (len + 7) / 8, a = DRAW(4) * (units / 4), b = a + units / 4 + (DRAW(40) == 0);
			bool last = DRAW(4) == 0;

			b = last ? len : b * 8;
			a *= 8;
			if (!last && b >= len)
				b = (len - 1) / 8 * 8;
			if (b <= a || (a == 0 && b < IP_FRAG_FIRST_LEAST))
				continue;
			size_t old = 0;

			for (size_t i = a; i < b; i++)
				old += have[i];
			for (size_t i = b; last && i < CAP; i++)
				is_spoilt |= have[i];
			is_spoilt |= old && (old != b - a || (last && !known_len));
			if (last)
				known_len = len;
			memset(have + a, 1, b - a);
			size_t n_have = 0;

			for (size_t i = 0; i < len; i++)
				n_have += have[i];
			bool expect = !is_spoilt && old == 0 && known_len && n_have == len;
			struct span got = put(piece(7, id, a, b, !last), id);

			n_wrong += expect != is_whole(got, len) || (!expect && got.len);
			is_done = expect;
		}
		n_done += is_done;
		n_spoilt += is_spoilt;
	}
	ok(n_wrong == 0 && n_done > 1000 && n_spoilt > 1000 && stats.net_fragments_spoilt == n_spoilt,
	   "20000 packets in random pieces: %u whole, %u spoilt, as the twin has it", n_done, n_spoilt);
}

static void in_frames(void)
{
	struct net_settings s = bench_settings();
	uint8_t segment[32];
	struct net *n = bench_net(&s);

	in(n, 0, 0, 1, TO0 "4500 002c 0007 2000 4006 0000" FROM OURS FIRST);
	ok(bench_stats.net_rx_fragments == 1, "by default a fragment is dropped");
	s.reassemble = true;
	n = bench_net(&s);
	unhex(FIRST "65666768", segment, sizeof(segment));
	in(n, 0, NET_RX_CHECKSUM_GOOD, 1, TO0 "4500 0018 0007 0003 4006 0000" FROM OURS "65666768");
	in(n, 0, NET_RX_CHECKSUM_GOOD, 1, TO0 "4500 002c 0007 2000 4006 0000" FROM OURS FIRST);
	ok(fake.n_segments == 1 && !fake.path.checksum_good, "two pieces of IPv4 reach TCP as one, to be summed there");
	is_span(span_of(fake.segment, fake.segment_len), span_of(segment, 28), "  ... with all octets");
	in(n, 0, 0, 1, V6 "60000000 0020 2c 40" FROM6 OURS6 "0600 0001 00000009" FIRST);
	in(n, 0, 0, 1, V6 "60000000 000c 2c 40" FROM6 OURS6 "0600 0018 00000009 65666768");
	ok(fake.n_segments == 2, "two pieces of IPv6 as well");
	is_span(span_of(fake.segment, fake.segment_len), span_of(segment, 28), "  ... with all octets");
	in(n, 0, 0, 1,
	   TO0 "4500 002c 0008 2000 4006 0000"
	       "0a000007" OURS FIRST);
	in(n, 0, 0, 1, TO0 "4500 002c 0008 2000 4006 0000" FROM "c000021a" FIRST);
	ok(bench_stats.net_rx_martians == 1 && bench_stats.net_rx_not_ours == 1 && bench_stats.net_fragments_kept == 4,
	   "sources and destinations are looked at before a piece is kept");
	in(n, 0, 0, 1, V6 "60000000 0020 2c 40" FROM6 OURS6 "3a00 0001 0000000a" FIRST);
	ok(bench_stats.net_rx_fragments == 1, "ICMPv6 in fragments is dropped (RFC 6980)");
	in(n, 0, 0, 1,
	   V6 "60000000 0024 2c 40" FROM6 OURS6 "2c00 0000 00000001"
	      "0600 0000 00000002" FIRST);
	ok(fake.n_segments == 3, "a fragment that is the whole packet is none (RFC 6946)");
	in(n, 0, 0, 1, V6 "60000000 0004 2c 40" FROM6 OURS6 "0600 0001");
	ok(bench_stats.net_rx_bad_header == 1, "a fragment header cut short is refused");
}

int main(void)
{
	spoilt();
	dropped();
	floods();
	beside_a_twin();
	in_frames();
	free(memory);
	free(bench_memory);
	return done();
}
