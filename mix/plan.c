// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/plan.h"

#include "base/json.h"
#include "base/text.h"
#include "mix/fingerprint.h"

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
    free(self->album);
    free(self->song);
    free(self->version);
    free(self->fingerprint);
    *self = (nb_plan){0};
}

static json_t *json_digest(const nb_digest *digest)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(digest, hex);
    return json_string(hex);
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
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:O}", "format", format_name, "album",
        self->album, "song", self->song, "version", self->version, "fingerprint", self->fingerprint,
        "document", json_digest(&self->document), "document_size", (json_int_t)self->document_size,
        "mix_key", json_digest(&self->mix_key), "files", files);
    return json ? nb_json_line(json) : NULL;
}

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

static nb_status take_fingerprint(const json_t *json, nb_plan *out, nb_error *err)
{
    nb_fingerprint parsed;
    const nb_status status = take_string(json, "fingerprint", &out->fingerprint, err);
    return status == NB_OK ? nb_fingerprint_parse(out->fingerprint, &parsed, err) : status;
}

static nb_status take_all(const json_t *json, nb_plan *out, nb_error *err)
{
    const char *format = NULL;
    nb_status status = nb_json_get_string("plan", json, "format", &format, err);
    if (status == NB_OK && strcmp(format, format_name) != 0) {
        return nb_fail(err, NB_E_VERSION, "plan: format '%.40s' where %s is expected", format,
                       format_name);
    }
    status = status == NB_OK ? take_id(json, "album", &out->album, err) : status;
    status = status == NB_OK ? take_id(json, "song", &out->song, err) : status;
    status = status == NB_OK ? take_version(json, &out->version, err) : status;
    status = status == NB_OK ? take_fingerprint(json, out, err) : status;
    status = status == NB_OK ? take_digest(json, "document", &out->document, err) : status;
    status = status == NB_OK ? take_size(json, "document_size", &out->document_size, err) : status;
    status = status == NB_OK ? take_digest(json, "mix_key", &out->mix_key, err) : status;
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
