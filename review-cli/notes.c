// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/notes.h"
#include "review-cli/command.h"

#include <stdio.h>

void nb_notes_fini(nb_notes *self)
{
    json_decref(self->rows);
    self->rows = NULL;
}

static json_t *row_to_json(const Nightbus__NoteRow *row)
{
    const double rate = row->rate_hz > 0 ? (double)row->rate_hz : 1.0;
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:i, s:f, s:f, s:s}", "id",
                     nb_cli_json_string(row->id), "person", nb_cli_json_string(row->person),
                     "time_ms", (json_int_t)row->time_ms, "at_frame", (json_int_t)row->at_frame,
                     "end_frame", (json_int_t)row->end_frame, "rate_hz", (int)row->rate_hz, "at_s",
                     (double)row->at_frame / rate, "end_s", (double)row->end_frame / rate, "text",
                     row->text);
}

nb_status nb_notes_fetch(nb_farm *farm, const nb_version_name *name, nb_notes *out, nb_error *err)
{
    nb_version_name asked = *name;
    uint32_t after = 0;
    *out = (nb_notes){.rows = json_array()};
    for (bool more = true; more;) {
        Nightbus__NoteList body = NIGHTBUS__NOTE_LIST__INIT;
        body.album = farm->album;
        body.song = asked.song;
        body.version = asked.version;
        body.has_after = after > 0;
        body.after = after;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_NOTE_LIST;
        request.note_list = &body;
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        const nb_status status =
            nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_NOTE_LISTING, 0, &reply, err);
        if (status != NB_OK) {
            nb_notes_fini(out);
            return status;
        }
        const Nightbus__NoteListing *listing = reply->note_listing;
        snprintf(out->version, sizeof out->version, "%s", listing->version);
        for (size_t i = 0; i < listing->n_rows; i++) {
            json_array_append_new(out->rows, row_to_json(listing->rows[i]));
        }
        more = listing->has_next && listing->next > after;
        after = listing->next;
    }
    return NB_OK;
}

static nb_status add_marker(const json_t *row, nb_markers *out, nb_error *err)
{
    const json_int_t rate = json_integer_value(json_object_get(row, "rate_hz"));
    const unsigned rate_hz = rate > 0 && rate <= 1000000 ? (unsigned)rate : 0;
    const char *text = json_string_value(json_object_get(row, "text"));
    nb_marker marker = {.colour = NB_MARKER_NO_COLOUR};
    marker.at_ns =
        nb_markers_frame_to_ns(json_integer_value(json_object_get(row, "at_frame")), rate_hz);
    marker.end_ns =
        nb_markers_frame_to_ns(json_integer_value(json_object_get(row, "end_frame")), rate_hz);
    // nb_markers_add copies both; what a peer sends is made fit to be seen when it is written.
    NB_SCOPED(nb_text_free) char *shown = nb_markers_printable(text ? text : "");
    NB_SCOPED(nb_text_free)
    char *author = nb_markers_printable(json_string_value(json_object_get(row, "person")));
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
