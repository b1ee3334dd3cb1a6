// SPDX-License-Identifier: MIT
/*
 * log.h - what the daemon tells its operator, and the file of message records
 *
 * Two streams.  Standard error takes sentences for people, `sekishod: what is wrong; what to do`, and never more
 * than the rate below: much of it can be caused from outside.  The record file takes one line of JSON a message.
 */
#ifndef CTRLPLANE_LOG_H
#define CTRLPLANE_LOG_H

#include "ctrlplane/log_syslog.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_BURST 200     /* lines at once */
#define LOG_RATE_S 20     /* lines a second after that; the rest is counted and the count is told */
#define LOG_LINE_MAX 1024 /* octets; the rest is cut */

void log_set_level(enum log_level level); /* INFO at start */
enum log_level log_level(void);
const char *log_level_text(enum log_level level);
bool MUST_USE log_level_parse(struct span s, enum log_level *out);

/**
 * log_line - one line on standard error, when @level is not above the level set
 *
 * Any thread.  Control octets in what the format makes become '?': a line stays a line.
 */
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * The record file, or syslog.  Lines are gathered in memory and written by log_file_flush(), which never waits for a
 * reader; when LOG_FILE_BUFFER octets wait, further lines are dropped whole and counted.
 */
#define LOG_FILE_BUFFER (4 << 20)

struct log_file {
	const char *path; /* "": standard output */
	bool is_syslog;
	struct log_syslog syslog;
	int64_t retry_s; /* syslog is gone: when it is tried again */
	int fd;          /* -1: not open, lines gather until it is */
	char *buffer;
	size_t n_buffered;
	uint64_t n_written, n_dropped; /* lines that are in the file; lines for which there was no room */
	bool failing;                  /* the last write failed, and that has been told */
};

/* @path: borrowed for the life of @f.  Appends; made with mode 0640.  False after a line on standard error. */
bool MUST_USE log_file_open(struct log_file *f, const char *path);

/* One line; the line end is added here. */
void log_file_put(struct log_file *f, struct span line);

/* Writes what waits, as far as that goes without waiting; call once a turn. */
void log_file_flush(struct log_file *f);

/* Opens the path anew, for SIGHUP after a rotation.  False: it is standard output, or the old file stays in use. */
bool log_file_reopen(struct log_file *f);

/* Writes what it can; lines that are lost thereby are told. */
void log_file_close(struct log_file *f);

#endif
