// SPDX-License-Identifier: MIT
/*
 * log.c - what the daemon tells its operator, and the file of message records
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctrlplane/log.h"

static const char *const level_name[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static atomic_int level_now = LOG_LEVEL_INFO;

/* A bucket of LOG_BURST tokens that gains LOG_RATE_S a second. */
static pthread_mutex_t bucket_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t bucket_ms = LOG_BURST * (1000 / LOG_RATE_S); /* a line costs 1000 / LOG_RATE_S */
static int64_t bucket_at_ms;
static unsigned long n_suppressed;

void log_set_level(enum log_level level)
{
	atomic_store(&level_now, (int)level);
}

enum log_level log_level(void)
{
	return (enum log_level)atomic_load(&level_now);
}

const char *log_level_text(enum log_level level)
{
	return level_name[level];
}

bool log_level_parse(struct span s, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(level_name) / sizeof(level_name[0]); i++)
		if (span_eq(s, span_str(level_name[i]))) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

/* Whether a line may be written now; @missed: how many could not since the last one. */
static bool take_token(unsigned long *missed)
{
	const int64_t cost = 1000 / LOG_RATE_S;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;

	pthread_mutex_lock(&bucket_lock);
	if (bucket_at_ms) {
		bucket_ms += now_ms - bucket_at_ms;
		if (bucket_ms > LOG_BURST * cost)
			bucket_ms = LOG_BURST * cost;
	}
	bucket_at_ms = now_ms;
	bool may = bucket_ms >= cost;
	if (may) {
		bucket_ms -= cost;
		*missed = n_suppressed;
		n_suppressed = 0;
	} else {
		n_suppressed++;
	}
	pthread_mutex_unlock(&bucket_lock);
	return may;
}

/* One write(2) a line, so that threads do not mix theirs.  Standard error that takes nothing is no reason to stop. */
static void write_line(enum log_level level, const char *what)
{
	char line[LOG_LINE_MAX];
	int n = snprintf(line, sizeof(line) - 1, "sekishod: %s%s%s", level == LOG_LEVEL_ERROR ? "" : level_name[level],
			 level == LOG_LEVEL_ERROR ? "" : ": ", what);
	size_t len = n < (int)sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void log_line(enum log_level level, const char *format, ...)
{
	char what[LOG_LINE_MAX];
	unsigned long missed;
	int errno_before = errno;
	va_list args;

	if (level > log_level() || !take_token(&missed))
		return;
	if (missed) {
		snprintf(what, sizeof(what), "%lu messages like these were left out", missed);
		write_line(LOG_LEVEL_WARNING, what);
	}
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	write_line(level, what);
	errno = errno_before;
}

static int open_syslog(struct log_file *f)
{
	int fd = f->syslog.facility < 0 ? -1 : log_syslog_open(&f->syslog);

	if (f->syslog.facility < 0)
		log_error("%s: no such facility; server.log_file may name mail, daemon, user or local0 to local7",
			  f->path);
	else if (fd < 0 && !f->failing)
		log_error("cannot reach syslog at %s: %s; see server.log_file", f->syslog.path, strerror(errno));
	return fd;
}

static int open_path(struct log_file *f)
{
	const char *path = f->path;

	if (f->is_syslog)
		return open_syslog(f);
	int fd = path[0] ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640)
			 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		log_error("cannot open %s: %s; see server.log_file", path[0] ? path : "standard output",
			  strerror(errno));
	return fd;
}

bool log_file_open(struct log_file *f, const char *path)
{
	*f = (struct log_file){ .path = path, .buffer = malloc(LOG_FILE_BUFFER) };
	f->is_syslog = log_syslog_parse(path, &f->syslog);
	f->fd = open_path(f);
	if (f->fd >= 0 && f->buffer)
		return true;
	log_file_close(f);
	return false;
}

void log_file_put(struct log_file *f, struct span line)
{
	if (line.len >= LOG_FILE_BUFFER - f->n_buffered)
		log_file_flush(f);
	if (line.len >= LOG_FILE_BUFFER - f->n_buffered) {
		f->n_dropped++;
		return;
	}
	memcpy(f->buffer + f->n_buffered, line.at, line.len);
	f->n_buffered += line.len;
	f->buffer[f->n_buffered++] = '\n';
}

/* A file takes all at once; anything else PIPE_BUF octets after poll() said so, which does not wait (pipe(7)). */
static ssize_t write_some(const struct log_file *f, const char *at, size_t len)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };
	struct stat st;

	if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode))
		return write(f->fd, at, len);
	if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLOUT | POLLERR | POLLHUP)))
		return 0;
	return write(f->fd, at, len < 4096 ? len : 4096);
}

static uint64_t n_line_ends(const char *at, size_t len)
{
	uint64_t n = 0;

	for (const char *end = at + len; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		n++;
	return n;
}

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec;
}

/* Whether there is a socket; once a second it is tried to get one. */
static bool has_syslog(struct log_file *f)
{
	if (f->fd >= 0 || seconds() < f->retry_s)
		return f->fd >= 0;
	f->retry_s = seconds() + 1;
	f->fd = open_syslog(f);
	f->failing = f->fd < 0;
	return f->fd >= 0;
}

/* The lines that syslog takes now; returns the octets that are done with. */
static size_t flush_syslog(struct log_file *f)
{
	size_t done = 0;

	while (done < f->n_buffered && has_syslog(f)) {
		struct span rest = span_of(f->buffer + done, f->n_buffered - done), line = span_cut(&rest, '\n');

		switch (log_syslog_send(f->fd, &f->syslog, line)) {
		case LOG_SYSLOG_SENT:
			f->n_written++;
			break;
		case LOG_SYSLOG_NEVER:
			f->n_dropped++;
			break;
		case LOG_SYSLOG_LATER:
			return done;
		case LOG_SYSLOG_CLOSED:
			close(f->fd);
			f->fd = -1; /* it was started anew, as a rule: the next turn of the loop finds it, or waits a second */
			continue;
		}
		done += line.len + 1;
	}
	return done;
}

static size_t flush_file(struct log_file *f)
{
	size_t done = 0;

	while (done < f->n_buffered) {
		ssize_t n = write_some(f, f->buffer + done, f->n_buffered - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && !f->failing) {
			log_error("cannot write message records to %s: %s; make room or see server.log_file",
				  f->path[0] ? f->path : "standard output", strerror(errno));
			f->failing = true;
		}
		if (n <= 0)
			break;
		f->failing = false;
		done += (size_t)n;
	}
	f->n_written += n_line_ends(f->buffer, done);
	return done;
}

void log_file_flush(struct log_file *f)
{
	size_t done = f->is_syslog ? flush_syslog(f) : flush_file(f);

	f->n_buffered -= done;
	if (done)
		memmove(f->buffer, f->buffer + done, f->n_buffered);
}

bool log_file_reopen(struct log_file *f)
{
	if (!f->path[0])
		return false;
	log_file_flush(f);
	int fd = open_path(f);
	if (fd < 0)
		return false;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->failing = false;
	return true;
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0 || f->is_syslog) {
		if (f->buffer)
			log_file_flush(f);
		if (f->n_buffered)
			log_error("%llu message records are lost: %s takes no more; make room or see server.log_file",
				  (unsigned long long)n_line_ends(f->buffer, f->n_buffered),
				  f->path[0] ? f->path : "standard output");
	}
	if (f->fd >= 0)
		close(f->fd);
	free(f->buffer);
	f->buffer = NULL;
	f->n_buffered = 0;
	f->fd = -1;
}
