// SPDX-License-Identifier: MIT
/*
 * test_setup.c - setup on a machine of plain files: what it finds, what it changes, and that all of it is undone
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlplane/cli/setup.h"
#include "tests/tap.h"

static char root[] = "/tmp/sekisho-setup-test-XXXXXX";
static char error[512];
static struct setup_machine machine;

static void put(const char *path, const char *text)
{
	char full[1024];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	FILE *f = fopen(full, "w");
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static const char *get(const char *path)
{
	static char text[8192];
	char full[1024];

	snprintf(full, sizeof(full), "%s%s", root, path);
	FILE *f = fopen(full, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return f ? text : "(none)";
}

static void put_nic(const char *address, const char *id, const char *driver, const char *interface_folder)
{
	char path[512], target[256], full[1024];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", address);
	put(path, "0x020000\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", address);
	put(path, "0x8086\n");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", address);
	snprintf(target, sizeof(target), "0x%s\n", id);
	put(path, target);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
	put(path, "(null)\n");
	if (*interface_folder) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s/x", address, interface_folder);
		put(path, "");
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/unbind", driver);
	put(path, "");
	snprintf(full, sizeof(full), "%s/sys/bus/pci/devices/%s/driver", root, address);
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	if (*driver && symlink(target, full) != 0)
		ok(false, "a machine of plain files: %s", strerror(errno));
}

static void make_machine(void)
{
	put_nic("0000:3b:00.1", "1572", "i40e", "net/ens1f1");
	put_nic("0000:3b:00.0", "1572", "i40e", "net/ens1f0");
	put_nic("0000:00:04.0", "1000", "virtio-pci", "virtio1/net/eth1");
	put_nic("0000:05:00.0", "0001", "odd", "net/odd0");
	put("/sys/bus/pci/devices/0000:00:1f.0/class", "0x060100\n");
	put("/sys/bus/pci/drivers_probe", "");
	put("/sys/class/net/ens1f1/carrier", "1\n");
	put("/sys/devices/system/cpu/present", "0-7\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "16\n");
	put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
	put("/proc/net/route", "Iface\tDestination\tGateway\nens1f0\t0010A8C0\t00000000\nens1f0\t00000000\t0110A8C0\n");
	put("/proc/net/ipv6_route", "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
				    "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n");
	put("/etc/sekisho/sekisho.conf", "# the operator's\n");
}

static const struct setup_nic *nic(const char *address)
{
	for (unsigned i = 0; i < machine.n_nics; i++)
		if (strcmp(machine.nics[i].address, address) == 0)
			return &machine.nics[i];
	return &machine.nics[SETUP_NICS_MAX - 1];
}

static void test_find(void)
{
	setup_find(root, &machine);
	ok(machine.n_nics == 4 && strcmp(machine.nics[0].address, "0000:00:04.0") == 0,
	   "four NICs, in order; a bridge is none");
	ok(!strcmp(nic("0000:3b:00.1")->dpdk, "net_i40e") && !strcmp(nic("0000:3b:00.1")->id, "8086:1572") &&
		   nic("0000:3b:00.1")->has_link && !nic("0000:3b:00.1")->is_way_out,
	   "one that can be taken: its id, DPDK's driver, its link");
	ok(nic("0000:3b:00.0")->is_way_out, "a default route leaves by another: management");
	ok(!strcmp(nic("0000:00:04.0")->interface, "eth1") && !strcmp(nic("0000:00:04.0")->dpdk, "net_virtio"),
	   "a NIC of virtio has its interface one bus further");
	ok(!*nic("0000:05:00.0")->dpdk, "one that DPDK has nothing for");
	ok(machine.n_cores == 8 && machine.hugepages == 16 && !machine.has_iommu, "cores, hugepages, no IOMMU");
}

static char said[4096];

static void hear(const char *line)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%s\n", line);
}

static struct setup_wish wish(const char *port)
{
	return (struct setup_wish){ .port = port,
				    .address = "192.0.2.25/24",
				    .gateway = "192.0.2.1",
				    .next_hop = "192.0.2.26",
				    .hostname = "mx.inside.example",
				    .workers = 2,
				    .hugepages_mb = 1024 };
}

static bool apply(const struct setup_wish *w)
{
	struct setup_journal j;

	said[0] = '\0';
	setup_journal_open(&j, root, error);
	return setup_apply(&j, &machine, w, hear);
}

static void test_refusals(void)
{
	struct setup_wish w = wish("0000:3b:00.0");

	ok(!apply(&w) && strstr(error, "is the way to this machine"), "management is never taken");
	w = wish("0000:05:00.0");
	ok(!apply(&w) && strstr(error, "DPDK has nothing"), "nor what DPDK has nothing for");
	w = wish("0000:ff:00.0");
	ok(!apply(&w) && strstr(error, "there is no NIC"), "nor what is not there");
	w = wish("0000:3b:00.1");
	w.hostname = "two words";
	ok(!apply(&w) && strstr(error, "server.hostname"), "a configuration that sekishod would refuse is refused");
	ok(!strcmp(get("/var/lib/sekisho/setup.journal"), "(none)") &&
		   !strcmp(get("/etc/sekisho/sekisho.conf"), "# the operator's\n"),
	   "and nothing has been changed");
}

static void test_apply(void)
{
	struct setup_wish w = wish("0000:3b:00.1");

	ok(apply(&w), "setup takes a NIC (%s)", error);
	ok(strstr(get("/etc/sekisho/sekisho.conf"), "device = \"0000:3b:00.1\";") &&
		   strstr(get("/etc/sekisho/sekisho.conf"), "first_core = 6;"),
	   "the configuration has the NIC and the last cores");
	ok(!strcmp(get("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"), "512\n") &&
		   !strcmp(get("/etc/sysctl.d/60-sekisho.conf"), "vm.nr_hugepages = 512\n"),
	   "hugepages, now and at each start");
	ok(strstr(get("/etc/default/grub.d/sekisho.cfg"), "isolcpus=6-7"), "the last cores are isolated");
	ok(!strcmp(get("/sys/bus/pci/devices/0000:3b:00.1/driver_override"), "vfio-pci\n") &&
		   !strcmp(get("/sys/bus/pci/drivers/i40e/unbind"), "0000:3b:00.1") &&
		   !strcmp(get("/sys/bus/pci/drivers_probe"), "0000:3b:00.1"),
	   "the NIC is bound to vfio-pci");
	ok(strstr(get("/etc/udev/rules.d/60-sekisho-port.rules"), "0000:3b:00.1"), "and will be after a restart");
	ok(!strcmp(get("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"), "Y\n") &&
		   strstr(said, "WARNING: there is no IOMMU"),
	   "without an IOMMU, and it is said aloud");
	ok(!apply(&w) && strstr(error, "--undo first"), "a second time it refuses");
}

static bool undo(void)
{
	struct setup_journal j;

	said[0] = '\0';
	setup_journal_open(&j, root, error);
	return setup_undo(&j, hear);
}

static void test_undo(void)
{
	ok(undo(), "setup is undone (%s)", error);
	ok(!strcmp(get("/etc/sekisho/sekisho.conf"), "# the operator's\n"),
	   "the configuration is the operator's again");
	ok(!strcmp(get("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"), "16\n"),
	   "hugepages are as they were");
	ok(!strcmp(get("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"), "N\n"), "and so is vfio");
	ok(!strcmp(get("/sys/bus/pci/devices/0000:3b:00.1/driver_override"), "\n"), "the NIC is the kernel's to bind");
	static const char *const made[] = { "/etc/sysctl.d/60-sekisho.conf",
					    "/etc/default/grub.d/sekisho.cfg",
					    "/etc/modprobe.d/sekisho.conf",
					    "/etc/modules-load.d/sekisho.conf",
					    "/etc/udev/rules.d/60-sekisho-port.rules",
					    "/etc/systemd/system/sekishod.service.d/cores.conf",
					    "/etc/systemd/system/sekishod.service.d/no-iommu.conf",
					    "/var/lib/sekisho/setup.journal" };
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		ok(!strcmp(get(made[i]), "(none)"), "%s is gone", made[i]);
	ok(!undo() && strstr(error, "nothing was set up"), "there is nothing more to undo");
}

static void test_changed_since(void)
{
	struct setup_wish w = wish("0000:3b:00.1");

	ok(apply(&w), "set up again");
	put("/etc/sekisho/sekisho.conf", "# changed by hand\n");
	ok(undo() && !strcmp(get("/etc/sekisho/sekisho.conf"), "# changed by hand\n") &&
		   strstr(said, "has been changed since: left as it is"),
	   "what the operator has changed since is left alone");
	put("/etc/sekisho/sekisho.conf", "# the operator's\n");
}

/* A kernel without the unsafe mode of vfio, such as Debian's. */
static void test_no_unsafe_mode(void)
{
	struct setup_wish w = wish("0000:3b:00.1");
	char path[512];

	snprintf(path, sizeof(path), "%s/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", root);
	unlink(path);
	ok(apply(&w) && !strcmp(get("/sys/bus/pci/devices/0000:3b:00.1/driver_override"), "uio_pci_generic\n") &&
		   strstr(said, "driven by uio_pci_generic") && strstr(said, "WARNING: there is no IOMMU"),
	   "no IOMMU and no unsafe mode: uio_pci_generic");
	ok(undo() && !strcmp(get("/etc/modules-load.d/sekisho.conf"), "(none)"), "which is undone as well");
	put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
}

/* The power went in the midst of a line, or between a line and its change. */
static void test_power_cut(void)
{
	put("/var/lib/sekisho/setup.journal", "{\"file\":\"/etc/sekisho/sekisho.conf\",\"before\":\"# the "
					      "operator's\\n\",\"after\":\"# ours\\n\"}\n{\"value\":\"/sys/ker");
	ok(undo(), "half a line was never acted upon (%s)", error);
	ok(!strcmp(get("/etc/sekisho/sekisho.conf"), "# the operator's\n"),
	   "nor was the change before it, and it is as it was");
}

/* The last step cannot be done: those before it are undone. */
static void test_failure(void)
{
	struct setup_wish w = wish("0000:3b:00.1");
	char probe[512];

	snprintf(probe, sizeof(probe), "%s/sys/bus/pci/drivers_probe", root);
	unlink(probe);
	mkdir(probe, 0755);
	ok(!apply(&w) && strstr(error, "drivers_probe"), "a step fails and is told: %s", error);
	ok(!strcmp(get("/etc/sekisho/sekisho.conf"), "# the operator's\n") && strstr(said, "not all could be undone"),
	   "what can be undone is, and that something could not is told");
	rmdir(probe);
	put("/sys/bus/pci/drivers_probe", "");
	ok(undo(), "later the rest is undone as well");
	ok(!strcmp(get("/etc/sekisho/sekisho.conf"), "# the operator's\n"), "and all is as it was");
}

static void remove_all(const char *path)
{
	char full[1024];
	DIR *dir = opendir(path);

	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
		if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
			remove_all(full);
		else
			unlink(full);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	make_machine();
	test_find();
	test_refusals();
	test_apply();
	test_undo();
	test_changed_since();
	test_no_unsafe_mode();
	test_power_cut();
	test_failure();
	remove_all(root);
	return done();
}
