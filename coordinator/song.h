// SPDX-License-Identifier: GPL-3.0-or-later
/// @file song.h  The songs of a revision: their ids, documents and digests.

#ifndef NB_COORDINATOR_SONG_H
#define NB_COORDINATOR_SONG_H
#include "coordinator/ledger.h"
#include "mix/document.h"
#include "mix/graph.h"
#include "protocol/manifest.h"

enum { NB_SONG_PATH_SIZE = NB_SONG_SIZE + sizeof "songs//mix.yaml" };

/// True where `path` is songs/SONG/mix.yaml; the id is copied.
bool nb_song_of_path(const char *path, char out_song[NB_SONG_SIZE]);
/// "songs/SONG/mix.yaml"
void nb_song_path(const char *song, char out_path[NB_SONG_PATH_SIZE]);

/// Looks a path up in the nb_manifest that `context` is: for nb_document_digest and nb_graph_build.
nb_digest_lookup nb_song_find_digest;
nb_asset_lookup nb_song_find_asset;

/// Parse the document and check that every file it names is in the manifest.
NB_NODISCARD nb_status nb_song_check(const char *path, const char *bytes, size_t size,
                                     const nb_manifest *manifest, nb_error *err);

/// The song digest of a document whose files are all in the manifest.
NB_NODISCARD nb_status nb_song_digest(const char *path, const char *bytes, size_t size,
                                      const nb_manifest *manifest, nb_digest *out, nb_error *err);

#endif // NB_COORDINATOR_SONG_H
