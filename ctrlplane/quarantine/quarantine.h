// SPDX-License-Identifier: MIT
/*
 * quarantine.h - the quarantine: the control thread's side
 *
 * A side thread owns the store. Everything here is called by the control thread and returns at once.
 */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "conf/settings.h"
#include "ctrlplane/side_wish.h"

struct quarantine;

/* NULL with @error set, of 512 octets.  Only when settings.quarantine_folder is set. */
struct quarantine *quarantine_open(const struct settings *settings, char error[512]);
/* Stores what waits, then ends the thread. */
void quarantine_close(struct quarantine *q);

/* A message to be stored; the wish HOME brings it back with its code.  False: full, @k is to go home as it is, with 451. */
bool MUST_USE quarantine_keep(struct quarantine *q, struct shard_keep *k);

/* The next wish, NULL: none now; results of SEND by quarantine_mail_result(). */
struct side_wish *quarantine_next(struct quarantine *q);
void quarantine_mail_result(struct quarantine *q, uint64_t tag, unsigned code, struct span text);

/* A command of the control socket: list, show, release, delete; see report_request(). */
bool MUST_USE quarantine_request(struct quarantine *q, const char *command, json_t *args, uint64_t tag);

#endif
