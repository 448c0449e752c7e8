// SPDX-License-Identifier: GPL-3.0-or-later
/// @file freezes.h  Which edges of a song are kept, and which its next render shall keep.

#ifndef NB_COORDINATOR_FREEZES_H
#define NB_COORDINATOR_FREEZES_H
#include "coordinator/job_outputs.h"
#include "mix/freeze.h"

enum {
    NB_FREEZE_DAYS = 14, ///< Unused for so long, an edge is not kept any more
    NB_FREEZE_GIGABYTES = 100,
};

/// The freezes that a render of some outputs meets. Zero-initialise.
typedef struct nb_freezes {
    size_t count;
    nb_plan_freeze *list;
    size_t *nodes; ///< Of the graph, one for each of the list
    bool *kept;    ///< By node of the graph: its edge is in the store
} nb_freezes;

void nb_freezes_fini(nb_freezes *self);

/// Find them for a render of `outputs`; those that are kept, if their files are there.
NB_NODISCARD nb_status nb_freezes_find(nb_coordinator *self, const nb_graph *graph,
                                       const nb_outputs *outputs, nb_freezes *out, nb_error *err);

/// Put them into a plan, and note that those that are kept were used.
NB_NODISCARD nb_status nb_freezes_plan(nb_coordinator *self, const nb_freezes *freezes,
                                       nb_plan *plan, nb_error *err);

/// Is the edge kept by now, and its file there?
NB_NODISCARD nb_status nb_freezes_look_up(nb_coordinator *self, nb_plan_freeze *freeze,
                                          nb_error *err);

/// How many of a result's files are freezes that the plan names. One that somebody else has made
/// since the task was given out counts, too.
size_t nb_freezes_count(const nb_plan *plan, const Nightbus__TaskFinish *said);
/// Are the files of those there?
bool nb_freezes_are_there(const nb_coordinator *self, const nb_plan *plan,
                          const Nightbus__TaskFinish *said);
/// From now on these are kept. The first file of an edge stands; one with other bytes from `node`
/// is an incident.
NB_NODISCARD nb_status nb_freezes_keep(nb_coordinator *self, const nb_plan *plan,
                                       const Nightbus__TaskFinish *said, const char *node,
                                       nb_error *err);

/// Forget what was not used for long.
NB_NODISCARD nb_status nb_freezes_trim(nb_coordinator *self, nb_error *err);

#endif // NB_COORDINATOR_FREEZES_H
