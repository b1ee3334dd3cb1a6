// SPDX-License-Identifier: MIT
/*
 * load_corpus.c - messages as they go over the wire
 */
#include "tools/load/load_corpus.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
	if (!memory) {
		fprintf(stderr, "sekisho-load: no memory for the messages; send smaller or fewer ones\n");
		exit(1);
	}
	return memory;
}

/* The same for BDAT, which needs neither dots nor an end (RFC 3030). */
static struct span chunk_of(struct span wire, bool wanted)
{
	uint8_t *at;
	size_t n, room = wire.len + 40;

	if (!wanted)
		return SPAN("");
	at = need(malloc(2 * room));
	n = 0;
	/* Behind the number, whose length is not known yet. */
	uint8_t *body = at + room;

	for (size_t i = 0; i + 3 < wire.len; i++) {
		bool stuffed = wire.at[i] == '.' && (i == 0 || wire.at[i - 1] == '\n');

		if (!stuffed)
			body[n++] = wire.at[i];
	}
	int head = snprintf((char *)at, room, "BDAT %zu LAST\r\n", n);

	memmove(at + head, body, n);
	return span_of(at, (size_t)head + n);
}

static struct load_message on_the_wire(const uint8_t *text, size_t len, bool chunks)
{
	uint8_t *wire = need(malloc(2 * len + 8));
	size_t n = 0;
	bool begin = true;

	for (size_t i = 0; i < len; i++) {
		if (begin && text[i] == '.')
			wire[n++] = '.';
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			wire[n++] = '\r';
		wire[n++] = text[i];
		begin = text[i] == '\n';
	}
	if (!begin) {
		memcpy(wire + n, "\r\n", 2);
		n += 2;
	}
	memcpy(wire + n, ".\r\n", 3);
	struct span octets = span_of(wire, n + 3);

	return (struct load_message){ .octets = octets, .chunk = chunk_of(octets, chunks) };
}

static bool read_file(const char *path, bool chunks, struct load_message *out)
{
	FILE *f = fopen(path, "rb");
	uint8_t *text = NULL;
	size_t len = 0, cap = 0;

	if (!f)
		return false;
	do {
		if (cap - len < 65536)
			text = need(realloc(text, cap = 2 * cap + 65536));
		len += fread(text + len, 1, cap - len, f);
	} while (!feof(f) && !ferror(f));
	bool good = !ferror(f);

	fclose(f);
	if (good)
		*out = on_the_wire(text, len, chunks);
	free(text);
	return good;
}

static int is_eml(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 4 && strcmp(e->d_name + len - 4, ".eml") == 0;
}

struct load_message *load_corpus_read(const char *directory, bool chunks, uint32_t *n)
{
	struct dirent **names;
	int found = scandir(directory, &names, is_eml, alphasort);
	struct load_message *corpus;

	*n = 0;
	if (found <= 0) {
		fprintf(stderr, "sekisho-load: %s: %s; name a directory with *.eml\n", directory,
			found < 0 ? strerror(errno) : "no messages");
		return NULL;
	}
	corpus = need(calloc((size_t)found, sizeof(*corpus)));
	for (int i = 0; i < found; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		if (!read_file(path, chunks, &corpus[*n])) {
			fprintf(stderr, "sekisho-load: %s: %s; it is left out\n", path, strerror(errno));
			continue;
		}
		(*n)++;
	}
	return *n ? corpus : NULL;
}

void load_envelope(struct text *out, const char *mail_from, const char *rcpt_to, uint32_t n)
{
	const char *at = strrchr(rcpt_to, '@');
	size_t local = at ? (size_t)(at - rcpt_to) : strlen(rcpt_to);

	text_puts(out, "MAIL FROM:<");
	text_puts(out, mail_from);
	for (uint32_t i = 0; i < n; i++) {
		text_puts(out, ">\r\nRCPT TO:<");
		text_put(out, span_of(rcpt_to, local));
		if (i)
			text_dec(out, i);
		text_puts(out, rcpt_to + local);
	}
	text_puts(out, ">\r\nDATA\r\n");
}

static const char line[] = "The quick brown fox jumps over the lazy dog, and over it once more.\r\n";

/* What the @i-th of many gets, in an order that mixes them; NULL when there is no choice. */
static const struct load_choice *pick(uint64_t i, const struct load_choice *of, unsigned n)
{
	uint64_t total = 0, at;

	for (unsigned k = 0; k < n; k++)
		total += of[k].weight;
	at = total ? i * 7919 % total : 0;
	for (; total && at >= of->weight; of++)
		at -= of->weight;
	return total ? of : NULL;
}

/* "user@example.org", or of a plan with domains "user@d7.example.org". */
static void sender_of(const struct load_plan *p, uint32_t i, char *out, size_t cap)
{
	const char *at = strrchr(p->mail_from, '@');

	if (p->domains)
		snprintf(out, cap, "%.*s@d%u.%s", at ? (int)(at - p->mail_from) : 4, at ? p->mail_from : "user", i,
			 at ? at + 1 : p->mail_from);
	else
		snprintf(out, cap, "%.399s", p->mail_from);
}

static const char *domain_of(const char *sender)
{
	const char *at = strrchr(sender, '@');

	return at ? at + 1 : sender;
}

static struct load_message make_one(const struct load_plan *p, uint32_t i, const char *sender)
{
	const struct load_choice *sized = pick(i, p->sizes, p->n_sizes), *signer = pick(i, p->signers, p->n_signers);
	uint32_t size = sized ? sized->octets : 4096;
	char *text = need(malloc(LOAD_SIGN_FIELD_MAX + size + 2048)), *head = text + LOAD_SIGN_FIELD_MAX;
	char field[LOAD_SIGN_FIELD_MAX];
	size_t head_len =
		(size_t)snprintf(head, 2048,
				 "From: Sender <%.400s>\r\nTo: %.400s\r\n"
				 "Subject: a message of the load generator\r\n"
				 "Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <load@example.org>\r\n",
				 sender, p->rcpt_to);
	size_t len = head_len, field_len = 0;

	memcpy(head + len, "\r\n", 2);
	for (len += 2; len < size; len += sizeof(line) - 1)
		memcpy(head + len, line, sizeof(line) - 1);
	if (signer && signer->by && len > head_len + 2) {
		struct span body = span_of(head + head_len + 2, len - head_len - 2);

		field_len = load_sign_field(signer->by, domain_of(sender), span_of(head, head_len), body, field);
		if ((i + 1) * (uint64_t)p->forged_share / 100 > i * (uint64_t)p->forged_share / 100)
			head[head_len + 2] = 't';
	}
	memcpy(head - field_len, field, field_len);
	struct load_message m = on_the_wire((const uint8_t *)head - field_len, field_len + len, p->chunks);

	free(text);
	return m;
}

struct load_message *load_corpus_make(const struct load_plan *p, uint32_t *n)
{
	struct load_message *all;

	*n = p->domains ? p->domains : p->n_sizes > 1 || p->n_signers ? LOAD_MADE : 1;
	all = need(calloc(*n, sizeof(*all)));
	for (uint32_t i = 0; i < *n; i++) {
		char sender[400], *envelope;
		struct text t;

		sender_of(p, i, sender, sizeof(sender));
		all[i] = make_one(p, i, sender);
		if (!p->domains)
			continue;
		envelope = need(malloc(800 + 400 * (size_t)p->recipients));
		text_init(&t, envelope, 800 + 400 * (size_t)p->recipients);
		load_envelope(&t, sender, p->rcpt_to, p->recipients);
		all[i].envelope = text_span(&t);
	}
	return all;
}

bool load_corpus_zone(const struct load_plan *p, const struct net_if_addr *clients, const char *path)
{
	FILE *f = fopen(path, "w");
	const uint8_t *a = clients->addr.bytes;

	if (!f)
		return false;
	for (uint32_t i = 0; i == 0 || i < p->domains; i++) {
		char sender[400];

		sender_of(p, i, sender, sizeof(sender));
		const char *domain = domain_of(sender);

		fprintf(f, "%s TXT \"v=spf1 ip4:%u.%u.%u.%u/%u -all\"\n_dmarc.%s TXT \"v=DMARC1; p=reject\"\n", domain,
			a[0], a[1], a[2], a[3], clients->prefix_len, domain);
		for (unsigned k = 0; k < p->n_signers; k++)
			if (p->signers[k].by)
				load_sign_record(p->signers[k].by, domain, f);
	}
	return fclose(f) == 0;
}
