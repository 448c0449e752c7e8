// SPDX-License-Identifier: GPL-3.0-or-later
/// @file blob_store.h  Immutable blobs on disk, each named by the SHA-256 of its bytes.
///
/// A blob takes its name only when complete (temporary file, fsync, rename, fsync of the folder),
/// so a reader never sees half of one and two writers of the same bytes cannot hurt each other.
/// Threads and processes may share a store's folder; one nb_blob_store may be used by several
/// threads. git-lfs's object layout: objects/ab/cd/abcd.... Recovery after a crash:
/// docs/store-format.md.

#ifndef NB_STORE_BLOB_STORE_H
#define NB_STORE_BLOB_STORE_H
#include "base/digest.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NB_BLOB_SMALL_MAX = 16 << 20 }; ///< What nb_blob_store_get reads into memory

typedef struct nb_blob_store nb_blob_store;

/// Open the store rooted at `path`, creating the folders (objects, incoming, trash) if absent.
NB_NODISCARD nb_status nb_blob_store_open(const char *path, nb_blob_store **out_store,
                                          nb_error *err);
void nb_blob_store_destroy(nb_blob_store **self_p);

/// The folder that holds the objects, for a repository's lfs/objects. Borrowed.
const char *nb_blob_store_objects(const nb_blob_store *self);

bool nb_blob_store_has(const nb_blob_store *self, const nb_digest *id, uint64_t *out_size);

/// Path of a blob that is there, in new memory. NB_E_NOT_FOUND if it is not.
NB_NODISCARD nb_status nb_blob_store_path(const nb_blob_store *self, const nb_digest *id,
                                          char **out_path, nb_error *err);

/// Put `size` bytes in; their digest is the answer. Present already is fine.
NB_NODISCARD nb_status nb_blob_store_put(nb_blob_store *self, const void *bytes, size_t size,
                                         nb_digest *out_id, nb_error *err);

/// Put a file's bytes in: moved when `path` lies on the same file system and `take` says so, else
/// copied. Hashed on the way.
typedef enum nb_put_mode { NB_PUT_COPY, NB_PUT_TAKE } nb_put_mode;
NB_NODISCARD nb_status nb_blob_store_put_file(nb_blob_store *self, const char *path,
                                              nb_put_mode mode, nb_digest *out_id,
                                              uint64_t *out_size, nb_error *err);

/// Take a file that its writer has hashed while writing it, and that nobody writes to any more: as
/// NB_PUT_TAKE, but `id` is believed where the file is moved, so that its bytes are not read again.
/// NB_E_CORRUPT where it does not have `size` bytes, or was copied and did not hash to `id`.
NB_NODISCARD nb_status nb_blob_store_take_hashed(nb_blob_store *self, const char *path,
                                                 const nb_digest *id, uint64_t size, nb_error *err);

/// Read a small blob into a new buffer (free with free(); a null behind it does not count).
/// NB_E_NOT_FOUND if absent, NB_E_CORRUPT if the bytes no longer hash to `id`, NB_E_LIMIT past
/// NB_BLOB_SMALL_MAX.
NB_NODISCARD nb_status nb_blob_store_get(const nb_blob_store *self, const nb_digest *id,
                                         void **out_bytes, size_t *out_size, nb_error *err);

/// Read the blob again. NB_E_CORRUPT where its bytes are not what its name says: it is moved to
/// damaged/ then, and is NB_E_NOT_FOUND from then on. Takes as long as reading it does.
NB_NODISCARD nb_status nb_blob_store_check(nb_blob_store *self, const nb_digest *id, nb_error *err);

/// A blob on its way in, kept in incoming/ across crashes. `id` and `size` are what the sender
/// promised. Opening one that was cut before goes on behind what is there; `nb_blob_draft_have`
/// says how much that is. Two drafts of one blob at once: the second open fails with NB_E_CONFLICT.
typedef struct nb_blob_draft nb_blob_draft;

NB_NODISCARD nb_status nb_blob_draft_open(nb_blob_store *store, const nb_digest *id, uint64_t size,
                                          nb_blob_draft **out_draft, nb_error *err);
/// The same for a draft that only `owner` ([0-9a-z], at most 64) goes on with: what somebody else
/// has sent of a blob must not count for one who only knows its digest. Owners do not exclude each
/// other.
NB_NODISCARD nb_status nb_blob_draft_open_for(nb_blob_store *store, const nb_digest *id,
                                              uint64_t size, const char *owner,
                                              nb_blob_draft **out_draft, nb_error *err);
/// The same for a blob that is still being made, so that nobody knows its name yet: `id` is any, to
/// find the draft again. Only nb_blob_draft_commit_as commits it, and where its sender is gone
/// nobody goes on with it: collection removes it after an hour.
NB_NODISCARD nb_status nb_blob_draft_open_growing(nb_blob_store *store, const nb_digest *id,
                                                  uint64_t size, const char *owner,
                                                  nb_blob_draft **out_draft, nb_error *err);
uint64_t nb_blob_draft_have(const nb_blob_draft *self);
/// What is written leaves memory as soon as it is on the disk: for what is not read back at once.
/// Fresh pages cost more than bytes: where a virtual machine gave its own back, 2.5 s a GiB.
void nb_blob_draft_drop_behind(nb_blob_draft *self);
/// Add the bytes behind what is there. NB_E_LIMIT past `size`. Where the disk fails the draft goes.
NB_NODISCARD nb_status nb_blob_draft_write(nb_blob_draft *self, const void *bytes, size_t size,
                                           nb_error *err);
/// Check the digest, fsync, rename. Where it fails, what was written is thrown away, unless not all
/// is there yet.
NB_NODISCARD nb_status nb_blob_draft_commit(nb_blob_draft **self_p, nb_error *err);
/// As nb_blob_draft_commit, checked against `name` and not against what the draft was opened with.
NB_NODISCARD nb_status nb_blob_draft_commit_as(nb_blob_draft **self_p, const nb_digest *name,
                                               nb_error *err);
/// Close, keeping what was written for later. Null is fine.
void nb_blob_draft_destroy(nb_blob_draft **self_p);
/// Close and throw away what was written. Null is fine.
void nb_blob_draft_discard(nb_blob_draft **self_p);

/// Keep collection from taking any blob until the descriptor is closed. For who looks whether blobs
/// are there and then writes down that they are needed: without this, collection could ask just
/// before and take just after. Not to be held while waiting for anybody.
NB_NODISCARD nb_status nb_blob_store_hold(const nb_blob_store *self, int *out_fd, nb_error *err);

/// Says whether a blob is still referred to.
typedef bool nb_blob_is_needed(void *context, const nb_digest *id);

typedef struct nb_collect_result {
    uint64_t kept_count, trashed_count, removed_count;
    uint64_t trashed_bytes, removed_bytes;
} nb_collect_result;

/// Move to trash/ every blob that `is_needed` does not claim and that is older than `age_s`; remove
/// from trash/ and damaged/ what has lain there longer than `trash_s`, and drafts untouched for as
/// long; those of blobs that nobody makes any more sooner.
NB_NODISCARD nb_status nb_blob_store_collect(nb_blob_store *self, nb_blob_is_needed *is_needed,
                                             void *context, int64_t age_s, int64_t trash_s,
                                             nb_collect_result *out, nb_error *err);

#endif // NB_STORE_BLOB_STORE_H
