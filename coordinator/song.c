// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/song.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char songs_prefix[] = "songs/";
static const char document_name[] = "/mix.yaml";

bool nb_song_of_path(const char *path, char out_song[NB_SONG_SIZE])
{
    const size_t prefix = sizeof songs_prefix - 1;
    if (strncmp(path, songs_prefix, prefix) != 0) {
        return false;
    }
    const char *slash = strchr(path + prefix, '/');
    const size_t length = slash ? (size_t)(slash - path) - prefix : 0;
    if (length == 0 || length >= NB_SONG_SIZE || strcmp(slash, document_name) != 0) {
        return false;
    }
    memcpy(out_song, path + prefix, length);
    out_song[length] = '\0';
    return nb_text_is_id(out_song);
}

void nb_song_path(const char *song, char out_path[NB_SONG_PATH_SIZE])
{
    snprintf(out_path, NB_SONG_PATH_SIZE, "%s%s%s", songs_prefix, song, document_name);
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

nb_status nb_song_check(const char *path, const char *bytes, size_t size,
                        const nb_manifest *manifest, nb_error *err)
{
    NB_SCOPED(nb_problems_fini) nb_problems problems = {.file_name = strdup(path)};
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    nb_status status = nb_document_parse(path, bytes, size, &problems, &document, err);
    if (status != NB_OK) {
        return status;
    }
    // The graph names each missing file at its place; its keys are not used here.
    const nb_fingerprint any = {.core_revision = 1, .cpu_class = "any"};
    NB_SCOPED(nb_graph_destroy) nb_graph *graph = NULL;
    nb_manifest copy = *manifest; // the lookup takes no const; it changes nothing
    return nb_graph_build(document, nb_song_find_asset, &copy, &any, &problems, &graph, err);
}

nb_status nb_song_digest(const char *path, const char *bytes, size_t size,
                         const nb_manifest *manifest, nb_digest *out, nb_error *err)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    const nb_status status = nb_document_parse(path, bytes, size, NULL, &document, err);
    nb_manifest copy = *manifest; // as above
    return (status == NB_OK) ? nb_document_digest(document, nb_song_find_digest, &copy, out, err)
                             : status;
}
