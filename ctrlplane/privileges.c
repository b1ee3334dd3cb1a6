// SPDX-License-Identifier: MIT
/*
 * privileges.c - root at first, then server.user
 *
 * Capabilities belong to a thread, and the threads of DPDK and of the side rooms are there before the end of the start.
 * So the real and the saved user stay root until then: what clears the capabilities of every thread is the kernel, when
 * the last of the three user ids leaves root (capabilities(7)), and libc sees to it that all threads leave.
 */
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ctrlplane/privileges.h"

static struct {
	bool is_switched; /* from root, at begin */
	uid_t user;
	gid_t group;
} us;

static bool failed(char *error, size_t cap, const char *what, const char *name)
{
	snprintf(error, cap, "%s %s (%s); see server.user and server.group", what, name, strerror(errno));
	return false;
}

static bool is_number(const char *name, unsigned *out)
{
	uint64_t n;
	bool is = *name && span_decimal(span_str(name), UINT32_MAX - 1, &n);

	*out = is ? (unsigned)n : 0;
	return is;
}

static bool find(const char *user, const char *group, char *error, size_t cap)
{
	const struct passwd *p;
	const struct group *g;

	us.group = getegid();
	if (is_number(user, &us.user)) {
		us.group = us.user;
	} else if ((p = getpwnam(user))) {
		us.user = p->pw_uid;
		us.group = p->pw_gid;
	} else {
		snprintf(error, cap, "there is no user %s; make it, or change server.user", user);
		return false;
	}
	if (!*group || is_number(group, &us.group))
		return true;
	if (!(g = getgrnam(group))) {
		snprintf(error, cap, "there is no group %s; make it, or change server.group", group);
		return false;
	}
	us.group = g->gr_gid;
	return true;
}

bool privileges_begin(const char *user, const char *group, char *error, size_t cap)
{
	us.is_switched = false;
	if (!*user || geteuid() != 0)
		return true;
	if (!find(user, group, error, cap))
		return false;
	if (us.user == 0) /* the operator's will: root without capabilities */
		return true;
	bool is_name = *user < '0' || *user > '9';
	if ((is_name ? initgroups(user, us.group) : setgroups(1, &us.group)) != 0 ||
	    setresgid(us.group, us.group, us.group) != 0 || seteuid(us.user) != 0)
		return failed(error, cap, "cannot become", user);
	us.is_switched = true;
	return true;
}

/* What is permitted to this thread comes into effect, or goes out of it. */
static void set_effective(bool on)
{
	if (capng_get_caps_process() != 0)
		return;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (capng_have_capability(CAPNG_PERMITTED, i))
			capng_update(on ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE, i);
	/* In vain: then what needs a capability fails next, and says what it was. */
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return;
}

void privileges_raise(void)
{
	if (us.is_switched)
		set_effective(true);
}

void privileges_lower(void)
{
	if (us.is_switched)
		set_effective(false);
}

bool privileges_end(char *error, size_t cap)
{
	if (us.is_switched && setresuid(us.user, us.user, us.user) != 0)
		return failed(error, cap, "cannot become", "that user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed(error, cap, "cannot forgo", "new privileges");
	capng_clear(CAPNG_SELECT_ALL);
	/* The bounding set may only be cut by who may set capabilities; without new privileges it means nothing. */
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 || capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return failed(error, cap, "cannot drop", "capabilities");
	if (us.is_switched && (seteuid(0) == 0 || setegid(0) == 0)) {
		snprintf(error, cap, "the way back to root is open; this kernel is not to be trusted");
		return false;
	}
	return true;
}
