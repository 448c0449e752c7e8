// SPDX-License-Identifier: GPL-3.0-or-later
/// @file graph.h  One song's render: every processor and every edge, each edge with its key.
///
/// Made from a document by pure computation. A node makes exactly one edge, so "the key of the
/// node" and "the key of the edge" are the same thing. Bypassed inserts, muted paths and closed
/// sends are already gone. All times are frames at the song's rate.
///
/// Keys depend on the document, the files' digests and the fingerprint only. What the files'
/// headers say (channels, frames) follows from their digests: a graph made without that knowledge
/// (nb_asset.channels == 0; the coordinator's) has the same keys, but cannot be rendered.

#ifndef NB_MIX_GRAPH_H
#define NB_MIX_GRAPH_H
#include "base/arena.h"
#include "base/digest.h"
#include "dsp/processor.h"
#include "mix/document.h"
#include "mix/fingerprint.h"

enum { NB_KEY_FORMAT = 1 };

/// An audio file that the graph reads.
typedef struct nb_asset {
    const char *path;
    nb_digest digest;
    unsigned rate_hz;  ///< 0 if not known
    unsigned channels; ///< 1 or 2; 0 if not known. Impulse responses: up to 4
    int64_t frames;    ///< At rate_hz
    bool is_freeze;    ///< A kept edge: its samples are taken as they are, to the bit
} nb_asset;

/// NB_NODE_PART and NB_NODE_JOIN work in 64 bit: M = (L + R) / 2, S = (L - R) / 2, L = M + S,
/// R = M - S. Of a mono edge, mid, left and right are the edge itself and side is silence; putting
/// a side back into it leaves it as it was.
typedef enum nb_node_kind {
    NB_NODE_CLIPS,     ///< Reads assets
    NB_NODE_PROCESSOR, ///< One input, perhaps a sidechain
    NB_NODE_SUM,       ///< Inputs added in 64 bit in their order; mono goes to both channels
    NB_NODE_PART,      ///< One part of its input, in mono: what an insert on mid or side hears
    NB_NODE_JOIN,      ///< Its second input with one part replaced by its first, in mono
} nb_node_kind;

typedef struct nb_graph_clip {
    size_t asset;
    int64_t at_frame;
    int64_t offset_frames; ///< Into the file after conversion to the song's rate
    int64_t length_frames;
    double gain; ///< Linear
    int64_t fade_in_frames, fade_out_frames;
    nb_fade_shape fade_in_shape, fade_out_shape;
} nb_graph_clip;

typedef struct nb_graph_point {
    int64_t frame;
    double value;
} nb_graph_point;

/// A lane as the engine follows it.
typedef struct nb_graph_lane {
    size_t control; ///< See nb_block
    const nb_param *param;
    nb_curve curve;
    size_t point_count;
    const nb_graph_point *points;
} nb_graph_lane;

typedef struct nb_node {
    nb_node_kind kind;
    const char *name; ///< "vox", "vox/comp", "vox/fader", "vox/pan", "vox/sends/plate", "plate/sum"
    nb_digest key;
    nb_digest length_key; ///< Of what decides its length alone; zeros for silence
    unsigned channels;    ///< 1 or 2; 0 if not known
    size_t input_count;
    const size_t *inputs; ///< Nodes before this one; a sum's are in the order of their ids
    int sidechain;        ///< Node index, or -1

    size_t clip_count; ///< NB_NODE_CLIPS: in order of at_frame, then id
    const nb_graph_clip *clips;

    nb_part part;         ///< NB_NODE_PART, NB_NODE_JOIN; never NB_PART_ALL
    nb_settings settings; ///< NB_NODE_PROCESSOR; `audio` is filled by the engine
    int asset;            ///< The impulse response, or -1
    size_t lane_count;
    const nb_graph_lane *lanes;
    size_t latency_frames; ///< Of the processor
    int64_t end_frame;     ///< No sample other than zero at or after this frame
} nb_node;

typedef enum nb_sink_kind {
    NB_SINK_MIX,       ///< One, and the first
    NB_SINK_ALTERNATE, ///< One for each of the document's, in its order
    NB_SINK_STEM ///< One for each strip that feeds the mix bus of the mix, in the order of ids
} nb_sink_kind;

/// An edge that can be written as a file. A stem is as it arrives at the mix bus.
typedef struct nb_sink {
    nb_sink_kind kind;
    const char *name; ///< "mix", or the id of the alternate or strip
    size_t node;
    int64_t frames; ///< Length of the file; that of a stem is the mix's, so that they line up
} nb_sink;

typedef struct nb_graph {
    nb_arena *arena; ///< Owns all below
    unsigned rate_hz;
    size_t asset_count;
    nb_asset *assets;
    size_t node_count;
    nb_node *nodes; ///< Inputs stand before what they feed
    size_t sink_count;
    const nb_sink *sinks;
    size_t tempo_count;
    const nb_tempo *tempos;
    int64_t tail_max_frames;
    int64_t frames; ///< Length of the mix: its last clip's end and what rings after it
} nb_graph;

/// Finds digest and (where known) header facts of a path; fails with NB_E_NOT_FOUND and the like.
/// `out->path` need not be set.
typedef nb_status nb_asset_lookup(void *context, const char *path, nb_asset *out, nb_error *err);

/// Build the graph of `document`. Every missing or unfit file is a problem at its place.
NB_NODISCARD nb_status nb_graph_build(const nb_document *document, nb_asset_lookup *lookup,
                                      void *context, const nb_fingerprint *fingerprint,
                                      nb_problems *problems, nb_graph **out, nb_error *err);

void nb_graph_destroy(nb_graph **self_p);

/// The key of a sink's whole output: that of its node, the limit on what rings at the end, and for
/// a stem what decides the length of the mix, which is its own. It is nb_plan.mix_key for the sink
/// "mix".
void nb_graph_output_key(const nb_graph *self, size_t sink, nb_digest *out);

/// Write the lane's values at frames first .. first + count - 1 to out[0], out[stride], ...: at
/// each frame a closed formula of that frame.
void nb_graph_lane_fill(const nb_graph_lane *self, int64_t first_frame, size_t count, size_t stride,
                        double *out);

#endif // NB_MIX_GRAPH_H
