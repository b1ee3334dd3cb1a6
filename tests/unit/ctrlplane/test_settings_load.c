// SPDX-License-Identifier: MIT
/*
 * test_settings_load.c - good files give the settings, bad ones every fault with its line
 */
#include <stdlib.h>

#include "ctrlplane/settings_load.h"
#include "tests/tap.h"

/* What every good file needs; on one line, so that a case's own text begins on line 2. */
#define NEEDED                                                                                                         \
	"ports = ({ device = \"net_tap0\"; addresses = [ \"192.0.2.25/24\" ]; gateway4 = \"192.0.2.1\"; });"           \
	"next_hops = ({ address = \"192.0.2.26\"; });\n"
#define RULES(list) NEEDED "policy: { rules = (\n" list "); };"
#define HOP "next_hops = ({ address = \"192.0.2.26\"; });\n"
#define PORT(members) HOP "ports = ({ device = \"d\"; addresses = [ \"192.0.2.25/24\" ];\n" members " });\n"
#define ADDRESSES(list)                                                                                                \
	HOP "ports = ({ device = \"d\"; addresses = [\n" list                                                          \
	    " ]; },{ device = \"e\"; addresses = [ \"192.0.2.9/24\" ]; });\n"
#define HOPS(list) "ports = ({ device = \"d\"; addresses = [ \"192.0.2.25/24\" ]; });next_hops = (\n" list ");\n"

struct heard {
	char text[16384];
	unsigned n;
};

static void hear(void *arg, const char *message)
{
	struct heard *h = arg;
	size_t len = strlen(h->text);

	snprintf(h->text + len, sizeof(h->text) - len, "%s\n", message);
	h->n++;
}

static const struct {
	const char *sentence, *file, *message;
} bad[] = {
	{ "no ports", HOP,
	  "f: ports must name at least one port: ports = ( { device = \"...\"; addresses = [ \"...\" ]; } );\n" },
	{ "an empty file lacks ports and next hops", "",
	  "f: ports must name at least one port: ports = ( { device = \"...\"; addresses = [ \"...\" ]; } );\n"
	  "f: next_hops must name at least one mail server: next_hops = ( { address = \"192.0.2.26\"; } );\n" },
	{ "an unknown setting", NEEDED "dns: { cache = 1; };",
	  "f:2: there is no setting dns.cache; sekisho.conf(5) lists them\n" },
	{ "an unknown group", NEEDED "dsn: { mode = 1; };",
	  "f:2: there is no setting dsn; sekisho.conf(5) lists them\n" },
	{ "a list in another group", NEEDED "spf: { servers = [ ]; };",
	  "f:2: there is no setting spf.servers; sekisho.conf(5) lists them\n" },
	{ "a group that is a number", NEEDED "dns = 1;", "f:2: dns must be a group: dns : { ... };\n" },
	{ "a number below the range", NEEDED "dns: {\ncache_entries = 50; };",
	  "f:3: dns.cache_entries must be 1000 to 10000000, is 50\n" },
	{ "a number above the range, with unit", NEEDED "smtp: { data_timeout_s = 3601; };",
	  "f:2: smtp.data_timeout_s must be 1 to 3600 s, is 3601\n" },
	{ "a negative number", NEEDED "tcp: { time_wait_s = -1; };",
	  "f:2: tcp.time_wait_s must be 0 to 240 s, is -1\n" },
	{ "a number that 32 bits would cut to one in range", NEEDED "dns: { cache_entries = 4294968296; };",
	  "f:2: dns.cache_entries must be 1000 to 10000000, is 4294968296\n" },
	{ "a hexadecimal number that 32 bits would cut", NEEDED "dns: { cache_entries = 0x1000003e8; };",
	  "f:2: dns.cache_entries must be 1000 to 10000000, is 4294968296\n" },
	{ "a number too long to be one", NEEDED "dns: {\ncache_entries = 18446744073709552616; };",
	  "f:3: a number of more than 18 digits\n" },
	{ "a number with a unit", NEEDED "smtp: {\ndata_timeout_s = 3m; };",
	  "f:3: a number with letters in it; quote it if it is a text\n" },
	{ "a fraction", NEEDED "smtp: { hops_max = 1.5; };",
	  "f:2: smtp.hops_max must be a whole number, 1 to 1000, is 1.5\n" },
	{ "a string for a number", NEEDED "smtp: { hops_max = \"9\"; };",
	  "f:2: smtp.hops_max must be a whole number, 1 to 1000, is \"9\"\n" },
	{ "a number for a flag", NEEDED "spf: { received_spf = 1; };",
	  "f:2: spf.received_spf must be true or false, is 1\n" },
	{ "a number for a string", NEEDED "server: { hostname = 5; };",
	  "f:2: server.hostname must be a string in quotes, is 5\n" },
	{ "a group for a string", NEEDED "server: { hostname = { a = 1; }; };",
	  "f:2: server.hostname must be a string in quotes, is a group\n" },
	{ "a word that is none of the words", NEEDED "dmarc: { mode = \"rfc7490\"; };",
	  "f:2: dmarc.mode must be one of rfc9989|rfc7489, is \"rfc7490\"\n" },
	{ "a word in capitals", NEEDED "policy: { temperror = \"DEFER\"; };",
	  "f:2: policy.temperror must be one of defer|accept, is \"DEFER\"\n" },
	{ "a host name with a space", NEEDED "server: { hostname = \"mx example.org\"; };",
	  "f:2: server.hostname must be a full host name such as mx.example, is \"mx example.org\"\n" },
	{ "a host name of one label", NEEDED "server: { hostname = \"mx\"; };",
	  "f:2: server.hostname must be a full host name such as mx.example, is \"mx\"\n" },
	{ "a host name with CR LF", NEEDED "server: { hostname = \"mx.example\\r\\n250 x\"; };",
	  "f:2: server.hostname must have no control octets, is \"mx.example\\x0d\\x0a250 x\"\n" },
	{ "an authserv-id that needs quotes", NEEDED "server: { authserv_id = \"a;b\"; };",
	  "f:2: server.authserv_id must be a host name or another token without spaces, is \"a;b\"\n" },
	{ "a quarantine field without a colon", NEEDED "policy: { quarantine_header = \"X-Spam\"; };",
	  "f:2: policy.quarantine_header must be a header field such as \"X-Spam-Flag: YES\", is \"X-Spam\"\n" },
	{ "reports that come from nowhere", NEEDED "report: { from = \"reports\"; };",
	  "f:2: report.from must be an address such as dmarc-reports@mx.example, is \"reports\"\n" },
	{ "a key without its selector", NEEDED "report: { key_file = \"k.pem\"; };",
	  "f:2: report.selector must name the key of report.key_file in DNS, is \"\"\n" },
	{ "a quarantine field with a space in its name", NEEDED "policy: { quarantine_header = \"X Spam: 1\"; };",
	  "f:2: policy.quarantine_header must be a header field such as \"X-Spam-Flag: YES\", is \"X Spam: 1\"\n" },
	{ "a quarantine field with a line end", NEEDED "policy: { quarantine_header = \"X: 1\\nY: 2\"; };",
	  "f:2: policy.quarantine_header must have no control octets, is \"X: 1\\x0aY: 2\"\n" },
	{ "a net smaller than a host", NEEDED "sources: { host6_bits = 64; net6_bits = 72; };",
	  "f:2: sources.net6_bits must be at most sources.host6_bits, which is 64, is 72\n" },
	{ "the least above the most", NEEDED "dns: { ttl_max_s = 60; ttl_min_s = 61; };",
	  "f:2: dns.ttl_min_s must be at most dns.ttl_max_s, which is 60, is 61\n" },
	{ "less memory than one message", NEEDED "limits: { body_blocks = 64; };",
	  "f:2: limits.body_blocks must be at least 3200 to hold one message of smtp.message_max octets, is 64\n" },
	{ "fragments and many workers", NEEDED "net: { fragments = \"reassemble\"; };\nserver: { workers = 2; };",
	  "f:2: net.fragments must be \"drop\" with more than one worker, is \"reassemble\"\n" },
	{ "lines shorter than a message may have", NEEDED "smtp: { text_line_max = 997; };",
	  "f:2: smtp.text_line_max must be 0, or 998 at least, as RFC 5321 4.5.3.1.6 has it, is 997\n" },
	{ "lines longer than can be bounded", NEEDED "smtp: { text_line_max = 65537; };",
	  "f:2: smtp.text_line_max must be 0 to 65536 octets, is 65537\n" },
	{ "a core that is none", NEEDED "server: { first_core = 1023; workers = 2; };",
	  "f:2: server.workers must end at core 1023, ends at 1024\n" },
	{ "a redirection to nowhere", RULES("{ name = \"a\"; action = \"redirect\"; next_hop = \"x\"; }"),
	  "f:3: policy.rules.[0].next_hop must be the name of one of next_hops that takes clients' mail, is \"x\"\n" },
	{ "a redirection without its next hop", RULES("{ name = \"a\"; action = \"redirect\"; }"),
	  "f:3: policy.rules.[0].next_hop belongs to the action redirect, and that needs it\n" },
	{ "a list in DNS without its zone", NEEDED "dnsbl: { lists = ( { weight = 1; } ); };",
	  "f:2: dnsbl.lists.[0] must have a zone\n" },
	{ "a list in DNS that is worth nothing",
	  NEEDED "dnsbl: { lists = ( { zone = \"a.example\"; weight = 0; } ); };",
	  "f:2: dnsbl.lists.[0].weight must be -1000 to 1000 and not 0, is 0\n" },
	{ "a zone that is none", NEEDED "dnsbl: { lists = ( { zone = \"a..example\"; } ); };",
	  "f:2: dnsbl.lists.[0].zone must be a domain name of at most 189 octets, is \"a..example\"\n" },
	{ "an answer that is none",
	  NEEDED "dnsbl: { lists = ( { zone = \"a.example\"; answers = \"127.0.0.9-127.0.0.\"; } ); };",
	  "f:2: dnsbl.lists.[0].answers must be addresses, ranges, prefixes or bits such as \"127.0.0.2\", "
	  "\"127.0.0.4-127.0.0.7\", \"127.0.1.0/24\" or \"&0.0.0.4\", is \"127.0.0.9-127.0.0.\"\n" },
	{ "a setting of a list in DNS that is none",
	  NEEDED "dnsbl: { lists = ( { zone = \"a.example\"; wait = 1; } ); };",
	  "f:2: there is no setting dnsbl.lists.[0].wait; sekisho.conf(5) lists them\n" },
	{ "a score that is no number", RULES("{ name = \"a\"; when : { dnsbl_min = \"5\"; }; action = \"reject\"; }"),
	  "f:3: policy.rules.[0].when.dnsbl_min must be -16000 to 16000, is \"5\"\n" },
	{ "rules that are no list", NEEDED "policy: { rules = 1; };", "f:2: policy.rules must be a list, is 1\n" },
	{ "a rule that is no group", NEEDED "policy: { rules = ( 1 ); };",
	  "f:2: policy.rules.[0] must be a group: { name = \"...\"; when : { ... }; action = \"...\"; }\n" },
	{ "a rule without an action", RULES("{ name = \"a\"; }"),
	  "f:3: policy.rules.[0] must have a name and an action\n" },
	{ "a rule with a name that is none", RULES("{ name = \"A b\"; action = \"accept\"; }"),
	  "f:3: policy.rules.[0].name must be 1 to 40 of a-z 0-9 - . _, is \"A b\"\n" },
	{ "two rules of one name",
	  RULES("{ name = \"a\"; action = \"accept\"; },\n{ name = \"a\"; action = \"accept\"; }"),
	  "f:4: policy.rules.[1].name must not be that of an earlier rule, is \"a\"\n" },
	{ "an action that is none", RULES("{ name = \"a\"; action = \"bounce\"; }"),
	  "f:3: policy.rules.[0].action must be one of accept, tag, defer, reject, quarantine, discard, default, add, "
	  "redirect, greylist, "
	  "is "
	  "\"bounce\"\n" },
	{ "a condition that is none", RULES("{ name = \"a\"; action = \"accept\";\nwhen : { moon = \"full\"; }; }"),
	  "f:4: there is no condition policy.rules.[0].when.moon; sekisho.conf(5) lists them\n" },
	{ "a word that is none of the condition's",
	  RULES("{ name = \"a\"; action = \"accept\"; when : { arc = [ \"pass\", \"softfail\" ]; }; }"),
	  "f:3: policy.rules.[0].when.arc must be of none, pass, fail, temperror, is \"softfail\"\n" },
	{ "a condition of no word", RULES("{ name = \"a\"; action = \"accept\"; when : { helo = [ ]; }; }"),
	  "f:3: policy.rules.[0].when.helo is empty; name what shall match or leave it out\n" },
	{ "a prefix that is none",
	  RULES("{ name = \"a\"; action = \"accept\"; when : { client = \"192.0.2.0/33\"; }; }"),
	  "f:3: policy.rules.[0].when.client must be addresses or prefixes such as 192.0.2.0/24, is "
	  "\"192.0.2.0/33\"\n" },
	{ "a tag without a field", RULES("{ name = \"a\"; action = \"tag\"; }"),
	  "f:3: policy.rules.[0].field belongs to the actions tag and add, and they need it\n" },
	{ "a field with a line end", RULES("{ name = \"a\"; action = \"add\"; field = \"X: 1\\nY: 2\"; }"),
	  "f:3: policy.rules.[0].field must have no control octets, is \"X: 1\\x0aY: 2\"\n" },
	{ "a text for a message that is accepted", RULES("{ name = \"a\"; action = \"accept\"; text = \"no\"; }"),
	  "f:3: policy.rules.[0].text belongs to the actions reject, defer and greylist; leave it out\n" },
	{ "a text that is not ASCII", RULES("{ name = \"a\"; action = \"reject\"; text = \"n\xc3\xb6\"; }"),
	  "f:3: policy.rules.[0].text must be 1 to 200 printable ASCII characters, is \"n\\xc3\\xb6\"\n" },
	{ "a size that is none",
	  RULES("{ name = \"a\"; action = \"accept\"; when : { size_min = 9; size_max = 8; }; }"),
	  "f:3: policy.rules.[0].when.size_min must be at most size_max\n" },
	{ "monitor that is no flag", RULES("{ name = \"a\"; action = \"accept\"; monitor = 1; }"),
	  "f:3: policy.rules.[0].monitor must be true or false, is 1\n" },
	{ "missing that is no word", RULES("{ name = \"a\"; action = \"accept\"; missing = \"open\"; }"),
	  "f:3: policy.rules.[0].missing must be one of defer, skip, is \"open\"\n" },
	{ "another member", RULES("{ name = \"a\"; action = \"accept\"; colour = 1; }"),
	  "f:3: there is no setting policy.rules.[0].colour; sekisho.conf(5) lists them\n" },
	{ "mode forward without servers", NEEDED "\ndns: { mode = \"forward\"; };",
	  "f:3: dns.servers must name a resolver, since dns.mode is \"forward\"\n" },
	{ "mode zone without a file", NEEDED "dns: { mode = \"zone\"; };",
	  "f:2: dns.zone_file must name a file, since dns.mode is \"zone\"\n" },
	{ "a server that is a name", NEEDED "dns: { servers = [ \"192.0.2.53\",\n\"ns.example\" ]; };",
	  "f:3: dns.servers.[1] must be an address, or an address and port such as 192.0.2.53:5353 or "
	  "[2001:db8::53]:5353, "
	  "is \"ns.example\"\n" },
	{ "a server twice", NEEDED "dns: { servers = [ \"192.0.2.53\",\n\"192.0.2.53:53\" ]; };",
	  "f:3: dns.servers.[1] must not be given twice, is 192.0.2.53\n" },
	{ "servers that are no list", NEEDED "dns: { servers = \"192.0.2.53\"; };",
	  "f:2: dns.servers must be a list, is \"192.0.2.53\"\n" },
	{ "a trusted sealer that is no domain", NEEDED "arc: { trusted = [ \"example.net\",\n\"@example.net\" ]; };",
	  "f:3: arc.trusted.[1] must be a domain name in ASCII (A-labels), is \"@example.net\"\n" },
	{ "a recipient domain that is an address",
	  NEEDED "relay: { domains = [ \"example.org\",\n\"user@example.org\" ]; };",
	  "f:3: relay.domains.[1] must be a domain name in ASCII (A-labels), is \"user@example.org\"\n" },
	{ "a trusted sealer twice", NEEDED "arc: { trusted = [ \"example.net\",\n\"Example.NET\" ]; };",
	  "f:3: arc.trusted.[1] must not be given twice, is \"Example.NET\"\n" },
	{ "a port without a device", HOP "ports = ({\naddresses = [ \"192.0.2.25/24\" ]; });",
	  "f:2: ports.[0].device must be a PCI address or a DPDK device such as net_tap0,iface=sk0, is \"\"\n" },
	{ "a device twice",
	  HOP "ports = ({ device = \"d\"; addresses = [ \"192.0.2.25/24\" ]; },\n"
	      "{ device = \"d\"; addresses = [ \"192.0.2.27/24\" ]; });",
	  "f:3: ports.[1].device must be another than that of ports.[0], is \"d\" as well\n" },
	{ "a port without addresses",
	  HOP "ports = ({ device = \"d\"; },\n{ device = \"e\"; addresses = [\"192.0.2.25/24\"]; });",
	  "f:2: ports.[0].addresses must hold at least one address with its prefix length\n" },
	{ "an address without a prefix length", PORT("}, { device = \"e\"; addresses = [ \"192.0.2.27\" ];"),
	  "f:3: ports.[1].addresses must be addresses with a prefix length, such as 192.0.2.25/24, is "
	  "\"192.0.2.27\"\n" },
	{ "a prefix length of 33", ADDRESSES("\"192.0.2.25/33\""),
	  "f:3: ports.[0].addresses must be addresses with a prefix length, such as 192.0.2.25/24, is "
	  "\"192.0.2.25/33\"\n" },
	{ "a network address", ADDRESSES("\"192.0.2.0/24\""),
	  "f:3: ports.[0].addresses.[0] must be an address that a station can have, is 192.0.2.0\n" },
	{ "a broadcast address", ADDRESSES("\"192.0.2.255/24\""),
	  "f:3: ports.[0].addresses.[0] must be an address that a station can have, is 192.0.2.255\n" },
	{ "a multicast address", ADDRESSES("\"ff02::1/64\""),
	  "f:3: ports.[0].addresses.[0] must be an address that a station can have, is ff02::1\n" },
	{ "an address twice", ADDRESSES("\"192.0.2.25/24\",\n\"192.0.2.25/25\""),
	  "f:4: ports.[0].addresses.[1] must not be given twice, is 192.0.2.25\n" },
	{ "an MTU that IPv6 does not allow", PORT("mtu = 1279;"),
	  "f:3: ports.[0].mtu must be 1280 to 9000 octets, is 1279\n" },
	{ "a VLAN that is none", PORT("vlan = 4095;"), "f:3: ports.[0].vlan must be 0 to 4094, is 4095\n" },
	{ "a gateway off the link", PORT("gateway4 = \"198.51.100.1\";"),
	  "f:3: ports.[0].gateway4 must be in the prefix of one of the port's addresses, is 198.51.100.1\n" },
	{ "a neighbour without its MAC", PORT("neighbours = [ \"192.0.2.26\" ];"),
	  "f:3: ports.[0].neighbours must be addresses with their MAC, such as \"192.0.2.26 02:00:00:00:00:1a\", is "
	  "\"192.0.2.26\"\n" },
	{ "a neighbour with the MAC of a group", PORT("neighbours = [ \"192.0.2.26 03:00:00:00:00:1a\" ];"),
	  "f:3: ports.[0].neighbours must be addresses with their MAC, such as \"192.0.2.26 02:00:00:00:00:1a\", is "
	  "\"192.0.2.26 03:00:0...\"\n" },
	{ "a neighbour off the link", PORT("neighbours = [ \"198.51.100.1 02:00:00:00:00:1a\" ];"),
	  "f:3: ports.[0].neighbours must be stations in the prefix of one of the port's addresses, is "
	  "198.51.100.1\n" },
	{ "a gateway of the other family", PORT("gateway6 = \"192.0.2.1\";"),
	  "f:3: ports.[0].gateway6 must be an IPv6 address, is 192.0.2.1\n" },
	{ "a gateway that is ourselves", PORT("gateway4 = \"192.0.2.25\";"),
	  "f:3: ports.[0].gateway4 must be the address of another station, is 192.0.2.25\n" },
	{ "a gateway that is no address", PORT("gateway4 = \"gw\";"),
	  "f:3: ports.[0].gateway4 must be an IPv4 or IPv6 address, is \"gw\"\n" },
	{ "an unknown setting of a port", PORT("speed = 10;"),
	  "f:3: there is no setting ports.[0].speed; sekisho.conf(5) lists them\n" },
	{ "a port that is a string", HOP "ports = (\n\"net_tap0\");",
	  "f:3: ports.[0] must be a group: { device = \"...\"; addresses = [ \"...\" ]; }\n" },
	{ "tls_dane that is no boolean", HOPS("{ address = \"192.0.2.26\"; tls_dane = 1; }"),
	  "f:2: next_hops.[0].tls_dane must be true or false, is 1\n" },
	{ "tls_dane without what it needs",
	  HOPS("{ address = \"192.0.2.26\"; tls_dane = true; tls_ca_file = \"/c\"; }"),
	  "f:2: next_hops.[0].tls must be \"require\" or \"immediate\", since what tls_ca_file, tls_dane, tls_name or "
	  "tls_pin demand is demanded only then\n"
	  "f:2: next_hops.[0].tls_dane needs tls_name, the name whose TLSA records are asked for\n"
	  "f:2: next_hops.[0].tls_dane and tls_ca_file exclude each other\n"
	  "f:2: next_hops.[0].tls_dane needs dns.trust_anchor_file, and a dns.mode that resolves: no record counts "
	  "without "
	  "DNSSEC\n" },
	{ "a next hop without an address", HOPS("{ port = 25; }"), "f:2: next_hops.[0].address must be given\n" },
	{ "a next hop that is ourselves", HOPS("{ address = \"192.0.2.25\"; }"),
	  "f:2: next_hops.[0].address must not be one of the ports' own: mail would come back to us, is 192.0.2.25\n" },
	{ "a next hop out of reach", HOPS("{ address = \"198.51.100.26\"; }"),
	  "f:2: next_hops.[0].address must be in the prefix of a port, or a port must have a gateway for it, is "
	  "198.51.100.26\n" },
	{ "a next hop twice", HOPS("{ address = \"192.0.2.26\"; },\n{ address = \"192.0.2.26\"; port = 25; }"),
	  "f:3: next_hops.[1].address must not be given twice with the same port, is 192.0.2.26\n" },
	{ "a next hop with port 0", HOPS("{ address = \"192.0.2.26\"; port = 0; }"),
	  "f:2: next_hops.[0].port must be 1 to 65535, is 0\n" },
	{ "a next hop with a weight of none", HOPS("{ address = \"192.0.2.26\"; weight = 0; }"),
	  "f:2: next_hops.[0].weight must be 1 to 1000, is 0\n" },
	{ "a protocol that is none", HOPS("{ address = \"192.0.2.26\"; protocol = \"uucp\"; }"),
	  "f:2: next_hops.[0].protocol must be one of smtp|lmtp, is \"uucp\"\n" },
	{ "LMTP on the port of SMTP", HOPS("{ address = \"192.0.2.26\"; protocol = \"lmtp\"; }"),
	  "f:2: next_hops.[0].port must be another than 25 for LMTP (RFC 2033 5)\n" },
	{ "a smarthost that is none", HOPS("{ address = \"192.0.2.26\"; smarthost = 1; }"),
	  "f:2: next_hops.[0].smarthost must be true or false, is 1\n" },
	{ "a smarthost alone", HOPS("{ address = \"192.0.2.26\"; smarthost = true; }"),
	  "f:1: next_hops must name at least one mail server: next_hops = ( { address = \"192.0.2.26\"; } );\n" },
	{ "a smarthost with domains",
	  HOPS("{ address = \"192.0.2.26\"; }, { address = \"192.0.2.27\"; smarthost = true; domains = [ \"a.example\" "
	       "]; }"),
	  "f:2: next_hops.[1].smarthost must not be true with domains: no client's mail goes there\n" },
	{ "a route that is no domain", HOPS("{ address = \"192.0.2.26\"; domains = [ \"@inside.example\" ]; }"),
	  "f:2: next_hops.[0].domains must be domain names in ASCII (A-labels), \"@inside.example\" is none\n" },
	{ "a domain twice at one next hop",
	  HOPS("{ address = \"192.0.2.26\"; domains = [ \"a.example\", \"A.EXAMPLE\" ]; }"),
	  "f:2: next_hops.[0].domains.[1] must not be given twice, is \"A.EXAMPLE\"\n" },
	{ "a route for mail that is refused",
	  HOPS("{ address = \"192.0.2.26\"; domains = [ \"a.example\" ]; }") "relay: { domains = [ \"b.example\" ]; };",
	  "f:2: next_hops.[0].domains must be in relay.domains as well, \"a.example\" is not\n"
	  "f:3: relay.domains.[0] must be in the domains of a next hop, since all have some; \"b.example\" is not\n" },
	{ "too many elements",
	  NEEDED "dns: { servers = [ \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\" ]; };",
	  "f:2: dns.servers must have at most 8 elements, has 9\n" },
	{ "a setting twice", NEEDED "dns: { timeout_ms = 500;\ntimeout_ms = 600; };",
	  "f:3: duplicate setting name; leave one of them\n" },
	{ "a group twice", NEEDED "dns: { };\ndns: { };", "f:3: duplicate setting name; leave one of them\n" },
	{ "a syntax error", NEEDED "dns: {\ntimeout_ms 500; };",
	  "f:3: syntax error; see whether a ; , \" or bracket is missing here or above\n" },
	{ "an include", NEEDED "# one\n@include \"x\"",
	  "f:3: @include is not taken here; put all settings into one file\n" },
	{ "several faults are all told", NEEDED "smtp: {\nport = 0;\nhops_max = 0; };\nx = 1;",
	  "f:3: smtp.port must be 1 to 65535, is 0\nf:4: smtp.hops_max must be 1 to 1000, is 0\n"
	  "f:5: there is no setting x; sekisho.conf(5) lists them\n" },
	{ "a wrong string is told together with a wrong number",
	  NEEDED "server: {\nhostname = \"mx\";\nworkers = 0; };",
	  "f:4: server.workers must be 1 to 128, is 0\n"
	  "f:3: server.hostname must be a full host name such as mx.example, is \"mx\"\n" },
	{ "what a fault would make look wrong is not told",
	  NEEDED "smtp: { message_max = 1; };\nlimits: { body_blocks = 64; };",
	  "f:2: smtp.message_max must be 1024 to 1073741824 octets, is 1\n" },
};

static bool load(const char *file, size_t len, struct settings *s, struct heard *h)
{
	memset(h, 0, sizeof(*h));
	return settings_load_text(span_of(file, len), "f", s, hear, h);
}

static void test_bad(struct settings *s, struct heard *h)
{
	char long_name[2000];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s->version = 77;
		ok(!load(bad[i].file, strlen(bad[i].file), s, h) && s->version == 77, "refused, settings untouched: %s",
		   bad[i].sentence);
		is_span(span_str(h->text), span_str(bad[i].message), "told with its line: %s", bad[i].sentence);
	}
	snprintf(long_name, sizeof(long_name), NEEDED "server: { log_file = \"%0256d\"; };", 0);
	ok(!load(long_name, strlen(long_name), s, h), "a string of 256 octets is refused");
	is_span(span_str(h->text), SPAN("f:2: server.log_file must have at most 255 octets, has 256\n"),
		"with its length");
	snprintf(long_name, sizeof(long_name), NEEDED "server: { control_socket = \"/%0120d\"; };", 0);
	ok(!load(long_name, strlen(long_name), s, h), "a socket path longer than a socket address is refused");
	is_span(span_str(h->text), SPAN("f:2: server.control_socket must be a path of 1 to 107 octets, has 121\n"),
		"with its length");
	static const char nul[] = NEEDED "\0dns: { cache = 1; };";
	ok(!load(nul, sizeof(nul) - 1, s, h), "a NUL octet does not hide the rest of the file");
	is_span(span_str(h->text), SPAN("f:2: a NUL octet; the file must be text\n"), "and is told");

	char *many = calloc(1, 20000);
	for (int i = 0; many && i < 500; i++)
		snprintf(many + strlen(many), 20000 - strlen(many), "x%d = 1;\n", i);
	ok(many && !load(many, strlen(many), s, h) && h->n == 101, "no more than 100 faults are told");
	free(many);
}

static void test_good(struct settings *s, struct heard *h)
{
	struct settings *d = malloc(sizeof(*d));
	static const char full[] =
		"ports = ( { device = \"0000:3b:00.0\"; addresses = [ \"192.0.2.25/24\", \"2001:db8::25/64\" ];\n"
		"gateway4 = \"192.0.2.1\"; gateway6 = \"fe80::1\"; mtu = 9000; vlan = 7;\n"
		"neighbours = [ \"192.0.2.26 02:00:00:00:aB:1a\" ]; },\n"
		"{ device = \"net_tap1\"; addresses = ( \"198.51.100.0/31\" ); } );\n"
		"next_hops = ( { address = \"203.0.113.4\"; port = 2525; domains = [ \"a.example\" ]; weight = 7; },\n"
		"{ address = \"2001:db8:1::4\"; domains = [ \"b.example\", \"A.example\" ]; priority = 0; port = 24; "
		"protocol = \"lmtp\"; } );\n"
		"eal = [ \"--log-level=8\" ];\n"
		"dns : { mode = \"forward\"; servers = [ \"192.0.2.53\", \"[2001:db8::53]:5353\", \"2001:db8::54\", "
		"\"192.0.2.53:5353\" ]; };\n"
		"arc : { trusted = [ \"example.net\" ]; };\n"
		"smtp : { port = 0x19; message_max = 1000000; /* 12abc @include */ }; # 5m\n"
		"spf = { received_spf = true; }\n"
		"policy : { quarantine_header = \"X-Class: 12ab @include\" \" \\\"q\\\"\"; temperror = \"accept\"; "
		"};\n";

	ok(load(NEEDED, sizeof(NEEDED) - 1, s, h) && h->n == 0, "ports and next_hops are enough");
	settings_default(d);
	ok(d->dns_cache_entries == 100000 && !d->spf_received_spf && strcmp(d->server_hostname, "mx.example") == 0 &&
		   d->n_ports == 0 && d->version == 0,
	   "defaults are those of settings.def");
	ok(s->n_ports == 1 && s->ports[0].mtu == 1500 && s->ports[0].vlan == 0 && s->next_hops[0].port == 25,
	   "what a port and a next hop leave out has its default");
	s->n_ports = s->n_next_hops = 0;
	memset(s->ports, 0, sizeof(s->ports));
	memset(s->next_hops, 0, sizeof(s->next_hops));
	ok(memcmp(s, d, sizeof(*d)) == 0, "all else is at its default");

	ok(load(full, sizeof(full) - 1, s, h), "a file with all lists is taken");
	is_span(span_str(h->text), SPAN(""), "in silence");
	ok(s->n_ports == 2 && s->ports[0].n_addresses == 2 && s->ports[0].addresses[1].prefix_len == 64 &&
		   s->ports[0].mtu == 9000 && s->ports[0].vlan == 7 && s->ports[0].n_neighbours == 1 &&
		   memcmp(s->ports[0].neighbours[0].mac, "\2\0\0\0\xab\x1a", 6) == 0 &&
		   s->ports[0].gateway6.family == IP_V6,
	   "ports are as written; a gateway may be link-local");
	ok(s->ports[1].n_addresses == 1, "both addresses of a /31 are stations (RFC 3021)");
	ok(s->n_next_hops == 2 && s->next_hops[0].port == 2525 && s->next_hops[1].addr.family == IP_V6,
	   "next hops too");
	ok(s->next_hops[0].priority == 10 && s->next_hops[0].weight == 7 && s->next_hops[1].priority == 0 &&
		   s->next_hops[1].weight == 1 && s->n_routes == 2 && s->routes[0].next_hops == 3 &&
		   s->routes[1].next_hops == 2,
	   "a domain of two next hops is one route");
	ok(!s->next_hops[0].lmtp && s->next_hops[0].recipients_max == 0 && s->next_hops[1].lmtp &&
		   s->next_hops[1].recipients_max == 1,
	   "by LMTP a message has one recipient unless it is said otherwise");
	ok(s->n_dns_servers == 4 && s->dns_servers[0].port == 53 && s->dns_servers[1].port == 5353 &&
		   s->dns_servers[2].port == 53 && s->dns_servers[3].port == 5353,
	   "servers with and without a port");
	ok(s->n_eal == 1 && strcmp(s->eal[0], "--log-level=8") == 0 && s->n_arc_trusted == 1, "strings of lists");
	ok(s->smtp_port == 25 && s->smtp_message_max == 1000000,
	   "numbers in both notations, octets of comments are no syntax");
	ok(s->spf_received_spf && strcmp(s->policy_temperror, "accept") == 0, "flags and words");
	is_span(span_str(s->policy_quarantine_header), SPAN("X-Class: 12ab @include \"q\""),
		"digits and @ inside a string are left alone");
	free(d);
}

static void test_files(struct settings *s, struct heard *h)
{
	memset(h, 0, sizeof(*h));
	ok(!settings_load("/nonexistent/sekisho.conf", s, hear, h), "a missing file is refused");
	is_span(span_str(h->text),
		SPAN("/nonexistent/sekisho.conf: cannot be opened: No such file or directory; name a file that can be "
		     "read\n"),
		"and named");
	memset(h, 0, sizeof(*h));
	ok(!settings_load("/", s, hear, h) && h->n == 1, "a directory is refused, and the process lives on");
	memset(h, 0, sizeof(*h));
	ok(settings_load("conf/sekisho.conf", s, hear, h), "the sample file is good as it stands: %s", h->text);
}

int main(void)
{
	struct settings *s = malloc(sizeof(*s));
	struct heard *h = malloc(sizeof(*h));

	if (!s || !h)
		return 1;
	test_bad(s, h);
	test_good(s, h);
	test_files(s, h);
	free(s);
	free(h);
	return done();
}
