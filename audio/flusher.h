// SPDX-License-Identifier: GPL-3.0-or-later
/// @file flusher.h  Has the kernel write a growing file to disk while it grows, so that the fsync
/// at its end has little left to do. A thread of its own: whoever makes the bytes does not wait for
/// a disk that is slow. It promises nothing; only that fsync does.

#ifndef NB_AUDIO_FLUSHER_H
#define NB_AUDIO_FLUSHER_H
#include <stdint.h>

typedef struct nb_flusher nb_flusher;

/// Start behind `fd`, which is borrowed until the end. Null without memory or a thread: then the
/// fsync has all to do.
nb_flusher *nb_flusher_new(int fd);

/// The file's first `bytes` are written; never fewer than before.
void nb_flusher_grow(nb_flusher *self, uint64_t bytes);

/// End the thread, whatever it has not come to; null is fine.
void nb_flusher_destroy(nb_flusher **self_p);

#endif // NB_AUDIO_FLUSHER_H
