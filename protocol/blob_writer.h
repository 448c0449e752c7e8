// SPDX-License-Identifier: GPL-3.0-or-later
/// @file blob_writer.h  The thread that hashes and writes what the bulk thread receives, so that
/// the socket never waits for a disk.
///
/// Uploads have slots 0 to NB_TRANSFERS_MAX - 1. Orders for a slot are carried out in order; each
/// gives one result, but for the closing of a slot. The bulk thread bounds the queue: it asks peers
/// for no more chunks than NB_RECEIVE_BUDGET.

#ifndef NB_PROTOCOL_BLOB_WRITER_H
#define NB_PROTOCOL_BLOB_WRITER_H
#include "protocol/keys.h"
#include "protocol/limits.h"
#include "store/blob_store.h"

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

enum { NB_DRAFT_OWNER_SIZE = 16 }; ///< Hex digits of a key's digest in the name of its drafts

/// What an upload is for, as the callback `stored` takes it.
typedef struct nb_upload_claim {
    nb_public_key key;
    char album[NB_WORD_MAX + 1]; ///< Empty for none
    uint64_t task;
    nb_digest digest; ///< What messages call it: its name, but for a blob that grows
    uint64_t size;
    bool is_growing; ///< It was offered while it was still made
    uint64_t there;  ///< Bytes that its sender has
    bool is_named;
    nb_digest name; ///< What it must hash to
} nb_upload_claim;

/// Called on the writer's thread once a blob is on disk under its name.
typedef nb_status nb_writer_stored(void *context, const nb_upload_claim *claim, nb_error *err);

typedef enum nb_write_step { NB_WRITE_OPENED, NB_WRITE_WRITTEN, NB_WRITE_COMMITTED } nb_write_step;

/// What became of an order.
typedef struct nb_write_result {
    struct nb_write_result *next;
    nb_write_step step;
    unsigned slot;
    uint64_t upload; ///< As it was opened: tells a slot's uploads apart
    nb_status status;
    uint64_t have; ///< Bytes in the draft
    char text[256];
} nb_write_result;

typedef struct nb_blob_writer nb_blob_writer;

/// `event_fd` is written to whenever there are results.
NB_NODISCARD nb_status nb_blob_writer_start(nb_blob_store *store, nb_writer_stored *stored,
                                            void *context, int event_fd,
                                            nb_blob_writer **out_writer, nb_error *err);
/// Stop after the order at hand. Drafts stay on disk as far as they came.
void nb_blob_writer_destroy(nb_blob_writer **self_p);

/// Each is false without memory; then nothing was ordered.
bool nb_blob_writer_open(nb_blob_writer *self, unsigned slot, uint64_t upload,
                         const nb_upload_claim *claim);
/// Takes the bytes of `chunk`, which is left empty.
bool nb_blob_writer_write(nb_blob_writer *self, unsigned slot, uint64_t upload, zmq_msg_t *chunk);
bool nb_blob_writer_commit(nb_blob_writer *self, unsigned slot, uint64_t upload,
                           const nb_upload_claim *claim);
/// Forget the slot's draft, keeping it on disk. Without memory that waits for the slot's next
/// opening.
void nb_blob_writer_close(nb_blob_writer *self, unsigned slot, uint64_t upload);
/// As nb_blob_writer_close, and remove it from the disk.
void nb_blob_writer_discard(nb_blob_writer *self, unsigned slot, uint64_t upload);

/// Take the oldest result (free with free()), or null.
nb_write_result *nb_blob_writer_take(nb_blob_writer *self);

#endif // NB_PROTOCOL_BLOB_WRITER_H
