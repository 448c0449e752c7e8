// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/mix_side.h"

#include "base/file.h"
#include "review-cli/batch.h"
#include "review-cli/stop.h"
#include "review-cli/version_files.h"
#include "review/mix_model.h"

#include <stdlib.h>
#include <string.h>

void nb_mix_side_fini(nb_mix_side *self)
{
    free(self->label);
    json_decref(self->model);
    nb_song_fini(&self->song);
    nb_stat_cache_destroy(&self->cache);
    nb_document_destroy(&self->document);
    nb_manifest_fini(&self->manifest);
    nb_wire_free_reply(&self->info);
    *self = (nb_mix_side){0};
}

static nb_status digest_here(void *context, const char *path, nb_digest *out, nb_error *err)
{
    nb_mix_side *self = context;
    uint64_t size = 0;
    return nb_stat_cache_digest(self->cache, path, NULL, NULL, nb_stop_flag(), out, &size, err);
}

static nb_status digest_there(void *context, const char *path, nb_digest *out, nb_error *err)
{
    const nb_mix_side *self = context;
    const nb_manifest_file *file = nb_manifest_find(&self->manifest, path);
    if (!file) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: not in %s", path, self->label);
    }
    *out = file->digest;
    return NB_OK;
}

/// The stat cache of the working folder around the album's files; one that keeps nothing elsewhere.
static nb_status open_cache(nb_mix_side *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *root = nb_folder_find(self->song.album_path);
    NB_SCOPED(nb_text_free) char *album = realpath(self->song.album_path, NULL);
    NB_SCOPED(nb_folder_fini) nb_folder folder = {0};
    if (root && album && strcmp(root, album) == 0 &&
        nb_folder_open_at(root, &folder, NULL) == NB_OK) {
        return nb_folder_stat_cache(&folder, &self->cache, err);
    }
    return nb_stat_cache_open(NULL, self->song.album_path, &self->cache, err);
}

nb_status nb_mix_side_open_path(const char *path, nb_mix_side *out, nb_error *err)
{
    *out = (nb_mix_side){.label = strdup(path)};
    NB_SCOPED(nb_text_free) char *print = nb_text_format("%s/print.yaml", path);
    out->is_elsewhere = print && nb_file_exists(print);
    if (out->label && out->is_elsewhere) {
        nb_text_make_printable(out->label);
        return NB_OK;
    }
    nb_status status = out->label ? nb_song_open(path, NULL, &out->song, err)
                                  : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    if (status == NB_OK) {
        nb_text_make_printable(out->label);
        status = open_cache(out, err);
    }
    if (status == NB_OK) {
        status = nb_mix_model_make(out->song.document, digest_here, out, &out->model, err);
    }
    if (out->cache && nb_stat_cache_save(out->cache, NULL) != NB_OK) {
        return status; // it only costs time next time, and a folder may be one to read only
    }
    return status;
}

static nb_status get_document(nb_farm *farm, nb_mix_side *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_text_format("songs/%s/mix.yaml", self->name.song);
    const nb_manifest_file *file = path ? nb_manifest_find(&self->manifest, path) : NULL;
    if (!file) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s has no mix document: it was not made by a mix",
                       self->label);
    }
    if (file->size > NB_DOCUMENT_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: its mix document has %llu bytes; at most %d are read",
                       self->label, (unsigned long long)file->size, NB_DOCUMENT_BYTES_MAX);
    }
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    const nb_status status = nb_batch_bytes(farm, &file->digest, file->size, &bytes, &size, err);
    return status == NB_OK ? nb_document_parse(self->label, bytes, size, NULL, &self->document, err)
                           : status;
}

nb_status nb_mix_side_open_version(nb_farm *farm, const nb_version_name *name, nb_mix_side *out,
                                   nb_error *err)
{
    *out = (nb_mix_side){.is_version = true, .name = *name};
    nb_status status = nb_farm_show(farm, name, &out->info, err);
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__VersionInfo *info = out->info->version_info;
    snprintf(out->name.version, sizeof out->name.version, "%s", info->version);
    out->label = nb_text_format("%s@%s", out->name.song, out->name.version);
    if (!out->label) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a version's name");
    }
    nb_text_make_printable(out->label);
    out->is_elsewhere = info->source && strcmp(info->source, "mix") != 0;
    if (out->is_elsewhere) {
        return NB_OK;
    }
    status = nb_farm_manifest(farm, info->commit, &out->manifest, err);
    if (status == NB_OK) {
        status = get_document(farm, out, err);
    }
    return status == NB_OK ? nb_mix_model_make(out->document, digest_there, out, &out->model, err)
                           : status;
}

const char *nb_mix_side_source(const nb_mix_side *self)
{
    if (!self->is_elsewhere) {
        return "mix";
    }
    return self->info && strcmp(self->info->version_info->source, "master") == 0 ? "master"
                                                                                 : "print";
}

nb_status nb_mix_side_report(nb_farm *farm, const nb_mix_side *self, nb_report *out,
                             const char **out_why, nb_error *err)
{
    const Nightbus__VersionInfo *info = self->info->version_info;
    const Nightbus__OutputRow *row = nb_version_output(info, "report.json");
    *out_why = NULL;
    if (strcmp(info->state, "done") != 0 || !row) {
        *out_why = strcmp(info->state, "failed") == 0 ? "could not be rendered"
                   : strcmp(info->state, "done") == 0 ? "has no report"
                                                      : "is not rendered yet";
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    size_t size = 0;
    const nb_digest digest = nb_wire_to_digest(row->digest);
    nb_status status = nb_batch_bytes(farm, &digest, row->size, &bytes, &size, err);
    if (status == NB_E_NOT_FOUND) { // collected; `fetch` would have it rendered again
        *out_why = "is not kept any more: `nightbus fetch` renders it again";
        return NB_OK;
    }
    if (status == NB_OK) {
        status = nb_json_parse("the report", bytes, size, &json, err);
    }
    return status == NB_OK ? nb_report_from_json("the report", json, out, err) : status;
}

static nb_status find_asset(void *context, const char *path, nb_asset *out, nb_error *err)
{
    nb_mix_side *self = context;
    *out = (nb_asset){0};
    return self->is_version ? digest_there(self, path, &out->digest, err)
                            : digest_here(self, path, &out->digest, err);
}

static const nb_document *document_of(const nb_mix_side *self)
{
    return self->is_version ? self->document : self->song.document;
}

nb_status nb_mix_side_graph(nb_mix_side *self, const nb_fingerprint *fingerprint, nb_graph **out,
                            nb_error *err)
{
    return nb_graph_build(document_of(self), find_asset, self, fingerprint, NULL, out, err);
}

uint64_t nb_mix_side_file_size(const void *context, const char *path)
{
    const nb_mix_side *self = context;
    if (self->is_version) {
        const nb_manifest_file *file = nb_manifest_find(&self->manifest, path);
        return file ? file->size : 0;
    }
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->song.album_path, path);
    uint64_t size = 0;
    return full && nb_file_size(full, &size, NULL) == NB_OK ? size : 0;
}
