// SPDX-License-Identifier: MIT
/*
 * test_log.c - lines for the operator are bounded, and the record file loses no line in silence
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctrlplane/log.h"
#include "tests/tap.h"

/* What @act writes to standard error. */
static size_t captured(void (*act)(void), char *text, size_t cap)
{
	FILE *file = tmpfile();
	int fd = fileno(file), stderr_before = dup(STDERR_FILENO);

	dup2(fd, STDERR_FILENO);
	act();
	dup2(stderr_before, STDERR_FILENO);
	ssize_t n = pread(fd, text, cap - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	fclose(file);
	close(stderr_before);
	return n < 0 ? 0 : (size_t)n;
}

static void say_a_few(void)
{
	log_error("no such file: %s; make it", "x");
	log_info("peer said a\r\nb\x1b[31m");
	log_debug("not at this level");
	log_warning("%01500d", 0);
}

static void say_much(void)
{
	for (int i = 0; i < 10 * LOG_BURST; i++)
		log_info("again");
}

static void test_lines(void)
{
	static char text[1 << 18];
	unsigned n_lines = 0;

	captured(say_a_few, text, sizeof(text));
	static const char expected[] = "sekishod: no such file: x; make it\n"
				       "sekishod: info: peer said a??b?[31m\n"
				       "sekishod: warning: 000";
	is_span(span_of(text, sizeof(expected) - 1),
		SPAN("sekishod: no such file: x; make it\n"
		     "sekishod: info: peer said a??b?[31m\n"
		     "sekishod: warning: 000"),
		"a line is one line, whatever it is made of; debug is not shown at first");
	ok(strlen(strrchr(text, 's') ? strstr(text, "sekishod: warning") : text) == LOG_LINE_MAX - 1,
	   "a long line is cut");
	captured(say_much, text, sizeof(text));
	for (const char *c = text; *c; c++)
		n_lines += *c == '\n';
	ok(n_lines >= LOG_BURST / 2 && n_lines < 2 * LOG_BURST, "a flood is cut to the burst: %u lines", n_lines);

	enum log_level level;
	ok(log_level_parse(SPAN("debug"), &level) && level == LOG_LEVEL_DEBUG &&
		   !log_level_parse(SPAN("Debug"), &level) && !log_level_parse(SPAN(""), &level),
	   "levels are exact words");
}

static void test_file(void)
{
	char dir[40], path[64], rotated[64], text[256] = "";
	struct log_file f;
	struct stat st;

	snprintf(dir, sizeof(dir), "/tmp/sekisho-log-%ld", (long)getpid());
	if (mkdir(dir, 0700) != 0)
		return;
	snprintf(path, sizeof(path), "%s/records", dir);
	snprintf(rotated, sizeof(rotated), "%s/records.1", dir);
	ok(log_file_open(&f, path), "a record file is made");
	log_file_put(&f, SPAN("one"));
	log_file_put(&f, SPAN("two"));
	log_file_flush(&f);
	ok(rename(path, rotated) == 0, "rotated under our feet");
	log_file_put(&f, SPAN("three"));
	ok(log_file_reopen(&f), "and opened anew");
	log_file_put(&f, SPAN("four"));
	log_file_close(&f);
	FILE *in = fopen(rotated, "r");
	size_t n = in ? fread(text, 1, sizeof(text), in) : 0;
	is_span(span_of(text, n), SPAN("one\ntwo\nthree\n"), "lines before the reopening are in the old file");
	if (in)
		fclose(in);
	in = fopen(path, "r");
	n = in ? fread(text, 1, sizeof(text), in) : 0;
	is_span(span_of(text, n), SPAN("four\n"), "lines after it in the new one");
	if (in)
		fclose(in);
	ok(stat(path, &st) == 0 && (st.st_mode & 07) == 0, "others may not read it");
	unlink(path);
	unlink(rotated);
	rmdir(dir);
}

static void test_pipe(void)
{
	static char line[60000];
	int ends[2];
	struct log_file f;

	if (pipe(ends) != 0 || !log_file_open(&f, "/dev/null"))
		return;
	close(f.fd);
	f.fd = ends[1];
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 200; i++) {
		log_file_put(&f, span_of(line, sizeof(line)));
		log_file_flush(&f);
	}
	ok(f.n_dropped > 0 && f.n_written < 200 - f.n_dropped,
	   "a reader that does not read is not waited for; what is dropped is counted");
	ok(f.n_buffered <= LOG_FILE_BUFFER, "and memory stays bounded");

	/* What came through is whole lines. */
	size_t n_read = 0, n_newlines = 0;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	for (;;) {
		static char buffer[65536];
		ssize_t n = read(ends[0], buffer, sizeof(buffer));
		if (n <= 0 && f.n_buffered == 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			n_newlines += buffer[i] == '\n';
		n_read += n > 0 ? (size_t)n : 0;
		log_file_flush(&f);
	}
	ok(n_newlines == f.n_written && n_read == f.n_written * (sizeof(line) + 1), "lines are dropped whole");
	ok(f.n_written + f.n_dropped == 200, "each line is written or counted as dropped");
	log_file_close(&f);
	close(ends[0]);
}

static void fill_disk(void)
{
	struct log_file f;

	if (!log_file_open(&f, "/dev/full"))
		return;
	log_file_put(&f, SPAN("one"));
	log_file_put(&f, SPAN("two"));
	log_file_flush(&f);
	ok(f.n_written == 0 && f.n_dropped == 0, "a full disk: lines are kept, and not counted as written");
	log_file_close(&f);
}

static void test_full(void)
{
	char text[4096];

	captured(fill_disk, text, sizeof(text));
	ok(strstr(text, "cannot write message records to /dev/full") != NULL, "it is told once");
	ok(strstr(text, "sekishod: 2 message records are lost") != NULL, "and at the end what it cost");
}

/* A syslog of our own at @path. */
static int syslog_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

/* The text of the next datagram behind its time and pid; "": there is none. */
static const char *heard(int fd, char *text, size_t cap)
{
	ssize_t n = recv(fd, text, cap - 1, 0);
	const char *at;

	text[n < 0 ? 0 : n] = '\0';
	at = strstr(text, "]: ");
	return at ? at + 3 : "";
}

static void test_syslog(void)
{
	char dir[40], path[64], where[96], text[4096];
	struct log_file f;

	snprintf(dir, sizeof(dir), "/tmp/sekisho-syslog-%ld", (long)getpid());
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(where, sizeof(where), "syslog:mail:%s", path);
	CHECK(mkdir(dir, 0700) == 0);
	ok(!log_file_open(&f, where), "a syslog that is not there is told at the start");
	ok(!log_file_open(&f, "syslog:male"), "and a facility that is none");
	int fd = syslog_at(path);
	CHECK(log_file_open(&f, where));
	log_file_put(&f, SPAN("{\"a\":1}"));
	log_file_put(&f, SPAN("{\"b\":2}"));
	log_file_flush(&f);
	is_span(span_str(heard(fd, text, sizeof(text))), SPAN("{\"a\":1}"), "a line is a datagram");
	ok(strncmp(text, "<22>", 4) == 0 && strstr(text, " sekishod["), "with facility, severity and who we are: %s",
	   text);
	is_span(span_str(heard(fd, text, sizeof(text))), SPAN("{\"b\":2}"), "and each its own");

	unsigned n_put = 0, n_heard = 0;
	for (; f.n_dropped == 0; n_put++) { /* nobody reads */
		memset(text, 'x', sizeof(text));
		log_file_put(&f, span_of(text, sizeof(text)));
		log_file_flush(&f);
	}
	ok(f.n_written > 2, "a reader that is slow is not waited for: lines gather, then they are dropped and counted");
	for (unsigned i = 0; i < n_put; i++) {
		while (recv(fd, text, sizeof(text), 0) > 0)
			n_heard++;
		log_file_flush(&f);
	}
	ok(n_heard == n_put - f.n_dropped && f.n_written == n_heard + 2, "and go when it reads: %u of %u", n_heard,
	   n_put);

	close(fd);
	unlink(path);
	log_file_put(&f, SPAN("kept"));
	log_file_flush(&f);
	fd = syslog_at(path);
	ok(log_file_reopen(&f), "syslog ends and begins again");
	log_file_flush(&f);
	is_span(span_str(heard(fd, text, sizeof(text))), SPAN("kept"), "no line is lost thereby");
	log_file_close(&f);
	close(fd);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	test_file();
	test_full();
	test_pipe();
	test_syslog();
	test_lines();
	return done();
}
