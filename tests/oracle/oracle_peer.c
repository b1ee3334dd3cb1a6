// SPDX-License-Identifier: MIT
/*
 * oracle_peer.c - packets out of lines, and normal forms out of packets
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/net/checksum.h"
#include "dataplane/net/tcp_seq.h"
#include "tests/oracle/oracle.h"
#include "tests/unit/net/tcp_script_words.h"

uint8_t oracle_octet(uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251 + 3);
}

struct oracle_peer oracle_peer(unsigned index)
{
	return (struct oracle_peer){
		.stack = ip_addr_of4((const uint8_t[]){ 192, 0, 2, 1 }),
		.peer = ip_addr_of4(
			(const uint8_t[]){ 198, 51, (uint8_t)(100 + index / 200), (uint8_t)(1 + index % 200) }),
		.stack_port = 25,
		.peer_port = (uint16_t)(30000 + index),
		.peer_isn = 0xfffffff0u + index * 1000,
		.wnd = 65535,
		.peer_stamp = 1000,
	};
}

void oracle_user(struct oracle_record *r, const char *state, uint32_t n_read, bool wrong)
{
	snprintf(r->user, sizeof(r->user), "%s, %" PRIu32 " octets%s", state, n_read, wrong ? ", wrong ones" : "");
}

/* --- lines to packets ---------------------------------------------------------------------- */

/* The number behind @word in @line, or @otherwise. */
static uint32_t word_of(const char *line, const char *word, uint32_t otherwise)
{
	char padded[32];
	const char *at;

	snprintf(padded, sizeof(padded), " %s ", word);
	at = strstr(line, padded);
	return at ? (uint32_t)strtoul(at + strlen(padded), NULL, 10) : otherwise;
}

static size_t raw_options(const char *line, uint8_t *out)
{
	const char *at = strstr(line, " opt ");
	size_t n = 0;
	unsigned octet;

	for (at = at ? at + 5 : ""; n < TCP_OPTIONS_MAX && sscanf(at, "%2x", &octet) == 1; at += 2)
		out[n++] = (uint8_t)octet;
	return n;
}

static struct tcp_segment segment_of(struct oracle_peer *p, const char *line, const struct play_segment *in)
{
	struct tcp_segment s = {
		.source = p->peer_port,
		.destination = (uint16_t)word_of(line, "port", p->stack_port),
		.seq = p->peer_isn + in->seq,
		.ack = in->flags & TCP_ACK ? p->stack_isn + in->ack : 0,
		.flags = in->flags,
		.options = TCP_OPTIONS_NONE,
	};

	p->peer_fin |= in->flags & TCP_FIN;
	if (in->wnd != UINT32_MAX)
		p->wnd = (uint16_t)in->wnd;
	s.wnd = p->wnd;
	if (in->mss != UINT32_MAX)
		s.options.mss = (uint16_t)in->mss;
	if (in->ws != UINT32_MAX)
		s.options.wscale = (uint8_t)in->ws;
	if (in->ts != UINT32_MAX) {
		p->stamps = true;
		p->peer_stamp = 1000 + in->ts;
	}
	s.options.sack_permitted = in->sackok;
	s.options.stamped = p->stamps && !in->bare;
	s.options.stamp = p->peer_stamp;
	s.options.stamp_echo = !(in->flags & TCP_ACK) ? 0 : in->ecr != UINT32_MAX ? in->ecr : p->stack_stamp;
	s.options.n_sack = in->n_sack == UINT8_MAX ? 0 : in->n_sack;
	for (size_t i = 0; i < s.options.n_sack; i++)
		s.options.sack[i] =
			(struct tcp_sack_block){ p->stack_isn + in->sack[i].start, p->stack_isn + in->sack[i].end };
	return s;
}

static void put_ip(const struct oracle_peer *p, uint8_t *ip, size_t len, bool bad_sum)
{
	const uint8_t head[] = { 0x45, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 1, 0x40, 0, 64, 6, 0, 0 };
	uint16_t sum;

	memcpy(ip, head, sizeof(head));
	memcpy(ip + 12, p->peer.bytes, 4);
	memcpy(ip + 16, p->stack.bytes, 4);
	sum = (uint16_t)~checksum_fold(checksum_add(0, span_of(ip, 20)));
	memcpy(ip + 10, &sum, 2);
	ip[10] ^= bad_sum;
}

size_t oracle_packet(struct oracle_peer *p, const char *line, uint8_t out[ORACLE_PACKET])
{
	const char *rest = line + 3; /* behind "in " */
	struct play_segment in = play_segment(&rest);
	struct tcp_segment s = segment_of(p, line, &in);
	uint8_t *tcp = out + 20, raw[TCP_OPTIONS_MAX];
	size_t header = tcp_segment_emit(tcp, &s), n_raw = raw_options(line, raw), len;
	uint32_t urgent = word_of(line, "urg", 0);

	if (n_raw) {
		header = TCP_HEADER + (n_raw + 3) / 4 * 4;
		memset(tcp + TCP_HEADER, 0, TCP_OPTIONS_MAX);
		memcpy(tcp + TCP_HEADER, raw, n_raw);
		tcp[12] = (uint8_t)(header / 4 << 4);
	}
	for (uint32_t i = 0; i < in.len; i++)
		tcp[header + i] = oracle_octet(in.seq + i);
	len = header + in.len;
	tcp[12] = (uint8_t)((word_of(line, "doff", tcp[12] >> 4) << 4) | word_of(line, "reserved", 0));
	if (urgent) {
		tcp[13] |= TCP_URG;
		tcp[18] = (uint8_t)(urgent >> 8);
		tcp[19] = (uint8_t)urgent;
	}
	tcp[16] = tcp[17] = 0;
	tcp_segment_sum_fill(&p->peer, &p->stack, tcp, len, false);
	tcp[16] ^= (uint8_t)word_of(line, "badsum", 0);
	len -= word_of(line, "cut", 0);
	put_ip(p, out, 20 + len, word_of(line, "badip", 0));
	return 20 + len;
}

/* --- packets to normal forms --------------------------------------------------------------- */

static void take_data(struct oracle_peer *p, const struct tcp_segment *s)
{
	struct oracle_answer *a = &p->answer;
	uint32_t end = s->seq + tcp_segment_len(s), from = seq_max(s->seq, p->stack_max);

	if (seq_lt(s->seq, p->stack_max))
		a->again = true;
	if (seq_le(end, p->stack_max))
		return;
	uint32_t data_end = s->seq + (uint32_t)s->data.len;

	if (seq_gt(data_end, from)) {
		if (a->data_from == a->data_to)
			a->data_from = from;
		a->data_to = data_end;
	}
	if (s->flags & TCP_FIN) {
		a->fin = true;
		a->fin_seq = data_end;
	}
	p->stack_max = end;
}

bool oracle_take(struct oracle_peer *p, struct span packet)
{
	struct oracle_answer *a = &p->answer;
	struct tcp_segment s;

	if (packet.len < 40 || packet.at[9] != 6 || memcmp(packet.at + 12, p->stack.bytes, 4) != 0 ||
	    memcmp(packet.at + 16, p->peer.bytes, 4) != 0 ||
	    tcp_segment_parse(span_skip(packet, 4 * (size_t)(packet.at[0] & 15)), &s) != OK)
		return false;
	if (s.destination != p->peer_port && s.destination != 4000)
		return false;
	a->any = true;
	if (s.options.stamped)
		p->stack_stamp = s.options.stamp;
	if (s.flags & TCP_RST) {
		a->n_rst++;
		a->rst_seq = s.seq;
		a->rst_ack = s.ack;
		a->rst_acks = s.flags & TCP_ACK;
		return true;
	}
	if (s.flags & TCP_SYN && (!p->stack_isn_known || s.flags & TCP_ACK)) {
		if (!p->stack_isn_known) {
			p->stack_isn = s.seq;
			p->stack_max = s.seq;
		}
		p->stack_isn_known = true;
		p->stack_port = s.source;
		p->peer_port = s.destination;
		a->syn = true;
	}
	/* What a timer sends again says nothing new, unless it bears an ACK of more, or is what is looked for. */
	if (!p->watched && tcp_segment_len(&s) && p->stack_max != s.seq &&
	    seq_le(s.seq + tcp_segment_len(&s), p->stack_max) && s.ack == p->stack_ack)
		return true;
	p->stack_ack = s.ack;
	take_data(p, &s);
	a->options = s.options;
	a->closed = s.wnd == 0;
	if (s.flags & TCP_ACK) {
		a->ack_known = true;
		a->ack = s.ack;
	}
	return true;
}

static void add(char out[ORACLE_TEXT], const char *format, ...)
{
	size_t n = strlen(out);
	__builtin_va_list args;

	__builtin_va_start(args, format);
	vsnprintf(out + n, ORACLE_TEXT - n, format, args);
	__builtin_va_end(args);
}

void oracle_text(struct oracle_peer *p, char out[ORACLE_TEXT])
{
	const struct oracle_answer *a = &p->answer;
	uint32_t ours = p->stack_isn, theirs = p->peer_isn;

	out[0] = '\0';
	if (a->syn)
		add(out, " SYN mss %u%s%s%s", a->options.mss, a->options.sack_permitted ? " sackok" : "",
		    a->options.stamped ? " ts" : "", a->options.wscale != TCP_WSCALE_NONE ? " ws" : "");
	if (a->data_from != a->data_to)
		add(out, " data %" PRIu32 "-%" PRIu32, a->data_from - ours, a->data_to - ours);
	if (a->fin)
		add(out, " FIN %" PRIu32, a->fin_seq - ours);
	if (a->ack_known)
		add(out, " ack %" PRIu32, a->ack - theirs);
	for (unsigned i = 0; i < a->options.n_sack; i++)
		add(out, "%s%" PRIu32 "-%" PRIu32, i ? "," : " sack ", a->options.sack[i].start - theirs,
		    a->options.sack[i].end - theirs);
	if (a->ack_known && a->closed && !p->peer_fin)
		add(out, " closed");
	if (a->n_rst) /* the answer to what has no ACK has the number 0 (RFC 9293 3.5.2) */
		add(out, " RST %" PRIu32, a->rst_seq ? a->rst_seq - ours : 0);
	if (a->n_rst && a->rst_acks)
		add(out, " ack %" PRIu32, a->rst_ack - theirs);
	if (a->again && p->watched)
		add(out, " again");
	if (!out[0])
		add(out, " -");
	memmove(out, out + 1, strlen(out));
	p->answer = (struct oracle_answer){ 0 };
}
