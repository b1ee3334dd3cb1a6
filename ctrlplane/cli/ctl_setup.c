// SPDX-License-Identifier: MIT
/*
 * ctl_setup.c - sekishoctl setup: says what there is, makes the machine ready for one NIC, or undoes that
 */
#include <string.h>

#include "ctrlplane/cli/setup.h"
#include "dataplane/base/span.h"

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

static int complain(int status, const char *what)
{
	fprintf(stderr, "sekishoctl: %s\n", what);
	return status;
}

static void say(const char *line)
{
	puts(line);
}

static void hush(const char *line)
{
	(void)line;
}

static const char *use_of(const struct setup_nic *n)
{
	if (strcmp(n->driver, "vfio-pci") == 0 || strcmp(n->driver, "uio_pci_generic") == 0)
		return "is with DPDK already";
	if (n->is_way_out)
		return "management: a default route leaves by it";
	if (!*n->dpdk)
		return "nothing that setup knows of";
	return n->keeps_driver ? "yes, beside the kernel's driver" : "yes";
}

static void print_nics(const struct setup_machine *m)
{
	printf("%-13s %-10s %-11s %-11s %-5s %-14s %s\n", "NIC", "id", "driver", "interface", "link", "DPDK has",
	       "can be taken");
	for (unsigned i = 0; i < m->n_nics; i++) {
		const struct setup_nic *n = &m->nics[i];

		printf("%-13s %-10s %-11s %-11s %-5s %-14s %s\n", n->address, n->id, *n->driver ? n->driver : "-",
		       *n->interface ? n->interface : "-", n->has_link ? "yes" : "no", *n->dpdk ? n->dpdk : "-",
		       use_of(n));
	}
	if (m->n_more)
		printf("and %u more\n", m->n_more);
	printf("cores: %u; hugepages reserved: %u MiB; IOMMU: %s\n", m->n_cores, m->hugepages * 2,
	       m->has_iommu ? "yes" : "no, so a NIC may write to any memory once DPDK has it");
	puts("nothing is changed; setup --port NIC --address ADDRESS/BITS --hostname NAME --next-hop ADDRESS changes "
	     "what is needed");
}

static void print_json(const struct setup_machine *m)
{
	json_t *nics = json_array();

	for (unsigned i = 0; i < m->n_nics; i++) {
		const struct setup_nic *n = &m->nics[i];

		json_array_append_new(nics,
				      json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "address", n->address, "id",
						n->id, "driver", n->driver, "interface", n->interface, "dpdk", n->dpdk,
						"management", (int)n->is_way_out, "link", (int)n->has_link));
	}
	json_t *all = json_pack("{s:o, s:i, s:i, s:b}", "nics", nics, "cores", (int)m->n_cores, "hugepages_mb",
				(int)m->hugepages * 2, "iommu", (int)m->has_iommu);
	json_dumpf(all, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static const char *given(const json_t *args, const char *name)
{
	return json_string_value(json_object_get(args, name));
}

/* A number of at most @max, @otherwise when it is not given; false: it is none. */
static bool number(const json_t *args, const char *name, unsigned otherwise, unsigned max, unsigned *out)
{
	const char *text = given(args, name);
	uint64_t n = otherwise;

	if (text && (!span_decimal(span_str(text), max, &n) || n == 0))
		return false;
	*out = (unsigned)n;
	return true;
}

static int apply(const json_t *args, struct setup_journal *j, const struct setup_machine *m, bool json)
{
	struct setup_wish w = { .port = given(args, "port"),
				.address = given(args, "address"),
				.gateway = given(args, "gateway"),
				.next_hop = given(args, "next-hop"),
				.hostname = given(args, "hostname") };

	if (!w.port || !w.address || !w.next_hop || !w.hostname)
		return complain(
			EXIT_USAGE,
			"setup needs --port, --address, --next-hop and --hostname together; see sekishoctl --help");
	if (!number(args, "workers", 1, 128, &w.workers) || !number(args, "hugepages", 1024, 1 << 20, &w.hugepages_mb))
		return complain(EXIT_USAGE,
				"--workers takes 1 to 128 and --hugepages 1 to 1048576 MiB; give such a number");
	if (!setup_apply(j, m, &w, json ? hush : say))
		return complain(EXIT_FAILED, j->error);
	if (json)
		puts("{\"done\": true}");
	else
		puts("/etc/sekisho/sekisho.conf is written; systemctl daemon-reload && systemctl enable --now "
		     "sekishod");
	return EXIT_GOOD;
}

int ctl_setup(const json_t *args, bool json)
{
	static struct setup_machine m;
	const char *root = given(args, "root");
	struct setup_journal j;
	char error[512];

	setup_journal_open(&j, root ? root : "", error);
	if (given(args, "undo")) {
		if (!setup_undo(&j, json ? hush : say))
			return complain(EXIT_FAILED, error);
		puts(json ? "{\"done\": true}"
			  : "all is as it was; a restart of the machine gives isolated cores back");
		return EXIT_GOOD;
	}
	setup_find(j.root, &m);
	if (given(args, "port") || given(args, "address") || given(args, "next-hop") || given(args, "hostname"))
		return apply(args, &j, &m, json);
	if (json)
		print_json(&m);
	else
		print_nics(&m);
	return EXIT_GOOD;
}
