// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/collect.h"
#include "review-cli/command.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review-cli/pull.h"
#include "review-cli/stop.h"

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

/// The newest revision on the farm; null where it is empty or cannot be asked.
static char *ask_head(const nb_cli *cli, nb_error *out_why, bool *out_answered)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_open_album(cli, &farm, out_why);
    if (status == NB_OK) {
        status = nb_farm_head(&farm, NULL, &reply, out_why);
    }
    *out_answered = status == NB_OK;
    const char *head = status == NB_OK ? reply->album_state->head : NULL;
    return head ? strdup(head) : NULL;
}

typedef struct album_status {
    nb_folder folder;
    nb_collection collection;
    changes changes;
    char *head;
    char *unmerged;
    bool answered;
    nb_error why; ///< Why the farm did not answer
} album_status;

static void album_status_fini(album_status *self)
{
    nb_folder_fini(&self->folder);
    nb_collection_fini(&self->collection);
    changes_fini(&self->changes);
    nb_text_free(&self->head);
    nb_text_free(&self->unmerged);
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

static void print(const album_status *self, nb_text *out)
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
    return json_pack("{s:s, s:o, s:o, s:b, s:O, s:O, s:O, s:o, s:o, s:o}", "album",
                     self->folder.album, "base", nb_cli_json_string(self->folder.base), "head",
                     nb_cli_json_string(self->head), "farm_answered", self->answered, "changed",
                     self->changes.changed, "new", self->changes.added, "removed",
                     self->changes.removed, "problems", problems, "unreferred", loose, "unmerged",
                     nb_cli_json_string(self->unmerged));
}

static nb_status run_status(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(album_status_fini) album_status self = {0};
    NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *cache = NULL;
    nb_status status = nb_folder_open(&self.folder, err);
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
    self.head = ask_head(cli, &self.why, &self.answered);
    if (cli->json) {
        return nb_cli_print_json(to_json(&self), err);
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    print(&self, &text);
    return nb_cli_print(&text, err);
}

const nb_command nb_command_status = {
    .name = "status",
    .usage = "[--json]",
    .summary = "what changed in the folder, and whether it is the newest",
    .details = "Works without the farm too; then it cannot tell what is the newest.",
    .examples = "  nightbus status\n"
                "  nightbus status --json | jq '.changed'",
    .has_json = true,
    .pages = true,
    .run = run_status,
};
