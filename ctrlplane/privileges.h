// SPDX-License-Identifier: MIT
/*
 * privileges.h - who sekishod is: root while ports are opened, server.user for all else and ever after
 *
 *	privileges_begin(user, group, ...)	files that are made from now on belong to the user; no capability is in effect
 *	privileges_raise()  dpdk_open() ...	the calling thread has its capabilities back, to open devices with
 *	privileges_lower()
 *	privileges_end()			every thread is the user, without a capability and with no way back
 *
 * All from the control thread.  Without a user, or when we are not root, identity stays as it is and what capabilities
 * the process was given are dropped at the end.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include "dataplane/base/span.h"

/**
 * privileges_begin - become @user as far as files are concerned
 * @user, @group: names or numbers, "" for none; without a group the user's own
 *
 * False with @error set.
 */
bool MUST_USE privileges_begin(const char *user, const char *group, char *error, size_t cap);
void privileges_raise(void);
void privileges_lower(void);
bool MUST_USE privileges_end(char *error, size_t cap);

#endif
