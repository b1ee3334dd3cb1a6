// SPDX-License-Identifier: MIT
/*
 * quarantine_file.h - the files of the quarantine store: a Maildir whose messages are named by their id
 */
#ifndef QUARANTINE_FILE_H
#define QUARANTINE_FILE_H

#include "ctrlplane/quarantine/quarantine_store.h"

struct quarantine_files {
	int tmp;
	int cur; /* whole messages: what is in new an IMAP server moves away from under us */
	int new; /* of Maildir; unused */
};

/* Makes what is missing.  False: errno says why. */
bool quarantine_files_open(struct quarantine_files *f, const char *folder);
void quarantine_files_close(struct quarantine_files *f);

/* Ids are file names: 1 to 23 letters and digits. */
bool quarantine_id_good(const char *id);

/* On disk when it returns QUARANTINE_STORED, else not there. */
enum quarantine_result quarantine_file_put(struct quarantine_files *f, const char *id, uint64_t size,
					   struct span (*read)(void *arg), void *arg);
char *quarantine_file_read(struct quarantine_files *f, const char *id, size_t *len);
void quarantine_file_remove(struct quarantine_files *f, const char *id);
bool quarantine_file_exists(struct quarantine_files *f, const char *id);

/* Removes what was being written when the process died, and each message for which @known says no. */
void quarantine_files_clean(struct quarantine_files *f, bool (*known)(void *arg, const char *id), void *arg);

#endif
