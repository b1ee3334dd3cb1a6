// SPDX-License-Identifier: MIT
/*
 * sekishoctl.c - the control program: words and options to a request, its answer to a table
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/version.h"
#include "ctrlplane/cli/ctl_client.h"
#include "ctrlplane/cli/ctl_firmware.h"
#include "ctrlplane/cli/ctl_keygen.h"
#include "ctrlplane/cli/ctl_print.h"
#include "ctrlplane/cli/ctl_shell.h"
#include "ctrlplane/cli/ctl_top.h"
#include "ctrlplane/cli/setup.h"
#include "ctrlplane/lists_build.h"
#include "ctrlplane/settings_load.h"

#define ANSWER_WAIT_MS 70000 /* a DNS answer may take a minute */

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

/* Options of commands; a command takes those of its mask. */
enum {
	OPT_PROMETHEUS = 1,
	OPT_IP = 2,
	OPT_DOMAIN = 4,
	OPT_COUNT = 8,
	OPT_LAST = 16,
	OPT_LIMIT = 32,
	OPT_ALL = 64,
	OPT_SETUP = 128
};

struct options {
	const char *socket;
	bool json, all;
	unsigned given; /* OPT_... */
	json_t *args;   /* of the request */
};

struct verb {
	const char *words;
	const char *operands[3]; /* names of the arguments behind the words; "[x]" may be left out */
	unsigned options;
	ctl_printer *print;
	const char *help;
};

static const struct verb verbs[] = {
	{ "status", { 0 }, 0, ctl_print_status, "what runs, since when, and whether it drains" },
	{ "stats",
	  { 0 },
	  OPT_PROMETHEUS | OPT_ALL,
	  ctl_print_stats,
	  "counters, summed over the workers [--all] [--prometheus]" },
	{ "show sessions", { 0 }, OPT_LIMIT, ctl_print_sessions, "client sessions [--limit N]" },
	{ "show ports", { 0 }, 0, ctl_print_ports, "ports, their addresses and packets" },
	{ "show dns", { 0 }, OPT_ALL, ctl_print_dns, "resolver and cache" },
	{ "show crypto", { 0 }, OPT_ALL, ctl_print_crypto, "who verifies signatures, fill of batches, waits [--all]" },
	{ "show nexthops", { 0 }, OPT_ALL, ctl_print_next_hops, "mail servers behind us and their last replies" },
	{ "show limits",
	  { 0 },
	  OPT_ALL,
	  ctl_print_limits,
	  "how full what has a limit is and was; every limit [--all]" },
	{ "show policy", { 0 }, 0, ctl_print_policy, "the rules in force, and how often each matched" },
	{ "show tcp", { 0 }, OPT_ALL, ctl_print_tcp, "connections, half-open ones, buffers; what TCP counted [--all]" },
	{ "show dnsbl", { 0 }, OPT_ALL, ctl_print_dnsbl, "lists of addresses in DNS, and whether they work" },
	{ "show greylist",
	  { 0 },
	  OPT_ALL,
	  ctl_print_counted,
	  "how many senders wait to come again, how many are known" },
	{ "show latency", { 0 }, 0, ctl_print_latency, "how long messages took: whole, DNS, crypto" },
	{ "top", { 0 }, 0, ctl_print_changed, "a live screen of rates, verdicts, latency and limits; q ends it" },
	{ "trace",
	  { 0 },
	  OPT_IP | OPT_DOMAIN | OPT_COUNT | OPT_LAST,
	  ctl_print_trace,
	  "a line a message as it ends [--ip PREFIX] [--domain NAME] [--last N: kept ones first] [--count N: then "
	  "end]" },
	{ "explain", { "id" }, 0, ctl_print_explain, "why a recent message got its verdict" },
	{ "check",
	  { "file" },
	  0,
	  ctl_print_changed,
	  "every fault of a configuration file and of the lists that it names; needs no daemon" },
	{ "drain", { 0 }, 0, ctl_print_changed, "take no new connections, finish transactions" },
	{ "resume", { 0 }, 0, ctl_print_changed, "take connections again" },
	{ "reload", { 0 }, 0, ctl_print_settings, "read the configuration anew; a fault in it changes nothing" },
	{ "rollback", { 0 }, 0, ctl_print_settings, "the settings before the last reload" },
	{ "allow add",
	  { "entry", "[kind]" },
	  0,
	  ctl_print_changed,
	  "accept what matches; an address, a prefix or a domain, or with its kind: prefix, domain, helo" },
	{ "allow del", { "entry", "[kind]" }, 0, ctl_print_changed, "no longer" },
	{ "allow list", { 0 }, 0, ctl_print_list, "what was added so, and how much is in lists.file" },
	{ "deny add", { "entry", "[kind]" }, 0, ctl_print_changed, "refuse what matches" },
	{ "deny del", { "entry", "[kind]" }, 0, ctl_print_changed, "no longer" },
	{ "deny list", { 0 }, 0, ctl_print_list, "what was added so, and how much is in lists.file" },
	{ "dns lookup", { "name", "type" }, 0, ctl_print_lookup, "ask as the gateway asks" },
	{ "dns dump", { "[name]" }, OPT_LIMIT, ctl_print_dump, "cached answers, at a name and below it or all" },
	{ "dns flush", { "[name]" }, 0, ctl_print_changed, "forget cached answers, of one name or all" },
	{ "log level", { "[level]" }, 0, ctl_print_changed, "error, warning, info or debug" },
	{ "quarantine list",
	  { "[before]" },
	  0,
	  ctl_print_quarantine,
	  "messages that are held, 500 at most; those before an id" },
	{ "quarantine show", { "id" }, 0, ctl_print_held, "one of them with its text" },
	{ "quarantine release", { "id" }, 0, ctl_print_changed, "give it to its recipients by the next hop" },
	{ "quarantine delete", { "id" }, 0, ctl_print_changed, "delete it" },
	{ "report list", { 0 }, 0, ctl_print_reports, "DMARC aggregate reports and what became of them" },
	{ "report show", { "report" }, 0, ctl_print_report, "rows and deliveries of one, by its number or domain" },
	{ "report preview", { "report" }, 0, ctl_print_preview, "the XML of one as it would be sent now" },
	{ "report send", { "[domain]" }, 0, ctl_print_changed, "end periods now, of one domain or all, and send them" },
	{ "report suppressed", { 0 }, 0, ctl_print_suppressed, "addresses that refused, and until when they get none" },
	{ "report unsuppress", { "address" }, 0, ctl_print_changed, "write to that address again" },
	{ "report keygen",
	  { "file", "selector", "domain" },
	  0,
	  ctl_print_changed,
	  "a new key that signs reports, and its record for DNS; needs no daemon" },
	{ "firmware status",
	  { 0 },
	  0,
	  ctl_print_changed,
	  "what the two slots of a box hold, and which one is started" },
	{ "firmware install",
	  { "file" },
	  0,
	  ctl_print_changed,
	  "a signed update into the other slot; the next start tries it, once" },
	{ "firmware confirm", { 0 }, 0, ctl_print_changed, "keep what runs, if the gateway is well on it" },
	{ "firmware rollback", { 0 }, 0, ctl_print_changed, "do not try the update; or try the slot before" },
	{ "setup",
	  { 0 },
	  OPT_SETUP,
	  ctl_print_changed,
	  "what NICs there are [--port NIC --address ADDRESS/BITS --hostname NAME --next-hop ADDRESS: take one] "
	  "[--undo]" },
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

__attribute__((format(printf, 2, 3))) static int complain(int status, const char *format, ...)
{
	va_list args;

	fputs("sekishoctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

static void usage(FILE *f)
{
	fputs("usage: sekishoctl [--socket PATH] [--json] COMMAND\n", f);
	for (size_t i = 0; i < N_VERBS; i++) {
		char left[64];
		int n = snprintf(left, sizeof(left), "%s", verbs[i].words);

		for (size_t j = 0; j < 3 && verbs[i].operands[j]; j++) {
			left[n++] = ' ';
			for (const char *c = verbs[i].operands[j]; *c; c++)
				left[n++] = (char)toupper((unsigned char)*c);
			left[n] = '\0';
		}
		if (verbs[i].print)
			fprintf(f, "  %-22s %s\n", left, verbs[i].help);
	}
	fputs("Exit status: 0 done, 1 failed, 2 wrong usage or configuration.\n", f);
}

/* The verb with the most words that begin argv; sets how many words it has. */
static const struct verb *find_verb(int argc, char **argv, int *n_words)
{
	const struct verb *found = NULL;
	char one[64], two[64];

	if (argc == 0)
		return NULL;
	snprintf(one, sizeof(one), "%s", argv[0]);
	snprintf(two, sizeof(two), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].words, two) == 0 || (!found && strcmp(verbs[i].words, one) == 0)) {
			found = &verbs[i];
			*n_words = strchr(found->words, ' ') ? 2 : 1;
		}
	return found;
}

/* "show" alone is half a command: says what may follow. */
static int unknown_command(int argc, char **argv)
{
	size_t len = strlen(argv[0]);
	char rest[200];
	struct text t;

	text_init(&t, rest, sizeof(rest));
	for (size_t i = 0; i < N_VERBS; i++)
		if (verbs[i].print && strncmp(verbs[i].words, argv[0], len) == 0 && verbs[i].words[len] == ' ') {
			text_puts(&t, t.len ? " | " : "");
			text_puts(&t, verbs[i].words + len + 1);
		}
	if (!t.len)
		return complain(EXIT_USAGE, "there is no command %s; see sekishoctl --help", argv[0]);
	if (argc > 1)
		return complain(EXIT_USAGE, "there is no command %s %s; give %s %s", argv[0], argv[1], argv[0], rest);
	return complain(EXIT_USAGE, "%s alone is no command; give %s %s", argv[0], argv[0], rest);
}

/* Operands into the request's arguments. */
static int take_operands(const struct verb *v, int argc, char **argv, json_t *args)
{
	for (int i = 0; i < argc; i++) {
		char name[16];

		if (i >= 3 || !v->operands[i])
			return complain(EXIT_USAGE, "%s takes no argument %s; see sekishoctl --help", v->words,
					argv[i]);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(v->operands[i] + (*v->operands[i] == '['), "]"),
			 v->operands[i] + (*v->operands[i] == '['));
		if (json_object_set_new(args, name, json_string(argv[i])) != 0)
			return complain(EXIT_USAGE, "an argument of %s is not UTF-8; write it so", v->words);
	}
	if (argc < 3 && v->operands[argc] && v->operands[argc][0] != '[')
		return complain(EXIT_USAGE, "%s needs its %s; see sekishoctl --help", v->words, v->operands[argc]);
	return EXIT_GOOD;
}

static int print_answer(const struct verb *v, const struct options *o, const json_t *result, bool more)
{
	if (o->json && strcmp(v->words, "trace") == 0 && !more)
		return EXIT_GOOD; /* the end of a trace is no record */
	if (o->json && !(o->given & OPT_PROMETHEUS)) {
		json_dumpf(result, stdout,
			   JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12) | (more ? JSON_COMPACT : JSON_INDENT(2)));
		putchar('\n');
	} else {
		v->print(stdout, result, o->all);
	}
	if (fflush(stdout) != 0)
		return EXIT_FAILED; /* main() tells */
	return EXIT_GOOD;
}

/* All that the daemon says is wrong, a line each. */
static int complain_all(const struct ctl_client *c)
{
	int status = c->usage ? EXIT_USAGE : EXIT_FAILED;
	const json_t *one;
	size_t i;

	json_array_foreach(c->errors, i, one) complain(status, "%s", json_string_value(one));
	return json_array_size(c->errors) ? status : complain(status, "%s", c->error);
}

static int ask_daemon(const struct verb *v, struct options *o)
{
	bool trace = strcmp(v->words, "trace") == 0, more = true;
	struct ctl_client c;
	int status = EXIT_GOOD;

	if (!ctl_open(&c, o->socket) || !ctl_ask(&c, v->words, o->args))
		status = complain(EXIT_FAILED, "%s", c.error);
	while (status == EXIT_GOOD && more) {
		json_t *result = ctl_answer(&c, &more, trace ? -1 : ANSWER_WAIT_MS);

		status = result ? print_answer(v, o, result, more) : complain_all(&c);
		json_decref(result);
	}
	ctl_close(&c);
	return status;
}

static int watch(const struct options *o)
{
	struct ctl_client c;
	int status = EXIT_GOOD;

	if (o->json)
		return complain(EXIT_USAGE, "top is a screen; ask for stats, show latency or show limits as JSON");
	if (!isatty(STDOUT_FILENO))
		return complain(EXIT_FAILED, "top needs a terminal; ask for stats instead");
	if (!ctl_open(&c, o->socket) || !ctl_top(&c))
		status = complain(EXIT_FAILED, "%s", c.error);
	ctl_close(&c);
	return status;
}

static int shell(const struct options *o)
{
	struct ctl_word words[N_VERBS];

	for (size_t i = 0; i < N_VERBS; i++)
		words[i] = (struct ctl_word){ verbs[i].words, verbs[i].help };
	return ctl_shell(words, N_VERBS, o->socket);
}

static void hear_error(void *arg, const char *message)
{
	if (arg)
		json_array_append_new(arg, json_string(message));
	else
		complain(EXIT_USAGE, "%s", message);
}

static int make_key(const struct options *o)
{
	char error[256];

	return ctl_keygen(o->args, o->json, error) ? EXIT_GOOD : complain(EXIT_FAILED, "%s", error);
}

/* The files of lines that a configuration names, which reload reads as well. */
static bool check_lists(const struct lists_format *format, const char *path, uint64_t entries_max, json_t *errors)
{
	struct lists *l = *path ? lists_load(format, path, entries_max, hear_error, errors) : NULL;
	bool good = l || !*path;

	lists_free(l);
	return good;
}

static int check_file(const struct options *o)
{
	static struct settings s;
	const char *path = json_string_value(json_object_get(o->args, "file"));
	json_t *errors = o->json ? json_array() : NULL;
	bool good = settings_load(path, &s, hear_error, errors);

	if (good) {
		good = check_lists(&lists_access, s.lists_file, s.lists_entries_max, errors);
		good &= check_lists(&lists_recipients, s.recipients_file, s.recipients_entries_max, errors);
	}
	if (o->json) {
		json_t *result = json_pack("{s:s, s:b, s:o}", "file", path, "good", (int)good, "errors", errors);
		json_dumpf(result, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
		putchar('\n');
		json_decref(result);
	} else if (good) {
		printf("%s is good\n", path);
	}
	return good ? EXIT_GOOD : EXIT_USAGE;
}

/* A number of an option; false after a complaint. */
static bool take_number(json_t *args, const char *key, const char *text)
{
	uint64_t n;

	if (!span_decimal(span_str(text), INT32_MAX, &n)) {
		complain(EXIT_USAGE, "--%s takes a whole number of at most %d, not %s; give such a one", key, INT32_MAX,
			 text);
		return false;
	}
	json_object_set_new(args, key, json_integer((json_int_t)n));
	return true;
}

enum { OPTION_SOCKET = 256, OPTION_JSON, OPTION_HELP, OPTION_VERSION, OPTION_COMPLETION, OPTION_OF_COMMAND };

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "completion", no_argument, NULL, OPTION_COMPLETION },
	{ "prometheus", no_argument, NULL, OPTION_OF_COMMAND + OPT_PROMETHEUS },
	{ "all", no_argument, NULL, OPTION_OF_COMMAND + OPT_ALL },
	{ "ip", required_argument, NULL, OPTION_OF_COMMAND + OPT_IP },
	{ "domain", required_argument, NULL, OPTION_OF_COMMAND + OPT_DOMAIN },
	{ "count", required_argument, NULL, OPTION_OF_COMMAND + OPT_COUNT },
	{ "last", required_argument, NULL, OPTION_OF_COMMAND + OPT_LAST },
	{ "limit", required_argument, NULL, OPTION_OF_COMMAND + OPT_LIMIT },
	{ "port", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "address", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "gateway", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "hostname", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "next-hop", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "workers", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "hugepages", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "root", required_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ "undo", no_argument, NULL, OPTION_OF_COMMAND + OPT_SETUP },
	{ 0 },
};

/* The words that may follow @first, or begin a command when it is "": each once. */
static void print_following(const char *first)
{
	const char *last = "";
	size_t len = strlen(first), n_last = 0;

	for (size_t i = 0; i < N_VERBS; i++) {
		const char *word = verbs[i].words;

		if (len && (strncmp(word, first, len) != 0 || word[len] != ' '))
			continue;
		word += len ? len + 1 : 0;
		size_t n = strcspn(word, " ");
		if (n != n_last || strncmp(word, last, n) != 0) /* those that begin alike stand together */
			printf(" %.*s", (int)n, word);
		last = word;
		n_last = n;
	}
}

static void print_options(unsigned mask)
{
	for (const struct option *o = long_options; o->name; o++)
		if (o->val >= OPTION_OF_COMMAND && (mask & (unsigned)(o->val - OPTION_OF_COMMAND)))
			printf(" --%s", o->name);
}

/* For bash, from the table that --help is made from. */
static void print_completion(void)
{
	const char *done = "";

	fputs("# completion for bash; sekishoctl --completion prints it\n"
	      "_sekishoctl()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words= said= i\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t--socket) ((i++)) ;;\n\t\t-*) ;;\n\t\t*) said+=\"${said:+ }${COMP_WORDS[i]}\" ;;\n\t\tesac\n\tdone\n"
	      "\tcase $said in\n\t'') words=\"--socket --json --help --version",
	      stdout);
	print_following("");
	puts("\" ;;");
	for (size_t i = 0; i < N_VERBS; i++) {
		size_t n = strcspn(verbs[i].words, " ");

		if (verbs[i].words[n] && (strncmp(done, verbs[i].words, n) != 0 || done[n] != ' ')) {
			printf("\t'%.*s') words=\"", (int)n, verbs[i].words);
			char first[32];
			snprintf(first, sizeof(first), "%.*s", (int)n, verbs[i].words);
			print_following(first);
			puts("\" ;;");
			done = verbs[i].words;
		}
		printf("\t'%s') words=\"--json", verbs[i].words);
		print_options(verbs[i].options);
		puts("\" ;;");
	}
	puts("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
	     "complete -o default -F _sekishoctl sekishoctl");
}

static bool take_option(struct options *o, int option, const char *name)
{
	o->given |= (unsigned)option;
	switch (option) {
	case OPT_PROMETHEUS:
		return json_object_set_new(o->args, "format", json_string("prometheus")) == 0;
	case OPT_ALL:
		return o->all = true;
	case OPT_IP:
		return json_object_set_new(o->args, "ip", json_string(optarg)) == 0;
	case OPT_DOMAIN:
		return json_object_set_new(o->args, "domain", json_string(optarg)) == 0;
	case OPT_COUNT:
		return take_number(o->args, "count", optarg);
	case OPT_LAST:
		return take_number(o->args, "last", optarg);
	case OPT_SETUP:
		return json_object_set_new(o->args, name, json_string(optarg ? optarg : "")) == 0 ||
		       complain(EXIT_USAGE, "--%s is not UTF-8; write it so", name) == EXIT_GOOD;
	default:
		return take_number(o->args, "limit", optarg);
	}
}

/* Returns an exit status, or -1 to go on. */
static int take_options(struct options *o, int argc, char **argv)
{
	int option, which = 0;

	while ((option = getopt_long(argc, argv, ":", long_options, &which)) != -1) {
		switch (option) {
		case OPTION_SOCKET:
			o->socket = optarg;
			break;
		case OPTION_JSON:
			o->json = true;
			break;
		case OPTION_HELP:
			usage(stdout);
			return EXIT_GOOD;
		case OPTION_COMPLETION:
			print_completion();
			return EXIT_GOOD;
		case OPTION_VERSION:
			printf("sekishoctl %s\n", SEKISHO_VERSION);
			return EXIT_GOOD;
		case ':':
			return complain(EXIT_USAGE, "%s needs a value; see sekishoctl --help", argv[optind - 1]);
		case '?':
			/* A letter that is none, in a word of others; or the whole word. */
			if (optopt && optopt < OPTION_SOCKET)
				return complain(EXIT_USAGE, "there is no option -%c; see sekishoctl --help", optopt);
			return complain(EXIT_USAGE, "there is no option %s; see sekishoctl --help", argv[optind - 1]);
		default:
			if (!take_option(o, option - OPTION_OF_COMMAND, long_options[which].name))
				return EXIT_USAGE;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct options o = { .args = json_object(),
			     .socket = setting_find(SPAN("server"), SPAN("control_socket"))->default_text };
	int n_words = 0, status = take_options(&o, argc, argv);
	const struct verb *v = NULL;

	if (status < 0) {
		v = find_verb(argc - optind, argv + optind, &n_words);
		if (argc == optind && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !o.json)
			status = shell(&o);
		else if (argc == optind)
			status = complain(EXIT_USAGE, "no command; see sekishoctl --help");
		else if (!v)
			status = unknown_command(argc - optind, argv + optind);
		else if (o.given & ~v->options)
			status = complain(EXIT_USAGE, "%s does not take that option; see sekishoctl --help", v->words);
		else
			status = take_operands(v, argc - optind - n_words, argv + optind + n_words, o.args);
		if (status == EXIT_GOOD && v)
			status = strcmp(v->words, "check") == 0           ? check_file(&o)
				 : strcmp(v->words, "top") == 0           ? watch(&o)
				 : strcmp(v->words, "report keygen") == 0 ? make_key(&o)
				 : strcmp(v->words, "setup") == 0         ? ctl_setup(o.args, o.json)
				 : strncmp(v->words, "firmware ", 9) == 0
					 ? ctl_firmware(v->words + 9, o.args, o.json, o.socket)
					 : ask_daemon(v, &o);
	}
	json_decref(o.args);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = complain(EXIT_FAILED, "standard output takes no more: %s; make room", strerror(errno));
	return status;
}
