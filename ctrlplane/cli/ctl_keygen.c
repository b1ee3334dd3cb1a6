// SPDX-License-Identifier: MIT
/*
 * ctl_keygen.c - a key that signs reports, and what DNS must say of it
 */
#include <stdio.h>

#include "crypto/crypto_sign.h"
#include "ctrlplane/cli/ctl_keygen.h"

enum { RECORD_MAX = 2048, STRING_MAX = 250 /* octets of a character-string (RFC 1035 3.3) */ };

/* As a zone file has it: long texts in several strings. */
static void print_record(const char *selector, const char *domain, struct span record)
{
	printf("%s._domainkey.%s. IN TXT (", selector, domain);
	while (record.len) {
		struct span part = span_head(record, record.len < STRING_MAX ? record.len : STRING_MAX);

		printf("\n\t\"%.*s\"", (int)part.len, (const char *)part.at);
		record = span_skip(record, part.len);
	}
	printf(" )\n");
}

bool ctl_keygen(const json_t *args, bool json, char error[256])
{
	const char *path = json_string_value(json_object_get(args, "file"));
	const char *selector = json_string_value(json_object_get(args, "selector"));
	const char *domain = json_string_value(json_object_get(args, "domain"));
	char room[RECORD_MAX];
	const char *why = NULL;
	struct text record;

	text_init(&record, room, sizeof(room));
	struct crypto_signer *s = crypto_keygen(path, false, &why) ? crypto_signer_open(path, &why) : NULL;
	bool good = s && crypto_signer_record(s, &record);
	crypto_signer_close(s);
	if (!good) {
		snprintf(error, 256, "%.120s: %.80s; name a new file", path, why ? why : "no key was made");
		return false;
	}
	if (json)
		printf("{\"file\":\"%s\",\"name\":\"%s._domainkey.%s\",\"record\":\"%s\"}\n", path, selector, domain,
		       room);
	else
		print_record(selector, domain, text_span(&record));
	return true;
}
