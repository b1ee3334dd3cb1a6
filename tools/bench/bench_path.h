// SPDX-License-Identifier: MIT
/*
 * bench_path.h - what one message costs a worker, all the way
 */
#ifndef BENCH_PATH_H
#define BENCH_PATH_H

/*
 * Prints path.message.us, .ratio and .frames.  Of the environment: PATH_CORPUS, a folder made by corpus.py, without which
 * nothing is measured; PATH_MESSAGES, PATH_CONNECTIONS, PATH_EXPLAIN.
 */
void bench_path(void);

#endif
