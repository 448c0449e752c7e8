// SPDX-License-Identifier: GPL-3.0-or-later
/// @file revisions.h  One album as a bare git repository that any git client reads.
///
/// The coordinator is the only writer. A commit is on disk, and main points to it, when
/// nb_revisions_commit returns; versions are tags made from commits, so that they can be made
/// again. Layout, trailers and recovery after a crash: docs/store-format.md. One thread at a time.

#ifndef NB_COORDINATOR_REVISIONS_H
#define NB_COORDINATOR_REVISIONS_H
#include "base/digest.h"
#include "base/status.h"
#include "base/text.h"
#include "coordinator/ledger.h"
#include "protocol/manifest.h"
#include "store/blob_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nb_revisions nb_revisions;

/// Turn on what all repositories need: once, before the first is opened, and undo it at the end.
NB_NODISCARD nb_status nb_revisions_start(nb_error *err);
void nb_revisions_stop(void);

/// Open the repository at `path`, making it if absent, and mend what a crash left (lock files, the
/// link to the store, the branch `review`).
NB_NODISCARD nb_status nb_revisions_open(const char *path, nb_blob_store *store,
                                         nb_revisions **out_revisions, nb_error *err);
void nb_revisions_close(nb_revisions **self_p);

/// One commit of an album.
typedef struct nb_revision {
    char commit[NB_COMMIT_SIZE];
    char parent[NB_COMMIT_SIZE]; ///< "" for the first
    char person[NB_NAME_SIZE];
    int64_t time_ms;
    char *message;                             ///< Without trailers
    char client_id[NB_CLIENT_ID_SIZE * 2 + 1]; ///< Hex; "" where it has none
} nb_revision;

void nb_revision_fini(nb_revision *self);

/// The newest commit; "" while the album is empty.
const char *nb_revisions_head(const nb_revisions *self);

/// NB_E_NOT_FOUND unless `commit` is one of the album's.
NB_NODISCARD nb_status nb_revisions_get(const nb_revisions *self, const char *commit,
                                        nb_revision *out, nb_error *err);

/// A revision to be made.
typedef struct nb_revision_draft {
    const char *person;
    int64_t time_ms;
    const char *message;
    uint8_t client_id[NB_CLIENT_ID_SIZE];
    const nb_manifest *manifest; ///< Its documents are read from the store
} nb_revision_draft;

/// Commit on top of the newest revision and move main to it. Where nothing differs from the newest
/// revision nothing is made, and the head stays.
NB_NODISCARD nb_status nb_revisions_commit(nb_revisions *self, const nb_revision_draft *draft,
                                           nb_error *err);

/// The files of a revision.
NB_NODISCARD nb_status nb_revisions_manifest(const nb_revisions *self, const char *commit,
                                             nb_manifest *out, nb_error *err);

/// One document of a revision, in new memory, a null behind it. NB_E_NOT_FOUND if it has no such
/// file.
NB_NODISCARD nb_status nb_revisions_read(const nb_revisions *self, const char *commit,
                                         const char *path, char **out_bytes, size_t *out_size,
                                         nb_error *err);

/// Is the song's folder another one than in the commit's parent?
NB_NODISCARD nb_status nb_revisions_touches(const nb_revisions *self, const char *commit,
                                            const char *song, bool *out_touches, nb_error *err);

// ---- Versions ----

/// What a version was made of.
typedef enum nb_source {
    NB_SOURCE_MIX,   ///< A mix document
    NB_SOURCE_PRINT, ///< Audio that was mixed elsewhere
    NB_SOURCE_MASTER ///< A master of one of the song's mixes: SONG@mN
} nb_source;

/// "mix", "print", "master"
const char *nb_source_name(nb_source source);

/// SONG@vN or SONG@mN: an annotated tag.
typedef struct nb_version {
    char song[NB_SONG_SIZE];
    nb_source source;
    unsigned number;
    char name[NB_VERSION_SIZE]; ///< "v3", of a master "m1"
    char commit[NB_COMMIT_SIZE];
    nb_digest song_digest;
    char mix[NB_VERSION_SIZE]; ///< Of a master: the version that was mastered, "v4"
    nb_digest mix_digest;      ///< and the bytes it had
} nb_version;

/// All versions of the album by song, mixes before masters, and number. Borrowed until the next tag
/// is made.
const nb_version *nb_revisions_versions(const nb_revisions *self, size_t *out_count);

/// The version of that name, or the song's newest mix for null. Null if there is none.
const nb_version *nb_revisions_find_version(const nb_revisions *self, const char *song,
                                            const char *name);
/// The song's newest master; null if it has none.
const nb_version *nb_revisions_newest_master(const nb_revisions *self, const char *song);

/// Make the tag SONG/vN or SONG/mN on a commit. `name` follows from source and number.
NB_NODISCARD nb_status nb_revisions_tag(nb_revisions *self, const nb_version *version,
                                        nb_error *err);

/// Make the tags of many versions: as nb_revisions_tag for each, with fewer flushes. Fills their
/// names.
NB_NODISCARD nb_status nb_revisions_tag_all(nb_revisions *self, nb_version *versions, size_t count,
                                            nb_error *err);

// ---- The review ----

/// The events of a commit, one JSON object a line, in new memory; "" where there are none.
NB_NODISCARD nb_status nb_revisions_review(const nb_revisions *self, const char *commit,
                                           char **out_lines, nb_error *err);

/// Put a line behind the events of a commit.
NB_NODISCARD nb_status nb_revisions_review_add(nb_revisions *self, const char *commit,
                                               const char *line, const char *person,
                                               int64_t time_ms, nb_error *err);

/// A line for the review of a commit.
typedef struct nb_review_line {
    const char *commit;
    const char *line;
} nb_review_line;

/// Put lines behind the events of their commits, in this order, by one commit of the notes: all of
/// them or none.
NB_NODISCARD nb_status nb_revisions_review_add_all(nb_revisions *self, const nb_review_line *lines,
                                                   size_t count, const char *person,
                                                   int64_t time_ms, nb_error *err);

/// Take the words of the events with these ids out of the review and out of its history, and put
/// `mark` behind the events of its commit: the one exception to "nothing is ever rewritten". What
/// was set aside loses the words too. The history of the review starts anew. Where something can't
/// be read just now nothing changes; what is lost for good is set aside, or gone with the words.
/// Like what follows it removes files, so no backup may run meanwhile (nb_backup_may_collect).
NB_NODISCARD nb_status nb_revisions_review_erase(nb_revisions *self, const nb_review_line *mark,
                                                 const char *const *ids, size_t id_count,
                                                 const char *person, int64_t time_ms,
                                                 nb_error *err);

/// Was an erasing cut, so that words may still be on the disk?
NB_NODISCARD nb_status nb_revisions_is_erasing(const nb_revisions *self, bool *out, nb_error *err);
/// Go on with one, if there is one.
NB_NODISCARD nb_status nb_revisions_finish_erasing(nb_revisions *self, nb_error *err);

/// The references and files under which reviews are kept that another hand changed or that were
/// damaged, each behind a line feed, the newest first.
NB_NODISCARD nb_status nb_revisions_review_set_aside(const nb_revisions *self, nb_text *out,
                                                     nb_error *err);

// ---- What was said since (review_changes.c) ----

/// The newest commit of the review itself; "" while nothing was said.
NB_NODISCARD nb_status nb_revisions_review_head(const nb_revisions *self, char out[NB_COMMIT_SIZE],
                                                nb_error *err);

/// Is `earlier` the review's commit `later`, or one before it? False for what is no commit of it.
bool nb_revisions_review_includes(const nb_revisions *self, const char *later, const char *earlier);

/// Called for each version's commit whose events changed: all its lines before, and now. Borrowed
/// for the call.
typedef nb_status nb_review_change_visit(void *context, const char *before, const char *now,
                                         nb_error *err);

/// Visit what changed in the review between two of its commits; `since` "" is from the beginning.
NB_NODISCARD nb_status nb_revisions_review_changes(const nb_revisions *self, const char *since,
                                                   const char *until, nb_review_change_visit *visit,
                                                   void *context, nb_error *err);

#endif // NB_COORDINATOR_REVISIONS_H
