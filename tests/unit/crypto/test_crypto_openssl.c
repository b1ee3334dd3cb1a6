// SPDX-License-Identifier: MIT
/*
 * test_crypto_openssl.c - good signatures pass, forgeries do not, and no key of a stranger is trusted to be one
 *
 * Plain OpenSSL is what the cases are about; each is then given to all other backends, in every lane.
 *
 * The test signs by itself: any block of octets goes through the private operation, so that every wrong padding
 * can be signed with a good key.  Long keys are products of the safe primes of RFC 3526 and RFC 7919.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/dh.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "crypto/crypto_lanes.h"
#include "crypto/crypto_openssl.h"
#include "tests/tap.h"
#include "tests/unit/crypto/der.h"
#include "tests/unit/crypto/devices.h"

struct pair {
	BIGNUM *n, *e, *d;
	size_t len; /* octets of n */
	struct der spki, bare;
};

static struct crypto_backend *backend;
static BN_CTX *bn;
static uint8_t digest[SHA256_LEN];

/* keys */

static void write_key(struct pair *k)
{
	uint8_t n[CRYPTO_SIG_MAX], e[8];

	k->len = (size_t)BN_num_bytes(k->n);
	BN_bn2bin(k->n, n);
	BN_bn2bin(k->e, e);
	k->bare.len = k->spki.len = 0;
	der_rsa_key_of(&k->bare, span_of(n, k->len), span_of(e, (size_t)BN_num_bytes(k->e)));
	der_spki(&k->spki, span_of(k->bare.at, k->bare.len));
}

static void generate(struct pair *k, int bits, unsigned long e)
{
	RSA *rsa = RSA_new();
	BIGNUM *exponent = BN_new();

	BN_set_word(exponent, e);
	CHECK(RSA_generate_key_ex(rsa, bits, exponent, NULL) == 1);
	k->n = BN_dup(RSA_get0_n(rsa));
	k->e = exponent;
	k->d = BN_dup(RSA_get0_d(rsa));
	RSA_free(rsa);
	write_key(k);
}

/* n = the MODP prime of RFC 3526 times the ffdhe prime of RFC 7919, both of half the length. */
static void multiply(struct pair *k, BIGNUM *modp, int ffdhe_nid)
{
	DH *dh = DH_new_by_nid(ffdhe_nid);
	BIGNUM *q = BN_dup(DH_get0_p(dh)), *phi = BN_new();

	k->n = BN_new();
	k->e = BN_new();
	BN_set_word(k->e, 65537);
	BN_mul(k->n, modp, q, bn);
	BN_sub_word(modp, 1);
	BN_sub_word(q, 1);
	BN_mul(phi, modp, q, bn);
	k->d = BN_mod_inverse(NULL, k->e, phi, bn);
	CHECK(k->d);
	BN_free(modp);
	BN_free(q);
	BN_free(phi);
	DH_free(dh);
	write_key(k);
}

static void release(struct pair *k)
{
	BN_free(k->n);
	BN_free(k->e);
	BN_free(k->d);
}

/* jobs */

static const uint8_t info_sha256[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
				       0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
static const uint8_t info_sha1[] = { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
				     0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14 };

/* The right encoded message for @digest, k->len octets. */
static void right_em(const struct pair *k, uint8_t *em)
{
	size_t at = k->len - SHA256_LEN - sizeof(info_sha256);

	memset(em, 0xff, at);
	em[0] = em[at - 1] = 0;
	em[1] = 1;
	memcpy(em + at, info_sha256, sizeof(info_sha256));
	memcpy(em + at + sizeof(info_sha256), digest, SHA256_LEN);
}

/* A job whose signature is the private operation on @em. */
static struct crypto_job job_of(const struct pair *k, const uint8_t *em)
{
	static struct crypto_job job;
	BIGNUM *m = BN_bin2bn(em, (int)k->len, NULL), *s = BN_new();

	memset(&job, 0, sizeof(job));
	job.alg = CRYPTO_RSA_SHA256;
	job.digest_len = SHA256_LEN;
	job.rsa_bits_min = 1024;
	job.rsa_bits_max = 8192;
	memcpy(job.digest, digest, SHA256_LEN);
	job.key_len = (uint16_t)k->spki.len;
	memcpy(job.key, k->spki.at, k->spki.len);
	CHECK(BN_mod_exp(s, m, k->d, k->n, bn));
	job.sig_len = (uint16_t)k->len;
	BN_bn2binpad(s, job.sig, (int)k->len);
	BN_free(m);
	BN_free(s);
	return job;
}

static struct crypto_job good_job(const struct pair *k)
{
	uint8_t em[CRYPTO_SIG_MAX];

	right_em(k, em);
	return job_of(k, em);
}

/* The other backends of this machine. */
static struct crypto_backend *others[4];
static unsigned n_others, n_compared, n_differing;

/* Alone, and in every lane beside one that passes, of whatever key: the verdict is the same. */
static void compare(const struct crypto_job *job)
{
	static struct crypto_job passing, batch[8];
	struct crypto_job *list[8] = { 0 };

	for (unsigned o = 0; o < n_others; o++) {
		bool has_company = passing.key_len > 0 && others[o]->lanes > 1;

		for (unsigned lane = 0; lane < (has_company ? 9 : 1); lane++) {
			unsigned n = lane < 8 && has_company ? 8 : 1;

			for (unsigned i = 0; i < n; i++) {
				batch[i] = n == 1 || i == lane || i == (lane + 3) % 8 ? *job : passing;
				list[i] = &batch[i];
			}
			crypto_verify(others[o], list, n);
			for (unsigned i = 0; i < n; i++) {
				bool ours = n == 1 || i == lane || i == (lane + 3) % 8;
				bool same =
					ours ? batch[i].verdict == job->verdict && batch[i].key_bits == job->key_bits
					     : batch[i].verdict == CRYPTO_PASS;

				n_compared++;
				n_differing += !same;
				if (!same)
					printf("# %s: %d in lane %u, not %d\n", others[o]->name, batch[i].verdict, i,
					       ours ? job->verdict : CRYPTO_PASS);
			}
		}
	}
	if (job->verdict == CRYPTO_PASS)
		passing = *job;
}

static enum crypto_verdict verdict(struct crypto_job *job)
{
	struct crypto_job *one = job;

	job->verdict = CRYPTO_PENDING;
	job->key_bits = 0xffff;
	crypto_verify(backend, &one, 1);
	compare(job);
	return job->verdict;
}

/* All that this machine has beside plain OpenSSL. */
static void open_others(const char *program)
{
	struct crypto_backend *devices[] = { open_device(program, "test_engine.so", crypto_engine_open),
					     open_device(program, "test_provider.so", crypto_provider_open) };

	for (size_t i = 0; i < 2; i++)
		if (devices[i])
			others[n_others++] = devices[i];
	for (int kind = CRYPTO_LANES_IFMA; kind <= CRYPTO_LANES_AVX2; kind++)
		if (crypto_lanes_usable((enum crypto_lanes)kind))
			others[n_others++] = crypto_lanes_open((enum crypto_lanes)kind, 16, ~0u);
}

/* One key: what must pass and what must fail, whatever its length. */
static void key_life(const struct pair *k, unsigned bits)
{
	struct crypto_job good = good_job(k), j = good;

	ok(verdict(&j) == CRYPTO_PASS && j.key_bits == bits, "%u bits: a good signature passes", bits);
	ok(verdict(&j) == CRYPTO_PASS, "%u bits: and again, with the key from the cache", bits);
	memcpy(j.key, k->bare.at, k->bare.len);
	j.key_len = (uint16_t)k->bare.len;
	ok(verdict(&j) == CRYPTO_PASS, "%u bits: and with a bare RSAPublicKey", bits);

	j = good;
	j.digest[7] ^= 1;
	ok(verdict(&j) == CRYPTO_FAIL && j.key_bits == bits, "%u bits: another digest fails", bits);

	bool any = false;
	for (size_t i = 0; i < k->len; i += k->len / 16) {
		j = good;
		j.sig[i] ^= 0x10;
		any |= verdict(&j) != CRYPTO_FAIL;
	}
	ok(!any, "%u bits: a signature with one octet changed fails", bits);

	j = good;
	j.sig_len--;
	ok(verdict(&j) == CRYPTO_FAIL, "%u bits: a signature cut by one octet fails", bits);
	memmove(j.sig, good.sig + 1, k->len - 1);
	ok(verdict(&j) == CRYPTO_FAIL, "%u bits: a signature without its first octet fails", bits);
	j.sig_len = 0;
	ok(verdict(&j) == CRYPTO_FAIL, "%u bits: an empty signature fails", bits);

	j = good;
	BN_bn2bin(k->n, j.sig);
	ok(verdict(&j) == CRYPTO_FAIL, "%u bits: s = n fails", bits);
	memset(j.sig, 0xff, k->len);
	ok(verdict(&j) == CRYPTO_FAIL, "%u bits: s = all ones fails", bits);
	memset(j.sig, 0, k->len);
	ok(verdict(&j) == CRYPTO_FAIL, "%u bits: s = 0 fails", bits);
	j.sig[k->len - 1] = 1;
	ok(verdict(&j) == CRYPTO_FAIL, "%u bits: s = 1 fails", bits);

	/* s + n has the same residue; when it still has k octets it must fail all the same (RFC 8017 5.2.2). */
	BIGNUM *s = BN_bin2bn(good.sig, (int)k->len, NULL);
	BN_add(s, s, k->n);
	if ((size_t)BN_num_bytes(s) == k->len) {
		j = good;
		BN_bn2bin(s, j.sig);
		ok(verdict(&j) == CRYPTO_FAIL, "%u bits: s + n fails", bits);
	}
	BN_free(s);

	j = good;
	j.rsa_bits_min = (uint16_t)(bits + 1);
	ok(verdict(&j) == CRYPTO_SHORT_KEY && j.key_bits == bits, "%u bits: below rsa_bits_min it is short", bits);
	j = good;
	j.rsa_bits_max = (uint16_t)(bits - 1);
	ok(verdict(&j) == CRYPTO_LONG_KEY && j.key_bits == bits, "%u bits: above rsa_bits_max it is long", bits);
}

/* Encodings that are signed well and are not the one that RFC 8017 9.2 makes. */
static void wrong_encodings(const struct pair *k)
{
	uint8_t em[CRYPTO_SIG_MAX];
	size_t t_len = sizeof(info_sha256) + SHA256_LEN, at = k->len - t_len;
	struct crypto_job j;

	right_em(k, em);
	memmove(em + 11, em + at, t_len);
	em[10] = 0;
	memset(em + 11 + t_len, 0xaa, k->len - 11 - t_len);
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "short padding with octets after the digest fails");

	right_em(k, em);
	em[0] = 0;
	em[1] = 2;
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "block type 2 fails");

	right_em(k, em);
	em[20] = 0xfe;
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "padding other than ff fails");

	right_em(k, em);
	memmove(em + at + 2, em + at, 15);
	memset(em + 2, 0xff, at);
	em[at + 1] = 0x00;
	em[at + 2] = 0x30, em[at + 3] = 0x2f, em[at + 4] = 0x30, em[at + 5] = 0x0b;
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "DigestInfo without NULL fails");

	right_em(k, em);
	em[at - 1] = 0xff;
	em[at - 3] = 0x00;
	em[at - 2] = 0x30;
	em[at - 1] = 0x81;
	em[at] = 0x31;
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "a BER length in DigestInfo fails");

	right_em(k, em);
	em[at + 14] = 0x03;
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "the OID of SHA-512 before these octets fails");

	right_em(k, em);
	memset(em + 2, 0xff, k->len - 2);
	em[k->len - SHA256_LEN - 1] = 0;
	memcpy(em + k->len - SHA256_LEN, digest, SHA256_LEN);
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "a digest without DigestInfo fails");

	right_em(k, em);
	memset(em + 2, 0xff, k->len - 2);
	at = k->len - SHA1_LEN - sizeof(info_sha1);
	em[at - 1] = 0;
	memcpy(em + at, info_sha1, sizeof(info_sha1));
	memcpy(em + at + sizeof(info_sha1), digest, SHA1_LEN);
	j = job_of(k, em);
	ok(verdict(&j) == CRYPTO_FAIL, "a SHA-1 signature is none of SHA-256");
	j.alg = CRYPTO_RSA_SHA1;
	j.digest_len = SHA1_LEN;
	ok(verdict(&j) == CRYPTO_PASS, "and passes as rsa-sha1, for the tests that want it");
}

/* The forgery of 2006: with e = 3 a cube root whose cube begins as a good encoding does; no private key needed. */
static void cube_root(void)
{
	static struct pair k;

	generate(&k, 2048, 3);
	struct crypto_job j = good_job(&k);
	ok(verdict(&j) == CRYPTO_PASS, "e = 3: a good signature passes");

	uint8_t em[CRYPTO_SIG_MAX];
	right_em(&k, em);
	size_t t_len = sizeof(info_sha256) + SHA256_LEN;
	memmove(em + 11, em + k.len - t_len, t_len);
	em[10] = 0;
	memset(em + 11 + t_len, 0, k.len - 11 - t_len);

	BIGNUM *want = BN_bin2bn(em, (int)k.len, NULL), *root = BN_new(), *cube = BN_new();
	BN_zero(root);
	for (int bit = 690; bit >= 0; bit--) { /* the largest root whose cube is not above, then one more */
		BN_set_bit(root, bit);
		BN_sqr(cube, root, bn);
		BN_mul(cube, cube, root, bn);
		if (BN_cmp(cube, want) > 0)
			BN_clear_bit(root, bit);
	}
	BN_add_word(root, 1);
	BN_sqr(cube, root, bn);
	BN_mul(cube, cube, root, bn);
	uint8_t got[CRYPTO_SIG_MAX];
	BN_bn2binpad(cube, got, (int)k.len);
	ok(memcmp(got, em, 11 + t_len) == 0, "e = 3: the cube begins with padding, DigestInfo and digest");
	BN_bn2binpad(root, j.sig, (int)k.len);
	ok(verdict(&j) == CRYPTO_FAIL, "e = 3: the forged cube root fails");
	BN_free(want);
	BN_free(root);
	BN_free(cube);
	release(&k);
}

static void bad_keys(const struct pair *k)
{
	uint8_t em[CRYPTO_SIG_MAX];
	struct crypto_job j = good_job(k);
	struct pair *bad = calloc(1, sizeof(*bad));

	/* e = 1: the encoding is its own signature */
	bad->n = BN_dup(k->n);
	bad->e = BN_new();
	BN_one(bad->e);
	write_key(bad);
	right_em(k, em);
	memcpy(j.sig, em, k->len);
	memcpy(j.key, bad->spki.at, bad->spki.len);
	j.key_len = (uint16_t)bad->spki.len;
	ok(verdict(&j) == CRYPTO_BAD_KEY && j.key_bits == 0, "e = 1 is no key, although its encoding verifies");

	BN_sub_word(bad->n, 1);
	BN_set_word(bad->e, 65537);
	write_key(bad);
	j = good_job(k);
	memcpy(j.key, bad->spki.at, bad->spki.len);
	j.key_len = (uint16_t)bad->spki.len;
	ok(verdict(&j) == CRYPTO_BAD_KEY, "an even modulus is no key");

	j = good_job(k);
	j.key[j.key_len++] = 0;
	ok(verdict(&j) == CRYPTO_BAD_KEY, "a key with an octet after it is no key");
	j = good_job(k);
	j.key_len--;
	ok(verdict(&j) == CRYPTO_BAD_KEY, "a key cut short is no key");
	j.key_len = 0;
	ok(verdict(&j) == CRYPTO_BAD_KEY, "nothing is no key");
	j = good_job(k);
	j.key_len = 32;
	ok(verdict(&j) == CRYPTO_BAD_KEY, "32 octets are no RSA key");
	release(bad);
	free(bad);
}

/* Ed25519 */

static void ed25519(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct crypto_job good = { .alg = CRYPTO_ED25519_SHA256, .digest_len = SHA256_LEN }, j;
	size_t key_len = 32, sig_len = 64;

	memcpy(good.digest, digest, SHA256_LEN);
	EVP_PKEY_get_raw_public_key(key, good.key, &key_len);
	EVP_DigestSignInit(md, NULL, NULL, NULL, key);
	EVP_DigestSign(md, good.sig, &sig_len, digest, SHA256_LEN);
	good.key_len = (uint16_t)key_len;
	good.sig_len = (uint16_t)sig_len;
	j = good;
	ok(verdict(&j) == CRYPTO_PASS && j.key_bits == 256, "Ed25519: a good signature passes");
	ok(verdict(&j) == CRYPTO_PASS, "Ed25519: and again, with the key from the cache");

	j = good;
	j.digest[0] ^= 1;
	ok(verdict(&j) == CRYPTO_FAIL, "Ed25519: another digest fails");
	bool any = false;
	for (size_t i = 0; i < 64; i++) {
		j = good;
		j.sig[i] ^= 4;
		any |= verdict(&j) != CRYPTO_FAIL;
	}
	ok(!any, "Ed25519: a signature with one octet changed fails");
	j = good;
	j.key[5] ^= 1;
	ok(verdict(&j) == CRYPTO_FAIL, "Ed25519: another key fails, right after the good one");
	j = good;
	j.sig_len = 63;
	ok(verdict(&j) == CRYPTO_FAIL, "Ed25519: 63 octets fail");
	j.sig_len = 65;
	ok(verdict(&j) == CRYPTO_FAIL, "Ed25519: 65 octets fail");
	j = good;
	j.key_len = 31;
	ok(verdict(&j) == CRYPTO_BAD_KEY && j.key_bits == 0, "Ed25519: a key of 31 octets is no key");
	j.key_len = 44;
	ok(verdict(&j) == CRYPTO_BAD_KEY, "Ed25519: a SubjectPublicKeyInfo is no key (RFC 8463 4.2)");

	/* S + L is the same number modulo the group order (RFC 8032 5.1.7 wants S below L). */
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
					   0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
					   0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10 };
	unsigned carry = 0;
	j = good;
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)j.sig[32 + i] + order[i];
		j.sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	ok(carry == 0 && verdict(&j) == CRYPTO_FAIL, "Ed25519: S + L fails");
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
}

/* More keys than the cache holds, in changing order: the verdicts do not depend on what is cached. */
static void small_cache(const struct pair *a, const struct pair *b)
{
	static struct pair c;
	const struct pair *keys[] = { a, b, &c };
	static struct crypto_job jobs[3];
	struct crypto_backend *whole = backend;
	bool good = true;

	generate(&c, 1032, 65537);
	for (size_t i = 0; i < 3; i++)
		jobs[i] = good_job(keys[i]);
	for (uint32_t keys_max = 0; keys_max < 3; keys_max++) {
		backend = crypto_openssl_open(keys_max);
		for (size_t round = 0; round < 60; round++) {
			struct crypto_job *j = &jobs[round * round / 3 % 3];
			j->digest[0] ^= round & 1;
			good &= verdict(j) == (round & 1 ? CRYPTO_FAIL : CRYPTO_PASS);
			j->digest[0] ^= round & 1;
		}
		crypto_openssl_close(backend);
	}
	backend = whole;
	ok(good, "a cache of one or two keys gives the same verdicts");

	struct crypto_job *batch[] = { &jobs[2], &jobs[0], &jobs[1] };
	jobs[0].sig[9] ^= 1;
	crypto_verify(backend, batch, 3);
	ok(jobs[0].verdict == CRYPTO_FAIL && jobs[1].verdict == CRYPTO_PASS && jobs[2].verdict == CRYPTO_PASS,
	   "one bad signature of a batch is one bad verdict");
	release(&c);
}

static void hashes(void)
{
	const struct hash_ops *h = &crypto_openssl_hash;
	struct hash_state a, b;
	uint8_t d[SHA256_LEN];

	h->sha256_init(&a);
	h->sha256_update(&a, SPAN("a"));
	h->sha256_update(&a, span_of(NULL, 0));
	b = a;
	h->sha256_update(&a, SPAN("bc"));
	h->sha256_final(&a, d);
	is_span(span_of(d, 32),
		SPAN("\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c"
		     "\xb4\x10\xff\x61\xf2\x00\x15\xad"),
		"SHA-256 of abc (FIPS 180-2 B.1)");
	h->sha256_update(&b, SPAN("bc"));
	h->sha256_final(&b, digest);
	ok(span_eq(span_of(d, 32), span_of(digest, 32)), "a running hash is copied by assignment");
	h->sha1_init(&a);
	h->sha1_update(&a, SPAN("abc"));
	h->sha1_final(&a, d);
	is_span(span_of(d, 20),
		SPAN("\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d"),
		"SHA-1 of abc (FIPS 180-2 A.1)");
}

int main(int argc, char **argv)
{
	static struct pair k512, k1024, k2048, k4096, k8192;

	bn = BN_CTX_new();
	backend = crypto_openssl_open(64);
	ok(backend != NULL, "OpenSSL can be used");
	open_others(argc ? argv[0] : "");
	hashes();

	generate(&k1024, 1024, 65537);
	generate(&k2048, 2048, 65537);
	multiply(&k4096, BN_get_rfc3526_prime_2048(NULL), NID_ffdhe2048);
	multiply(&k8192, BN_get_rfc3526_prime_4096(NULL), NID_ffdhe4096);
	key_life(&k1024, 1024);
	key_life(&k2048, 2048);
	key_life(&k4096, 4096);
	key_life(&k8192, 8192);
	wrong_encodings(&k2048);
	cube_root();
	bad_keys(&k1024);

	generate(&k512, 512, 65537);
	struct crypto_job j = good_job(&k512);
	ok(verdict(&j) == CRYPTO_SHORT_KEY && j.key_bits == 512, "512 bits are short (RFC 8301 3.2)");

	ed25519();
	small_cache(&k1024, &k2048);
	ok(n_differing == 0, "%u verdicts of %u other backends, alone and in every lane: none differs", n_compared,
	   n_others);
	ok(provider_paused(), "the provider had its jobs paused");
	for (unsigned i = 0; i < n_others; i++)
		others[i]->close(others[i]);
	release(&k512);
	release(&k1024);
	release(&k2048);
	release(&k4096);
	release(&k8192);
	crypto_openssl_close(backend);
	crypto_openssl_close(NULL);
	BN_CTX_free(bn);
	return done();
}
