// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/folder.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_BYTES_MAX = NB_MANIFEST_BYTES_MAX + (64 << 10), FARM_BYTES_MAX = 4096 };

static const char private_name[] = ".nightbus";
static const char state_format[] = "nightbus-folder/1";

void nb_folder_fini(nb_folder *self)
{
    free(self->path);
    free(self->album);
    free(self->base);
    nb_manifest_fini(&self->manifest);
    *self = (nb_folder){0};
}

char *nb_folder_find(const char *start)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_absolute(start ? start : ".");
    if (!path) {
        return NULL;
    }
    char *resolved = realpath(path, NULL);
    while (resolved) {
        NB_SCOPED(nb_text_free)
        char *state = nb_text_format("%s/%s/state.json", resolved, private_name);
        if (state && nb_file_exists(state)) {
            return resolved;
        }
        char *slash = strrchr(resolved, '/');
        if (!slash || slash == resolved) {
            free(resolved);
            resolved = NULL;
        } else {
            *slash = '\0';
        }
    }
    return NULL;
}

char *nb_folder_private(const nb_folder *self, const char *name)
{
    return nb_text_format("%s/%s/%s", self->path, private_name, name);
}

static nb_status read_state(nb_folder *self, const char *path, const json_t *state, nb_error *err)
{
    const char *format = NULL;
    const char *album = NULL;
    nb_status status = nb_json_get_string(path, state, "format", &format, err);
    if (status == NB_OK && strcmp(format, state_format) != 0) {
        return nb_fail(err, NB_E_VERSION,
                       "%s: format \"%.40s\" is not \"%s\": use another nightbus", path, format,
                       state_format);
    }
    if (status == NB_OK) {
        status = nb_json_get_string(path, state, "album", &album, err);
    }
    if (status != NB_OK) {
        return status;
    }
    self->album = strdup(album);
    const char *base = json_string_value(json_object_get(state, "base"));
    self->base = base ? strdup(base) : NULL;
    if (!self->album || (base && !self->base)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's state");
    }
    const json_t *manifest = json_object_get(state, "manifest");
    if (!json_is_object(manifest)) {
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *line = nb_json_line(manifest);
    return line ? nb_manifest_parse(line, strlen(line), &self->manifest, err)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's state");
}

nb_status nb_folder_open_at(const char *path, nb_folder *out, nb_error *err)
{
    *out = (nb_folder){0};
    NB_SCOPED(nb_folder_fini) nb_folder self = {.path = strdup(path)};
    NB_SCOPED(nb_text_free)
    char *state_path = self.path ? nb_folder_private(&self, "state.json") : NULL;
    if (!state_path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    NB_SCOPED(nb_json_free) json_t *state = NULL;
    nb_status status = nb_json_read(state_path, STATE_BYTES_MAX, &state, err);
    if (status == NB_OK) {
        status = read_state(&self, state_path, state, err);
    }
    if (status == NB_OK) {
        *out = self;
        self = (nb_folder){0}; // the caller's now
    }
    return status;
}

nb_status nb_folder_open(nb_folder *out, nb_error *err)
{
    *out = (nb_folder){0};
    NB_SCOPED(nb_text_free) char *path = nb_folder_find(NULL);
    if (!path) {
        return nb_fail(err, NB_E_NOT_FOUND,
                       "this is no album's folder: `nightbus album create NAME` makes it one, "
                       "`nightbus album clone NAME` fetches one");
    }
    return nb_folder_open_at(path, out, err);
}

static nb_status save(nb_folder *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *line = nb_manifest_format(&self->manifest);
    NB_SCOPED(nb_json_free) json_t *manifest = NULL;
    if (!line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's state");
    }
    const nb_status status = nb_json_parse("the manifest", line, strlen(line), &manifest, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_json_free)
    json_t *state = json_pack("{s:s, s:s, s:s?, s:O}", "format", state_format, "album", self->album,
                              "base", self->base, "manifest", manifest);
    NB_SCOPED(nb_text_free) char *path = nb_folder_private(self, "state.json");
    if (!state || !path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's state");
    }
    return nb_json_write(path, state, err);
}

nb_status nb_folder_make(const char *path, const char *album, const char *farm, nb_folder *out,
                         nb_error *err)
{
    *out = (nb_folder){0};
    NB_SCOPED(nb_folder_fini)
    nb_folder self = {.path = nb_file_absolute(path), .album = strdup(album)};
    NB_SCOPED(nb_text_free)
    char *incoming = self.path ? nb_folder_private(&self, "incoming") : NULL;
    NB_SCOPED(nb_text_free) char *farm_path = self.path ? nb_folder_private(&self, "farm") : NULL;
    NB_SCOPED(nb_text_free) char *farm_line = nb_text_format("%s\n", farm);
    if (!self.album || !incoming || !farm_path || !farm_line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's folder");
    }
    nb_status status = nb_file_make_folders(incoming, 0777, err);
    if (status == NB_OK) {
        status = nb_file_write(farm_path, farm_line, strlen(farm_line), 0666, err);
    }
    if (status == NB_OK) {
        status = save(&self, err);
    }
    if (status == NB_OK) {
        *out = self;
        self = (nb_folder){0}; // the caller's now
    }
    return status;
}

nb_status nb_folder_set_base(nb_folder *self, const char *base, nb_manifest *manifest,
                             nb_error *err)
{
    char *copy = strdup(base);
    if (!copy) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the album's state");
    }
    free(self->base);
    self->base = copy;
    nb_manifest_fini(&self->manifest);
    self->manifest = *manifest;
    *manifest = (nb_manifest){0};
    return save(self, err);
}

nb_status nb_folder_stat_cache(const nb_folder *self, nb_stat_cache **out_cache, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_folder_private(self, "stat-cache.json");
    *out_cache = NULL;
    return path ? nb_stat_cache_open(path, self->path, out_cache, err)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
}

char *nb_folder_farm(const char *folder_path)
{
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/%s/farm", folder_path, private_name);
    char *line = NULL;
    size_t size = 0;
    if (!path || nb_file_read(path, FARM_BYTES_MAX, &line, &size, NULL) != NB_OK) {
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0') {
        free(line);
        return NULL;
    }
    return line;
}
