// SPDX-License-Identifier: GPL-3.0-or-later
/// @file coordinator_process.h  A coordinator of its own, started and watched by a benchmark.

#ifndef NB_BENCH_LOAD_COORDINATOR_PROCESS_H
#define NB_BENCH_LOAD_COORDINATOR_PROCESS_H
#include "protocol/keys.h"

#include <sys/types.h>

typedef struct nb_coordinator_process {
    pid_t pid;
    char control[256];
    nb_public_key server;
    double ready_s; ///< From its start to its ports being open
} nb_coordinator_process;

/// Start the nightbus-coordinator that lies beside this program on the folder `data`, its log in
/// `data`/coordinator.log, and wait until it says where it listens.
NB_NODISCARD nb_status nb_coordinator_process_start(const char *data, nb_coordinator_process *out,
                                                    nb_error *err);
/// Kill it as a crash would, or end it in order; both wait.
void nb_coordinator_process_kill(nb_coordinator_process *self);
void nb_coordinator_process_end(nb_coordinator_process *self);

/// Its memory now and at most, in KiB, and the CPU seconds it took.
typedef struct nb_usage {
    long rss_kib, rss_most_kib;
    double cpu_s;
} nb_usage;
nb_usage nb_coordinator_process_usage(const nb_coordinator_process *self);

#endif // NB_BENCH_LOAD_COORDINATOR_PROCESS_H
