// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <complex.h>
#include <math.h>

enum { FRAMES = 48000, RESPONSE = 32768 };

static float in[FRAMES], in2[FRAMES], out[FRAMES], out2[FRAMES], part[FRAMES];

// Bands that do nothing, up to each of the crossovers and on.
static rig_voice multiband(const double *crossovers_hz, size_t crossover_count)
{
    rig_voice voice;
    rig_voice_init(&voice, "multiband-compressor", 1);
    const nb_processor *it = voice.settings.processor;
    voice.settings.band_count = crossover_count + 1;
    for (size_t b = 0; b <= crossover_count; b++) {
        for (size_t p = 0; p < it->band_param_count; p++) {
            voice.band_values[b * it->band_param_count + p] = it->band_params[p].initial;
        }
        rig_set_band(&voice, b, "threshold_db", 0.0);
        rig_set_band(&voice, b, "ratio", 1.0);
        if (b < crossover_count) {
            rig_set_band(&voice, b, "upto_hz", crossovers_hz[b]);
        }
    }
    return voice;
}

/// The crossovers of the table's rows, by their number.
static const double sets[][4] = {
    {1000.0},
    {200.0, 2000.0},
    {120.0, 800.0, 5000.0},
    {80.0, 300.0, 1500.0, 6000.0},
    {200.0, 400.0},
    {200.0, 400.0, 800.0},
    {200.0, 400.0, 800.0, 1600.0},
};

static size_t crossovers_in(const double *set)
{
    size_t count = 0;
    while (count < 4 && set[count] > 0.0) {
        count++;
    }
    return count;
}

static void bands_add_up_flat(void **state)
{
    (void)state;
    for (size_t s = 0; s < NB_COUNT(sets); s++) {
        const rig_voice voice = multiband(sets[s], crossovers_in(sets[s]));
        memset(in, 0, sizeof in);
        in[0] = 1.0F;
        rig_process_one(&voice, RESPONSE, (const float *[]){in}, (float *[]){out});
        for (double freq_hz = 20.0; freq_hz < 20000.0; freq_hz *= 1.07) {
            const double sum_db = rig_magnitude_db(out, RESPONSE, freq_hz, 48000.0);
            if (!(fabs(sum_db) < 0.001)) {
                fail_msg("set %zu at %g Hz: %g dB", s, freq_hz, sum_db);
            }
        }
    }
}

// An all-pass of second order, Q 0.7071, in its direct form.
static void all_pass(double *samples, size_t frames, double freq_hz)
{
    const double w = 2.0 * M_PI * freq_hz / 48000.0;
    const double alpha = sin(w) / sqrt(2.0);
    const double a0 = 1.0 + alpha;
    const double a1 = -2.0 * cos(w) / a0;
    const double a2 = (1.0 - alpha) / a0;
    double x1 = 0.0, x2 = 0.0, y1 = 0.0, y2 = 0.0;
    for (size_t i = 0; i < frames; i++) {
        const double x = samples[i];
        const double y = a2 * x + a1 * x1 + x2 - a1 * y1 - a2 * y2;
        x2 = x1, x1 = x, y2 = y1, y1 = y;
        samples[i] = y;
    }
}

static void the_sum_is_the_all_pass_of_every_crossover(void **state)
{
    (void)state;
    static double expected[FRAMES];
    for (size_t s = 0; s < NB_COUNT(sets); s++) {
        const rig_voice voice = multiband(sets[s], crossovers_in(sets[s]));
        rig_noise(in, FRAMES, 0.9, 11);
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        for (size_t i = 0; i < FRAMES; i++) {
            expected[i] = (double)in[i];
        }
        for (size_t c = 0; c < crossovers_in(sets[s]); c++) {
            all_pass(expected, FRAMES, sets[s][c]);
        }
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(fabs((double)out[i] - expected[i]) < 1e-6);
        }
    }
}

static void solo_bands_are_linkwitz_riley_slopes(void **state)
{
    (void)state;
    rig_voice voice = multiband(sets[0], 1);
    memset(in, 0, sizeof in);
    in[0] = 1.0F;
    for (size_t b = 0; b < 2; b++) {
        rig_set_band(&voice, b, "state", 3.0);
        rig_set_band(&voice, 1 - b, "state", 0.0);
        rig_process_one(&voice, RESPONSE, (const float *[]){in}, (float *[]){out});
        const double far_hz = b ? 125.0 : 8000.0;
        const double near_hz = b ? 8000.0 : 125.0;
        assert_true(fabs(rig_magnitude_db(out, RESPONSE, 1000.0, 48000.0) + 6.0206) < 0.001);
        assert_true(rig_magnitude_db(out, RESPONSE, far_hz, 48000.0) < -72.0);
        assert_true(fabs(rig_magnitude_db(out, RESPONSE, near_hz, 48000.0)) < 0.01);
    }
}

static void solo_bands_add_up_to_the_whole(void **state)
{
    (void)state;
    rig_voice voice = multiband(sets[3], 4);
    static double sum[FRAMES];
    memset(sum, 0, sizeof sum);
    rig_noise(in, FRAMES, 0.9, 12);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t b = 0; b < 5; b++) {
        rig_set_band(&voice, b, "state", 3.0);
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){part});
        rig_set_band(&voice, b, "state", 0.0);
        for (size_t i = 0; i < FRAMES; i++) {
            sum[i] += (double)part[i];
        }
    }
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(fabs(sum[i] - (double)out[i]) < 1e-6);
    }
}

static double level_db_of(const float *samples, size_t from, size_t to)
{
    double sum = 0.0;
    for (size_t i = from; i < to; i++) {
        sum += (double)samples[i] * (double)samples[i];
    }
    return 10.0 * log10(sum / (double)(to - from) + 1e-30);
}

static double complex response_of(const float *response, double freq_hz)
{
    double complex sum = 0.0;
    for (size_t i = 0; i < RESPONSE; i++) {
        sum += (double)response[i] * cexp(-I * 2.0 * M_PI * freq_hz / 48000.0 * (double)i);
    }
    return sum;
}

// The bands' own responses, found one by one, times the gains that their curves ask for.
static double predicted_db(double freq_hz, double peak, const double ratios[4])
{
    double complex sum = 0.0;
    memset(in, 0, sizeof in);
    in[0] = 1.0F;
    for (size_t b = 0; b < 4; b++) {
        rig_voice voice = multiband(sets[2], 3);
        rig_set_band(&voice, b, "state", 3.0);
        rig_process_one(&voice, RESPONSE, (const float *[]){in}, (float *[]){part});
        const double complex band = response_of(part, freq_hz);
        const double over_db = fmax(20.0 * log10(cabs(band) * peak) + 20.0, 0.0);
        sum += band * pow(10.0, (1.5 - over_db * (1.0 - 1.0 / ratios[b])) / 20.0);
    }
    return 20.0 * log10(cabs(sum));
}

static void every_band_compresses_by_its_own_curve(void **state)
{
    (void)state;
    static const double freqs_hz[] = {60.0, 120.0, 310.0, 800.0, 2000.0, 11300.0};
    static const double ratios[] = {2.0, 3.0, 5.0, 10.0};
    rig_voice voice = multiband(sets[2], 3);
    for (size_t b = 0; b < 4; b++) {
        rig_set_band(&voice, b, "threshold_db", -20.0);
        rig_set_band(&voice, b, "ratio", ratios[b]);
        rig_set_band(&voice, b, "knee_db", 0.0);
        rig_set_band(&voice, b, "release_ms", 2000.0);
        rig_set_band(&voice, b, "makeup_db", 1.5);
    }
    for (size_t f = 0; f < NB_COUNT(freqs_hz); f++) {
        const double expected_db = predicted_db(freqs_hz[f], 0.5, ratios);
        rig_sine(in, FRAMES, freqs_hz[f], 48000.0, 0.5, 0.0);
        for (size_t i = 0; i < FRAMES / 4; i++) { // no click for the slow release to hold
            in[i] *= (float)i / (float)(FRAMES / 4);
        }
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        const double gain_db =
            level_db_of(out, FRAMES / 2, FRAMES) - level_db_of(in, FRAMES / 2, FRAMES);
        if (!(fabs(gain_db - expected_db) < 0.05)) {
            fail_msg("%g Hz: %g dB, not %g", freqs_hz[f], gain_db, expected_db);
        }
    }
}

static void a_band_far_from_its_crossovers_settles_within_a_twentieth(void **state)
{
    (void)state;
    static const double wide_hz[] = {30.0, 19000.0};
    rig_voice voice = multiband(wide_hz, 2);
    rig_set_band(&voice, 1, "threshold_db", -20.0);
    rig_set_band(&voice, 1, "ratio", 4.0);
    for (double knee_db = 0.0; knee_db <= 12.0; knee_db += 6.0) {
        rig_set_band(&voice, 1, "knee_db", knee_db);
        rig_sine(in, FRAMES, 1000.0, 48000.0, pow(10.0, -0.5), 0.0);
        rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
        const double gain_db =
            level_db_of(out, FRAMES - 4800, FRAMES) - level_db_of(in, FRAMES - 4800, FRAMES);
        assert_true(fabs(gain_db + 7.5) < 0.05);
    }
}

static void bypass_leaves_a_band_alone_and_mute_takes_it_out(void **state)
{
    (void)state;
    rig_voice voice = multiband(sets[0], 1);
    rig_noise(in, FRAMES, 0.9, 13);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t b = 0; b < 2; b++) {
        rig_set_band(&voice, b, "threshold_db", -60.0);
        rig_set_band(&voice, b, "ratio", 20.0);
        rig_set_band(&voice, b, "makeup_db", 9.0);
        rig_set_band(&voice, b, "state", 1.0);
    }
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out2});
    assert_memory_equal(out, out2, sizeof out);
    rig_set_band(&voice, 0, "state", 2.0);
    rig_set_band(&voice, 1, "state", 2.0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out2});
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(out2[i] == 0.0F);
    }
}

static nb_status checked(rig_voice *voice, nb_error *error)
{
    voice->settings.values = voice->values;
    voice->settings.band_values = voice->band_values;
    return voice->settings.processor->check(&voice->settings, error);
}

static void crossovers_out_of_order_or_range_are_refused(void **state)
{
    (void)state;
    nb_error error = {0};
    rig_voice voice = multiband(sets[2], 3);
    assert_int_equal(checked(&voice, &error), NB_OK);
    rig_set_band(&voice, 1, "upto_hz", 120.0);
    assert_int_equal(checked(&voice, &error), NB_E_INVALID);
    assert_non_null(strstr(error.text, "band 2: upto_hz 120"));
    voice = multiband(sets[2], 3);
    voice.settings.rate_hz = 8000;
    assert_int_equal(checked(&voice, &error), NB_E_INVALID);
    assert_non_null(strstr(error.text, "band 3: upto_hz 5000"));
    voice = multiband(sets[0], 0);
    assert_int_equal(checked(&voice, &error), NB_E_INVALID);
}

static void voices_of_fewer_bands_change_no_bit(void **state)
{
    (void)state;
    rig_voice voices[2] = {multiband(sets[0], 1), multiband(sets[3], 4)};
    for (size_t v = 0; v < 2; v++) {
        for (size_t b = 0; b < voices[v].settings.band_count; b++) {
            rig_set_band(&voices[v], b, "threshold_db", -24.0 - (double)b);
            rig_set_band(&voices[v], b, "ratio", 3.0);
        }
    }
    rig_noise(in, FRAMES, 0.9, 14);
    rig_noise(in2, FRAMES, 0.5, 15);
    rig_process(&(rig_run){.lanes = 2}, voices, 2, FRAMES, (const float *[]){in, in2},
                (float *[]){out, out2});
    rig_process(&(rig_run){.first_block = 300}, &voices[0], 1, FRAMES, (const float *[]){in},
                (float *[]){part});
    assert_memory_equal(out, part, sizeof out);
    rig_process(&(rig_run){.first_block = 90}, &voices[1], 1, FRAMES, (const float *[]){in2},
                (float *[]){part});
    assert_memory_equal(out2, part, sizeof out);
}

static double sweep(size_t control, int64_t frame)
{
    return -20.0 + 12.0 * sin((double)frame * 0.0005 + (double)control);
}

static void moving_thresholds_and_makeup_stay_smooth(void **state)
{
    (void)state;
    rig_voice voice = multiband(sets[1], 2);
    for (size_t b = 0; b < 3; b++) {
        rig_set_band(&voice, b, "ratio", 4.0);
        rig_move_band(&voice, b, "threshold_db");
        rig_move_band(&voice, b, "makeup_db");
    }
    for (size_t i = 0; i < FRAMES; i++) {
        in[i] = 0.5F;
    }
    rig_process(&(rig_run){.curve = sweep}, &voice, 1, FRAMES, (const float *[]){in},
                (float *[]){out});
    for (size_t i = FRAMES / 4; i < FRAMES; i++) {
        assert_true(isfinite(out[i]));
        assert_true(fabsf(out[i] - out[i - 1]) < 0.002F * fabsf(out[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bands_add_up_flat),
        cmocka_unit_test(the_sum_is_the_all_pass_of_every_crossover),
        cmocka_unit_test(solo_bands_are_linkwitz_riley_slopes),
        cmocka_unit_test(solo_bands_add_up_to_the_whole),
        cmocka_unit_test(every_band_compresses_by_its_own_curve),
        cmocka_unit_test(a_band_far_from_its_crossovers_settles_within_a_twentieth),
        cmocka_unit_test(bypass_leaves_a_band_alone_and_mute_takes_it_out),
        cmocka_unit_test(crossovers_out_of_order_or_range_are_refused),
        cmocka_unit_test(voices_of_fewer_bands_change_no_bit),
        cmocka_unit_test(moving_thresholds_and_makeup_stay_smooth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
