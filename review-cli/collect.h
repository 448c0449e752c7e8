// SPDX-License-Identifier: GPL-3.0-or-later
/// @file collect.h  What of a working folder belongs to the album: its documents, and the audio
/// that they name; all of it checked before anything is sent.

#ifndef NB_REVIEW_CLI_COLLECT_H
#define NB_REVIEW_CLI_COLLECT_H
#include "base/status.h"
#include "base/text.h"
#include "protocol/manifest.h"
#include "review-cli/stat_cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NB_COLLECT_DEPTH_MAX = 12, NB_COLLECT_LOOSE_MAX = 1000 };

/// Zero-initialise; nb_collection_fini frees.
typedef struct nb_collection {
    nb_manifest manifest; ///< Every file that there is, with its digest
    size_t song_count;
    size_t problem_count;
    nb_text problems; ///< "file:line:column: text", a line each
    size_t loose_count;
    char **loose; ///< Files beside the documents' audio that no document names
    uint64_t loose_bytes;
} nb_collection;

void nb_collection_fini(nb_collection *self);

/// Collect album.yaml, README.md, the documents under songs/, and the audio that the mix documents
/// name. Mistakes of the folder go to `out->problems` and are no failure of the call. Progress is
/// shown while hashing.
NB_NODISCARD nb_status nb_collect(const char *folder, nb_stat_cache *cache,
                                  const volatile bool *stop, nb_collection *out, nb_error *err);

#endif // NB_REVIEW_CLI_COLLECT_H
