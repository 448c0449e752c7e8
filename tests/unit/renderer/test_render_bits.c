// SPDX-License-Identifier: GPL-3.0-or-later
// What docs/determinism.md promises of one machine: threads, chunks and lanes change no bit.
#include "rig.h"

#include "base/file.h"
#include "tests/test.h"

/// Everything rendered once with those choices; its digest.
static void render(const char *folder, unsigned threads, size_t chunk_frames, unsigned choices,
                   char digest[NB_DIGEST_HEX_SIZE])
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(folder, &song, &graph);
    const nb_render_options options = {.threads = threads,
                                       .chunk_frames = chunk_frames,
                                       .temporary = folder,
                                       .locate = nb_song_locate,
                                       .locate_context = &song};
    nb_report report = {0};
    const char *path = rig_path(folder, "mix.wav");
    const nb_render_output output = {.wav_path = path, .report = &report};
    assert_ok(nb_render_run_as(graph, &output, 1, &options, choices, err));
    assert_int_equal(report.frames, graph->frames);
    assert_true(report.integrated_lufs > -40.0 && report.true_peak_dbtp < 0.0);
    rig_pcm_digest(path, digest);
    nb_report_fini(&report);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    char one[NB_DIGEST_HEX_SIZE];
    char other[NB_DIGEST_HEX_SIZE];
    render(*state, 1, 0, NB_SCHEDULE_ALL, one);
    for (unsigned threads = 2; threads <= 8; threads *= 2) {
        render(*state, threads, 0, NB_SCHEDULE_ALL, other);
        assert_string_equal(one, other);
    }
}

static void any_chunk_size_gives_the_same_bits(void **state)
{
    static const size_t chunks[] = {577, 1000, 4096, 65536, 1 << 20};
    char one[NB_DIGEST_HEX_SIZE];
    char other[NB_DIGEST_HEX_SIZE];
    render(*state, 2, 0, NB_SCHEDULE_ALL, one);
    for (size_t i = 0; i < NB_COUNT(chunks); i++) {
        render(*state, 2, chunks[i], NB_SCHEDULE_ALL, other);
        assert_string_equal(one, other);
    }
}

static void no_choice_of_the_schedule_changes_a_bit(void **state)
{
    char all[NB_DIGEST_HEX_SIZE];
    char some[NB_DIGEST_HEX_SIZE];
    render(*state, 2, 0, NB_SCHEDULE_ALL, all);
    for (unsigned choices = 0; choices < NB_SCHEDULE_ALL; choices++) {
        render(*state, 2, 0, choices, some);
        assert_string_equal(all, some);
    }
}

static void a_second_render_gives_the_same_file(void **state)
{
    char digest[NB_DIGEST_HEX_SIZE];
    nb_digest files[2];
    for (size_t i = 0; i < 2; i++) {
        render(*state, 2, 0, NB_SCHEDULE_ALL, digest);
        assert_ok(nb_digest_of_file(rig_path(*state, "mix.wav"), &files[i], NULL, err));
    }
    assert_true(nb_digest_equal(&files[0], &files[1]));
}

static void a_section_is_a_cut_of_the_whole(void **state)
{
    enum { FROM = 30011, TO = 70013 };
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(*state, &song, &graph);
    nb_render_options options = {.locate = nb_song_locate, .locate_context = &song};
    nb_report report = {0};
    assert_ok(rig_render(graph, &options, rig_path(*state, "whole.wav"), &report, err));
    nb_report_fini(&report);
    options.from_frame = FROM;
    options.to_frame = TO;
    assert_ok(rig_render(graph, &options, rig_path(*state, "part.wav"), &report, err));
    assert_int_equal(report.frames, TO - FROM);
    nb_report_fini(&report);
    int64_t frames = 0;
    unsigned channels = 0;
    float *whole = rig_read(rig_path(*state, "whole.wav"), &frames, &channels);
    float *part = rig_read(rig_path(*state, "part.wav"), &frames, &channels);
    assert_int_equal(frames, TO - FROM);
    assert_memory_equal(part, whole + 2 * FROM, (size_t)frames * 2 * sizeof *part);
    free(whole);
    free(part);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
}

static void a_rendered_file_measures_as_its_render_said(void **state)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(*state, &song, &graph);
    const nb_render_options options = {.locate = nb_song_locate, .locate_context = &song};
    nb_report rendered = {0};
    nb_report measured = {0};
    const char *path = rig_path(*state, "mix.wav");
    assert_ok(rig_render(graph, &options, path, &rendered, err));
    assert_ok(nb_render_measure(path, NULL, NULL, NULL, &measured, err));
    assert_true(rendered.integrated_lufs == measured.integrated_lufs);
    assert_true(rendered.true_peak_dbtp == measured.true_peak_dbtp);
    assert_true(rendered.stereo_correlation == measured.stereo_correlation);
    assert_int_equal(rendered.loudness_count, measured.loudness_count);
    assert_memory_equal(rendered.short_term_lufs, measured.short_term_lufs,
                        rendered.loudness_count * sizeof(float));
    nb_report_fini(&rendered);
    nb_report_fini(&measured);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_number_of_threads_gives_the_same_bits, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(any_chunk_size_gives_the_same_bits, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(no_choice_of_the_schedule_changes_a_bit, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_second_render_gives_the_same_file, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_section_is_a_cut_of_the_whole, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_rendered_file_measures_as_its_render_said, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
