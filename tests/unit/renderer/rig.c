// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.h"

#include "audio/audio_file.h"
#include "base/file.h"
#include "tests/test.h"

#include <unistd.h>

int rig_setup(void **state)
{
    char *folder = strdup("/tmp/nightbus-test-XXXXXX");
    *state = folder;
    return (folder && mkdtemp(folder)) ? 0 : -1;
}

int rig_teardown(void **state)
{
    char *folder = *state;
    const nb_status status = nb_file_remove_all(folder, NULL);
    free(folder);
    return (status == NB_OK) ? 0 : -1;
}

const char *rig_path(const char *folder, const char *name)
{
    static char buffers[4][512];
    static unsigned next;
    char *buffer = buffers[next++ % 4];
    (void)snprintf(buffer, sizeof buffers[0], "%s/%s", folder, name);
    return buffer;
}

void rig_write_noise(const char *path, unsigned rate_hz, unsigned channels, int64_t frames,
                     unsigned seed, float level)
{
    nb_audio_writer *writer = NULL;
    assert_ok(nb_audio_writer_open(path, rate_hz, channels, frames, &writer, err));
    uint32_t noise = seed * 2654435761U + 1U;
    float block[2 * 512];
    for (int64_t at = 0; at < frames; at += 512) {
        const size_t count = (frames - at < 512) ? (size_t)(frames - at) : 512;
        for (size_t i = 0; i < count * channels; i++) {
            noise = noise * 1664525U + 1013904223U;
            // Bursts with gaps between them, so that detectors have something to do.
            const float swell = (at / 4096) % 3 == 2 ? 0.02F : 1.0F;
            block[i] = (float)((int32_t)(noise & 0xFFFFFF00U)) * 0x1p-31F * level * swell;
        }
        assert_ok(nb_audio_writer_write(writer, block, count, err));
    }
    assert_ok(nb_audio_writer_close(&writer, err));
}

float *rig_read(const char *path, int64_t *out_frames, unsigned *out_channels)
{
    nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(path, NULL, &file, err));
    const nb_audio_info info = *nb_audio_file_info(file);
    float *samples = malloc((size_t)info.frames * info.channels * sizeof *samples);
    assert_non_null(samples);
    assert_ok(nb_audio_file_read(file, samples, (size_t)info.frames, err));
    nb_audio_file_destroy(&file);
    *out_frames = info.frames;
    *out_channels = info.channels;
    return samples;
}

void rig_pcm_digest(const char *path, char out[NB_DIGEST_HEX_SIZE])
{
    int64_t frames = 0;
    unsigned channels = 0;
    float *samples = rig_read(path, &frames, &channels);
    const nb_digest digest = nb_digest_of(samples, (size_t)frames * channels * sizeof *samples);
    nb_digest_to_hex(&digest, out);
    free(samples);
}

static void write_impulse(const char *path)
{
    enum { FRAMES = 20000 };
    static float decay[2 * FRAMES];
    nb_audio_writer *writer = NULL;
    uint32_t noise = 77;
    float level = 0.5F;
    for (size_t i = 0; i < NB_COUNT(decay); i++) {
        noise = noise * 1664525U + 1013904223U;
        decay[i] = (float)((int32_t)(noise & 0xFFFFFF00U)) * 0x1p-31F * level;
        level *= 0.9998F;
    }
    assert_ok(nb_audio_writer_open(path, 44100, 2, FRAMES, &writer, err));
    assert_ok(nb_audio_writer_write(writer, decay, FRAMES, err));
    assert_ok(nb_audio_writer_close(&writer, err));
}

void rig_everything(const char *folder, nb_song *out_song, nb_graph **out_graph)
{
    char *document = NULL;
    size_t size = 0;
    assert_ok(nb_file_read(NB_GOLDEN_FOLDER "/everything.yaml", NB_DOCUMENT_BYTES_MAX, &document,
                           &size, err));
    assert_ok(nb_file_make_folders(rig_path(folder, "songs/everything"), 0777, err));
    assert_ok(nb_file_make_folders(rig_path(folder, "audio"), 0777, err));
    assert_ok(
        nb_file_write(rig_path(folder, "songs/everything/mix.yaml"), document, size, 0666, err));
    assert_ok(nb_file_write(rig_path(folder, "album.yaml"), "", 0, 0666, err));
    free(document);
    rig_write_noise(rig_path(folder, "audio/mono48.wav"), 48000, 1, 100001, 1, 0.5F);
    rig_write_noise(rig_path(folder, "audio/mono44.wav"), 44100, 1, 80000, 2, 0.4F);
    rig_write_noise(rig_path(folder, "audio/stereo48.wav"), 48000, 2, 95000, 3, 0.3F);
    rig_write_noise(rig_path(folder, "audio/stereo96.wav"), 96000, 2, 150000, 4, 0.4F);
    write_impulse(rig_path(folder, "audio/impulse.wav"));
    nb_problems problems = {0};
    assert_ok(nb_song_open(rig_path(folder, "songs/everything"), &problems, out_song, err));
    assert_ok(nb_song_graph(out_song, &problems, out_graph, err));
    assert_int_equal(problems.total, 0);
    nb_problems_fini(&problems);
}

static const nb_tempo tempo = {0, 120.0};

void rig_graph_start(rig_graph *self, const char *folder, unsigned rate_hz, int64_t frames)
{
    *self = (rig_graph){.folder = folder};
    self->graph = (nb_graph){.rate_hz = rate_hz,
                             .frames = frames,
                             .assets = self->assets,
                             .nodes = self->nodes,
                             .sinks = &self->sink,
                             .sink_count = 1,
                             .tempos = &tempo,
                             .tempo_count = 1};
}

size_t rig_graph_asset(rig_graph *self, const char *name)
{
    nb_audio_info info;
    assert_ok(nb_audio_file_probe(rig_path(self->folder, name), NULL, &info, err));
    const size_t index = self->graph.asset_count++;
    self->assets[index] = (nb_asset){
        .path = name, .rate_hz = info.rate_hz, .channels = info.channels, .frames = info.frames};
    return index;
}

static nb_node *add_node(rig_graph *self, nb_node_kind kind, const char *name, unsigned channels)
{
    nb_node *node = &self->nodes[self->graph.node_count];
    *node = (nb_node){.kind = kind,
                      .name = name,
                      .channels = channels,
                      .inputs = self->inputs[self->graph.node_count],
                      .clips = self->clips[self->graph.node_count],
                      .sidechain = -1,
                      .asset = -1,
                      .end_frame = self->graph.frames};
    self->graph.node_count++;
    return node;
}

size_t rig_graph_clips(rig_graph *self, const char *name, size_t asset, unsigned channels,
                       int64_t at_frame)
{
    const size_t index = self->graph.node_count;
    nb_node *node = add_node(self, NB_NODE_CLIPS, name, channels);
    const nb_asset *file = &self->assets[asset];
    node->clip_count = 1;
    self->clips[index][0] = (nb_graph_clip){
        .asset = asset,
        .at_frame = at_frame,
        .length_frames = (file->frames * self->graph.rate_hz + file->rate_hz / 2) / file->rate_hz,
        .gain = 1.0};
    return index;
}

size_t rig_graph_processor(rig_graph *self, const char *name, const nb_processor *processor,
                           unsigned channels, size_t input, int sidechain, const double *values)
{
    const size_t index = self->graph.node_count;
    nb_node *node = add_node(self, NB_NODE_PROCESSOR, name, channels);
    node->input_count = 1;
    self->inputs[index][0] = input;
    node->sidechain = sidechain;
    node->settings = (nb_settings){.processor = processor,
                                   .rate_hz = self->graph.rate_hz,
                                   .channels = channels,
                                   .input_is_mono = self->nodes[input].channels == 1,
                                   .values = values,
                                   .tempos = &tempo,
                                   .tempo_count = 1};
    node->latency_frames = processor->latency(&node->settings);
    return index;
}

size_t rig_graph_sum(rig_graph *self, const char *name, const size_t *inputs, size_t count,
                     unsigned channels)
{
    const size_t index = self->graph.node_count;
    add_node(self, NB_NODE_SUM, name, channels)->input_count = count;
    memcpy(self->inputs[index], inputs, count * sizeof *inputs);
    return index;
}

size_t rig_graph_part(rig_graph *self, const char *name, nb_part part, size_t input)
{
    const size_t index = self->graph.node_count;
    nb_node *node = add_node(self, NB_NODE_PART, name, 1);
    node->part = part;
    node->input_count = 1;
    node->end_frame = self->nodes[input].end_frame;
    self->inputs[index][0] = input;
    return index;
}

size_t rig_graph_join(rig_graph *self, const char *name, nb_part part, size_t replaced,
                      size_t whole)
{
    const size_t index = self->graph.node_count;
    nb_node *node = add_node(self, NB_NODE_JOIN, name, self->nodes[whole].channels);
    const int64_t ends[2] = {self->nodes[replaced].end_frame, self->nodes[whole].end_frame};
    node->part = part;
    node->input_count = 2;
    node->end_frame = (ends[0] > ends[1]) ? ends[0] : ends[1];
    self->inputs[index][0] = replaced;
    self->inputs[index][1] = whole;
    return index;
}

void rig_graph_finish(rig_graph *self, size_t node)
{
    self->sink = (nb_sink){.name = "mix", .node = node, .frames = self->graph.frames};
}

nb_status rig_render(const nb_graph *graph, const nb_render_options *options, const char *path,
                     nb_report *out_report, nb_error *err)
{
    const nb_render_output output = {.wav_path = path, .report = out_report};
    return nb_render_run(graph, &output, 1, options, err);
}

static nb_status locate(void *context, const nb_asset *asset, char **out_path, nb_error *err)
{
    const rig_graph *self = context;
    *out_path = nb_file_join(self->folder, asset->path);
    return *out_path ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory");
}

nb_render_options rig_graph_options(rig_graph *self)
{
    return (nb_render_options){.locate = locate, .locate_context = self};
}
