// SPDX-License-Identifier: MIT
/*
 * impair_box.c - what middleboxes do to segments
 */
#include "dataplane/net/checksum.h"
#include "tests/impair/impair_box.h"

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };
enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACK_PERMITTED, OPT_SACK, OPT_STAMPS = 8 };

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_v4(const uint8_t *frame)
{
	return frame[12] == 0x08;
}

static void put_sum(uint8_t *field, uint64_t sum)
{
	uint16_t folded = (uint16_t)~checksum_fold(sum);

	memcpy(field, &folded, 2);
}

static uint64_t pseudo(const uint8_t *frame, uint8_t protocol, size_t len)
{
	const uint8_t *ip = frame + IMPAIR_ETH;
	struct ip_addr source = is_v4(frame) ? ip_addr_of4(ip + 12) : ip_addr_of6(ip + 8);
	struct ip_addr destination = is_v4(frame) ? ip_addr_of4(ip + 16) : ip_addr_of6(ip + 24);

	return checksum_pseudo(&source, &destination, protocol, len);
}

void impair_box_sum(uint8_t *frame, const struct impair_view *v)
{
	size_t n = v->end - v->tcp;

	put16(frame + v->tcp + 16, 0);
	put_sum(frame + v->tcp + 16, checksum_add(pseudo(frame, 6, n), span_of(frame + v->tcp, n)));
}

static void ip4_sum(uint8_t *ip)
{
	put16(ip + 10, 0);
	put_sum(ip + 10, checksum_add(0, span_of(ip, 4 * (size_t)(ip[0] & 15))));
}

/* The packet in @frame has @n octets behind its IP header now. */
static void set_length(uint8_t *frame, size_t n)
{
	uint8_t *ip = frame + IMPAIR_ETH;

	if (is_v4(frame)) {
		put16(ip + 2, 4 * (size_t)(ip[0] & 15) + n);
		ip4_sum(ip);
	} else {
		put16(ip + 4, n);
	}
}

/* --- rewriting ----------------------------------------------------------------------------- */

/* By how much the numbers of the sender in @direction are moved. */
static uint32_t shift_of(const struct impair *m, unsigned direction, const struct impair_view *v)
{
	uint64_t h = impair_mix(m->seed, 4711 + direction);

	if (!m->harm[direction].shift)
		return 0;
	for (size_t i = 0; i + 4 <= sizeof(v->key); i += 4)
		h = impair_mix(h, get32(v->key + i));
	return (uint32_t)h;
}

static void option(const struct impair_harm *h, uint8_t *at, size_t len, uint8_t flags, uint32_t back)
{
	uint32_t strip = at[0] == OPT_SACK_PERMITTED ? IMPAIR_STRIP_SACK
			 : at[0] == OPT_STAMPS       ? IMPAIR_STRIP_STAMPS
			 : at[0] == OPT_WSCALE       ? IMPAIR_STRIP_WSCALE
			 : at[0] == OPT_MSS          ? IMPAIR_STRIP_MSS
						     : 0;

	if (flags & SYN && h->strip & strip)
		memset(at, OPT_NOP, len);
	else if (flags & SYN && at[0] == OPT_MSS && len == 4 && h->clamp_mss && get32(at) % 65536 > h->clamp_mss)
		put16(at + 2, h->clamp_mss);
	else if (at[0] == OPT_SACK && !h->shift_keeps_sack)
		for (size_t i = 2; i + 4 <= len; i += 4)
			put32(at + i, get32(at + i) - back);
}

void impair_box(const struct impair *m, unsigned direction, uint8_t *frame, const struct impair_view *v)
{
	const struct impair_harm *h = &m->harm[direction];
	uint8_t *tcp = frame + v->tcp, *ip = frame + IMPAIR_ETH;
	uint32_t ahead = shift_of(m, direction, v), back = shift_of(m, 1 - direction, v);

	if (!h->strip && !h->clamp_mss && !ahead && !back && !h->clear_urg && !h->bleach)
		return;
	put32(tcp + 4, get32(tcp + 4) + ahead);
	if (v->flags & ACK)
		put32(tcp + 8, get32(tcp + 8) - back);
	for (size_t i = v->tcp + 20, len; i < v->data && frame[i] != OPT_END; i += len) {
		len = frame[i] == OPT_NOP ? 1 : i + 1 < v->data ? frame[i + 1] : 0;
		if (len == 0 || i + len > v->data)
			break;
		if (len > 1)
			option(h, frame + i, len, v->flags, back);
	}
	if (h->clear_urg) {
		tcp[13] &= (uint8_t)~URG;
		put16(tcp + 18, 0);
	}
	if (h->bleach) {
		tcp[12] &= 0xfe;
		tcp[13] &= (uint8_t) ~(ECE | CWR);
		if (is_v4(frame)) {
			ip[1] &= 0xfc;
			ip4_sum(ip);
		} else {
			ip[1] &= 0xcf;
		}
	}
	impair_box_sum(frame, v);
}

/* --- cutting, joining, inventing ----------------------------------------------------------- */

/* Ends the frame behind @n octets of data. */
static size_t finish(uint8_t *frame, size_t tcp, size_t data, size_t n)
{
	struct impair_view v = { .tcp = tcp, .data = data, .end = data + n };

	set_length(frame, v.end - tcp);
	impair_box_sum(frame, &v);
	return v.end;
}

void impair_box_split(struct span frame, const struct impair_view *v, uint32_t n, uint8_t *first, size_t *first_len,
		      uint8_t *second, size_t *second_len)
{
	memcpy(first, frame.at, v->data + n);
	first[v->tcp + 13] &= (uint8_t) ~(FIN | PSH);
	*first_len = finish(first, v->tcp, v->data, n);
	memcpy(second, frame.at, v->data);
	memcpy(second + v->data, frame.at + v->data + n, v->len - n);
	put32(second + v->tcp + 4, v->seq + n);
	*second_len = finish(second, v->tcp, v->data, v->len - n);
}

bool impair_box_join(uint8_t *frame, size_t *len, size_t cap, struct span next)
{
	struct impair_view a, b;

	if (!impair_look(span_of(frame, *len), &a) || !impair_look(next, &b) || !a.len || !b.len ||
	    a.swapped != b.swapped || memcmp(a.key, b.key, sizeof(a.key)) != 0 || a.seq + a.len != b.seq ||
	    a.flags & FIN || ((a.flags ^ b.flags) & ~(PSH | FIN)) || a.data - a.tcp != b.data - b.tcp ||
	    memcmp(frame + a.tcp + 8, next.at + b.tcp + 8, 4) != 0 || a.end + b.len > cap)
		return false;
	memcpy(frame + a.end, next.at + b.data, b.len);
	frame[a.tcp + 13] |= b.flags;
	*len = finish(frame, a.tcp, a.data, (size_t)a.len + b.len);
	return true;
}

size_t impair_box_inject(struct span frame, const struct impair_view *v, uint8_t flags, uint32_t seq, uint8_t *out)
{
	memcpy(out, frame.at, v->tcp + 20);
	put32(out + v->tcp + 4, seq);
	out[v->tcp + 12] = 0x50;
	out[v->tcp + 13] = flags;
	return finish(out, v->tcp, v->tcp + 20, 0);
}

size_t impair_box_too_big(struct span frame, uint32_t mtu, uint8_t *out)
{
	const uint8_t *ip = frame.at + IMPAIR_ETH;
	bool v4 = is_v4(frame.at);
	size_t header = v4 ? 20 : 40, icmp = IMPAIR_ETH + header, quoted = (v4 ? 4 * (size_t)(ip[0] & 15) : 40) + 28;

	memset(out, 0, IMPAIR_TOO_BIG);
	memcpy(out, frame.at + 6, 6);
	memcpy(out + 6, frame.at, 6);
	memcpy(out + 12, frame.at + 12, 2);
	quoted = quoted < frame.len - IMPAIR_ETH ? quoted : frame.len - IMPAIR_ETH;
	memcpy(out + icmp + 8, ip, quoted);
	put16(out + icmp + (v4 ? 6 : 4), v4 ? mtu : 0);
	if (v4) {
		const uint8_t begin[] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1 };

		memcpy(out + IMPAIR_ETH, begin, sizeof(begin));
		memcpy(out + IMPAIR_ETH + 12, ip + 16, 4);
		memcpy(out + IMPAIR_ETH + 16, ip + 12, 4);
		out[icmp] = 3; /* unreachable, fragmentation needed */
		out[icmp + 1] = 4;
		set_length(out, 8 + quoted);
		put_sum(out + icmp + 2, checksum_add(0, span_of(out + icmp, 8 + quoted)));
	} else {
		out[IMPAIR_ETH] = 0x60;
		out[IMPAIR_ETH + 6] = 58;
		out[IMPAIR_ETH + 7] = 64;
		memcpy(out + IMPAIR_ETH + 8, ip + 24, 16);
		memcpy(out + IMPAIR_ETH + 24, ip + 8, 16);
		out[icmp] = 2; /* too big */
		put32(out + icmp + 4, mtu);
		set_length(out, 8 + quoted);
		put_sum(out + icmp + 2, checksum_add(pseudo(out, 58, 8 + quoted), span_of(out + icmp, 8 + quoted)));
	}
	return icmp + 8 + quoted;
}
