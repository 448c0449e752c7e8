// SPDX-License-Identifier: GPL-3.0-or-later
/// @file song_plan.h  What a render of a song would make, what is kept, and why: found here with
/// the farm's fingerprint, keys and speeds, as the coordinator and the renderers find it.

#ifndef NB_REVIEW_CLI_SONG_PLAN_H
#define NB_REVIEW_CLI_SONG_PLAN_H
#include "mix/plan.h"
#include "mix/split.h"
#include "review-cli/mix_side.h"
#include "review-cli/version_name.h"
#include "review/mix_diff.h"

typedef enum nb_plan_fate { NB_FATE_KEPT, NB_FATE_MADE, NB_FATE_NOT_NEEDED } nb_plan_fate;

/// An output, or an edge that is worth keeping.
typedef struct nb_plan_row {
    char name[NB_OUTPUT_NAME_SIZE];
    nb_plan_fate fate;
    size_t index; ///< Of the sink, or the node
    nb_digest key;
    char node[NB_WORD_MAX + 1]; ///< That made it, or will
    double ms;                  ///< To make it alone
    double bytes;
    bool in_parallel;             ///< An edge in a task of its own, before the song's
    bool *because;                ///< By change; null for an edge
    const struct nb_plan_row *of; ///< Of an edge: the first output it is a part of; else null
} nb_plan_row;

typedef struct nb_song_plan {
    nb_cli *cli;
    nb_farm farm;
    nb_version_name name;
    nb_mix_side before, after;
    bool has_before;
    nb_mix_diff changes;
    nb_graph *graph, *graph_before;
    Nightbus__Reply *reply; ///< What the farm knows
    int64_t frames;
    bool *chosen, *kept, *reached; ///< By node
    size_t output_count, edge_count, again_count;
    nb_plan_row *outputs, *edges;
    double again_ns, task_ms, task_bytes;
    nb_split split;    ///< By edge that is to be made, in their order
    const char *where; ///< Node that is expected to do it; null: none would now
    double cost_per_ms;
} nb_song_plan;

/// Fill a zeroed plan for the command's first word, SONG or SONG@V; `--stems` counts the stems too.
/// Free it whatever this returns.
NB_NODISCARD nb_status nb_song_plan_find(nb_cli *cli, nb_song_plan *out, nb_error *err);
void nb_song_plan_fini(nb_song_plan *self);

#endif // NB_REVIEW_CLI_SONG_PLAN_H
