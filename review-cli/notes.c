// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/notes.h"
#include "review-cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nb_notes_fini(nb_notes *self)
{
    json_decref(self->rows);
    self->rows = NULL;
}

// ---- From the farm ----

static json_t *reply_to_json(const Nightbus__NoteRow *row)
{
    return json_pack("{s:I, s:o, s:o, s:I, s:o, s:o, s:s, s:I}", "reply", (json_int_t)row->reply,
                     "id", nb_cli_json_string(row->id), "person", nb_cli_json_string(row->person),
                     "time_ms", (json_int_t)row->time_ms, "version",
                     nb_cli_json_string(row->version), "state", nb_cli_json_string(row->state),
                     "text", row->text, "edits", (json_int_t)row->edits);
}

static json_t *hex_of(const Nightbus__NoteRow *row)
{
    char hex[NB_DIGEST_HEX_SIZE];
    if (!row->has_heard) {
        return json_null();
    }
    const nb_digest digest = nb_wire_to_digest(row->heard);
    nb_digest_to_hex(&digest, hex);
    return json_string(hex);
}

static json_t *note_to_json(const Nightbus__NoteRow *row)
{
    const double rate = row->rate_hz > 0 ? (double)row->rate_hz : 1.0;
    const char *drift = !row->has_drift ? NULL : row->drift == 1 ? "moved" : "unsure";
    json_t *note = json_pack(
        "{s:o, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:i, s:f, s:f, s:s}", "song",
        nb_cli_json_string(row->song), "number", (json_int_t)row->number, "state",
        nb_cli_json_string(row->state), "version", nb_cli_json_string(row->version), "id",
        nb_cli_json_string(row->id), "person", nb_cli_json_string(row->person), "time_ms",
        (json_int_t)row->time_ms, "at_frame", (json_int_t)row->at_frame, "end_frame",
        (json_int_t)row->end_frame, "rate_hz", (int)row->rate_hz, "at_s",
        (double)row->at_frame / rate, "end_s", (double)row->end_frame / rate, "text", row->text);
    json_t *more = json_pack(
        "{s:o, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "shown",
        nb_cli_json_string(row->shown), "track", nb_cli_json_string(row->track), "start_frame",
        (json_int_t)row->start_frame, "heard", hex_of(row), "drift", nb_cli_json_string(drift),
        "edits", (json_int_t)row->edits, "changed_by", nb_cli_json_string(row->changed_by),
        "changed_in", nb_cli_json_string(row->changed_in), "changed_ms",
        row->has_changed_ms ? json_integer((json_int_t)row->changed_ms) : json_null(), "replies",
        json_array());
    if (!note || !more || json_object_update(note, more) != 0) {
        json_decref(note);
        note = NULL;
    }
    json_decref(more);
    return note;
}

static bool take_row(nb_notes *self, const Nightbus__NoteRow *row)
{
    if (row->reply == 0) {
        return json_array_append_new(self->rows, note_to_json(row)) == 0;
    }
    const size_t count = json_array_size(self->rows);
    json_t *note = count > 0 ? json_array_get(self->rows, count - 1) : NULL;
    return note && json_array_append_new(json_object_get(note, "replies"), reply_to_json(row)) == 0;
}

nb_status nb_notes_take(const Nightbus__NoteListing *listing, nb_notes *out, nb_error *err)
{
    bool complete = out->rows || (out->rows = json_array());
    snprintf(out->version, sizeof out->version, "%s", listing->version);
    nb_text_make_printable(out->version);
    out->duration_s = listing->has_duration_s ? listing->duration_s : -1.0;
    out->rate_hz = listing->has_rate_hz ? listing->rate_hz : 0;
    for (size_t i = 0; i < listing->n_rows && complete; i++) {
        complete = take_row(out, listing->rows[i]);
    }
    return complete ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
}

static nb_status fetch(nb_farm *farm, Nightbus__NoteList *body, nb_notes *out, nb_error *err)
{
    *out = (nb_notes){0};
    body->album = farm->album;
    for (bool more = true; more;) {
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_NOTE_LIST;
        request.note_list = body;
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        nb_status status =
            nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_NOTE_LISTING, 0, &reply, err);
        if (status == NB_OK) {
            status = nb_notes_take(reply->note_listing, out, err);
        }
        if (status != NB_OK) {
            nb_notes_fini(out);
            return status;
        }
        const Nightbus__NoteListing *listing = reply->note_listing;
        more = listing->has_next && listing->next > body->after;
        body->has_after = true;
        body->after = listing->next;
    }
    return NB_OK;
}

nb_status nb_notes_fetch(nb_farm *farm, const nb_version_name *name, nb_notes *out, nb_error *err)
{
    nb_version_name asked = name ? *name : (nb_version_name){.version = "latest"};
    Nightbus__NoteList body = NIGHTBUS__NOTE_LIST__INIT;
    body.song = asked.song;
    body.version = asked.version;
    return fetch(farm, &body, out, err);
}

nb_status nb_notes_fetch_all(nb_farm *farm, const nb_version_name *name, nb_notes *out,
                             nb_error *err)
{
    nb_version_name asked = name ? *name : (nb_version_name){.version = "latest"};
    Nightbus__NoteList body = NIGHTBUS__NOTE_LIST__INIT;
    body.song = asked.song;
    body.version = asked.version;
    body.has_all_versions = body.all_versions = true;
    return fetch(farm, &body, out, err);
}

// ---- Choosing ----

static int by_place(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a;
    const json_t *y = *(json_t *const *)b;
    const int songs = strcmp(nb_json_text(x, "song"), nb_json_text(y, "song"));
    const double at =
        json_real_value(json_object_get(x, "at_s")) - json_real_value(json_object_get(y, "at_s"));
    const json_int_t number = json_integer_value(json_object_get(x, "number")) -
                              json_integer_value(json_object_get(y, "number"));
    return songs != 0 ? songs : at != 0.0 ? (at > 0.0) - (at < 0.0) : (number > 0) - (number < 0);
}

void nb_notes_sort(nb_notes *self)
{
    const size_t count = json_array_size(self->rows);
    json_t **order = calloc(count + 1, sizeof(json_t *));
    json_t *sorted = json_array();
    for (size_t i = 0; i < count && order; i++) {
        order[i] = json_array_get(self->rows, i);
    }
    if (order && sorted) {
        qsort(order, count, sizeof(json_t *), by_place);
        for (size_t i = 0; i < count; i++) {
            json_array_append(sorted, order[i]);
        }
        json_decref(self->rows);
        self->rows = sorted;
        sorted = NULL;
    }
    json_decref(sorted);
    free(order);
}

void nb_notes_keep(nb_notes *self, const char *key, const char *value)
{
    for (size_t i = json_array_size(self->rows); value && i-- > 0;) {
        if (strcasecmp(nb_json_text(json_array_get(self->rows, i), key), value) != 0) {
            json_array_remove(self->rows, i);
        }
    }
}

void nb_notes_drop_gone(nb_notes *self)
{
    for (size_t i = json_array_size(self->rows); i-- > 0;) {
        const char *state = nb_json_text(json_array_get(self->rows, i), "state");
        if (strcmp(state, "deleted") == 0 || strcmp(state, "erased") == 0) {
            json_array_remove(self->rows, i);
        }
    }
}

// ---- Told ----

void nb_notes_format_place(const json_t *row, char out[NB_NOTES_PLACE_SIZE])
{
    char at[NB_TEXT_TIME_SIZE];
    char end[NB_TEXT_TIME_SIZE];
    const double at_s = json_real_value(json_object_get(row, "at_s"));
    const double end_s = json_real_value(json_object_get(row, "end_s"));
    nb_text_format_time(at_s, at);
    nb_text_format_time(end_s, end);
    snprintf(out, NB_NOTES_PLACE_SIZE, "%s%s%s", at, end_s > at_s ? "-" : "",
             end_s > at_s ? end : "");
}

static void add_remark(nb_text *out, size_t *count, const char *format, ...) NB_PRINTF(3, 4);

static void add_remark(nb_text *out, size_t *count, const char *format, ...)
{
    va_list args;
    nb_text_add(out, (*count)++ == 0 ? " (" : ", ");
    va_start(args, format);
    nb_text_addv(out, format, args);
    va_end(args);
}

char *nb_notes_words(const json_t *row)
{
    NB_SCOPED(nb_text_fini) nb_text out = {0};
    size_t count = 0;
    const char *state = nb_json_text(row, "state");
    const char *track = nb_json_text(row, "track");
    const char *drift = nb_json_text(row, "drift");
    const bool is_gone = strcmp(state, "deleted") == 0 || strcmp(state, "erased") == 0;
    nb_text_add(&out, is_gone ? state : nb_json_text(row, "text"));
    if (track[0]) {
        add_remark(&out, &count, "on %s", track);
    }
    if (strcmp(nb_json_text(row, "version"), nb_json_text(row, "shown")) != 0 &&
        nb_json_text(row, "shown")[0]) {
        add_remark(&out, &count, "from %s", nb_json_text(row, "version"));
    }
    if (drift[0]) {
        add_remark(&out, &count, "%s",
                   strcmp(drift, "moved") == 0 ? "moved along" : "something there moved");
    }
    if (json_integer_value(json_object_get(row, "edits")) > 0 && !is_gone) {
        add_remark(&out, &count, "edited");
    }
    if (nb_json_text(row, "changed_by")[0] && strcmp(state, "open") != 0) {
        add_remark(&out, &count, "%s by %s in %s", state, nb_json_text(row, "changed_by"),
                   nb_json_text(row, "changed_in"));
    } else if (nb_json_text(row, "changed_by")[0]) {
        add_remark(&out, &count, "opened again by %s in %s", nb_json_text(row, "changed_by"),
                   nb_json_text(row, "changed_in"));
    }
    nb_text_add(&out, count > 0 ? ")" : "");
    return nb_text_take(&out);
}

char *nb_notes_one_line(const char *text)
{
    NB_SCOPED(nb_text_fini) nb_text out = {0};
    nb_text_add(&out, "");
    for (const char *at = text; *at;) {
        const size_t length = strcspn(at, "\n\t");
        nb_text_add_bytes(&out, at, length);
        at += length;
        const size_t blank = strspn(at, "\n\t ");
        const bool is_line = memchr(at, '\n', blank) != NULL;
        nb_text_add(&out, *at == '\0' || at[blank] == '\0' ? "" : is_line ? " / " : " ");
        at += blank;
    }
    return nb_text_take(&out);
}

// ---- As markers ----

char *nb_notes_marker_text(const json_t *row)
{
    NB_SCOPED(nb_text_fini) nb_text out = {0};
    const json_t *replies = json_object_get(row, "replies");
    const char *track = nb_json_text(row, "track");
    nb_text_add(&out, nb_json_text(row, "text"));
    if (track[0]) {
        nb_text_addf(&out, " (on %s)", track);
    }
    size_t i = 0;
    const json_t *reply = NULL;
    json_array_foreach(replies, i, reply)
    {
        if (nb_json_text(reply, "text")[0]) {
            nb_text_addf(&out, "\n> %s: %s", nb_json_text(reply, "person"),
                         nb_json_text(reply, "text"));
        }
    }
    if (out.failed) {
        return NULL;
    }
    // A note of many words and replies is cut where a marker ends.
    if (out.length > NB_MARKER_TEXT_MAX) {
        size_t end = NB_MARKER_TEXT_MAX - 3;
        while (end > 0 && ((unsigned char)out.chars[end] & 0xc0) == 0x80) {
            end--;
        }
        out.chars[end] = '\0';
        out.length = end;
        nb_text_add(&out, "...");
    }
    return nb_markers_printable(out.chars);
}

static nb_status add_marker(const json_t *row, nb_markers *out, nb_error *err)
{
    const json_int_t rate = json_integer_value(json_object_get(row, "rate_hz"));
    const unsigned rate_hz = rate > 0 && rate <= 1000000 ? (unsigned)rate : 0;
    nb_marker marker = {.colour = NB_MARKER_NO_COLOUR};
    marker.at_ns =
        nb_markers_frame_to_ns(json_integer_value(json_object_get(row, "at_frame")), rate_hz);
    marker.end_ns =
        nb_markers_frame_to_ns(json_integer_value(json_object_get(row, "end_frame")), rate_hz);
    marker.number = (unsigned)json_integer_value(json_object_get(row, "number"));
    marker.resolved = strcmp(nb_json_text(row, "state"), "resolved") == 0;
    // nb_markers_add copies both; what a peer sends is made fit to be seen when it is written.
    NB_SCOPED(nb_text_free) char *shown = nb_notes_marker_text(row);
    NB_SCOPED(nb_text_free) char *author = nb_markers_printable(nb_json_text(row, "person"));
    if (!shown || !author) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    marker.text = shown;
    marker.author = author;
    out->rate_hz = rate_hz > 0 ? rate_hz : out->rate_hz;
    return nb_markers_add(out, &marker, err);
}

nb_status nb_notes_to_markers(const nb_notes *self, nb_markers *out, nb_error *err)
{
    *out = (nb_markers){0};
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(self->rows, i, row)
    {
        const nb_status status = add_marker(row, out, err);
        if (status != NB_OK) {
            nb_markers_fini(out);
            return status;
        }
    }
    nb_markers_sort(out);
    return NB_OK;
}
