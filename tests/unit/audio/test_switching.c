// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/meter.h"
#include "audio/switching.h"
#include "rig.h"
#include "test.h"

#include <math.h>

enum { RATE = 48000, SECONDS = 20, FRAMES = SECONDS * RATE, FADE = RATE * 15 / 1000 };

static float first[FRAMES * 2];
static float second[FRAMES * 2];
static float heard[FRAMES * 2];

typedef struct outcome {
    nb_level_match levels;
    int64_t switches;
} outcome;

static nb_status run(size_t a_frames, size_t b_frames, double period_s, outcome *out, nb_error *why)
{
    NB_SCOPED(nb_recording_destroy) nb_recording *a = NULL;
    NB_SCOPED(nb_recording_destroy) nb_recording *b = NULL;
    NB_SCOPED(nb_audio_writer_destroy) nb_audio_writer *writer = NULL;
    assert_ok(
        nb_recording_open(rig_write("a.wav", RATE, 2, first, a_frames), NULL, 0, NULL, &a, err));
    assert_ok(
        nb_recording_open(rig_write("b.wav", RATE, 2, second, b_frames), NULL, 0, NULL, &b, err));
    const nb_shared_part shared = nb_shared_part_of(a, b, 0);
    assert_ok(nb_level_match_find(a, b, &shared, NULL, &out->levels, err));
    assert_ok(nb_audio_writer_open(rig_path("out.wav"), RATE, 2, 0, &writer, err));
    const nb_status status = nb_switching_write(
        a, b, &shared, &out->levels, (int64_t)(period_s * RATE), writer, NULL, &out->switches, why);
    if (status == NB_OK) {
        assert_ok(nb_audio_writer_close(&writer, err));
    }
    return status;
}

static int64_t read_back(void)
{
    NB_SCOPED(nb_audio_file_destroy) nb_audio_file *file = NULL;
    assert_ok(nb_audio_file_open(rig_path("out.wav"), NULL, &file, err));
    const int64_t frames = nb_audio_file_info(file)->frames;
    assert_ok(nb_audio_file_read(file, heard, (size_t)frames, err));
    return frames;
}

static double loudness_of(const float *samples, size_t frames)
{
    NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
    NB_SCOPED(nb_measures_fini) nb_measures measures = {0};
    assert_ok(nb_meter_new(RATE, 2, &meter, err));
    assert_ok(nb_meter_add(meter, samples, frames, err));
    assert_ok(nb_meter_finish(meter, &measures, err));
    return measures.integrated_lufs;
}

static void fill(float *out, float gain, uint64_t seed)
{
    rig_noise(out, (size_t)FRAMES * 2, seed);
    for (size_t i = 0; i < (size_t)FRAMES * 2; i++) {
        out[i] *= gain;
    }
}

static void both_are_equally_loud_and_nothing_is_raised(void **state)
{
    (void)state;
    static const float gains[] = {0.2F, 1.0F, 2.5F};
    for (size_t i = 0; i < NB_COUNT(gains); i++) {
        outcome got;
        fill(first, 1.0F, 1);
        fill(second, gains[i], 2);
        assert_ok(run(FRAMES, FRAMES, 5.0, &got, err));
        assert_true(got.levels.matched);
        assert_true(got.levels.a_gain_db <= 0.0 && got.levels.b_gain_db <= 0.0);
        assert_true(got.levels.a_gain_db == 0.0 || got.levels.b_gain_db == 0.0);
        assert_int_equal(got.switches, 3);
        assert_int_equal(read_back(), FRAMES);
        const double in_a = loudness_of(heard, 5 * RATE - FADE);
        const double in_b = loudness_of(heard + (size_t)2 * (5 * RATE + FADE), 5 * RATE - 2 * FADE);
        assert_true(fabs(in_a - in_b) < 0.1);
        const double quieter = fmin(got.levels.a_lufs, got.levels.b_lufs);
        assert_true(fabs(loudness_of(heard, FRAMES) - quieter) < 0.1);
    }
}

static void each_is_heard_at_its_own_place_bit_for_bit(void **state)
{
    (void)state;
    outcome got;
    fill(first, 1.0F, 3);
    memcpy(second, first, sizeof second);
    second[12345] = 0.5F;         // heard in A's time only: must not show
    second[2 * 7 * RATE] = 0.25F; // heard in B's time
    assert_ok(run(FRAMES, FRAMES, 5.0, &got, err));
    read_back();
    assert_true(heard[12345] == first[12345]);
    const float gain = (float)pow(10.0, got.levels.b_gain_db / 20.0);
    assert_true(fabsf(heard[2 * 7 * RATE] - 0.25F * gain) < 1e-6F);
    memcpy(second, first, sizeof second);
    assert_ok(run(FRAMES, FRAMES, 5.0, &got, err));
    read_back();
    float worst = 0.0F; // in fades the shares add up to one but for rounding
    for (size_t i = 0; i < (size_t)FRAMES * 2; i++) {
        worst = fmaxf(worst, fabsf(heard[i] - first[i]));
    }
    assert_true(worst < 1e-7F);
}

static void a_switch_fades_for_15_ms_around_its_place(void **state)
{
    (void)state;
    outcome got;
    for (size_t i = 0; i < (size_t)FRAMES * 2; i++) {
        first[i] = 0.25F;
        second[i] = -0.25F;
    }
    assert_ok(run(FRAMES, FRAMES, 8.0, &got, err));
    assert_int_equal(got.switches, 2);
    read_back();
    const size_t at = (size_t)8 * RATE;
    assert_true(heard[2 * (at - FADE / 2 - 1)] == 0.25F);
    assert_true(heard[2 * (at - FADE / 2 + 2)] < 0.25F);
    assert_true(fabsf(heard[2 * at]) < 0.01F);
    assert_true(heard[2 * (at + FADE / 2)] == -0.25F);
    for (size_t i = 1; i < FRAMES; i++) { // no step anywhere
        assert_true(fabsf(heard[2 * i] - heard[2 * (i - 1)]) < 0.002F);
    }
}

static void a_switch_at_every_period_that_has_room_for_it(void **state)
{
    (void)state;
    outcome got;
    for (size_t i = 0; i < (size_t)FRAMES * 2; i++) {
        first[i] = 0.25F;
        second[i] = -0.25F;
    }
    assert_ok(run(FRAMES, FRAMES, 0.1, &got, err));
    assert_int_equal(got.switches, 199); // a 200th would stand at the end
    read_back();
    for (size_t i = 0; i < 200; i++) { // in the middle between two
        assert_true(heard[2 * (i * RATE / 10 + RATE / 20)] == (i % 2 ? -0.25F : 0.25F));
    }
}

static void what_is_too_short_for_a_switch_is_refused(void **state)
{
    (void)state;
    outcome got;
    fill(first, 1.0F, 6);
    fill(second, 1.0F, 7);
    assert_fails(NB_E_INVALID, "0:08.000 in common, too short for a switch every 8 s",
                 run((size_t)8 * RATE, FRAMES, 8.0, &got, err));
    assert_ok(run((size_t)8 * RATE + FADE, FRAMES, 8.0, &got, err));
    assert_int_equal(got.switches, 1);
    assert_fails(NB_E_INVALID, "too short", run(FRAMES, FRAMES, 0.02, &got, err));
}

static void silence_is_matched_with_nothing(void **state)
{
    (void)state;
    outcome got;
    fill(first, 1.0F, 8);
    memset(second, 0, sizeof second);
    assert_ok(run(FRAMES, FRAMES, 8.0, &got, err));
    assert_false(got.levels.matched);
    assert_true(got.levels.a_gain_db == 0.0 && got.levels.b_gain_db == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_are_equally_loud_and_nothing_is_raised),
        cmocka_unit_test(each_is_heard_at_its_own_place_bit_for_bit),
        cmocka_unit_test(a_switch_fades_for_15_ms_around_its_place),
        cmocka_unit_test(a_switch_at_every_period_that_has_room_for_it),
        cmocka_unit_test(what_is_too_short_for_a_switch_is_refused),
        cmocka_unit_test(silence_is_matched_with_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
