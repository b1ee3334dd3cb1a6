// SPDX-License-Identifier: MIT
/*
 * check_options.c - the command line of sekisho-check
 */
#include "tools/check/check_options.h"

#include <getopt.h>
#include <stdio.h>

#include "conf/version.h"

#define EXIT_USAGE 2

enum {
	IP = 256,
	HELO,
	MAIL_FROM,
	NOW,
	ZONE,
	RESOLVER,
	AUTHSERV_ID,
	DMARC_MODE,
	EXPLAIN,
	JSON,
	JSONL,
	ALLOW_SHA1,
	MIN_RSA_BITS,
	CONFIG,
	HELP,
	VERSION
};

static const struct option options[] = { { "ip", required_argument, NULL, IP },
					 { "helo", required_argument, NULL, HELO },
					 { "mail-from", required_argument, NULL, MAIL_FROM },
					 { "now", required_argument, NULL, NOW },
					 { "zone", required_argument, NULL, ZONE },
					 { "resolver", required_argument, NULL, RESOLVER },
					 { "authserv-id", required_argument, NULL, AUTHSERV_ID },
					 { "dmarc-mode", required_argument, NULL, DMARC_MODE },
					 { "explain", no_argument, NULL, EXPLAIN },
					 { "json", no_argument, NULL, JSON },
					 { "jsonl", no_argument, NULL, JSONL },
					 { "allow-sha1", no_argument, NULL, ALLOW_SHA1 },
					 { "min-rsa-bits", required_argument, NULL, MIN_RSA_BITS },
					 { "config", required_argument, NULL, CONFIG },
					 { "help", no_argument, NULL, HELP },
					 { "version", no_argument, NULL, VERSION },
					 { 0 } };

static void usage(void)
{
	fputs("usage: sekisho-check --ip ADDR [options] [MESSAGE.eml | -]\n"
	      "       sekisho-check --jsonl [options]\n"
	      "Verifies SPF, DKIM, ARC and DMARC of a message as the gateway would, and prints the\n"
	      "Authentication-Results field that it would add.  Without a message: SPF alone.\n"
	      "  --ip ADDR           address of the client\n"
	      "  --helo NAME         what it said after EHLO\n"
	      "  --mail-from ADDR    reverse-path; \"\" is the null sender\n"
	      "  --now UNIX          time to believe; the default is the clock\n"
	      "  --zone FILE         answer every question from FILE, one record a line:\n"
	      "                      name TYPE rdata, or name TYPE !SERVFAIL|!TIMEOUT|!NXDOMAIN|!NODATA\n"
	      "  --resolver ADDR     ask this resolver (ADDR or ADDR@PORT); the default asks from the root down\n"
	      "  --authserv-id ID    name in the field\n"
	      "  --dmarc-mode MODE   rfc9989 (tree walk, the default) or rfc7489 (public suffix list)\n"
	      "  --explain           every DNS question, its answer, and the step that it decided\n"
	      "  --json              the result as one JSON object\n"
	      "  --jsonl             read cases from standard input, one JSON object a line, each with its own\n"
	      "                      zone; write one object a line\n"
	      "  --allow-sha1        let rsa-sha1 pass; for tests of old signatures only\n"
	      "  --min-rsa-bits N    shortest RSA key, 512 to 8192; below 1024 for tests only\n"
	      "  --config FILE       policy by the rules and settings of this configuration; lists, lists in DNS and\n"
	      "                      the greylist are not looked at: nobody is on them, everybody is a stranger\n"
	      "  --help, --version\n"
	      "Exit status: 0 done, 1 the check could not be made, 2 wrong usage.\n",
	      stdout);
}

static int wrong(const char *what, const char *to_do)
{
	fprintf(stderr, "sekisho-check: %s; %s\n", what, to_do);
	return EXIT_USAGE;
}

static int set_mode(struct check_options *o, const char *mode)
{
	o->settings.rfc7489 = strcmp(mode, "rfc7489") == 0;
	return o->settings.rfc7489 || strcmp(mode, "rfc9989") == 0
		       ? -1
		       : wrong("--dmarc-mode is neither rfc9989 nor rfc7489", "give one of them");
}

static int set_number(const char *text, uint64_t least, uint64_t most, uint64_t *value, const char *what)
{
	if (span_decimal(span_str(text), most, value) && *value >= least)
		return -1;
	return wrong(what, "see sekisho-check --help");
}

/* ADDR or ADDR@PORT, as libunbound takes it. */
static int set_resolver(struct check_options *o, const char *text)
{
	struct span port = span_str(text), addr = span_cut(&port, '@');
	struct ip_addr parsed;
	uint64_t number = 53;

	o->resolver = text;
	if (!ip_addr_parse(addr, &parsed) || (port.at && (!span_decimal(port, 65535, &number) || number == 0)))
		return wrong("--resolver is no address", "give it as 192.0.2.53 or 192.0.2.53@5353");
	return -1;
}

static int set_option(struct check_options *o, int option)
{
	uint64_t bits;
	int status;

	switch (option) {
	case IP:
		return ip_addr_parse(span_str(optarg), &o->ip)
			       ? -1
			       : wrong("--ip is no address", "give it as 192.0.2.1 or 2001:db8::1");
	case HELO:
		o->helo = optarg;
		return -1;
	case MAIL_FROM:
		o->mail_from = optarg;
		return -1;
	case NOW:
		o->has_now = true;
		return set_number(optarg, 0, INT64_MAX, &o->now_unix, "--now is no Unix time");
	case ZONE:
		o->zone_file = optarg;
		return -1;
	case RESOLVER:
		return set_resolver(o, optarg);
	case AUTHSERV_ID:
		o->settings.authserv_id = optarg;
		return *optarg ? -1 : wrong("--authserv-id is empty", "give a name such as mx.example");
	case DMARC_MODE:
		return set_mode(o, optarg);
	case EXPLAIN:
		o->explain = true;
		return -1;
	case JSON:
		o->json = true;
		return -1;
	case JSONL:
		o->jsonl = true;
		return -1;
	case ALLOW_SHA1:
		o->settings.allow_sha1 = true;
		return -1;
	case MIN_RSA_BITS:
		status = set_number(optarg, 512, 8192, &bits, "--min-rsa-bits is not 512 to 8192");
		o->settings.rsa_bits_min = status < 0 ? (unsigned)bits : 0;
		return status;
	case CONFIG:
		o->settings.config = optarg;
		return -1;
	case HELP:
		usage();
		return 0;
	case VERSION:
		printf("sekisho-check %s\n", SEKISHO_VERSION);
		return 0;
	}
	return wrong("an option without a meaning", "this is a defect, please report it");
}

/* What getopt_long() did not take: a letter in a word of others, or the whole word. */
static int not_taken(int option, char **argv)
{
	char what[200];

	if (optopt && optopt < IP)
		snprintf(what, sizeof(what), "there is no option -%c", optopt);
	else if (option == ':')
		snprintf(what, sizeof(what), "%.150s needs a value", argv[optind - 1]);
	else
		snprintf(what, sizeof(what), "there is no option %.150s", argv[optind - 1]);
	return wrong(what, "see sekisho-check --help");
}

int check_options(struct check_options *o, int argc, char **argv)
{
	int option, status;

	memset(o, 0, sizeof(*o));
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		status = option == ':' || option == '?' ? not_taken(option, argv) : set_option(o, option);
		if (status >= 0)
			return status;
	}
	if (argc - optind > 1)
		return wrong("more than one message", "name one file, or - for standard input");
	o->message_file = optind < argc ? argv[optind] : NULL;
	if (o->jsonl && (o->message_file || o->zone_file || o->resolver || o->ip.family != IP_NONE || o->helo ||
			 o->mail_from || o->has_now))
		return wrong("--jsonl takes no message, --ip, --helo, --mail-from, --now, --zone or --resolver",
			     "they stand in the cases");
	if (o->zone_file && o->resolver)
		return wrong("both --zone and --resolver", "give one of them");
	if (!o->jsonl && o->ip.family == IP_NONE)
		return wrong("no client address", "give one with --ip ADDR");
	return -1;
}
