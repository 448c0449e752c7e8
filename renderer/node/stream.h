// SPDX-License-Identifier: GPL-3.0-or-later
/// @file stream.h  Sends an output to the coordinator while it is rendered, by a thread beside the
/// render. What goes wrong with it costs no render: the file is uploaded afterwards then.

#ifndef NB_RENDERER_NODE_STREAM_H
#define NB_RENDERER_NODE_STREAM_H
#include "audio/audio_writer.h"
#include "protocol/client.h"

typedef struct nb_stream nb_stream;

/// Begin to send the file at `path`, which is written as `growth` says, soon. All is borrowed, and
/// `client` belongs to the stream until it is destroyed. Null without memory or a thread.
nb_stream *nb_stream_new(nb_client *client, nb_blob_scope scope, const char *path,
                         const nb_audio_growth *growth);

/// The file is whole and closed. Does not wait.
void nb_stream_finish(nb_stream *self);

/// Wait until the coordinator has stored what was finished. NB_OK where it has.
NB_NODISCARD nb_status nb_stream_wait(nb_stream *self, nb_error *err);

/// Give up what was not finished, and end; null is fine.
void nb_stream_destroy(nb_stream **self_p);

#endif // NB_RENDERER_NODE_STREAM_H
