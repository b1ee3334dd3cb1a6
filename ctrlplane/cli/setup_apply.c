// SPDX-License-Identifier: MIT
/*
 * setup_apply.c - what setup changes, in order: the configuration first, as it may be wrong, the NIC last
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctrlplane/cli/setup.h"
#include "ctrlplane/settings_load.h"
#include "dataplane/base/text.h"

#define DROP_INS "/etc/systemd/system/sekishod.service.d"

static void hear(void *arg, const char *message)
{
	char *error = arg;

	if (!*error)
		snprintf(error, 512, "%.480s; see the options of setup", message);
}

/* By the daemon's own reader: what setup writes passes `sekishod -t`. */
static bool check_config(struct setup_journal *j, const char *text)
{
	char path[] = "/tmp/sekisho-setup-XXXXXX";
	struct settings *s = malloc(sizeof(*s));
	int fd = mkstemp(path);
	bool good = s && fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	if (!good)
		snprintf(j->error, 512, "the configuration cannot be checked: no room in /tmp or no memory");
	good = good && settings_load(path, s, hear, j->error);
	if (fd >= 0)
		unlink(path);
	free(s);
	return good;
}

static bool put_config(struct setup_journal *j, const struct setup_machine *m, const struct setup_wish *w)
{
	char room[4096];
	struct text t;

	text_init(&t, room, sizeof(room));
	text_puts(&t, "# Written by sekishoctl setup; sekisho.conf(5) has every setting.\nserver : {\n\thostname = \"");
	text_puts(&t, w->hostname);
	text_puts(&t, "\";\n\tuser = \"sekisho\";\n\tlog_file = \"/var/log/sekisho/records.json\";\n\tworkers = ");
	text_dec(&t, w->workers);
	text_puts(&t, ";\n\tfirst_core = ");
	text_dec(&t, m->n_cores > w->workers ? m->n_cores - w->workers : 0);
	text_puts(&t, ";\n};\nports = ( {\n\tdevice = \"");
	text_puts(&t, w->port);
	text_puts(&t, "\";\n\taddresses = [ \"");
	text_puts(&t, w->address);
	text_puts(&t, "\" ];\n");
	if (w->gateway) {
		text_puts(&t, strchr(w->gateway, ':') ? "\tgateway6 = \"" : "\tgateway4 = \"");
		text_puts(&t, w->gateway);
		text_puts(&t, "\";\n");
	}
	text_puts(&t, "} );\nnext_hops = ( { address = \"");
	text_puts(&t, w->next_hop);
	text_puts(&t, "\"; port = 25; } );\n");
	if (t.full || text_span(&t).len >= sizeof(room)) {
		snprintf(j->error, 512, "the configuration does not fit; give shorter options");
		return false;
	}
	room[text_span(&t).len] = '\0';
	return check_config(j, room) && setup_put_file(j, "/etc/sekisho/sekisho.conf", room, 0640);
}

static bool reserve_hugepages(struct setup_journal *j, const struct setup_machine *m, const struct setup_wish *w,
			      void (*say)(const char *line))
{
	char text[128];
	unsigned n = w->hugepages_mb / 2;

	if (n <= m->hugepages)
		return true;
	snprintf(text, sizeof(text), "vm.nr_hugepages = %u\n", n);
	if (!setup_put_file(j, "/etc/sysctl.d/60-sekisho.conf", text, 0644))
		return false;
	snprintf(text, sizeof(text), "%u\n", n);
	if (!setup_put_value(j, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", text))
		return false;
	snprintf(text, sizeof(text), "%u MiB of hugepages are reserved, now and at each start", n * 2);
	say(text);
	return true;
}

/* The last cores are the workers'; the first is the kernel's and everybody's. */
static bool isolate_cores(struct setup_journal *j, const struct setup_machine *m, const struct setup_wish *w,
			  void (*say)(const char *line))
{
	char text[512], cores[32];

	if (m->n_cores <= w->workers) {
		say("no core is isolated: there are no more of them than workers");
		return true;
	}
	unsigned first = m->n_cores - w->workers, last = m->n_cores - 1;
	snprintf(cores, sizeof(cores), first == last ? "%u" : "%u-%u", first, last);
	snprintf(text, sizeof(text),
		 "# Written by sekishoctl setup.\n"
		 "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT isolcpus=%s nohz_full=%s rcu_nocbs=%s\"\n",
		 cores, cores, cores);
	if (!setup_put_file(j, "/etc/default/grub.d/sekisho.cfg", text, 0644))
		return false;
	/* A service is kept off isolated cores unless it names them. */
	snprintf(text, sizeof(text), "[Service]\nCPUAffinity=0-%u\n", last);
	if (!setup_put_file(j, DROP_INS "/cores.conf", text, 0644))
		return false;
	snprintf(text, sizeof(text), "cores %s are the workers' alone after update-grub and a restart of the machine",
		 cores);
	say(text);
	return true;
}

/* A folder of plain files has no modules to load. */
static bool load_module(struct setup_journal *j, const char *name)
{
	int status = 0;
	pid_t child = *j->root ? -1 : fork();

	if (child == 0) {
		execlp("modprobe", "modprobe", name, (char *)NULL);
		_exit(127);
	}
	if (*j->root || (child > 0 && waitpid(child, &status, 0) == child && status == 0))
		return true;
	snprintf(j->error, 512, "modprobe %s failed; is kmod installed, and has this kernel the module?", name);
	return false;
}

static const char no_iommu[] = "[Service]\n"
			       "CapabilityBoundingSet=CAP_SYS_RAWIO CAP_SYS_ADMIN CAP_IPC_LOCK CAP_DAC_OVERRIDE\n"
			       "ProtectKernelTunables=no\n"
			       "DeviceAllow=char-uio rw\n"
			       "SystemCallFilter=ioperm iopl\n";

#define UNSAFE_MODE "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/*
 * Without an IOMMU: vfio-pci in its unsafe mode, where the kernel was built with that (Debian's is not), else
 * uio_pci_generic.  Either way the NIC reaches all memory, and the service has to be let at it.
 */
static const char *driver_without_iommu(struct setup_journal *j, void (*say)(const char *line))
{
	char path[SETUP_PATH_MAX];

	snprintf(path, sizeof(path), "%.400s" UNSAFE_MODE, j->root);
	bool unsafe = access(path, F_OK) == 0;
	say("WARNING: there is no IOMMU: the NIC may write to any memory of this machine");
	if (!setup_put_file(j, DROP_INS "/no-iommu.conf", no_iommu, 0644))
		return NULL;
	if (!unsafe)
		return load_module(j, "uio_pci_generic") ? "uio_pci_generic" : NULL;
	return setup_put_file(j, "/etc/modprobe.d/sekisho.conf", "options vfio enable_unsafe_noiommu_mode=1\n", 0644) &&
			       setup_put_value(j, UNSAFE_MODE, "Y\n")
		       ? "vfio-pci"
		       : NULL;
}

/*
 * Now, and at each start: udev names the driver before the kernel looks for one, and has the NIC looked at again in case
 * that driver was there before.
 */
static bool bind_nic(struct setup_journal *j, const struct setup_machine *m, const struct setup_nic *n,
		     void (*say)(const char *line))
{
	char text[400];

	if (n->keeps_driver) {
		snprintf(text, sizeof(text), "%s stays with %s, which DPDK shares it with", n->address, n->driver);
		say(text);
		return true;
	}
	if (!load_module(j, "vfio-pci"))
		return false;
	const char *driver = m->has_iommu ? "vfio-pci" : driver_without_iommu(j, say);
	if (!driver)
		return false;
	snprintf(text, sizeof(text), "%s\n", driver);
	if (!setup_put_file(j, "/etc/modules-load.d/sekisho.conf", text, 0644))
		return false;
	snprintf(text, sizeof(text),
		 "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", ATTR{driver_override}=\"%s\", "
		 "RUN+=\"/bin/sh -c 'modprobe %s; echo %s >/sys/bus/pci/drivers_probe'\"\n",
		 n->address, driver, driver, n->address);
	if (!setup_put_file(j, "/etc/udev/rules.d/60-sekisho-port.rules", text, 0644) ||
	    !setup_put_driver(j, n->address, driver))
		return false;
	snprintf(text, sizeof(text), "%s is driven by %s, now and at each start; DPDK has %s for it", n->address,
		 driver, n->dpdk);
	say(text);
	return true;
}

static void hush(const char *line)
{
	(void)line;
}

static const struct setup_nic *find_port(struct setup_journal *j, const struct setup_machine *m, const char *address)
{
	for (unsigned i = 0; i < m->n_nics; i++) {
		const struct setup_nic *n = &m->nics[i];

		if (strcmp(n->address, address) != 0)
			continue;
		if (n->is_way_out)
			snprintf(j->error, 512,
				 "%s is the way to this machine (%s has a default route); take another NIC", address,
				 n->interface);
		else if (!*n->dpdk)
			snprintf(j->error, 512, "DPDK has nothing that setup knows for %s (%s); bind it by hand",
				 address, *n->driver ? n->driver : "no driver");
		else
			return n;
		return NULL;
	}
	snprintf(j->error, 512, "there is no NIC %s; sekishoctl setup lists them", address);
	return NULL;
}

bool setup_apply(struct setup_journal *j, const struct setup_machine *m, const struct setup_wish *w,
		 void (*say)(const char *line))
{
	const struct setup_nic *n = find_port(j, m, w->port);
	char why[512];

	if (!n)
		return false;
	if (setup_journal_exists(j)) {
		snprintf(j->error, 512, "this machine is set up already; sekishoctl setup --undo first");
		return false;
	}
	if (put_config(j, m, w) && reserve_hugepages(j, m, w, say) && isolate_cores(j, m, w, say) &&
	    bind_nic(j, m, n, say))
		return true;
	snprintf(why, sizeof(why), "%s", j->error);
	if (setup_journal_exists(j) && !setup_undo(j, hush))
		say("not all could be undone; mend what is said below, then sekishoctl setup --undo");
	snprintf(j->error, 512, "%s", why);
	return false;
}
