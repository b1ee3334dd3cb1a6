// SPDX-License-Identifier: MIT
/*
 * tcp_list.h - rings of links that lie inside the objects: what is ready, what has something to tell
 */
#ifndef NET_TCP_LIST_H
#define NET_TCP_LIST_H

#include "dataplane/base/span.h"

/* A link of an object, zeroed while on no list; or the head of a list, which links to itself when empty. */
struct tcp_link {
	struct tcp_link *next, *prev;
};

/* The object whose member @member is at @link. */
#define TCP_OBJECT(link, type, member) ((type *)(void *)((uint8_t *)(link)-offsetof(type, member)))

static inline void tcp_list_init(struct tcp_link *head)
{
	head->next = head->prev = head;
}

static inline bool tcp_list_empty(const struct tcp_link *head)
{
	return head->next == head;
}

static inline bool tcp_link_on(const struct tcp_link *link)
{
	return link->next != NULL;
}

/* At the end, unless @link is on the list already. */
static inline void tcp_list_add(struct tcp_link *head, struct tcp_link *link)
{
	if (tcp_link_on(link))
		return;
	link->next = head;
	link->prev = head->prev;
	head->prev->next = link;
	head->prev = link;
}

static inline void tcp_list_remove(struct tcp_link *link)
{
	if (!tcp_link_on(link))
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->next = link->prev = NULL;
}

#endif
