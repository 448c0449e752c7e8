// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <complex.h>
#include <math.h>

enum { FRAMES = 96000 };

static float in[2][FRAMES], out[2][FRAMES], other[2][FRAMES];
static const float *const inputs[] = {in[0], in[1]};
static float *const outputs[] = {out[0], out[1]};
static float *const others[] = {other[0], other[1]};
static const double pi = 3.14159265358979323846;

static rig_voice chorus(unsigned channels, double voices, double delay_ms, double depth_ms)
{
    rig_voice voice;
    rig_voice_init(&voice, "chorus", channels);
    rig_set(&voice, "voices", voices);
    rig_set(&voice, "delay_ms", delay_ms);
    rig_set(&voice, "depth_ms", depth_ms);
    return voice;
}

static double complex response_at(double freq_hz)
{
    double complex sum = 0.0;
    for (size_t i = 0; i < FRAMES; i++) {
        sum += (double)out[0][i] * cexp(-I * 2.0 * pi * freq_hz / 48000.0 * (double)i);
    }
    return sum;
}

static void a_still_copy_is_late_by_a_fraction_of_a_frame(void **state)
{
    (void)state;
    static const double delays[] = {0.3, 5.0, 5.0104166, 7.0052, 13.337};
    memset(in, 0, sizeof in);
    in[0][0] = 1.0F;
    for (size_t d = 0; d < NB_COUNT(delays); d++) {
        const rig_voice voice = chorus(1, 1.0, delays[d], 0.0);
        rig_process_one(&voice, FRAMES, inputs, outputs);
        for (double f = 20.0; f < 15000.0; f *= 1.4) {
            const double complex expected = cexp(-I * 2.0 * pi * f * delays[d] * 1e-3);
            assert_true(cabs(response_at(f) - expected) < 1.5e-4); // -76 dB
        }
    }
}

static void feedback_makes_the_comb_of_the_formula(void **state)
{
    (void)state;
    static const double feedbacks[] = {70.0, -70.0};
    memset(in, 0, sizeof in);
    in[0][0] = 1.0F;
    for (size_t k = 0; k < 2; k++) {
        rig_voice voice = chorus(1, 1.0, 0.8, 0.0);
        rig_set(&voice, "feedback_percent", feedbacks[k]);
        rig_process_one(&voice, FRAMES, inputs, outputs);
        for (double f = 30.0; f < 12000.0; f *= 1.17) {
            const double complex late = cexp(-I * 2.0 * pi * f * 0.8e-3);
            const double complex expected = late / (1.0 - feedbacks[k] * 0.01 * late);
            assert_true(cabs(response_at(f) - expected) < 1e-3);
        }
    }
}

// The sweep by its formula, for every voice and both sides.
static void the_copies_sweep_as_the_formula_says(void **state)
{
    (void)state;
    const double freq_hz = 3000.0;
    rig_voice voice = chorus(2, 3.0, 8.0, 4.0);
    rig_set(&voice, "rate_hz", 1.7);
    rig_sine(in[0], FRAMES, freq_hz, 48000.0, 0.5, 0.0);
    memcpy(in[1], in[0], sizeof in[0]);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t i = 2000; i < FRAMES; i++) {
        for (size_t c = 0; c < 2; c++) {
            double expected = 0.0;
            for (size_t v = 0; v < 3; v++) {
                const double turns =
                    1.7 * (double)(i + 1) / 48000.0 + (double)v / 3.0 + 0.25 * (double)c;
                const double delay_s = 0.008 + 0.004 * 0.5 * (1.0 + sin(2.0 * pi * turns));
                expected += 0.5 * sin(2.0 * pi * freq_hz * ((double)i / 48000.0 - delay_s));
            }
            assert_true(fabs((double)out[c][i] - expected / sqrt(3.0)) < 1.5e-4);
        }
    }
}

static double moving(size_t control, int64_t frame)
{
    const double swing = sin((double)frame * 2e-4);
    return control == 1 ? 1.0 + 0.9 * swing : control == 2 ? 3.0 + 3.0 * swing : 60.0 * swing;
}

static double still(size_t control, int64_t frame)
{
    (void)frame;
    return control == 1 ? 0.6 : control == 2 ? 2.5 : 0.0;
}

static void moving_values_are_smooth_and_at_rest_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"rate_hz", "depth_ms", "feedback_percent"};
    rig_voice voice = chorus(2, 2.0, 5.0, 2.5);
    rig_sine(in[0], FRAMES, 200.0, 48000.0, 0.3, 0.0);
    rig_sine(in[1], FRAMES, 200.0, 48000.0, 0.3, 1.0);
    rig_process_one(&voice, FRAMES, inputs, outputs);
    for (size_t n = 0; n < NB_COUNT(names); n++) {
        rig_move(&voice, names[n]);
    }
    rig_process(&(rig_run){.curve = still}, &voice, 1, FRAMES, inputs, others);
    assert_memory_equal(out, other, sizeof out);
    rig_process(&(rig_run){.curve = moving}, &voice, 1, FRAMES, inputs, outputs);
    for (size_t i = 1; i < FRAMES; i++) { // feedback of 60 % lifts the sine's own steps
        assert_true(fabsf(out[0][i] - out[0][i - 1]) < 0.05F);
    }
}

static void any_split_and_every_width_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t run = 0; run < 4; run++) {
        rig_voice voice = chorus(1 + run % 2, 1.0 + (double)run, (run < 2) ? 0.5 : 9.0, 3.0);
        rig_set(&voice, "feedback_percent", (run < 3) ? 50.0 : 0.0);
        rig_move(&voice, "rate_hz");
        rig_noise(in[0], FRAMES, 0.5, 3);
        rig_noise(in[1], FRAMES, 0.5, 4);
        rig_process(&(rig_run){.lanes = 2, .curve = moving}, &voice, 1, FRAMES, inputs, outputs);
        for (size_t lanes = 2; lanes <= 8; lanes *= 2) {
            if (!nb_level_runs(lanes)) {
                print_message("this machine has no registers of %zu lanes\n", lanes);
                continue;
            }
            const rig_run how = {
                .lanes = lanes, .first_block = 1 + 77 * lanes, .twice = true, .curve = moving};
            rig_process(&how, &voice, 1, FRAMES, inputs, others);
            assert_memory_equal(out, other, voice.settings.channels * sizeof out[0]);
        }
    }
}

static void extremes_stay_finite_and_end_with_the_tail(void **state)
{
    (void)state;
    const nb_processor *it = chorus(2, 1.0, 5.0, 1.0).settings.processor;
    for (size_t run = 0; run < 16; run++) {
        rig_voice voice = chorus(2, 1.0, 5.0, 1.0);
        for (size_t p = 0; p < it->param_count; p++) {
            voice.values[p] = ((run >> (p % 4)) & 1) ? it->params[p].max : it->params[p].min;
        }
        voice.settings.values = voice.values;
        voice.settings.moving = voice.moving;
        memset(in, 0, sizeof in);
        rig_noise(in[0], 20000, 1.0, 8);
        rig_noise(in[1], 20000, 1.0, 9);
        rig_process_one(&voice, FRAMES, inputs, outputs);
        const size_t end = 20000 + it->tail(&voice.settings);
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(fabsf(out[0][i]) < ((i < end) ? 100.0F : 1e-6F));
            assert_true(fabsf(out[1][i]) < ((i < end) ? 100.0F : 1e-6F));
        }
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    rig_voice voice = chorus(1, 1.0, 0.3, 1.0);
    voice.settings.values = voice.values;
    assert_ok(voice.settings.processor->check(&voice.settings, err));
    assert_int_equal(voice.settings.processor->latency(&voice.settings), 0);
    voice.settings.rate_hz = 22050;
    assert_fails(NB_E_INVALID, "delay_ms 0.3 is under 10 frames",
                 voice.settings.processor->check(&voice.settings, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_still_copy_is_late_by_a_fraction_of_a_frame),
        cmocka_unit_test(feedback_makes_the_comb_of_the_formula),
        cmocka_unit_test(the_copies_sweep_as_the_formula_says),
        cmocka_unit_test(moving_values_are_smooth_and_at_rest_the_same),
        cmocka_unit_test(any_split_and_every_width_give_the_same_bits),
        cmocka_unit_test(extremes_stay_finite_and_end_with_the_tail),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
