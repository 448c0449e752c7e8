// SPDX-License-Identifier: GPL-3.0-or-later
/// @file nodes.h  Renderers without an engine: the real protocol over real sockets, all in one
/// thread.
///
/// Each has its own key, socket and session, and does one thing at a time: asks for work, sends a
/// heartbeat in the middle of it, reports it done, and asks again.

#ifndef NB_BENCH_LOAD_NODES_H
#define NB_BENCH_LOAD_NODES_H
#include "protocol/keys.h"

#include <stddef.h>
#include <stdint.h>

typedef struct nb_nodes nb_nodes;

/// Which answers are timed: from handing the request to ZeroMQ to having its reply.
typedef enum nb_timed {
    NB_TIMED_ASSIGN,
    NB_TIMED_HEARTBEAT,
    NB_TIMED_FINISH,
    NB_TIMED_COUNT
} nb_timed;

typedef struct nb_times {
    size_t count, capacity;
    uint32_t *us;
} nb_times;

/// Of one phase.
typedef struct nb_load {
    uint64_t assigned, finished, kept, dropped; ///< dropped: told to stop what it worked on
    uint64_t refused;                           ///< Failures other than "say Hello"
    double seconds;
    nb_times times[NB_TIMED_COUNT];
} nb_load;

void nb_load_fini(nb_load *self);
void nb_times_add(nb_times *self, int64_t us);
/// The time below which `part` of them (0 to 1) lie, in milliseconds; 0 without any.
double nb_times_ms(nb_times *self, double part);

/// `pairs` has one for each node; borrowed.
NB_NODISCARD nb_status nb_nodes_new(const nb_key_pair *pairs, unsigned count, nb_nodes **out_nodes,
                                    nb_error *err);
void nb_nodes_destroy(nb_nodes **self_p);

/// Connect, or move to another address. All say Hello, and go on with what they hold.
NB_NODISCARD nb_status nb_nodes_connect(nb_nodes *self, const char *address,
                                        const nb_public_key *server, nb_error *err);

/// Give every node a task, and let none finish.
NB_NODISCARD nb_status nb_nodes_fill(nb_nodes *self, double seconds_max, nb_load *out,
                                     nb_error *err);

/// Have each node hear that it may keep what it holds, after a restart.
NB_NODISCARD nb_status nb_nodes_renew(nb_nodes *self, double seconds_max, nb_load *out,
                                      nb_error *err);

/// Work until `tasks` were given out, at `rate` a second over all nodes; 0 is as fast as it goes.
/// What they hold at the end they keep. `finish` of all at the end: see nb_nodes_drain.
NB_NODISCARD nb_status nb_nodes_work(nb_nodes *self, uint64_t tasks, double rate, nb_load *out,
                                     nb_error *err);

/// Finish what is held and take no more.
NB_NODISCARD nb_status nb_nodes_drain(nb_nodes *self, double seconds_max, nb_load *out,
                                      nb_error *err);

#endif // NB_BENCH_LOAD_NODES_H
