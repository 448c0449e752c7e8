// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/answered.h"

#include "review-cli/notes.h"
#include "review-cli/table.h"
#include "review/notes.h"

#include <stdio.h>
#include <string.h>

enum { TOLD_MAX = 20, LINE_COLUMNS = 80 };

void nb_answered_fini(nb_answered *self)
{
    json_decref(self->fixed);
    json_decref(self->open);
    nb_text_fini(&self->missed);
    *self = (nb_answered){0};
}

static nb_status start(nb_answered *out, nb_error *err)
{
    *out = (nb_answered){.fixed = json_array(), .open = json_array()};
    return (out->fixed && out->open) ? NB_OK
                                     : nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
}

// ---- A push ----

static nb_status add_version(nb_farm *farm, const char *version, nb_answered *out, nb_error *err)
{
    nb_version_name name;
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    nb_status status = nb_version_name_parse(version, &name, err);
    if (status == NB_OK) {
        status = nb_notes_fetch(farm, &name, &notes, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_notes_sort(&notes);
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(notes.rows, i, row)
    {
        const char *state = nb_json_text(row, "state");
        if (strcmp(state, "open") == 0) {
            json_array_append(out->open, row);
        } else if (strcmp(state, "resolved") == 0 &&
                   strcmp(nb_json_text(row, "changed_in"), name.version) == 0) {
            json_array_append(out->fixed, row);
        }
    }
    return NB_OK;
}

static bool is_fixed(const nb_answered *self, const nb_note_fix *fix)
{
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(self->fixed, i, row)
    {
        if (json_integer_value(json_object_get(row, "number")) == fix->number &&
            (fix->song[0] == '\0' || strcmp(fix->song, nb_json_text(row, "song")) == 0)) {
            return true;
        }
    }
    return false;
}

/// A number that is not open, or that could be of several songs, is a slip worth telling.
static void find_missed(nb_answered *self, const char *message, size_t version_count)
{
    nb_note_fix fixes[NB_NOTE_FIXES_MAX];
    const size_t count = nb_note_fixes(message, fixes, NB_COUNT(fixes));
    for (size_t i = 0; i < count; i++) {
        const nb_note_fix *fix = &fixes[i];
        if (is_fixed(self, fix)) {
            continue;
        }
        nb_text_addf(&self->missed, "the message says it fixes %s#%u, but %s\n", fix->song,
                     fix->number,
                     fix->song[0] == '\0' && version_count > 1
                         ? "not of which song: write SONG#N, and resolve it now"
                     : version_count == 0 ? "no song has a new version"
                                          : "no open note of that number came to this version");
    }
}

nb_status nb_answered_by_push(nb_farm *farm, char *const *versions, size_t count,
                              const char *message, nb_answered *out, nb_error *err)
{
    nb_status status = start(out, err);
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        status = add_version(farm, versions[i], out, err);
    }
    if (status == NB_OK) {
        find_missed(out, message, count);
    }
    return status;
}

// ---- Two versions ----

nb_status nb_answered_between(nb_farm *farm, const nb_version_name *before,
                              const nb_version_name *after, nb_answered *out, nb_error *err)
{
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    nb_status status = start(out, err);
    if (status == NB_OK) {
        status = nb_notes_fetch(farm, before, &notes, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_notes_sort(&notes);
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(notes.rows, i, row)
    {
        const char *in = nb_json_text(row, "changed_in");
        if (strcmp(nb_json_text(row, "state"), "resolved") == 0 &&
            nb_note_is_earlier(before->version, in) && !nb_note_is_earlier(after->version, in) &&
            after->version[0] == in[0]) {
            json_array_append(out->fixed, row);
        }
    }
    return NB_OK;
}

// ---- Told ----

void nb_answered_print(const json_t *notes, const char *words, nb_text *out)
{
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(notes, i, row)
    {
        char place[NB_NOTES_PLACE_SIZE];
        if (i == TOLD_MAX) {
            nb_text_addf(out, "  and %zu more: nightbus note list\n", json_array_size(notes) - i);
            return;
        }
        nb_notes_format_place(row, place);
        NB_SCOPED(nb_text_free)
        char *line = nb_text_format("  %s %s#%d at %s: %s", words, nb_json_text(row, "song"),
                                    (int)json_integer_value(json_object_get(row, "number")), place,
                                    nb_json_text(row, "text"));
        if (!line) {
            out->failed = true;
            return;
        }
        line[strcspn(line, "\n")] = '\0';
        nb_text_make_printable(line);
        nb_table_add_cut(out, line, LINE_COLUMNS);
        nb_text_add(out, "\n");
    }
}
