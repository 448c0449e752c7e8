// SPDX-License-Identifier: GPL-3.0-or-later
/// @file costs.h  What renders cost and how fast nodes are, for estimates and for what goes first.
///
/// A cost is microseconds of CPU, by what renderers measured of each processor and by the
/// processors' descriptors where nobody did. Nothing here chooses how samples are made.

#ifndef NB_COORDINATOR_COSTS_H
#define NB_COORDINATOR_COSTS_H
#include "coordinator/freezes.h"
#include "coordinator/sql.h"
#include "mix/estimate.h"

/// Make this part's tables where they are not there. Called by nb_ledger_open.
NB_NODISCARD nb_status nb_ledger_make_cost_tables(nb_sql *sql, nb_error *err);

/// What a task is expected to take.
typedef struct nb_task_cost {
    double ns_per_frame; ///< Of CPU
    int64_t frames;      ///< By the song's last rendering, or by its clips and files
    int64_t made_frames; ///< As it turned out; 0 until it is done
} nb_task_cost;

/// In microseconds of CPU.
static inline double nb_task_cost_us(const nb_task_cost *self)
{
    return self->ns_per_frame * (double)self->frames / 1000.0;
}

/// Nanoseconds of CPU per frame of one channel, by processor: the mean over all nodes.
/// NB_SPEEDS_MAX of them at most.
typedef struct nb_costs {
    size_t count;
    struct {
        char processor[NB_NAME_SIZE];
        double ns;
    } list[NB_SPEEDS_MAX];
} nb_costs;

NB_NODISCARD nb_status nb_ledger_read_costs(nb_ledger *self, nb_costs *out, nb_error *err);
/// nb_cost_lookup; `context` is the nb_costs.
double nb_costs_find(const void *context, const nb_processor *processor);

/// What a render of these outputs takes, going on from what is kept. `frames_of_files` says how
/// long the song may be where it was never rendered.
NB_NODISCARD nb_status nb_coordinator_cost(nb_coordinator *self, const nb_job *job,
                                           const nb_graph *graph, const nb_outputs *outputs,
                                           const nb_freezes *freezes, int64_t frames_of_files,
                                           nb_task_cost *out, nb_error *err);

NB_NODISCARD nb_status nb_ledger_put_cost(nb_ledger *self, uint64_t task, const nb_task_cost *cost,
                                          nb_error *err);
/// All zero where it is not known.
NB_NODISCARD nb_status nb_ledger_get_cost(nb_ledger *self, uint64_t task, nb_task_cost *out,
                                          nb_error *err);

/// A node rendered a task in `took_ms`: learn its pace, and what it measured.
NB_NODISCARD nb_status nb_coordinator_learn(nb_coordinator *self, const char *node,
                                            const Nightbus__TaskFinish *said, int64_t took_ms,
                                            nb_error *err);
/// All zero for a node that nobody knows yet.
NB_NODISCARD nb_status nb_ledger_get_pace(nb_ledger *self, const char *node, nb_estimate_node *out,
                                          nb_error *err);

/// A renderer that would take work now, and how fast it was.
typedef struct nb_farm_pace {
    uint32_t renderer;
    nb_estimate_node pace;
} nb_farm_pace;

/// All that live with this fingerprint and are not held.
NB_NODISCARD nb_status nb_coordinator_paces(nb_coordinator *self, const char *fingerprint,
                                            nb_farm_pace *out, size_t room, size_t *out_count,
                                            nb_error *err);

/// The song's length when it was rendered last; 0 where it never was.
NB_NODISCARD nb_status nb_ledger_last_seconds(nb_ledger *self, const char *album, const char *song,
                                              double *out, nb_error *err);
/// Of the newest task; null where there never was one. The caller frees it.
NB_NODISCARD nb_status nb_ledger_last_fingerprint(nb_ledger *self, char **out, nb_error *err);

#endif // NB_COORDINATOR_COSTS_H
