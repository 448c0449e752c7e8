// SPDX-License-Identifier: GPL-3.0-or-later
/// @file song.h  A song folder or a mix document on this machine, made ready to render or to push.

#ifndef NB_RENDERER_ENGINE_SONG_H
#define NB_RENDERER_ENGINE_SONG_H
#include "mix/document.h"
#include "mix/graph.h"

typedef struct nb_song {
    char *document_path; ///< ".../songs/night/mix.yaml"
    /// Folder that the document's paths start at: the nearest one at or above it with an
    /// album.yaml, else the one that holds songs/SONG, or the document's own.
    char *album_path;
    nb_document *document;
} nb_song;

/// Open `path`: a mix document, or a folder that holds mix.yaml. All mistakes go to `problems`.
NB_NODISCARD nb_status nb_song_open(const char *path, nb_problems *problems, nb_song *out,
                                    nb_error *err);
void nb_song_fini(nb_song *self);

/// Probe the files and build the graph under this engine's fingerprint, to be rendered here. Its
/// keys are for this process alone: files count by their place on this machine, not by their bytes.
NB_NODISCARD nb_status nb_song_graph(const nb_song *self, nb_problems *problems, nb_graph **out,
                                     nb_error *err);

/// nb_render_locate for files of the album folder; `context` is the nb_song.
nb_status nb_song_locate(void *context, const nb_asset *asset, char **out_path, nb_error *err);

#endif // NB_RENDERER_ENGINE_SONG_H
