// SPDX-License-Identifier: MIT
/*
 * load_flood.c - SYN after SYN from addresses that do not exist
 */
#include "tools/load/load_flood.h"

enum { ETH = 14, IP = 20, TCP_LEN = 28 };

static uint64_t random_next(struct load_flood *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

void load_flood_init(struct load_flood *f, const struct net_if_settings *own, const struct ip_addr *target,
		     uint16_t port, uint64_t seed)
{
	uint8_t *ip = f->frame + ETH, *tcp = ip + IP;

	memset(f, 0, sizeof(*f));
	f->random = seed | 1;
	f->target = *target;
	memcpy(f->frame + 6, own->mac, 6);
	put16(f->frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, IP + TCP_LEN);
	put16(ip + 6, 0x4000); /* DF */
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 16, target->bytes, 4);
	put16(tcp + 2, port);
	tcp[12] = TCP_LEN / 4 << 4;
	tcp[13] = 0x02; /* SYN */
	put16(tcp + 14, 64240);
	tcp[20] = 2; /* MSS */
	tcp[21] = 4;
	put16(tcp + 22, 1460);
	tcp[24] = 1; /* NOP */
	tcp[25] = 3; /* window scale */
	tcp[26] = 3;
	tcp[27] = 7;
}

bool load_flood_takes(struct load_flood *f, struct span frame)
{
	const uint8_t *at = frame.at;

	if (frame.len < ETH + 28)
		return false;
	/* An ARP frame whose sender is the target: the stack learns it too. */
	if (get16(at + 12) == 0x0806 && memcmp(at + ETH + 14, f->target.bytes, 4) == 0) {
		memcpy(f->frame, at + 6, 6);
		f->target_known = true;
		return false;
	}
	if (get16(at + 12) != 0x0800 || at[ETH + 16] < FLOOD_FIRST || at[ETH + 16] > FLOOD_LAST)
		return false;
	f->n_answers++;
	return true;
}

static uint32_t sum(uint32_t total, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		total += get16(at + i);
	return total;
}

static unsigned folded(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total & 0xffff;
}

bool load_flood_next(struct load_flood *f, struct net_frame *frame)
{
	uint8_t *ip = f->frame + ETH, *tcp = ip + IP;
	uint64_t r = random_next(f);
	const size_t len = ETH + IP + TCP_LEN;

	if (!f->target_known || frame->cap < len)
		return false;
	ip[12] = (uint8_t)(FLOOD_FIRST + (r & 0xff) % (FLOOD_LAST - FLOOD_FIRST + 1));
	ip[13] = (uint8_t)(r >> 8);
	ip[14] = (uint8_t)(r >> 16);
	ip[15] = (uint8_t)(r >> 24 | 1);
	put16(tcp, 1024 + (unsigned)(r >> 32 & 0x7fff));
	r = random_next(f);
	memcpy(tcp + 4, &r, 4);
	put16(ip + 10, 0);
	put16(ip + 10, folded(sum(0, ip, IP)));
	put16(tcp + 16, 0);
	put16(tcp + 16, folded(sum(sum(6 + TCP_LEN, ip + 12, 8), tcp, TCP_LEN)));
	memcpy(frame->at, f->frame, len);
	frame->len = len;
	frame->ifindex = 0;
	frame->l2_len = frame->l3_len = frame->l4_len = 0;
	frame->family = IP_NONE;
	return true;
}
