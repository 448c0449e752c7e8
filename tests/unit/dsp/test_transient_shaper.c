// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 2 * RATE, STEP = RATE };

static float in[FRAMES], in2[FRAMES], out[FRAMES], out2[FRAMES];

// 20 log10(15): what the envelopes' first moment is.
static const double whole_db = 23.521825181113627;

static rig_voice shaper(double attack_db, double sustain_db)
{
    rig_voice voice;
    rig_voice_init(&voice, "transient-shaper", 1);
    rig_set(&voice, "attack_db", attack_db);
    rig_set(&voice, "sustain_db", sustain_db);
    return voice;
}

static void fill_step(double before, double after)
{
    for (size_t i = 0; i < FRAMES; i++) {
        in[i] = (float)(i < STEP ? before : after);
    }
}

static double gain_db_at(size_t frame)
{
    return 20.0 * log10((double)out[frame] / (double)in[frame]);
}

static void a_step_gets_the_gain_of_the_table(void **state)
{
    (void)state;
    // Of conformance.md: milliseconds behind a step from -80 dB, and dB.
    static const double table[][2] = {
        {0.1, 23.0}, {1.0, 19.7}, {5.0, 10.9}, {10.0, 6.2}, {50.0, 0.3}};
    const rig_voice voice = shaper(whole_db, 0.0);
    fill_step(1e-4, 1.0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t k = 0; k < NB_COUNT(table); k++) {
        const size_t frame = STEP + (size_t)(table[k][0] * 48.0 + 0.5) - 1;
        if (!(fabs(gain_db_at(frame) - table[k][1]) < 0.15)) {
            fail_msg("%g ms: %g dB, not %g", table[k][0], gain_db_at(frame), table[k][1]);
        }
    }
}

static void gains_scale_with_the_parameters(void **state)
{
    (void)state;
    fill_step(1e-4, 0.5);
    double whole_at_2_ms_db = 0.0;
    for (int k = 2; k >= -2; k--) {
        const rig_voice voice = shaper(whole_db * 0.5 * k, 0.0);
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        const double gain_db = gain_db_at(STEP + 96);
        whole_at_2_ms_db = (k == 2) ? gain_db : whole_at_2_ms_db;
        assert_true(fabs(gain_db - 0.5 * k * whole_at_2_ms_db) < 0.001);
    }
}

static void a_steady_tone_is_left_alone(void **state)
{
    (void)state;
    static const double freqs_hz[] = {60.0, 440.0, 1000.0, 9100.0};
    for (size_t f = 0; f < NB_COUNT(freqs_hz); f++) {
        const rig_voice voice = shaper(24.0, -24.0);
        rig_sine(in, FRAMES, freqs_hz[f], RATE, 0.1, 0.0);
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        for (size_t i = STEP; i < FRAMES; i++) {
            assert_true(fabsf(out[i] - in[i]) < 3e-4F * 0.1F); // 0.003 dB
        }
    }
}

static void the_programme_s_level_changes_nothing(void **state)
{
    (void)state;
    const rig_voice voice = shaper(12.0, 8.0);
    for (size_t i = 0; i < FRAMES; i++) {
        const double decay = exp(-(double)(i % 12000) / 2400.0);
        in[i] = (float)(0.5 * (0.01 + decay) * sin(2.0 * M_PI * 700.0 * (double)i / RATE));
        in2[i] = in[i] / 16.0F;
    }
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    rig_process_one(&voice, FRAMES, (const float *[]){in2}, (float *[]){out2});
    for (size_t i = 12000; i < FRAMES; i++) { // behind the start out of digital silence
        assert_true(fabsf(out[i] - 16.0F * out2[i]) < 1e-5F);
    }
}

static void sustain_lifts_the_decay_and_not_the_onset(void **state)
{
    (void)state;
    const rig_voice voice = shaper(0.0, 24.0);
    fill_step(0.01, 1.0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_memory_equal(in, out, sizeof in);
    fill_step(1.0, 0.01);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_memory_equal(in, out, STEP * sizeof *in);
    // 10 ms of the peak's window, then e^-t/30 ms against e^-t/300 ms.
    const double t_ms = 60.0;
    const double apart_db = 20.0 * log10(exp(1.0)) * t_ms * (1.0 / 30.0 - 1.0 / 300.0);
    const double gain_db = gain_db_at(STEP + 480 + (size_t)(48.0 * t_ms) - 2);
    assert_true(fabs(gain_db - 24.0 / whole_db * apart_db) < 0.05);
}

static void nothing_asked_is_nothing_done(void **state)
{
    (void)state;
    rig_voice voice = shaper(0.0, 0.0);
    rig_noise(in, FRAMES, 0.9, 8);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_memory_equal(in, out, sizeof in);
    rig_set(&voice, "output_db", 6.0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    assert_true(fabs(gain_db_at(100) - 6.0) < 1e-4);
}

static double still(size_t control, int64_t frame)
{
    (void)frame;
    static const double values[] = {9.0, -7.0, 2.0};
    return values[control];
}

static double sweep(size_t control, int64_t frame)
{
    return 24.0 * sin((double)frame * 0.0003 * (double)(control + 1));
}

static void any_split_width_and_lane_that_stands_still_give_the_same_bits(void **state)
{
    (void)state;
    rig_voice voice = shaper(9.0, -7.0);
    rig_set(&voice, "output_db", 2.0);
    rig_noise(in, FRAMES, 0.5, 3);
    fill_step(0.0, 1.0);
    for (size_t i = 0; i < FRAMES; i++) {
        in[i] = (i % 9000 < 3000) ? (float)sin(0.05 * (double)i) : 0.003F;
    }
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t lanes = 2; lanes <= 8 && nb_level_runs(lanes); lanes *= 2) {
        const rig_run how = {.lanes = lanes, .first_block = 41 * lanes};
        rig_process(&how, &voice, 1, FRAMES, (const float *[]){in}, (float *[]){out2});
        assert_memory_equal(out, out2, sizeof out);
    }
    for (size_t p = 0; p < 3; p++) {
        voice.moving[p] = true;
    }
    rig_process(&(rig_run){.curve = still, .first_block = 77}, &voice, 1, FRAMES,
                (const float *[]){in}, (float *[]){out2});
    assert_memory_equal(out, out2, sizeof out);
    rig_process(&(rig_run){.curve = sweep}, &voice, 1, FRAMES, (const float *[]){in},
                (float *[]){out});
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(isfinite(out[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_gets_the_gain_of_the_table),
        cmocka_unit_test(gains_scale_with_the_parameters),
        cmocka_unit_test(a_steady_tone_is_left_alone),
        cmocka_unit_test(the_programme_s_level_changes_nothing),
        cmocka_unit_test(sustain_lifts_the_decay_and_not_the_onset),
        cmocka_unit_test(nothing_asked_is_nothing_done),
        cmocka_unit_test(any_split_width_and_lane_that_stands_still_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
