// SPDX-License-Identifier: MIT
/*
 * confine.c - profiles of system calls; the only file that knows libseccomp
 *
 * A call that is in no profile is a fault of ours or somebody else's code in our process: there is no third reason.  So
 * the process ends, and says which call it was; the service manager starts it anew.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/confine.h"

enum { PROCESS = 1, WORKER = 2, WORKER_IO = 4 };

/* By what they are for.  Those whose arguments matter are in add_checked(). */
static const struct {
	int number;
	unsigned profiles;
} calls[] = {
#define CALL(name, profiles) { SCMP_SYS(name), profiles },
#include "ctrlplane/confine.def"
#undef CALL
};

static __thread const char *profile = "process";
static char names[512][24];

/* Names must be there before they are needed: a signal handler cannot ask libseccomp. */
static void learn_names(void)
{
	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		snprintf(names[i], sizeof(names[i]), "%s", name ? name : "unknown");
		free(name);
	}
}

static void let_in(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* One write() and no memory: this may be any thread, anywhere. */
static void on_refused(int number, siginfo_t *info, void *context)
{
	static const char what[] = "sekishod: error: system call ", of[] = " is not in the profile of the ",
			  end[] = "; sekishod ends, please report it; server.seccomp = \"log\" lets it pass\n";
	const char *name = (unsigned)info->si_syscall < 512 ? names[info->si_syscall] : "unknown";
	char line[256];
	size_t n = 0;

	(void)number;
	(void)context;
	for (unsigned i = 0; i < 5; i++) {
		const char *part = (const char *[]){ what, name, of, profile, end }[i];
		size_t len = strlen(part);

		memcpy(line + n, part, len);
		n += len;
	}
	if (write(STDERR_FILENO, line, n) < 0)
		line[0] = '\0'; /* nobody to tell; the end is the same */
	let_in(SIGABRT);
	raise(SIGABRT);
	abort();
}

static void catch_refusals(void)
{
	struct sigaction a = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };

	sigemptyset(&a.sa_mask);
	sigaction(SIGSYS, &a, NULL);
	learn_names();
}

/* Memory never becomes code. */
static bool add_memory(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
	       seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) ==
		       0;
}

/* Threads, never processes; libc falls back to clone(), whose flags can be looked at, when there is no clone3(). */
static bool add_threads(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) == 0 &&
	       seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool add_sockets(scmp_filter_ctx f)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	bool good = true;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		good = good && seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
						SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i])) == 0;
	return good;
}

/* NULL: no memory, or a libseccomp that knows less than that of the build. */
static scmp_filter_ctx make(enum confine_mode mode, unsigned profiles)
{
	scmp_filter_ctx f = seccomp_init(mode == CONFINE_LOG ? SCMP_ACT_LOG : SCMP_ACT_TRAP);

	if (!f)
		return NULL;
	/* A tree instead of a list: a TAP port makes two calls a frame.  Older kernels and libraries do without. */
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	bool good = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 && add_memory(f);

	for (size_t i = 0; good && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].profiles & profiles)
			good = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i].number, 0) == 0;
	if (profiles & PROCESS)
		good = good && add_threads(f) && add_sockets(f) && seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) == 0;
	if (good)
		return f;
	seccomp_release(f);
	return NULL;
}

static bool load(enum confine_mode mode, unsigned profiles)
{
	scmp_filter_ctx f = make(mode, profiles);
	bool good = f && seccomp_load(f) == 0;

	if (f)
		seccomp_release(f);
	return good;
}

enum confine_mode confine_mode(const char *word)
{
	return strcmp(word, "off") == 0 ? CONFINE_OFF : strcmp(word, "log") == 0 ? CONFINE_LOG : CONFINE_ENFORCE;
}

bool confine_process(enum confine_mode mode, char *error, size_t cap)
{
	if (mode == CONFINE_OFF)
		return true;
	catch_refusals();
	tzset(); /* libc reads the time zone when it first makes a date, such as that of a certificate; a worker cannot */
	let_in(SIGSYS);
	if (load(mode, PROCESS))
		return true;
	snprintf(error, cap, "the kernel takes no profile of system calls (%s); set server.seccomp = \"off\"",
		 strerror(errno));
	return false;
}

bool confine_worker(enum confine_mode mode, bool polls)
{
	if (mode == CONFINE_OFF)
		return true;
	let_in(SIGSYS); /* blocked, it would be fatal without a word */
	if (!load(mode, WORKER | (polls ? 0 : WORKER_IO)))
		return false;
	profile = "worker";
	return true;
}
