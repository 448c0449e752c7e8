// SPDX-License-Identifier: GPL-3.0-or-later
/// @file mix_side.h  One side of a difference: a version on the farm, or a mix document here, with
/// the digests of its files.

#ifndef NB_REVIEW_CLI_MIX_SIDE_H
#define NB_REVIEW_CLI_MIX_SIDE_H
#include "renderer/engine/song.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review/report.h"

/// Zero-initialise; nb_mix_side_fini frees.
typedef struct nb_mix_side {
    char *label;       ///< "night@v3", or the path as it was given
    json_t *model;     ///< Null where is_elsewhere
    bool is_elsewhere; ///< A print or master: audio whose tracks are not known
    bool is_version;
    nb_version_name name; ///< Of a version
    // Kept while it is opened
    nb_song song;         ///< A document here
    nb_stat_cache *cache; ///< Digests of files here
    nb_document *document;
    nb_manifest manifest; ///< Files of the version's revision
    Nightbus__Reply *info;
} nb_mix_side;

void nb_mix_side_fini(nb_mix_side *self);

/// The mix document (or the folder that holds it) at `path`; a folder with a print.yaml is a print.
/// Files are hashed where no stat cache
/// knows them; one that is not there has no digest.
NB_NODISCARD nb_status nb_mix_side_open_path(const char *path, nb_mix_side *out, nb_error *err);

/// What the side is: "mix", "print" or "master". Borrowed.
const char *nb_mix_side_source(const nb_mix_side *self);

/// A version: its document, and its revision's manifest. "latest" becomes the version's own name.
NB_NODISCARD nb_status nb_mix_side_open_version(nb_farm *farm, const nb_version_name *name,
                                                nb_mix_side *out, nb_error *err);

/// The version's report, without waiting. `*out_why` is null then, else says why there is none
/// ("is not rendered yet (running)").
NB_NODISCARD nb_status nb_mix_side_report(nb_farm *farm, const nb_mix_side *self, nb_report *out,
                                          const char **out_why, nb_error *err);

/// Its graph under an engine's fingerprint. What the files' headers say is not asked: the keys are
/// those of the farm, but it cannot be rendered.
NB_NODISCARD nb_status nb_mix_side_graph(nb_mix_side *self, const nb_fingerprint *fingerprint,
                                         nb_graph **out, nb_error *err);
/// nb_size_lookup of its files; `context` is the nb_mix_side.
uint64_t nb_mix_side_file_size(const void *context, const char *path);

#endif // NB_REVIEW_CLI_MIX_SIDE_H
