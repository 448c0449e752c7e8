// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/plan.h"

#include "base/json.h"
#include "base/text.h"
#include "mix/fingerprint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char format_name[] = "nightbus-plan/1";
enum { VERSION_LENGTH_MAX = 16 };
static const int64_t file_size_max = INT64_C(1) << 50;

void nb_plan_fini(nb_plan *self)
{
    for (size_t i = 0; i < self->file_count; i++) {
        free(self->files[i].path);
    }
    free(self->files);
    free(self->outputs);
    free(self->freezes);
    free(self->album);
    free(self->song);
    free(self->version);
    free(self->fingerprint);
    *self = (nb_plan){0};
}

// ---- Names of outputs ----

static const char alternate_prefix[] = "alternate/";
static const char stem_prefix[] = "stem/";

void nb_output_name(const nb_sink *sink, char out[NB_OUTPUT_NAME_SIZE])
{
    static const char *const prefixes[] = {
        [NB_SINK_MIX] = "", [NB_SINK_ALTERNATE] = alternate_prefix, [NB_SINK_STEM] = stem_prefix};
    snprintf(out, NB_OUTPUT_NAME_SIZE, "%s%s", prefixes[sink->kind], sink->name);
}

void nb_output_wav_name(const char *output, char out[NB_OUTPUT_NAME_SIZE])
{
    snprintf(out, NB_OUTPUT_NAME_SIZE, "%.80s.wav", output);
}

void nb_output_report_name(const char *output, char out[NB_OUTPUT_NAME_SIZE])
{
    if (strcmp(output, "mix") == 0) {
        snprintf(out, NB_OUTPUT_NAME_SIZE, "report.json");
        return;
    }
    snprintf(out, NB_OUTPUT_NAME_SIZE, "%.80s.report.json", output);
}

void nb_freeze_name(const nb_digest *key, char out[NB_OUTPUT_NAME_SIZE])
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(key, hex);
    snprintf(out, NB_OUTPUT_NAME_SIZE, "freeze/%s", hex);
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool nb_output_is_stem(const char *output) { return starts_with(output, stem_prefix); }

size_t nb_output_sink(const nb_graph *graph, const char *output)
{
    char name[NB_OUTPUT_NAME_SIZE];
    size_t sink = 0;
    for (; sink < graph->sink_count; sink++) {
        nb_output_name(&graph->sinks[sink], name);
        if (strcmp(name, output) == 0) {
            break;
        }
    }
    return sink;
}

static bool is_output_name(const char *name)
{
    if (strcmp(name, "mix") == 0) {
        return true;
    }
    const bool alternate = starts_with(name, alternate_prefix);
    if (!alternate && !nb_output_is_stem(name)) {
        return false;
    }
    return nb_text_is_id(name + strlen(alternate ? alternate_prefix : stem_prefix));
}

// ---- Writing ----

static const char *const kind_names[] = {[NB_PLAN_RENDER] = "render",
                                         [NB_PLAN_PRINT] = "print",
                                         [NB_PLAN_MASTER] = "master",
                                         [NB_PLAN_FREEZE] = "freeze"};

static json_t *json_digest(const nb_digest *digest)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(digest, hex);
    return json_string(hex);
}

static json_t *json_outputs(const nb_plan *self)
{
    json_t *outputs = json_array();
    for (size_t i = 0; outputs && i < self->output_count; i++) {
        json_array_append_new(outputs, json_pack("{s:s, s:o}", "name", self->outputs[i].name, "key",
                                                 json_digest(&self->outputs[i].key)));
    }
    return outputs;
}

static json_t *json_freezes(const nb_plan *self)
{
    json_t *freezes = json_array();
    for (size_t i = 0; freezes && i < self->freeze_count; i++) {
        const nb_plan_freeze *freeze = &self->freezes[i];
        json_t *item = json_pack("{s:o}", "key", json_digest(&freeze->key));
        if (item && freeze->is_kept) {
            json_object_set_new(item, "sha256", json_digest(&freeze->digest));
            json_object_set_new(item, "size", json_integer((json_int_t)freeze->size));
        }
        json_array_append_new(freezes, item);
    }
    return freezes;
}

char *nb_plan_format(const nb_plan *self)
{
    NB_SCOPED(nb_json_free) json_t *files = json_array();
    for (size_t i = 0; files && i < self->file_count; i++) {
        const nb_plan_file *file = &self->files[i];
        json_t *item = json_pack("{s:s, s:o, s:I}", "path", file->path, "sha256",
                                 json_digest(&file->digest), "size", (json_int_t)file->size);
        if (json_array_append_new(files, item) < 0) {
            return NULL;
        }
    }
    NB_SCOPED(nb_json_free)
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:O}", "format", format_name, "album",
        self->album, "song", self->song, "version", self->version, "fingerprint", self->fingerprint,
        "document", json_digest(&self->document), "document_size", (json_int_t)self->document_size,
        "mix_key", json_digest(&self->mix_key), "outputs", json_outputs(self), "files", files);
    if (json && self->kind != NB_PLAN_RENDER &&
        json_object_set_new(json, "kind", json_string(kind_names[self->kind])) != 0) {
        return NULL;
    }
    if (json && self->freeze_count > 0 &&
        json_object_set_new(json, "freezes", json_freezes(self)) != 0) {
        return NULL;
    }
    return json ? nb_json_line(json) : NULL;
}

// ---- Reading ----

static nb_status take_string(const json_t *json, const char *key, char **out, nb_error *err)
{
    const char *text = NULL;
    const nb_status status = nb_json_get_string("plan", json, key, &text, err);
    if (status != NB_OK) {
        return status;
    }
    *out = strdup(text);
    if (!*out) {
        nb_fail(err, NB_E_NO_MEMORY, "plan: no memory");
        return NB_E_NO_MEMORY;
    }
    return NB_OK;
}

static nb_status take_id(const json_t *json, const char *key, char **out, nb_error *err)
{
    const nb_status status = take_string(json, key, out, err);
    if (status == NB_OK && !nb_text_is_id(*out)) {
        return nb_fail(err, NB_E_INVALID, "plan: %s '%.70s' is not an id", key, *out);
    }
    return status;
}

static nb_status take_digest(const json_t *json, const char *key, nb_digest *out, nb_error *err)
{
    const char *hex = NULL;
    const nb_status status = nb_json_get_string("plan", json, key, &hex, err);
    return status == NB_OK ? nb_digest_from_hex(hex, out, err) : status;
}

static nb_status take_size(const json_t *json, const char *key, uint64_t *out, nb_error *err)
{
    int64_t size = 0;
    const nb_status status = nb_json_get_integer("plan", json, key, &size, err);
    if (status == NB_OK && (size < 0 || size > file_size_max)) {
        return nb_fail(err, NB_E_INVALID, "plan: %s of %lld bytes", key, (long long)size);
    }
    *out = (uint64_t)size;
    return status;
}

/// "v3".
static nb_status take_version(const json_t *json, char **out, nb_error *err)
{
    const nb_status status = take_string(json, "version", out, err);
    if (status != NB_OK) {
        return status;
    }
    const size_t length = strlen(*out);
    const bool good = length >= 2 && length <= VERSION_LENGTH_MAX &&
                      ((*out)[0] == 'v' || (*out)[0] == 'm') &&
                      strspn(*out + 1, "0123456789") == length - 1;
    return good ? NB_OK : nb_fail(err, NB_E_INVALID, "plan: version '%.40s' is not like v3", *out);
}

static nb_status take_file(const json_t *item, nb_plan_file *out, nb_error *err)
{
    nb_status status = take_string(item, "path", &out->path, err);
    if (status == NB_OK) {
        status = nb_text_check_path(out->path, err);
    }
    if (status == NB_OK) {
        status = take_digest(item, "sha256", &out->digest, err);
    }
    return status == NB_OK ? take_size(item, "size", &out->size, err) : status;
}

static int by_path(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/// A path given twice could be two different files.
static nb_status check_distinct(const nb_plan *plan, nb_error *err)
{
    const char **paths = calloc(plan->file_count + 1, sizeof *paths);
    if (!paths) {
        return nb_fail(err, NB_E_NO_MEMORY, "plan: no memory");
    }
    for (size_t i = 0; i < plan->file_count; i++) {
        paths[i] = plan->files[i].path;
    }
    qsort(paths, plan->file_count, sizeof *paths, by_path);
    nb_status status = NB_OK;
    for (size_t i = 1; i < plan->file_count && status == NB_OK; i++) {
        if (strcmp(paths[i - 1], paths[i]) == 0) {
            status = nb_fail(err, NB_E_INVALID, "plan: '%.200s' is there twice", paths[i]);
        }
    }
    free(paths);
    return status;
}

static nb_status take_files(const json_t *json, nb_plan *out, nb_error *err)
{
    json_t *files = NULL;
    nb_status status = nb_json_get_array("plan", json, "files", &files, err);
    if (status != NB_OK) {
        return status;
    }
    const size_t count = json_array_size(files);
    if (count > NB_PLAN_FILES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "plan: %zu files; at most %d are allowed", count,
                       NB_PLAN_FILES_MAX);
    }
    out->files = calloc(count + 1, sizeof *out->files);
    if (!out->files) {
        return nb_fail(err, NB_E_NO_MEMORY, "plan: no memory for %zu files", count);
    }
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        out->file_count = i + 1;
        status = take_file(json_array_get(files, i), &out->files[i], err);
    }
    return status == NB_OK ? check_distinct(out, err) : status;
}

static nb_status take_output(const json_t *item, nb_plan_output *out, nb_error *err)
{
    const char *name = NULL;
    const nb_status status = nb_json_get_string("plan", item, "name", &name, err);
    if (status != NB_OK) {
        return status;
    }
    if (strlen(name) >= sizeof out->name || !is_output_name(name)) {
        return nb_fail(err, NB_E_INVALID, "plan: '%.100s' is not a name for an output", name);
    }
    snprintf(out->name, sizeof out->name, "%s", name);
    return take_digest(item, "key", &out->key, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const nb_plan_output *)a)->name, ((const nb_plan_output *)b)->name);
}

static nb_status take_outputs(const json_t *json, nb_plan *out, nb_error *err)
{
    json_t *outputs = NULL;
    nb_status status = nb_json_get_array("plan", json, "outputs", &outputs, err);
    if (status != NB_OK) {
        return status;
    }
    const size_t count = json_array_size(outputs);
    if (out->kind == NB_PLAN_FREEZE && count > 0) {
        return nb_fail(err, NB_E_INVALID, "plan: %zu outputs where only edges are made", count);
    }
    if ((count == 0 && out->kind != NB_PLAN_FREEZE) || count > NB_PLAN_OUTPUTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "plan: %zu outputs; 1 to %d are allowed", count,
                       NB_PLAN_OUTPUTS_MAX);
    }
    out->outputs = calloc(count + 1, sizeof *out->outputs);
    if (!out->outputs) {
        return nb_fail(err, NB_E_NO_MEMORY, "plan: no memory for %zu outputs", count);
    }
    out->output_count = count;
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        status = take_output(json_array_get(outputs, i), &out->outputs[i], err);
    }
    if (status == NB_OK) {
        qsort(out->outputs, count, sizeof *out->outputs, by_name);
    }
    for (size_t i = 1; i < count && status == NB_OK; i++) {
        if (strcmp(out->outputs[i - 1].name, out->outputs[i].name) == 0) {
            status = nb_fail(err, NB_E_INVALID, "plan: output '%s' is there twice",
                             out->outputs[i].name);
        }
    }
    return status;
}

static nb_status take_freeze(const json_t *item, nb_plan_freeze *out, nb_error *err)
{
    nb_status status = take_digest(item, "key", &out->key, err);
    out->is_kept = status == NB_OK && json_object_get(item, "sha256") != NULL;
    if (out->is_kept) {
        status = take_digest(item, "sha256", &out->digest, err);
    }
    return (status == NB_OK && out->is_kept) ? take_size(item, "size", &out->size, err) : status;
}

/// There may be none, and no key for them.
static nb_status take_freezes(const json_t *json, nb_plan *out, nb_error *err)
{
    json_t *freezes = NULL;
    if (!json_object_get(json, "freezes")) {
        return NB_OK;
    }
    nb_status status = nb_json_get_array("plan", json, "freezes", &freezes, err);
    const size_t count = (status == NB_OK) ? json_array_size(freezes) : 0;
    if (count > NB_PLAN_FREEZES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "plan: %zu freezes; at most %d are allowed", count,
                       NB_PLAN_FREEZES_MAX);
    }
    out->freezes = calloc(count + 1, sizeof *out->freezes);
    if (!out->freezes) {
        return nb_fail(err, NB_E_NO_MEMORY, "plan: no memory for %zu freezes", count);
    }
    for (size_t i = 0; i < count && status == NB_OK; i++) {
        status = take_freeze(json_array_get(freezes, i), &out->freezes[out->freeze_count++], err);
    }
    return status;
}

static nb_status take_fingerprint(const json_t *json, nb_plan *out, nb_error *err)
{
    nb_fingerprint parsed;
    const nb_status status = take_string(json, "fingerprint", &out->fingerprint, err);
    return status == NB_OK ? nb_fingerprint_parse(out->fingerprint, &parsed, err) : status;
}

/// A plan without a kind is one to render.
static nb_status take_kind(const json_t *json, nb_plan_kind *out, nb_error *err)
{
    const char *name = NULL;
    *out = NB_PLAN_RENDER;
    if (!json_object_get(json, "kind")) {
        return NB_OK;
    }
    const nb_status status = nb_json_get_string("plan", json, "kind", &name, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i < NB_COUNT(kind_names); i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *out = (nb_plan_kind)i;
            return NB_OK;
        }
    }
    return nb_fail(err, NB_E_VERSION, "plan: kind '%.40s' is not one that this renderer knows",
                   name);
}

static nb_status take_all(const json_t *json, nb_plan *out, nb_error *err)
{
    const char *format = NULL;
    nb_status status = nb_json_get_string("plan", json, "format", &format, err);
    if (status == NB_OK && strcmp(format, format_name) != 0) {
        return nb_fail(err, NB_E_VERSION, "plan: format '%.40s' where %s is expected", format,
                       format_name);
    }
    status = status == NB_OK ? take_kind(json, &out->kind, err) : status;
    status = status == NB_OK ? take_id(json, "album", &out->album, err) : status;
    status = status == NB_OK ? take_id(json, "song", &out->song, err) : status;
    status = status == NB_OK ? take_version(json, &out->version, err) : status;
    status = status == NB_OK ? take_fingerprint(json, out, err) : status;
    status = status == NB_OK ? take_digest(json, "document", &out->document, err) : status;
    status = status == NB_OK ? take_size(json, "document_size", &out->document_size, err) : status;
    status = status == NB_OK ? take_digest(json, "mix_key", &out->mix_key, err) : status;
    status = status == NB_OK ? take_outputs(json, out, err) : status;
    status = status == NB_OK ? take_freezes(json, out, err) : status;
    if (status == NB_OK && out->kind == NB_PLAN_FREEZE && out->freeze_count == 0) {
        status = nb_fail(err, NB_E_INVALID, "plan: neither outputs nor edges to make");
    }
    return status == NB_OK ? take_files(json, out, err) : status;
}

nb_status nb_plan_parse(const char *bytes, size_t size, nb_plan *out, nb_error *err)
{
    *out = (nb_plan){0};
    if (size > NB_PLAN_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "plan: %zu bytes; at most %d are allowed", size,
                       NB_PLAN_BYTES_MAX);
    }
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    nb_status status = nb_json_parse("plan", bytes, size, &json, err);
    if (status != NB_OK) {
        return status;
    }
    status = take_all(json, out, err);
    if (status != NB_OK) {
        nb_plan_fini(out);
    }
    return status;
}
