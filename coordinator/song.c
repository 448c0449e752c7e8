// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/song.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char songs_prefix[] = "songs/";
static const char *const document_names[] = {[NB_SOURCE_MIX] = "mix.yaml",
                                             [NB_SOURCE_PRINT] = "print.yaml",
                                             [NB_SOURCE_MASTER] = "master.yaml"};

bool nb_song_of_path(const char *path, char out_song[NB_SONG_SIZE], nb_source *out_source)
{
    const size_t prefix = sizeof songs_prefix - 1;
    if (strncmp(path, songs_prefix, prefix) != 0) {
        return false;
    }
    const char *slash = strchr(path + prefix, '/');
    const size_t length = slash ? (size_t)(slash - path) - prefix : 0;
    if (length == 0 || length >= NB_SONG_SIZE) {
        return false;
    }
    memcpy(out_song, path + prefix, length);
    out_song[length] = '\0';
    for (size_t i = 0; i < NB_COUNT(document_names); i++) {
        if (strcmp(slash + 1, document_names[i]) == 0) {
            *out_source = (nb_source)i;
            return nb_text_is_id(out_song);
        }
    }
    return false;
}

void nb_song_path(const char *song, nb_source source, char out_path[NB_SONG_PATH_SIZE])
{
    snprintf(out_path, NB_SONG_PATH_SIZE, "%s%s/%s", songs_prefix, song, document_names[source]);
}

bool nb_song_is_heard(const nb_manifest *manifest, const char *song, nb_source source)
{
    char print[NB_SONG_PATH_SIZE];
    nb_song_path(song, NB_SOURCE_PRINT, print);
    return source == NB_SOURCE_PRINT ||
           (source == NB_SOURCE_MIX && !nb_manifest_find(manifest, print));
}

nb_status nb_song_find_digest(void *context, const char *path, nb_digest *out, nb_error *err)
{
    const nb_manifest_file *file = nb_manifest_find(context, path);
    if (!file) {
        return nb_fail(err, NB_E_NOT_FOUND, "no file %s in this revision", path);
    }
    *out = file->digest;
    return NB_OK;
}

nb_status nb_song_find_asset(void *context, const char *path, nb_asset *out, nb_error *err)
{
    *out = (nb_asset){0}; // what the header says is the renderer's to find out
    return nb_song_find_digest(context, path, &out->digest, err);
}

nb_status nb_song_parse_print(const char *path, const char *bytes, size_t size, nb_source source,
                              nb_problems *problems, nb_print **out, nb_error *err)
{
    const nb_print_kind kind = (source == NB_SOURCE_MASTER) ? NB_PRINT_MASTER : NB_PRINT_MIX;
    return nb_print_parse(path, bytes, size, kind, problems, out, err);
}

static nb_status check_print(const char *path, const char *bytes, size_t size, nb_source source,
                             const nb_manifest *manifest, nb_error *err)
{
    NB_SCOPED(nb_problems_fini) nb_problems problems = {.file_name = strdup(path)};
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    const nb_status status = nb_song_parse_print(path, bytes, size, source, &problems, &print, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i < print->file_count; i++) {
        if (!nb_manifest_find(manifest, print->files[i].path)) {
            nb_problems_add(&problems, print->files[i].place, "no file %s in this revision",
                            print->files[i].path);
        }
    }
    return nb_problems_status(&problems, err);
}

static nb_status check_mix(const char *path, const char *bytes, size_t size,
                           const nb_manifest *manifest, nb_error *err)
{
    NB_SCOPED(nb_problems_fini) nb_problems problems = {.file_name = strdup(path)};
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    const nb_status status = nb_document_parse(path, bytes, size, &problems, &document, err);
    if (status != NB_OK) {
        return status;
    }
    // The graph names each missing file at its place; its keys are not used here.
    const nb_fingerprint any = {.core_revision = 1, .cpu_class = "any"};
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = NULL;
    nb_manifest copy = *manifest; // the lookup takes no const; it changes nothing
    return nb_graph_build(document, nb_song_find_asset, &copy, &any, &problems, &graph, err);
}

nb_status nb_song_check(const char *path, const char *bytes, size_t size, nb_source source,
                        const nb_manifest *manifest, nb_error *err)
{
    return source == NB_SOURCE_MIX ? check_mix(path, bytes, size, manifest, err)
                                   : check_print(path, bytes, size, source, manifest, err);
}

static nb_status read_print_version(const char *path, const char *bytes, size_t size,
                                    nb_manifest *manifest, nb_version *out, nb_error *err)
{
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    const nb_status status = nb_song_parse_print(path, bytes, size, out->source, NULL, &print, err);
    if (status != NB_OK) {
        return status;
    }
    snprintf(out->mix, sizeof out->mix, "%s", print->mix);
    out->mix_digest = print->mix_digest;
    return nb_print_digest(print, nb_song_find_digest, manifest, &out->song_digest, err);
}

nb_status nb_song_read_version(const char *path, const char *bytes, size_t size,
                               const nb_manifest *manifest, nb_version *out, nb_error *err)
{
    nb_manifest copy = *manifest; // as above
    *out = (nb_version){0};
    if (!nb_song_of_path(path, out->song, &out->source)) {
        return nb_fail(err, NB_E_INVALID, "%s: not the document of a song", path);
    }
    if (out->source != NB_SOURCE_MIX) {
        return read_print_version(path, bytes, size, &copy, out, err);
    }
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    const nb_status status = nb_document_parse(path, bytes, size, NULL, &document, err);
    return (status == NB_OK)
               ? nb_document_digest(document, nb_song_find_digest, &copy, &out->song_digest, err)
               : status;
}
