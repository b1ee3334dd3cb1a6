// SPDX-License-Identifier: MIT
/*
 * shard_relay_message.h - a message on its connection to a next hop; for shard_relay.c alone
 */
#ifndef SHARD_RELAY_MESSAGE_H
#define SHARD_RELAY_MESSAGE_H

#include "dataplane/shard/shard_state.h"

/* The message's fate is known. */
void relay_result(struct shard *s, struct relay *r, const struct smtp_relay_action *a, uint64_t now_us);

/* Fills r->out with message octets; true when there was something to do. */
bool relay_fill(struct shard *s, struct relay *r, uint64_t now_us);

#endif
