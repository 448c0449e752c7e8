// SPDX-License-Identifier: GPL-3.0-or-later
/// @file file.h  Files as Nightbus writes them: whole and on disk, or not there at all.

#ifndef NB_BASE_FILE_H
#define NB_BASE_FILE_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/// Read a whole file of at most `most` bytes into a new buffer (free with free()), with a null
/// behind the last byte that does not count. NB_E_LIMIT if it is larger.
NB_NODISCARD nb_status nb_file_read(const char *path, size_t most, char **out_bytes,
                                    size_t *out_size, nb_error *err);

/// Write `size` bytes to `path` so that it holds the old or the new content, never half: temporary
/// file beside it, fsync, rename, fsync of the folder. `mode` as for open(2).
NB_NODISCARD nb_status nb_file_write(const char *path, const void *bytes, size_t size, mode_t mode,
                                     nb_error *err);

/// A file on its way to `path`: write to `stream`, then commit (fsync, rename, fsync of the folder)
/// or destroy (which removes it). Zero-initialise.
typedef struct nb_file_draft {
    FILE *stream;
    char *draft_path;
    char *path;
} nb_file_draft;

NB_NODISCARD nb_status nb_file_draft_open(const char *path, nb_file_draft *out, nb_error *err);
NB_NODISCARD nb_status nb_file_draft_commit(nb_file_draft *self, nb_error *err);
void nb_file_draft_fini(nb_file_draft *self);

/// Rename `from` to `to` for good: fsync of the file, rename, fsync of the target's folder.
NB_NODISCARD nb_status nb_file_publish(const char *from, const char *to, nb_error *err);

/// fsync the folder that holds `path`.
NB_NODISCARD nb_status nb_file_sync_folder_of(const char *path, nb_error *err);

/// Make `path` and the folders above it, with mode 0777 less the umask (0700 if `private_to_owner`
/// bits say so: pass the mode). Existing folders are fine.
NB_NODISCARD nb_status nb_file_make_folders(const char *path, mode_t mode, nb_error *err);

/// Make the folders above `path`.
NB_NODISCARD nb_status nb_file_make_parents(const char *path, mode_t mode, nb_error *err);

bool nb_file_exists(const char *path);
bool nb_file_is_folder(const char *path);

/// Are these two paths to one file? False where either is not there.
bool nb_file_is_same(const char *a, const char *b);

/// Size of the file in bytes.
NB_NODISCARD nb_status nb_file_size(const char *path, uint64_t *out_size, nb_error *err);

/// "folder/name" in new memory; null only without memory.
char *nb_file_join(const char *folder, const char *name);

/// `path` made absolute against the working folder, links and ".." left as they are; new memory.
char *nb_file_absolute(const char *path);

/// Remove a file or a folder with all in it. Absent is fine. Never follows a link.
NB_NODISCARD nb_status nb_file_remove_all(const char *path, nb_error *err);

/// Bytes free to this user on the file system of `path`, and its size.
NB_NODISCARD nb_status nb_file_space(const char *path, uint64_t *out_free, uint64_t *out_total,
                                     nb_error *err);

/// Close for NB_SCOPED(nb_file_close) FILE *.
void nb_file_close(FILE **stream_p);
/// Close for NB_SCOPED(nb_file_close_fd) int; below zero is none.
void nb_file_close_fd(int *fd_p);

#endif // NB_BASE_FILE_H
