// SPDX-License-Identifier: GPL-3.0-or-later
/// @file made.h  The outputs of one task: from the plan's keys to files that can be published.

#ifndef NB_RENDERER_NODE_MADE_H
#define NB_RENDERER_NODE_MADE_H
#include "mix/freeze.h"
#include "mix/plan.h"
#include "renderer/engine/render.h"
#include "renderer/node/speeds.h"

/// One output: a file in the work folder, which goes with nb_made_fini, and its report.
typedef struct nb_made_output {
    const nb_plan_output *planned;
    size_t sink;
    char *wav_path;
    nb_audio_growth growth; ///< Of the WAV file, while it is rendered and after
    nb_report report;
    char *report_text; ///< Null for a stem: it is for work, nobody reads its loudness
} nb_made_output;

/// A freeze that is written beside the outputs.
typedef struct nb_made_freeze {
    nb_digest key;
    size_t node;
    char *path;
} nb_made_freeze;

/// All of a task, the mix first; only edges where its plan has no outputs. Zero-initialise.
typedef struct nb_made {
    size_t count;
    nb_made_output *list;
    size_t freeze_count;
    nb_made_freeze *freezes;
    int64_t frames;     ///< Of the first output, or of the longest edge where there is none
    size_t speed_count; ///< What rendering them cost, by processor
    nb_speed speeds[NB_SPEEDS_MAX];
} nb_made;

void nb_made_fini(nb_made *self);

/// Find the plan's outputs in the graph. NB_E_VERSION where a key is not what the plan says.
NB_NODISCARD nb_status nb_made_choose(nb_made *self, const nb_graph *graph, const nb_plan *plan,
                                      const char *work_folder, nb_error *err);

/// Mark the plan's files that its edges are made from in out_needed[file], of a plan of edges.
/// Needs no header of any file. NB_E_VERSION where an edge's key is not in the graph.
NB_NODISCARD nb_status nb_made_find_files(const nb_graph *graph, const nb_plan *plan,
                                          bool *out_needed, nb_error *err);

/// Mark the nodes that the task meets in out_met[node] when it goes on from all kept edges: those
/// that stand behind one of them need not be fetched. After nb_made_choose.
NB_NODISCARD nb_status nb_made_find_met(const nb_made *self, const nb_graph *graph,
                                        const nb_plan *plan, bool *out_met, nb_error *err);

/// Of the plan's freezes those that are not kept and whose node is in the graph, to be written,
/// too.
NB_NODISCARD nb_status nb_made_add_freezes(nb_made *self, const nb_graph *graph,
                                           const nb_plan *plan, const char *work_folder,
                                           nb_error *err);

/// Render all in one pass, files and reports. `keep` says what becomes of the outputs' files; those
/// of freezes need not get to the disk before somebody takes them.
NB_NODISCARD nb_status nb_made_render(nb_made *self, const nb_graph *graph,
                                      const nb_render_options *options, nb_audio_keep keep,
                                      nb_error *err);

/// The node with that key; graph->node_count if there is none.
size_t nb_made_find_node(const nb_graph *graph, const nb_digest *key);

#endif // NB_RENDERER_NODE_MADE_H
