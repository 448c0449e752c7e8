// SPDX-License-Identifier: GPL-3.0-or-later
/// @file task_private.h  What the two sources of a task share: task.c gets its input and makes it,
/// outcome.c publishes what was made. Nobody else includes this.

#ifndef NB_RENDERER_NODE_TASK_PRIVATE_H
#define NB_RENDERER_NODE_TASK_PRIVATE_H
#include "base/log.h"
#include "mix/document.h"
#include "mix/graph.h"
#include "mix/plan.h"
#include "renderer/node/made.h"
#include "renderer/node/measure.h"
#include "renderer/node/stream.h"
#include "renderer/node/task.h"

typedef struct nb_task_state {
    nb_worker *worker;
    nb_order order;
    const volatile bool *cancelled;
    int64_t start_wall_ms;
    bool fault_of_input; ///< Another renderer would fail alike
    nb_plan plan;
    char **paths;          ///< Of the plan's files on this machine
    size_t path_count;     ///< Of those that were here
    nb_document *document; ///< And its graph, where a mix is rendered
    nb_graph *graph;
    char **freeze_paths; ///< Of those of the plan's freezes that are read
    nb_made made;
    nb_stream
        *stream;     ///< Of the first output, where it is sent while it is rendered; has the client
    nb_print *print; ///< Where audio is measured; and its report
    nb_report report;
    char *report_text;
} nb_task_state;

/// See to it that the worker has a connection for blobs and outcomes.
NB_NODISCARD nb_status nb_task_connect(nb_task_state *self, nb_error *err);

/// After a failure: true if the same should be tried again on a new connection. The lease bounds
/// it: a coordinator that stays away ends in a fence.
bool nb_task_try_again(nb_task_state *self, nb_status status, const nb_error *err);

/// A line of our own log about this attempt: what, and why.
void nb_task_log(const nb_task_state *self, nb_log_level level, const char *what,
                 const nb_error *why);

nb_blob_scope nb_task_scope(const nb_task_state *self);

/// Publish what was made and report it, until that is acknowledged.
NB_NODISCARD nb_status nb_task_finish(nb_task_state *self, nb_error *err);

/// Report that it failed.
void nb_task_fail(nb_task_state *self, nb_status status, const nb_error *why);

#endif // NB_RENDERER_NODE_TASK_PRIVATE_H
