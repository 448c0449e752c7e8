// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/song_notes.h"

#include "base/clock.h"
#include "base/text.h"
#include "coordinator/song.h"
#include "review/decisions.h"

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

nb_status nb_song_notes_load(const nb_album *album, const char *song, nb_note_log *out,
                             nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    *out = (nb_note_log){0};
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
    if (status == NB_OK) {
        status = nb_note_log_fold(out, err);
    }
    if (status != NB_OK) {
        nb_note_log_fini(out);
    }
    return status;
}

nb_status nb_version_facts_load(const nb_album *album, const nb_version *version,
                                nb_version_facts *out, nb_error *err)
{
    *out = (nb_version_facts){.duration_s = -1.0};
    NB_SCOPED(nb_text_free) char *lines = NULL;
    const nb_status status = nb_revisions_review(album->revisions, version->commit, &lines, err);
    for (const char *line = lines; status == NB_OK && *line;) {
        const char *end = strchrnul(line, '\n');
        NB_SCOPED(nb_event_fini) nb_event event = {0};
        if (nb_event_parse(line, (size_t)(end - line), &event, NULL) == NB_OK &&
            strcmp(event.song, version->song) == 0 && strcmp(event.version, version->name) == 0) {
            out->event_count++;
            const nb_event_output *audio =
                event.kind == NB_EVENT_RENDERED ? nb_decisions_audio(&event) : NULL;
            if (audio && out->duration_s < 0.0) {
                snprintf(out->heard, sizeof out->heard, "%s", audio->sha256);
                out->duration_s = event.duration_s;
            }
        }
        line = *end ? end + 1 : end;
    }
    return status;
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

nb_status nb_song_notes_count_open(const nb_album *album, const nb_version *version,
                                   size_t *out_count, nb_error *err)
{
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    const nb_status status = nb_song_notes_load(album, version->song, &log, err);
    *out_count = 0;
    for (size_t i = 0; i < log.note_count; i++) {
        *out_count +=
            log.notes[i].state == NB_NOTE_OPEN && nb_note_is_in(&log.notes[i], version->name) ? 1
                                                                                              : 0;
    }
    return status;
}

// ---- Writing ----

void nb_hex_of_client_id(const uint8_t id[NB_CLIENT_ID_SIZE], char out[NB_EVENT_ID_SIZE])
{
    for (size_t i = 0; i < NB_CLIENT_ID_SIZE; i++) {
        snprintf(out + 2 * i, 3, "%02x", id[i]);
    }
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
