// SPDX-License-Identifier: MIT
/*
 * smtp_session_time.c - how long a client is waited for: a command, octets of a message, all of it, and its least rate
 */
#include "dataplane/smtp/smtp_session_data.h"

/* Octets of a message, or the pause between two of its chunks. */
static bool in_data_phase(const struct smtp_session *s)
{
	return smtp_session_in_message(s) || s->state == SESSION_CHUNKS;
}

/* A transaction as a whole must end, whatever its single commands and octets take: it holds more than its session. */
static bool in_transaction(const struct smtp_session *s)
{
	return in_data_phase(s) || s->state == SESSION_MAIL || s->state == SESSION_RCPT;
}

/* How long a command is waited for, or more of a message. */
static uint64_t patience_us(const struct smtp_session *s, bool stressed)
{
	const struct smtp_session_settings *settings = s->settings;
	bool message = smtp_session_in_message(s);
	uint64_t us = message ? settings->data_timeout_us : settings->command_timeout_us;
	uint64_t less_us = message ? settings->stress_data_timeout_us : settings->stress_command_timeout_us;

	return stressed && less_us < us ? less_us : us;
}

uint64_t smtp_session_deadline_us(const struct smtp_session *s)
{
	const struct smtp_session_settings *settings = s->settings;
	uint64_t octets_us = s->since_us + patience_us(s, smtp_session_stressed(s));
	uint64_t message_us = s->data_since_us + settings->message_timeout_us;

	if (s->state == SESSION_CLOSED || smtp_session_is_asked(s))
		return UINT64_MAX;
	if (s->delay_until_us)
		return s->delay_until_us;
	if (settings->data_rate_min && in_data_phase(s) && s->rate_since_us + SMTP_RATE_WINDOW_US < message_us)
		message_us = s->rate_since_us + SMTP_RATE_WINDOW_US;
	return octets_us < message_us || !in_transaction(s) ? octets_us : message_us;
}

/*
 * A sender that lets an octet drip now and then keeps each single deadline, and a room for as long as a message may
 * take.  So the octets of each window are looked at when it ends; true: they were enough, and no other deadline is over.
 */
static bool is_fast_enough(struct smtp_session *s, uint64_t now_us)
{
	uint64_t least = s->settings->data_rate_min * (SMTP_RATE_WINDOW_US / 1000000);

	if (least == 0 || !in_data_phase(s) || now_us < s->rate_since_us + SMTP_RATE_WINDOW_US)
		return false;
	if (s->rate_octets < least) {
		s->stats->smtp_too_slow++;
		return false;
	}
	s->rate_since_us = now_us;
	s->rate_octets = 0;
	return now_us < smtp_session_deadline_us(s);
}

void smtp_session_expire(struct smtp_session *s, uint64_t now_us)
{
	if (now_us < smtp_session_deadline_us(s))
		return;
	if (s->delay_until_us) {
		if (smtp_session_greeting_is_held(s))
			smtp_session_greet(s);
		s->delay_until_us = 0;
		s->out_ready = s->out_len;
		s->since_us = now_us;
		if (s->state == SESSION_CONNECTED || s->state == SESSION_GREETED)
			smtp_session_back_to_idle(s);
		return;
	}
	if (is_fast_enough(s, now_us))
		return;
	s->stats->smtp_timeouts_stress += smtp_session_stressed(s) && now_us < s->since_us + patience_us(s, false);
	if (in_data_phase(s))
		s->stats->smtp_timeouts_data++;
	else
		s->stats->smtp_timeouts_command++;
	if (s->state == SESSION_SECURING)
		smtp_session_close(s); /* there is no telling whether the peer listens to TLS or to us */
	else
		smtp_session_close_with(s, SMTP_TEXT_TIMEOUT);
}
