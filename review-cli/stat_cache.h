// SPDX-License-Identifier: GPL-3.0-or-later
/// @file stat_cache.h  Digests of files that have not changed since they were hashed.
///
/// A file counts as unchanged when size, times and inode are as they were, and it was already old
/// when it was hashed: one written in the same instant could have changed again unseen. Losing the
/// cache costs time only.

#ifndef NB_REVIEW_CLI_STAT_CACHE_H
#define NB_REVIEW_CLI_STAT_CACHE_H
#include "base/digest.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct nb_stat_cache nb_stat_cache;

/// Load the cache kept in `cache_path`; a missing or damaged one is an empty one. `cache_path` null
/// keeps nothing. Paths of files are taken from `root`.
NB_NODISCARD nb_status nb_stat_cache_open(const char *cache_path, const char *root,
                                          nb_stat_cache **out_cache, nb_error *err);
void nb_stat_cache_destroy(nb_stat_cache **self_p);

/// The digest of `path` where it is known without reading the file.
bool nb_stat_cache_knows(const nb_stat_cache *self, const char *path, const struct stat *info,
                         nb_digest *out);

/// Called with the bytes hashed since the last call.
typedef void nb_stat_cache_progress(void *context, uint64_t bytes);

/// Digest and size of `path`; hashed only if need be. NB_E_NOT_FOUND if it is not there,
/// NB_E_INVALID if it is no file. `progress` may be null. `stop` is looked at: NB_E_INTERRUPTED.
NB_NODISCARD nb_status nb_stat_cache_digest(nb_stat_cache *self, const char *path,
                                            nb_stat_cache_progress *progress, void *context,
                                            const volatile bool *stop, nb_digest *out,
                                            uint64_t *out_size, nb_error *err);

/// Write it back, if anything changed.
NB_NODISCARD nb_status nb_stat_cache_save(nb_stat_cache *self, nb_error *err);

#endif // NB_REVIEW_CLI_STAT_CACHE_H
