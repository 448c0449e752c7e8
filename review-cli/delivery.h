// SPDX-License-Identifier: GPL-3.0-or-later
/// @file delivery.h  Several files brought into one folder: what is there with the right bytes
/// stays, a transfer that was cut goes on, and SHA256SUMS names all of them in the end.

#ifndef NB_REVIEW_CLI_DELIVERY_H
#define NB_REVIEW_CLI_DELIVERY_H
#include "base/digest.h"
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"
#include "review-cli/farm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What sha256sum -c takes.
#define NB_DELIVERY_SUMS "SHA256SUMS"

typedef struct nb_delivered {
    char *path; ///< Below the folder
    nb_digest digest;
    uint64_t size;
    char *bytes;             ///< Of a file that is made here; null for one of the farm
    nb_version_name version; ///< Of a file of the farm: rendered again where it was collected
    bool there;              ///< It was here already
} nb_delivered;

/// Zero-initialise, set the first two; nb_delivery_fini frees.
typedef struct nb_delivery {
    nb_farm *farm;
    char *root; ///< The folder; owned
    size_t count, capacity;
    nb_delivered *list;
} nb_delivery;

void nb_delivery_fini(nb_delivery *self);

/// Add a file of the farm. `path` becomes the delivery's; null is "no memory".
NB_NODISCARD nb_status nb_delivery_add_output(nb_delivery *self, const nb_version_name *version,
                                              const Nightbus__OutputRow *output, char *path,
                                              nb_error *err);
/// Add a file that is made here. `path` and `bytes` become the delivery's.
NB_NODISCARD nb_status nb_delivery_add_bytes(nb_delivery *self, char *path, char *bytes,
                                             size_t size, nb_error *err);

/// Fetch and write what is not here yet, then SHA256SUMS.
NB_NODISCARD nb_status nb_delivery_run(nb_delivery *self, nb_error *err);

/// A line for each file: "night-v4.wav  52 MB  (was here already)".
void nb_delivery_print(const nb_delivery *self, nb_text *out);
/// An array of {"file", "sha256", "size", "was_here"}.
json_t *nb_delivery_to_json(const nb_delivery *self);

#endif // NB_REVIEW_CLI_DELIVERY_H
