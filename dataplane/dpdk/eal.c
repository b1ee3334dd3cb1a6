// SPDX-License-Identifier: MIT
/*
 * eal.c - start of DPDK's environment: its arguments, made from our settings
 *
 * The operator names devices; whether there are hugepages, and which buses to look at, is found out here.
 */
#include <ctype.h>
#include <dirent.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "dataplane/dpdk/dpdk_state.h"

#define ARGS_MAX (16 + 2 * SETTINGS_PORTS_MAX + SETTINGS_EAL_MAX)
#define ARG_MAX (SETTINGS_STR_MAX + 32)
#define MBUF_OCTETS 2496    /* one packet buffer of the default size with its header */
#define MBUF_OCTETS_4K 4352 /* the same where no object may cross a 4 KiB page: one a page, and the pool's own */
#define OTHER_OCTETS (UINT64_C(24) << 20) /* the EAL itself, queues, rings */

/* EAL may keep pointers into its arguments. */
static struct {
	char text[ARGS_MAX][ARG_MAX];
	char *argv[ARGS_MAX + 1];
	int n;
} args;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
	__builtin_va_list list;

	if (args.n == ARGS_MAX)
		return;
	__builtin_va_start(list, format);
	vsnprintf(args.text[args.n], ARG_MAX, format, list);
	__builtin_va_end(list);
	args.argv[args.n] = args.text[args.n];
	args.n++;
}

/* "0000:3b:00.0" or "3b:00.0" */
bool eal_is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	int n = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &n) == 4 && !device[n])
		return true;
	return sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &n) == 3 && !device[n];
}

/* --- memory -------------------------------------------------------------------------------- */

static uint64_t read_number(const char *path)
{
	unsigned long long n = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

static uint64_t free_hugepage_octets(void)
{
	static const char root[] = "/sys/kernel/mm/hugepages";
	DIR *dir = opendir(root);
	uint64_t octets = 0;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		char path[sizeof(root) + sizeof(e->d_name) + 32];
		unsigned long kb;

		if (sscanf(e->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", root, e->d_name);
		octets += read_number(path) * kb * 1024;
	}
	if (dir)
		closedir(dir);
	return octets;
}

static uint64_t n_buffers(const struct dpdk *d, const struct settings *s)
{
	return (uint64_t)d->n_workers * s->n_ports * s->limits_mbufs;
}

/* Jumbo frames need larger buffers. */
static uint64_t times_mtu(uint64_t octets, const struct settings *s)
{
	uint64_t most = 1;

	for (unsigned i = 0; i < s->n_ports; i++)
		if ((s->ports[i].mtu + UINT64_C(127)) / 2048 + 1 > most)
			most = (s->ports[i].mtu + UINT64_C(127)) / 2048 + 1;
	return octets * most;
}

static void choose_memory(struct dpdk *d, const struct settings *s)
{
	uint64_t need = times_mtu(n_buffers(d, s) * MBUF_OCTETS, s) + OTHER_OCTETS;
	uint64_t asked = s->server_hugepages_mb << 20;

	d->hugepages = free_hugepage_octets() >= (asked ? asked : need);
	if (d->hugepages) {
		add("--in-memory");
		if (asked)
			add("-m");
		if (asked)
			add("%llu", (unsigned long long)s->server_hugepages_mb);
		return;
	}
	need = times_mtu(n_buffers(d, s) * MBUF_OCTETS_4K, s) + OTHER_OCTETS;
	add("--no-huge");
	add("--no-shconf");
	add("-m");
	add("%llu", (unsigned long long)(need >> 20));
	text_puts(&d->notes, "packet buffers lie in ordinary pages, as ");
	text_dec(&d->notes, (asked ? asked : need) >> 20);
	text_puts(&d->notes, " MiB of free hugepages were not found; for speed reserve some (vm.nr_hugepages)\n");
}

/* --- devices ------------------------------------------------------------------------------- */

static void add_devices(const struct dpdk *d, const struct settings *s)
{
	bool any_pci = false;

	for (unsigned i = 0; i < s->n_ports; i++)
		any_pci |= eal_is_pci(s->ports[i].device);
	if (!any_pci)
		add("--no-pci");
	for (unsigned i = 0; i < s->n_ports; i++) {
		const char *device = s->ports[i].device;

		if (eal_is_pci(device)) {
			add("-a");
			add("%s", device);
		} else if (strncmp(device, "net_af_packet", 13) == 0 && !strstr(device, "qpairs=")) {
			add("--vdev=%s,qpairs=%u", device, d->n_workers);
		} else {
			add("--vdev=%s", device);
		}
	}
}

/*
 * The kernel lets a second process join a TAP interface as one more queue, and DPDK takes the interface down when that
 * process ends.  One that runs has its reader already; one that waits to be taken has none.
 */
static bool tap_is_taken(const char *device)
{
	const char *name = strncmp(device, "net_tap", 7) == 0 ? strstr(device, "iface=") : NULL;
	struct ifreq r = { 0 };
	int fd = name ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0)
		return false;
	name += strlen("iface=");
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.*s", (int)strcspn(name, ","), name);
	bool taken = ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_RUNNING);
	close(fd);
	return taken;
}

static bool devices_free(const struct settings *s, struct text *error)
{
	for (unsigned i = 0; i < s->n_ports; i++)
		if (tap_is_taken(s->ports[i].device)) {
			text_puts(error, "port ");
			text_puts(error, s->ports[i].device);
			text_puts(error, ": another program has this interface; end that, or give another iface");
			return false;
		}
	return true;
}

static unsigned first_core(const cpu_set_t *cores)
{
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, cores))
			return i;
	return 0;
}

/*
 * net_tap raises a real-time signal for each frame.  They are blocked here, hence in the EAL's threads too, and let
 * in again by the workers alone: the control thread's system calls would be interrupted without end.
 */
static void block_realtime_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
		sigaddset(&set, i);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool eal_start(struct dpdk *d, const struct settings *s, struct text *error)
{
	if (!devices_free(s, error))
		return false;
	add("sekishod");
	add("--no-telemetry");
	add("--log-level=warning");
	add("--file-prefix=sekisho-%d", (int)getpid());
	add("-l");
	add("%u", first_core(&d->cores));
	choose_memory(d, s);
	add_devices(d, s);
	for (unsigned i = 0; i < s->n_eal; i++)
		add("%s", s->eal[i]);
	block_realtime_signals();
	/* The EAL pins whoever calls it; the control thread is not a worker. */
	int rc = rte_eal_init(args.n, args.argv);

	pthread_setaffinity_np(pthread_self(), sizeof(d->cores), &d->cores);
	if (rc < 0) {
		text_puts(error, "DPDK did not start (");
		text_puts(error, rte_strerror(rte_errno));
		text_puts(error, "); its messages above say more, ports[].device and eal are what to look at");
		return false;
	}
	return true;
}
