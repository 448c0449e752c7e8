// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { FRAMES = 2000 };

static float left[FRAMES], right[FRAMES], out_left[FRAMES], out_right[FRAMES];
static const float *const in[] = {left, right};
static float *const out[] = {out_left, out_right};

static double db(double factor) { return 20.0 * log10(fabs(factor)); }

static void gains_are_decibels(void **state)
{
    (void)state;
    static const double levels[] = {-120.0, -60.0, -6.0, -0.1, 0.0, 12.0, 40.0};
    rig_noise(left, FRAMES, 0.01, 1);
    for (size_t k = 0; k < NB_COUNT(levels); k++) {
        rig_voice voice;
        rig_voice_init(&voice, "gain", 1);
        rig_set(&voice, "gain_db", levels[k]);
        rig_process_one(&voice, FRAMES, in, out);
        assert_true(fabs(db((double)out_left[7] / (double)left[7]) - levels[k]) < 1e-5);
    }
}

static void unity_changes_no_bit(void **state)
{
    (void)state;
    rig_noise(left, FRAMES, 0.9, 2);
    rig_voice voice;
    rig_voice_init(&voice, "gain", 1);
    rig_process_one(&voice, FRAMES, in, out);
    assert_memory_equal(left, out_left, sizeof left);
}

static void off_is_digital_silence(void **state)
{
    (void)state;
    rig_noise(left, FRAMES, 0.9, 3);
    rig_voice voice;
    rig_voice_init(&voice, "gain", 1);
    rig_set(&voice, "gain_db", -INFINITY);
    rig_process_one(&voice, FRAMES, in, out);
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(out_left[i] == 0.0F);
    }
}

static void inverted_polarity_nulls_against_the_input(void **state)
{
    (void)state;
    rig_noise(left, FRAMES, 0.9, 4);
    rig_voice voice;
    rig_voice_init(&voice, "gain", 1);
    rig_set(&voice, "polarity", 1.0);
    rig_process_one(&voice, FRAMES, in, out);
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(out_left[i] + left[i] == 0.0F);
    }
}

static double falling(size_t control, int64_t frame)
{
    (void)control;
    return -0.01 * (double)frame;
}

static void a_moving_gain_follows_its_lane_at_every_sample(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMES; i++) {
        left[i] = 1.0F;
    }
    rig_voice voice;
    rig_voice_init(&voice, "gain", 1);
    rig_move(&voice, "gain_db");
    rig_process(&(rig_run){.curve = falling}, &voice, 1, FRAMES, in, out);
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(fabs(db((double)out_left[i]) + 0.01 * (double)i) < 1e-5);
    }
}

static void pan(bool mono, double percent, double law)
{
    for (size_t i = 0; i < FRAMES; i++) {
        left[i] = right[i] = 1.0F;
    }
    rig_voice voice;
    rig_voice_init(&voice, "pan", 2);
    voice.settings.input_is_mono = mono;
    rig_set(&voice, "pan_percent", percent);
    rig_set(&voice, "law", law);
    rig_process_one(&voice, FRAMES, in, out);
}

static void each_law_has_its_level_at_the_centre(void **state)
{
    (void)state;
    static const double centre_db[] = {-3.0103, -6.0206, -4.5154};
    for (size_t law = 0; law < 3; law++) {
        pan(true, 0.0, (double)law);
        assert_true(fabs(db((double)out_left[0]) - centre_db[law]) < 1e-3);
        assert_true(out_left[0] == out_right[0]);
    }
}

static void hard_sides_are_unity_and_silence(void **state)
{
    (void)state;
    for (size_t law = 0; law < 3; law++) {
        pan(true, -100.0, (double)law);
        assert_true(out_left[0] == 1.0F && out_right[0] == 0.0F);
        pan(true, 100.0, (double)law);
        assert_true(out_left[0] == 0.0F && out_right[0] == 1.0F);
    }
}

static void constant_power_keeps_the_power(void **state)
{
    (void)state;
    for (double percent = -100.0; percent <= 100.0; percent += 12.5) {
        pan(true, percent, 0.0);
        const double l = (double)out_left[0];
        const double r = (double)out_right[0];
        assert_true(fabs(l * l + r * r - 1.0) < 1e-6);
        assert_true((percent < 0.0) == (l > r) || percent == 0.0);
    }
}

static void a_balance_lowers_one_side_only(void **state)
{
    (void)state;
    for (size_t law = 0; law < 3; law++) {
        pan(false, 0.0, (double)law);
        assert_true(out_left[0] == 1.0F && out_right[0] == 1.0F);
        pan(false, 40.0, (double)law);
        assert_true(out_left[0] < 1.0F && out_left[0] > 0.0F && out_right[0] == 1.0F);
        pan(false, -100.0, (double)law);
        assert_true(out_left[0] == 1.0F && out_right[0] == 0.0F);
    }
}

static void one_channel_cannot_be_panned(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "pan", 1);
    assert_fails(NB_E_INVALID, "two channels",
                 voice.settings.processor->check(&voice.settings, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gains_are_decibels),
        cmocka_unit_test(unity_changes_no_bit),
        cmocka_unit_test(off_is_digital_silence),
        cmocka_unit_test(inverted_polarity_nulls_against_the_input),
        cmocka_unit_test(a_moving_gain_follows_its_lane_at_every_sample),
        cmocka_unit_test(each_law_has_its_level_at_the_centre),
        cmocka_unit_test(hard_sides_are_unity_and_silence),
        cmocka_unit_test(constant_power_keeps_the_power),
        cmocka_unit_test(a_balance_lowers_one_side_only),
        cmocka_unit_test(one_channel_cannot_be_panned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
