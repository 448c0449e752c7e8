// SPDX-License-Identifier: GPL-3.0-or-later
/// @file folder.h  A working folder: an album's plain files, and what `.nightbus/` remembers of
/// them.
///
/// `.nightbus/` holds state.json (album, base revision and its manifest), farm (where the farm is,
/// as
/// --farm takes it), stat-cache.json, push.json (a push that was not answered yet) and incoming/
/// (what is being fetched). Losing it loses no work: `album clone` makes another.

#ifndef NB_REVIEW_CLI_FOLDER_H
#define NB_REVIEW_CLI_FOLDER_H
#include "base/status.h"
#include "protocol/manifest.h"
#include "review-cli/stat_cache.h"

#include <stdbool.h>

/// Zero-initialise; nb_folder_fini frees.
typedef struct nb_folder {
    char *path; ///< The album's folder
    char *album;
    char *base; ///< Commit that the files were last equal to or merged with; null before the first
    nb_manifest manifest; ///< Of the base
} nb_folder;

void nb_folder_fini(nb_folder *self);

/// The nearest folder from `start` (null: the current one) upwards that has a `.nightbus/`; null if
/// there is none. New memory.
char *nb_folder_find(const char *start);

/// Open the working folder around the current one. NB_E_NOT_FOUND, in words, outside of any.
NB_NODISCARD nb_status nb_folder_open(nb_folder *out, nb_error *err);
/// Open the one at `path`.
NB_NODISCARD nb_status nb_folder_open_at(const char *path, nb_folder *out, nb_error *err);

/// Make `path` a working folder of `album` on the farm `farm` (as --farm takes it), without a base.
NB_NODISCARD nb_status nb_folder_make(const char *path, const char *album, const char *farm,
                                      nb_folder *out, nb_error *err);

/// Take `base` and its manifest (moved) as what the files are based on, and write that down.
NB_NODISCARD nb_status nb_folder_set_base(nb_folder *self, const char *base, nb_manifest *manifest,
                                          nb_error *err);

/// Path of a file of `.nightbus/` in new memory; null without memory.
char *nb_folder_private(const nb_folder *self, const char *name);

NB_NODISCARD nb_status nb_folder_stat_cache(const nb_folder *self, nb_stat_cache **out_cache,
                                            nb_error *err);

/// Where the folder's farm is, in new memory; null if it does not say.
char *nb_folder_farm(const char *folder_path);

#endif // NB_REVIEW_CLI_FOLDER_H
