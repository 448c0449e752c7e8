// SPDX-License-Identifier: GPL-3.0-or-later
// Alternates and stems out of one pass: as if each were rendered alone.
#include "rig.h"

#include "base/file.h"
#include "tests/test.h"

static const char head[] =
    "format: nightbus-mix/1\ntitle: T\ntail_max_s: 0.2\ntracks:\n"
    "  - {id: vox, clips: [{file: vox.wav}], fader_db: -3, pan_percent: 20,\n"
    "     sends: [{to: hall, level_db: -9}],\n"
    "     inserts: [{id: comp, processor: compressor}]}\n"
    "  - {id: drums, clips: [{file: drums.wav, gain_db: -1}], output: rhythm%s}\n"
    "  - {id: bass, clips: [{file: bass.wav, at: 0.1}], output: rhythm}\n"
    "buses:\n"
    "  - {id: hall, fader_db: -2, inserts: [{id: d, processor: delay}]}\n"
    "  - {id: rhythm, fader_db: -1.5}\n%s";

/// Write the song with that insertion on the drums and that end, and open it.
static void open_song(const char *folder, const char *drums, const char *end, nb_song *out_song,
                      nb_graph **out_graph)
{
    char text[2000];
    const int length = snprintf(text, sizeof text, head, drums, end);
    rig_write_noise(rig_path(folder, "vox.wav"), 48000, 1, 40001, 1, 0.5F);
    rig_write_noise(rig_path(folder, "drums.wav"), 48000, 2, 50000, 2, 0.4F);
    rig_write_noise(rig_path(folder, "bass.wav"), 48000, 1, 30000, 3, 0.4F);
    assert_ok(nb_file_write(rig_path(folder, "mix.yaml"), text, (size_t)length, 0666, err));
    nb_problems problems = {0};
    assert_ok(nb_song_open(rig_path(folder, "mix.yaml"), &problems, out_song, err));
    assert_ok(nb_song_graph(out_song, &problems, out_graph, err));
    nb_problems_fini(&problems);
}

enum { SINKS_MAX = 8 };

/// Render sinks first .. first + count - 1 of the song and read their samples; free() each.
static size_t render(const char *folder, const char *drums, const char *end, size_t first,
                     size_t count, float *out_samples[SINKS_MAX], int64_t *out_frames)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    open_song(folder, drums, end, &song, &graph);
    count = count == 0 ? graph->sink_count - first : count;
    assert_true(count <= SINKS_MAX);
    nb_render_output outputs[SINKS_MAX];
    nb_report reports[SINKS_MAX] = {0};
    char paths[SINKS_MAX][300];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/out-%zu.wav", folder, i);
        outputs[i] = (nb_render_output){first + i, paths[i], &reports[i]};
    }
    const nb_render_options options = {
        .threads = 2, .locate = nb_song_locate, .locate_context = &song};
    assert_ok(nb_render_run(graph, outputs, count, &options, err));
    for (size_t i = 0; i < count; i++) {
        unsigned channels = 0;
        int64_t frames = 0;
        out_samples[i] = rig_read(paths[i], &frames, &channels);
        assert_int_equal(channels, 2);
        assert_int_equal(frames, graph->sinks[first + i].frames);
        assert_int_equal(reports[i].frames, frames);
        assert_true(reports[i].integrated_lufs > -60.0);
        *out_frames = i == 0 || frames < *out_frames ? frames : *out_frames;
        nb_report_fini(&reports[i]);
    }
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
    return count;
}

static void free_all(float **samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(samples[i]);
    }
}

static void the_stems_add_up_to_the_mix_to_the_last_bit(void **state)
{
    float *samples[SINKS_MAX] = {NULL};
    int64_t frames = 0;
    const size_t count = render(*state, "", "", 0, 0, samples, &frames);
    assert_int_equal(count, 4); // the mix; hall, rhythm, vox
    for (int64_t i = 0; i < frames * 2; i++) {
        double sum = 0.0;
        for (size_t s = 1; s < count; s++) {
            sum += (double)samples[s][i];
        }
        assert_true(samples[0][i] == (float)sum);
    }
    free_all(samples, count);
}

static void each_output_is_what_it_is_alone(void **state)
{
    static const char alternates[] = "alternates:\n"
                                     "  - {id: instrumental, mute: [vox]}\n"
                                     "  - {id: vocal-up, offset_db: {vox: 1.5}}\n"
                                     "  - {id: no-drums, mute: [drums]}\n";
    float *together[SINKS_MAX] = {NULL};
    float *alone[SINKS_MAX] = {NULL};
    int64_t frames = 0;
    const size_t count = render(*state, "", alternates, 0, 0, together, &frames);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        int64_t own = 0;
        render(*state, "", alternates, i, 1, alone, &own);
        assert_memory_equal(alone[0], together[i], (size_t)frames * 2 * sizeof(float));
        free(alone[0]);
    }
    // What stands beside the mix changes nothing of it.
    render(*state, "", "", 0, 1, alone, &frames);
    assert_memory_equal(alone[0], together[0], (size_t)frames * 2 * sizeof(float));
    free(alone[0]);
    // A muted strip in an alternate is a muted strip in the document.
    render(*state, ", mute: true", "", 0, 1, alone, &frames);
    assert_memory_equal(alone[0], together[3], (size_t)frames * 2 * sizeof(float));
    free(alone[0]);
    assert_memory_not_equal(together[0], together[2], (size_t)frames * 2 * sizeof(float));
    free_all(together, count);
}

static void no_file_is_left_of_outputs_that_fail(void **state)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    open_song(*state, "", "", &song, &graph);
    nb_report reports[2] = {0};
    const char *good = rig_path(*state, "good.wav");
    const nb_render_output outputs[] = {{0, good, &reports[0]},
                                        {1, rig_path(*state, "none/bad.wav"), &reports[1]}};
    const nb_render_options options = {.locate = nb_song_locate, .locate_context = &song};
    assert_fails(NB_E_NOT_FOUND, "bad.wav", nb_render_run(graph, outputs, 2, &options, err));
    assert_false(nb_file_exists(good));
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_stems_add_up_to_the_mix_to_the_last_bit, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(each_output_is_what_it_is_alone, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(no_file_is_left_of_outputs_that_fail, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
