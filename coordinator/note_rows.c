// SPDX-License-Identifier: GPL-3.0-or-later
// Notes as rows of an answer.
#include "coordinator/song_notes.h"

#include <string.h>

enum {
    BYTES_MAX = NB_MESSAGE_MAX / 2,
    ROW_BYTES = 512 ///< Of a row without its text
};

nb_status nb_note_rows_start(nb_note_rows *self, const char *version, nb_answer *answer,
                             nb_error *err)
{
    Nightbus__NoteListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    self->answer = answer;
    self->listing = listing;
    if (!listing) {
        return nb_answer_no_memory(err);
    }
    nightbus__note_listing__init(listing);
    listing->version = nb_answer_string(answer, version);
    listing->rows = nb_answer_take(answer, NB_ROWS_MAX, sizeof *listing->rows);
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_NOTE_LISTING;
    answer->reply.note_listing = listing;
    return (listing->version && listing->rows) ? NB_OK : nb_answer_no_memory(err);
}

/// Room for the next row; null where it is before the page or behind it, or without memory.
static Nightbus__NoteRow *next_row(nb_note_rows *self, const nb_note_words *words, bool *out_failed)
{
    Nightbus__NoteListing *listing = self->listing;
    if (self->seen++ < self->skip || listing->has_next) {
        return NULL;
    }
    if (listing->n_rows == NB_ROWS_MAX || self->bytes > BYTES_MAX) {
        listing->has_next = 1;
        listing->next = (uint32_t)(self->skip + listing->n_rows);
        return NULL;
    }
    self->bytes += ROW_BYTES + (words->text ? strlen(words->text) : 0);
    Nightbus__NoteRow *row = nb_answer_take(self->answer, 1, sizeof *row);
    *out_failed = !row;
    if (row) {
        nightbus__note_row__init(row);
        listing->rows[listing->n_rows++] = row;
    }
    return row;
}

/// What a row says whether it is a note's or a reply's.
static bool fill_words(Nightbus__NoteRow *row, const nb_note_words *words, const nb_answer *answer)
{
    const nb_event *said = words->said;
    row->id = nb_answer_string(answer, said->id);
    row->person = nb_answer_string(answer, said->person);
    row->time_ms = (uint64_t)said->time_ms;
    row->text = nb_answer_string(answer, words->text ? words->text : "");
    row->song = nb_answer_string(answer, said->song);
    row->version = nb_answer_string(answer, said->version);
    row->state = nb_answer_string(answer, nb_note_state_name(words->state));
    row->has_edits = words->edit_count > 0;
    row->edits = (uint32_t)words->edit_count;
    return row->id && row->person && row->text && row->song && row->version && row->state;
}

static void fill_place(Nightbus__NoteRow *row, const nb_note *note, const char *shown,
                       const nb_answer *answer)
{
    const nb_note_place place = nb_note_place_in(note, shown);
    row->at_frame = place.at_frame;
    row->end_frame = place.end_frame;
    row->rate_hz = place.rate_hz;
    row->has_drift = place.moved || place.unsure;
    row->drift = place.unsure ? 2 : 1;
    row->shown = nb_answer_string(answer, shown);
    row->number = note->number;
}

static bool fill_note(Nightbus__NoteRow *row, const nb_note *note, const nb_answer *answer)
{
    const nb_event *said = note->words.said;
    nb_digest heard;
    row->state = nb_answer_string(answer, nb_note_state_name(note->state));
    row->track = said->track ? nb_answer_string(answer, said->track) : NULL;
    row->has_start_frame = said->start_frame > 0;
    row->start_frame = said->start_frame;
    if (said->heard && nb_digest_from_hex(said->heard, &heard, NULL) == NB_OK) {
        row->has_heard = 1;
        row->heard = nb_answer_digest(answer, &heard);
    }
    if (note->change) {
        row->changed_by = nb_answer_string(answer, note->change->person);
        row->changed_in = nb_answer_string(answer, note->change->version);
        row->has_changed_ms = 1;
        row->changed_ms = (uint64_t)note->change->time_ms;
    }
    return row->state != NULL;
}

nb_status nb_note_rows_add(nb_note_rows *self, const nb_note *note, const char *shown,
                           nb_error *err)
{
    bool failed = false;
    for (size_t i = 0; i <= note->reply_count && !failed; i++) {
        const nb_note_words *words = (i == 0) ? &note->words : &note->replies[i - 1];
        Nightbus__NoteRow *row = next_row(self, words, &failed);
        if (!row) {
            continue;
        }
        failed = !fill_words(row, words, self->answer);
        fill_place(row, note, shown, self->answer);
        row->has_reply = i > 0;
        row->reply = (uint32_t)i;
        if (i == 0 && !failed) {
            failed = !fill_note(row, note, self->answer);
        }
    }
    return failed ? nb_answer_no_memory(err) : NB_OK;
}
