// SPDX-License-Identifier: MIT
/*
 * notify.c - what the service manager is told; the only file that knows libsystemd
 *
 * What sd_notify() returns is not looked at: there is nobody else to tell, and mail goes on.
 */
#include <string.h>
#include <systemd/sd-daemon.h>

#include "ctrlplane/notify.h"

void notify_begin(struct notify *n)
{
	uint64_t watchdog_us = 0;

	*n = (struct notify){ 0 };
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		n->every_us = watchdog_us / 3;
}

void notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_reloading(uint64_t now_us)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reloading", (unsigned long long)now_us);
}

void notify_ending(uint64_t at_most_us)
{
	sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu\nSTATUS=draining", (unsigned long long)at_most_us);
}

bool notify_due(const struct notify *n, uint64_t now_us)
{
	return n->every_us && now_us >= n->next_us;
}

unsigned notify_alive(struct notify *n, uint64_t now_us, const uint64_t *turns, unsigned n_workers)
{
	n->next_us = now_us + n->every_us;
	for (unsigned i = 0; i < n_workers; i++)
		if (turns[i] == n->seen[i])
			return i;
	memcpy(n->seen, turns, n_workers * sizeof(*turns));
	sd_notify(0, "WATCHDOG=1");
	return n_workers;
}
