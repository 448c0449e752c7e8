// SPDX-License-Identifier: GPL-3.0-or-later
/// @file flow.h  How much of one blob may be on its way: twice the line's bandwidth times its
/// delay, so that the line is never idle while a request for more travels.
///
/// The side that wants bytes measures both with each chunk: the delay as the shortest time from
/// asking to having, the bandwidth as what arrived meanwhile. As long as the window is what limits,
/// it doubles with each round. A larger one would fill queues for nothing, delay everybody behind
/// them, and be sent again after a cut. No clock inside.

#ifndef NB_PROTOCOL_FLOW_H
#define NB_PROTOCOL_FLOW_H
#include "protocol/limits.h"

#include <stddef.h>
#include <stdint.h>

/// A chunk that was asked for.
typedef struct nb_flow_chunk {
    int64_t asked_us;
    uint64_t arrived; ///< Bytes that were there in all when it was asked for
} nb_flow_chunk;

typedef struct nb_flow {
    uint64_t size;     ///< Bytes that may be on their way
    uint64_t arrived;  ///< In all
    int64_t least_us;  ///< The shortest time from asking to having; 0 before the first
    double bytes_a_us; ///< The line's bandwidth as far as it was seen
    size_t first, count;
    nb_flow_chunk chunks[NB_WINDOW_CHUNKS_MAX]; ///< Asked for and not there: a ring
} nb_flow;

void nb_flow_init(nb_flow *self);

/// Nothing is on its way any more: the connection was made anew. What was measured stays.
void nb_flow_restart(nb_flow *self);

/// A chunk was asked for, or the one asked for first has come.
void nb_flow_ask(nb_flow *self, int64_t now_us);
void nb_flow_arrive(nb_flow *self, size_t size, int64_t now_us);

#endif // NB_PROTOCOL_FLOW_H
