// SPDX-License-Identifier: GPL-3.0-or-later
/// @file backup.h  A copy of all state, made while the coordinator works.
///
/// The order matters: ledger, then git, then store, with collection held. So whatever the copied
/// ledger knows, the copied repositories have, and whatever these name, the copied store has. What
/// came after the ledger's copy is found in git at the first start from the backup.

#ifndef NB_COORDINATOR_BACKUP_H
#define NB_COORDINATOR_BACKUP_H
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/// What was copied.
typedef struct nb_backup_result {
    uint64_t albums, blobs, new_blobs, new_bytes;
} nb_backup_result;

/// Back the data folder up into `to`, which is made. A second backup into the same folder copies
/// only the blobs and git objects that are new, and leaves the older ones. `to/backup.json` is
/// written last: without it the backup is not whole.
NB_NODISCARD nb_status nb_backup(const char *data, const char *to, nb_backup_result *out,
                                 nb_error *err);

/// Keep collection from running until the descriptor is closed, and wait for one that runs.
NB_NODISCARD nb_status nb_backup_hold_collection(const char *data, int *out_fd, nb_error *err);
/// True, and *out_fd held, where no backup runs just now.
bool nb_backup_may_collect(const char *data, int *out_fd);

#endif // NB_COORDINATOR_BACKUP_H
