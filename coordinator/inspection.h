// SPDX-License-Identifier: GPL-3.0-or-later
/// @file inspection.h  A thread that reads blobs again which somebody found damaged.
///
/// What is damaged is set aside in the store, so that it is missing from then on: a push sends it
/// again, a render makes it again. Hashing gigabytes must not keep leases waiting, hence the
/// thread.

#ifndef NB_COORDINATOR_INSPECTION_H
#define NB_COORDINATOR_INSPECTION_H
#include "store/blob_store.h"

#include <stdbool.h>

typedef struct nb_inspection nb_inspection;

/// `store` must outlive it.
NB_NODISCARD nb_status nb_inspection_new(nb_blob_store *store, nb_inspection **out_inspection,
                                         nb_error *err);
/// End the thread, after the blob it is at. Null is fine.
void nb_inspection_destroy(nb_inspection **self_p);

/// Have a blob read again; one that waits already waits once. False: too many wait.
bool nb_inspection_ask(nb_inspection *self, const nb_digest *id);
/// Is it waiting, or being read?
bool nb_inspection_is_at(nb_inspection *self, const nb_digest *id);

#endif // NB_COORDINATOR_INSPECTION_H
