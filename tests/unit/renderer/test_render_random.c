// SPDX-License-Identifier: GPL-3.0-or-later
// Graphs drawn at random, with all that a song can have: however the schedule arranges them, and on
// however many threads, the samples are those of the plain schedule (each node alone, each edge
// kept).
#include "rig.h"

#include "tests/test.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 9000, SONGS = 300, VALUES_MAX = 24, MOVES_MAX = 32 };

/// A drawn graph, and the memory of its settings.
typedef struct drawn {
    rig_graph rig;
    uint32_t state;
    double values[64][VALUES_MAX];
    double bands[64][VALUES_MAX];
    bool moving[64][2 * VALUES_MAX];
    nb_graph_lane lanes[64];
    nb_graph_point points[64][2];
    size_t mono, stereo; ///< Assets
} drawn;

static uint32_t draw(drawn *self, uint32_t below)
{
    self->state = self->state * 1664525U + 1013904223U;
    return (uint32_t)(((uint64_t)(self->state >> 8) * below) >> 24);
}

static size_t draw_node(drawn *self) { return draw(self, (uint32_t)self->rig.graph.node_count); }

static void add_clips(drawn *self)
{
    const bool stereo = draw(self, 3) == 0;
    const size_t n = rig_graph_clips(&self->rig, "clips", stereo ? self->stereo : self->mono,
                                     stereo ? 2 : 1, draw(self, 3) * 700);
    nb_graph_clip *clip = &self->rig.clips[n][0];
    clip->length_frames = 1 + draw(self, 8000);
    self->rig.nodes[n].end_frame = clip->at_frame + clip->length_frames;
}

/// One of the parameters follows a line.
static void move_one(drawn *self, size_t n)
{
    nb_node *node = &self->rig.nodes[n];
    const nb_processor *processor = node->settings.processor;
    const size_t p = draw(self, (uint32_t)processor->param_count);
    if (processor->param_count == 0 || !processor->params[p].automatable) {
        return;
    }
    const nb_param *param = &processor->params[p];
    self->moving[n][p] = true;
    const double low = fmax(param->min, -30.0);
    self->points[n][0] = (nb_graph_point){500, low};
    self->points[n][1] = (nb_graph_point){7000, fmin(param->max, low + 20.0)};
    self->lanes[n] = (nb_graph_lane){p, param, NB_CURVE_LINE, 2, self->points[n]};
    node->lanes = &self->lanes[n];
    node->lane_count = 1;
    node->settings.moving = self->moving[n];
}

static void add_processor(drawn *self)
{
    static const char *const names[] = {"gain",      "gain",       "gain",  "pan",     "pan",
                                        "equaliser", "compressor", "delay", "limiter", "equaliser"};
    const char *name = names[draw(self, NB_COUNT(names))];
    const nb_processor *processor = nb_processor_find(name);
    // Mostly behind the newest node, so that chains grow; sometimes behind any.
    const size_t input = draw(self, 3) ? self->rig.graph.node_count - 1 : draw_node(self);
    const unsigned fed = self->rig.nodes[input].channels;
    const unsigned channels = (strcmp(name, "pan") == 0 || draw(self, 8) == 0) ? 2 : fed;
    const size_t n = self->rig.graph.node_count;
    double *values = self->values[n];
    for (size_t p = 0; p < processor->param_count; p++) {
        values[p] = processor->params[p].initial;
    }
    if (strcmp(name, "gain") == 0) {
        values[0] = (double)draw(self, 30) - 20.0;
        values[1] = draw(self, 4) == 0;
    } else if (strcmp(name, "pan") == 0) {
        values[0] = draw(self, 3) ? (double)draw(self, 200) - 100.0 : 0.0;
    }
    const int key = (processor->takes_sidechain && draw(self, 3) == 0) ? (int)draw_node(self) : -1;
    (void)rig_graph_processor(&self->rig, name, processor, channels, input, key, values);
    nb_node *node = &self->rig.nodes[n];
    if (processor->band_param_count > 0) {
        for (size_t q = 0; q < processor->band_param_count; q++) {
            self->bands[n][q] = processor->band_params[q].initial;
        }
        const int gain =
            nb_param_find(processor->band_params, processor->band_param_count, "gain_db");
        self->bands[n][gain] = 6.0;
        node->settings.band_count = 1;
        node->settings.band_values = self->bands[n];
    }
    if (draw(self, 4) == 0) {
        move_one(self, n);
    }
    node->latency_frames = processor->latency(&node->settings);
    const int64_t tail = (int64_t)processor->tail(&node->settings);
    node->end_frame = self->rig.nodes[input].end_frame + (tail < FRAMES ? tail : FRAMES);
}

static void add_sum(drawn *self)
{
    size_t inputs[12];
    const size_t count = 1 + draw(self, NB_COUNT(inputs));
    int64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        inputs[i] = draw_node(self);
        const int64_t own = self->rig.nodes[inputs[i]].end_frame;
        end = (own > end) ? own : end;
    }
    const size_t n = rig_graph_sum(&self->rig, "sum", inputs, count, 2);
    self->rig.nodes[n].end_frame = end;
}

static void add_part(drawn *self)
{
    const nb_part part = (nb_part)(NB_PART_MID + draw(self, 4));
    const size_t input = draw_node(self);
    if (draw(self, 2) && self->rig.nodes[input].channels == 1) {
        (void)rig_graph_join(&self->rig, "join", part, input, draw_node(self));
    } else {
        (void)rig_graph_part(&self->rig, "part", part, input);
    }
}

static void draw_graph(drawn *self, const char *folder, uint32_t seed)
{
    *self = (drawn){.state = seed * 2654435761U + 12345U};
    rig_graph_start(&self->rig, folder, RATE, FRAMES);
    self->mono = rig_graph_asset(&self->rig, "mono.wav");
    self->stereo = rig_graph_asset(&self->rig, "stereo.wav");
    const size_t clips = 1 + draw(self, 9);
    for (size_t i = 0; i < clips; i++) {
        add_clips(self);
    }
    const size_t twins = draw(self, 3); // equal chains on all tracks, as songs have them
    for (size_t i = 0; i < twins * clips; i++) {
        const size_t input = self->rig.graph.node_count - clips;
        const size_t n = self->rig.graph.node_count;
        static const double plain[VALUES_MAX] = {-3.0};
        (void)rig_graph_processor(&self->rig, "twin", nb_processor_find("gain"),
                                  self->rig.nodes[input].channels, input, -1, plain);
        self->rig.nodes[n].end_frame = self->rig.nodes[input].end_frame;
    }
    const size_t nodes = self->rig.graph.node_count + 4 + draw(self, 26);
    while (self->rig.graph.node_count < nodes) {
        const uint32_t kind = draw(self, 8);
        if (kind == 0) {
            add_sum(self);
        } else if (kind == 1) {
            add_part(self);
        } else {
            add_processor(self);
        }
    }
    add_sum(self);
    rig_graph_finish(&self->rig, self->rig.graph.node_count - 1);
}

enum { OUTPUTS = 3 };

/// Render the last node, the one before it and one in the middle, in one pass, with those choices.
static void render(drawn *self, const char *folder, unsigned choices, unsigned threads,
                   size_t chunk_frames, char digests[OUTPUTS][NB_DIGEST_HEX_SIZE])
{
    const size_t last = self->rig.graph.node_count - 1;
    const nb_sink sinks[OUTPUTS] = {{.name = "mix", .node = last, .frames = FRAMES},
                                    {.name = "other", .node = last - 1, .frames = FRAMES - 777},
                                    {.name = "middle", .node = last / 2, .frames = FRAMES - 5000}};
    nb_render_output outputs[OUTPUTS];
    nb_report reports[OUTPUTS] = {0};
    char paths[OUTPUTS][300];
    for (size_t i = 0; i < OUTPUTS; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/out-%zu.wav", folder, i);
        outputs[i] = (nb_render_output){.sink = i, .wav_path = paths[i], .report = &reports[i]};
    }
    self->rig.graph.sinks = sinks;
    self->rig.graph.sink_count = OUTPUTS;
    nb_render_options options = rig_graph_options(&self->rig);
    options.threads = threads;
    options.chunk_frames = chunk_frames;
    assert_ok(nb_render_run_as(&self->rig.graph, outputs, OUTPUTS, &options, choices, err));
    for (size_t i = 0; i < OUTPUTS; i++) {
        assert_int_equal(reports[i].frames, sinks[i].frames);
        rig_pcm_digest(paths[i], digests[i]);
        nb_report_fini(&reports[i]);
    }
}

static void any_schedule_of_any_graph_gives_the_plain_ones_bits(void **state)
{
    static drawn graph;
    static const size_t chunks[] = {0, 1024, 577, 3000};
    rig_write_noise(rig_path(*state, "mono.wav"), RATE, 1, FRAMES, 1, 0.5F);
    rig_write_noise(rig_path(*state, "stereo.wav"), RATE, 2, FRAMES, 2, 0.4F);
    size_t sounding = 0;
    for (uint32_t song = 0; song < SONGS; song++) {
        char plain[OUTPUTS][NB_DIGEST_HEX_SIZE];
        char other[OUTPUTS][NB_DIGEST_HEX_SIZE];
        draw_graph(&graph, *state, song);
        render(&graph, *state, 0, 1, 0, plain);
        sounding += strcmp(plain[0], plain[1]) != 0;
        const unsigned some = 1 + draw(&graph, NB_SCHEDULE_ALL);
        const unsigned choices[] = {NB_SCHEDULE_ALL, NB_SCHEDULE_ALL, some};
        for (size_t i = 0; i < NB_COUNT(choices); i++) {
            const unsigned threads = 1U << draw(&graph, 3);
            const size_t chunk = chunks[draw(&graph, NB_COUNT(chunks))];
            render(&graph, *state, choices[i], threads, chunk, other);
            for (size_t o = 0; o < OUTPUTS; o++) {
                if (strcmp(plain[o], other[o]) != 0) {
                    fail_msg("song %u, output %zu, choices %u, %u threads, chunks of %zu", song, o,
                             choices[i], threads, chunk);
                }
            }
        }
    }
    assert_true(sounding > SONGS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_schedule_of_any_graph_gives_the_plain_ones_bits,
                                        rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
