// SPDX-License-Identifier: MIT
/*
 * tcp_script_words.h - the words of a line of tcp_script.h
 */
#ifndef TCP_SCRIPT_WORDS_H
#define TCP_SCRIPT_WORDS_H

#include <stdlib.h>

#include "dataplane/net/tcp_segment.h"
#include "tests/tap.h"

static const char *play_word(const char **line, char out[64])
{
	size_t n = 0;

	while (**line == ' ')
		++*line;
	while (**line && **line != ' ' && n < 63)
		out[n++] = *(*line)++;
	out[n] = '\0';
	return out;
}

static uint32_t play_number(const char **line)
{
	char word[64];

	return (uint32_t)strtoul(play_word(line, word), NULL, 10);
}

static uint8_t play_flags(const char *word)
{
	uint8_t flags = 0;

	for (; *word; word++)
		flags |= (uint8_t)(*word == 'S'   ? TCP_SYN
				   : *word == 'E' ? 0x40 /* ECE */
				   : *word == 'C' ? 0x80 /* CWR */
				   : *word == 'F' ? TCP_FIN
				   : *word == 'R' ? TCP_RST
				   : *word == 'P' ? TCP_PSH
				   : *word == '.' ? TCP_ACK
						  : 0);
	return flags;
}

__attribute__((unused)) static const char *play_flags_text(uint8_t flags)
{
	static char text[8];
	size_t n = 0;

	for (const char *c = "SFRP."; *c; c++)
		if (flags & play_flags((char[]){ *c, '\0' }))
			text[n++] = *c;
	text[n] = '\0';
	return text;
}

struct play_segment {
	uint8_t flags;
	uint32_t seq, len, ack;
	uint32_t wnd, mss, ws, ts, ecr; /* UINT32_MAX: not said */
	bool sackok, bare, ae;
	uint8_t n_sack; /* UINT8_MAX: not said */
	struct tcp_sack_block sack[TCP_SACK_BLOCKS];
};

static void play_sack(struct play_segment *s, const char *text)
{
	s->n_sack = 0;
	while (*text >= '0' && *text <= '9' && s->n_sack < TCP_SACK_BLOCKS) {
		char *end;

		s->sack[s->n_sack].start = (uint32_t)strtoul(text, &end, 10);
		s->sack[s->n_sack++].end = (uint32_t)strtoul(end + 1, &end, 10);
		text = end + (*end == ',');
	}
}

__attribute__((unused)) static struct play_segment play_segment(const char **line)
{
	struct play_segment s = { .wnd = UINT32_MAX,
				  .mss = UINT32_MAX,
				  .ws = UINT32_MAX,
				  .ts = UINT32_MAX,
				  .ecr = UINT32_MAX,
				  .n_sack = UINT8_MAX };
	char word[64];

	s.flags = play_flags(play_word(line, word));
	s.ae = strchr(word, 'A') != NULL;
	play_word(line, word);
	char *plus;
	s.seq = (uint32_t)strtoll(word, &plus, 10);
	s.len = *plus == '+' ? (uint32_t)strtoul(plus + 1, NULL, 10) : 0;
	while (*play_word(line, word)) {
		if (!strcmp(word, "sackok") || !strcmp(word, "bare")) {
			*(*word == 'b' ? &s.bare : &s.sackok) = true;
			continue;
		}
		if (!strcmp(word, "sack")) {
			play_sack(&s, play_word(line, word));
			continue;
		}
		uint32_t value = play_number(line);

		if (!strcmp(word, "ack"))
			s.ack = value;
		else if (!strcmp(word, "win"))
			s.wnd = value;
		else if (!strcmp(word, "mss"))
			s.mss = value;
		else if (!strcmp(word, "ws"))
			s.ws = value;
		else if (!strcmp(word, "ts"))
			s.ts = value;
		else if (!strcmp(word, "ecr"))
			s.ecr = value;
	}
	return s;
}

#endif
