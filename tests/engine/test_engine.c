// SPDX-License-Identifier: MIT
/*
 * test_engine.c - an OpenSSL engine with the manners of hardware: RSA's operations in a thread of its own
 *
 * It is what QAT's engine looks like from outside: a job pauses until the thread has computed, the command POLL calls
 * back (or the thread itself, when external polling was not asked for), a full ring asks to be tried again.  The command
 * MODE tells it to behave badly; so does the first word of the file that SEKISHO_TEST_ENGINE names, at any time:
 *
 *	ok       as it should        delay    a millisecond later         reorder  the youngest first
 *	full     a ring of four      error    no result, 0 or -1          never    what is asked is not answered
 *	late     60 ms later         flip     one bit of the result is wrong
 *
 * With SEKISHO_TEST_ENGINE_POLLS in its environment it refuses external polling.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/async.h>
#include <openssl/engine.h>
#include <openssl/rsa.h>

enum { RING = 1024, RING_FULL = 4 };
enum { COMMAND_MODE = ENGINE_CMD_BASE, COMMAND_EXTERNAL, COMMAND_POLL };
enum mode { MODE_OK, MODE_DELAY, MODE_REORDER, MODE_FULL, MODE_ERROR, MODE_NEVER, MODE_LATE, MODE_FLIP, N_MODES };

static const char *const mode_names[N_MODES] = { "ok", "delay", "reorder", "full", "error", "never", "late", "flip" };

/* One operation; it lies on the stack of its job, which is there until the job has ended. */
struct request {
	bool is_private;
	int len, padding, result;
	const unsigned char *from;
	unsigned char *to;
	RSA *rsa;
	uint64_t due_us;
	ASYNC_callback_fn call;
	void *call_arg;
	atomic_bool done;
};

static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	bool runs;
	atomic_bool stop, external;
	_Atomic enum mode mode;
	unsigned n_errors;
	struct request *asked[RING], *computed[RING];
	unsigned n_asked, n_computed;
} device = { .lock = PTHREAD_MUTEX_INITIALIZER };

static RSA_METHOD *method;

static const ENGINE_CMD_DEFN commands[] = {
	{ COMMAND_MODE, "MODE", "how it behaves", ENGINE_CMD_FLAG_STRING },
	{ COMMAND_EXTERNAL, "ENABLE_EXTERNAL_POLLING", "POLL will be called", ENGINE_CMD_FLAG_NO_INPUT },
	{ COMMAND_POLL, "POLL", "calls back for what has ended", ENGINE_CMD_FLAG_INTERNAL },
	{ 0, NULL, NULL, 0 },
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void set_mode(const char *name)
{
	for (int i = 0; i < N_MODES; i++)
		if (strcmp(name, mode_names[i]) == 0)
			atomic_store(&device.mode, (enum mode)i);
}

/* --- what a job does */

static bool ask(struct request *r)
{
	enum mode mode = atomic_load(&device.mode);

	pthread_mutex_lock(&device.lock);
	unsigned room = mode == MODE_FULL ? RING_FULL : RING;
	bool good = device.n_asked + device.n_computed < room;

	if (good) {
		r->due_us = now_us() + (mode == MODE_LATE ? 60000 : mode == MODE_DELAY ? 1000 : 0);
		device.asked[device.n_asked++] = r;
	}
	pthread_mutex_unlock(&device.lock);
	return good;
}

static int by_openssl(const struct request *r)
{
	const RSA_METHOD *m = RSA_PKCS1_OpenSSL();

	return (r->is_private ? RSA_meth_get_priv_enc(m) : RSA_meth_get_pub_dec(m))(r->len, r->from, r->to, r->rsa,
										    r->padding);
}

static int by_device(struct request r)
{
	ASYNC_JOB *job = ASYNC_get_current_job();

	if (!job)
		return by_openssl(&r);
	ASYNC_WAIT_CTX *wait = ASYNC_get_wait_ctx(job);

	ASYNC_WAIT_CTX_get_callback(wait, &r.call, &r.call_arg);
	while (!ask(&r)) {
		ASYNC_WAIT_CTX_set_status(wait, ASYNC_STATUS_EAGAIN);
		ASYNC_pause_job();
	}
	do
		ASYNC_pause_job();
	while (!atomic_load(&r.done));
	return r.result;
}

static int pub_dec(int len, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	return by_device((struct request){ .len = len, .padding = padding, .from = from, .to = to, .rsa = rsa });
}

static int priv_enc(int len, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	return by_device((struct request){
		.is_private = true, .len = len, .padding = padding, .from = from, .to = to, .rsa = rsa });
}

/* --- the hardware */

static void compute(struct request *r)
{
	enum mode mode = atomic_load(&device.mode);

	if (mode == MODE_ERROR) {
		r->result = -(int)(device.n_errors++ % 2);
		return;
	}
	r->result = by_openssl(r);
	if (mode == MODE_FLIP && r->result > 0)
		r->to[r->result - 1] ^= 1;
}

static void finish(struct request *r)
{
	ASYNC_callback_fn call = r->call;
	void *arg = r->call_arg;

	atomic_store(&r->done, true); /* from now on its job may go on, and r with it */
	call(arg);
}

static struct request *remove_at(struct request **list, unsigned *n, unsigned i)
{
	struct request *r = list[i];

	memmove(list + i, list + i + 1, (--*n - i) * sizeof(*list));
	return r;
}

/* The next one that is due; the lock is held. */
static struct request *next_asked(void)
{
	enum mode mode = atomic_load(&device.mode);
	unsigned at = mode == MODE_REORDER && device.n_asked ? device.n_asked - 1 : 0;

	if (device.n_asked == 0 || mode == MODE_NEVER || device.asked[at]->due_us > now_us())
		return NULL;
	return remove_at(device.asked, &device.n_asked, at);
}

static void read_mode(void)
{
	const char *path = getenv("SEKISHO_TEST_ENGINE");
	FILE *f = path ? fopen(path, "r") : NULL;
	char word[16];

	if (!f)
		return;
	if (fscanf(f, "%15s", word) == 1)
		set_mode(word);
	fclose(f);
}

static void *work(void *arg)
{
	uint64_t read_us = 0;

	(void)arg;
	while (!atomic_load(&device.stop)) {
		if (now_us() >= read_us) {
			read_mode();
			read_us = now_us() + 20000;
		}
		pthread_mutex_lock(&device.lock);
		struct request *r = next_asked();
		pthread_mutex_unlock(&device.lock);
		if (!r) {
			nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
			continue;
		}
		compute(r);
		if (!atomic_load(&device.external)) {
			finish(r);
			continue;
		}
		pthread_mutex_lock(&device.lock);
		device.computed[device.n_computed++] = r; /* n_asked + n_computed was below RING, and is no more now */
		pthread_mutex_unlock(&device.lock);
	}
	return NULL;
}

static void call_back(void)
{
	for (;;) {
		pthread_mutex_lock(&device.lock);
		struct request *r = device.n_computed ? remove_at(device.computed, &device.n_computed, 0) : NULL;
		pthread_mutex_unlock(&device.lock);
		if (!r)
			return;
		finish(r);
	}
}

/* --- the engine */

static int init(ENGINE *e)
{
	(void)e;
	atomic_store(&device.stop, false);
	read_mode();
	device.runs = pthread_create(&device.thread, NULL, work, NULL) == 0;
	return device.runs;
}

static int end(ENGINE *e)
{
	(void)e;
	atomic_store(&device.stop, true);
	if (device.runs)
		pthread_join(device.thread, NULL);
	device.runs = false;
	return 1;
}

static int destroy(ENGINE *e)
{
	(void)e;
	RSA_meth_free(method);
	method = NULL;
	return 1;
}

static int control(ENGINE *e, int command, long i, void *p, void (*f)(void))
{
	(void)e, (void)i, (void)f;
	switch (command) {
	case COMMAND_MODE:
		set_mode(p);
		return 1;
	case COMMAND_EXTERNAL:
		if (getenv("SEKISHO_TEST_ENGINE_POLLS"))
			return 0;
		atomic_store(&device.external, true);
		return 1;
	case COMMAND_POLL:
		call_back();
		*(int *)p = 1;
		return 1;
	default:
		return 0;
	}
}

static int bind(ENGINE *e, const char *id)
{
	(void)id;
	method = RSA_meth_dup(RSA_get_default_method());
	return method && RSA_meth_set1_name(method, "test engine") && RSA_meth_set_pub_dec(method, pub_dec) &&
	       RSA_meth_set_priv_enc(method, priv_enc) && ENGINE_set_id(e, "sekishotest") &&
	       ENGINE_set_name(e, "test engine of sekisho") && ENGINE_set_RSA(e, method) &&
	       ENGINE_set_init_function(e, init) && ENGINE_set_finish_function(e, end) &&
	       ENGINE_set_destroy_function(e, destroy) && ENGINE_set_ctrl_function(e, control) &&
	       ENGINE_set_cmd_defns(e, commands);
}

IMPLEMENT_DYNAMIC_CHECK_FN()
IMPLEMENT_DYNAMIC_BIND_FN(bind)
