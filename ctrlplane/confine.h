// SPDX-License-Identifier: MIT
/*
 * confine.h - which system calls sekishod may make once it has started (seccomp(2))
 *
 * Two profiles.  That of the process holds for every thread: files, sockets and memory, but no program is started, no
 * identity changed, no code mapped.  That of a worker comes on top of it, from within the worker's thread: memory, time
 * and its log lines; a port that is driven by system calls adds those on descriptors that are open already.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include "dataplane/base/span.h"

enum confine_mode {
	CONFINE_OFF,
	CONFINE_LOG,    /* what is not in the profile is done; the kernel's audit log has it */
	CONFINE_ENFORCE /* the process ends with a sentence that names the call (signal SIGABRT) */
};

enum confine_mode confine_mode(const char *word); /* as in server.seccomp */

/* All threads there are, and those to come.  Sets no_new_privs.  False with @error set. */
bool MUST_USE confine_process(enum confine_mode mode, char *error, size_t cap);

/* The calling thread.  @polls: its ports need no system calls.  False: it must not go on. */
bool MUST_USE confine_worker(enum confine_mode mode, bool polls);

#endif
