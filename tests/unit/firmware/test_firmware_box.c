// SPDX-License-Identifier: MIT
/*
 * test_firmware_box.c - updates on partitions that are plain files, and a power cut at every write of an installation
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/crypto_seal.h"
#include "ctrlplane/cli/firmware_box.h"
#include "dataplane/base/base64.h"
#include "tests/tap.h"

#define PARTITION "/dev/disk/by-partuuid/5e6b1500-0000-4000-8000-00000000000"

enum { ENV_AT = 6144, SLOT_SIZE = 3 << 20, PAYLOAD_SIZE = (2 << 20) + 777 };

static char root[] = "/tmp/sekisho-firmware-test-XXXXXX";
static uint8_t payload[PAYLOAD_SIZE];
static EVP_PKEY *key, *other_key;

static const char *at(const char *path)
{
	static char full[8][512];
	static unsigned n;
	char *out = full[n++ % 8];

	snprintf(out, 512, "%s%s", root, path);
	return out;
}

static void put_file(const char *path, const void *data, size_t len)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	FILE *f = fopen(full, "we");
	bool good = f && fwrite(data, 1, len, f) == len;

	if (!f || fclose(f) != 0 || !good)
		ok(false, "%s: %s", full, strerror(errno));
}

static void get_file(const char *path, void *data, size_t len)
{
	FILE *f = fopen(at(path), "re");

	if (!f || fread(data, 1, len, f) != len)
		ok(false, "%s: %s", path, strerror(errno));
	if (f)
		fclose(f);
}

/* An update file as tools/image/sign makes it. */
static void put_update(const char *path, const char *version, EVP_PKEY *by, uint64_t size, uint8_t first)
{
	static uint8_t file[FIRMWARE_HEAD_SIZE + PAYLOAD_SIZE];
	uint8_t hash[32], signature[64];
	size_t n = sizeof(signature);
	struct crypto_hash *h = crypto_hash_open();
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	struct text t;

	payload[0] = first;
	crypto_hash_add(h, span_of(payload, sizeof(payload)));
	crypto_hash_end(h, hash);
	memset(file, 0, FIRMWARE_HEAD_SIZE);
	text_init(&t, (char *)file, FIRMWARE_HEAD_SIZE);
	text_puts(&t, "sekisho-firmware 1\nversion ");
	text_puts(&t, version);
	text_puts(&t, "\ndate 1764022222\nsize ");
	text_dec(&t, size);
	text_puts(&t, "\nsha256 ");
	text_hex(&t, span_of(hash, sizeof(hash)));
	text_puts(&t, "\n");
	bool good =
		EVP_DigestSignInit(c, NULL, NULL, NULL, by) == 1 && EVP_DigestSign(c, signature, &n, file, t.len) == 1;
	EVP_MD_CTX_free(c);
	if (!good)
		ok(false, "a signature is made");
	text_puts(&t, "signature ");
	base64_encode(&t, span_of(signature, n));
	text_puts(&t, "\n");
	memcpy(file + FIRMWARE_HEAD_SIZE, payload, sizeof(payload));
	put_file(path, file, sizeof(file));
}

/* A box that runs slot @running. */
static void make_box(const char *cmdline, const char *env)
{
	uint8_t fat[ENV_AT + FIRMWARE_ENV_SIZE] = { 0 };

	memset(fat + ENV_AT, '#', FIRMWARE_ENV_SIZE);
	memcpy(fat + ENV_AT, env, strlen(env));
	put_file(PARTITION "3", fat, sizeof(fat));
	put_file("/proc/cmdline", cmdline, strlen(cmdline));
}

static void make_slots(void)
{
	uint8_t *empty = calloc(1, SLOT_SIZE);

	put_file(PARTITION "4", empty, SLOT_SIZE);
	put_file(PARTITION "5", empty, SLOT_SIZE);
	free(empty);
}

static void make_key(void)
{
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	other_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	put_file("/usr/share/sekisho/firmware.pub", "", 0);
	FILE *f = fopen(at("/usr/share/sekisho/firmware.pub"), "we");

	if (!f || PEM_write_PUBKEY(f, key) != 1)
		ok(false, "a public key is written");
	if (f)
		fclose(f);
}

#define ON_A "quiet sekisho.slot=a\n"
#define ON_B "quiet sekisho.slot=b sekisho.trial\n"
#define SLOT_A "# GRUB Environment Block\nslot=a\ntry=\nargs=\n"

static bool install(const char *path, char error[FIRMWARE_ERROR_MAX])
{
	struct firmware_box b;
	struct firmware_head h;
	bool good = firmware_box_open(&b, root) && firmware_box_install(&b, at(path), &h);

	memcpy(error, b.error, FIRMWARE_ERROR_MAX);
	firmware_box_close(&b);
	return good;
}

/* What the next start takes. */
static struct firmware_env env_now(void)
{
	uint8_t fat[ENV_AT + FIRMWARE_ENV_SIZE];
	struct firmware_env e;

	get_file(PARTITION "3", fat, sizeof(fat));
	ok(firmware_env_parse(span_of(fat + ENV_AT, FIRMWARE_ENV_SIZE), &e) == OK, "GRUB can read its environment");
	return e;
}

static void test_install(void)
{
	char error[FIRMWARE_ERROR_MAX];
	static uint8_t stored[PAYLOAD_SIZE];
	struct firmware_box b;
	struct firmware_head h;

	make_box(ON_A, SLOT_A);
	make_slots();
	put_update("/good.fw", "2.0", key, PAYLOAD_SIZE, 'g');
	ok(install("/good.fw", error), "an update is installed: %s", error);
	struct firmware_env e = env_now();
	ok(e.slot == FIRMWARE_A && e.try == FIRMWARE_B, "and tried at the next start");
	get_file(PARTITION "5", stored, sizeof(stored));
	ok(memcmp(stored, payload, sizeof(stored)) == 0, "slot b has its octets");
	ok(firmware_box_open(&b, root) && firmware_box_head(&b, FIRMWARE_B, &h) && strcmp(h.version, "2.0") == 0,
	   "and says which they are");
	ok(firmware_box_whole(&b, FIRMWARE_B), "and is whole");
	ok(!firmware_box_head(&b, FIRMWARE_A, &h), "slot a of this box says nothing: no octet of it was written");
	firmware_box_close(&b);

	make_box(ON_B, SLOT_A);
	ok(!install("/good.fw", error) && strstr(error, "not confirmed"), "on trial nothing is installed: %s", error);
	make_box("quiet\n", SLOT_A);
	ok(!install("/good.fw", error) && strstr(error, "two slots"), "without slots neither: %s", error);
}

static void test_refused(void)
{
	char error[FIRMWARE_ERROR_MAX];
	uint8_t before[FIRMWARE_HEAD_SIZE], after[FIRMWARE_HEAD_SIZE], octet = 'x';
	static const char *const names[] = { "/other.fw", "/changed.fw", "/short.fw",
					     "/large.fw", "/text.fw",    "/none.fw" };
	static const char *const said[] = {
		"not signed by the key", "not those that were signed", "before its", "before its", "no update file",
		"cannot be opened"
	};

	make_box(ON_A, SLOT_A);
	put_update("/other.fw", "3.0", other_key, PAYLOAD_SIZE, 'o');
	put_update("/short.fw", "3.0", key, PAYLOAD_SIZE + 1, 's');
	put_update("/large.fw", "3.0", key, UINT64_C(1) << 39, 'l');
	put_update("/changed.fw", "3.0", key, PAYLOAD_SIZE, 'c');
	put_file("/text.fw", "sekisho-firmware 1\n", 19);
	int fd = open(at("/changed.fw"), O_WRONLY | O_CLOEXEC);
	ok(fd >= 0 && pwrite(fd, &octet, 1, FIRMWARE_HEAD_SIZE + PAYLOAD_SIZE - 1) == 1, "an octet is changed");
	close(fd);
	get_file(PARTITION "5", before, sizeof(before));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok(!install(names[i], error) && strstr(error, said[i]), "%s is refused: %s", names[i], error);
	get_file(PARTITION "5", after, sizeof(after));
	ok(memcmp(before, after, sizeof(before)) == 0 && env_now().try == FIRMWARE_NONE,
	   "nothing was written for any of them");
}

/* --- a power cut -------------------------------------------------------------------------------- */

static unsigned writes_left;

/* Half of the last write reaches the disk. */
static bool put_until(int fd, const void *data, size_t len, off_t where)
{
	size_t n = writes_left ? len : len / 2;
	bool good = pwrite(fd, data, n, where) == (ssize_t)n && writes_left;

	writes_left -= writes_left > 0;
	return good;
}

static void test_power_cut(void)
{
	struct firmware_box b;
	struct firmware_head h;
	unsigned n = 0;
	bool good = false, always_boots = true, never_half = true;

	put_update("/old.fw", "1.0", key, PAYLOAD_SIZE, 'o');
	put_update("/good.fw", "2.0", key, PAYLOAD_SIZE, 'g');
	for (; !good && n < 100; n++) {
		make_box(ON_A, SLOT_A);
		make_slots();
		char error[FIRMWARE_ERROR_MAX];
		/* Slot b had an older one, which was to be tried. */
		good = install("/old.fw", error) && firmware_box_open(&b, root);
		b.put = put_until;
		writes_left = n;
		good = good && firmware_box_install(&b, at("/good.fw"), &h);
		firmware_box_close(&b);

		uint8_t fat[ENV_AT + FIRMWARE_ENV_SIZE];
		struct firmware_env e;
		get_file(PARTITION "3", fat, sizeof(fat));
		(void)firmware_env_parse(span_of(fat + ENV_AT, FIRMWARE_ENV_SIZE), &e);
		always_boots = always_boots && e.slot == FIRMWARE_A;
		if (firmware_box_open(&b, root) && e.try == FIRMWARE_B)
			never_half = never_half && firmware_box_whole(&b, FIRMWARE_B);
		firmware_box_close(&b);
	}
	ok(good && n == 8, "an installation has seven writes: cut after each of them (%u)", n - 1);
	ok(always_boots, "wherever it was cut, the next start finds the confirmed slot");
	ok(never_half, "and tries none that is not whole");
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	make_key();
	test_install();
	test_refused();
	test_power_cut();
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", root);
	ok(system(command) == 0, "no file is left");
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return done();
}
