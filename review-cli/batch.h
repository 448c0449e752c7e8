// SPDX-License-Identifier: GPL-3.0-or-later
/// @file batch.h  Several blobs one after the other under one progress bar, each resumable, each
/// tried again while the farm starts anew.

#ifndef NB_REVIEW_CLI_BATCH_H
#define NB_REVIEW_CLI_BATCH_H
#include "base/progress.h"
#include "base/status.h"
#include "protocol/manifest.h"
#include "review-cli/farm.h"

#include <stdint.h>

/// Zero-initialise, then nb_batch_start.
typedef struct nb_batch {
    nb_farm *farm;
    nb_progress progress;
    uint64_t finished_bytes; ///< Of the blobs before this one
    uint64_t blob_bytes;     ///< Of this one, as the last call said
    uint64_t already_bytes;  ///< That were there when each began
    bool blob_begun;
} nb_batch;

void nb_batch_start(nb_batch *self, nb_farm *farm, const char *title, uint64_t total_bytes);

NB_NODISCARD nb_status nb_batch_upload(nb_batch *self, const char *path, const nb_digest *digest,
                                       uint64_t size, nb_error *err);
NB_NODISCARD nb_status nb_batch_download(nb_batch *self, const nb_digest *digest, uint64_t size,
                                         const char *path, nb_error *err);

/// Clear the bar.
void nb_batch_finish(nb_batch *self);

/// Bytes that went over the wire.
uint64_t nb_batch_moved(const nb_batch *self);

/// A small blob into memory (free with free()).
NB_NODISCARD nb_status nb_batch_bytes(nb_farm *farm, const nb_digest *digest, uint64_t size,
                                      char **out_bytes, size_t *out_size, nb_error *err);

/// The files of a revision.
NB_NODISCARD nb_status nb_farm_manifest(nb_farm *farm, const char *commit, nb_manifest *out,
                                        nb_error *err);

#endif // NB_REVIEW_CLI_BATCH_H
