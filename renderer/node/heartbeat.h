// SPDX-License-Identifier: GPL-3.0-or-later
/// @file heartbeat.h  The thread that keeps a renderer's lease and brings it work.
///
/// It has a connection of its own, so that neither a long render nor a long transfer delays it.
/// Idle, it asks for work and the answer is held back until there is some; busy, it renews the
/// lease every NB_HEARTBEAT_MS. A renderer fences itself: where the lease could not be renewed in
/// time, or the coordinator says that the task is another's now, `cancelled` turns true before the
/// coordinator can have given the task away.

#ifndef NB_RENDERER_NODE_HEARTBEAT_H
#define NB_RENDERER_NODE_HEARTBEAT_H
#include "base/digest.h"
#include "base/status.h"
#include "renderer/node/identity.h"

#include <stdbool.h>
#include <stdint.h>

enum { NB_EPOCH_SIZE_MAX = 64, NB_LABEL_SIZE = 160 };

/// One attempt at a task, as the coordinator ordered it.
typedef struct nb_order {
    uint64_t task;
    uint32_t attempt;
    uint8_t epoch[NB_EPOCH_SIZE_MAX];
    size_t epoch_size;
    nb_digest plan;
    uint64_t plan_size;
    char label[NB_LABEL_SIZE]; ///< "night@v3"
} nb_order;

typedef struct nb_heartbeat nb_heartbeat;

/// Start the thread. `identity` and the flags must outlive it: `stop` ends all at once, `drain`
/// lets the order at hand end first.
NB_NODISCARD nb_status nb_heartbeat_start(const nb_identity *identity, const volatile bool *stop,
                                          const volatile bool *drain, nb_heartbeat **out_heartbeat,
                                          nb_error *err);

/// End the thread; null is fine.
void nb_heartbeat_destroy(nb_heartbeat **self_p);

/// Wait for work. False when the process is asked to stop, or to drain and has nothing to do.
bool nb_heartbeat_wait_order(nb_heartbeat *self, nb_order *out);

/// Turns true when the work must be dropped. Valid as long as the heartbeat.
const volatile bool *nb_heartbeat_cancelled(const nb_heartbeat *self);

/// True if the order is not ours any more, so that nobody wants to hear how it ended.
bool nb_heartbeat_is_fenced(nb_heartbeat *self);

/// Say how far the work is; from any thread.
void nb_heartbeat_progress(nb_heartbeat *self, int64_t done_frames, int64_t total_frames);

/// Say a line to whoever follows the job, and to our own log; from any thread.
void nb_heartbeat_say(nb_heartbeat *self, const char *format, ...) NB_PRINTF(2, 3);

/// Wait until the lines said so far were sent, at most `timeout_ms`.
void nb_heartbeat_flush(nb_heartbeat *self, int64_t timeout_ms);

/// The outcome is on its way. That the coordinator does not want the order any more is then no
/// news: it may have heard the outcome before the heartbeat that it answers.
void nb_heartbeat_reporting(nb_heartbeat *self);

/// The outcome was heard: the order is not the coordinator's any more, so that nothing can take it
/// from us. No other one comes until nb_heartbeat_done.
void nb_heartbeat_heard(nb_heartbeat *self);

/// Ask for no work until `rests` is false again; nb_heartbeat_done is to follow. A renderer that
/// rests for longer than its lease is shown as lost.
void nb_heartbeat_rest(nb_heartbeat *self, bool rests);

/// The order is over: ask for the next one.
void nb_heartbeat_done(nb_heartbeat *self);

#endif // NB_RENDERER_NODE_HEARTBEAT_H
