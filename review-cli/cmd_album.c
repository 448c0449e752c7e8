// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "base/file.h"
#include "review-cli/ago.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review-cli/pull.h"
#include "review-cli/table.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- album create ----

static nb_status ask_create(nb_farm *farm, const char *name, nb_error *err)
{
    uint8_t id[NB_CLIENT_ID_SIZE];
    NB_SCOPED(nb_text_free) char *copy = strdup(name);
    nb_status status = nb_farm_make_id(id, err);
    if (status != NB_OK || !copy) {
        return copy ? status : nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's name");
    }
    Nightbus__AlbumCreate body = NIGHTBUS__ALBUM_CREATE__INIT;
    body.album = copy;
    body.client_id = (ProtobufCBinaryData){sizeof id, id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_CREATE;
    request.album_create = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_ACK, 0, &reply, err);
}

static nb_status check_album_name(const char *name, nb_error *err)
{
    const size_t length = strlen(name);
    if (length > 64) {
        return nb_fail(err, NB_E_INVALID, "an album's name has at most 64 characters, this has %zu",
                       length);
    }
    return nb_text_is_id(name)
               ? NB_OK
               : nb_fail(err, NB_E_INVALID,
                         "an album's name has only a-z, 0-9 and '-', as in late-trains");
}

static nb_status run_create(nb_cli *cli, nb_error *err)
{
    const char *name = cli->args.words[0];
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_folder_fini) nb_folder folder = {0};
    nb_status status = check_album_name(name, err);
    const bool is_album = nb_file_exists("album.yaml") || nb_file_is_folder("songs");
    if (status == NB_OK && is_album && nb_file_exists(".nightbus/state.json") &&
        nb_folder_open_at(".", &folder, NULL) == NB_OK) {
        return nb_fail(err, NB_E_CONFLICT,
                       "this folder is the album \"%s\" already; to make it another one, remove "
                       ".nightbus/ first",
                       folder.album);
    }
    if (status == NB_OK) {
        status = nb_farm_open(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = ask_create(&farm, name, err);
    }
    if (status == NB_OK && is_album) {
        status = nb_folder_make(".", name, farm.where, &folder, err);
    }
    if (status != NB_OK) {
        return status;
    }
    return is_album ? nb_cli_printf(
                          err, "album %s is there. Next: nightbus push -m \"first mix\"\n", name)
                    : nb_cli_printf(err,
                                    "album %s is there, but this folder has no album.yaml and no "
                                    "songs/. Next: nightbus album clone %s\n",
                                    name, name);
}

const nb_command nb_command_album_create = {
    .name = "album create",
    .usage = "NAME",
    .summary = "make an album on the farm, worked on in this folder",
    .details = "Run it in the folder that has album.yaml, songs/SONG/mix.yaml and the audio.",
    .examples = "  cd late-trains && nightbus album create late-trains",
    .words_min = 1,
    .words_max = 1,
    .run = run_create,
};

// ---- album list ----

static nb_status get_page(nb_farm *farm, char *after, Nightbus__Reply **out_reply, nb_error *err)
{
    Nightbus__AlbumList body = NIGHTBUS__ALBUM_LIST__INIT;
    body.after = after;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_LIST;
    request.album_list = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_ALBUM_LISTING, 0, out_reply, err);
}

static void add_row(nb_table *table, json_t *array, const Nightbus__AlbumRow *row)
{
    char created[NB_AGO_SIZE];
    char songs[16];
    char head[9];
    nb_ago_format((int64_t)row->created_ms, nb_clock_wall_ms(), created);
    snprintf(songs, sizeof songs, "%u", row->has_songs ? row->songs : 0);
    snprintf(head, sizeof head, "%s", row->head ? row->head : "empty");
    const char *const cells[] = {row->album, songs, head, created};
    nb_table_add(table, cells);
    json_array_append_new(
        array, json_pack("{s:o, s:i, s:o, s:I}", "album", nb_cli_json_string(row->album), "songs",
                         (int)(row->has_songs ? row->songs : 0), "head",
                         nb_cli_json_string(row->head), "created_ms", (json_int_t)row->created_ms));
}

static nb_status run_list(nb_cli *cli, nb_error *err)
{
    static const nb_table_column columns[] = {
        {"ALBUM", NB_TABLE_LEFT},
        {"SONGS", NB_TABLE_RIGHT},
        {"REVISION", NB_TABLE_LEFT},
        {"MADE", NB_TABLE_LEFT},
    };
    NB_SCOPED(nb_table_fini) nb_table table = {0};
    nb_table_init(&table, columns, NB_COUNT(columns));
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_json_free) json_t *array = json_array();
    NB_SCOPED(nb_text_free) char *after = NULL;
    nb_status status = nb_farm_open(cli, &farm, err);
    for (bool more = true; more && status == NB_OK;) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        status = get_page(&farm, after, &reply, err);
        more = status == NB_OK && reply->album_listing->next;
        for (size_t i = 0; status == NB_OK && i < reply->album_listing->n_rows; i++) {
            add_row(&table, array, reply->album_listing->rows[i]);
        }
        free(after);
        after = more ? strdup(reply->album_listing->next) : NULL;
        more = more && after;
    }
    if (status != NB_OK) {
        return status;
    }
    if (cli->json) {
        return nb_cli_print_json(json_pack("{s:O}", "albums", array), err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_table_print(&table, cli->colour, &text);
    nb_text_add(&text, table.row_count == 0 ? "no albums yet: nightbus album create NAME\n" : "");
    return nb_cli_print(&text, err);
}

const nb_command nb_command_album_list = {
    .name = "album list",
    .usage = "[--json]",
    .summary = "the farm's albums",
    .examples = "  nightbus album list\n"
                "  nightbus album list --json | jq -r '.albums[].album'",
    .has_json = true,
    .run = run_list,
};

// ---- album clone ----

/// 0: nothing in the way. An unfinished clone of the same album counts as that.
static nb_status check_target(const char *path, const char *album, nb_folder *out_unfinished,
                              nb_error *err)
{
    if (nb_folder_open_at(path, out_unfinished, NULL) == NB_OK) {
        if (strcmp(out_unfinished->album, album) == 0 && !out_unfinished->base) {
            return NB_OK;
        }
        return nb_fail(err, NB_E_CONFLICT,
                       "%s is a working folder of the album \"%s\" already: `nightbus pull` there",
                       path, out_unfinished->album);
    }
    DIR *folder = opendir(path);
    if (!folder) {
        return NB_OK;
    }
    size_t count = 0;
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count <= 2 ? NB_OK // "." and ".."
                      : nb_fail(err, NB_E_CONFLICT, "%s is not empty: name another folder", path);
}

static nb_status run_clone(nb_cli *cli, nb_error *err)
{
    const char *name = cli->args.words[0];
    const char *path = cli->args.word_count > 1 ? cli->args.words[1] : name;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_folder_fini) nb_folder folder = {0};
    NB_SCOPED(nb_pull_result_fini) nb_pull_result result = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *head = NULL;
    nb_status status = check_album_name(name, err);
    if (status == NB_OK) {
        status = check_target(path, name, &folder, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open(cli, &farm, err);
    }
    if (status == NB_OK) {
        farm.album = strdup(name);
        status = farm.album ? nb_farm_head(&farm, NULL, &head, err) // is there such an album?
                            : nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's name");
    }
    if (status == NB_OK && !folder.path) {
        status = nb_folder_make(path, name, farm.where, &folder, err);
    }
    if (status == NB_OK) {
        status = nb_pull(&farm, &folder, &result, err);
    }
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add_lines(&text, path, 0);
    nb_text_addf(&text, ": %zu files, revision %.8s\n", result.taken_count,
                 result.head[0] ? result.head : "none");
    return nb_cli_print(&text, err);
}

const nb_command nb_command_album_clone = {
    .name = "album clone",
    .usage = "NAME [DIR]",
    .summary = "fetch an album into a new working folder",
    .details = "One that was cut goes on where it stopped when it is run again.",
    .examples = "  nightbus album clone late-trains\n"
                "  nightbus album clone late-trains ~/mixes/trains",
    .words_min = 1,
    .words_max = 2,
    .run = run_clone,
};
