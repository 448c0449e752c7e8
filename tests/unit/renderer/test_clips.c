// SPDX-License-Identifier: GPL-3.0-or-later
// A clip alone in its block is copied, several are summed: the bits must not tell which.
#include "audio/audio_file.h"
#include "renderer/engine/clips.h"
#include "renderer/engine/float_mode.h"
#include "rig.h"
#include "tests/test.h"

enum { RATE = 48000, FRAMES = 9000, LENGTH = 12000 };

/// A song's stems: noise with -0 and a denormal in it, in 32-bit float, mono and stereo.
typedef struct scene {
    char paths[2][512];
    nb_asset assets[2];
    nb_stem list[2];
    nb_stems stems;
} scene;

static void make_scene(scene *self, void **state)
{
    static float samples[2 * FRAMES];
    *self = (scene){0};
    for (unsigned i = 0; i < 2; i++) {
        const unsigned channels = i + 1;
        uint32_t noise = channels;
        for (size_t k = 0; k < (size_t)FRAMES * channels; k++) {
            noise = noise * 1664525U + 1013904223U;
            samples[k] = (float)(int32_t)noise * 0x1p-33F;
            samples[k] = (k % 11 == 3) ? -0.0F : (k % 11 == 7) ? 1e-40F : samples[k];
        }
        snprintf(self->paths[i], sizeof self->paths[i], "%s",
                 rig_path(*state, (channels == 1) ? "mono.wav" : "stereo.wav"));
        nb_audio_writer *writer = NULL;
        assert_ok(nb_audio_writer_open(self->paths[i], RATE, channels, FRAMES, &writer, err));
        assert_ok(nb_audio_writer_write(writer, samples, FRAMES, err));
        assert_ok(nb_audio_writer_close(&writer, err));
        self->assets[i] = (nb_asset){
            .path = self->paths[i], .rate_hz = RATE, .channels = channels, .frames = FRAMES};
        self->list[i] = (nb_stem){
            .asset = &self->assets[i], .path = self->paths[i], .frames = FRAMES, .converted = -1};
    }
    self->stems = (nb_stems){self->list, 2, RATE};
}

/// All of a track of two channels, in blocks of `block` frames.
static void read_track(const scene *self, const nb_graph_clip *clips, size_t count, size_t block,
                       float out[2][LENGTH])
{
    NB_IN_FLOAT_MODE;
    const nb_node node = {
        .kind = NB_NODE_CLIPS, .name = "track", .channels = 2, .clip_count = count, .clips = clips};
    nb_clips *track = NULL;
    assert_ok(nb_clips_new(&node, &self->stems, &track, err));
    for (size_t at = 0; at < LENGTH; at += block) {
        const size_t frames = (LENGTH - at < block) ? LENGTH - at : block;
        float *const to[2] = {out[0] + at, out[1] + at};
        assert_ok(nb_clips_read(track, (int64_t)at, frames, to, err));
    }
    nb_clips_destroy(&track);
}

static void a_clip_alone_has_the_bits_that_it_has_in_a_sum(void **state)
{
    static float alone[2][LENGTH], summed[2][LENGTH];
    scene here;
    make_scene(&here, state);
    nb_graph_clip clips[] = {
        {.asset = 0, .at_frame = 700, .offset_frames = 13, .length_frames = 8000, .gain = 1.0},
        // Under all of it: silence, which changes a sum by nothing.
        {.asset = 1, .at_frame = 700, .length_frames = 8000, .gain = 0.0},
    };
    static const struct {
        double gain;
        int64_t fade_in, fade_out;
    } cases[] = {{1.0, 0, 0}, {0.3, 0, 0}, {1.0, 1000, 2500}, {-1.7, 5000, 6000}, {1.0, 1, 1}};
    static const size_t blocks[] = {NB_CLIPS_BLOCK, 1000, 37, 700};
    for (size_t k = 0; k < NB_COUNT(cases); k++) {
        for (size_t asset = 0; asset < 2; asset++) {
            clips[0].asset = asset;
            clips[0].gain = cases[k].gain;
            clips[0].fade_in_frames = cases[k].fade_in;
            clips[0].fade_out_frames = cases[k].fade_out;
            read_track(&here, clips, 2, NB_CLIPS_BLOCK, summed);
            assert_true(summed[1][4000] != 0.0F);
            for (size_t b = 0; b < NB_COUNT(blocks); b++) {
                read_track(&here, clips, 1, blocks[b], alone);
                assert_memory_equal(alone, summed, sizeof alone);
            }
        }
    }
}

static void clips_one_after_the_other_are_each_where_they_belong(void **state)
{
    static float got[2][LENGTH], one[2][LENGTH];
    scene here;
    make_scene(&here, state);
    // The third begins in the frame in which the second has ended.
    const nb_graph_clip clips[] = {
        {.asset = 1, .at_frame = 100, .length_frames = 300, .gain = 1.0},
        {.asset = 0, .at_frame = 2500, .offset_frames = 50, .length_frames = 1500, .gain = 1.0},
        {.asset = 1, .at_frame = 4000, .offset_frames = 9, .length_frames = 5000, .gain = 0.5}};
    read_track(&here, clips, NB_COUNT(clips), 640, got);
    for (size_t i = 0; i < NB_COUNT(clips); i++) {
        const size_t at = (size_t)clips[i].at_frame;
        const size_t size = (size_t)clips[i].length_frames * sizeof(float);
        read_track(&here, &clips[i], 1, NB_CLIPS_BLOCK, one);
        assert_memory_equal(got[0] + at, one[0] + at, size);
        assert_memory_equal(got[1] + at, one[1] + at, size);
    }
    const float silence[1000] = {0};
    assert_memory_equal(got[0] + 1000, silence, sizeof silence);
    assert_memory_equal(got[1] + 9000, silence, sizeof silence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_clip_alone_has_the_bits_that_it_has_in_a_sum, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(clips_one_after_the_other_are_each_where_they_belong,
                                        rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
