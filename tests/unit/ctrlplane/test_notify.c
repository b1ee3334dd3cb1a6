// SPDX-License-Identifier: MIT
/*
 * test_notify.c - the service manager hears that we are ready and alive, and nothing when a worker stands still
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctrlplane/notify.h"
#include "tests/tap.h"

static int manager;

/* What was told last; "" when nothing was. */
static const char *heard(void)
{
	static char text[512];
	ssize_t n = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void listen_as_manager(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[32];

	/* An abstract name: there is no file to remove. */
	snprintf(name, sizeof(name), "@sekisho-notify-%d", (int)getpid());
	memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	ok(bind(manager, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) ==
		   0,
	   "a service manager listens");
	setenv("NOTIFY_SOCKET", name, 1);
}

static void test_nobody(void)
{
	struct notify n;
	const uint64_t turns[1] = { 1 };

	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	notify_begin(&n);
	notify_ready("nobody hears it");
	ok(!notify_due(&n, UINT64_MAX), "no watchdog, nothing to say");
	ok(notify_alive(&n, 1, turns, 1) == 1, "and saying it does no harm");
}

static void test_phases(void)
{
	notify_ready("2 workers");
	ok(!strcmp(heard(), "READY=1\nSTATUS=2 workers"), "ready");
	notify_reloading(1234567);
	ok(!strcmp(heard(), "RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=reloading"), "reloading");
	notify_ending(40000000);
	ok(!strcmp(heard(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=40000000\nSTATUS=draining"),
	   "ending, and how long it may take");
}

static void test_watchdog(void)
{
	struct notify n;
	uint64_t turns[3] = { 5, 6, 7 };

	setenv("WATCHDOG_USEC", "30000000", 1);
	unsetenv("WATCHDOG_PID");
	notify_begin(&n);
	ok(notify_due(&n, 1), "the first sign of life is due at once");
	ok(notify_alive(&n, 1, turns, 3) == 3 && !strcmp(heard(), "WATCHDOG=1"), "all workers turn: alive");
	ok(!notify_due(&n, 10000000) && notify_due(&n, 10000001), "the next in a third of the time");
	turns[0]++;
	turns[2]++;
	ok(notify_alive(&n, 10000001, turns, 3) == 1 && !strcmp(heard(), ""),
	   "the second worker stands still: silence");
	turns[1]++;
	turns[2]++;
	ok(notify_alive(&n, 20000001, turns, 3) == 3 && !strcmp(heard(), "WATCHDOG=1"),
	   "it turns again: alive, though the first has only turned before the silence");
	ok(notify_alive(&n, 30000001, turns, 3) == 0, "all stand still: the first is named");
}

int main(void)
{
	test_nobody();
	listen_as_manager();
	test_phases();
	test_watchdog();
	close(manager);
	return done();
}
