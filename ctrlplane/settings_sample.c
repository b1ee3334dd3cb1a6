// SPDX-License-Identifier: MIT
/*
 * settings_sample.c - what people read about settings, made from settings.def
 */
#include <string.h>

#include "ctrlplane/settings_live.h"
#include "ctrlplane/settings_sample.h"
#include "ctrlplane/settings_table.h"

static const char head[] =
	"# sekisho.conf - the sample: every setting at its default\n"
	"#\n"
	"# Change server.hostname, ports and next_hops; all else may be left out.  `sekishoctl check FILE` checks a "
	"file,\n"
	"# sekisho.conf(5) explains it.  Made from conf/settings.def: edit a copy.\n"
	"\n"
	"# The ports of the dataplane.  device: a PCI address (\"0000:3b:00.0\") or a DPDK device "
	"(\"net_tap0,iface=sk0\").\n"
	"# addresses: our own, each with its prefix length.  mtu: 1280 to 9000.  vlan: 0 is untagged.\n"
	"# gateway4, gateway6: where all other networks are.  neighbours: stations whose MAC is known, so that nobody "
	"can\n"
	"# take their place, such as \"192.0.2.1 02:00:00:00:00:1a\"; the others are asked for.\n"
	"ports = (\n"
	"\t{\n"
	"\t\tdevice = \"net_tap0,iface=sk0\";\n"
	"\t\taddresses = [ \"192.0.2.25/24\", \"2001:db8::25/64\" ];\n"
	"\t\tgateway4 = \"192.0.2.1\";\n"
	"\t\tgateway6 = \"2001:db8::1\";\n"
	"\t\tneighbours = [ ];\n"
	"\t\tmtu = 1500;\n"
	"\t\tvlan = 0;\n"
	"\t}\n"
	");\n"
	"\n"
	"# The mail servers that get what passes.  domains: of recipients that go there and nowhere else; without "
	"them:\n"
	"# what no other names.  priority: 0 to 65535, the lowest that works is taken.  weight: 1 to 1000, share "
	"among\n"
	"# equals.  protocol: smtp or lmtp.  recipients_max: of one message, 1 to 100000; by LMTP 1 unless given.\n"
	"# name: for rules with the action redirect.  by_rule = true: only what these send there.\n"
	"# identity: none, xclient or proxy: how it is told of the client.\n"
	"# smarthost = true: takes reports, to any domain, and no client's mail.\n"
	"next_hops = (\n"
	"\t{ address = \"192.0.2.26\"; port = 25; domains = [ ]; priority = 10; weight = 1; }\n"
	");\n"
	"\n"
	"# More arguments for DPDK's environment layer, such as \"--log-level=lib.eal:debug\".\n"
	"eal = [ ];\n";

static const char arc_trusted[] =
	"\n\t# domains whose ARC seals may override a DMARC failure, such as \"example.net\"\n\ttrusted = [ ];\n";

static const char dns_servers[] =
	"\n\t# resolvers for mode forward, such as \"192.0.2.53\" or \"[2001:db8::53]:5353\"\n\tservers = [ ];\n";

static const char relay_domains[] = "\n\t# domains of the recipients that are accepted, such as \"example.org\"; "
				    "others get 550 5.7.1; empty: all are,\n"
				    "\t# and the next hop must refuse those that are not its own\n"
				    "\tdomains = [ ];\n";

static const char policy_rules[] =
	"\n\t# rules in their order, the first that matches decides; without a match DMARC does as above, such as\n"
	"\t# { name = \"spf-fail\"; when : { spf = \"fail\"; dkim = [ \"none\", \"fail\" ]; }; action = \"reject\"; }\n"
	"\t# sekisho.conf(5) has the conditions and actions; conf/policy has three whole sets.\n"
	"\trules = ( );\n";

static const char tls_lists[] =
	"\n\t# certificates, each with its chain in one PEM file and its key in another; a client gets one that has "
	"the "
	"name\n\t# it asks for, RSA or ECDSA as it can: ( { certificate = \"mx.pem\"; key = \"mx.key\"; } ); none: no "
	"STARTTLS\n\tcertificates = ( );\n"
	"\n\t# clients whose handshakes fail when they are given tickets, such as \"40.92.0.0/15\"\n"
	"\ttickets_except = [ ];\n"
	"\n\t# clients that must use TLS: MAIL without it gets 530 5.7.0; such as \"192.0.2.0/24\"\n"
	"\trequired_from = [ ];\n";

static const char smtp_lists[] =
	"\n\t# proxies that say whose connection they hand on, by the PROXY protocol (1 or 2), such as "
	"\"192.0.2.0/28\";\n"
	"\t# they must, and nobody else may\n"
	"\tproxy_from = [ ];\n"
	"\n\t# peers that may say whose mail they bring, by XCLIENT, such as \"192.0.2.0/28\"\n"
	"\txclient_from = [ ];\n";

static const char dnsbl_lists[] =
	"\n\t# zones that list addresses; weight: what a client that is listed gets, -1000 to 1000, below 0 for a list "
	"of the "
	"good;\n\t# answers: those that count, such as \"127.0.0.2\", \"127.0.0.4-127.0.0.7\", \"127.0.1.0/24\" or "
	"bits, "
	"\"&0.0.0.4\";\n\t# without them all of 127.0.0.0/8; rules take the sum by dnsbl_min and dnsbl_max; such as\n"
	"\t# { zone = \"bl.example\"; weight = 5; answers = [ \"127.0.0.2\" ]; }\n"
	"\tlists = ( );\n";

/* "a|b|c" as "a, b, c" */
static void print_words(FILE *f, const char *words)
{
	for (; *words; words++)
		*words == '|' ? fputs(", ", f) : fputc(*words, f);
}

static void print_comment(FILE *f, const struct setting *t)
{
	fprintf(f, "\t# %s", t->help);
	if (t->kind == SETTING_INT)
		fprintf(f, " [%llu to %llu%s%s]", (unsigned long long)t->least, (unsigned long long)t->most,
			*t->unit ? " " : "", t->unit);
	if (t->kind == SETTING_WORD) {
		fputs(" [", f);
		print_words(f, t->words);
		fputc(']', f);
	}
	fputc('\n', f);
}

/* The settings of one group stand together in the table; @last says that @t ends its group. */
static bool is_last(size_t i)
{
	return i + 1 == n_setting_table || strcmp(setting_table[i].group, setting_table[i + 1].group) != 0;
}

void settings_print_sample(FILE *f)
{
	struct settings s;
	char value[2 * SETTINGS_STR_MAX + 3];
	struct text t;

	settings_default(&s);
	fputs(head, f);
	for (size_t i = 0; i < n_setting_table; i++) {
		const struct setting *at = &setting_table[i];

		if (i == 0 || is_last(i - 1))
			fprintf(f, "\n%s :\n{\n", at->group);
		else
			fputc('\n', f);
		text_init(&t, value, sizeof(value));
		setting_value(at, &s, &t);
		print_comment(f, at);
		fprintf(f, "\t%s = %s;\n", at->name, value);
		if (!is_last(i))
			continue;
		if (strcmp(at->group, "smtp") == 0)
			fputs(smtp_lists, f);
		if (strcmp(at->group, "dns") == 0)
			fputs(dns_servers, f);
		if (strcmp(at->group, "dnsbl") == 0)
			fputs(dnsbl_lists, f);
		if (strcmp(at->group, "relay") == 0)
			fputs(relay_domains, f);
		if (strcmp(at->group, "policy") == 0)
			fputs(policy_rules, f);
		if (strcmp(at->group, "arc") == 0)
			fputs(arc_trusted, f);
		if (strcmp(at->group, "tls") == 0)
			fputs(tls_lists, f);
		fputs("};\n", f);
	}
}

/* Text for mdoc(7): a backslash and a quote have names there. */
static void print_mdoc(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '"')
			fputs("\\(dq", f);
		else
			fputc(*s, f);
	}
}

void settings_print_manual(FILE *f)
{
	struct settings s;
	char value[2 * SETTINGS_STR_MAX + 3];
	struct text t;

	settings_default(&s);
	for (size_t i = 0; i < n_setting_table; i++) {
		const struct setting *at = &setting_table[i];

		text_init(&t, value, sizeof(value));
		setting_value(at, &s, &t);
		fprintf(f, ".It Ic %s.%s No = ", at->group, at->name);
		print_mdoc(f, value);
		fputs(setting_is_live(at) ? "\n" : " (at the start)\n", f);
		print_mdoc(f, at->help);
		fputs(".\n", f);
		if (at->kind == SETTING_INT)
			fprintf(f, "From %llu to %llu%s%s.\n", (unsigned long long)at->least,
				(unsigned long long)at->most, *at->unit ? " " : "", at->unit);
		if (at->kind == SETTING_WORD) {
			fputs("One of ", f);
			print_words(f, at->words);
			fputs(".\n", f);
		}
	}
}
