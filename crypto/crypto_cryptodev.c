// SPDX-License-Identifier: MIT
/*
 * crypto_cryptodev.c - a DPDK crypto device that does RSA
 *
 * The operation is ENCRYPT without padding, the bare public operation.  VERIFY would compare in the driver, and without
 * padding some report success for whatever they are given; with padding QAT does not know it.
 *
 * Sessions hold keys.  They cost as much as a verification to make, so they are kept, from a bounded pool.  What the
 * device is given, and where it writes, lies in crypto_op: drivers of asymmetric operations take addresses of ours and
 * copy.
 */
#define ALLOW_EXPERIMENTAL_API /* sessions of asymmetric operations, in 22.11 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_dev.h>
#include <rte_crypto.h>
#include <rte_cryptodev.h>
#include <rte_mempool.h>

#include "crypto/crypto_cryptodev.h"
#include "crypto/key_cache.h"

enum { BURST = 32, DRAIN_TURNS = 3000 /* of 100 us */ };

struct cryptodev {
	struct crypto_device device;
	struct key_cache *keys;
	struct rte_mempool *sessions, *ops;
	uint16_t queue;
	uint32_t n_out; /* staged, with the device, or fetched */
	struct rte_crypto_op *staged[BURST], *fetched[BURST];
	uint16_t n_staged, n_fetched;
};

/* The one device, whose queue pairs the workers share out. */
static struct {
	uint8_t id;
	bool is_virtual;
	char name[64];
	unsigned n_users;
} shared;

/* An operation's own part, after the asymmetric operation itself. */
struct own {
	struct crypto_op *op;
	struct cached_key *key;
};

static struct own *own_of(struct rte_crypto_op *o)
{
	return (struct own *)(void *)((uint8_t *)o + sizeof(*o) + sizeof(struct rte_crypto_asym_op));
}

/* --- keys */

static void *make_session(void *arg, const struct crypto_job *job, const struct rsa_key *rsa)
{
	struct cryptodev *c = arg;
	uint8_t n[CRYPTO_SIG_MAX],
		e[4] = { (uint8_t)(rsa->e >> 24), (uint8_t)(rsa->e >> 16), (uint8_t)(rsa->e >> 8), (uint8_t)rsa->e };
	struct rte_crypto_asym_xform xform = { .xform_type = RTE_CRYPTO_ASYM_XFORM_RSA };
	size_t zeros = 0;
	void *session = NULL;

	(void)job;
	while (zeros < 3 && e[zeros] == 0)
		zeros++;
	memcpy(n, rsa->n.at, rsa->n.len);
	xform.rsa.n.data = n;
	xform.rsa.n.length = rsa->n.len;
	xform.rsa.e.data = e + zeros;
	xform.rsa.e.length = sizeof(e) - zeros;
	xform.rsa.key_type = RTE_RSA_KEY_TYPE_EXP; /* with no private exponent */
	if (rte_cryptodev_asym_session_create(shared.id, &xform, c->sessions, &session) != 0)
		return NULL;
	return session;
}

static void free_session(void *arg, void *form, bool is_rsa)
{
	(void)arg, (void)is_rsa;
	rte_cryptodev_asym_session_free(shared.id, form);
}

/* --- operations */

static enum device_answer submit(void *driver, struct crypto_op *op, const struct crypto_job *job,
				 const struct rsa_key *key)
{
	struct cryptodev *c = driver;

	if (c->n_staged == BURST || c->n_out == c->device.ops_max)
		return DEVICE_FULL;
	struct cached_key *k = key_cache_find(c->keys, job, key);
	struct rte_crypto_op *o = k ? rte_crypto_op_alloc(c->ops, RTE_CRYPTO_OP_TYPE_ASYMMETRIC) : NULL;

	if (!o)
		return DEVICE_FAILED;
	struct rte_crypto_rsa_op_param *rsa = &o->asym->rsa;

	rte_crypto_op_attach_asym_session(o, k->form);
	rsa->op_type = RTE_CRYPTO_ASYM_OP_ENCRYPT;
	rsa->padding.type = RTE_CRYPTO_RSA_PADDING_NONE;
	rsa->message.data = op->sig;
	rsa->message.length = op->len;
	rsa->cipher.data = op->em;
	rsa->cipher.length = op->len; /* room, and as long as it will be */
	k->n_users++;
	*own_of(o) = (struct own){ op, k };
	c->staged[c->n_staged++] = o;
	c->n_out++;
	return DEVICE_TOOK;
}

/* One burst each way. */
static void device_turn(struct cryptodev *c)
{
	uint16_t sent = c->n_staged ? rte_cryptodev_enqueue_burst(shared.id, c->queue, c->staged, c->n_staged) : 0;

	c->n_staged = (uint16_t)(c->n_staged - sent);
	memmove(c->staged, c->staged + sent, c->n_staged * sizeof(struct rte_crypto_op *));
	if (c->n_out > c->n_staged)
		c->n_fetched = rte_cryptodev_dequeue_burst(shared.id, c->queue, c->fetched, BURST);
}

static struct crypto_op *poll(void *driver, uint64_t now_us)
{
	struct cryptodev *c = driver;

	(void)now_us;
	if (c->n_fetched == 0)
		device_turn(c);
	if (c->n_fetched == 0)
		return NULL;
	struct rte_crypto_op *o = c->fetched[--c->n_fetched];
	struct own *own = own_of(o);
	struct crypto_op *op = own->op;

	op->good = o->status == RTE_CRYPTO_OP_STATUS_SUCCESS && o->asym->rsa.cipher.length == op->len;
	own->key->n_users--;
	c->n_out--;
	rte_crypto_op_free(o);
	return op;
}

/* What is fetched stays for poll(); a device that keeps an operation for ever keeps this waiting some time, no longer. */
static void drain(void *driver)
{
	struct cryptodev *c = driver;
	const struct timespec moment = { .tv_nsec = 100000 };

	for (unsigned i = 0; i < DRAIN_TURNS && c->n_out && c->n_fetched == 0; i++) {
		device_turn(c);
		if (c->n_fetched == 0)
			nanosleep(&moment, NULL);
	}
}

/* --- set-up */

static bool does_rsa(uint8_t id)
{
	const struct rte_cryptodev_asym_capability_idx rsa = { .type = RTE_CRYPTO_ASYM_XFORM_RSA };
	const struct rte_cryptodev_asymmetric_xform_capability *c = rte_cryptodev_asym_capability_get(id, &rsa);

	return c && rte_cryptodev_asym_xform_capability_check_optype(c, RTE_CRYPTO_ASYM_OP_ENCRYPT) != 0;
}

static bool find_device(const char *name, const char **why)
{
	int id = rte_cryptodev_get_dev_id(name);

	shared.is_virtual = id < 0 && rte_eal_hotplug_add("vdev", name, "") == 0;
	if (shared.is_virtual)
		id = rte_cryptodev_get_dev_id(name);
	if (id < 0) {
		*why = "DPDK has no such crypto device; see crypto.device";
		return false;
	}
	shared.id = (uint8_t)id;
	snprintf(shared.name, sizeof(shared.name), "%s", name);
	*why = "the crypto device does no RSA, or cannot be started with a queue pair for each worker";
	return does_rsa(shared.id);
}

static bool start_device(const struct crypto_device_want *want)
{
	int socket = rte_cryptodev_socket_id(shared.id);
	struct rte_cryptodev_config config = { .socket_id = socket,
					       .nb_queue_pairs = (uint16_t)want->n,
					       .ff_disable = RTE_CRYPTODEV_FF_SECURITY };
	const struct rte_cryptodev_qp_conf queue = { .nb_descriptors = rte_align32pow2(2 * want->ops_max) };

	if (rte_cryptodev_configure(shared.id, &config) != 0)
		return false;
	for (uint16_t i = 0; i < want->n; i++)
		if (rte_cryptodev_queue_pair_setup(shared.id, i, &queue, socket) != 0)
			return false;
	return rte_cryptodev_start(shared.id) == 0;
}

static void give_device(void)
{
	if (--shared.n_users > 0)
		return;
	rte_cryptodev_stop(shared.id);
	rte_cryptodev_close(shared.id);
	if (shared.is_virtual)
		rte_eal_hotplug_remove("vdev", shared.name);
}

static void close_cryptodev(struct crypto_device *device)
{
	struct cryptodev *c = device->driver;

	if (c->n_out) /* drain() has waited for them: the device may still write */
		return;
	key_cache_close(c->keys);
	rte_mempool_free(c->sessions);
	rte_mempool_free(c->ops);
	give_device();
	free(c);
}

static bool make_pools(struct cryptodev *c, const struct crypto_device_want *want)
{
	const struct key_maker maker = { .make = make_session, .release = free_session, .arg = c };
	char name[32];

	snprintf(name, sizeof(name), "sessions-%u", want->index);
	/* one more: a new key's session is made before the old one's is freed */
	c->sessions = rte_cryptodev_asym_session_pool_create(name, want->keys_max + 1, 0, 0, SOCKET_ID_ANY);
	snprintf(name, sizeof(name), "operations-%u", want->index);
	c->ops = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_ASYMMETRIC, want->ops_max, 0, sizeof(struct own),
					   SOCKET_ID_ANY);
	c->keys = c->sessions && c->ops ? key_cache_open(want->keys_max, &maker) : NULL;
	return c->keys != NULL;
}

struct crypto_device *crypto_cryptodev_open(const struct crypto_device_want *want, const char **why)
{
	if (shared.n_users == 0 && (!find_device(want->name, why) || !start_device(want)))
		return NULL;
	struct cryptodev *c = calloc(1, sizeof(*c));

	shared.n_users++;
	*why = "no memory for the crypto device's sessions; lower crypto.device_in_flight";
	if (!c) {
		give_device();
		return NULL;
	}
	c->queue = (uint16_t)want->index;
	c->device = (struct crypto_device){ .name = "cryptodev",
					    .driver = c,
					    .ops_max = want->ops_max,
					    .bits_min = want->bits_min,
					    .bits_max = want->bits_max,
					    .submit = submit,
					    .poll = poll,
					    .drain = drain,
					    .close = close_cryptodev };
	if (make_pools(c, want))
		return &c->device;
	close_cryptodev(&c->device);
	return NULL;
}
