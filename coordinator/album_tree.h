// SPDX-License-Identifier: GPL-3.0-or-later
/// @file album_tree.h  A revision's files as a git tree and back: documents as they are, all else
/// as Git LFS pointers (specification v1).

#ifndef NB_COORDINATOR_ALBUM_TREE_H
#define NB_COORDINATOR_ALBUM_TREE_H
#include "coordinator/revisions_private.h"

enum { NB_LFS_POINTER_MAX = 200 }; ///< Ours have at most 150 bytes

/// Write the blobs and trees of these files, with .gitattributes beside them.
NB_NODISCARD nb_status nb_album_tree_write(const nb_revisions *self, const nb_manifest *manifest,
                                           git_tree **out_tree, nb_error *err);

NB_NODISCARD nb_status nb_album_tree_read(const nb_revisions *self, const git_tree *tree,
                                          nb_manifest *out, nb_error *err);

/// The pointer's text. `out` has room for NB_LFS_POINTER_MAX characters.
void nb_lfs_pointer_format(const nb_digest *digest, uint64_t size, char *out);
NB_NODISCARD nb_status nb_lfs_pointer_parse(const char *text, size_t size, nb_digest *out_digest,
                                            uint64_t *out_size, nb_error *err);

#endif // NB_COORDINATOR_ALBUM_TREE_H
