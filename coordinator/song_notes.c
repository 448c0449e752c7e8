// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/song_notes.h"

#include "base/clock.h"
#include "base/text.h"
#include "coordinator/song.h"
#include "coordinator/standing.h"
#include "review/decisions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Reading ----

/// Several versions may share a commit, whose lines are read once.
static bool is_first_of_commit(const nb_version *versions, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(versions[i].song, versions[index].song) == 0 &&
            strcmp(versions[i].commit, versions[index].commit) == 0) {
            return false;
        }
    }
    return true;
}

static nb_status load(const nb_album *album, const char *song, nb_note_log *out, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    nb_status status = NB_OK;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        if (strcmp(versions[i].song, song) != 0 || !is_first_of_commit(versions, i)) {
            continue;
        }
        NB_SCOPED(nb_text_free) char *lines = NULL;
        status = nb_revisions_review(album->revisions, versions[i].commit, &lines, err);
        if (status == NB_OK) {
            status = nb_note_log_add_lines(out, song, lines, err);
        }
    }
    return (status == NB_OK) ? nb_note_log_fold(out, err) : status;
}

struct nb_notes_cache {
    char song[NB_SONG_SIZE]; ///< "" while nothing is kept
    char head[NB_COMMIT_SIZE];
    size_t version_count;
    nb_note_log log;
};

nb_status nb_notes_cache_new(nb_notes_cache **out, nb_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for notes");
}

void nb_notes_cache_destroy(nb_notes_cache **self_p)
{
    if (*self_p) {
        nb_note_log_fini(&(*self_p)->log);
        free(*self_p);
        *self_p = NULL;
    }
}

nb_status nb_song_notes_get(const nb_album *album, const char *song, const nb_note_log **out,
                            nb_error *err)
{
    nb_notes_cache *kept = album->notes;
    char head[NB_COMMIT_SIZE];
    size_t count = 0;
    *out = NULL;
    nb_revisions_versions(album->revisions, &count);
    nb_status status = nb_revisions_review_head(album->revisions, head, err);
    if (status != NB_OK) {
        return status;
    }
    *out = &kept->log;
    if (strcmp(kept->song, song) == 0 && strcmp(kept->head, head) == 0 &&
        kept->version_count == count) {
        return NB_OK;
    }
    nb_note_log_fini(&kept->log);
    kept->song[0] = '\0';
    status = load(album, song, &kept->log, err);
    if (status == NB_OK) {
        snprintf(kept->song, sizeof kept->song, "%s", song);
        memcpy(kept->head, head, sizeof head);
        kept->version_count = count;
    } else {
        nb_note_log_fini(&kept->log);
        *out = NULL;
    }
    return status;
}

static nb_status add_fact(void *context, const nb_event *event, nb_error *err)
{
    (void)err;
    nb_version_facts *self = context;
    const nb_event_output *audio =
        event->kind == NB_EVENT_RENDERED ? nb_decisions_audio(event) : NULL;
    self->event_count++;
    if (audio && self->duration_s < 0.0) {
        snprintf(self->heard, sizeof self->heard, "%s", audio->sha256);
        self->duration_s = event->duration_s;
    }
    return NB_OK;
}

nb_status nb_version_facts_load(const nb_album *album, const nb_version *version,
                                nb_version_facts *out, nb_error *err)
{
    *out = (nb_version_facts){.duration_s = -1.0};
    return nb_album_visit_events(album, version, add_fact, out, err);
}

nb_status nb_version_check_end(const nb_version *version, const nb_version_facts *facts,
                               const nb_event *event, nb_error *err)
{
    const double rate = event->rate_hz > 0 ? event->rate_hz : 1.0;
    if (facts->duration_s < 0.0 || (double)event->end_frame <= ceil(facts->duration_s * rate)) {
        return NB_OK;
    }
    char end[NB_TEXT_TIME_SIZE];
    char said[NB_TEXT_TIME_SIZE];
    const bool is_start = (double)event->at_frame > facts->duration_s * rate;
    nb_text_format_time(facts->duration_s, end);
    nb_text_format_time((double)(is_start ? event->at_frame : event->end_frame) / rate, said);
    return nb_fail(err, NB_E_INVALID, "%s is past the end: %s@%s is %s long", said, version->song,
                   version->name, end);
}

nb_status nb_version_document(const nb_album *album, const nb_version *version, nb_document **out,
                              nb_error *err)
{
    char path[NB_SONG_PATH_SIZE];
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    if (version->source != NB_SOURCE_MIX) {
        return NB_OK;
    }
    nb_song_path(version->song, NB_SOURCE_MIX, path);
    const nb_status status =
        nb_revisions_read(album->revisions, version->commit, path, &bytes, &size, err);
    return (status == NB_OK) ? nb_document_parse(path, bytes, size, NULL, out, err) : status;
}

nb_status nb_song_notes_count(const nb_album *album, const nb_version *version, unsigned *out_count,
                              unsigned *out_open, nb_error *err)
{
    const nb_note_log *log = NULL;
    const nb_status status = nb_song_notes_get(album, version->song, &log, err);
    *out_count = *out_open = 0;
    for (size_t i = 0; status == NB_OK && i < log->note_count; i++) {
        const nb_note *note = &log->notes[i];
        const bool is_there = (note->state == NB_NOTE_OPEN || note->state == NB_NOTE_RESOLVED) &&
                              nb_note_is_in(note, version->name);
        *out_count += is_there ? 1 : 0;
        *out_open += is_there && note->state == NB_NOTE_OPEN ? 1 : 0;
    }
    return status;
}

// ---- Writing ----

void nb_hex_of_client_id(const uint8_t id[NB_CLIENT_ID_SIZE], char out[NB_EVENT_ID_SIZE])
{
    nb_text_hex(id, NB_CLIENT_ID_SIZE, out);
}

nb_event nb_note_event_make(nb_event_kind kind, const nb_note_log *log, const nb_version *version,
                            const char *person)
{
    const int64_t now_ms = nb_clock_wall_ms();
    return (nb_event){
        .kind = kind,
        .song = strdup(version->song),
        .version = strdup(version->name),
        .person = strdup(person),
        // The order of times is the order of what happened, whatever the clock does.
        .time_ms = (log->event_count > 0 && log->last_ms >= now_ms) ? log->last_ms + 1 : now_ms,
    };
}

void nb_note_event_name(nb_event *event, const char *commit)
{
    nb_hasher *hasher = nb_hasher_new();
    nb_hasher_add_string(hasher, nb_event_kind_name(event->kind));
    nb_hasher_add_string(hasher, commit);
    nb_hasher_add_string(hasher, event->song ? event->song : "");
    nb_hasher_add_string(hasher, event->version ? event->version : "");
    nb_hasher_add_u64(hasher, event->note);
    const nb_digest digest = nb_hasher_finish(hasher);
    nb_hasher_destroy(&hasher);
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&digest, hex);
    snprintf(event->id, sizeof event->id, "%.32s", hex);
}

nb_status nb_song_notes_add(const nb_album *album, const nb_version *version, const nb_event *event,
                            nb_error *err)
{
    if (!event->song || !event->version || !event->person) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    const nb_status status = nb_event_check(event, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *line = nb_event_format(event);
    if (!line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    return nb_revisions_review_add(album->revisions, version->commit, line, event->person,
                                   event->time_ms, err);
}
