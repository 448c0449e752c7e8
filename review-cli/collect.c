// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/collect.h"

#include "audio/audio_file.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "mix/document.h"
#include "mix/print.h"
#include "mix/problems.h"
#include "renderer/engine/print.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAMES_MAX = 2000 };

/// One file on its way into the manifest.
typedef struct found_file {
    char *path;
    bool is_audio;
} found_file;

typedef struct collector {
    const char *folder;
    nb_stat_cache *cache;
    const volatile bool *stop;
    nb_collection *out;
    found_file *files;
    size_t file_count, file_capacity;
    json_t *seen; ///< Paths in `files`
    nb_progress progress;
    uint64_t hashed_bytes;
} collector;

void nb_collection_fini(nb_collection *self)
{
    nb_manifest_fini(&self->manifest);
    nb_text_fini(&self->problems);
    for (size_t i = 0; i < self->loose_count; i++) {
        free(self->loose[i]);
    }
    free(self->loose);
    *self = (nb_collection){0};
}

static void collector_fini(collector *self)
{
    for (size_t i = 0; i < self->file_count; i++) {
        free(self->files[i].path);
    }
    free(self->files);
    json_decref(self->seen);
}

static void close_folder(DIR **folder_p)
{
    if (*folder_p) {
        closedir(*folder_p);
    }
}

static void add_problem(collector *self, const char *format, ...) NB_PRINTF(2, 3);
static void add_problem(collector *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nb_text_addv(&self->out->problems, format, args);
    va_end(args);
    nb_text_add(&self->out->problems, "\n");
    self->out->problem_count++;
}

static void add_problems(collector *self, const char *path, const nb_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const nb_problem *problem = &problems->list[i];
        add_problem(self, "%s:%u:%u: %s", path, problem->place.line, problem->place.column,
                    problem->text);
    }
    if (problems->total > problems->count) {
        add_problem(self, "%s: and %zu more", path, problems->total - problems->count);
    }
}

static nb_status add_file(collector *self, const char *path, bool is_audio, nb_error *err)
{
    if (json_object_get(self->seen, path)) {
        return NB_OK;
    }
    if (self->file_count == NB_MANIFEST_FILES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "the album has more than %d files", NB_MANIFEST_FILES_MAX);
    }
    if (self->file_count == self->file_capacity) {
        const size_t capacity = self->file_capacity ? self->file_capacity * 2 : 64;
        found_file *grown = reallocarray(self->files, capacity, sizeof *grown);
        if (!grown) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory to list the album's files");
        }
        self->files = grown;
        self->file_capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy || json_object_set_new(self->seen, path, json_true()) != 0) {
        free(copy);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to list the album's files");
    }
    self->files[self->file_count++] = (found_file){.path = copy, .is_audio = is_audio};
    return NB_OK;
}

// ---- Documents ----

static bool has_ending(const char *name, const char *ending)
{
    const size_t length = strlen(name);
    const size_t ending_length = strlen(ending);
    return length > ending_length && strcmp(name + length - ending_length, ending) == 0;
}

static bool is_document_name(const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".md", ".txt"};
    for (size_t i = 0; i < NB_COUNT(endings); i++) {
        if (name[0] != '.' && has_ending(name, endings[i])) {
            return true;
        }
    }
    return false;
}

static nb_status add_document(collector *self, const char *path, nb_error *err)
{
    nb_error why = {0};
    if (nb_text_check_path(path, &why) != NB_OK) {
        add_problem(self, "%s", why.text);
        return NB_OK;
    }
    return add_file(self, path, false, err);
}

/// Documents below `path` ("songs", then its folders). Links to folders are not followed.
static nb_status list_documents(collector *self, const char *path, unsigned depth, nb_error *err)
{
    if (depth > NB_COLLECT_DEPTH_MAX) {
        add_problem(self, "%s: folders nested more than %d deep", path, NB_COLLECT_DEPTH_MAX);
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, path);
    NB_SCOPED(close_folder) DIR *folder = full ? opendir(full) : NULL;
    if (!folder) {
        return full ? nb_fail_errno(err, errno, "%s", path)
                    : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    nb_status status = NB_OK;
    for (const struct dirent *found = readdir(folder); found && status == NB_OK;
         found = readdir(folder)) {
        NB_SCOPED(nb_text_free) char *child = nb_file_join(path, found->d_name);
        NB_SCOPED(nb_text_free) char *child_full = child ? nb_file_join(self->folder, child) : NULL;
        struct stat info;
        if (found->d_name[0] == '.' || !child_full || lstat(child_full, &info) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode)) {
            status = list_documents(self, child, depth + 1, err);
        } else if (is_document_name(found->d_name) && stat(child_full, &info) == 0 &&
                   S_ISREG(info.st_mode)) {
            status = add_document(self, child, err);
        }
    }
    return status;
}

static nb_status list_all_documents(collector *self, nb_error *err)
{
    static const char *const tops[] = {"album.yaml", "README.md"};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(tops) && status == NB_OK; i++) {
        NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, tops[i]);
        if (full && nb_file_exists(full)) {
            status = add_document(self, tops[i], err);
        }
    }
    NB_SCOPED(nb_text_free) char *songs = nb_file_join(self->folder, "songs");
    if (status == NB_OK && songs && nb_file_is_folder(songs)) {
        status = list_documents(self, "songs", 0, err);
    }
    return status;
}

// ---- The audio that the songs' documents name ----

/// What in the folder of `path` is called almost like it, for "did you mean"; false if nothing.
static bool find_similar(const collector *self, const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    NB_SCOPED(nb_text_free)
    char *folder_path = slash ? nb_text_format("%s/%.*s", self->folder, (int)(slash - path), path)
                              : strdup(self->folder);
    NB_SCOPED(close_folder) DIR *folder = folder_path ? opendir(folder_path) : NULL;
    char **names = folder ? calloc(NAMES_MAX, sizeof *names) : NULL;
    size_t count = 0;
    if (names) {
        for (const struct dirent *found = readdir(folder); found && count < NAMES_MAX;
             found = readdir(folder)) {
            char *copy = found->d_name[0] != '.' ? strdup(found->d_name) : NULL;
            if (copy) {
                names[count++] = copy;
            }
        }
    }
    const char *nearest =
        names ? nb_text_nearest(slash ? slash + 1 : path, (const char *const *)names, count) : NULL;
    if (nearest) {
        snprintf(out, size, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, nearest);
        nb_text_make_printable(out);
    }
    const bool found_one = nearest != NULL;
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    return found_one;
}

static nb_status check_audio(collector *self, const char *path, nb_place place,
                             nb_problems *problems, nb_error *err)
{
    nb_error why = {0};
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, path);
    nb_audio_info info;
    if (nb_text_check_path(path, &why) != NB_OK) {
        nb_problems_add(problems, place, "%s", why.text);
    } else if (full && !nb_file_exists(full)) {
        char similar[200];
        if (find_similar(self, path, similar, sizeof similar)) {
            nb_problems_add(problems, place, "%s: there is no such file; did you mean %s?", path,
                            similar);
        } else {
            nb_problems_add(problems, place, "%s: there is no such file", path);
        }
    } else if (full && nb_audio_file_probe(full, path, &info, &why) != NB_OK) {
        nb_problems_add(problems, place, "%s", why.text);
    } else {
        return add_file(self, path, true, err);
    }
    return NB_OK;
}

static nb_status check_strip(collector *self, const nb_strip *strip, nb_problems *problems,
                             nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; i < strip->clip_count && status == NB_OK; i++) {
        // A file that many clips name is told of once.
        if (!json_object_get(self->seen, strip->clips[i].file)) {
            status = check_audio(self, strip->clips[i].file, strip->clips[i].place, problems, err);
        }
    }
    for (size_t i = 0; i < strip->insert_count && status == NB_OK; i++) {
        if (strip->inserts[i].file && !json_object_get(self->seen, strip->inserts[i].file)) {
            status =
                check_audio(self, strip->inserts[i].file, strip->inserts[i].place, problems, err);
        }
    }
    return status;
}

static nb_status check_mix(collector *self, const char *path, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, path);
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    size_t size = 0;
    nb_error why = {0};
    self->out->song_count++;
    if (!full || nb_file_read(full, NB_DOCUMENT_BYTES_MAX, &bytes, &size, &why) != NB_OK) {
        add_problem(self, "%s", full ? why.text : "no memory");
        return NB_OK;
    }
    if (nb_document_parse(path, bytes, size, &problems, &document, &why) != NB_OK) {
        if (problems.count == 0) {
            add_problem(self, "%s", why.text);
        }
        add_problems(self, path, &problems);
        return NB_OK;
    }
    nb_status status = NB_OK;
    for (size_t i = 0; i < document->track_count && status == NB_OK; i++) {
        status = check_strip(self, &document->tracks[i], &problems, err);
    }
    for (size_t i = 0; i < document->bus_count && status == NB_OK; i++) {
        status = check_strip(self, &document->buses[i], &problems, err);
    }
    if (status == NB_OK) {
        status = check_strip(self, &document->mix, &problems, err);
    }
    add_problems(self, path, &problems);
    return status;
}

/// What a renderer would refuse is better known here: the file is stereo and runs as it says.
static void check_printed(const collector *self, const nb_print *print, size_t index,
                          nb_problems *problems)
{
    const nb_print_file *file = &print->files[index];
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, file->path);
    nb_audio_info info;
    nb_error why = {0};
    if (!full) {
        return;
    }
    if (nb_print_probe(full, file->path, &info, &why) != NB_OK) {
        nb_problems_add(problems, file->place, "%s", why.text);
    } else if (index == 0 && info.rate_hz != print->rate_hz) {
        nb_problems_add(problems, file->place, "%s: runs at %u Hz, and rate_hz says %u", file->path,
                        info.rate_hz, print->rate_hz);
    }
}

/// The audio that a print or master document names.
static nb_status check_print(collector *self, const char *path, nb_print_kind kind, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, path);
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    size_t size = 0;
    nb_error why = {0};
    self->out->song_count += kind == NB_PRINT_MIX ? 1 : 0;
    if (!full || nb_file_read(full, NB_PRINT_BYTES_MAX, &bytes, &size, &why) != NB_OK) {
        add_problem(self, "%s", full ? why.text : "no memory");
        return NB_OK;
    }
    if (nb_print_parse(path, bytes, size, kind, &problems, &print, &why) != NB_OK) {
        if (problems.count == 0) {
            add_problem(self, "%s", why.text);
        }
        add_problems(self, path, &problems);
        return NB_OK;
    }
    nb_status status = NB_OK;
    for (size_t i = 0; i < print->file_count && status == NB_OK; i++) {
        const size_t before = problems.total;
        status = check_audio(self, print->files[i].path, print->files[i].place, &problems, err);
        if (problems.total == before) {
            check_printed(self, print, i, &problems);
        }
    }
    add_problems(self, path, &problems);
    return status;
}

/// True for "songs/SONG/" and `tail`; a SONG that is no id is a problem.
static bool is_song_document(collector *self, const char *path, const char *tail)
{
    static const char head[] = "songs/";
    const size_t length = strlen(path);
    const size_t tail_length = strlen(tail);
    if (strncmp(path, head, sizeof head - 1) != 0 || !has_ending(path, tail) ||
        length < sizeof head + tail_length) {
        return false;
    }
    char song[256];
    const size_t song_length = length - (sizeof head - 1) - tail_length;
    snprintf(song, sizeof song, "%.*s", (int)song_length, path + sizeof head - 1);
    if (strchr(song, '/')) {
        return false;
    }
    if (!nb_text_is_id(song)) {
        add_problem(self, "%s: \"%s\" is no song id: use a-z, 0-9 and '-', at most 64", path, song);
        return false;
    }
    return true;
}

static nb_status check_document(collector *self, const char *path, nb_error *err)
{
    if (is_song_document(self, path, "/mix.yaml")) {
        return check_mix(self, path, err);
    }
    if (is_song_document(self, path, "/print.yaml")) {
        return check_print(self, path, NB_PRINT_MIX, err);
    }
    return is_song_document(self, path, "/master.yaml")
               ? check_print(self, path, NB_PRINT_MASTER, err)
               : NB_OK;
}

static nb_status check_documents(collector *self, nb_error *err)
{
    nb_status status = NB_OK;
    const size_t document_count = self->file_count; // audio is added behind while we go
    for (size_t i = 0; i < document_count && status == NB_OK; i++) {
        NB_SCOPED(nb_text_free) char *path = strdup(self->files[i].path);
        status = path ? check_document(self, path, err)
                      : nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
    }
    return status;
}

// ---- Digests ----

static void on_hashed(void *context, uint64_t bytes)
{
    collector *self = context;
    self->hashed_bytes += bytes;
    nb_progress_update(&self->progress, self->hashed_bytes);
}

/// Bytes that must be read because their digest is not known.
static uint64_t bytes_to_hash(const collector *self)
{
    uint64_t total = 0;
    for (size_t i = 0; i < self->file_count; i++) {
        NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, self->files[i].path);
        struct stat info;
        nb_digest digest;
        if (full && stat(full, &info) == 0 &&
            !nb_stat_cache_knows(self->cache, self->files[i].path, &info, &digest)) {
            total += (uint64_t)info.st_size;
        }
    }
    return total;
}

static nb_status hash_files(collector *self, nb_error *err)
{
    nb_progress_start(&self->progress, "hashing", NB_PROGRESS_BYTES, bytes_to_hash(self), 0);
    nb_status status = NB_OK;
    for (size_t i = 0; i < self->file_count && status == NB_OK; i++) {
        const found_file *file = &self->files[i];
        nb_digest digest;
        uint64_t size = 0;
        status = nb_stat_cache_digest(self->cache, file->path, on_hashed, self, self->stop, &digest,
                                      &size, err);
        if (status == NB_OK && !file->is_audio && size > NB_MANIFEST_DOCUMENT_BYTES_MAX) {
            add_problem(self, "%s: larger than %d MiB, too large for a document", file->path,
                        NB_MANIFEST_DOCUMENT_BYTES_MAX >> 20);
        } else if (status == NB_OK) {
            status = nb_manifest_add(&self->out->manifest, file->path, &digest, size, err);
        }
    }
    nb_progress_finish(&self->progress, self->hashed_bytes);
    return status;
}

// ---- What nobody names ----

static nb_status note_loose(collector *self, const char *path, uint64_t size, nb_error *err)
{
    nb_collection *out = self->out;
    if (!out->loose) {
        out->loose = calloc(NB_COLLECT_LOOSE_MAX, sizeof *out->loose);
    }
    char *copy = out->loose ? strdup(path) : NULL;
    if (!copy) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to list the album's files");
    }
    out->loose[out->loose_count++] = copy;
    out->loose_bytes += size;
    return NB_OK;
}

static nb_status list_loose(collector *self, const char *path, unsigned depth, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *full = nb_file_join(self->folder, path);
    NB_SCOPED(close_folder) DIR *folder = full ? opendir(full) : NULL;
    nb_status status = NB_OK;
    if (!folder || depth > NB_COLLECT_DEPTH_MAX) {
        return NB_OK; // only a hint: what cannot be read is not told of
    }
    for (const struct dirent *found = readdir(folder); found && status == NB_OK;
         found = readdir(folder)) {
        NB_SCOPED(nb_text_free) char *child = nb_file_join(path, found->d_name);
        NB_SCOPED(nb_text_free) char *child_full = child ? nb_file_join(self->folder, child) : NULL;
        struct stat info;
        if (found->d_name[0] == '.' || !child_full || lstat(child_full, &info) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode)) {
            status = list_loose(self, child, depth + 1, err);
        } else if (S_ISREG(info.st_mode) && !json_object_get(self->seen, child) &&
                   self->out->loose_count < NB_COLLECT_LOOSE_MAX) {
            status = note_loose(self, child, (uint64_t)info.st_size, err);
        }
    }
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

nb_status nb_collect(const char *folder, nb_stat_cache *cache, const volatile bool *stop,
                     nb_collection *out, nb_error *err)
{
    *out = (nb_collection){0};
    NB_SCOPED(collector_fini)
    collector self = {
        .folder = folder, .cache = cache, .stop = stop, .out = out, .seen = json_object()};
    if (!self.seen) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to list the album's files");
    }
    nb_status status = list_all_documents(&self, err);
    if (status == NB_OK) {
        status = check_documents(&self, err);
    }
    if (status == NB_OK) {
        status = hash_files(&self, err);
    }
    if (status == NB_OK) {
        status = list_loose(&self, "audio", 0, err);
    }
    if (status == NB_OK && out->loose_count > 1) {
        qsort(out->loose, out->loose_count, sizeof *out->loose, by_name);
    }
    if (status == NB_OK && out->problems.failed) {
        status = nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of problems");
    }
    return status;
}
