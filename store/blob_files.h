// SPDX-License-Identifier: GPL-3.0-or-later
/// @file blob_files.h  What the sources of the store share: its folders, its lock, and the one way
/// in which a file becomes a blob. Nobody else includes this.

#ifndef NB_STORE_BLOB_FILES_H
#define NB_STORE_BLOB_FILES_H
#include "base/digest.h"
#include "base/status.h"

#include <stdint.h>

enum {
    NB_BLOB_BLOCK = 1 << 20,  ///< Bytes read, hashed and written at once
    NB_BLOB_FILE_MODE = 0444, ///< A blob never changes, so nobody may write to it
    NB_BLOB_FOLDER_MODE = 0777,
};

/// What the file of a draft is called whose blob has no name yet, before its id.
#define NB_BLOB_GROWING "growing-"

/// Immutable once opened, which is what lets threads share it.
struct nb_blob_store {
    char *root; ///< Absolute, links resolved
    char *objects;
    char *incoming;
    char *trash;
    char *lock;
};

/// Hold the store's lock until the descriptor is closed. Whatever gives a blob its name or makes it
/// young again holds it shared; collection holds it exclusive while it judges and moves one blob.
typedef enum nb_store_lock { NB_STORE_SHARED, NB_STORE_EXCLUSIVE } nb_store_lock;
NB_NODISCARD nb_status nb_blob_files_lock(const struct nb_blob_store *store, nb_store_lock kind,
                                          int *out_fd, nb_error *err);

/// Path of blob `id`, there or not; null without memory.
char *nb_blob_files_object(const struct nb_blob_store *store, const nb_digest *id);

/// Make the whole and hashed file at `from`, open as `fd`, blob `id`: fsync, rename, fsync of the
/// folders. A blob that was there is replaced by the same bytes.
NB_NODISCARD nb_status nb_blob_files_publish(const struct nb_blob_store *store, int fd,
                                             const char *from, const nb_digest *id, nb_error *err);

/// Write all of it at `offset`.
NB_NODISCARD nb_status nb_blob_files_write(int fd, const char *path, const void *bytes, size_t size,
                                           uint64_t offset, nb_error *err);

/// NB_E_NO_SPACE if `size` more bytes do not fit the store's file system.
NB_NODISCARD nb_status nb_blob_files_check_space(const struct nb_blob_store *store, uint64_t size,
                                                 nb_error *err);

#endif // NB_STORE_BLOB_FILES_H
