// SPDX-License-Identifier: GPL-3.0-or-later
/// @file song.h  The songs of a revision: their ids, documents and digests.

#ifndef NB_COORDINATOR_SONG_H
#define NB_COORDINATOR_SONG_H
#include "coordinator/ledger.h"
#include "coordinator/revisions.h"
#include "mix/document.h"
#include "mix/graph.h"
#include "mix/print.h"
#include "protocol/manifest.h"

enum { NB_SONG_PATH_SIZE = NB_SONG_SIZE + sizeof "songs//master.yaml" };

/// The document that a version of a song is made of, or false where `path` is none: songs/SONG/
/// mix.yaml, print.yaml or master.yaml. The id is copied.
bool nb_song_of_path(const char *path, char out_song[NB_SONG_SIZE], nb_source *out_source);
/// "songs/SONG/mix.yaml"
void nb_song_path(const char *song, nb_source source, char out_path[NB_SONG_PATH_SIZE]);
/// Is the document one that its revision's newest mix is made of? A print goes before the mix
/// document beside it. A master never is.
bool nb_song_is_heard(const nb_manifest *manifest, const char *song, nb_source source);

/// Looks a path up in the nb_manifest that `context` is: for nb_document_digest and nb_graph_build.
nb_digest_lookup nb_song_find_digest;
nb_asset_lookup nb_song_find_asset;

/// Parse a print or master document.
NB_NODISCARD nb_status nb_song_parse_print(const char *path, const char *bytes, size_t size,
                                           nb_source source, nb_problems *problems, nb_print **out,
                                           nb_error *err);

/// Parse the document and check that every file it names is in the manifest.
NB_NODISCARD nb_status nb_song_check(const char *path, const char *bytes, size_t size,
                                     nb_source source, const nb_manifest *manifest, nb_error *err);

/// What a version is made of by this document, whose files are all in the manifest: its source, its
/// song digest, and of a master the mix that it pins.
NB_NODISCARD nb_status nb_song_read_version(const char *path, const char *bytes, size_t size,
                                            const nb_manifest *manifest, nb_version *out,
                                            nb_error *err);

#endif // NB_COORDINATOR_SONG_H
