// SPDX-License-Identifier: GPL-3.0-or-later
/// @file uploads.h  Blobs on their way in: which ranges were asked for, which came. The bulk
/// thread's own; states and their changes: docs/protocol.md.

#ifndef NB_PROTOCOL_UPLOADS_H
#define NB_PROTOCOL_UPLOADS_H
#include "protocol/blob_writer.h"
#include "protocol/bulk.h"

typedef struct nb_uploads nb_uploads;

/// Borrows both. Null without memory.
nb_uploads *nb_uploads_new(void *socket, nb_blob_writer *writer);
void nb_uploads_destroy(nb_uploads **self_p);

/// A peer that may write the blob offers it. Offering it again is how a client resumes, and how it
/// asks what became of it.
void nb_uploads_offer(nb_uploads *self, const nb_bulk_target *from, const nb_upload_claim *claim);

/// Bytes came. False if nobody can have asked for them: a fault of the peer. Takes `bytes`' content
/// if it is of use.
bool nb_uploads_chunk(nb_uploads *self, const nb_bulk_target *from, const Nightbus__Chunk *chunk,
                      zmq_msg_t *bytes);

/// The writer has done something.
void nb_uploads_result(nb_uploads *self, const nb_write_result *result);

/// Ask for more, as windows and the budget allow; give up those that stand still.
void nb_uploads_pump(nb_uploads *self, int64_t now_ms);

#endif // NB_PROTOCOL_UPLOADS_H
