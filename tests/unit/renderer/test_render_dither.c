// SPDX-License-Identifier: GPL-3.0-or-later
// Files of whole numbers: determinism.md holds for them too.
#include "rig.h"

#include "base/file.h"
#include "tests/test.h"

typedef struct made {
    nb_digest digest;
    nb_report report;
} made;

/// The song with all in it, rendered to `name` as that output says.
static made render(const char *folder, const char *name, nb_render_output output,
                   nb_render_options options)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    made out = {0};
    rig_everything(folder, &song, &graph);
    options.locate = nb_song_locate;
    options.locate_context = &song;
    output.wav_path = rig_path(folder, name);
    output.report = &out.report;
    assert_ok(nb_render_run(graph, &output, 1, &options, err));
    assert_ok(nb_digest_of_file(output.wav_path, &out.digest, NULL, err));
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
    return out;
}

static void threads_and_chunks_change_no_byte(void **state)
{
    static const nb_render_options hows[] = {
        {.threads = 2}, {.threads = 4, .chunk_frames = 577}, {.threads = 1, .chunk_frames = 65536}};
    const nb_render_output output = {.samples = NB_SAMPLE_PCM_16, .dither = NB_DITHER_F_WEIGHTED};
    made first = render(*state, "a.wav", output, (nb_render_options){.threads = 1});
    for (size_t i = 0; i < NB_COUNT(hows); i++) {
        made other = render(*state, "b.wav", output, hows[i]);
        assert_true(nb_digest_equal(&first.digest, &other.digest));
        nb_report_fini(&other.report);
    }
    nb_report_fini(&first.report);
}

static void a_section_is_a_cut_of_the_whole_for_every_dither(void **state)
{
    enum { FROM = 30011, TO = 70013 };
    for (size_t kind = 0; kind < NB_DITHER_KINDS; kind++) {
        const nb_render_output output = {.samples = NB_SAMPLE_PCM_24,
                                         .dither = (nb_dither_kind)kind};
        made whole = render(*state, "whole.wav", output, (nb_render_options){.threads = 2});
        made part = render(*state, "part.wav", output,
                           (nb_render_options){.threads = 2, .from_frame = FROM, .to_frame = TO});
        int64_t frames = 0;
        unsigned channels = 0;
        float *all = rig_read(rig_path(*state, "whole.wav"), &frames, &channels);
        float *cut = rig_read(rig_path(*state, "part.wav"), &frames, &channels);
        assert_int_equal(frames, TO - FROM);
        assert_memory_equal(cut, all + 2 * FROM, (size_t)frames * 2 * sizeof *cut);
        free(all);
        free(cut);
        nb_report_fini(&whole.report);
        nb_report_fini(&part.report);
    }
}

static void the_report_is_of_the_file_and_not_of_what_was_rounded(void **state)
{
    const nb_render_output output = {.samples = NB_SAMPLE_PCM_16, .dither = NB_DITHER_LIPSHITZ};
    made rendered = render(*state, "mix.wav", output, (nb_render_options){.threads = 2});
    nb_report measured = {0};
    assert_ok(nb_render_measure(rig_path(*state, "mix.wav"), NULL, NULL, NULL, &measured, err));
    assert_true(rendered.report.true_peak_dbtp == measured.true_peak_dbtp);
    assert_true(rendered.report.integrated_lufs == measured.integrated_lufs);
    assert_true(rendered.report.stereo_correlation == measured.stereo_correlation);
    nb_report_fini(&rendered.report);
    nb_report_fini(&measured);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(threads_and_chunks_change_no_byte),
        TEST(a_section_is_a_cut_of_the_whole_for_every_dither),
        TEST(the_report_is_of_the_file_and_not_of_what_was_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
