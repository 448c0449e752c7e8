// SPDX-License-Identifier: GPL-3.0-or-later
/// @file job_outputs.h  Which outputs a job is for, which of them are known, what came of them.

#ifndef NB_COORDINATOR_JOB_OUTPUTS_H
#define NB_COORDINATOR_JOB_OUTPUTS_H
#include "coordinator/coordinator_private.h"
#include "mix/plan.h"

/// Outputs by name; zero-initialise.
typedef struct nb_outputs {
    size_t count;
    nb_plan_output *list;
} nb_outputs;

void nb_outputs_fini(nb_outputs *self);

/// The mix, all alternates, and the stems where they are wanted, each with its key.
NB_NODISCARD nb_status nb_outputs_of_graph(const nb_graph *graph, bool stems, nb_outputs *out,
                                           nb_error *err);

/// Keep those of `all` that were never rendered, or whose files are gone.
NB_NODISCARD nb_status nb_outputs_find_missing(nb_coordinator *self, const nb_outputs *all,
                                               nb_outputs *out_missing, nb_error *err);

/// Does this open task make all of `wanted`?
NB_NODISCARD nb_status nb_outputs_are_of_task(nb_coordinator *self, uint64_t task,
                                              const nb_outputs *wanted, bool *out_all,
                                              nb_error *err);

/// The plan of a task, from the store; the caller fini's it.
NB_NODISCARD nb_status nb_coordinator_read_plan(nb_coordinator *self, const nb_task_row *task,
                                                nb_plan *out, nb_error *err);

/// All files of the job's outputs belong to its album from now on.
NB_NODISCARD nb_status nb_coordinator_keep_outputs(nb_coordinator *self, const nb_job *job,
                                                   nb_error *err);

/// Called with each file of the job's outputs that is known: its name there, as "mix.wav".
typedef nb_status nb_output_visit(void *context, const char *output, const nb_output *file,
                                  nb_error *err);
NB_NODISCARD nb_status nb_coordinator_visit_outputs(nb_coordinator *self, const nb_job *job,
                                                    nb_output_visit *visit, void *context,
                                                    nb_error *err);

#endif // NB_COORDINATOR_JOB_OUTPUTS_H
