// SPDX-License-Identifier: MIT
/*
 * test_confine.c - what a thread may ask of the kernel once it is confined, and how a refused call ends
 *
 * Each case is a child process: a profile is for good.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/confine.h"
#include "tests/tap.h"

/* --- what is tried; 0: it worked ----------------------------------------------------------------- */

static long open_file(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0) < 0;
}

static long map_code(void)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1;
}

static long map_memory(void)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1;
}

static long run_program(void)
{
	return syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static long make_process(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static long make_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL);
}

static long become_root(void)
{
	return syscall(SYS_setuid, 0);
}

static long packet_socket(void)
{
	return syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0) < 0;
}

static long unix_socket(void)
{
	return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) < 0;
}

static long read_zero(void)
{
	char c;

	return read(STDIN_FILENO, &c, 0) < 0;
}

static long sleep_a_little(void)
{
	return nanosleep(&(struct timespec){ .tv_nsec = 1000 }, NULL);
}

static long take_memory(void)
{
	void *at = malloc(1 << 20);

	if (at)
		memset(at, 1, 1 << 20);
	free(at);
	return !at;
}

/* --- who tries it ------------------------------------------------------------------------------- */

enum who { PROCESS, OTHER_THREAD, WORKER_POLLS, WORKER_VIRTUAL };

static long (*tried)(void);
static int go[2];

/* exit_group() itself: what sanitizers do before it is not in a worker's profile. */
static void end(int status)
{
	syscall(SYS_exit_group, status);
}

/* A thread that was there before the process was confined. */
static void *other(void *arg)
{
	char c;

	(void)arg;
	if (read(go[0], &c, 1) == 1)
		end(tried() == 0 ? 0 : 1);
	return NULL;
}

static void as_child(enum who who, enum confine_mode mode)
{
	pthread_t thread;
	char error[256];

	if (pipe(go) != 0 || (who == OTHER_THREAD && pthread_create(&thread, NULL, other, NULL) != 0))
		end(3);
	if (!confine_process(mode, error, sizeof(error)))
		end(4);
	if ((who == WORKER_POLLS || who == WORKER_VIRTUAL) && !confine_worker(mode, who == WORKER_POLLS))
		end(5);
	if (who == OTHER_THREAD && write(go[1], "", 1) == 1)
		pthread_join(thread, NULL);
	end(tried() == 0 ? 0 : 1);
}

static const struct {
	const char *sentence;
	long (*what)(void);
	enum who who;
	enum confine_mode mode;
	const char *refused; /* NULL: it works */
} cases[] = {
	{ "a thread of the process may open a file", open_file, PROCESS, CONFINE_ENFORCE, NULL },
	{ "and a socket", unix_socket, PROCESS, CONFINE_ENFORCE, NULL },
	{ "and start a thread", make_thread, PROCESS, CONFINE_ENFORCE, NULL },
	{ "but not see all packets", packet_socket, PROCESS, CONFINE_ENFORCE, "system call socket" },
	{ "nor start a program", run_program, PROCESS, CONFINE_ENFORCE, "system call execve" },
	{ "nor a process", make_process, PROCESS, CONFINE_ENFORCE, "system call clone" },
	{ "nor map code", map_code, PROCESS, CONFINE_ENFORCE, "system call mmap" },
	{ "nor become root", become_root, PROCESS, CONFINE_ENFORCE, "system call setuid" },
	{ "a thread that was there before is confined as well", run_program, OTHER_THREAD, CONFINE_ENFORCE,
	  "system call execve" },
	{ "a worker of NICs may sleep", sleep_a_little, WORKER_POLLS, CONFINE_ENFORCE, NULL },
	{ "and take memory", take_memory, WORKER_POLLS, CONFINE_ENFORCE, NULL },
	{ "but not open a file", open_file, WORKER_POLLS, CONFINE_ENFORCE,
	  "openat is not in the profile of the worker" },
	{ "nor read from one", read_zero, WORKER_POLLS, CONFINE_ENFORCE, "read is not in the profile of the worker" },
	{ "nor map code", map_code, WORKER_POLLS, CONFINE_ENFORCE, "mmap is not in the profile of the worker" },
	{ "a worker of virtual ports may read", read_zero, WORKER_VIRTUAL, CONFINE_ENFORCE, NULL },
	{ "and no more than that", unix_socket, WORKER_VIRTUAL, CONFINE_ENFORCE, "socket is not in the profile" },
	{ "log: everything works", map_code, WORKER_POLLS, CONFINE_LOG, NULL },
	{ "off: everything works", map_memory, WORKER_POLLS, CONFINE_OFF, NULL },
};

static void run_case(size_t i)
{
	char text[1024];
	int out[2], status = -1;
	size_t n = 0;
	ssize_t got;

	tried = cases[i].what;
	fflush(stdout);
	if (pipe(out) != 0)
		return;
	pid_t child = fork();

	if (child == 0) {
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		signal(SIGABRT, SIG_DFL);
		prctl(PR_SET_DUMPABLE, 0); /* no core files of what is meant to end */
		as_child(cases[i].who, cases[i].mode);
	}
	close(out[1]);
	while (n < sizeof(text) - 1 && (got = read(out[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(out[0]);
	waitpid(child, &status, 0);
	if (!cases[i].refused)
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", cases[i].sentence);
	else
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, cases[i].refused), "%s",
		   cases[i].sentence);
	if (n && tap_n_failed)
		printf("# %d: %s\n", status, text);
}

int main(void)
{
	ok(confine_mode("off") == CONFINE_OFF && confine_mode("log") == CONFINE_LOG &&
		   confine_mode("enforce") == CONFINE_ENFORCE,
	   "modes have the words of the setting");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(i);
	return done();
}
