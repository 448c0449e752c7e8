// SPDX-License-Identifier: GPL-3.0-or-later
/// @file rig.h  Songs, files and graphs for the engine's tests, in a folder of their own.

#ifndef NB_TESTS_RENDERER_RIG_H
#define NB_TESTS_RENDERER_RIG_H
#include "mix/graph.h"
#include "renderer/engine/render_as.h"
#include "renderer/engine/song.h"

/// cmocka setup and teardown: *state is the folder's path.
int rig_setup(void **state);
int rig_teardown(void **state);

/// "folder/name" in one of a few static buffers.
const char *rig_path(const char *folder, const char *name);

/// Noise from a fixed generator, the same everywhere; peak `level`.
void rig_write_noise(const char *path, unsigned rate_hz, unsigned channels, int64_t frames,
                     unsigned seed, float level);

/// All interleaved samples of a file; free() them.
float *rig_read(const char *path, int64_t *out_frames, unsigned *out_channels);

/// SHA-256 in hex of a file's samples as 32-bit floats.
void rig_pcm_digest(const char *path, char out[NB_DIGEST_HEX_SIZE]);

/// Write the album of tests/golden/everything.yaml into the folder, open it, build its graph.
void rig_everything(const char *folder, nb_song *out_song, nb_graph **out_graph);

/// A graph made by hand: add nodes, then rig_graph_finish.
typedef struct rig_graph {
    nb_graph graph;
    nb_asset assets[8];
    nb_node nodes[64];
    nb_graph_clip clips[64][2];
    size_t inputs[64][16];
    nb_sink sink;
    const char *folder;
} rig_graph;

void rig_graph_start(rig_graph *self, const char *folder, unsigned rate_hz, int64_t frames);
/// The asset of a file in the folder; its header says the rest.
size_t rig_graph_asset(rig_graph *self, const char *name);
/// The whole asset as one clip at `at_frame`.
size_t rig_graph_clips(rig_graph *self, const char *name, size_t asset, unsigned channels,
                       int64_t at_frame);
size_t rig_graph_processor(rig_graph *self, const char *name, const nb_processor *processor,
                           unsigned channels, size_t input, int sidechain, const double *values);
size_t rig_graph_sum(rig_graph *self, const char *name, const size_t *inputs, size_t count,
                     unsigned channels);
/// NB_NODE_PART of `input`.
size_t rig_graph_part(rig_graph *self, const char *name, nb_part part, size_t input);
/// NB_NODE_JOIN: `whole` with its part replaced by `replaced`.
size_t rig_graph_join(rig_graph *self, const char *name, nb_part part, size_t replaced,
                      size_t whole);
/// `node` becomes the sink "mix".
void rig_graph_finish(rig_graph *self, size_t node);
/// Render the first sink alone.
nb_status rig_render(const nb_graph *graph, const nb_render_options *options, const char *path,
                     nb_report *out_report, nb_error *err);
/// Options that find the graph's files.
nb_render_options rig_graph_options(rig_graph *self);

#endif // NB_TESTS_RENDERER_RIG_H
