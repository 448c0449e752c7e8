// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <complex.h>
#include <math.h>

enum { FRAMES = 48000 };

static const double pi = 3.14159265358979323846;

static float left[FRAMES], right[FRAMES], out_left[FRAMES], out_right[FRAMES];
static const float *const in[] = {left, right};
static float *const out[] = {out_left, out_right};

static rig_voice image(void)
{
    rig_voice voice;
    rig_voice_init(&voice, "image", 2);
    return voice;
}

static void fill_noise(void)
{
    rig_noise(left, FRAMES, 0.8, 1);
    rig_noise(right, FRAMES, 0.8, 2);
}

static void at_its_defaults_it_changes_no_bit(void **state)
{
    (void)state;
    fill_noise();
    const rig_voice voice = image();
    rig_process_one(&voice, FRAMES, in, out);
    assert_memory_equal(left, out_left, sizeof left);
    assert_memory_equal(right, out_right, sizeof right);
}

static void width_is_the_gain_of_the_side(void **state)
{
    (void)state;
    fill_noise();
    static const double widths[] = {0.0, 30.0, 150.0, 200.0};
    for (size_t k = 0; k < NB_COUNT(widths); k++) {
        rig_voice voice = image();
        rig_set(&voice, "width_percent", widths[k]);
        rig_process_one(&voice, FRAMES, in, out);
        for (size_t i = 0; i < FRAMES; i++) {
            const double middle = ((double)left[i] + (double)right[i]) / 2.0;
            const double side = ((double)left[i] - (double)right[i]) / 2.0 * widths[k] / 100.0;
            assert_true(fabs((double)out_left[i] - (middle + side)) < 1e-7);
            assert_true(fabs((double)out_right[i] - (middle - side)) < 1e-7);
            assert_true(widths[k] > 0.0 || out_left[i] == out_right[i]);
        }
    }
}

static double narrowing(size_t control, int64_t frame)
{
    (void)control;
    return 200.0 - 200.0 * (double)frame / FRAMES;
}

static void a_moving_width_follows_its_lane_at_every_sample(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMES; i++) {
        left[i] = 0.5F;
        right[i] = -0.5F;
    }
    rig_voice voice = image();
    rig_move(&voice, "width_percent");
    rig_process(&(rig_run){.curve = narrowing}, &voice, 1, FRAMES, in, out);
    for (size_t i = 0; i < FRAMES; i++) {
        const double expected = 0.5 * narrowing(0, (int64_t)i) / 100.0;
        assert_true(fabs((double)out_left[i] - expected) < 1e-7);
        assert_true(fabs((double)out_right[i] + expected) < 1e-7);
    }
}

static void rotation_keeps_the_power_and_moves_the_centre(void **state)
{
    (void)state;
    for (double percent = -100.0; percent <= 100.0; percent += 12.5) {
        fill_noise();
        rig_voice voice = image();
        rig_set(&voice, "rotation_percent", percent);
        rig_process_one(&voice, FRAMES, in, out);
        const double angle = percent / 100.0 * pi / 4.0;
        for (size_t i = 0; i < FRAMES; i++) {
            const double l = (double)left[i];
            const double r = (double)right[i];
            assert_true(fabs((double)out_left[i] - (l * cos(angle) - r * sin(angle))) < 2e-7);
            assert_true(fabs((double)out_right[i] - (l * sin(angle) + r * cos(angle))) < 2e-7);
        }
    }
    left[0] = right[0] = 0.5F;
    rig_voice voice = image();
    rig_set(&voice, "rotation_percent", 100.0);
    rig_process_one(&voice, 1, in, out);
    assert_true(fabs((double)out_left[0]) < 1e-7);
    assert_true(fabs((double)out_right[0] - sqrt(0.5)) < 1e-7);
}

static double complex response(const float *samples, double freq_hz)
{
    double complex sum = 0.0;
    for (size_t i = 0; i < FRAMES; i++) {
        sum += (double)samples[i] * cexp(-I * 2.0 * pi * freq_hz / 48000.0 * (double)i);
    }
    return sum;
}

/// Butterworth's second-order high pass, twice, at the frequency that the bilinear map makes of it.
static double complex side_prototype(double freq_hz, double corner_hz)
{
    const double complex s = I * tan(pi * freq_hz / 48000.0) / tan(pi * corner_hz / 48000.0);
    const double complex half = s * s / (s * s + sqrt(2.0) * s + 1.0);
    return half * half;
}

static double complex middle_prototype(double freq_hz, double corner_hz)
{
    const double complex s = I * tan(pi * freq_hz / 48000.0) / tan(pi * corner_hz / 48000.0);
    return (s * s - sqrt(2.0) * s + 1.0) / (s * s + sqrt(2.0) * s + 1.0);
}

static void mono_bass_takes_the_side_by_linkwitz_riley_and_turns_the_middle_alike(void **state)
{
    (void)state;
    static const double corners_hz[] = {80.0, 120.0, 300.0};
    static const double freqs_hz[] = {20.0, 60.0, 120.0, 250.0, 1000.0, 12000.0};
    memset(left, 0, sizeof left);
    memset(right, 0, sizeof right);
    left[0] = 1.0F; // half in the middle, half in the side
    for (size_t k = 0; k < NB_COUNT(corners_hz); k++) {
        rig_voice voice = image();
        rig_set(&voice, "mono_below_hz", corners_hz[k]);
        rig_process_one(&voice, FRAMES, in, out);
        for (size_t f = 0; f < NB_COUNT(freqs_hz); f++) {
            const double complex l = response(out_left, freqs_hz[f]);
            const double complex r = response(out_right, freqs_hz[f]);
            const double complex middle = middle_prototype(freqs_hz[f], corners_hz[k]);
            const double complex side = side_prototype(freqs_hz[f], corners_hz[k]);
            assert_true(cabs(l + r - middle) < 1e-5);
            assert_true(cabs(l - r - side) < 1e-5);
            assert_true(fabs(cabs(middle) - 1.0) < 1e-9);
            // Where the side is whole again it has the middle's phase: left stays left.
            assert_true(freqs_hz[f] < 10000.0 || cabs(r) < 1e-3);
        }
    }
}

static void haas_delays_one_side_to_the_sample(void **state)
{
    (void)state;
    fill_noise();
    static const struct {
        double time_ms;
        size_t left, right;
    } cases[] = {{12.5, 0, 600}, {-7.0, 336, 0}, {0.0, 0, 0}, {40.0, 0, 1920}};
    for (size_t k = 0; k < NB_COUNT(cases); k++) {
        rig_voice voice = image();
        rig_set(&voice, "haas_ms", cases[k].time_ms);
        rig_process_one(&voice, FRAMES, in, out);
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(out_left[i] == ((i < cases[k].left) ? 0.0F : left[i - cases[k].left]));
            assert_true(out_right[i] == ((i < cases[k].right) ? 0.0F : right[i - cases[k].right]));
        }
    }
}

static void settings_without_a_meaning_are_refused(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "image", 1);
    voice.settings.values = voice.values;
    assert_fails(NB_E_INVALID, "two channels",
                 voice.settings.processor->check(&voice.settings, err));
    rig_voice_init(&voice, "image", 2);
    voice.settings.values = voice.values;
    assert_ok(voice.settings.processor->check(&voice.settings, err));
    rig_set(&voice, "mono_below_hz", 3.0);
    assert_fails(NB_E_INVALID, "mono_below_hz 3",
                 voice.settings.processor->check(&voice.settings, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_its_defaults_it_changes_no_bit),
        cmocka_unit_test(width_is_the_gain_of_the_side),
        cmocka_unit_test(a_moving_width_follows_its_lane_at_every_sample),
        cmocka_unit_test(rotation_keeps_the_power_and_moves_the_centre),
        cmocka_unit_test(mono_bass_takes_the_side_by_linkwitz_riley_and_turns_the_middle_alike),
        cmocka_unit_test(haas_delays_one_side_to_the_sample),
        cmocka_unit_test(settings_without_a_meaning_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
