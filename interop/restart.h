/*
 * Conversations in which one side is killed in the middle and started again, several times.
 */
#ifndef INTEROP_RESTART_H
#define INTEROP_RESTART_H

#include "patterns.h"

/* Runs one process after the other for a side that is to be killed. Returns in each of them, with side->life and side->past
 * set; this process itself ends with the status of the last one. */
void live_and_die(side_t *side);

void prepare_restart(const side_t *side);

/* Who is killed sends, or receives. The other one lives. */
void push_killed(const side_t *side);
void pull_beside_killed(const side_t *side);
void push_beside_killed(const side_t *side);
void pull_killed(const side_t *side);
void publish_killed(const side_t *side);
void subscribe_beside_killed(const side_t *side);
void publish_beside_killed(const side_t *side);
void subscribe_killed(const side_t *side);
void dealer_killed(const side_t *side);
void router_beside_killed(const side_t *side);
void dealer_beside_killed(const side_t *side);
void router_killed(const side_t *side);
void request_killed(const side_t *side);
void reply_beside_killed(const side_t *side);
void request_beside_killed(const side_t *side);
void reply_killed(const side_t *side);

#endif
