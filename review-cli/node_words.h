// SPDX-License-Identifier: GPL-3.0-or-later
/// @file node_words.h  Renderers as the commands about them show them.

#ifndef NB_REVIEW_CLI_NODE_WORDS_H
#define NB_REVIEW_CLI_NODE_WORDS_H
#include "review-cli/command.h"
#include "review-cli/farm.h"

/// A table of the renderers, or their JSON.
NB_NODISCARD nb_status nb_nodes_print(const nb_cli *cli, const Nightbus__NodeListing *listing,
                                      nb_error *err);

#endif // NB_REVIEW_CLI_NODE_WORDS_H
