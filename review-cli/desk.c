// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/desk.h"

#include "review-cli/standing.h"
#include "review-cli/table.h"
#include "review/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_LOOKED_AT = 200, PAGES_MAX = 1000 };

void nb_desk_fini(nb_desk *self)
{
    for (size_t i = 0; i < self->page_count; i++) {
        nb_wire_free_reply(&self->pages[i]);
    }
    free(self->pages);
    nb_wire_free_reply(&self->jobs);
    free(self->album);
    *self = (nb_desk){0};
}

// ---- Asking ----

static nb_status fetch_versions(nb_farm *farm, nb_desk *desk, nb_error *err)
{
    char *after = NULL; // of the page before
    do {
        Nightbus__Reply **grown =
            reallocarray(desk->pages, desk->page_count + 1, sizeof *desk->pages);
        if (!grown) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the songs");
        }
        desk->pages = grown;
        desk->pages[desk->page_count] = NULL;
        Nightbus__VersionList body = NIGHTBUS__VERSION_LIST__INIT;
        body.album = desk->album;
        body.after = after;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_VERSION_LIST;
        request.version_list = &body;
        Nightbus__Reply *reply = NULL;
        const nb_status status =
            nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_VERSION_LISTING, 0, &reply, err);
        if (status != NB_OK) {
            return status;
        }
        desk->pages[desk->page_count++] = reply;
        after = reply->version_listing->n_rows > 0 ? reply->version_listing->next : NULL;
    } while (after && desk->page_count < PAGES_MAX);
    return NB_OK;
}

static nb_status fetch_jobs(nb_farm *farm, nb_desk *desk, nb_error *err)
{
    Nightbus__JobList body = NIGHTBUS__JOB_LIST__INIT;
    body.has_limit = true;
    body.limit = JOBS_LOOKED_AT;
    body.album = desk->album;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOB_LIST;
    request.job_list = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_JOB_LISTING, 0, &desk->jobs, err);
}

nb_status nb_desk_fetch(nb_farm *farm, const char *album, nb_desk *out, nb_error *err)
{
    *out = (nb_desk){.album = strdup(album)};
    nb_status status =
        out->album ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's desk");
    if (status == NB_OK) {
        status = fetch_versions(farm, out, err);
    }
    if (status == NB_OK) {
        status = fetch_jobs(farm, out, err);
    }
    if (status != NB_OK) {
        nb_desk_fini(out);
    }
    return status;
}

// ---- Songs ----

/// The rows of one song: they stand together, the approved mix before the newest.
typedef struct song {
    const Nightbus__VersionRow *mix, *approved, *master;
} song;

static size_t count_rows(const nb_desk *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->page_count; i++) {
        count += self->pages[i]->version_listing->n_rows;
    }
    return count;
}

static const Nightbus__VersionRow *row_at(const nb_desk *self, size_t index)
{
    for (size_t i = 0; i < self->page_count; i++) {
        const Nightbus__VersionListing *listing = self->pages[i]->version_listing;
        if (index < listing->n_rows) {
            return listing->rows[index];
        }
        index -= listing->n_rows;
    }
    return NULL;
}

/// The song that begins at row *index, which moves behind it. False at the end.
static bool next_song(const nb_desk *self, size_t *index, song *out)
{
    const size_t count = count_rows(self);
    *out = (song){0};
    if (*index >= count) {
        return false;
    }
    const char *name = row_at(self, *index)->song;
    for (; *index < count && strcmp(row_at(self, *index)->song, name) == 0; (*index)++) {
        const Nightbus__VersionRow *row = row_at(self, *index);
        if (row->mix) {
            out->master = row;
            continue;
        }
        out->mix = row;
        out->approved = strcmp(row->standing, "approved") == 0 ? row : out->approved;
    }
    return true;
}

static nb_desk_version as_desk_version(const Nightbus__VersionRow *row)
{
    nb_desk_version version = {
        .name = row->version,
        .rendered = strcmp(row->state, "done") == 0,
        .failed = strcmp(row->state, "failed") == 0,
        .open_notes = row->open_notes,
        .mix = row->mix ? row->mix : "",
    };
    (void)nb_standing_from_name(row->standing, &version.standing); // open where it is unknown
    return version;
}

static nb_desk_wait waits(const song *it)
{
    nb_desk_version mix = {0};
    nb_desk_version master = {0};
    nb_desk_song desk = {0};
    if (it->mix) {
        mix = as_desk_version(it->mix);
        desk.mix = &mix;
    }
    if (it->master) {
        master = as_desk_version(it->master);
        desk.master = &master;
    }
    return nb_desk_waits(&desk);
}

static nb_style style_of(nb_desk_who who)
{
    switch (who) {
    case NB_DESK_NOBODY:
        return NB_STYLE_GOOD;
    case NB_DESK_FARM:
        return NB_STYLE_BUSY;
    case NB_DESK_ENGINEER:
        return NB_STYLE_ATTENTION;
    case NB_DESK_ARTIST:
    case NB_DESK_MASTERING:
        break;
    }
    return NB_STYLE_PLAIN;
}

static void add_song(nb_table *table, const song *it)
{
    const Nightbus__VersionRow *row = it->mix ? it->mix : it->master;
    const nb_desk_wait wait = waits(it);
    char notes[16] = "";
    NB_SCOPED(nb_text_fini) nb_text state = {0};
    NB_SCOPED(nb_text_fini) nb_text master = {0};
    NB_SCOPED(nb_text_free)
    char *next = wait.who == NB_DESK_NOBODY
                     ? strdup(wait.what)
                     : nb_text_format("%s: %s", nb_desk_who_name(wait.who), wait.what);
    nb_text_add(&state, nb_standing_short(row));
    if (it->approved && it->approved != row) {
        nb_text_addf(&state, ", %s approved", it->approved->version);
    }
    if (row->open_notes > 0) {
        snprintf(notes, sizeof notes, "%u", row->open_notes);
    }
    if (it->master) {
        nb_text_addf(&master, "%s of %s", it->master->version, it->master->mix);
    }
    const char *const cells[] = {row->song, row->version, state.chars, notes, master.chars, next};
    nb_table_add(table, cells);
    nb_table_style(table, 0, NB_STYLE_STRONG);
    nb_table_style(table, 2, nb_style_of_state(nb_standing_short(row)));
    nb_table_style(table, 3, NB_STYLE_ATTENTION);
    nb_table_style(table, 4,
                   it->master && nb_standing_is_left_behind(it->master) ? NB_STYLE_ATTENTION
                                                                        : NB_STYLE_PLAIN);
    nb_table_style(table, 5, style_of(wait.who));
}

// ---- Renders ----

static bool is_waiting(const Nightbus__JobRow *row)
{
    return strcmp(row->state, "running") == 0 || strcmp(row->state, "queued") == 0;
}

static void print_renders(const nb_desk *self, bool colour, nb_text *out)
{
    const Nightbus__JobListing *listing = self->jobs->job_listing;
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__JobRow *row = listing->rows[i];
        if (!is_waiting(row)) {
            continue;
        }
        NB_SCOPED(nb_text_fini) nb_text line = {0};
        nb_text_addf(&line, "%s %s@%s", row->state, row->song, row->version);
        if (row->has_total_frames && row->total_frames > 0) {
            nb_text_addf(&line, ", %.0f %%",
                         100.0 * (double)row->done_frames / (double)row->total_frames);
        }
        nb_text_addf(&line, "%s%s", row->node ? " on " : "", row->node ? row->node : "");
        if (!line.failed) {
            nb_text_make_printable(line.chars);
            nb_style_add(out, colour, NB_STYLE_BUSY, line.chars);
            nb_text_add(out, "\n");
        }
    }
}

void nb_desk_print(const nb_desk *self, bool colour, nb_text *out)
{
    static const nb_table_column columns[] = {
        {"SONG", NB_TABLE_FLEX},  {"MIX", NB_TABLE_LEFT},    {"STATE", NB_TABLE_FLEX},
        {"OPEN", NB_TABLE_RIGHT}, {"MASTER", NB_TABLE_LEFT}, {"WAITS FOR", NB_TABLE_WRAP},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    song it;
    for (size_t index = 0; next_song(self, &index, &it);) {
        add_song(&table, &it);
    }
    nb_table_print(&table, colour, out);
    print_renders(self, colour, out);
}

// ---- JSON ----

static json_t *song_to_json(const song *it)
{
    const nb_desk_wait wait = waits(it);
    const Nightbus__VersionRow *row = it->mix ? it->mix : it->master;
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s}", "song",
                     nb_cli_json_string(row ? row->song : NULL), "mix",
                     it->mix ? nb_standing_to_json(it->mix) : json_null(), "approved",
                     it->approved ? nb_standing_to_json(it->approved) : json_null(), "master",
                     it->master ? nb_standing_to_json(it->master) : json_null(), "waits_for",
                     nb_desk_who_name(wait.who), "waits_what", wait.what);
}

bool nb_desk_to_json(const nb_desk *self, json_t *object)
{
    json_t *songs = json_array();
    json_t *renders = json_array();
    song it;
    for (size_t index = 0; next_song(self, &index, &it);) {
        json_array_append_new(songs, song_to_json(&it));
    }
    const Nightbus__JobListing *listing = self->jobs->job_listing;
    for (size_t i = 0; i < listing->n_rows; i++) {
        const Nightbus__JobRow *row = listing->rows[i];
        if (is_waiting(row)) {
            json_array_append_new(renders, json_pack("{s:I, s:o, s:o, s:o, s:o}", "job",
                                                     (json_int_t)row->job, "song",
                                                     nb_cli_json_string(row->song), "version",
                                                     nb_cli_json_string(row->version), "state",
                                                     nb_cli_json_string(row->state), "node",
                                                     nb_cli_json_string(row->node)));
        }
    }
    const bool has_songs = json_object_set_new(object, "songs", songs) == 0;
    return json_object_set_new(object, "renders", renders) == 0 && has_songs;
}
