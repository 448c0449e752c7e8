// SPDX-License-Identifier: GPL-3.0-or-later
/// @file cache.h  Blobs that a renderer fetched, kept on its disk up to a limit.
///
/// What was used longest ago goes first. Nothing in it cannot be fetched again: it may be removed
/// at any time. One process and one thread.

#ifndef NB_RENDERER_NODE_CACHE_H
#define NB_RENDERER_NODE_CACHE_H
#include "base/digest.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct nb_cache nb_cache;

/// Open the cache in `folder`, which is made if it is not there.
NB_NODISCARD nb_status nb_cache_open(const char *folder, uint64_t limit_bytes, nb_cache **out_cache,
                                     nb_error *err);
void nb_cache_destroy(nb_cache **self_p);

/// Where the blob lies or will lie, in new memory; the folders above are made.
NB_NODISCARD nb_status nb_cache_path(const nb_cache *self, const nb_digest *id, char **out_path,
                                     nb_error *err);

/// Is the blob there, whole? Its bytes are hashed: a disk that lies must not decide what is heard;
/// again after a day, and whenever the file was touched meanwhile. Marks it as used; one that is
/// damaged is removed.
bool nb_cache_has(const nb_cache *self, const nb_digest *id, uint64_t size);
/// The blob was put there a moment ago, hashed on its way: that counts as its check.
void nb_cache_put(const nb_cache *self, const nb_digest *id);

/// Does a file that is not the cache's own hold the blob? Read like its own: again after a day, and
/// whenever it was touched meanwhile.
bool nb_cache_is_sound(nb_cache *self, const nb_digest *id, const char *path);

/// Remove what was used longest ago until `bytes` more fit under the limit. Nothing used since
/// `keep_since_ms` (wall clock) is removed: the task at hand needs it. NB_E_LIMIT if that is not
/// enough.
NB_NODISCARD nb_status nb_cache_make_room(nb_cache *self, uint64_t bytes, int64_t keep_since_ms,
                                          nb_error *err);

#endif // NB_RENDERER_NODE_CACHE_H
