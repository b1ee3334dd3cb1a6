// SPDX-License-Identifier: MIT
/*
 * test_privileges.c - root opens, then every thread is an ordinary user for good
 *
 * Each case is a child process.  Without root there is nothing to give up, and only the refusals are tested.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctrlplane/privileges.h"
#include "tests/tap.h"

enum { USER = 65533, GROUP = 65532 };

/* A line of a thread's status file, "" when it is not there. */
static const char *status_line(long tid, const char *key)
{
	static char line[256];
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", tid);
	FILE *f = fopen(path, "r");

	for (line[0] = '\0'; f && fgets(line, sizeof(line), f);)
		if (strncmp(line, key, strlen(key)) == 0)
			break;
	if (f)
		fclose(f);
	return line;
}

static bool has_no_capability(long tid)
{
	return strstr(status_line(tid, "CapEff:"), "\t0000000000000000") &&
	       strstr(status_line(tid, "CapPrm:"), "\t0000000000000000") &&
	       strstr(status_line(tid, "Uid:"), "\t65533\t65533\t65533\t65533");
}

static _Atomic long other_tid;

static void *other(void *arg)
{
	other_tid = syscall(SYS_gettid);
	while (!arg)
		pause();
	return NULL;
}

/* Exit status: the step that went wrong. */
static int whole_way(void)
{
	static char folder[] = "/tmp/sekisho-privileges-XXXXXX";
	char error[256] = "", file[64];
	struct stat st;
	pthread_t thread;

	if (!mkdtemp(folder))
		return 1;
	snprintf(file, sizeof(file), "%s/file", folder);
	if (!privileges_begin("65533", "65532", error, sizeof(error)))
		return 2;
	if (geteuid() != USER || getegid() != GROUP || fopen("/proc/1/mem", "r"))
		return 3;
	privileges_raise();
	/* With them, a device of root's opens, and what is made is the user's. */
	FILE *f = fopen(file, "w");
	if (!f || fstat(fileno(f), &st) != 0 || st.st_uid != USER || st.st_gid != GROUP)
		return 4;
	/* A thread of a library, that has all capabilities from us. */
	if (pthread_create(&thread, NULL, other, NULL) != 0)
		return 5;
	while (!other_tid)
		usleep(100);
	unlink(file);
	rmdir(folder);
	privileges_lower();
	if (mkdir(folder, 0700) == 0 && mkdir("/root/sekisho-privileges", 0700) == 0)
		return 6;
	rmdir(folder);
	if (has_no_capability(other_tid))
		return 7; /* then this test shows nothing */
	if (!privileges_end(error, sizeof(error)))
		return 8;
	if (!has_no_capability(getpid()) || !has_no_capability(other_tid))
		return 9;
	if (seteuid(0) == 0 || setuid(0) == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 10;
	return 0;
}

static int stays(void)
{
	char error[256] = "";
	uid_t before = geteuid();

	if (!privileges_begin("", "", error, sizeof(error)))
		return 1;
	privileges_raise();
	privileges_lower();
	if (!privileges_end(error, sizeof(error)))
		return 2;
	return geteuid() == before && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static int in_child(int (*what)(void))
{
	int status = -1;

	fflush(stdout);
	pid_t child = fork();

	if (child == 0)
		_exit(what());
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *why;

static int refuses_user(void)
{
	char error[256] = "";

	return !privileges_begin("nobody-of-that-name", "", error, sizeof(error)) && strstr(error, why) ? 0 : 1;
}

static int refuses_group(void)
{
	char error[256] = "";

	return !privileges_begin("65533", "nobody-of-that-name", error, sizeof(error)) && strstr(error, why) ? 0 : 1;
}

int main(void)
{
	int step = in_child(stays);

	ok(step == 0, "no user is named: who we are stays, new privileges are forgone (%d)", step);
	if (geteuid() != 0)
		return done();
	step = in_child(whole_way);
	ok(step == 0, "root opens devices; then all threads are the user, without capabilities, for good (%d)", step);
	why = "there is no user nobody-of-that-name; make it";
	ok(in_child(refuses_user) == 0, "a user that is not there is told");
	why = "there is no group nobody-of-that-name; make it";
	ok(in_child(refuses_group) == 0, "and so is a group");
	return done();
}
