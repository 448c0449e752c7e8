// SPDX-License-Identifier: GPL-3.0-or-later
// What happened to notes, event by event.
#include "coordinator/song_notes.h"

#include <string.h>

enum { BYTES_MAX = NB_MESSAGE_MAX / 2, ROW_BYTES = 512 };

/// Words that were deleted or erased since are not shown, also not as they were said.
static const char *words_shown(const nb_note *note, const nb_event *event, unsigned reply)
{
    const unsigned part = (event->kind == NB_EVENT_EDIT) ? event->reply : reply;
    const nb_note_words *words = part == 0                   ? &note->words
                                 : part <= note->reply_count ? &note->replies[part - 1]
                                                             : NULL;
    const bool gone = note->state == NB_NOTE_DELETED || note->state == NB_NOTE_ERASED;
    const bool hidden = !words || words->state != NB_NOTE_OPEN || (gone && part == 0);
    return hidden ? NULL : event->text;
}

static Nightbus__NoteEventRow *make_row(const nb_note *note, const nb_event *event, unsigned reply,
                                        const nb_answer *answer)
{
    Nightbus__NoteEventRow *row = nb_answer_take(answer, 1, sizeof *row);
    if (!row) {
        return NULL;
    }
    nightbus__note_event_row__init(row);
    const char *text = words_shown(note, event, reply);
    row->id = nb_answer_string(answer, event->id);
    row->kind = nb_answer_string(answer, nb_event_kind_name(event->kind));
    row->number = note->number;
    row->version = nb_answer_string(answer, event->version);
    row->person = nb_answer_string(answer, event->person);
    row->time_ms = (uint64_t)event->time_ms;
    row->reply = (event->kind == NB_EVENT_REPLY) ? reply : event->reply;
    row->has_reply = row->reply > 0;
    row->text = text ? nb_answer_string(answer, text) : NULL;
    row->has_at_frame = event->kind == NB_EVENT_NOTE || event->kind == NB_EVENT_FOLLOW;
    row->has_end_frame = row->has_rate_hz = row->has_at_frame;
    row->at_frame = event->at_frame;
    row->end_frame = event->end_frame;
    row->rate_hz = event->rate_hz;
    row->has_unsure = event->unsure;
    row->unsure = event->unsure;
    return (row->id && row->kind && row->version && row->person) ? row : NULL;
}

/// The note that an event is about, and which reply it is. Null for one without power.
static const nb_note *find_note(const nb_note_log *log, const nb_event *event, unsigned *out_reply)
{
    const nb_note *note = nb_note_log_note_of(log, event);
    *out_reply = 0;
    for (size_t i = 0; note && i < note->event_count; i++) {
        *out_reply += note->events[i]->kind == NB_EVENT_REPLY ? 1 : 0;
        if (note->events[i] == event) {
            return note;
        }
    }
    return NULL;
}

static nb_status fill_rows(const nb_note_log *log, const Nightbus__NoteLog *said,
                           Nightbus__NoteHistory *history, const nb_answer *answer, nb_error *err)
{
    const size_t skip = said->has_after ? said->after : 0;
    size_t seen = 0;
    size_t bytes = 0;
    history->rows = nb_answer_take(answer, NB_ROWS_MAX, sizeof *history->rows);
    for (size_t i = 0; history->rows && i < log->event_count; i++) {
        unsigned reply = 0;
        const nb_note *note = find_note(log, &log->events[i], &reply);
        if (!note || (said->has_number && note->number != said->number) || seen++ < skip) {
            continue;
        }
        if (history->n_rows == NB_ROWS_MAX || bytes > BYTES_MAX) {
            history->has_next = 1;
            history->next = (uint32_t)(skip + history->n_rows);
            break;
        }
        Nightbus__NoteEventRow *row = make_row(note, &log->events[i], reply, answer);
        if (!row) {
            return nb_answer_no_memory(err);
        }
        history->rows[history->n_rows++] = row;
        bytes += ROW_BYTES + (row->text ? strlen(row->text) : 0);
    }
    return history->rows ? NB_OK : nb_answer_no_memory(err);
}

static nb_status fill_set_aside(const nb_album *album, Nightbus__NoteHistory *history,
                                const nb_answer *answer, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text names = {0};
    nb_text_add(&names, "");
    const nb_status status = nb_revisions_review_set_aside(album->revisions, &names, err);
    history->set_aside = nb_answer_take(answer, NB_SET_ASIDE_MAX, sizeof *history->set_aside);
    if (status != NB_OK || !history->set_aside || names.failed) {
        return status != NB_OK ? status : nb_answer_no_memory(err);
    }
    for (char *at = names.chars; *at && history->n_set_aside < NB_SET_ASIDE_MAX;) {
        char *end = strchrnul(at, '\n');
        char *next = *end ? end + 1 : end;
        *end = '\0';
        history->set_aside[history->n_set_aside] = nb_answer_string(answer, at);
        if (!history->set_aside[history->n_set_aside++]) {
            return nb_answer_no_memory(err);
        }
        at = next;
    }
    return NB_OK;
}

nb_status nb_handle_note_log(nb_coordinator *self, const nb_caller *caller,
                             const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__NoteLog *said = request->note_log;
    nb_album *album = NULL;
    const nb_version *newest = NULL;
    const nb_note_log *log = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        status = nb_album_version(album, said->song, "latest", &newest, err);
    }
    if (status == NB_OK) {
        status = nb_song_notes_get(album, said->song, &log, err);
    }
    if (status == NB_OK && said->has_number && !nb_note_log_find(log, said->number)) {
        status = nb_fail(err, NB_E_NOT_FOUND, "no note %s#%u: %s has %zu", said->song, said->number,
                         said->song, log->note_count);
    }
    Nightbus__NoteHistory *history = nb_answer_take(answer, 1, sizeof *history);
    if (status != NB_OK || !history) {
        return status != NB_OK ? status : nb_answer_no_memory(err);
    }
    nightbus__note_history__init(history);
    status = fill_rows(log, said, history, answer, err);
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_NOTE_HISTORY;
    answer->reply.note_history = history;
    return (status == NB_OK) ? fill_set_aside(album, history, answer, err) : status;
}
