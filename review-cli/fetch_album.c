// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/fetch_album.h"

#include "review-cli/delivery.h"
#include "review-cli/farm.h"
#include "review-cli/fetched_name.h"
#include "review-cli/standing.h"
#include "review-cli/version_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// One song of the album: of its versions the one that is fetched, and the newest mix to name where
/// there is none.
typedef struct album_song {
    char song[NB_VERSION_NAME_SONG_SIZE];
    nb_version_name found; ///< Without a version where there is none
    char newest[NB_VERSION_NAME_VERSION_SIZE];
    char standing[32];    ///< Of what was found, else of the newest mix
    char left_behind[80]; ///< Of a master of an older mix; else ""
} album_song;

typedef struct fetch_album {
    nb_cli *cli;
    bool masters;
    nb_farm farm;
    size_t song_count;
    album_song *songs;
    nb_delivery delivery;
} fetch_album;

static void fetch_album_fini(fetch_album *self)
{
    nb_delivery_fini(&self->delivery);
    nb_farm_fini(&self->farm);
    free(self->songs);
}

static nb_status open_album(fetch_album *self, nb_error *err)
{
    const char *word = self->cli->args.words[0];
    if (!nb_text_is_id(word)) {
        return nb_fail(err, NB_E_USAGE,
                       "'%.64s' names no album: nightbus fetch ALBUM --approved (`nightbus album "
                       "list` has them)",
                       word);
    }
    const nb_status status = nb_farm_open(self->cli, &self->farm, err);
    if (status != NB_OK) {
        return status;
    }
    self->farm.album = strdup(word);
    return self->farm.album ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a name");
}

// ---- Which versions ----

/// The song, put into the list if need be; null without memory.
static album_song *find_song(fetch_album *self, const char *song)
{
    for (size_t i = 0; i < self->song_count; i++) {
        if (strcmp(self->songs[i].song, song) == 0) {
            return &self->songs[i];
        }
    }
    album_song *grown = reallocarray(self->songs, self->song_count + 1, sizeof *grown);
    if (!grown) {
        return NULL;
    }
    self->songs = grown;
    album_song *added = &self->songs[self->song_count++];
    *added = (album_song){0};
    snprintf(added->song, sizeof added->song, "%s", song);
    return added;
}

static bool is_wanted(const fetch_album *self, const Nightbus__VersionRow *row)
{
    return self->masters ? row->mix != NULL : !row->mix && strcmp(row->standing, "approved") == 0;
}

/// Rows come by song; of one song the newer ones count.
static nb_status take_row(fetch_album *self, const Nightbus__VersionRow *row, nb_error *err)
{
    char name[128];
    nb_version_name version;
    snprintf(name, sizeof name, "%s@%s", row->song, row->version);
    const nb_status status = nb_version_name_parse(name, &version, err);
    if (status != NB_OK) {
        return status;
    }
    album_song *song = find_song(self, version.song);
    if (!song) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of songs");
    }
    const bool newer = nb_standing_number(row->version) >= nb_standing_number(song->found.version);
    if (is_wanted(self, row) && newer) {
        song->found = version;
        snprintf(song->standing, sizeof song->standing, "%s", row->standing);
        if (nb_standing_is_left_behind(row)) {
            snprintf(song->left_behind, sizeof song->left_behind, "%.20s; the mix is at %.20s",
                     row->mix, row->newest);
        }
    }
    if (!row->mix && row->newest && strcmp(row->version, row->newest) == 0) {
        snprintf(song->newest, sizeof song->newest, "%s", version.version);
        if (!song->found.version[0]) {
            snprintf(song->standing, sizeof song->standing, "%s", nb_standing_short(row));
        }
    }
    return NB_OK;
}

static nb_status list_versions(fetch_album *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *after = NULL;
    for (;;) {
        Nightbus__VersionList body = NIGHTBUS__VERSION_LIST__INIT;
        body.album = self->farm.album;
        body.after = after;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_VERSION_LIST;
        request.version_list = &body;
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        nb_status status = nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_VERSION_LISTING,
                                       0, &reply, err);
        const Nightbus__VersionListing *listing = status == NB_OK ? reply->version_listing : NULL;
        for (size_t i = 0; status == NB_OK && i < listing->n_rows; i++) {
            status = take_row(self, listing->rows[i], err);
        }
        if (status != NB_OK || !listing->next) {
            return status;
        }
        nb_text_free(&after);
        after = strdup(listing->next);
        if (!after) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for a list");
        }
    }
}

// ---- Their files ----

static nb_status add_song(fetch_album *self, const album_song *song, nb_error *err)
{
    nb_version_name name = song->found;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_version_wait(&self->farm, &name, &reply, err);
    const Nightbus__VersionInfo *info = status == NB_OK ? reply->version_info : NULL;
    for (size_t i = 0; status == NB_OK && i < info->n_outputs; i++) {
        const nb_fetched_kind kind = nb_fetched_kind_of(info->outputs[i]->name);
        if (kind != NB_FETCHED_STEM && kind != NB_FETCHED_UNSAFE) {
            status = nb_delivery_add_output(&self->delivery, &name, info->outputs[i],
                                            nb_fetched_name(&name, info->outputs[i]->name), err);
        }
    }
    return status;
}

static nb_status add_all(fetch_album *self, nb_error *err)
{
    const char *parent = nb_args_get(&self->cli->args, "output");
    nb_status status = NB_OK;
    size_t found = 0;
    self->delivery.farm = &self->farm;
    self->delivery.root = nb_text_format("%s/%s-%s", parent ? parent : ".", self->farm.album,
                                         self->masters ? "masters" : "approved");
    if (!self->delivery.root) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    for (size_t i = 0; status == NB_OK && i < self->song_count; i++) {
        if (self->songs[i].found.version[0]) {
            status = add_song(self, &self->songs[i], err);
            found++;
        }
    }
    if (status == NB_OK && found == 0) {
        return nb_fail(err, NB_E_NOT_FOUND, "album %s has no %s", self->farm.album,
                       self->masters ? "masters yet" : "approved mix yet");
    }
    return status;
}

// ---- Telling ----

static json_t *songs_to_json(const fetch_album *self)
{
    json_t *array = json_array();
    for (size_t i = 0; i < self->song_count; i++) {
        const album_song *song = &self->songs[i];
        const char *version = song->found.version[0] ? song->found.version : NULL;
        json_array_append_new(array, json_pack("{s:s, s:s?, s:s, s:s}", "song", song->song,
                                               "version", version, "newest", song->newest,
                                               "standing", song->standing));
    }
    return array;
}

static nb_status tell(fetch_album *self, nb_error *err)
{
    if (self->cli->json) {
        return nb_cli_print_json(json_pack("{s:s, s:o, s:o, s:o}", "album", self->farm.album,
                                           "folder", nb_cli_json_string(self->delivery.root),
                                           "songs", songs_to_json(self), "files",
                                           nb_delivery_to_json(&self->delivery)),
                                 err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_delivery_print(&self->delivery, &text);
    for (size_t i = 0; i < self->song_count; i++) {
        const album_song *song = &self->songs[i];
        if (!song->found.version[0]) {
            nb_text_addf(&text, "not there: %s has no %s; its newest mix is %s (%s)\n", song->song,
                         self->masters ? "master" : "approved mix", song->newest, song->standing);
        } else if (song->left_behind[0]) {
            nb_text_addf(&text, "%s@%s is of %s\n", song->song, song->found.version,
                         song->left_behind);
        }
        if (self->masters && song->found.version[0] && strcmp(song->standing, "approved") != 0) {
            nb_text_addf(&text, "%s@%s is not approved\n", song->song, song->found.version);
        }
    }
    return nb_cli_print(&text, err);
}

static nb_status deliver(fetch_album *self, nb_error *err)
{
    return nb_delivery_run(&self->delivery, err);
}

nb_status nb_fetch_album(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(fetch_album_fini)
    fetch_album self = {.cli = cli, .masters = nb_args_has(&cli->args, "masters")};
    static nb_status (*const steps[])(fetch_album *, nb_error *) = {open_album, list_versions,
                                                                    add_all, deliver, tell};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(steps) && status == NB_OK; i++) {
        status = steps[i](&self, err);
    }
    return status;
}
