// SPDX-License-Identifier: GPL-3.0-or-later
// Candidates that the farm knows. Nothing is said where it does not answer: a person who presses
// the tabulator key wants no errors.
#include "base/file.h"
#include "review-cli/complete.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review-cli/notes.h"
#include "review-cli/standing.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_S = 2, JOBS_SHOWN = 50, NAME_SIZE = NB_VERSION_NAME_SONG_SIZE };

/// A line for the shell: the candidate, and in a few printable words what it is.
static void add(nb_text *out, const char *current, const char *candidate, const char *what)
{
    if (strncmp(candidate, current, strlen(current)) != 0) {
        return;
    }
    NB_SCOPED(nb_text_free) char *line = nb_text_format("%s", what ? what : "");
    if (line) {
        line[strcspn(line, "\n")] = '\0';
        nb_text_make_printable(line);
        nb_text_addf(out, "%s%s%s\n", candidate, line[0] ? "\t" : "", line);
    }
}

// ---- Songs and versions ----

/// `song` "" is all songs' newest; each row is visited.
typedef void visit_row(const Nightbus__VersionRow *row, const char *current, nb_text *out);

static void visit_versions(nb_farm *farm, const char *song, visit_row *visit, const char *current,
                           nb_text *out)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s", song);
    Nightbus__VersionList body = NIGHTBUS__VERSION_LIST__INIT;
    body.album = farm->album;
    body.song = name[0] ? name : NULL;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_VERSION_LIST;
    request.version_list = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    // One page: nobody reads a thousand candidates.
    if (nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_VERSION_LISTING, 0, &reply, NULL) !=
        NB_OK) {
        return;
    }
    for (size_t i = 0; i < reply->version_listing->n_rows; i++) {
        visit(reply->version_listing->rows[i], current, out);
    }
}

static void add_version(const Nightbus__VersionRow *row, const char *current, nb_text *out)
{
    NB_SCOPED(nb_text_free) char *name = nb_text_format("%s@%s", row->song, row->version);
    NB_SCOPED(nb_text_free)
    char *what = nb_text_format("%s: %s", nb_standing_short(row), row->message);
    if (name && what) {
        add(out, current, name, what);
    }
}

/// The song before `mark` in "night@v" or "night#1"; false where there is none yet.
static bool song_before(const char *current, char mark, char out[NAME_SIZE])
{
    const char *at = strchr(current, mark);
    const size_t length = at ? (size_t)(at - current) : 0;
    if (length == 0 || length >= NAME_SIZE) {
        return false;
    }
    memcpy(out, current, length);
    out[length] = '\0';
    return nb_text_is_id(out);
}

/// The words that the farm turns into a version, for who begins to write one: they would crowd the
/// list of versions.
static void add_version_words(const char *song, const char *current, nb_text *out)
{
    static const struct {
        const char *word;
        const char *what;
    } words[] = {{"latest", "the newest mix"},
                 {"approved", "the newest approved mix"},
                 {"master", "the newest master"}};
    for (size_t i = 0; strlen(current) > strlen(song) + 1 && i < NB_COUNT(words); i++) {
        NB_SCOPED(nb_text_free) char *name = nb_text_format("%s@%s", song, words[i].word);
        if (name) {
            add(out, current, name, words[i].what);
        }
    }
}

/// The songs of the working folder: known without the farm. Each with `ending` ("@", "#", "").
static bool add_songs_here(const char *current, const char *ending, nb_text *out)
{
    NB_SCOPED(nb_text_free) char *here = nb_folder_find(NULL);
    NB_SCOPED(nb_text_free) char *path = here ? nb_file_join(here, "songs") : NULL;
    DIR *songs = path ? opendir(path) : NULL;
    if (!songs) {
        return false;
    }
    for (const struct dirent *entry = readdir(songs); entry; entry = readdir(songs)) {
        if (nb_text_is_id(entry->d_name)) {
            NB_SCOPED(nb_text_free) char *name = nb_text_format("%s%s", entry->d_name, ending);
            add(out, current, name ? name : "", NULL);
        }
    }
    closedir(songs);
    return true;
}

static void add_song_with(const Nightbus__VersionRow *row, const char *current, const char *ending,
                          nb_text *out)
{
    NB_SCOPED(nb_text_free) char *line = nb_text_format("%s%s\n", row->song, ending);
    // A song has up to three rows, one behind the other.
    const bool there = line && out->chars && out->length >= strlen(line) &&
                       strcmp(out->chars + out->length - strlen(line), line) == 0;
    if (line && !there) {
        line[strlen(line) - 1] = '\0';
        add(out, current, line, NULL);
    }
}

static void add_song(const Nightbus__VersionRow *row, const char *current, nb_text *out)
{
    add_song_with(row, current, "", out);
}

static void add_song_at(const Nightbus__VersionRow *row, const char *current, nb_text *out)
{
    add_song_with(row, current, "@", out);
}

static void add_song_number(const Nightbus__VersionRow *row, const char *current, nb_text *out)
{
    add_song_with(row, current, "#", out);
}

// ---- Notes ----

static void add_notes(nb_farm *farm, const char *song, const char *current, nb_text *out)
{
    nb_version_name name = {0};
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    snprintf(name.song, sizeof name.song, "%s", song);
    snprintf(name.version, sizeof name.version, "latest");
    if (nb_notes_fetch_all(farm, &name, &notes, NULL) != NB_OK) {
        return;
    }
    nb_notes_drop_gone(&notes);
    for (size_t i = 0; i < json_array_size(notes.rows); i++) {
        const json_t *row = json_array_get(notes.rows, i);
        char place[NB_NOTES_PLACE_SIZE];
        nb_notes_format_place(row, place);
        NB_SCOPED(nb_text_free)
        char *candidate = nb_text_format("%s#%" JSON_INTEGER_FORMAT, song,
                                         json_integer_value(json_object_get(row, "number")));
        NB_SCOPED(nb_text_free)
        char *what = nb_text_format("%s %s: %s", json_string_value(json_object_get(row, "state")),
                                    place, json_string_value(json_object_get(row, "text")));
        if (candidate && what) {
            add(out, current, candidate, what);
        }
    }
}

// ---- Albums, jobs, nodes ----

static void add_albums(nb_farm *farm, const char *current, nb_text *out)
{
    Nightbus__AlbumList body = NIGHTBUS__ALBUM_LIST__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_LIST;
    request.album_list = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    if (nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_ALBUM_LISTING, 0, &reply, NULL) !=
        NB_OK) {
        return;
    }
    for (size_t i = 0; i < reply->album_listing->n_rows; i++) {
        add(out, current, reply->album_listing->rows[i]->album, NULL);
    }
}

static void add_jobs(nb_farm *farm, const char *current, nb_text *out)
{
    Nightbus__JobList body = NIGHTBUS__JOB_LIST__INIT;
    body.has_limit = true;
    body.limit = JOBS_SHOWN;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_JOB_LIST;
    request.job_list = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    if (nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_JOB_LISTING, 0, &reply, NULL) != NB_OK) {
        return;
    }
    for (size_t i = 0; i < reply->job_listing->n_rows; i++) {
        const Nightbus__JobRow *row = reply->job_listing->rows[i];
        char id[24];
        snprintf(id, sizeof id, "%" PRIu64, row->job);
        NB_SCOPED(nb_text_free)
        char *what = nb_text_format("%s@%s %s", row->song, row->version, row->state);
        add(out, current, id, what);
    }
}

static void add_nodes(nb_farm *farm, const char *current, nb_text *out)
{
    Nightbus__NodeList body = NIGHTBUS__NODE_LIST__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NODE_LIST;
    request.node_list = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    if (nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_NODE_LISTING, 0, &reply, NULL) != NB_OK) {
        return;
    }
    for (size_t i = 0; i < reply->node_listing->n_rows; i++) {
        add(out, current, reply->node_listing->rows[i]->name, reply->node_listing->rows[i]->state);
    }
}

// ---- All of it ----

/// What needs an album: songs, versions, notes.
static void add_of_album(const nb_cli *cli, unsigned kinds, const char *current, nb_text *out)
{
    enum { OF_ALBUM = NB_COMPLETE_SONGS | NB_COMPLETE_VERSIONS | NB_COMPLETE_NOTES };
    char song[NAME_SIZE];
    const bool has_at = strchr(current, '@') != NULL;
    const bool has_number = strchr(current, '#') != NULL;
    const char *ending = kinds & NB_COMPLETE_VERSIONS ? "@" : kinds & NB_COMPLETE_NOTES ? "#" : "";
    if (!(kinds & OF_ALBUM) || (!has_at && !has_number && add_songs_here(current, ending, out))) {
        return;
    }
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    if (nb_farm_open_album(cli, &farm, NULL) != NB_OK) {
        return;
    }
    if ((kinds & NB_COMPLETE_VERSIONS) && song_before(current, '@', song)) {
        visit_versions(&farm, song, add_version, current, out);
        add_version_words(song, current, out);
    } else if ((kinds & NB_COMPLETE_NOTES) && song_before(current, '#', song)) {
        add_notes(&farm, song, current, out);
    } else if (!has_at && !has_number) {
        visit_row *visit = kinds & NB_COMPLETE_VERSIONS ? add_song_at
                           : kinds & NB_COMPLETE_NOTES  ? add_song_number
                                                        : add_song;
        visit_versions(&farm, "", visit, current, out);
    }
}

static void add_of_farm(const nb_cli *cli, unsigned kinds, const char *current, nb_text *out)
{
    enum { OF_FARM = NB_COMPLETE_ALBUMS | NB_COMPLETE_JOBS | NB_COMPLETE_NODES };
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    if (!(kinds & OF_FARM) || nb_farm_open(cli, &farm, NULL) != NB_OK) {
        return;
    }
    if (kinds & NB_COMPLETE_ALBUMS) {
        add_albums(&farm, current, out);
    }
    if (kinds & NB_COMPLETE_JOBS) {
        add_jobs(&farm, current, out);
    }
    if (kinds & NB_COMPLETE_NODES) {
        add_nodes(&farm, current, out);
    }
}

void nb_complete_print(const char *const *words, size_t count)
{
    if (count == 0) {
        return;
    }
    const char *current = words[count - 1];
    const nb_complete_plan plan = nb_complete_plan_make(words, count);
    nb_cli cli = {.command = plan.command};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_complete_static(&plan, current, &text);
    fputs(text.chars ? text.chars : "", stdout);
    fflush(stdout);
    // --farm and --album count for what is asked; the word that is being written does not.
    size_t global_count = 0;
    const nb_option *global = nb_global_options(&global_count);
    for (size_t i = 0; i + 2 < count && words[i]; i++) {
        for (size_t o = 0; o < global_count; o++) {
            if (strncmp(words[i], "--", 2) == 0 && strcmp(words[i] + 2, global[o].name) == 0 &&
                global[o].value && cli.args.option_count < NB_ARGS_OPTIONS_MAX) {
                cli.args.options[cli.args.option_count].name = global[o].name;
                cli.args.options[cli.args.option_count++].value = words[i + 1];
            }
        }
    }
    signal(SIGALRM, SIG_DFL);
    alarm(PATIENCE_S);
    NB_SCOPED(nb_text_fini) nb_text known = {0};
    add_of_album(&cli, plan.kinds, current, &known);
    add_of_farm(&cli, plan.kinds, current, &known);
    fputs(known.chars ? known.chars : "", stdout);
}
