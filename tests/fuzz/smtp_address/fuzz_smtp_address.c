// SPDX-License-Identifier: MIT
/*
 * fuzz_smtp_address.c - any octets as a path: what is accepted is within the limits and holds no octet that could hurt
 */
#include "dataplane/smtp/smtp_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), mailbox = { NULL, 0 };

	struct span rest8 = rest, mailbox8;

	if (smtp_address_path_utf8(&rest8, &mailbox8)) {
		CHECK(mailbox8.at + mailbox8.len + 1 == rest8.at && rest8.at[-1] == '>');
		CHECK(mailbox8.len <= SMTP_LOCAL_PART_MAX + 1 + SMTP_DOMAIN_MAX);
		for (size_t i = 0; i < mailbox8.len; i++)
			CHECK(mailbox8.at[i] >= ' ' && mailbox8.at[i] != 0x7f);
	}
	if (!smtp_address_path(&rest, &mailbox)) {
		CHECK(rest.at == data && rest.len == size && mailbox.at == NULL);
		return 0;
	}
	CHECK(data[0] == '<' && rest.at[-1] == '>' && rest.at + rest.len == data + size);
	CHECK(mailbox.at + mailbox.len + 1 == rest.at);
	CHECK(mailbox.len <= SMTP_LOCAL_PART_MAX + 1 + SMTP_DOMAIN_MAX);
	for (size_t i = 0; i < mailbox.len; i++)
		CHECK(mailbox.at[i] >= ' ' && mailbox.at[i] <= '~');
	CHECK(mailbox.len == 0 || smtp_address_is_postmaster(mailbox) || span_find(mailbox, '@') != SPAN_NONE);
	return 0;
}
