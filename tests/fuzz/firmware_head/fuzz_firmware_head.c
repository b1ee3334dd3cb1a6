// SPDX-License-Identifier: MIT
/*
 * fuzz_firmware_head.c - a head that is taken is the only way to write what it says; a block of GRUB's, written again, is the same
 */
#include <stdio.h>

#include "ctrlplane/firmware/firmware_head.h"
#include "ctrlplane/firmware/firmware_slot.h"
#include "dataplane/base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(struct span in)
{
	static char room[FIRMWARE_HEAD_SIZE];
	uint8_t head[FIRMWARE_HEAD_SIZE] = { 0 };
	struct firmware_head h;
	struct text t;

	memcpy(head, in.at, in.len < sizeof(head) ? in.len : sizeof(head));
	if (firmware_head_parse(span_of(head, sizeof(head)), &h) != OK)
		return;
	text_init(&t, room, sizeof(room));
	text_puts(&t, "sekisho-firmware 1\nversion ");
	text_puts(&t, h.version);
	text_puts(&t, "\ndate ");
	text_dec(&t, h.date_s);
	text_puts(&t, "\nsize ");
	text_dec(&t, h.size);
	text_puts(&t, "\nsha256 ");
	text_hex(&t, span_of(h.sha256, sizeof(h.sha256)));
	text_puts(&t, "\n");
	CHECK(h.signed_len == t.len && h.size > 0 && h.size <= FIRMWARE_SIZE_MAX);
	text_puts(&t, "signature ");
	base64_encode(&t, span_of(h.signature, sizeof(h.signature)));
	text_puts(&t, "\n");
	CHECK(!t.full && memcmp(room, head, t.len) == 0);
	for (size_t i = t.len; i < sizeof(head); i++)
		CHECK(head[i] == 0);
}

static void check_env(struct span in)
{
	uint8_t block[FIRMWARE_ENV_SIZE];
	struct firmware_env e, again;

	memset(block, '#', sizeof(block));
	memcpy(block, in.at, in.len < sizeof(block) ? in.len : sizeof(block));
	if (firmware_env_parse(span_of(block, sizeof(block)), &e) != OK)
		CHECK(e.slot == FIRMWARE_A && e.try == FIRMWARE_NONE);
	firmware_env_write(&e, block);
	CHECK(firmware_env_parse(span_of(block, sizeof(block)), &again) == OK);
	CHECK(again.slot == e.slot && again.try == e.try && strcmp(again.args, e.args) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	check_head(span_of(data, size));
	check_env(span_of(data, size));
	(void)firmware_running(span_of(data, size));
	return 0;
}
