// SPDX-License-Identifier: MIT
/*
 * log_syslog.c - message records to syslog or the journal
 *
 * As syslog(3) writes them, RFC 3164 4.1 without the host's name; but syslog(3) waits for its reader.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/log_syslog.h"

enum { INFORMATIONAL = 6 };

/* RFC 3164 4.1.1 */
static int facility_of(struct span name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = { { "user", 1 },    { "mail", 2 },    { "daemon", 3 },  { "local0", 16 },
		      { "local1", 17 }, { "local2", 18 }, { "local3", 19 }, { "local4", 20 },
		      { "local5", 21 }, { "local6", 22 }, { "local7", 23 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_eq(name, span_str(known[i].name)))
			return 8 * known[i].number;
	return -1;
}

bool log_syslog_parse(const char *where, struct log_syslog *out)
{
	struct span rest = span_str(where);

	if (!span_eq(span_cut(&rest, ':'), SPAN("syslog")) || !rest.at)
		return false;
	out->facility = facility_of(span_cut(&rest, ':'));
	out->path = rest.at && rest.len ? (const char *)rest.at : "/dev/log";
	return true;
}

int log_syslog_open(const struct log_syslog *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

enum log_syslog_sent log_syslog_send(int fd, const struct log_syslog *s, struct span line)
{
	char head[80], when[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	int n = snprintf(head, sizeof(head), "<%d>%s sekishod[%ld]: ", s->facility | INFORMATIONAL, when,
			 (long)getpid());
	struct iovec parts[] = { { head, (size_t)n }, { (void *)(uintptr_t)line.at, line.len } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	if (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return LOG_SYSLOG_SENT;
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
	case EINTR:
		return LOG_SYSLOG_LATER;
	case EMSGSIZE:
		return LOG_SYSLOG_NEVER;
	default:
		return LOG_SYSLOG_CLOSED;
	}
}
