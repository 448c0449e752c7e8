// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/collect.h"
#include "review-cli/command.h"
#include "review-cli/desk.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review-cli/pull.h"
#include "review-cli/stop.h"
#include "review-cli/terminal.h"

#include <stdio.h>
#include <string.h>

enum { LOOSE_SHOWN = 5 };

typedef struct changes {
    json_t *changed, *added, *removed; ///< Arrays of paths
} changes;

static void changes_fini(changes *self)
{
    json_decref(self->changed);
    json_decref(self->added);
    json_decref(self->removed);
}

static void compare(const nb_manifest *now, const nb_manifest *base, changes *out)
{
    *out = (changes){json_array(), json_array(), json_array()};
    for (size_t i = 0; i < now->file_count; i++) {
        const nb_manifest_file *file = &now->files[i];
        const nb_manifest_file *before = nb_manifest_find(base, file->path);
        if (!before) {
            json_array_append_new(out->added, json_string(file->path));
        } else if (!nb_digest_equal(&before->digest, &file->digest)) {
            json_array_append_new(out->changed, json_string(file->path));
        }
    }
    for (size_t i = 0; i < base->file_count; i++) {
        if (!nb_manifest_find(now, base->files[i].path)) {
            json_array_append_new(out->removed, json_string(base->files[i].path));
        }
    }
}

static void print_paths(nb_text *out, const json_t *paths, const char *mark)
{
    for (size_t i = 0; i < json_array_size(paths); i++) {
        nb_text_addf(out, "  %-8s %s\n", mark, json_string_value(json_array_get(paths, i)));
    }
}

typedef struct album_status {
    nb_folder folder;
    nb_collection collection;
    changes changes;
    char *head;
    char *unmerged;
    bool answered;
    nb_error why; ///< Why the farm did not answer
    nb_desk desk; ///< Empty where it did not
} album_status;

static void album_status_fini(album_status *self)
{
    nb_folder_fini(&self->folder);
    nb_collection_fini(&self->collection);
    changes_fini(&self->changes);
    nb_text_free(&self->head);
    nb_text_free(&self->unmerged);
    nb_desk_fini(&self->desk);
}

/// The newest revision on the farm, null where it is empty, and where the songs stand.
static nb_status ask_farm(const nb_cli *cli, album_status *self, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_open_album(cli, &farm, err);
    if (status == NB_OK) {
        status = nb_farm_head(&farm, NULL, &reply, err);
    }
    if (status == NB_OK) {
        status = nb_desk_fetch(&farm, farm.album, &self->desk, err);
    }
    const char *head = status == NB_OK ? reply->album_state->head : NULL;
    self->head = head ? strdup(head) : NULL;
    return status;
}

static void print_base(const album_status *self, nb_text *out)
{
    const char *base = self->folder.base;
    nb_text_addf(out, "album %s, ", self->folder.album);
    if (!self->answered) {
        nb_text_addf(out, "based on revision %.8s; %s\n", base ? base : "none", self->why.text);
    } else if (!self->head && !base) {
        nb_text_add(out, "nothing pushed yet\n");
    } else if (base && self->head && strcmp(base, self->head) == 0) {
        nb_text_addf(out, "based on revision %.8s, the newest\n", base);
    } else {
        nb_text_addf(out, "based on revision %.8s; the newest is %.8s: `nightbus pull`\n",
                     base ? base : "none", self->head ? self->head : "none");
    }
}

static void print(const nb_cli *cli, const album_status *self, nb_text *out)
{
    const nb_collection *collection = &self->collection;
    print_base(self, out);
    print_paths(out, self->changes.changed, "changed");
    print_paths(out, self->changes.added, "new");
    print_paths(out, self->changes.removed, "removed");
    if (self->unmerged) {
        nb_text_addf(out, "not merged: %s\n", self->unmerged);
    }
    if (collection->problem_count > 0) {
        nb_text_addf(out, "%zu problem%s, which push would refuse:\n%s", collection->problem_count,
                     collection->problem_count == 1 ? "" : "s", collection->problems.chars);
    }
    if (collection->loose_count > 0) {
        char size[NB_TEXT_SIZE_SIZE];
        nb_text_format_size(collection->loose_bytes, size);
        nb_text_addf(out, "not named by any mix, so not pushed (%zu files, %s):\n",
                     collection->loose_count, size);
        for (size_t i = 0; i < collection->loose_count && i < LOOSE_SHOWN; i++) {
            nb_text_addf(out, "  %s\n", collection->loose[i]);
        }
        if (collection->loose_count > LOOSE_SHOWN) {
            nb_text_addf(out, "  and %zu more\n", collection->loose_count - LOOSE_SHOWN);
        }
    }
    if (json_array_size(self->changes.changed) + json_array_size(self->changes.added) +
                json_array_size(self->changes.removed) ==
            0 &&
        collection->problem_count == 0) {
        nb_text_add(out, "nothing to push\n");
    }
    if (self->answered && self->head) {
        nb_text_add(out, "\n");
        nb_desk_print(&self->desk, cli->colour, out);
    }
}

static json_t *to_json(album_status *self)
{
    json_t *problems = json_array();
    json_t *loose = json_array();
    char *rest = self->collection.problems.chars;
    for (char *line = rest ? strsep(&rest, "\n") : NULL; line; line = strsep(&rest, "\n")) {
        if (line[0]) {
            json_array_append_new(problems, nb_cli_json_string(line));
        }
    }
    for (size_t i = 0; i < self->collection.loose_count; i++) {
        json_array_append_new(loose, nb_cli_json_string(self->collection.loose[i]));
    }
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:b, s:O, s:O, s:O, s:o, s:o, s:o}", "album", self->folder.album, "base",
        nb_cli_json_string(self->folder.base), "head", nb_cli_json_string(self->head),
        "farm_answered", self->answered, "changed", self->changes.changed, "new",
        self->changes.added, "removed", self->changes.removed, "problems", problems, "unreferred",
        loose, "unmerged", nb_cli_json_string(self->unmerged));
    if (self->answered && !nb_desk_to_json(&self->desk, json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

// ---- Outside of any folder: all albums ----

/// One album after the other: as text, or as objects in `albums`.
static nb_status add_album(const nb_cli *cli, nb_farm *farm, const char *album, nb_text *text,
                           json_t *albums, nb_error *err)
{
    NB_SCOPED(nb_desk_fini) nb_desk desk = {0};
    const nb_status status = nb_desk_fetch(farm, album, &desk, err);
    if (status != NB_OK) {
        return status;
    }
    if (cli->json) {
        json_t *object = json_pack("{s:o}", "album", nb_cli_json_string(album));
        const bool complete = object && nb_desk_to_json(&desk, object);
        return json_array_append_new(albums, object) == 0 && complete
                   ? NB_OK
                   : nb_fail(err, NB_E_NO_MEMORY, "no memory for the JSON");
    }
    nb_text_add(text, text->length > 0 ? "\n" : "");
    nb_text_add(text, "album ");
    nb_style_add(text, cli->colour, NB_STYLE_STRONG, album);
    nb_text_add(text, "\n");
    nb_desk_print(&desk, cli->colour, text);
    return NB_OK;
}

static nb_status add_albums(const nb_cli *cli, nb_farm *farm, nb_text *text, json_t *albums,
                            nb_error *err)
{
    NB_SCOPED(nb_text_free) char *after = NULL;
    nb_status status = NB_OK;
    do {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        Nightbus__AlbumList body = NIGHTBUS__ALBUM_LIST__INIT;
        body.after = after;
        Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
        request.body_case = NIGHTBUS__REQUEST__BODY_ALBUM_LIST;
        request.album_list = &body;
        status = nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_ALBUM_LISTING, 0, &reply, err);
        for (size_t i = 0; status == NB_OK && i < reply->album_listing->n_rows; i++) {
            const char *name = reply->album_listing->rows[i]->album;
            status = add_album(cli, farm, name, text, albums, err);
            // An operator sees that an album is there, not what is on it.
            status = status == NB_E_PERMISSION ? NB_OK : status;
        }
        nb_text_free(&after);
        const char *next = status == NB_OK ? reply->album_listing->next : NULL;
        after = next ? strdup(next) : NULL;
    } while (after);
    return status;
}

static nb_status run_everywhere(const nb_cli *cli, nb_error *err)
{
    const char *only = nb_args_get(&cli->args, "album");
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    NB_SCOPED(nb_json_free) json_t *albums = json_array();
    nb_status status = nb_farm_open(cli, &farm, err);
    if (status == NB_OK) {
        status = only ? add_album(cli, &farm, only, &text, albums, err)
                      : add_albums(cli, &farm, &text, albums, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (cli->json) {
        return nb_cli_print_json(json_pack("{s:O}", "albums", albums), err);
    }
    nb_text_add(&text, text.length == 0 ? "no albums yet: nightbus album create NAME\n" : "");
    return nb_cli_print(&text, err);
}

// ---- In a folder ----

static nb_status run_status(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(album_status_fini) album_status self = {0};
    NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *cache = NULL;
    const char *only = nb_args_get(&cli->args, "album");
    nb_status status = nb_folder_open(&self.folder, err);
    if (status == NB_E_NOT_FOUND ||
        (status == NB_OK && only && strcmp(only, self.folder.album) != 0)) {
        return run_everywhere(cli, err);
    }
    if (status == NB_OK) {
        status = nb_folder_stat_cache(&self.folder, &cache, err);
    }
    if (status == NB_OK) {
        status = nb_collect(self.folder.path, cache, nb_stop_flag(), &self.collection, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_error save_error = {0};
    if (nb_stat_cache_save(cache, &save_error) != NB_OK) {
        fprintf(stderr, "nightbus status: %s\n", save_error.text); // costs time only
    }
    compare(&self.collection.manifest, &self.folder.manifest, &self.changes);
    self.unmerged = nb_pull_find_unmerged(&self.folder);
    self.answered = ask_farm(cli, &self, &self.why) == NB_OK;
    if (cli->json) {
        return nb_cli_print_json(to_json(&self), err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    print(cli, &self, &text);
    return nb_cli_print(&text, err);
}

const nb_command nb_command_status = {
    .name = "status",
    .usage = "[--json]",
    .summary = "what changed here, where each song stands, what waits for whom",
    .details = "In an album's folder: what differs from the last revision, then the songs. Else\n"
               "the songs of all albums. In a folder it works without the farm too; then it\n"
               "cannot tell what is the newest.",
    .examples = "  nightbus status\n"
                "  nightbus status --album night-service\n"
                "  nightbus status --json | jq '.changed'",
    .has_json = true,
    .pages = true,
    .run = run_status,
};
