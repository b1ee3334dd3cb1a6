// SPDX-License-Identifier: MIT
/*
 * setup_find.c - what there is on this machine: NICs and who drives them, IOMMU, cores, hugepages
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctrlplane/cli/setup.h"

/* What DPDK has for the NICs of a driver of the kernel's. */
static const struct {
	const char *kernel, *dpdk;
	bool keeps_driver;
} drivers[] = {
	{ "e1000", "net_e1000_em", false },  { "e1000e", "net_e1000_em", false },
	{ "igb", "net_e1000_igb", false },   { "igc", "net_igc", false },
	{ "ixgbe", "net_ixgbe", false },     { "ixgbevf", "net_ixgbe_vf", false },
	{ "i40e", "net_i40e", false },       { "iavf", "net_iavf", false },
	{ "ice", "net_ice", false },         { "virtio-pci", "net_virtio", false },
	{ "vmxnet3", "net_vmxnet3", false }, { "ena", "net_ena", false },
	{ "bnxt_en", "net_bnxt", false },    { "mlx5_core", "mlx5_pci", true },
};

/* The first word of a file below @folder, "" when there is none. */
static void read_word(const char *folder, const char *name, char *out, size_t cap)
{
	char path[SETUP_PATH_MAX];

	out[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return;
	FILE *f = fopen(path, "r");

	if (!f)
		return;
	if (!fgets(out, (int)cap, f))
		out[0] = '\0';
	out[strcspn(out, " \t\n")] = '\0';
	fclose(f);
}

static void driver_of(const char *device, char *out, size_t cap)
{
	char path[SETUP_PATH_MAX], target[SETUP_PATH_MAX];

	out[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/driver", device) >= (int)sizeof(path))
		return;
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0)
		return;
	target[n] = '\0';
	const char *name = strrchr(target, '/');
	snprintf(out, cap, "%.*s", (int)cap - 1, name ? name + 1 : target);
}

/* The first entry of a folder that begins with @prefix; false: there is none. */
static bool first_entry(const char *folder, const char *prefix, char *out, size_t cap)
{
	DIR *dir = opendir(folder);
	bool found = false;

	for (struct dirent *e; dir && !found && (e = readdir(dir));)
		if (e->d_name[0] != '.' && strncmp(e->d_name, prefix, strlen(prefix)) == 0 && strlen(e->d_name) < cap) {
			snprintf(out, cap, "%.*s", (int)cap - 1, e->d_name);
			found = true;
		}
	if (dir)
		closedir(dir);
	return found;
}

/* Of a device of virtio the interface hangs below a device of that bus. */
static void interface_of(const char *device, char *out, size_t cap)
{
	char path[SETUP_PATH_MAX], bus[32];

	out[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/net", device) < (int)sizeof(path) && first_entry(path, "", out, cap))
		return;
	if (first_entry(device, "virtio", bus, sizeof(bus)) &&
	    snprintf(path, sizeof(path), "%s/%s/net", device, bus) < (int)sizeof(path))
		first_entry(path, "", out, cap);
}

/* Whether a default route, of IPv4 or IPv6, leaves by @interface. */
static bool is_way_out(const char *root, const char *interface)
{
	char path[SETUP_PATH_MAX], line[512], name[32], to[64], prefix[8];
	bool found = false;

	snprintf(path, sizeof(path), "%.400s/proc/net/route", root);
	FILE *f = fopen(path, "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%31s %63s", name, to) == 2 && strcmp(to, "00000000") == 0 &&
			strcmp(name, interface) == 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "%.400s/proc/net/ipv6_route", root);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%63s %7s %*s %*s %*s %*s %*s %*s %*s %31s", to, prefix, name) == 3 &&
			strspn(to, "0") == 32 && strcmp(prefix, "00") == 0 && strcmp(name, interface) == 0 &&
			strcmp(name, "lo") != 0;
	if (f)
		fclose(f);
	return found;
}

static void find_nic(const char *root, const char *folder, const char *address, struct setup_machine *m)
{
	char device[SETUP_PATH_MAX], class[16], vendor[16], id[16], link[16];

	if (snprintf(device, sizeof(device), "%s/%s", folder, address) >= (int)sizeof(device))
		return;
	read_word(device, "class", class, sizeof(class));
	if (strncmp(class, "0x02", 4) != 0) /* network controllers */
		return;
	if (m->n_nics == SETUP_NICS_MAX) {
		m->n_more++;
		return;
	}
	struct setup_nic *n = &m->nics[m->n_nics++];

	*n = (struct setup_nic){ 0 };
	snprintf(n->address, sizeof(n->address), "%.15s", address);
	read_word(device, "vendor", vendor, sizeof(vendor));
	read_word(device, "device", id, sizeof(id));
	if (strlen(vendor) > 2 && strlen(id) > 2)
		snprintf(n->id, sizeof(n->id), "%.4s:%.4s", vendor + 2, id + 2);
	driver_of(device, n->driver, sizeof(n->driver));
	interface_of(device, n->interface, sizeof(n->interface));
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i].kernel, n->driver) == 0) {
			snprintf(n->dpdk, sizeof(n->dpdk), "%s", drivers[i].dpdk);
			n->keeps_driver = drivers[i].keeps_driver;
		}
	if (!*n->interface)
		return;
	n->is_way_out = is_way_out(root, n->interface);
	snprintf(device, sizeof(device), "%.400s/sys/class/net/%s", root, n->interface);
	read_word(device, "carrier", link, sizeof(link));
	n->has_link = strcmp(link, "1") == 0;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct setup_nic *)a)->address, ((const struct setup_nic *)b)->address);
}

/* "0-3" or "0-1,4-7": the last number, and one more. */
static unsigned cores_of(const char *present)
{
	const char *last = present;

	for (const char *c = present; *c; c++)
		if (*c == '-' || *c == ',')
			last = c + 1;
	return *last ? (unsigned)strtoul(last, NULL, 10) + 1 : 1;
}

void setup_find(const char *root, struct setup_machine *out)
{
	char folder[SETUP_PATH_MAX], word[64];

	*out = (struct setup_machine){ 0 };
	snprintf(folder, sizeof(folder), "%.400s/sys/bus/pci/devices", root);
	DIR *dir = opendir(folder);

	for (struct dirent *e; dir && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			find_nic(root, folder, e->d_name, out);
	if (dir)
		closedir(dir);
	qsort(out->nics, out->n_nics, sizeof(out->nics[0]), by_address);
	snprintf(folder, sizeof(folder), "%.400s/sys/kernel/iommu_groups", root);
	out->has_iommu = first_entry(folder, "", word, sizeof(word));
	snprintf(folder, sizeof(folder), "%.400s/sys/devices/system/cpu", root);
	read_word(folder, "present", word, sizeof(word));
	out->n_cores = cores_of(word);
	snprintf(folder, sizeof(folder), "%.400s/sys/kernel/mm/hugepages/hugepages-2048kB", root);
	read_word(folder, "nr_hugepages", word, sizeof(word));
	out->hugepages = (unsigned)strtoul(word, NULL, 10);
}
