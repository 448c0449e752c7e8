// SPDX-License-Identifier: GPL-3.0-or-later
/// @file grouping.h  From nodes to units: who runs beside whom, and who follows in the same lanes.

#ifndef NB_RENDERER_ENGINE_GROUPING_H
#define NB_RENDERER_ENGINE_GROUPING_H
#include "renderer/engine/schedule.h"

/// Who reads a node: all of them side by side, in ascending order of the reader.
typedef struct nb_reader {
    size_t node; ///< SIZE_MAX: an output
    bool is_key; ///< By its sidechain
} nb_reader;

typedef struct nb_readers {
    const nb_reader *list;
    const size_t *first; ///< By node, one more than nodes: readers of n stand from first[n] on
} nb_readers;

/// What is known of each live node before it has a unit.
typedef struct nb_grouping {
    nb_schedule *schedule;
    nb_readers readers;
    unsigned *depth; ///< Of gains that are read through: their source's
    unsigned deepest;
    size_t *heir;    ///< The processor that may follow in the same lanes, or SIZE_MAX
    size_t *unit_of; ///< SIZE_MAX: none (yet)
} nb_grouping;

/// Make schedule->units of all live nodes, and an order in which producers come first.
NB_NODISCARD nb_status nb_grouping_make_units(nb_grouping *self, nb_error *err);

#endif // NB_RENDERER_ENGINE_GROUPING_H
