// SPDX-License-Identifier: MIT
/*
 * spoil_room.h - a session that needs no room must not miss what was in it
 */
#ifndef SPOIL_ROOM_H
#define SPOIL_ROOM_H

#include "dataplane/smtp/smtp_session.h"

/* Takes the room when it can be had, fills it with rubbish, and lends it again. */
static inline void spoil_room(struct smtp_session *s)
{
	struct smtp_room *room = smtp_session_give_room(s);

	if (!room)
		return;
	memset(room, 0xa5, sizeof(*room));
	smtp_session_lend(s, room);
}

#endif
