// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"
#include "tests/unit/dsp/spectrum.h"

#include <math.h>

enum { RATE = 48000, PAST = 4 * RATE, FRAMES = PAST + SPECTRUM_SIZE };

static float in[FRAMES], out[FRAMES], other[FRAMES];
static double amplitudes[SPECTRUM_BINS];

static double db(double factor) { return 20.0 * log10(fmax(factor, 1e-12)); }

static rig_voice saturation(const char *curve, double drive_db, const char *quality)
{
    rig_voice voice;
    rig_voice_init(&voice, "saturation", 1);
    const nb_processor *it = voice.settings.processor;
    const int curve_at = nb_param_find(it->params, it->param_count, "curve");
    const int quality_at = nb_param_find(it->params, it->param_count, "quality");
    rig_set(&voice, "curve", rig_choice(&it->params[curve_at], curve));
    rig_set(&voice, "quality", rig_choice(&it->params[quality_at], quality));
    rig_set(&voice, "drive_db", drive_db);
    return voice;
}

/// Amplitudes of what becomes of a bin-exact sine after `past` frames.
static void measure(const rig_voice *voice, size_t bin, double peak, size_t past)
{
    spectrum_sine(in, past + SPECTRUM_SIZE, bin, peak);
    rig_process_one(voice, past + SPECTRUM_SIZE, (const float *[]){in}, (float *[]){out});
    spectrum_of(out + past, amplitudes);
}

static rig_voice voice_of_row(const char *curve, const char *quality)
{
    const double four_db = 20.0 * log10(4.0);
    if (strcmp(curve, "asym") == 0) {
        rig_voice voice = saturation("tanh", four_db, quality);
        rig_set(&voice, "bias_percent", 50.0);
        return voice;
    }
    if (strcmp(curve, "softclip") == 0) { // its slope at zero is 1.5, ours 1
        return saturation("cubic", 20.0 * log10(6.0), quality);
    }
    return saturation((strcmp(curve, "hard4") == 0) ? "hard" : "tanh", four_db, quality);
}

static void assert_harmonic(const char *line, size_t bin, unsigned number, double expected_dbc,
                            double tolerance_db)
{
    const double got = db(amplitudes[number * bin] / amplitudes[bin]);
    if (isinf(expected_dbc) || expected_dbc < -100.0) {
        // Those of a curve that only just bends depend on the last bits of the level.
        if (!(got < fmax(expected_dbc + 6.0, -140.0))) {
            fail_msg("%s: H%u is there at %g dBc", line, number, got);
        }
    } else if (!(fabs(got - expected_dbc) < tolerance_db)) {
        fail_msg("%s: H%u at %g dBc", line, number, got);
    }
}

/// Without the average over neighbours the harmonics are the curve's own; with it they are those
/// of a curve a little softer: by 0.02 dB in the fifth, 0.3 in a ninth at -76 dB.
static void check_harmonics(const char *quality, double tolerance_db)
{
    FILE *table = rig_open_table("expected_harmonics.tsv");
    static const unsigned numbers[] = {2, 3, 4, 5, 7, 9};
    const size_t bin = spectrum_bin(1000.0, RATE);
    char line[256];
    size_t rows = 0;
    while (table && fgets(line, sizeof line, table)) {
        char curve[32];
        double level_db, first_db, dbc[6], dc_db;
        if (line[0] == '#' ||
            sscanf(line, "%31s %lf %lf %lf %lf %lf %lf %lf %lf %lf", curve, &level_db, &first_db,
                   &dbc[0], &dbc[1], &dbc[2], &dbc[3], &dbc[4], &dbc[5], &dc_db) != 10) {
            continue;
        }
        const rig_voice voice = voice_of_row(curve, quality);
        measure(&voice, bin, pow(10.0, level_db / 20.0), (dc_db > -200.0) ? PAST : 4096);
        if (!(fabs(db(amplitudes[bin]) - first_db) < tolerance_db)) {
            fail_msg("%s: H1 at %g dBFS", line, db(amplitudes[bin]));
        }
        for (size_t h = 0; h < NB_COUNT(numbers); h++) {
            assert_harmonic(line, bin, numbers[h], dbc[h], tolerance_db);
        }
        assert_true(db(amplitudes[0]) < -120.0); // the offset is taken out
        rows++;
    }
    fclose(table);
    assert_int_equal(rows, 16);
}

static void harmonics_are_those_of_the_table(void **state)
{
    (void)state;
    check_harmonics("good", 0.01);
}

static void averaging_leaves_the_harmonics_of_1_khz(void **state)
{
    (void)state;
    check_harmonics("best", 0.35);
}

/// Worst line under 20 kHz that is no harmonic, in dB of the fundamental.
static double worst_alias_dbc(const rig_voice *voice, double freq_hz)
{
    const size_t bin = spectrum_bin(freq_hz, RATE);
    const bool is_uneven = voice->values[0] == 1.0; // a tube's offset takes seconds to leave
    measure(voice, bin, pow(10.0, -6.0 / 20.0), is_uneven ? PAST : RATE / 2);
    const size_t limit = (size_t)(20000.0 * SPECTRUM_SIZE / RATE);
    return db(spectrum_worst_alias(amplitudes, bin, 1, limit) / amplitudes[bin]);
}

static void aliases_are_as_low_as_the_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *method, *quality;
    } methods[] = {{"os2", "draft"}, {"os4", "good"}, {"os4+adaa2", "best"}};
    FILE *table = rig_open_table("expected_alias.tsv");
    char line[256];
    size_t rows = 0;
    while (table && fgets(line, sizeof line, table)) {
        char curve[32], method[32];
        double freq_hz, expected_dbc;
        if (sscanf(line, "%31s %lf %31s %lf", curve, &freq_hz, method, &expected_dbc) != 4) {
            continue;
        }
        for (size_t m = 0; m < NB_COUNT(methods); m++) {
            if (strcmp(method, methods[m].method) == 0) {
                const rig_voice voice = saturation(curve, 20.0 * log10(4.0), methods[m].quality);
                const double got = worst_alias_dbc(&voice, freq_hz);
                if (!(got < fmax(expected_dbc + 1.5, -120.0))) {
                    fail_msg("%s: %g dBc", line, got);
                }
                rows++;
            }
        }
    }
    fclose(table);
    assert_int_equal(rows, 18);
}

static void at_its_best_every_curve_keeps_aliases_90_and_70_db_down(void **state)
{
    (void)state;
    static const char *const curves[] = {"tape", "tube", "transformer", "tanh", "hard", "cubic"};
    static const double drives_db[] = {6.0, 12.0, 24.0};
    for (size_t c = 0; c < NB_COUNT(curves); c++) {
        for (size_t d = 0; d < NB_COUNT(drives_db); d++) {
            const rig_voice voice = saturation(curves[c], drives_db[d], "best");
            const double low = worst_alias_dbc(&voice, 1000.0);
            const double high = worst_alias_dbc(&voice, 10000.0);
            if (!(low < -90.0 && high < -70.0)) {
                fail_msg("%s at %g dB: %g and %g dBc", curves[c], drives_db[d], low, high);
            }
        }
    }
}

/// What is quiet passes every curve as it was, later by exactly the latency.
static void quiet_signals_pass_unchanged_and_late_by_the_latency(void **state)
{
    (void)state;
    static const char *const curves[] = {"tape", "transformer", "tanh", "hard", "cubic"};
    static const char *const qualities[] = {"draft", "good", "best"};
    static const double freqs_hz[] = {25.0, 100.0, 1000.0, 8000.0, 15000.0, 20000.0};
    for (size_t k = 0; k < NB_COUNT(curves) * NB_COUNT(qualities) * NB_COUNT(freqs_hz); k++) {
        const char *curve = curves[k % NB_COUNT(curves)];
        const char *quality = qualities[k / NB_COUNT(curves) % NB_COUNT(qualities)];
        const double freq_hz = freqs_hz[k / NB_COUNT(curves) / NB_COUNT(qualities)];
        const double peak = 1e-5;
        rig_voice voice = saturation(curve, 0.0, quality);
        const size_t latency = rig_latency(&voice);
        rig_sine(in, RATE, freq_hz, RATE, peak, 0.3);
        rig_process_one(&voice, RATE, (const float *[]){in}, (float *[]){out});
        double worst = 0.0;
        for (size_t i = RATE * 3 / 4; i < RATE; i++) { // past the shelves' settling
            worst = fmax(worst, fabs((double)out[i] - (double)in[i - latency]));
        }
        if (!(worst < 2e-5 * peak)) {
            fail_msg("%s %s at %g Hz: off by %g", curve, quality, freq_hz, worst / peak);
        }
    }
}

static void tape_saturates_highs_first_and_a_transformer_lows(void **state)
{
    (void)state;
    static const char *const curves[] = {"tape", "transformer"};
    double third[2][2];
    for (size_t c = 0; c < 2; c++) {
        const rig_voice voice = saturation(curves[c], 0.0, "best");
        static const double freqs_hz[] = {50.0, 6000.0};
        for (size_t f = 0; f < 2; f++) {
            const size_t bin = spectrum_bin(freqs_hz[f], RATE);
            measure(&voice, bin, 0.25, PAST);
            // The emphasis is taken back from the harmonic too: 6 and 18 kHz differ little.
            third[c][f] = db(amplitudes[3 * bin] / amplitudes[bin]);
        }
    }
    assert_true(third[0][1] > third[0][0] + 6.0);
    assert_true(third[1][0] > third[1][1] + 20.0);
}

static void a_tube_makes_even_harmonics_and_no_offset(void **state)
{
    (void)state;
    const rig_voice voice = saturation("tube", 6.0, "best");
    const size_t bin = spectrum_bin(1000.0, RATE);
    measure(&voice, bin, 0.25, PAST);
    assert_true(db(amplitudes[2 * bin] / amplitudes[bin]) > -40.0);
    assert_true(db(amplitudes[0]) < -120.0);
    const rig_voice even = saturation("tanh", 6.0, "best");
    measure(&even, bin, 0.25, 4096);
    assert_true(db(amplitudes[2 * bin] / amplitudes[bin]) < -150.0);
}

static double slow_ramp(size_t control, int64_t frame)
{
    (void)control;
    const double part = fmin(fmax(((double)frame - 4096.0) / 4800.0, 0.0), 1.0); // 100 ms
    return 12.0 * (0.5 - 0.5 * cos(3.14159265358979323846 * part));
}

/// A raised cosine of 100 ms from 0 to 12 dB under a low tone leaves nothing over 5 kHz.
static void a_moving_drive_is_smooth(void **state)
{
    (void)state;
    rig_voice voice = saturation("tanh", 0.0, "best");
    rig_move(&voice, "drive_db");
    const size_t bin = spectrum_bin(100.0, RATE);
    spectrum_sine(in, 2 * SPECTRUM_SIZE, bin, 0.05);
    rig_process(&(rig_run){.curve = slow_ramp}, &voice, 1, 2 * SPECTRUM_SIZE, (const float *[]){in},
                (float *[]){out});
    // A Hann window, since the drive's rise has no period.
    for (size_t i = 0; i < SPECTRUM_SIZE; i++) {
        const double window =
            0.5 - 0.5 * cos(2.0 * 3.14159265358979323846 * (double)i / SPECTRUM_SIZE);
        other[i] = (float)(window * (double)out[i]);
    }
    spectrum_of(other, amplitudes);
    double worst = 0.0;
    for (size_t k = (size_t)(5000.0 * SPECTRUM_SIZE / RATE); k < SPECTRUM_BINS; k++) {
        worst = fmax(worst, amplitudes[k]);
    }
    if (!(db(worst) < -130.0)) {
        fail_msg("%g dBFS over 5 kHz", db(worst));
    }
}

static void silence_stays_digital_whatever_the_bias(void **state)
{
    (void)state;
    static const char *const qualities[] = {"draft", "good", "best"};
    memset(in, 0, sizeof in);
    for (size_t q = 0; q < NB_COUNT(qualities); q++) {
        rig_voice voice = saturation("tube", 24.0, qualities[q]);
        rig_set(&voice, "bias_percent", -37.0);
        rig_process_one(&voice, RATE, (const float *[]){in}, (float *[]){out});
        for (size_t i = 0; i < RATE; i++) {
            assert_true(out[i] == 0.0F);
        }
    }
}

static void extremes_stay_finite_and_bounded(void **state)
{
    (void)state;
    static const float signals[] = {1e30F, 1e-30F, 1000.0F, 1.0F};
    for (size_t k = 0; k < 6 * 3 * NB_COUNT(signals); k++) {
        rig_voice voice;
        rig_voice_init(&voice, "saturation", 1);
        rig_set(&voice, "curve", (double)(k % 6));
        rig_set(&voice, "quality", (double)(k / 6 % 3));
        rig_set(&voice, "drive_db", 48.0);
        rig_set(&voice, "low_drive_db", 24.0);
        rig_set(&voice, "high_drive_db", -24.0);
        rig_set(&voice, "bias_percent", 100.0);
        rig_noise(in, 8000, 1.0, (uint32_t)k);
        for (size_t i = 0; i < 8000; i++) {
            in[i] *= signals[k / 18];
        }
        rig_process_one(&voice, 8000, (const float *[]){in}, (float *[]){out});
        for (size_t i = 0; i < 8000; i++) {
            if (!(fabs((double)out[i]) < 100.0)) {
                fail_msg("curve %zu quality %zu signal %g: %g", k % 6, k / 6 % 3,
                         (double)signals[k / 18], (double)out[i]);
            }
        }
    }
}

/// Voices with other curves and qualities beside it change nothing.
static void mixed_curves_and_qualities_share_a_register(void **state)
{
    (void)state;
    if (nb_lane_count() < 4) {
        print_message("this machine has room for two channels\n");
        return;
    }
    const rig_voice voices[] = {saturation("tape", 12.0, "draft"), saturation("hard", 20.0, "best"),
                                saturation("tube", 6.0, "best"), saturation("cubic", 3.0, "good")};
    static float inputs[4][8000], together[4][8000];
    for (uint32_t v = 0; v < 4; v++) {
        rig_noise(inputs[v], 8000, 0.9, v);
    }
    rig_process(&(rig_run){0}, voices, 4, 8000,
                (const float *[]){inputs[0], inputs[1], inputs[2], inputs[3]},
                (float *[]){together[0], together[1], together[2], together[3]});
    for (size_t v = 0; v < 4; v++) {
        rig_process_one(&voices[v], 8000, (const float *[]){inputs[v]}, (float *[]){out});
        assert_memory_equal(out, together[v], 8000 * sizeof(float));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmonics_are_those_of_the_table),
        cmocka_unit_test(averaging_leaves_the_harmonics_of_1_khz),
        cmocka_unit_test(aliases_are_as_low_as_the_table_says),
        cmocka_unit_test(at_its_best_every_curve_keeps_aliases_90_and_70_db_down),
        cmocka_unit_test(quiet_signals_pass_unchanged_and_late_by_the_latency),
        cmocka_unit_test(tape_saturates_highs_first_and_a_transformer_lows),
        cmocka_unit_test(a_tube_makes_even_harmonics_and_no_offset),
        cmocka_unit_test(a_moving_drive_is_smooth),
        cmocka_unit_test(silence_stays_digital_whatever_the_bias),
        cmocka_unit_test(extremes_stay_finite_and_bounded),
        cmocka_unit_test(mixed_curves_and_qualities_share_a_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
