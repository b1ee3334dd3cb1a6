// SPDX-License-Identifier: MIT
/*
 * report_sign.c - the DKIM-Signature field of a message of our own
 */
#include "ctrlplane/report/report_sign.h"
#include "dataplane/base/base64.h"

#define CANON_MAX 16384 /* octets of our own header */
#define LINE_MAX_B 72   /* octets of b= on one line */

/* RFC 6376 3.4.2: the name in lower case, folding and runs of blanks one space, none at the ends. */
static void relax_field(struct text *out, struct span field)
{
	struct span name = span_cut(&field, ':'), value = span_trim(field);
	bool blank = false;

	for (size_t i = 0; i < name.len; i++)
		text_putc(out, byte_lower(name.at[i]));
	text_putc(out, ':');
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.at[i];

		if (byte_is_wsp(c) || c == '\r' || c == '\n') {
			blank = true;
			continue;
		}
		if (blank)
			text_putc(out, ' ');
		blank = false;
		text_putc(out, c);
	}
}

/* The next field with its folded lines, without the last CRLF. */
static struct span next_field(struct span *header)
{
	size_t i = 0;

	while (i + 1 < header->len && !(header->at[i] == '\n' && !byte_is_wsp(header->at[i + 1])))
		i++;
	struct span field = span_trim(span_head(*header, i + 1));
	*header = span_skip(*header, i + 1 < header->len ? i + 1 : header->len);
	return field;
}

/* h= names every field of the header in its order. */
static void relax_header(struct text *canon, struct text *names, struct span header)
{
	while (header.len) {
		struct span field = next_field(&header), rest = field;

		if (names->len)
			text_putc(names, ':');
		text_put(names, span_cut(&rest, ':'));
		relax_field(canon, field);
		text_puts(canon, "\r\n");
	}
}

static void put_folded(struct text *out, struct span s)
{
	while (s.len) {
		struct span line = span_head(s, s.len < LINE_MAX_B ? s.len : LINE_MAX_B);

		text_puts(out, "\r\n\t");
		text_put(out, line);
		s = span_skip(s, line.len);
	}
}

bool report_sign(struct text *out, const struct crypto_signer *signer, const char *domain, const char *selector,
		 uint64_t now_s, struct span header, struct span body)
{
	char canon_room[CANON_MAX], names_room[512], encoded_room[2 * CRYPTO_SIGNATURE_MAX];
	uint8_t hash[32], signature[CRYPTO_SIGNATURE_MAX];
	struct text canon, names, encoded;
	size_t begin = out->len;

	text_init(&canon, canon_room, sizeof(canon_room));
	text_init(&names, names_room, sizeof(names_room));
	text_init(&encoded, encoded_room, sizeof(encoded_room));
	relax_header(&canon, &names, header);
	crypto_sha256(body, hash);
	text_puts(out, "DKIM-Signature: v=1; a=");
	text_puts(out, crypto_signer_algorithm(signer));
	text_puts(out, "; c=relaxed/relaxed;\r\n\td=");
	text_puts(out, domain);
	text_puts(out, "; s=");
	text_puts(out, selector);
	text_puts(out, "; t=");
	text_dec(out, now_s);
	text_puts(out, ";\r\n\th=");
	text_put(out, text_span(&names));
	text_puts(out, ";\r\n\tbh=");
	base64_encode(out, span_of(hash, sizeof(hash)));
	text_puts(out, ";\r\n\tb=");
	/* The field itself is signed last, with b= empty and without a CRLF (RFC 6376 3.7). */
	relax_field(&canon, span_skip(text_span(out), begin));
	if (canon.full || names.full || out->full)
		return false;
	size_t n = crypto_sign(signer, text_span(&canon), signature);
	base64_encode(&encoded, span_of(signature, n));
	put_folded(out, text_span(&encoded));
	text_puts(out, "\r\n");
	return n && !out->full && !encoded.full;
}
