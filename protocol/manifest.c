// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/manifest.h"

#include "base/json.h"
#include "base/text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

static const char format_name[] = "nightbus-manifest/1";

enum { PATH_BYTES_MAX = 1000 };

void nb_manifest_fini(nb_manifest *self)
{
    for (size_t i = 0; i < self->file_count; i++) {
        free(self->files[i].path);
    }
    free(self->files);
    *self = (nb_manifest){0};
}

/// Add behind the last one, in whatever order.
static nb_status append(nb_manifest *self, const char *path, const nb_digest *digest, uint64_t size,
                        nb_error *err)
{
    nb_status status = nb_text_check_path(path, err);
    if (status != NB_OK) {
        return status;
    }
    if (self->file_count == NB_MANIFEST_FILES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: an album has at most %d files; split it", path,
                       NB_MANIFEST_FILES_MAX);
    }
    if (size > INT64_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: no file is that large", path);
    }
    // Capacity is the next power of two, so it needs no field of its own.
    if ((self->file_count & (self->file_count - 1)) == 0) {
        const size_t capacity = self->file_count ? 2 * self->file_count : 1;
        nb_manifest_file *files = realloc(self->files, capacity * sizeof *files);
        if (!files) {
            return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for the manifest", path);
        }
        self->files = files;
    }
    char *copy = strdup(path);
    if (!copy) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory for the manifest", path);
    }
    self->files[self->file_count++] = (nb_manifest_file){copy, *digest, size};
    return NB_OK;
}

static int compare_files(const void *a, const void *b)
{
    const nb_manifest_file *left = a;
    const nb_manifest_file *right = b;
    return strcmp(left->path, right->path);
}

static void sort_files(nb_manifest *self)
{
    if (self->file_count > 1) {
        qsort(self->files, self->file_count, sizeof *self->files, compare_files);
    }
}

nb_status nb_manifest_add(nb_manifest *self, const char *path, const nb_digest *digest,
                          uint64_t size, nb_error *err)
{
    const nb_status status = append(self, path, digest, size, err);
    if (status != NB_OK) {
        return status;
    }
    // Paths mostly come in order, and then nothing moves.
    const nb_manifest_file added = self->files[self->file_count - 1];
    size_t at = self->file_count - 1;
    while (at > 0 && strcmp(self->files[at - 1].path, path) > 0) {
        at--;
    }
    memmove(self->files + at + 1, self->files + at,
            (self->file_count - 1 - at) * sizeof *self->files);
    self->files[at] = added;
    return NB_OK;
}

const nb_manifest_file *nb_manifest_find(const nb_manifest *self, const char *path)
{
    size_t low = 0;
    size_t high = self->file_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(self->files[middle].path, path);
        if (order == 0) {
            return &self->files[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

static json_t *file_to_json(const nb_manifest_file *file)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&file->digest, hex);
    return json_pack("{s:s, s:s, s:I}", "path", file->path, "sha256", hex, "size",
                     (json_int_t)file->size);
}

char *nb_manifest_format(nb_manifest *self)
{
    sort_files(self); // for one that was filled by hand
    json_t *files = json_array();
    bool whole = files != NULL;
    for (size_t i = 0; whole && i < self->file_count; i++) {
        whole = json_array_append_new(files, file_to_json(&self->files[i])) == 0;
    }
    NB_SCOPED(nb_json_free)
    json_t *json = json_pack("{s:s, s:o}", "format", format_name, "files", files);
    return whole && json ? nb_json_line(json) : NULL;
}

/// One code point of well-formed UTF-8; moves `at_p` behind it.
static wint_t next_code_point(const char **at_p)
{
    const unsigned char *at = (const unsigned char *)*at_p;
    static const unsigned char lead_mask[] = {0x7f, 0x7f, 0x1f, 0x0f, 0x07};
    size_t length = 1;
    if (at[0] >= 0xf0) {
        length = 4;
    } else if (at[0] >= 0xe0) {
        length = 3;
    } else if (at[0] >= 0xc0) {
        length = 2;
    }
    wint_t point = at[0] & lead_mask[length];
    for (size_t i = 1; i < length; i++) {
        point = point << 6 | (at[i] & 0x3f);
    }
    *at_p += length;
    return point;
}

/// The path as a file system that ignores case sees it, in new memory.
static char *fold_case(const char *path, locale_t locale)
{
    NB_SCOPED(nb_text_fini) nb_text folded = {0};
    for (const char *at = path; *at != '\0';) {
        const wint_t point = next_code_point(&at);
        // Upper case first: ſ and s, ς and σ meet there.
        nb_text_addf(&folded, "%x.", (unsigned)towlower_l(towupper_l(point, locale), locale));
    }
    return nb_text_take(&folded);
}

/// A path and its folded form, to sort by the latter.
typedef struct folded_path {
    char *folded;
    const char *path;
} folded_path;

static int compare_folded(const void *a, const void *b)
{
    const folded_path *left = a;
    const folded_path *right = b;
    return strcmp(left->folded, right->folded);
}

/// A folded path that runs on behind the folder `folder`.
static bool lies_below(const char *folded, const char *folder)
{
    static const char slash[] = "2f.";
    const size_t length = strlen(folder);
    return strncmp(folded, folder, length) == 0 &&
           strncmp(folded + length, slash, sizeof slash - 1) == 0;
}

/// The smallest entry not before `key`.
static size_t lower_bound(const folded_path *rows, size_t count, const char *key)
{
    size_t low = 0;
    while (count > 0) {
        const size_t half = count / 2;
        if (strcmp(rows[low + half].folded, key) < 0) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

static nb_status check_folded(const folded_path *rows, size_t count, nb_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(rows[i - 1].folded, rows[i].folded) == 0) {
            return nb_fail(err, NB_E_INVALID,
                           "%s and %s are one file where case does not count: rename one",
                           rows[i - 1].path, rows[i].path);
        }
        char key[16 + 8 * PATH_BYTES_MAX];
        snprintf(key, sizeof key, "%s2f.", rows[i].folded);
        const size_t below = lower_bound(rows, count, key);
        if (below < count && lies_below(rows[below].folded, rows[i].folded)) {
            return nb_fail(err, NB_E_INVALID, "%s is both a file and the folder of %s",
                           rows[i].path, rows[below].path);
        }
    }
    return NB_OK;
}

/// No two paths may be one file, and none may be the folder of another, on any file system.
static nb_status check_paths(const nb_manifest *self, nb_error *err)
{
    // Always there in glibc; without it only ASCII is folded.
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (locale == (locale_t)0) {
        locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
    }
    folded_path *rows = calloc(self->file_count + 1, sizeof *rows);
    bool whole = rows && locale != (locale_t)0;
    for (size_t i = 0; whole && i < self->file_count; i++) {
        rows[i] = (folded_path){fold_case(self->files[i].path, locale), self->files[i].path};
        whole = rows[i].folded != NULL;
    }
    nb_status status = NB_OK;
    if (whole && self->file_count > 0) {
        qsort(rows, self->file_count, sizeof *rows, compare_folded);
        status = check_folded(rows, self->file_count, err);
    } else if (!whole) {
        status = nb_fail(err, NB_E_NO_MEMORY, "manifest: no memory");
    }
    for (size_t i = 0; rows && i < self->file_count; i++) {
        free(rows[i].folded);
    }
    free(rows);
    if (locale != (locale_t)0) {
        freelocale(locale);
    }
    return status;
}

static nb_status parse_file(const json_t *json, nb_manifest *manifest, nb_error *err)
{
    const char *path = NULL;
    const char *hex = NULL;
    int64_t size = 0;
    nb_digest digest;
    nb_status status = nb_json_get_string("manifest", json, "path", &path, err);
    if (status == NB_OK) {
        status = nb_json_get_string("manifest", json, "sha256", &hex, err);
    }
    if (status == NB_OK) {
        status = nb_json_get_integer("manifest", json, "size", &size, err);
    }
    if (status == NB_OK) {
        status = nb_digest_from_hex(hex, &digest, err);
    }
    if (status == NB_OK && (size < 0 || json_object_size(json) != 3)) {
        status = nb_fail(err, NB_E_INVALID,
                         "manifest: %s: a file has path, sha256 and size, and no other key", path);
    }
    return status == NB_OK ? append(manifest, path, &digest, (uint64_t)size, err) : status;
}

nb_status nb_manifest_parse(const char *bytes, size_t size, nb_manifest *out, nb_error *err)
{
    *out = (nb_manifest){0};
    if (size > NB_MANIFEST_BYTES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "manifest: %zu bytes; at most %d are read", size,
                       NB_MANIFEST_BYTES_MAX);
    }
    NB_SCOPED(nb_json_free) json_t *json = NULL;
    const char *format = NULL;
    json_t *files = NULL;
    nb_status status = nb_json_parse("manifest", bytes, size, &json, err);
    if (status == NB_OK) {
        status = nb_json_get_string("manifest", json, "format", &format, err);
    }
    if (status == NB_OK && strcmp(format, format_name) != 0) {
        status = nb_fail(err, NB_E_VERSION, "manifest: format '%.40s'; this one reads %s", format,
                         format_name);
    }
    if (status == NB_OK) {
        status = nb_json_get_array("manifest", json, "files", &files, err);
    }
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    for (size_t i = 0; status == NB_OK && i < json_array_size(files); i++) {
        status = parse_file(json_array_get(files, i), &manifest, err);
    }
    if (status == NB_OK) {
        status = check_paths(&manifest, err);
    }
    if (status == NB_OK) {
        sort_files(&manifest);
        *out = manifest;
        manifest = (nb_manifest){0}; // the caller's now
    }
    return status;
}

bool nb_manifest_is_document(const char *path)
{
    static const char *const endings[] = {".yaml", ".yml", ".md", ".txt", ".json"};
    const size_t length = strlen(path);
    for (size_t i = 0; i < NB_COUNT(endings); i++) {
        const size_t ending = strlen(endings[i]);
        if (length >= ending && strcmp(path + length - ending, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}
