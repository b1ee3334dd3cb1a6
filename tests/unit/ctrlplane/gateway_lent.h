// SPDX-License-Identifier: MIT
/*
 * gateway_lent.h - what main.c lends the rest of the gateway in the daemon; here with a clock of the test's own
 */
#ifndef GATEWAY_LENT_H
#define GATEWAY_LENT_H

#include "ctrlplane/gateway.h"

static uint64_t now_us = 1000000;

uint64_t gateway_now_us(void)
{
	return now_us;
}

uint64_t gateway_unix_us(void)
{
	return now_us;
}

void gateway_random(void *at, size_t n)
{
	memset(at, 7, n);
}

#endif
