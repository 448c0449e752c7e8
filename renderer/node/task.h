// SPDX-License-Identifier: GPL-3.0-or-later
/// @file task.h  One attempt at a task, from the order to the coordinator's acknowledgement.

#ifndef NB_RENDERER_NODE_TASK_H
#define NB_RENDERER_NODE_TASK_H
#include "base/status.h"
#include "mix/fingerprint.h"
#include "protocol/client.h"
#include "renderer/node/cache.h"
#include "renderer/node/heartbeat.h"
#include "store/blob_store.h"

#include <stdbool.h>

/// What a renderer has beside the heartbeat. Owned by main.
typedef struct nb_worker {
    const nb_identity *identity;
    const nb_fingerprint *fingerprint;
    nb_heartbeat *heartbeat;
    nb_cache *cache;
    const char *work_folder; ///< For what a render makes, on the cache's file system
    unsigned threads;        ///< 0: as the engine decides
    bool transfer;           ///< Never touch the coordinator's store, even where we could
    nb_client *client;       ///< For blobs and outcomes; null until needed
    nb_blob_store *store;    ///< The coordinator's own, where we share its disk; else null
} nb_worker;

/// Do what was ordered and tell the coordinator how it ended. Whatever the input was, this returns:
/// NB_E_NO_SPACE says that this machine's disk is too full to go on with the next.
nb_status nb_task_run(nb_worker *worker, const nb_order *order);

/// Close what tasks opened.
void nb_worker_fini(nb_worker *self);

#endif // NB_RENDERER_NODE_TASK_H
