// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about albums, their revisions and versions.
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/job_outputs.h"
#include "coordinator/members.h"
#include "coordinator/song.h"
#include "coordinator/song_notes.h"
#include "coordinator/standing.h"
#include "review/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_DEFAULT = 50 };

// ---- Albums ----

/// Repeating it is fine for whoever made the album: the request's id is known.
nb_status nb_handle_album_create(nb_coordinator *self, const nb_caller *caller,
                                 const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__AlbumCreate *said = request->album_create;
    if (!nb_text_is_id(said->album)) {
        return nb_fail(err, NB_E_INVALID,
                       "'%.64s' is not a name for an album: a-z, 0-9 and '-', at most 64",
                       said->album);
    }
    void *bytes = NULL;
    size_t size = 0;
    nb_status status = nb_ledger_get_answer(self->ledger, said->client_id.data, "album",
                                            said->album, &bytes, &size, err);
    const bool answered = bytes != NULL;
    free(bytes);
    if (status != NB_OK || answered) {
        return (status == NB_OK) ? nb_answer_ack(answer, err) : status;
    }
    nb_album *album = NULL;
    if (nb_coordinator_album(self, said->album, &album, NULL) == NB_OK) {
        return nb_fail(err, NB_E_EXISTS,
                       "album '%s' exists already: 'nightbus album clone %s' gets it", said->album,
                       said->album);
    }
    status = nb_coordinator_check_space(self, 0, err);
    if (status == NB_OK) {
        status = nb_coordinator_add_album(self, said->album, &album, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_begin(self->ledger, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const int64_t wall_ms = nb_clock_wall_ms();
    status = nb_ledger_add_album(self->ledger, said->album, wall_ms, err);
    if (status == NB_OK && !(caller->member.roles & NB_ROLE_OWNER)) {
        status =
            nb_ledger_set_roles(self->ledger, caller->member.name, said->album, NB_ROLE_OWNER, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_put_answer(self->ledger, said->client_id.data, "album", said->album, "",
                                      0, wall_ms, err);
    }
    status = nb_ledger_end(self->ledger, status, err);
    if (status != NB_OK) {
        nb_notes_cache_destroy(&album->notes);
        nb_revisions_close(&album->revisions); // its empty folder is taken up by the next try
        self->album_count--;
        return status;
    }
    return nb_answer_ack(answer, err);
}

static uint32_t count_songs(const nb_album *album)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    const char *head = nb_revisions_head(album->revisions);
    uint32_t songs = 0;
    if (head[0] && nb_revisions_manifest(album->revisions, head, &manifest, NULL) == NB_OK) {
        for (size_t i = 0; i < manifest.file_count; i++) {
            char song[NB_SONG_SIZE];
            nb_source source;
            const bool is_song = nb_song_of_path(manifest.files[i].path, song, &source);
            songs += (is_song && nb_song_is_heard(&manifest, song, source)) ? 1 : 0;
        }
    }
    return songs;
}

static Nightbus__AlbumRow *make_album_row(nb_coordinator *self, const nb_album_row *known,
                                          const nb_answer *answer)
{
    Nightbus__AlbumRow *row = nb_answer_take(answer, 1, sizeof *row);
    nb_album *album = NULL;
    if (!row) {
        return NULL;
    }
    nightbus__album_row__init(row);
    row->album = nb_answer_string(answer, known->name);
    row->created_ms = (uint64_t)known->created_ms;
    if (nb_coordinator_album(self, known->name, &album, NULL) == NB_OK &&
        nb_revisions_head(album->revisions)[0]) {
        row->head = nb_answer_string(answer, nb_revisions_head(album->revisions));
        row->has_songs = 1;
        row->songs = count_songs(album);
    }
    return row->album ? row : NULL;
}

nb_status nb_handle_album_list(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const char *after = request->album_list->after ? request->album_list->after : "";
    nb_album_row *known = NULL;
    size_t count = 0;
    const nb_status status = nb_ledger_list_albums(self->ledger, after, &known, &count, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__AlbumListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__AlbumRow **rows = nb_answer_take(answer, count, sizeof *rows);
    bool complete = listing && rows;
    size_t seen = 0;
    for (size_t i = 0; complete && i < count; i++) {
        if (nb_caller_sees(self, caller, known[i].name)) {
            rows[seen] = make_album_row(self, &known[i], answer);
            complete = rows[seen++] != NULL;
        }
    }
    if (complete) {
        nightbus__album_listing__init(listing);
        listing->rows = rows;
        listing->n_rows = seen;
        listing->next =
            (count == NB_ROWS_MAX) ? nb_answer_string(answer, known[count - 1].name) : NULL;
        answer->reply.body_case = NIGHTBUS__REPLY__BODY_ALBUM_LISTING;
        answer->reply.album_listing = listing;
    }
    free(known);
    return complete ? NB_OK : nb_answer_no_memory(err);
}

// The manifest of a revision as a blob: made from its tree, so that it is always there to fetch.
static nb_status put_manifest(nb_coordinator *self, const nb_album *album, const char *commit,
                              nb_digest *out, uint64_t *out_size, nb_error *err)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    nb_status status = nb_revisions_manifest(album->revisions, commit, &manifest, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *text = nb_manifest_format(&manifest);
    if (!text) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a manifest");
    }
    *out_size = strlen(text);
    status = nb_blob_store_put(self->store, text, strlen(text), out, err);
    return (status == NB_OK) ? nb_ledger_pin_blob(self->ledger, album->name, out, *out_size,
                                                  nb_clock_wall_ms() + NB_PIN_MS, err)
                             : status;
}

nb_status nb_handle_album_head(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__AlbumHead *said = request->album_head;
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__AlbumState *state = nb_answer_take(answer, 1, sizeof *state);
    const char *wanted = said->commit ? said->commit : nb_revisions_head(album->revisions);
    char *commit = nb_answer_string(answer, wanted);
    if (!state || !commit) {
        return nb_answer_no_memory(err);
    }
    nightbus__album_state__init(state);
    if (commit[0]) {
        nb_digest digest;
        status = put_manifest(self, album, commit, &digest, &state->manifest_size, err);
        state->head = commit;
        state->has_manifest = 1;
        state->manifest = nb_answer_digest(answer, &digest);
        state->has_manifest_size = 1;
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_ALBUM_STATE;
    answer->reply.album_state = state;
    return status;
}

// ---- Log ----

static nb_status add_versions(const nb_album *album, Nightbus__LogRow *row, const nb_answer *answer,
                              nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    row->versions = nb_answer_take(answer, count, sizeof *row->versions);
    if (!row->versions) {
        return nb_answer_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(versions[i].commit, row->commit) == 0) {
            char name[NB_SONG_SIZE + 16];
            snprintf(name, sizeof name, "%s@%s", versions[i].song, versions[i].name);
            row->versions[row->n_versions] = nb_answer_string(answer, name);
            if (!row->versions[row->n_versions++]) {
                return nb_answer_no_memory(err);
            }
        }
    }
    return NB_OK;
}

static nb_status make_log_row(const nb_album *album, const nb_revision *revision,
                              const nb_answer *answer, Nightbus__LogRow **out, nb_error *err)
{
    Nightbus__LogRow *row = nb_answer_take(answer, 1, sizeof *row);
    *out = row;
    if (!row) {
        return nb_answer_no_memory(err);
    }
    nightbus__log_row__init(row);
    row->commit = nb_answer_string(answer, revision->commit);
    row->person = nb_answer_string(answer, revision->person);
    row->time_ms = (uint64_t)revision->time_ms;
    row->message = nb_answer_string(answer, revision->message);
    return (row->commit && row->person && row->message) ? add_versions(album, row, answer, err)
                                                        : nb_answer_no_memory(err);
}

/// Is the revision part of the song's story? It made a version (perhaps of a new stem, its
/// documents as they were), or touched the song's folder.
static nb_status concerns_song(const nb_album *album, const char *commit, const char *song,
                               bool *out_concerns, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(versions[i].commit, commit) == 0 && strcmp(versions[i].song, song) == 0) {
            *out_concerns = true;
            return NB_OK;
        }
    }
    return nb_revisions_touches(album->revisions, commit, song, out_concerns, err);
}

/// Where the song's versions of this revision stand; *out_bytes is what that takes in the answer.
static nb_status add_details(const nb_row_maker *maker, const char *song, Nightbus__LogRow *row,
                             size_t *out_bytes, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(maker->album->revisions, &count);
    row->details = nb_answer_take(maker->answer, row->n_versions, sizeof *row->details);
    if (!row->details) {
        return nb_answer_no_memory(err);
    }
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        if (strcmp(versions[i].commit, row->commit) == 0 && strcmp(versions[i].song, song) == 0) {
            Nightbus__VersionRow **detail = &row->details[row->n_details++];
            status = nb_version_row(maker, &versions[i], detail, err);
            *out_bytes +=
                status == NB_OK && *detail ? nightbus__version_row__get_packed_size(*detail) : 0;
        }
    }
    return status;
}

static nb_status fill_log(nb_coordinator *self, const nb_album *album, const Nightbus__Log *said,
                          size_t limit, Nightbus__LogListing *listing, const nb_answer *answer,
                          nb_error *err)
{
    enum { BYTES_MAX = NB_MESSAGE_MAX / 2 }; // messages of 8 KiB times the rows would not fit
    size_t bytes = 0;
    const nb_row_maker maker = {.self = self, .album = album, .answer = answer};
    char at[NB_COMMIT_SIZE];
    bool skip_first = said->after != NULL;
    snprintf(at, sizeof at, "%s", said->after ? said->after : nb_revisions_head(album->revisions));
    while (at[0]) {
        NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
        nb_status status = nb_revisions_get(album->revisions, at, &revision, err);
        bool wanted = !skip_first;
        if (status == NB_OK && wanted && said->song) {
            status = concerns_song(album, at, said->song, &wanted, err);
        }
        if (status == NB_OK && wanted) {
            if (listing->n_rows == limit || bytes > BYTES_MAX) {
                listing->next = listing->rows[listing->n_rows - 1]->commit;
                return NB_OK;
            }
            Nightbus__LogRow **row = &listing->rows[listing->n_rows++];
            status = make_log_row(album, &revision, answer, row, err);
            bytes += strlen(revision.message) + 256;
            if (status == NB_OK && *row && said->song) {
                status = add_details(&maker, said->song, *row, &bytes, err);
            }
        }
        if (status != NB_OK) {
            return status;
        }
        skip_first = false;
        memcpy(at, revision.parent, sizeof at);
    }
    return NB_OK;
}

nb_status nb_handle_log(nb_coordinator *self, const nb_caller *caller,
                        const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__Log *said = request->log;
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK && said->song) {
        status = nb_album_check_song(album, said->song, err);
    }
    if (status != NB_OK) {
        return status;
    }
    size_t limit = (said->has_limit && said->limit > 0) ? said->limit : LOG_DEFAULT;
    limit = (limit < NB_ROWS_MAX) ? limit : NB_ROWS_MAX;
    Nightbus__LogListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    if (!listing) {
        return nb_answer_no_memory(err);
    }
    nightbus__log_listing__init(listing);
    listing->rows = nb_answer_take(answer, limit, sizeof *listing->rows);
    if (!listing->rows) {
        return nb_answer_no_memory(err);
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_LOG_LISTING;
    answer->reply.log_listing = listing;
    return fill_log(self, album, said, limit, listing, answer, err);
}

// ---- Show ----

static bool add_output(Nightbus__VersionInfo *info, const char *name, const nb_digest *digest,
                       uint64_t size, const nb_answer *answer)
{
    Nightbus__OutputRow *row = nb_answer_take(answer, 1, sizeof *row);
    if (!row) {
        return false;
    }
    nightbus__output_row__init(row);
    row->name = nb_answer_string(answer, name);
    row->digest = nb_answer_digest(answer, digest);
    row->size = size;
    info->outputs[info->n_outputs++] = row;
    return row->name != NULL;
}

static nb_status add_outputs(const nb_event *event, Nightbus__VersionInfo *info,
                             const nb_answer *answer, nb_error *err)
{
    info->n_outputs = 0;
    info->fingerprint = nb_answer_string(answer, event->fingerprint);
    info->rendering = nb_answer_string(answer, event->rendering);
    for (size_t i = 0; i < event->output_count && i < NB_OUTPUTS_MAX; i++) {
        nb_digest digest;
        if (nb_digest_from_hex(event->outputs[i].sha256, &digest, err) != NB_OK ||
            !add_output(info, event->outputs[i].name, &digest, event->outputs[i].size, answer)) {
            return nb_answer_no_memory(err);
        }
    }
    return info->fingerprint && info->rendering ? NB_OK : nb_answer_no_memory(err);
}

static bool are_there(const nb_coordinator *self, const Nightbus__VersionInfo *info)
{
    for (size_t i = 0; info->outputs && i < info->n_outputs; i++) {
        const nb_digest digest = nb_wire_to_digest(info->outputs[i]->digest);
        if (!nb_blob_store_has(self->store, &digest, NULL)) {
            return false;
        }
    }
    return info->n_outputs > 0;
}

// A version is its first rendering's bytes. Only where those are gone is the next one shown.
static nb_status add_rendering(const nb_coordinator *self, const nb_event *event,
                               Nightbus__VersionInfo *info, const nb_answer *answer, nb_error *err)
{
    if (info->n_outputs > 0 && are_there(self, info)) {
        return NB_OK;
    }
    Nightbus__VersionInfo later = *info;
    later.outputs = nb_answer_take(answer, NB_OUTPUTS_MAX, sizeof *later.outputs);
    const nb_status status =
        later.outputs ? add_outputs(event, &later, answer, err) : nb_answer_no_memory(err);
    if (status == NB_OK && (info->n_outputs == 0 || are_there(self, &later))) {
        *info = later;
    }
    return status;
}

/// The answer that renderings are added to.
typedef struct shown_version {
    const nb_coordinator *self;
    Nightbus__VersionInfo *info;
    const nb_answer *answer;
} shown_version;

static nb_status show_event(void *context, const nb_event *event, nb_error *err)
{
    const shown_version *shown = context;
    return event->kind == NB_EVENT_RENDERED
               ? add_rendering(shown->self, event, shown->info, shown->answer, err)
               : NB_OK;
}

static nb_status add_review(const nb_coordinator *self, const nb_album *album,
                            const nb_version *version, Nightbus__VersionInfo *info,
                            const nb_answer *answer, nb_error *err)
{
    shown_version shown = {self, info, answer};
    unsigned open_count = 0;
    info->has_note_count = 1;
    const nb_status status =
        nb_song_notes_count(album, version, &info->note_count, &open_count, err);
    return (status == NB_OK) ? nb_album_visit_events(album, version, show_event, &shown, err)
                             : status;
}

typedef struct more_outputs {
    Nightbus__VersionInfo *info;
    const nb_answer *answer;
} more_outputs;

static nb_status add_if_new(void *context, const char *output, const nb_output *file, nb_error *err)
{
    (void)output;
    const more_outputs *self = context;
    Nightbus__VersionInfo *info = self->info;
    for (size_t i = 0; i < info->n_outputs; i++) {
        if (strcmp(info->outputs[i]->name, file->name) == 0) {
            return NB_OK; // as the review says: the version's bytes are those
        }
    }
    if (info->n_outputs == NB_OUTPUTS_MAX) {
        return NB_OK;
    }
    return add_output(info, file->name, &file->digest, file->size, self->answer)
               ? NB_OK
               : nb_answer_no_memory(err);
}

/// A job is done when its result is in the ledger; the review follows in batches, and later where
/// it could not be written. What it will say is said already.
static nb_status add_result(nb_coordinator *self, const nb_job *job, Nightbus__VersionInfo *info,
                            const nb_answer *answer, nb_error *err)
{
    NB_SCOPED(nb_result_fini) nb_result result = {0};
    nb_status status = nb_ledger_get_result(self->ledger, &job->mix_key, &result, err);
    if (status != NB_OK) {
        return status;
    }
    more_outputs more = {info, answer};
    info->fingerprint =
        info->fingerprint ? info->fingerprint : nb_answer_string(answer, result.fingerprint);
    status = nb_coordinator_visit_outputs(self, job, add_if_new, &more, err);
    return (status != NB_OK || info->fingerprint) ? status : nb_answer_no_memory(err);
}

static nb_status add_job(nb_coordinator *self, const nb_album *album, const nb_version *version,
                         Nightbus__VersionInfo *info, const nb_answer *answer, nb_error *err)
{
    nb_job job;
    nb_status status =
        nb_ledger_find_job(self->ledger, album->name, version->song, version->name, &job, err);
    if (status == NB_OK && job.state == NB_JOB_DONE) { // stems too, if they were wanted
        status = add_result(self, &job, info, answer, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const nb_task *task = job.task ? nb_scheduler_task(self->scheduler, job.task) : NULL;
    const char *state = (task && task->state == NB_TASK_RUNNING) ? "running" : "queued";
    if (job.state != NB_JOB_OPEN) {
        state = nb_job_state_name(job.state);
    }
    info->state = nb_answer_string(answer, info->n_outputs > 0 ? "done" : state);
    info->has_job = job.id != 0;
    info->job = job.id;
    info->error = job.error[0] ? nb_answer_string(answer, job.error) : NULL;
    return info->state ? NB_OK : nb_answer_no_memory(err);
}

static nb_status add_timing(const nb_album *album, const nb_version *version,
                            Nightbus__VersionInfo *info, nb_error *err)
{
    nb_version_timing timing;
    const nb_status status = nb_album_timing(album, version, &timing, err);
    info->has_rate_hz = 1;
    info->rate_hz = timing.rate_hz;
    info->has_starts_at_frame = version->source != NB_SOURCE_MIX;
    info->starts_at_frame = (uint64_t)timing.starts_at_frame;
    return status;
}

nb_status nb_handle_show(nb_coordinator *self, const nb_caller *caller,
                         const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__Show *said = request->show;
    nb_album *album = NULL;
    const nb_version *version = NULL;
    NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        status = nb_album_version(album, said->song, said->version, &version, err);
    }
    if (status == NB_OK) {
        status = nb_revisions_get(album->revisions, version->commit, &revision, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__VersionInfo *info = nb_answer_take(answer, 1, sizeof *info);
    if (!info) {
        return nb_answer_no_memory(err);
    }
    nightbus__version_info__init(info);
    info->outputs = nb_answer_take(answer, NB_OUTPUTS_MAX, sizeof *info->outputs);
    info->song = nb_answer_string(answer, version->song);
    info->version = nb_answer_string(answer, version->name);
    info->commit = nb_answer_string(answer, version->commit);
    info->person = nb_answer_string(answer, revision.person);
    info->time_ms = (uint64_t)revision.time_ms;
    info->message = nb_answer_string(answer, revision.message);
    info->song_digest = nb_answer_digest(answer, &version->song_digest);
    info->source = nb_answer_string(answer, nb_source_name(version->source));
    info->has_mix_digest = version->source == NB_SOURCE_MASTER;
    info->mix_digest =
        info->has_mix_digest ? nb_answer_digest(answer, &version->mix_digest) : info->mix_digest;
    if (!info->outputs || !info->song || !info->version || !info->commit || !info->person ||
        !info->message) {
        return nb_answer_no_memory(err);
    }
    status = add_review(self, album, version, info, answer, err);
    if (status == NB_OK) {
        status = add_job(self, album, version, info, answer, err);
    }
    if (status == NB_OK) {
        status = nb_version_info_add_decisions(self, album, version, info, answer, err);
    }
    if (status == NB_OK) {
        status = add_timing(album, version, info, err);
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_VERSION_INFO;
    answer->reply.version_info = info;
    return status;
}

// ---- Missing ----

/// Knowing a digest is no right: only what belongs to this album counts as here. A yes pins it
/// until the push that will name it.
nb_status nb_handle_missing(nb_coordinator *self, const nb_caller *caller,
                            const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__Missing *said = request->missing;
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__MissingListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    ProtobufCBinaryData *missing = nb_answer_take(answer, said->n_digests, sizeof *missing);
    if (!listing || !missing) {
        return nb_answer_no_memory(err);
    }
    nightbus__missing_listing__init(listing);
    listing->digests = missing;
    const int64_t until_ms = nb_clock_wall_ms() + NB_PIN_MS;
    NB_SCOPED(nb_file_close_fd) int hold = -1;
    status = nb_blob_store_hold(self->store, &hold, err);
    if (status == NB_OK) {
        status = nb_ledger_begin(self->ledger, err);
    }
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; status == NB_OK && i < said->n_digests; i++) {
        const nb_digest digest = nb_wire_to_digest(said->digests[i]);
        uint64_t size = 0;
        status = nb_ledger_get_blob(self->ledger, album->name, &digest, &size, err);
        if (status == NB_OK && nb_blob_store_has(self->store, &digest, NULL)) {
            status = nb_ledger_pin_blob(self->ledger, album->name, &digest, size, until_ms, err);
        } else if (status == NB_OK || status == NB_E_NOT_FOUND) {
            missing[listing->n_digests++] = nb_answer_digest(answer, &digest);
            status = NB_OK;
        }
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_MISSING_LISTING;
    answer->reply.missing_listing = listing;
    return nb_ledger_end(self->ledger, status, err);
}
