// SPDX-License-Identifier: MIT
/*
 * test_firmware_slot.c - the environment block, and every move between two slots, as GRUB would go on from it
 */
#include "ctrlplane/firmware/firmware_slot.h"
#include "tests/tap.h"

#define HEAD "# GRUB Environment Block\n"

static enum err parse(const char *text, struct firmware_env *out)
{
	uint8_t block[FIRMWARE_ENV_SIZE];

	memset(block, '#', sizeof(block));
	memcpy(block, text, strlen(text));
	return firmware_env_parse(span_of(block, sizeof(block)), out);
}

static void test_block(void)
{
	static const struct {
		const char *what, *text;
		enum err expected;
	} rows[] = {
		{ "slot b, to try a", HEAD "slot=b\ntry=a\nargs=isolcpus=1 quiet\n", OK },
		{ "a variable of somebody else's", HEAD "slot=b\ntry=a\nargs=isolcpus=1 quiet\nnext=7\n", OK },
		{ "another order", HEAD "args=isolcpus=1 quiet\ntry=a\nslot=b\n", OK },
		{ "no block at all", "slot=b\ntry=a\n", ERR_BAD_SYNTAX },
		{ "a third slot", HEAD "slot=c\n", ERR_BAD_SYNTAX },
		{ "no slot", HEAD "slot=\n", ERR_BAD_SYNTAX },
		{ "a slot of two letters", HEAD "slot=ab\n", ERR_BAD_SYNTAX },
		{ "a line without a value", HEAD "slot\n", ERR_BAD_SYNTAX },
		{ "an argument that GRUB would expand", HEAD "slot=b\nargs=$x\n", ERR_BAD_SYNTAX },
	};
	struct firmware_env e, again;
	uint8_t block[FIRMWARE_ENV_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err got = parse(rows[i].text, &e);

		ok(got == rows[i].expected && (got == OK ? e.slot == FIRMWARE_B && e.try == FIRMWARE_A &&
								   strcmp(e.args, "isolcpus=1 quiet") == 0
							 : e.slot == FIRMWARE_A && e.try == FIRMWARE_NONE),
		   "%s: %s", rows[i].what, got == OK ? "read" : "as GRUB takes it, slot a");
	}
	ok(firmware_env_parse(SPAN("x"), &e) == ERR_BAD_LENGTH && e.slot == FIRMWARE_A, "a block has 1024 octets");
	e = (struct firmware_env){ .slot = FIRMWARE_B, .try = FIRMWARE_A };
	memset(e.args, 'x', FIRMWARE_ARGS_MAX);
	firmware_env_write(&e, block);
	ok(firmware_env_parse(span_of(block, sizeof(block)), &again) == OK && again.slot == e.slot &&
		   again.try == e.try && strcmp(again.args, e.args) == 0,
	   "what is written is read");
	ok(block[511] == '#' && block[1023] == '#', "in one sector, whatever the arguments");
	ok(!firmware_args_good(SPAN("a\nslot=b")) && !firmware_args_good(SPAN("`")) &&
		   firmware_args_good(SPAN("isolcpus=2-3")),
	   "arguments of the kernel cannot say more");
}

static void test_running(void)
{
	ok(firmware_running(SPAN("BOOT_IMAGE=/boot/vmlinuz quiet sekisho.slot=b sekisho.trial\n")) == FIRMWARE_B,
	   "what runs is slot b");
	ok(firmware_running(SPAN("sekisho.slot=a")) == FIRMWARE_A, "or a");
	ok(firmware_running(SPAN("root=/dev/sda1 xsekisho.slot=a")) == FIRMWARE_NONE &&
		   firmware_running(SPAN("")) == FIRMWARE_NONE &&
		   firmware_running(SPAN("sekisho.slot=")) == FIRMWARE_NONE &&
		   firmware_running(SPAN("sekisho.slot=ab")) == FIRMWARE_NONE,
	   "or nothing of ours");
}

/* One start, as grub.cfg does it. */
static enum firmware_slot start(struct firmware_env *e)
{
	enum firmware_slot chosen = e->try != FIRMWARE_NONE ? e->
	try : e
		->slot;

	e->try = FIRMWARE_NONE;
	return chosen;
}

static void test_moves(void)
{
	struct firmware_env e = { .slot = FIRMWARE_A };
	enum firmware_slot runs = FIRMWARE_A;
	bool restart;

	ok(firmware_install_begin(&e, runs) == FIRMWARE_AS_IT_IS, "nothing is tried: an installation may begin");
	firmware_install_end(&e, runs);
	runs = start(&e);
	ok(runs == FIRMWARE_B && e.slot == FIRMWARE_A, "the next start tries it");
	ok(firmware_install_begin(&e, runs) == FIRMWARE_ON_TRIAL,
	   "on trial nothing is written over the slot to fall back to");
	runs = start(&e);
	ok(runs == FIRMWARE_A, "a trial that is not confirmed is tried once");
	ok(firmware_confirm(&e, runs) == FIRMWARE_AS_IT_IS, "what is confirmed stays so");

	firmware_install_end(&e, runs);
	ok(firmware_confirm(&e, runs) == FIRMWARE_AS_IT_IS && e.try == FIRMWARE_B,
	   "to confirm what runs takes no trial away");
	ok(firmware_install_begin(&e, runs) == FIRMWARE_DONE && e.try == FIRMWARE_NONE,
	   "while the other slot is written to, no start takes it");
	firmware_install_end(&e, runs);
	ok(firmware_rollback(&e, runs, true, &restart) == FIRMWARE_DONE && !restart && start(&e) == FIRMWARE_A,
	   "a trial that has not begun can be taken back");

	firmware_install_end(&e, runs);
	runs = start(&e);
	ok(firmware_confirm(&e, runs) == FIRMWARE_DONE && start(&e) == FIRMWARE_B && start(&e) == FIRMWARE_B,
	   "confirmed: every start takes it");
	ok(firmware_rollback(&e, runs, false, &restart) == FIRMWARE_OTHER_BROKEN && start(&e) == FIRMWARE_B,
	   "to what is not whole there is no way back");
	ok(firmware_rollback(&e, runs, true, &restart) == FIRMWARE_DONE && restart && start(&e) == FIRMWARE_A &&
		   e.slot == FIRMWARE_B,
	   "the way back is a trial as well");
	ok(firmware_rollback(&e, FIRMWARE_A, true, &restart) == FIRMWARE_AS_IT_IS && restart && start(&e) == FIRMWARE_B,
	   "away from a trial is a restart");
	/* GRUB found the confirmed slot unreadable and started the other. */
	runs = FIRMWARE_A;
	ok(firmware_install_begin(&e, runs) == FIRMWARE_ON_TRIAL && firmware_confirm(&e, runs) == FIRMWARE_DONE &&
		   firmware_install_begin(&e, runs) == FIRMWARE_AS_IT_IS,
	   "the slot that GRUB fell back to is confirmed before the broken one is written anew");
}

int main(void)
{
	test_block();
	test_running();
	test_moves();
	return done();
}
