// SPDX-License-Identifier: GPL-3.0-or-later
// What flows between processors: parts of a signal, gains that no edge shows, faults in the middle
// of a chain, and where the time goes.
#include "rig.h"

#include "audio/audio_file.h"
#include "base/file.h"
#include "tests/test.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 20000, BAD_FRAME = 12000 };

static float *render(rig_graph *graph, size_t node)
{
    nb_report report = {0};
    const char *path = rig_path(graph->folder, "mix.wav");
    const nb_render_options options = rig_graph_options(graph);
    rig_graph_finish(graph, node);
    assert_ok(rig_render(&graph->graph, &options, path, &report, err));
    nb_report_fini(&report);
    int64_t frames = 0;
    unsigned channels = 0;
    float *samples = rig_read(path, &frames, &channels);
    assert_int_equal(frames, FRAMES);
    assert_int_equal(channels, 2);
    return samples;
}

static size_t start(rig_graph *graph, const char *folder, unsigned channels)
{
    rig_write_noise(rig_path(folder, "in.wav"), RATE, channels, FRAMES, 5, 0.5F);
    rig_graph_start(graph, folder, RATE, FRAMES);
    return rig_graph_clips(graph, "in", rig_graph_asset(graph, "in.wav"), channels, 0);
}

static const nb_part parts[] = {NB_PART_MID, NB_PART_SIDE, NB_PART_LEFT, NB_PART_RIGHT};

static float part_of(nb_part part, const float *frame)
{
    const double left = (double)frame[0];
    const double right = (double)frame[1];
    switch (part) {
    case NB_PART_MID:
        return (float)((left + right) / 2.0);
    case NB_PART_SIDE:
        return (float)((left - right) / 2.0);
    case NB_PART_LEFT:
        return frame[0];
    case NB_PART_RIGHT:
    case NB_PART_ALL:
    default:
        return frame[1];
    }
}

static void a_part_is_mid_side_left_or_right_in_mono(void **state)
{
    rig_graph graph;
    const size_t in = start(&graph, *state, 2);
    float *whole = render(&graph, in);
    for (size_t p = 0; p < NB_COUNT(parts); p++) {
        float *part = render(&graph, rig_graph_part(&graph, "part", parts[p], in));
        for (size_t i = 0; i < FRAMES; i++) {
            const float expected = part_of(parts[p], whole + 2 * i);
            assert_true(part[2 * i] == expected && part[2 * i + 1] == expected);
        }
        free(part);
    }
    free(whole);
}

static void a_part_that_is_replaced_leaves_the_other_as_it_was(void **state)
{
    rig_graph graph;
    const size_t in = start(&graph, *state, 2);
    rig_write_noise(rig_path(*state, "new.wav"), RATE, 1, FRAMES, 6, 0.4F);
    const size_t new = rig_graph_clips(&graph, "new", rig_graph_asset(&graph, "new.wav"), 1, 0);
    float *whole = render(&graph, in);
    float *fresh = render(&graph, new);
    for (size_t p = 0; p < NB_COUNT(parts); p++) {
        float *joined = render(&graph, rig_graph_join(&graph, "join", parts[p], new, in));
        for (size_t i = 0; i < FRAMES; i++) {
            const double left = (double)whole[2 * i];
            const double right = (double)whole[2 * i + 1];
            const double put = (double)fresh[2 * i];
            const double rest =
                (parts[p] == NB_PART_MID) ? (left - right) / 2.0 : (left + right) / 2.0;
            const double expected[4][2] = {
                {put + rest, put - rest}, {rest + put, rest - put}, {put, right}, {left, put}};
            assert_true(joined[2 * i] == (float)expected[p][0]);
            assert_true(joined[2 * i + 1] == (float)expected[p][1]);
        }
        free(joined);
    }
    free(whole);
    free(fresh);
}

static void a_mono_signal_is_its_own_middle_and_has_no_side(void **state)
{
    rig_graph graph;
    const size_t in = start(&graph, *state, 1);
    rig_write_noise(rig_path(*state, "new.wav"), RATE, 1, FRAMES, 6, 0.4F);
    const size_t new = rig_graph_clips(&graph, "new", rig_graph_asset(&graph, "new.wav"), 1, 0);
    float *whole = render(&graph, in);
    float *fresh = render(&graph, new);
    for (size_t p = 0; p < NB_COUNT(parts); p++) {
        const bool side = parts[p] == NB_PART_SIDE;
        float *part = render(&graph, rig_graph_part(&graph, "part", parts[p], in));
        float *joined = render(&graph, rig_graph_join(&graph, "join", parts[p], new, in));
        for (size_t i = 0; i < 2 * (size_t)FRAMES; i++) {
            assert_true(part[i] == (side ? 0.0F : whole[i]));
            assert_true(joined[i] == (side ? whole[i] : fresh[i]));
        }
        free(part);
        free(joined);
    }
    free(whole);
    free(fresh);
}

// A processor in lanes that gives NaN at BAD_FRAME in all its channels.

static size_t none(const nb_settings *settings)
{
    (void)settings;
    return 0;
}

static nb_status bad_init(nb_arena *arena, const nb_settings *voices, size_t voice_count,
                          void **out_state, nb_error *err)
{
    (void)arena;
    (void)voices;
    (void)voice_count;
    (void)err;
    *out_state = NULL;
    return NB_OK;
}

static void bad_reset(void *state) { (void)state; }

static void bad_process(void *state, const nb_block *block)
{
    (void)state;
    const size_t width = nb_lane_count();
    for (size_t i = 0; i < block->frames * width; i++) {
        const bool now = block->start_frame + (int64_t)(i / width) == BAD_FRAME;
        block->out[i] = now ? NAN : block->in[i];
    }
}

static const nb_param bad_params[] = {{"none", "", NB_SCALE_WHOLE, 0, 1, 0, .help = "Nothing."}};

static const nb_processor bad_processor = {.name = "bad",
                                           .form = NB_FORM_LANES,
                                           .params = bad_params,
                                           .param_count = 1,
                                           .latency = none,
                                           .tail = none,
                                           .init = bad_init,
                                           .reset = bad_reset,
                                           .process = bad_process};

static void a_fault_in_the_middle_of_a_chain_is_named(void **state)
{
    static const double gain[] = {-6.0, 0.0};
    const nb_processor *fader = nb_processor_find("gain");
    rig_graph graph;
    size_t at = start(&graph, *state, 2);
    at = rig_graph_processor(&graph, "before", fader, 2, at, -1, gain);
    at = rig_graph_processor(&graph, "culprit", &bad_processor, 2, at, -1, gain);
    at = rig_graph_processor(&graph, "behind", fader, 2, at, -1, gain);
    rig_graph_finish(&graph, rig_graph_sum(&graph, "sum", &at, 1, 2));
    nb_render_options options = rig_graph_options(&graph);
    const char *path = rig_path(*state, "mix.wav");
    nb_report report = {0};
    for (unsigned choices = 0; choices <= NB_SCHEDULE_ALL; choices++) {
        const nb_render_output output = {.wav_path = path, .report = &report};
        options.threads = 1 + choices % 3;
        assert_fails(NB_E_INVALID, "culprit: its output at 0:00.250",
                     nb_render_run_as(&graph.graph, &output, 1, &options, choices, err));
        assert_false(nb_file_exists(path));
    }
}

static void a_gain_that_overflows_is_named_though_no_edge_shows_it(void **state)
{
    static const double quiet[] = {-6.0, 0.0};
    static const double loud[] = {40.0, 0.0};
    const nb_processor *fader = nb_processor_find("gain");
    static float samples[FRAMES];
    samples[BAD_FRAME] = 1.0F;
    rig_graph graph;
    size_t inputs[2];
    inputs[0] = start(&graph, *state, 2);
    nb_audio_writer *writer = NULL;
    assert_ok(nb_audio_writer_open(rig_path(*state, "loud.wav"), RATE, 1, FRAMES, &writer, err));
    assert_ok(nb_audio_writer_write(writer, samples, FRAMES, err));
    assert_ok(nb_audio_writer_close(&writer, err));
    const size_t in = rig_graph_clips(&graph, "loud", rig_graph_asset(&graph, "loud.wav"), 1, 0);
    graph.clips[in][0].gain = 1e37; // a file may not be as loud
    const size_t trim = rig_graph_processor(&graph, "trim", fader, 1, in, -1, quiet);
    inputs[1] = rig_graph_processor(&graph, "overload", fader, 1, trim, -1, loud);
    rig_graph_finish(&graph, rig_graph_sum(&graph, "sum", inputs, 2, 2));
    const nb_render_options options = rig_graph_options(&graph);
    nb_report report = {0};
    assert_fails(NB_E_INVALID, "overload: its output at 0:00.250",
                 rig_render(&graph.graph, &options, rig_path(*state, "mix.wav"), &report, err));
}

static void a_profile_puts_time_down_to_every_node_that_works(void **state)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(*state, &song, &graph);
    uint64_t *node_ns = calloc(graph->node_count, sizeof *node_ns);
    assert_non_null(node_ns);
    nb_profile profile = {.node_ns = node_ns};
    const nb_render_options options = {
        .threads = 2, .locate = nb_song_locate, .locate_context = &song, .profile = &profile};
    nb_report report = {0};
    assert_ok(rig_render(graph, &options, rig_path(*state, "mix.wav"), &report, err));
    nb_report_fini(&report);
    for (size_t n = 0; n < graph->node_count; n++) {
        const nb_node *node = &graph->nodes[n];
        const bool factor = node->kind == NB_NODE_PROCESSOR && node->settings.processor->factors;
        assert_true(node_ns[n] > 0 || factor || node->end_frame == 0);
    }
    for (size_t w = 0; w < NB_PROFILE_WORKS; w++) {
        assert_true(profile.work_ns[w] > 0);
    }
    free(node_ns);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_part_is_mid_side_left_or_right_in_mono),
        TEST(a_part_that_is_replaced_leaves_the_other_as_it_was),
        TEST(a_mono_signal_is_its_own_middle_and_has_no_side),
        TEST(a_fault_in_the_middle_of_a_chain_is_named),
        TEST(a_gain_that_overflows_is_named_though_no_edge_shows_it),
        TEST(a_profile_puts_time_down_to_every_node_that_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
