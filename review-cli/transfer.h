// SPDX-License-Identifier: GPL-3.0-or-later
/// @file transfer.h  Several blobs one after the other under one progress bar, each resumable, each
/// tried again while the farm starts anew.

#ifndef NB_REVIEW_CLI_TRANSFER_H
#define NB_REVIEW_CLI_TRANSFER_H
#include "base/progress.h"
#include "base/status.h"
#include "review-cli/farm.h"

#include <stdint.h>

/// Zero-initialise, then nb_transfer_start.
typedef struct nb_transfer {
    nb_farm *farm;
    nb_progress progress;
    uint64_t finished_bytes; ///< Of the blobs before this one
    uint64_t blob_bytes;     ///< Of this one, as the last call said
    uint64_t already_bytes;  ///< That were there when each began
    bool blob_begun;
} nb_transfer;

void nb_transfer_start(nb_transfer *self, nb_farm *farm, const char *title, uint64_t total_bytes);

NB_NODISCARD nb_status nb_transfer_upload(nb_transfer *self, const char *path,
                                          const nb_digest *digest, uint64_t size, nb_error *err);
NB_NODISCARD nb_status nb_transfer_download(nb_transfer *self, const nb_digest *digest,
                                            uint64_t size, const char *path, nb_error *err);

/// Clear the bar.
void nb_transfer_finish(nb_transfer *self);

/// Bytes that went over the wire.
uint64_t nb_transfer_moved(const nb_transfer *self);

/// A small blob into memory (free with free()).
NB_NODISCARD nb_status nb_transfer_bytes(nb_farm *farm, const nb_digest *digest, uint64_t size,
                                         char **out_bytes, size_t *out_size, nb_error *err);

#endif // NB_REVIEW_CLI_TRANSFER_H
