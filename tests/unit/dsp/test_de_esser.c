// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 2 * RATE };

static float in[FRAMES], in2[FRAMES], out[FRAMES], out2[FRAMES];

static rig_voice de_esser(bool wideband)
{
    rig_voice voice;
    rig_voice_init(&voice, "de-esser", 1);
    rig_set(&voice, "action", wideband);
    rig_set(&voice, "knee_db", 0.0);
    rig_set(&voice, "range_db", 40.0);
    return voice;
}

// A vowel's 300 Hz and, in the second half, a sibilant's 6.7 kHz beside it.
static void fill_voice(float *samples, double level_db, double sibilant_db)
{
    const double vowel = pow(10.0, level_db / 20.0);
    const double sibilant = pow(10.0, (level_db + sibilant_db) / 20.0);
    for (size_t i = 0; i < FRAMES; i++) {
        const double t = 2.0 * M_PI * (double)i / RATE;
        samples[i] =
            (float)(vowel * sin(300.0 * t) + (i < FRAMES / 2 ? 0.0 : sibilant * sin(6700.0 * t)));
    }
}

static double tone_db(const float *samples, double freq_hz)
{
    return rig_magnitude_db(samples + FRAMES - RATE / 2, RATE / 2, freq_hz, RATE);
}

// What became of the two tones.
static void run(const rig_voice *voice, double level_db, double sibilant_db, double *out_vowel_db,
                double *out_sibilant_db)
{
    fill_voice(in, level_db, sibilant_db);
    rig_process_one(voice, FRAMES, (const float *[]){in}, (float *[]){out});
    *out_vowel_db = tone_db(out, 300.0) - tone_db(in, 300.0);
    *out_sibilant_db = tone_db(out, 6700.0) - tone_db(in, 6700.0);
}

static void the_programme_s_level_does_not_change_the_reduction(void **state)
{
    (void)state;
    for (size_t wideband = 0; wideband < 2; wideband++) {
        const rig_voice voice = de_esser(wideband);
        double vowel_db, sibilant_db, first_db = 0.0;
        for (double level_db = -6.0; level_db > -60.0; level_db -= 12.0) {
            run(&voice, level_db, 0.0, &vowel_db, &sibilant_db);
            first_db = (level_db == -6.0) ? sibilant_db : first_db;
            assert_true(sibilant_db < -2.0);
            assert_true(fabs(sibilant_db - first_db) < 0.01);
        }
    }
}

static void the_reduction_lies_on_the_curve_of_band_over_whole(void **state)
{
    (void)state;
    const rig_voice voice = de_esser(true);
    double vowel_db, sibilant_db;
    run(&voice, -12.0, 0.0, &vowel_db, &sibilant_db);
    // Half of the energy: -3.01 dB, and 1.1 dB that both cuts take at 6.7 kHz (g = tan(pi f /
    // rate), second order each); over the threshold of -9 dB three quarters go.
    const double g = tan(M_PI * 6700.0 / RATE);
    const double low = tan(M_PI * 5000.0 / RATE) / g;
    const double high = g / tan(M_PI * 9000.0 / RATE);
    const double band_db = -10.0 * log10(1.0 + pow(low, 4.0)) - 10.0 * log10(1.0 + pow(high, 4.0));
    const double expected_db = -0.75 * (-3.0103 + band_db + 9.0);
    // The vowel's 600 Hz in its energy, 5 % behind the mean of 5 ms, whose lows the detector holds.
    assert_true(fabs(sibilant_db - expected_db) < 0.15);
    assert_true(fabs(vowel_db - expected_db) < 0.15);
}

static void split_leaves_the_vowel_alone(void **state)
{
    (void)state;
    const rig_voice voice = de_esser(false);
    double vowel_db, sibilant_db, wide_db;
    run(&voice, -12.0, 6.0, &vowel_db, &sibilant_db);
    const rig_voice wide = de_esser(true);
    double ignored_db;
    run(&wide, -12.0, 6.0, &ignored_db, &wide_db);
    assert_true(fabs(vowel_db) < 0.05);
    assert_true(fabs(sibilant_db - wide_db) < 0.1); // the middle goes down by all of it
}

static void the_range_ends_the_reduction(void **state)
{
    (void)state;
    rig_voice voice = de_esser(true);
    rig_set(&voice, "range_db", 2.5);
    double vowel_db, sibilant_db;
    run(&voice, -12.0, 12.0, &vowel_db, &sibilant_db);
    assert_true(fabs(sibilant_db + 2.5) < 0.01);
}

static void what_does_not_hiss_passes_to_the_last_bit(void **state)
{
    (void)state;
    for (size_t wideband = 0; wideband < 2; wideband++) {
        const rig_voice voice = de_esser(wideband);
        rig_sine(in, FRAMES, 300.0, RATE, 0.5, 0.0);
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        // The tone's start is a click, which hisses.
        assert_memory_equal(in + RATE, out + RATE, (FRAMES - RATE) * sizeof *in);
    }
}

static void both_channels_of_a_stereo_voice_go_down_together(void **state)
{
    (void)state;
    rig_voice voice = de_esser(true);
    voice.settings.channels = 2;
    fill_voice(in, -12.0, 6.0);
    for (size_t i = 0; i < FRAMES; i++) {
        in2[i] = 0.25F * in[i];
    }
    rig_process_one(&voice, FRAMES, (const float *[]){in, in2}, (float *[]){out, out2});
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(fabsf(out2[i] - 0.25F * out[i]) < 1e-7F);
    }
}

static void crossed_ends_are_refused(void **state)
{
    (void)state;
    nb_error error = {0};
    rig_voice voice = de_esser(false);
    voice.settings.values = voice.values;
    const nb_processor *it = voice.settings.processor;
    assert_int_equal(it->check(&voice.settings, &error), NB_OK);
    voice.settings.rate_hz = 8000;
    assert_int_equal(it->check(&voice.settings, &error), NB_E_INVALID);
    voice.settings.rate_hz = 48000;
    rig_set(&voice, "from_hz", 9000.0);
    assert_int_equal(it->check(&voice.settings, &error), NB_E_INVALID);
    assert_non_null(strstr(error.text, "from_hz 9000"));
}

static double sweep(size_t control, int64_t frame)
{
    static const double middle[] = {-15.0, 10.0, 6.0, 5.0, 60.0, 12.0};
    return middle[control] * (1.0 + 0.9 * sin((double)frame * 0.0004 * (double)(control + 1)));
}

static void any_split_and_width_give_the_same_bits_and_moving_values_stay_finite(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        rig_voice voice = de_esser(k & 1U);
        for (size_t p = 0; p < 6; p++) {
            voice.moving[p] = k > 1;
        }
        rig_noise(in, FRAMES, 0.5, 3);
        rig_process(&(rig_run){.curve = sweep}, &voice, 1, FRAMES, (const float *[]){in},
                    (float *[]){out});
        for (size_t lanes = 2; lanes <= 8 && nb_level_runs(lanes); lanes *= 2) {
            const rig_run how = {.lanes = lanes, .first_block = 59 * lanes, .curve = sweep};
            rig_process(&how, &voice, 1, FRAMES, (const float *[]){in}, (float *[]){out2});
            assert_memory_equal(out, out2, sizeof out);
        }
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(isfinite(out[i]) && fabsf(out[i]) < 1.0F);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_programme_s_level_does_not_change_the_reduction),
        cmocka_unit_test(the_reduction_lies_on_the_curve_of_band_over_whole),
        cmocka_unit_test(split_leaves_the_vowel_alone),
        cmocka_unit_test(the_range_ends_the_reduction),
        cmocka_unit_test(what_does_not_hiss_passes_to_the_last_bit),
        cmocka_unit_test(both_channels_of_a_stereo_voice_go_down_together),
        cmocka_unit_test(crossed_ends_are_refused),
        cmocka_unit_test(any_split_and_width_give_the_same_bits_and_moving_values_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
