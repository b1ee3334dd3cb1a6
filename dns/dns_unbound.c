// SPDX-License-Identifier: MIT
/*
 * dns_unbound.c - libunbound as a resolver
 *
 * libunbound resolves in a thread of its own and says so through a descriptor; ub_process() then calls us back,
 * in our thread, with one result at a time.  Results wait in a list until dns_resolver.next() makes an answer of
 * them.  The library's own cache is small on purpose: answers are cached above us, it keeps what it needs to
 * find the next server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unbound.h>

#include "dns/dns_rdata.h"
#include "dns/dns_unbound.h"

#define CLASS_IN 1
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3
#define ANSWER_MAX 65536                        /* what the cache takes; more is a failure */
#define PRESENTATION_MAX (4 * DNS_NAME_MAX + 2) /* every octet as \DDD, a final dot and a NUL */
#define UNDER_WAY_MAX 65536
#define OUTGOING_MIN 16

struct driver;

struct query {
	struct driver *driver;
	uint64_t ticket;
	struct ub_result *result; /* NULL: libunbound itself failed */
	struct query *next;       /* free, or finished */
};

struct driver {
	struct ub_ctx *ctx;
	struct query *free;
	struct query *finished, **finished_end;
	struct query *queries; /* under_way_max */
	_Alignas(8) uint8_t answer[ANSWER_MAX];
	uint8_t rdata[65536];
};

/* result to answer */

static const struct dns_answer *failure(struct driver *d)
{
	return dns_answer_init(d->answer, sizeof(d->answer), DNS_SERVFAIL, 0);
}

/* Records that no core may see are left out; when none is left, or not all fit, the answer is a failure. */
static const struct dns_answer *records(struct driver *d, const struct ub_result *r, struct dns_answer *a)
{
	for (size_t i = 0; r->data[i]; i++) {
		struct span wire = span_of(r->data[i], r->len[i] > 0 ? (size_t)r->len[i] : 0);
		size_t len;

		if (wire.len > sizeof(d->rdata) || !dns_rdata_read((unsigned)r->qtype, wire, d->rdata, &len))
			continue;
		if (!dns_answer_add(a, sizeof(d->answer), span_of(d->rdata, len)))
			return failure(d);
	}
	return a->n_records ? a : failure(d);
}

static const struct dns_answer *answer_of(struct driver *d, const struct ub_result *r)
{
	uint32_t ttl_s = r && r->ttl > 0 ? (uint32_t)r->ttl : 0;
	enum dns_rcode rcode = DNS_SERVFAIL;

	if (!r || r->bogus)
		return failure(d);
	if (r->nxdomain || r->rcode == RCODE_NXDOMAIN)
		rcode = DNS_NXDOMAIN;
	else if (r->rcode == RCODE_NOERROR)
		rcode = DNS_NODATA;
	else
		return failure(d);

	struct dns_answer *a = dns_answer_init(d->answer, sizeof(d->answer), rcode, ttl_s);

	a->secure = r->secure != 0;
	return r->havedata && rcode == DNS_NODATA ? records(d, r, a) : a;
}

/* resolver */

/* Presentation form: whatever is not plain is \DDD, so that libunbound asks for these very octets. */
static void presentation(const struct dns_question *q, char out[PRESENTATION_MAX])
{
	char *at = out;

	for (size_t i = 0; i < q->len; i++) {
		uint8_t c = q->name[i];

		if (byte_is_alnum(c) || c == '-' || c == '_' || c == '.') {
			*at++ = (char)c;
			continue;
		}
		*at++ = '\\';
		*at++ = (char)('0' + c / 100);
		*at++ = (char)('0' + c / 10 % 10);
		*at++ = (char)('0' + c % 10);
	}
	*at++ = '.';
	*at = '\0';
}

static void finish(void *arg, int error, struct ub_result *result)
{
	struct query *query = arg;
	struct driver *d = query->driver;

	query->result = error ? NULL : result;
	query->next = NULL;
	*d->finished_end = query;
	d->finished_end = &query->next;
}

static bool ask(void *driver, const struct dns_question *q, uint64_t ticket)
{
	struct driver *d = driver;
	struct query *query = d->free;
	char name[PRESENTATION_MAX];

	if (!query)
		return false;
	presentation(q, name);
	query->ticket = ticket;
	d->free = query->next;
	if (ub_resolve_async(d->ctx, name, q->type, CLASS_IN, query, finish, NULL) != 0) {
		query->next = d->free;
		d->free = query;
		return false;
	}
	return true;
}

static bool next(void *driver, uint64_t *ticket, const struct dns_answer **answer)
{
	struct driver *d = driver;

	if (!d->finished)
		ub_process(d->ctx);
	struct query *query = d->finished;

	if (!query)
		return false;
	d->finished = query->next;
	if (!d->finished)
		d->finished_end = &d->finished;
	*ticket = query->ticket;
	*answer = answer_of(d, query->result);
	ub_resolve_free(query->result);
	query->result = NULL;
	query->next = d->free;
	d->free = query;
	return true;
}

static int fd(void *driver)
{
	return ub_fd(((struct driver *)driver)->ctx);
}

static void close_driver(void *driver)
{
	struct driver *d = driver;

	if (d->ctx)
		ub_ctx_delete(d->ctx); /* joins the thread; what is under way is never called back */
	for (struct query *query = d->finished; query; query = query->next)
		ub_resolve_free(query->result);
	free(d->queries);
	free(d);
}

/* opening */

struct option {
	const char *name, *value;
};

static const struct option options[] = {
	{ "edns-buffer-size:", "1232" }, /* DNS flag day 2020: no fragments; longer answers come by TCP */
	{ "outgoing-num-tcp:", "32" },
	{ "msg-cache-size:", "4m" },
	{ "rrset-cache-size:", "16m" },
};

/* Recursive: a stranger's zone may name 127.0.0.1 as its server.  Forwarding: only the operator's servers are asked. */
static const struct option recursive_options[] = { { "do-not-query-localhost:", "yes" } };
static const struct option forward_options[] = {
	{ "do-not-query-localhost:", "no" },
	/* Addresses of private networks: the operator's servers may well know them. */
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
};
static const struct option plain_options[] = { { "module-config:", "iterator" } }; /* no validator */

static int set_options(struct ub_ctx *ctx, const struct option *set, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int error = ub_ctx_set_option(ctx, set[i].name, set[i].value);

		if (error)
			return error;
	}
	return 0;
}

#define SET_OPTIONS(ctx, set) set_options((ctx), (set), sizeof(set) / sizeof((set)[0]))

/*
 * Sockets at once, one a question on its way: the library's 16 would queue a busy gateway's questions behind one slow
 * zone, and with servers 100 ms away even 256 are 2 560 questions a second.  As many as may be under way, as far as the
 * process may open descriptors; the library drops old questions for new ones when it has fewer places than those.
 */
static int set_outgoing(struct ub_ctx *ctx, uint32_t under_way_max)
{
	struct rlimit files;
	char number[16];
	rlim_t n = under_way_max;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY && n > files.rlim_cur / 2)
		n = files.rlim_cur / 2;
	if (n < OUTGOING_MIN)
		n = OUTGOING_MIN;
	snprintf(number, sizeof(number), "%u", (unsigned)n);
	const struct option range[] = { { "outgoing-range:", number }, { "num-queries-per-thread:", number } };
	return SET_OPTIONS(ctx, range);
}

static int configure(struct ub_ctx *ctx, const struct dns_unbound_settings *settings)
{
	bool forward = settings->forwarders && settings->forwarders[0];
	bool validate = settings->trust_anchor_file && settings->trust_anchor_file[0];
	int error = SET_OPTIONS(ctx, options);

	if (!error)
		error = set_outgoing(ctx, settings->under_way_max);
	/* Strangers' zones choose what it would complain of, on our standard error. */
	if (!error)
		error = ub_ctx_debugout(ctx, NULL);
	if (!error)
		error = forward ? SET_OPTIONS(ctx, forward_options) : SET_OPTIONS(ctx, recursive_options);
	for (size_t i = 0; !error && forward && settings->forwarders[i]; i++)
		error = ub_ctx_set_fwd(ctx, settings->forwarders[i]);
	if (!error)
		error = validate ? ub_ctx_add_ta_file(ctx, settings->trust_anchor_file)
				 : SET_OPTIONS(ctx, plain_options);
	if (!error)
		error = ub_ctx_async(ctx, 1);
	/*
	 * "test." is answered by the library itself (RFC 6761 6.2) unless it is removed: a forwarder may know it.  The call
	 * also makes the library read its files now, and not at the first question, so it is made in both cases.
	 */
	if (!error)
		error = ub_ctx_zone_remove(ctx, forward ? "test." : "unused.invalid.");
	return error;
}

/* libunbound would only say "initialization failure". */
static bool readable(const char *path)
{
	FILE *f = fopen(path, "r");

	if (f)
		fclose(f);
	return f != NULL;
}

bool dns_unbound_open(struct dns_resolver *r, const struct dns_unbound_settings *settings, const char **error)
{
	struct driver *d = calloc(1, sizeof(*d));
	uint32_t n = settings->under_way_max;
	int code;

	if (n == 0 || n > UNDER_WAY_MAX)
		n = n ? UNDER_WAY_MAX : 1;
	if (d)
		d->queries = calloc(n, sizeof(*d->queries));
	if (!d || !d->queries) {
		free(d);
		*error = "no memory";
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		d->queries[i] = (struct query){ .driver = d, .next = d->free };
		d->free = &d->queries[i];
	}
	d->finished_end = &d->finished;
	d->ctx = ub_ctx_create();
	*error = NULL;
	if (!d->ctx)
		*error = "libunbound cannot start";
	else if (settings->trust_anchor_file && settings->trust_anchor_file[0] &&
		 !readable(settings->trust_anchor_file))
		*error = "the trust anchor file cannot be read";
	else if ((code = configure(d->ctx, settings)) != 0)
		*error = ub_strerror(code);
	if (*error) {
		close_driver(d);
		return false;
	}
	*r = (struct dns_resolver){ .driver = d, .ask = ask, .next = next, .fd = fd, .close = close_driver };
	return true;
}
