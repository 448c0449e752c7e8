// SPDX-License-Identifier: GPL-3.0-or-later
// The executor's rules one by one, on graphs made by hand with processors whose answer is plain.
#include "rig.h"

#include "audio/audio_file.h"
#include "base/file.h"
#include "renderer/engine/clips.h"
#include "renderer/engine/executor.h"
#include "tests/test.h"

#include <math.h>
#include <sys/resource.h>
#include <unistd.h>

enum { RATE = 48000, FRAMES = 60000, LAG_MAX = 5000, BAD_FRAME = 30000 };

// A processor that gives its input unchanged, `lag` frames late: edges in song time hide it.

typedef struct lag_state {
    size_t lag, at, width;
    float *line;
} lag_state;

static size_t lag_latency(const nb_settings *settings) { return (size_t)settings->values[0]; }

static size_t no_tail(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static nb_status lag_init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                          void **out_state, nb_error *err)
{
    (void)voice_count;
    lag_state *self = nb_arena_take(arena, 1, sizeof *self);
    float *line = nb_arena_take(arena, LAG_MAX * nb_lane_count(), sizeof *line);
    if (!self || !line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a lag");
    }
    *self = (lag_state){.lag = lag_latency(voices), .width = nb_lane_count(), .line = line};
    *out_state = self;
    return NB_OK;
}

static void lag_reset(void *state) { ((lag_state *)state)->at = 0; }

static void lag_process(void *state, const nb_block *block)
{
    lag_state *self = state;
    for (size_t i = 0; i < block->frames && self->lag > 0; i++) {
        for (size_t lane = 0; lane < self->width; lane++) {
            float *kept = &self->line[self->at * self->width + lane];
            const float in = block->in[i * self->width + lane];
            block->out[i * self->width + lane] = *kept;
            *kept = in;
        }
        self->at = (self->at + 1) % self->lag;
    }
    if (self->lag == 0 && block->out != block->in) {
        memcpy(block->out, block->in, block->frames * self->width * sizeof(float));
    }
}

static const nb_param lag_params[] = {{"lag", "", NB_SCALE_WHOLE, 0, LAG_MAX, 0, .help = "Lag."}};

static const nb_processor lag_processor = {.name = "lag",
                                           .form = NB_FORM_LANES,
                                           .params = lag_params,
                                           .param_count = 1,
                                           .latency = lag_latency,
                                           .tail = no_tail,
                                           .init = lag_init,
                                           .reset = lag_reset,
                                           .process = lag_process};

// A processor that gives its key.

static void key_process(void *state, const nb_block *block)
{
    const lag_state *self = state;
    memcpy(block->out, block->key ? block->key : block->in,
           block->frames * self->width * sizeof(float));
}

static const nb_processor key_processor = {.name = "key",
                                           .form = NB_FORM_LANES,
                                           .takes_sidechain = true,
                                           .params = lag_params,
                                           .param_count = 1,
                                           .latency = lag_latency,
                                           .tail = no_tail,
                                           .init = lag_init,
                                           .reset = lag_reset,
                                           .process = key_process};

// A planar processor that gives NaN at the song time in values[0].

static size_t no_latency(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static nb_status bad_init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                          void **out_state, nb_error *err)
{
    (void)voice_count;
    double *frame = nb_arena_take(arena, 1, sizeof *frame);
    if (!frame) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a fault");
    }
    *frame = voices->values[0];
    *out_state = frame;
    return NB_OK;
}

static void bad_process(void *state, const nb_block *block)
{
    const int64_t bad = (int64_t) * (const double *)state;
    for (size_t i = 0; i < block->frames; i++) {
        const bool now = block->start_frame + (int64_t)i == bad;
        block->planar_out[0][i] = now ? NAN : block->planar_in[0][i];
    }
}

static void bad_reset(void *state) { (void)state; }

static const nb_processor bad_processor = {.name = "bad",
                                           .form = NB_FORM_PLANAR,
                                           .params = lag_params,
                                           .param_count = 1,
                                           .latency = no_latency,
                                           .tail = no_tail,
                                           .init = bad_init,
                                           .reset = bad_reset,
                                           .process = bad_process};

static float *render(rig_graph *graph, const nb_render_options *options, int64_t *out_frames)
{
    nb_report report = {0};
    unsigned channels = 0;
    const char *path = rig_path(graph->folder, "mix.wav");
    assert_ok(rig_render(&graph->graph, options, path, &report, err));
    nb_report_fini(&report);
    float *samples = rig_read(path, out_frames, &channels);
    assert_int_equal(channels, 2);
    return samples;
}

static float *render_plain(rig_graph *graph)
{
    int64_t frames = 0;
    const nb_render_options options = rig_graph_options(graph);
    float *samples = render(graph, &options, &frames);
    assert_int_equal(frames, graph->graph.frames);
    return samples;
}

/// The stem of a graph with one stereo stem "in.wav".
static size_t start_stereo(rig_graph *graph, const char *folder)
{
    rig_write_noise(rig_path(folder, "in.wav"), RATE, 2, FRAMES, 5, 0.5F);
    rig_graph_start(graph, folder, RATE, FRAMES);
    return rig_graph_clips(graph, "in", rig_graph_asset(graph, "in.wav"), 2, 0);
}

static void look_ahead_leaves_every_edge_in_song_time(void **state)
{
    static const double lags[] = {0, 1, 999, 4801, 240};
    rig_graph graph;
    const size_t in = start_stereo(&graph, *state);
    size_t paths[NB_COUNT(lags)];
    for (size_t i = 0; i < NB_COUNT(lags); i++) {
        const size_t once =
            rig_graph_processor(&graph, "once", &lag_processor, 2, in, -1, &lags[i]);
        paths[i] = rig_graph_processor(&graph, "twice", &lag_processor, 2, once, -1,
                                       &lags[NB_COUNT(lags) - 1 - i]);
    }
    rig_graph_finish(&graph, rig_graph_sum(&graph, "sum", paths, NB_COUNT(lags), 2));
    float *mix = render_plain(&graph);
    rig_graph_finish(&graph, in);
    float *dry = render_plain(&graph);
    for (size_t i = 0; i < 2 * (size_t)FRAMES; i++) {
        assert_true(mix[i] == (float)(5.0 * (double)dry[i]));
    }
    free(mix);
    free(dry);
}

static void a_key_arrives_in_the_voices_channels(void **state)
{
    static const double none = 0.0;
    rig_graph graph;
    const size_t stereo = start_stereo(&graph, *state);
    rig_write_noise(rig_path(*state, "mono.wav"), RATE, 1, FRAMES, 6, 0.5F);
    const size_t mono = rig_graph_clips(&graph, "mono", rig_graph_asset(&graph, "mono.wav"), 1, 0);
    const size_t folded =
        rig_graph_processor(&graph, "folded", &key_processor, 1, mono, (int)stereo, &none);
    const size_t doubled =
        rig_graph_processor(&graph, "doubled", &key_processor, 2, stereo, (int)mono, &none);
    rig_graph_finish(&graph, stereo);
    float *left_right = render_plain(&graph);
    rig_graph_finish(&graph, folded);
    float *mean = render_plain(&graph);
    rig_graph_finish(&graph, mono);
    float *single = render_plain(&graph);
    rig_graph_finish(&graph, doubled);
    float *twice = render_plain(&graph);
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(mean[2 * i] == 0.5F * (left_right[2 * i] + left_right[2 * i + 1]));
        assert_true(twice[2 * i] == single[2 * i] && twice[2 * i + 1] == single[2 * i]);
    }
    free(left_right);
    free(mean);
    free(single);
    free(twice);
}

static void sums_are_made_in_64_bits_and_rounded_once(void **state)
{
    rig_graph graph;
    (void)start_stereo(&graph, *state);
    // 0.5, then 2^-25 sixteen times: in 32 bits each of these is lost.
    static float large[64];
    static float small[64];
    for (size_t i = 0; i < 64; i++) {
        large[i] = 0.5F;
        small[i] = 0x1p-26F;
    }
    const char *names[] = {"large.wav", "small.wav"};
    const float *samples[] = {large, small};
    for (size_t i = 0; i < 2; i++) {
        nb_audio_writer *writer = NULL;
        assert_ok(nb_audio_writer_open(rig_path(*state, names[i]), RATE, 1, 64, &writer, err));
        assert_ok(nb_audio_writer_write(writer, samples[i], 64, err));
        assert_ok(nb_audio_writer_close(&writer, err));
    }
    size_t inputs[9];
    inputs[0] = rig_graph_clips(&graph, "large", rig_graph_asset(&graph, names[0]), 1, 0);
    const size_t asset = rig_graph_asset(&graph, names[1]);
    for (size_t i = 1; i < NB_COUNT(inputs); i++) {
        inputs[i] = rig_graph_clips(&graph, "small", asset, 1, 0);
    }
    graph.graph.frames = 64;
    rig_graph_finish(&graph, rig_graph_sum(&graph, "sum", inputs, NB_COUNT(inputs), 1));
    float *mix = render_plain(&graph);
    assert_true(mix[0] == 0.5F + 0x1p-23F);
    free(mix);
}

static void nothing_sounds_from_a_nodes_end_on(void **state)
{
    static const double lag = 300;
    rig_graph graph;
    const size_t in = start_stereo(&graph, *state);
    const size_t out = rig_graph_processor(&graph, "out", &lag_processor, 2, in, -1, &lag);
    graph.nodes[out].end_frame = 20000;
    rig_graph_finish(&graph, out);
    float *mix = render_plain(&graph);
    bool sounded = false;
    for (size_t i = 0; i < 2 * (size_t)20000; i++) {
        sounded |= mix[i] != 0.0F;
    }
    assert_true(sounded);
    for (size_t i = 2 * (size_t)20000; i < 2 * (size_t)FRAMES; i++) {
        assert_true(mix[i] == 0.0F);
    }
    free(mix);
}

static void a_stem_at_another_rate_is_converted_once_for_all_its_clips(void **state)
{
    rig_graph graph;
    rig_write_noise(rig_path(*state, "slow.wav"), 44100, 1, 20000, 8, 0.5F);
    rig_graph_start(&graph, *state, RATE, FRAMES);
    const size_t asset = rig_graph_asset(&graph, "slow.wav");
    const size_t early = rig_graph_clips(&graph, "early", asset, 1, 0);
    const size_t late = rig_graph_clips(&graph, "late", asset, 1, 30000);
    const size_t both[] = {early, late};
    rig_graph_finish(&graph, rig_graph_sum(&graph, "sum", both, 2, 2));
    float *mix = render_plain(&graph);
    for (size_t i = 0; i < 2 * (size_t)20000; i++) {
        assert_true(mix[i] == mix[i + 2 * (size_t)30000]);
    }
    free(mix);
}

static void fades_are_the_curves_of_their_names(void **state)
{
    (void)state;
    for (int i = 0; i <= 1000; i++) {
        const double p = i / 1000.0;
        const double in = nb_fade_gain(NB_FADE_EQUAL_POWER, p);
        const double out = nb_fade_gain(NB_FADE_EQUAL_POWER, 1.0 - p);
        assert_true(fabs(in - sin(p * acos(-1.0) / 2.0)) < 1e-15);
        assert_true(fabs(in * in + out * out - 1.0) < 1e-14);
        assert_true(nb_fade_gain(NB_FADE_LINEAR, p) == p);
        assert_true(fabs(nb_fade_gain(NB_FADE_S_CURVE, p) - p * p * (3.0 - 2.0 * p)) < 1e-15);
        const double exponential = (pow(1000.0, p) - 1.0) / 999.0;
        assert_true(fabs(nb_fade_gain(NB_FADE_EXPONENTIAL, p) - exponential) < 1e-13);
    }
}

static void a_crossfade_of_a_file_with_itself_is_the_file(void **state)
{
    rig_graph graph;
    const size_t in = start_stereo(&graph, *state);
    rig_graph_finish(&graph, in);
    float *whole = render_plain(&graph);
    nb_graph_clip *clips = graph.clips[in];
    clips[0].length_frames = 30000;
    clips[0].fade_out_frames = 10000;
    clips[1] = clips[0];
    clips[1].at_frame = clips[1].offset_frames = 20000;
    clips[1].length_frames = FRAMES - 20000;
    clips[1].fade_out_frames = 0;
    clips[1].fade_in_frames = 10000;
    graph.nodes[in].clip_count = 2;
    float *crossed = render_plain(&graph);
    for (size_t i = 0; i < 2 * (size_t)FRAMES; i++) {
        assert_true(fabsf(whole[i] - crossed[i]) <= 0x1p-24F);
    }
    free(whole);
    free(crossed);
}

static void a_sample_that_is_no_number_names_node_and_time_whatever_the_threads(void **state)
{
    static const double frames[] = {BAD_FRAME + 20000, BAD_FRAME, BAD_FRAME};
    static const char *const names[] = {"later", "first", "second"};
    rig_graph graph;
    rig_write_noise(rig_path(*state, "mono.wav"), RATE, 1, FRAMES, 6, 0.5F);
    rig_graph_start(&graph, *state, RATE, FRAMES);
    const size_t in = rig_graph_clips(&graph, "in", rig_graph_asset(&graph, "mono.wav"), 1, 0);
    size_t bad[3];
    for (size_t i = 0; i < 3; i++) {
        // "second" stands behind "first", which never lets the fault through.
        bad[i] = rig_graph_processor(&graph, names[i], &bad_processor, 1, i == 2 ? bad[1] : in, -1,
                                     &frames[i]);
    }
    rig_graph_finish(&graph, rig_graph_sum(&graph, "sum", bad, 3, 1));
    nb_render_options options = rig_graph_options(&graph);
    const char *path = rig_path(*state, "mix.wav");
    for (options.threads = 1; options.threads <= 4; options.threads++) {
        nb_report report = {0};
        assert_fails(NB_E_INVALID, "first: its output at 0:00.625",
                     rig_render(&graph.graph, &options, path, &report, err));
        assert_false(nb_file_exists(path));
    }
}

static bool stop;

static void stop_midway(void *context, int64_t done, int64_t total)
{
    int *calls = context;
    (*calls)++;
    if (done > total / 2) {
        __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    }
}

static void a_cancelled_render_stops_and_leaves_no_file(void **state)
{
    rig_graph graph;
    rig_graph_finish(&graph, start_stereo(&graph, *state));
    int calls = 0;
    nb_render_options options = rig_graph_options(&graph);
    options.cancelled = &stop;
    options.progress = stop_midway;
    options.progress_context = &calls;
    options.chunk_frames = 1000;
    nb_report report = {0};
    const char *path = rig_path(*state, "mix.wav");
    stop = false;
    assert_fails(NB_E_CANCELLED, "cancelled",
                 rig_render(&graph.graph, &options, path, &report, err));
    assert_in_range(calls, 1, FRAMES / 1000 - 1);
    assert_false(nb_file_exists(path));
    assert_fails(NB_E_CANCELLED, "cancelled",
                 rig_render(&graph.graph, &options, path, &report, err));
}

static void progress_rises_to_the_end(void **state)
{
    rig_graph graph;
    rig_graph_finish(&graph, start_stereo(&graph, *state));
    int calls = 0;
    stop = false;
    nb_render_options options = rig_graph_options(&graph);
    options.progress = stop_midway;
    options.progress_context = &calls;
    options.chunk_frames = 1000;
    int64_t frames = 0;
    free(render(&graph, &options, &frames));
    assert_int_equal(calls, FRAMES / 1000);
    assert_true(stop);
}

static void files_that_are_missing_or_changed_are_named(void **state)
{
    rig_graph graph;
    rig_graph_finish(&graph, start_stereo(&graph, *state));
    const nb_render_options options = rig_graph_options(&graph);
    nb_report report = {0};
    const char *path = rig_path(*state, "mix.wav");
    rig_write_noise(rig_path(*state, "in.wav"), RATE, 2, FRAMES + 1, 5, 0.5F);
    assert_fails(NB_E_CORRUPT, "in.wav: is not the file that the graph was made from",
                 rig_render(&graph.graph, &options, path, &report, err));
    assert_ok(nb_file_remove_all(rig_path(*state, "in.wav"), err));
    assert_fails(NB_E_NOT_FOUND, "in.wav", rig_render(&graph.graph, &options, path, &report, err));
    assert_false(nb_file_exists(path));
}

static void a_missing_temporary_folder_is_named(void **state)
{
    rig_graph graph;
    rig_write_noise(rig_path(*state, "slow.wav"), 44100, 1, 20000, 8, 0.5F);
    rig_graph_start(&graph, *state, RATE, FRAMES);
    const size_t asset = rig_graph_asset(&graph, "slow.wav");
    rig_graph_finish(&graph, rig_graph_clips(&graph, "in", asset, 1, 0));
    nb_render_options options = rig_graph_options(&graph);
    options.temporary = "/nowhere/at/all";
    nb_report report = {0};
    assert_fails(NB_E_NOT_FOUND, "/nowhere/at/all",
                 rig_render(&graph.graph, &options, rig_path(*state, "mix.wav"), &report, err));
}

static void a_full_disk_is_said_with_its_path(void **state)
{
    rig_graph graph;
    rig_graph_finish(&graph, start_stereo(&graph, *state));
    const nb_render_options options = rig_graph_options(&graph);
    nb_report report = {0};
    assert_int_equal(symlink("/dev/full", rig_path(*state, "full.wav")), 0);
    assert_fails(NB_E_NO_SPACE, "full.wav",
                 rig_render(&graph.graph, &options, rig_path(*state, "full.wav"), &report, err));
    assert_true(nb_file_exists("/dev/full"));
}

static void a_song_that_would_take_too_much_memory_is_refused(void **state)
{
    rig_graph graph;
    rig_graph_finish(&graph, start_stereo(&graph, *state));
    nb_render_options options = rig_graph_options(&graph);
    options.chunk_frames = FRAMES; // four of them in the ring of each edge: 1.9 MB
    options.memory_max = 1 << 20;
    nb_report report = {0};
    const char *path = rig_path(*state, "mix.wav");
    assert_fails(NB_E_LIMIT, "at most 1 MiB",
                 rig_render(&graph.graph, &options, path, &report, err));
    assert_false(nb_file_exists(path));
    options.memory_max = 64 << 20;
    assert_ok(rig_render(&graph.graph, &options, path, &report, err));
    nb_report_fini(&report);
}

static void graphs_and_sections_that_make_no_sense_are_refused(void **state)
{
    rig_graph graph;
    const size_t in = start_stereo(&graph, *state);
    rig_graph_finish(&graph, in);
    nb_render_options options = rig_graph_options(&graph);
    nb_report report = {0};
    const char *path = rig_path(*state, "mix.wav");
    options.from_frame = 100;
    options.to_frame = 100;
    assert_fails(NB_E_INVALID, "section", rig_render(&graph.graph, &options, path, &report, err));
    options.to_frame = FRAMES + 1;
    assert_fails(NB_E_INVALID, "section", rig_render(&graph.graph, &options, path, &report, err));
    options = rig_graph_options(&graph);
    graph.sink.node = graph.graph.node_count;
    assert_fails(NB_E_INVALID, "no output 0",
                 rig_render(&graph.graph, &options, path, &report, err));
    graph.sink.node = in;
    graph.clips[in][0].length_frames++;
    assert_fails(NB_E_INVALID, "in.wav: is shorter than its clip",
                 rig_render(&graph.graph, &options, path, &report, err));
    graph.nodes[in].channels = 0;
    assert_fails(NB_E_INVALID, "in: has 0 channels",
                 rig_render(&graph.graph, &options, path, &report, err));
    graph.sink.frames = 0;
    assert_fails(NB_E_INVALID, "empty", rig_render(&graph.graph, &options, path, &report, err));
}

static nb_schedule *schedule_of(rig_graph *graph, size_t output, unsigned choices)
{
    nb_schedule *schedule = NULL;
    assert_ok(nb_schedule_new(&graph->graph, &output, 1, choices, &schedule, err));
    return schedule;
}

static void units_fill_the_register_and_never_wait_for_themselves(void **state)
{
    static const double lag = 64;
    rig_graph graph;
    const size_t in = start_stereo(&graph, *state);
    size_t chains[6];
    for (size_t i = 0; i < NB_COUNT(chains); i++) {
        chains[i] = in;
        for (size_t j = 0; j <= i; j++) { // chains of different length: depths that differ
            chains[i] = rig_graph_processor(&graph, "lag", &lag_processor, 2, chains[i], -1, &lag);
        }
    }
    const size_t sum = rig_graph_sum(&graph, "sum", chains, NB_COUNT(chains), 2);
    for (unsigned choices = 0; choices <= NB_SCHEDULE_ALL; choices++) {
        nb_schedule *schedule = schedule_of(&graph, sum, choices);
        size_t nodes = 0;
        size_t firsts = 0;
        for (size_t u = 0; u < schedule->unit_count; u++) {
            const nb_unit *unit = &schedule->units[u];
            nodes += unit->voice_count * unit->stage_count;
            assert_in_range(unit->voice_count * 2, 0,
                            (choices & NB_SCHEDULE_LANES) ? nb_lane_count() : 2);
            assert_true(unit->stage_count == 1 || (choices & NB_SCHEDULE_STAGES));
            for (size_t i = 0; i < unit->producer_count; i++) {
                assert_true(unit->producers[i] < u);
            }
            firsts += unit->kind == NB_UNIT_CHAIN && graph.inputs[unit->nodes[0]][0] == in;
        }
        assert_int_equal(nodes, graph.graph.node_count);
        // The first of each chain stand side by side.
        const size_t least = (NB_COUNT(chains) * 2 + nb_lane_count() - 1) / nb_lane_count();
        assert_int_equal(firsts, (choices & NB_SCHEDULE_LANES) ? least : NB_COUNT(chains));
        nb_schedule_destroy(&schedule);
    }
}

static void processors_in_a_row_are_stages_and_constant_gains_are_read_through(void **state)
{
    static const double lag = 64;
    static const double gain[] = {-6.0, 0.0};
    const nb_processor *fader = nb_processor_find("gain");
    rig_graph graph;
    rig_write_noise(rig_path(*state, "mono.wav"), RATE, 1, FRAMES, 6, 0.5F);
    rig_graph_start(&graph, *state, RATE, FRAMES);
    const size_t asset = rig_graph_asset(&graph, "mono.wav");
    size_t tracks[8];
    size_t last[8];
    for (size_t i = 0; i < NB_COUNT(tracks); i++) {
        const size_t in = rig_graph_clips(&graph, "in", asset, 1, 0);
        const size_t trim = rig_graph_processor(&graph, "trim", fader, 1, in, -1, gain);
        const size_t a = rig_graph_processor(&graph, "a", &lag_processor, 1, trim, -1, &lag);
        last[i] = rig_graph_processor(&graph, "b", &lag_processor, 1, a, -1, &lag);
        tracks[i] = rig_graph_processor(&graph, "fader", fader, 1, last[i], -1, gain);
    }
    const size_t sum = rig_graph_sum(&graph, "sum", tracks, NB_COUNT(tracks), 2);
    nb_schedule *schedule = schedule_of(&graph, sum, NB_SCHEDULE_ALL);
    const size_t chains = NB_COUNT(tracks) / nb_lane_count();
    assert_int_equal(schedule->unit_count, chains + 3); // the sum, the writer, the meter
    for (size_t u = 0; u < chains; u++) {
        assert_int_equal(schedule->units[u].kind, NB_UNIT_CHAIN);
        assert_int_equal(schedule->units[u].stage_count, 3);
    }
    for (size_t i = 0; i < NB_COUNT(tracks); i++) {
        assert_int_equal(schedule->edges[last[i]], NB_EDGE_KEPT);
        assert_int_equal(schedule->edges[tracks[i]], NB_EDGE_FACTOR);
        assert_int_equal(schedule->edges[graph.inputs[graph.inputs[last[i]][0]][0]], NB_EDGE_NONE);
    }
    nb_schedule_destroy(&schedule);
}

static long peak_kilobytes(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/// Sixteen tracks with two processors each, `seconds` long at 8 kHz, its clips all of one file.
static void render_long(const char *folder, int64_t seconds)
{
    enum { SLOW_RATE = 8000, TRACKS = 16 };
    static const double lag = 100;
    static rig_graph graph;
    rig_write_noise(rig_path(folder, "long.wav"), SLOW_RATE, 1, seconds * SLOW_RATE, 9, 0.1F);
    rig_graph_start(&graph, folder, SLOW_RATE, seconds * SLOW_RATE);
    const size_t asset = rig_graph_asset(&graph, "long.wav");
    size_t tracks[TRACKS];
    for (size_t i = 0; i < TRACKS; i++) {
        const size_t in = rig_graph_clips(&graph, "in", asset, 1, 0);
        const size_t a = rig_graph_processor(&graph, "a", &lag_processor, 1, in, -1, &lag);
        tracks[i] = rig_graph_processor(&graph, "b", &lag_processor, 2, a, -1, &lag);
    }
    rig_graph_finish(&graph, rig_graph_sum(&graph, "sum", tracks, TRACKS, 2));
    nb_render_options options = rig_graph_options(&graph);
    options.threads = 2;
    nb_report report = {0};
    assert_ok(rig_render(&graph.graph, &options, rig_path(folder, "mix.wav"), &report, err));
    nb_report_fini(&report);
}

static void memory_does_not_grow_with_the_songs_length(void **state)
{
    render_long(*state, 60);
    const long before = peak_kilobytes();
    render_long(*state, 600);
    const long growth = peak_kilobytes() - before;
    // The nine minutes more are 17 MB on each of 65 channels: over 1 GB, were it kept. What does
    // grow is the report's curves, and what the address sanitizer holds back of freed memory.
    assert_in_range(growth, 0, 32 << 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_does_not_grow_with_the_songs_length), // first: it looks at the peak
        TEST(look_ahead_leaves_every_edge_in_song_time),
        TEST(a_key_arrives_in_the_voices_channels),
        TEST(sums_are_made_in_64_bits_and_rounded_once),
        TEST(nothing_sounds_from_a_nodes_end_on),
        TEST(a_stem_at_another_rate_is_converted_once_for_all_its_clips),
        TEST(fades_are_the_curves_of_their_names),
        TEST(a_crossfade_of_a_file_with_itself_is_the_file),
        TEST(a_sample_that_is_no_number_names_node_and_time_whatever_the_threads),
        TEST(a_cancelled_render_stops_and_leaves_no_file),
        TEST(progress_rises_to_the_end),
        TEST(files_that_are_missing_or_changed_are_named),
        TEST(a_missing_temporary_folder_is_named),
        TEST(a_full_disk_is_said_with_its_path),
        TEST(a_song_that_would_take_too_much_memory_is_refused),
        TEST(graphs_and_sections_that_make_no_sense_are_refused),
        TEST(units_fill_the_register_and_never_wait_for_themselves),
        TEST(processors_in_a_row_are_stages_and_constant_gains_are_read_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
