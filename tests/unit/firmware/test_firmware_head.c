// SPDX-License-Identifier: MIT
/*
 * test_firmware_head.c - what is a head of an update file, and all that is none
 */
#include "ctrlplane/firmware/firmware_head.h"
#include "tests/tap.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SIGNED "sekisho-firmware 1\nversion 0.1.0+git368.b2a2acfff6\ndate 1764022222\nsize 123456789\nsha256 " HASH "\n"
#define B64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
#define GOOD SIGNED "signature " B64 "\n"

static enum err parse(const char *text, struct firmware_head *out)
{
	uint8_t head[FIRMWARE_HEAD_SIZE] = { 0 };

	memcpy(head, text, strlen(text));
	return firmware_head_parse(span_of(head, sizeof(head)), out);
}

static void test_good(void)
{
	struct firmware_head h;

	ok(parse(GOOD, &h) == OK && strcmp(h.version, "0.1.0+git368.b2a2acfff6") == 0 && h.date_s == 1764022222 &&
		   h.size == 123456789,
	   "version, date and size of a head");
	ok(h.sha256[0] == 0x00 && h.sha256[1] == 0x11 && h.sha256[31] == 0xff && h.signature[1] == 1 &&
		   h.signature[63] == 63,
	   "its hash and its signature");
	ok(h.signed_len == strlen(SIGNED), "the signature covers the lines before its own");
}

static void test_bad(void)
{
	static const struct {
		const char *what, *text;
	} rows[] = {
		{ "nothing", "" },
		{ "another format", "sekisho-firmware 2\n" },
		{ "a line too few", "sekisho-firmware 1\nversion 1\nsize 1\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "lines in another order",
		  "sekisho-firmware 1\ndate 1\nversion 1\nsize 1\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "a version with a slash",
		  "sekisho-firmware 1\nversion ../1\ndate 1\nsize 1\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "an empty version",
		  "sekisho-firmware 1\nversion \ndate 1\nsize 1\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "a version of 65 octets",
		  "sekisho-firmware 1\nversion 12345678901234567890123456789012345678901234567890123456789012345\ndate "
		  "1\nsize "
		  "1\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "a size of zero",
		  "sekisho-firmware 1\nversion 1\ndate 1\nsize 0\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "a size with a zero before it",
		  "sekisho-firmware 1\nversion 1\ndate 1\nsize 01\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "a size beyond 2^64", "sekisho-firmware 1\nversion 1\ndate 1\nsize 99999999999999999999\nsha256 " HASH
					"\nsignature " B64 "\n" },
		{ "a size with a sign",
		  "sekisho-firmware 1\nversion 1\ndate 1\nsize -1\nsha256 " HASH "\nsignature " B64 "\n" },
		{ "a hash in capitals",
		  "sekisho-firmware 1\nversion 1\ndate 1\nsize 1\nsha256 "
		  "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\nsignature " B64 "\n" },
		{ "a short hash", "sekisho-firmware 1\nversion 1\ndate 1\nsize 1\nsha256 00\nsignature " B64 "\n" },
		{ "a signature without padding",
		  SIGNED "signature AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"
			 "MDEyMzQ1Njc4OTo7PD0+Pw\n" },
		{ "a signature with bits that no octet takes",
		  SIGNED "signature AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"
			 "MDEyMzQ1Njc4OTo7PD0+Px==\n" },
		{ "no end of the last line", SIGNED "signature " B64 },
		{ "octets behind it", GOOD "x" },
		{ "spaces at a line's end", "sekisho-firmware 1 \n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct firmware_head h = { .size = 7 };

		ok(parse(rows[i].text, &h) == ERR_BAD_SYNTAX && h.size == 7, "%s is no head", rows[i].what);
	}
	struct firmware_head h;
	ok(firmware_head_parse(SPAN(GOOD), &h) == ERR_BAD_LENGTH, "a head has 4096 octets");
}

int main(void)
{
	test_good();
	test_bad();
	return done();
}
