// SPDX-License-Identifier: MIT
/*
 * log_syslog.h - message records to syslog or the journal: a datagram each, which is never waited for
 */
#ifndef CTRLPLANE_LOG_SYSLOG_H
#define CTRLPLANE_LOG_SYSLOG_H

#include "dataplane/base/span.h"

struct log_syslog {
	int facility;     /* as in a priority, times eight */
	const char *path; /* of its socket */
};

/**
 * log_syslog_parse - "syslog:FACILITY" or "syslog:FACILITY:PATH"; PATH is /dev/log, where the journal listens too
 * False when @where is none of these.  Borrows from @where.  With a facility that is none, out->facility is -1.
 */
bool MUST_USE log_syslog_parse(const char *where, struct log_syslog *out);

/* A socket that does not wait; -1 with errno. */
int log_syslog_open(const struct log_syslog *s);

enum log_syslog_sent {
	LOG_SYSLOG_SENT,
	LOG_SYSLOG_LATER,  /* its reader is slow: the line is to be sent again */
	LOG_SYSLOG_NEVER,  /* it is too long for a datagram */
	LOG_SYSLOG_CLOSED, /* nobody reads any more: @fd is of no use, errno says why */
};

/* One line, without its end. */
enum log_syslog_sent log_syslog_send(int fd, const struct log_syslog *s, struct span line);

#endif
