// SPDX-License-Identifier: MIT
/*
 * fuzz_smtp_xclient.c - any octets as attributes of XCLIENT
 *
 * Held: a name for HELO is a printable word of bounded length within the room, also when the room is the line itself,
 * which gives the same; what is refused leaves nothing that would be taken.
 */
#include "dataplane/smtp/smtp_xclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t apart[512], line[512];
	struct smtp_xclient one, other;

	if (size > sizeof(line))
		return 0;
	memset(apart, 0, sizeof(apart));
	if (size)
		memcpy(line, data, size);
	enum smtp_text text = smtp_xclient_parse(span_of(data, size), apart, &one);
	CHECK(smtp_xclient_parse(span_of(line, size), line, &other) == text);
	if (text != SMTP_TEXT_OK)
		return 0;
	CHECK(one.has_addr == other.has_addr && ip_addr_eq(&one.addr, &other.addr) && one.port == other.port);
	CHECK(one.esmtp == other.esmtp && span_eq(one.helo, other.helo));
	CHECK(one.has_addr || one.addr.family == IP_NONE);
	CHECK(!one.helo.at || (one.helo.len >= 1 && one.helo.len <= 255));
	CHECK(!one.helo.at || (one.helo.at >= apart && one.helo.at + one.helo.len <= apart + size));
	for (size_t i = 0; i < one.helo.len; i++)
		CHECK(one.helo.at[i] > ' ' && one.helo.at[i] <= '~');
	return 0;
}
