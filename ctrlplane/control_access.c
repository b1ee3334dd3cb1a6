// SPDX-License-Identifier: MIT
/*
 * control_access.c - who may do what by the control socket: by the groups of its peer, which the system knows
 *
 * Without groups in the settings the mode of the socket's file decides, and who can open it may do all.  With them
 * anybody can open it, and the peer's user and groups decide, as they were when it connected.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "ctrlplane/control_state.h"

#define GROUPS_MAX 256 /* of one peer; further ones do not count */

static bool find_group(const char *setting, const char *name, gid_t *out, char error[256])
{
	const struct group *found = *name ? getgrnam(name) : NULL;

	*out = CONTROL_NO_GROUP;
	if (!*name)
		return true;
	if (!found) {
		snprintf(error, 256, "server.%s: there is no group %.100s; make it or name another", setting, name);
		return false;
	}
	*out = found->gr_gid;
	return true;
}

bool control_groups_find(struct control *c, const struct settings *s, char error[256])
{
	return find_group("control_group", s->server_control_group, &c->group_all, error) &&
	       find_group("control_read_group", s->server_control_read_group, &c->group_read, error);
}

bool control_has_groups(const struct control *c)
{
	return c->group_all != CONTROL_NO_GROUP || c->group_read != CONTROL_NO_GROUP;
}

static bool is_in(gid_t wanted, gid_t own, const gid_t *groups, size_t n)
{
	if (wanted == CONTROL_NO_GROUP)
		return false;
	for (size_t i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return own == wanted;
}

enum control_access control_access_of(const struct control *c, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(peer), groups_len = sizeof(groups);

	if (!control_has_groups(c))
		return CONTROL_MAY_ALL;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return CONTROL_MAY_NOTHING;
	if (peer.uid == 0 || peer.uid == geteuid())
		return CONTROL_MAY_ALL;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) != 0)
		groups_len = 0; /* too many: the first one still counts */
	size_t n = groups_len / sizeof(groups[0]);
	if (is_in(c->group_all, peer.gid, groups, n))
		return CONTROL_MAY_ALL;
	return is_in(c->group_read, peer.gid, groups, n) ? CONTROL_MAY_READ : CONTROL_MAY_NOTHING;
}
