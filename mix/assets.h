// SPDX-License-Identifier: GPL-3.0-or-later
/// @file assets.h  The files of a document while its graph is built.

#ifndef NB_MIX_ASSETS_H
#define NB_MIX_ASSETS_H
#include "mix/graph.h"

/// One file that the document names, whether or not the graph will read it.
typedef struct nb_asset_entry {
    nb_asset asset;
    nb_place place; ///< Of its first mention
    bool used;
    size_t index; ///< In the graph, once used
} nb_asset_entry;

typedef struct nb_assets {
    nb_asset_entry *entries; ///< By path
    size_t count;
    size_t used_count;
} nb_assets;

/// Look every file up; each one that is not there is a problem. Entries are taken from `arena`.
NB_NODISCARD nb_status nb_assets_find(const nb_document *document, nb_arena *arena,
                                      nb_asset_lookup *lookup, void *context, nb_problems *problems,
                                      nb_assets *out, nb_error *err);

/// The entry of a path of the document.
nb_asset_entry *nb_assets_get(const nb_assets *self, const char *path);

/// Its index in the graph, new on first use.
size_t nb_assets_use(nb_assets *self, nb_asset_entry *entry);

/// Length at the song's rate: rounded to the nearest frame, halves up.
int64_t nb_asset_frames_at(const nb_asset *asset, unsigned rate_hz);

#endif // NB_MIX_ASSETS_H
