// SPDX-License-Identifier: GPL-3.0-or-later
/// @file metrics.h  What the farm counts, for Prometheus. docs/operations.md explains each metric.

#ifndef NB_COORDINATOR_METRICS_H
#define NB_COORDINATOR_METRICS_H
#include "base/status.h"
#include "base/text.h"
#include "coordinator/states.h"

#include <stdatomic.h>
#include <stdint.h>

enum { NB_ATTEMPT_STATES = NB_ATTEMPT_DIED + 1 };

typedef struct nb_coordinator nb_coordinator;

/// Counted since the coordinator started.
typedef struct nb_metrics {
    int64_t start_wall_ms;
    uint64_t attempts_begun;
    uint64_t second_attempts;                   ///< Of them, beside a straggler
    uint64_t attempts_ended[NB_ATTEMPT_STATES]; ///< By the state they ended in
    uint64_t tasks_failed;
    double render_s;       ///< From giving out to the result
    double audio_s;        ///< What that made
    uint64_t output_bytes; ///< And its files
    uint64_t requests, refusals;
    _Atomic uint64_t received_bytes; ///< Blobs that came over bulk; the bulk thread's
} nb_metrics;

/// Write all of them.
NB_NODISCARD nb_status nb_metrics_format(nb_coordinator *self, nb_text *out, nb_error *err);

#endif // NB_COORDINATOR_METRICS_H
