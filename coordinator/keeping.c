// SPDX-License-Identifier: GPL-3.0-or-later
// What is kept for ever: the files of versions that were approved, of masters, and of the mixes
// that were mastered. The review says which, so a ledger that was lost or is older than the albums
// makes no difference: it is asked again before each collection.
#include "base/text.h"
#include "coordinator/standing.h"

#include <stdlib.h>
#include <string.h>

/// A version's review, looked through for its first rendering and whether it was ever approved.
typedef struct first_rendering {
    bool rendered;
    bool was_approved; ///< Perhaps withdrawn since: others may have built on it
    size_t count;
    nb_digest *digests;
    uint64_t *sizes;
} first_rendering;

static void first_rendering_fini(first_rendering *self)
{
    free(self->digests);
    free(self->sizes);
    *self = (first_rendering){0};
}

static nb_status take_outputs(first_rendering *self, const nb_event *event, nb_error *err)
{
    const size_t count = event->output_count ? event->output_count : 1;
    self->digests = calloc(count, sizeof *self->digests);
    self->sizes = calloc(count, sizeof *self->sizes);
    if (!self->digests || !self->sizes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a version's files");
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < event->output_count; i++) {
        self->sizes[i] = event->outputs[i].size;
        status = nb_digest_from_hex(event->outputs[i].sha256, &self->digests[i], err);
    }
    self->count = status == NB_OK ? event->output_count : 0;
    self->rendered = true;
    return status;
}

static nb_status look(void *context, const nb_event *event, nb_error *err)
{
    first_rendering *self = context;
    self->was_approved = self->was_approved || event->kind == NB_EVENT_APPROVE;
    return event->kind == NB_EVENT_RENDERED && !self->rendered ? take_outputs(self, event, err)
                                                               : NB_OK;
}

static nb_status keep_files(nb_coordinator *self, const nb_album *album,
                            const first_rendering *first, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < first->count; i++) {
        status = nb_ledger_keep_blob(self->ledger, album->name, &first->digests[i], first->sizes[i],
                                     err);
    }
    return status;
}

nb_status nb_album_keep_version(nb_coordinator *self, const nb_album *album,
                                const nb_version *version, nb_error *err)
{
    NB_SCOPED(first_rendering_fini) first_rendering first = {0};
    nb_status status = nb_album_visit_events(album, version, look, &first, err);
    for (size_t i = 0; status == NB_OK && i < first.count; i++) {
        if (!nb_blob_store_has(self->store, &first.digests[i], NULL)) {
            return nb_fail(err, NB_E_NOT_FOUND,
                           "the files of %s@%s were cleared away: `nightbus fetch %s@%s` has them "
                           "rendered again; then decide",
                           version->song, version->name, version->song, version->name);
        }
    }
    return status == NB_OK ? keep_files(self, album, &first, err) : status;
}

static bool is_mastered(const nb_album *album, const nb_version *version)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    for (size_t i = 0; i < count; i++) {
        if (versions[i].source == NB_SOURCE_MASTER &&
            strcmp(versions[i].song, version->song) == 0 &&
            strcmp(versions[i].mix, version->name) == 0) {
            return true;
        }
    }
    return false;
}

static nb_status keep_of_album(nb_coordinator *self, const nb_album *album, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        NB_SCOPED(first_rendering_fini) first_rendering first = {0};
        status = nb_album_visit_events(album, &versions[i], look, &first, err);
        if (status == NB_OK && (first.was_approved || versions[i].source == NB_SOURCE_MASTER ||
                                is_mastered(album, &versions[i]))) {
            status = keep_files(self, album, &first, err);
        }
    }
    return status;
}

nb_status nb_coordinator_keep_decided(nb_coordinator *self, nb_error *err)
{
    nb_coordinator_review_jobs(self); // what waits to be written is asked for below
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; status == NB_OK && i < self->album_count; i++) {
        status = keep_of_album(self, &self->albums[i], err);
    }
    return nb_ledger_end(self->ledger, status, err);
}
