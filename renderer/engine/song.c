// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/engine/song.h"

#include "audio/audio_file.h"
#include "base/file.h"
#include "base/text.h"
#include "renderer/engine/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/// Replace the path by its folder's; "/" stays.
static void go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) {
        slash[slash == path] = '\0';
    }
}

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory for a path");
}

static nb_status find_document(const char *path, char **out_path, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *absolute = nb_file_absolute(path);
    if (!absolute) {
        return no_memory(err);
    }
    *out_path = nb_file_is_folder(absolute) ? nb_file_join(absolute, "mix.yaml")
                                            : nb_text_format("%s", absolute);
    if (!*out_path) {
        return no_memory(err);
    }
    if (!nb_file_exists(*out_path)) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: no such mix document", *out_path);
    }
    return NB_OK;
}

/// From ".../songs/SONG" to the album's folder, which the farm takes for it with or without an
/// album.yaml; any other folder stays.
static void leave_songs(char *folder)
{
    static const char songs[] = "/songs";
    const size_t length = strlen(songs);
    char *song = strrchr(folder, '/');
    if (song && (size_t)(song - folder) > length && memcmp(song - length, songs, length) == 0) {
        song[-(ptrdiff_t)length] = '\0';
    }
}

/// The nearest folder at or above the document's that holds an album.yaml; else the one that holds
/// songs/SONG, or the document's own.
static nb_status find_album(const char *document_path, char **out_path, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *own = nb_text_format("%s", document_path);
    NB_SCOPED(nb_text_free) char *folder = nb_text_format("%s", document_path);
    if (!own || !folder) {
        return no_memory(err);
    }
    go_up(own);
    leave_songs(own);
    go_up(folder);
    for (;;) {
        NB_SCOPED(nb_text_free) char *album = nb_file_join(folder, "album.yaml");
        if (!album) {
            return no_memory(err);
        }
        const bool found = nb_file_exists(album);
        if (found || strcmp(folder, "/") == 0 || !strchr(folder, '/')) {
            *out_path = nb_text_format("%s", found ? folder : own);
            return *out_path ? NB_OK : no_memory(err);
        }
        go_up(folder);
    }
}

nb_status nb_song_open(const char *path, nb_problems *problems, nb_song *out, nb_error *err)
{
    *out = (nb_song){0};
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    nb_status status = find_document(path, &out->document_path, err);
    if (status == NB_OK) {
        status = find_album(out->document_path, &out->album_path, err);
    }
    if (status == NB_OK) {
        status = nb_file_read(out->document_path, NB_DOCUMENT_BYTES_MAX, &bytes, &size, err);
    }
    if (status == NB_OK) { // mistakes are named by the path as it was given
        NB_SCOPED(nb_text_free)
        char *name =
            nb_file_is_folder(path) ? nb_file_join(path, "mix.yaml") : nb_text_format("%s", path);
        status = name ? nb_document_parse(name, bytes, size, problems, &out->document, err)
                      : no_memory(err);
    }
    if (status != NB_OK) {
        nb_song_fini(out);
    }
    return status;
}

void nb_song_fini(nb_song *self)
{
    nb_document_destroy(&self->document);
    free(self->document_path);
    free(self->album_path);
    *self = (nb_song){0};
}

static nb_status join_album(const nb_song *self, const char *path, char **out_path, nb_error *err)
{
    nb_status status = nb_text_check_path(path, err);
    if (status != NB_OK) {
        return status;
    }
    *out_path = nb_file_join(self->album_path, path);
    return *out_path ? NB_OK : no_memory(err);
}

nb_status nb_song_locate(void *context, const nb_asset *asset, char **out_path, nb_error *err)
{
    return join_album(context, asset->path, out_path, err);
}

/// nb_asset_lookup: the header of a file of the album. Its digest is of what the file system says,
/// not of the bytes, whose hash would cost a third of the render: within one graph that tells files
/// apart just as well.
static nb_status look_up(void *context, const char *path, nb_asset *out, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *full = NULL;
    nb_audio_info info;
    nb_status status = join_album(context, path, &full, err);
    if (status == NB_OK && !nb_file_exists(full)) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: no such file in %s", path,
                       ((const nb_song *)context)->album_path);
    }
    if (status == NB_OK) {
        status = nb_audio_file_probe(full, path, &info, err);
    }
    struct stat there;
    if (status == NB_OK && stat(full, &there) != 0) {
        return nb_fail(err, NB_E_IO, "%s: %s", path, strerror(errno));
    }
    if (status == NB_OK) {
        const uint64_t identity[] = {(uint64_t)there.st_dev, (uint64_t)there.st_ino};
        out->digest = nb_digest_of(identity, sizeof identity);
        out->rate_hz = info.rate_hz;
        out->channels = info.channels;
        out->frames = info.frames;
    }
    return status;
}

nb_status nb_song_graph(const nb_song *self, nb_problems *problems, nb_graph **out, nb_error *err)
{
    *out = NULL;
    nb_fingerprint fingerprint;
    nb_status status = nb_engine_fingerprint(&fingerprint, err);
    if (status != NB_OK) {
        return status;
    }
    nb_song song = *self; // the lookup's context is not const
    return nb_graph_build(self->document, look_up, &song, &fingerprint, problems, out, err);
}
