// SPDX-License-Identifier: GPL-3.0-or-later
/// @file keys.h  The key of a node: the hash of all that can change its samples.

#ifndef NB_MIX_KEYS_H
#define NB_MIX_KEYS_H
#include "mix/graph.h"

/// A clip as its key has it: before the file's header was asked for anything.
typedef struct nb_key_clip {
    const nb_graph_clip *clip;
    const nb_digest *file;
    double gain_db;  ///< Not the factor: its last bit could depend on the machine
    bool to_the_end; ///< No length given
} nb_key_clip;

/// What the keys of one graph share.
typedef struct nb_key_context {
    const nb_fingerprint *fingerprint;
    unsigned rate_hz;
    const nb_tempo *tempos;
    size_t tempo_count;
    nb_hasher *hasher;
} nb_key_context;

nb_digest nb_key_of_clips(const nb_key_context *self, const nb_key_clip *clips, size_t count);

/// Of the node's settings, lanes, inputs (in `nodes`) and `file`, which may be null.
nb_digest nb_key_of_processor(const nb_key_context *self, const nb_node *nodes, const nb_node *node,
                              const nb_digest *file);

/// Of NB_NODE_PART and NB_NODE_JOIN.
nb_digest nb_key_of_part(const nb_key_context *self, const nb_node *nodes, const nb_node *node);

nb_digest nb_key_of_sum(const nb_key_context *self, const nb_node *nodes, const nb_node *node);

/// The same for what decides a node's length alone: which clips stand where, and what rings behind
/// them. A fader, a pan or a compressor does not. Of several inputs (sums and joins) the longest;
/// `tail` is what the processor says without its file.
nb_digest nb_key_length_of_clips(const nb_key_context *self, const nb_key_clip *clips,
                                 size_t count);
nb_digest nb_key_length_of_inputs(const nb_key_context *self, const nb_node *nodes,
                                  const nb_node *node);
nb_digest nb_key_length_of_processor(const nb_key_context *self, const nb_node *nodes,
                                     const nb_node *node, const nb_digest *file, size_t tail);

#endif // NB_MIX_KEYS_H
