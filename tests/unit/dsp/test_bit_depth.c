// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/dither.h"
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"
#include "tests/unit/dsp/spectrum.h"

#include <math.h>

enum { RATE = 48000, RUNS = 16, FRAMES = RUNS * SPECTRUM_SIZE };

static float in[FRAMES], out[FRAMES], error[FRAMES];
static double amplitudes[SPECTRUM_BINS];

static double db(double factor) { return 20.0 * log10(fmax(factor, 1e-12)); }

static rig_voice bit_depth(unsigned bits, nb_dither_kind kind)
{
    rig_voice voice;
    rig_voice_init(&voice, "bit-depth", 1);
    rig_set(&voice, "bits", bits);
    rig_set(&voice, "dither", kind);
    return voice;
}

static void run(unsigned bits, nb_dither_kind kind)
{
    const rig_voice voice = bit_depth(bits, kind);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    for (size_t i = 0; i < FRAMES; i++) {
        error[i] = (float)((double)out[i] - (double)in[i]);
    }
}

static double error_rms_db(void)
{
    double sum = 0.0;
    for (size_t i = 0; i < FRAMES; i++) {
        sum += (double)error[i] * (double)error[i];
    }
    return 10.0 * log10(sum / FRAMES);
}

/// Mean power at each bin over all runs; a sine that fills whole periods keeps its bin.
static void mean_spectrum(const float *samples, double powers[SPECTRUM_BINS])
{
    memset(powers, 0, SPECTRUM_BINS * sizeof *powers);
    for (size_t r = 0; r < RUNS; r++) {
        spectrum_of(samples + r * SPECTRUM_SIZE, amplitudes);
        for (size_t k = 0; k < SPECTRUM_BINS; k++) {
            powers[k] += amplitudes[k] * amplitudes[k] / RUNS;
        }
    }
}

static void philox_gives_its_published_words(void **state)
{
    (void)state;
    static const struct {
        uint32_t key[2], counter[4], expected[4];
    } vectors[] = {
        {{0, 0}, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0xa4093822, 0x299f31d0},
         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t k = 0; k < NB_COUNT(vectors); k++) {
        uint32_t got[4];
        nb_philox(vectors[k].key, vectors[k].counter, got);
        assert_memory_equal(got, vectors[k].expected, sizeof got);
    }
}

/// What the loops over many frames give is what the plain function gives of each.
static void the_noise_of_a_frame_is_a_function_of_key_channel_and_frame(void **state)
{
    (void)state;
    static const int64_t firsts[] = {0, 1, 777, (INT64_C(1) << 33) + 5, -3};
    enum { COUNT = 600 };
    static float half[COUNT];
    static int32_t whole[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        half[i] = 0.25F;
    }
    for (size_t k = 0; k < NB_COUNT(firsts); k++) {
        nb_dither dither;
        const uint64_t key = nb_dither_key("mix");
        nb_dither_init(&dither, NB_DITHER_TPDF, 24, RATE, key, 1);
        nb_dither_run(&dither, firsts[k], half, 1, whole, 1, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            const int64_t frame = firsts[k] + (int64_t)i;
            const uint64_t pair = (uint64_t)(frame >> 1);
            uint32_t words[4];
            nb_philox((const uint32_t[]){(uint32_t)key, (uint32_t)(key >> 32)},
                      (const uint32_t[]){(uint32_t)pair, (uint32_t)(pair >> 32), 1, 0}, words);
            const uint32_t *two = words + 2 * (frame & 1);
            const double noise = ((double)(two[0] >> 1) - (double)(two[1] >> 1)) / 0x1p31;
            assert_int_equal(whole[i], (int32_t)nearbyint(0x1p21 + noise));
        }
    }
}

static void tpdf_adds_a_quarter_step_squared_and_no_more(void **state)
{
    (void)state;
    spectrum_sine(in, FRAMES, spectrum_bin(997.0, RATE), 0.25);
    run(16, NB_DITHER_TPDF);
    assert_true(fabs(error_rms_db() + 96.33) < 0.02);
    run(16, NB_DITHER_NONE);
    assert_true(fabs(error_rms_db() + 101.10) < 0.1);
    run(20, NB_DITHER_TPDF);
    assert_true(fabs(error_rms_db() + 96.33 + 24.08) < 0.02);
}

static void tpdf_is_white_and_has_no_mean(void **state)
{
    (void)state;
    enum { BANDS = 16 };
    static double powers[SPECTRUM_BINS];
    rig_noise(in, FRAMES, 0.3, 5);
    run(16, NB_DITHER_TPDF);
    mean_spectrum(error, powers);
    // The mean: over 2^19 frames its own spread is half a step / 724.
    assert_true(sqrt(powers[0]) < 4.0 * 0x1p-16 / sqrt((double)SPECTRUM_SIZE));
    for (size_t band = 0; band < BANDS; band++) {
        double sum = 0.0;
        const size_t width = SPECTRUM_BINS / BANDS;
        for (size_t k = band * width + (band == 0); k < (band + 1) * width; k++) {
            sum += powers[k] / 2.0;
        }
        const double level = 10.0 * log10(sum * BANDS);
        if (!(fabs(level + 96.33) < 0.15)) { // 16,384 values of each band: spread 0.03 dB
            fail_msg("band %zu at %g dB", band, level);
        }
    }
}

/// The highest line that is neither the tone nor the mean, in dB over the noise's mean bin.
static double highest_line_db(size_t bin, const double *powers)
{
    double sum = 0.0;
    double highest = 0.0;
    for (size_t k = 1; k < SPECTRUM_BINS; k++) {
        if (k != bin) {
            sum += powers[k];
            highest = fmax(highest, powers[k]);
        }
    }
    return 10.0 * log10(highest / (sum / (SPECTRUM_BINS - 2)));
}

static void dither_frees_quiet_tones_of_distortion(void **state)
{
    (void)state;
    static double powers[SPECTRUM_BINS];
    static const double levels_db[] = {-60.0, -100.0};
    const size_t bin = spectrum_bin(997.0, RATE);
    for (size_t k = 0; k < NB_COUNT(levels_db); k++) {
        const double peak = pow(10.0, levels_db[k] / 20.0);
        spectrum_sine(in, FRAMES, bin, peak);
        run(16, NB_DITHER_TPDF);
        mean_spectrum(out, powers);
        // The tone keeps its level, which plain rounding would take to nothing at -100 dBFS.
        assert_true(fabs(db(sqrt(powers[bin])) - levels_db[k]) < 1.0);
        // Of 16,382 bins that are means of 16, the highest is 5.4 dB over the mean.
        const double line = highest_line_db(bin, powers);
        if (!(line < 7.0)) {
            fail_msg("a line %g dB over the noise at %g dBFS", line, levels_db[k]);
        }
        run(16, NB_DITHER_NONE);
        mean_spectrum(out, powers);
        if (levels_db[k] < -96.0) {
            assert_true(powers[bin] == 0.0);
        } else {
            // The third harmonic of plain rounding: the measure does see distortion.
            assert_true(powers[3 * bin] > 0.0 && highest_line_db(bin, powers) > 20.0);
        }
    }
}

static nb_dither_kind kind_of_row(const char *name)
{
    return (strcmp(name, "lipshitz5") == 0)                ? NB_DITHER_LIPSHITZ
           : (strcmp(name, "fweighted9(wannamaker)") == 0) ? NB_DITHER_F_WEIGHTED
           : (strcmp(name, "flat") == 0)                   ? NB_DITHER_TPDF
                                                           : NB_DITHER_KINDS;
}

static void shaped_noise_has_the_levels_of_the_table(void **state)
{
    (void)state;
    static double powers[SPECTRUM_BINS];
    FILE *table = rig_open_table("expected_dither.tsv");
    char line[256];
    size_t rows = 0;
    while (table && fgets(line, sizeof line, table)) {
        char name[64];
        double rate_hz, gain_db, a_db, itu_db, peak_db, peak_hz, bound;
        if (sscanf(line, "%63s %lf %lf %lf %lf %lf %lf %lf", name, &rate_hz, &gain_db, &a_db,
                   &itu_db, &peak_db, &peak_hz, &bound) != 8 ||
            rate_hz != RATE || kind_of_row(name) == NB_DITHER_KINDS) {
            continue;
        }
        const nb_dither_kind kind = kind_of_row(name);
        rig_noise(in, FRAMES, 0.3, 6);
        run(16, kind);
        assert_true(fabs(error_rms_db() - (-96.33 + gain_db)) < 0.05);
        assert_true(fabs(nb_dither_error_max(kind) - bound) < 0.01);
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(fabs((double)error[i]) * 0x1p15 <= bound + 1e-3);
        }
        if (peak_db > 0.0) { // the uppermost eighth of a kilohertz, where it is flat
            mean_spectrum(error, powers);
            const size_t count = 85;
            double sum = 0.0;
            for (size_t k = SPECTRUM_BINS - count; k < SPECTRUM_BINS; k++) {
                sum += powers[k] / (double)count;
            }
            const double flat = 0x1p-32 * 2.0 / SPECTRUM_BINS; // amplitude^2 of a bin
            assert_true(fabs(10.0 * log10(sum / flat) - peak_db) < 0.4);
        }
        rows++;
    }
    fclose(table);
    assert_int_equal(rows, 3);
}

static void silence_turns_digital_after_half_a_second(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < NB_DITHER_KINDS; kind++) {
        memset(in, 0, sizeof in);
        in[RATE] = 0.5F;
        in[3 * RATE] = 0.5F;
        run(16, (nb_dither_kind)kind);
        size_t noisy = 0;
        for (size_t i = 0; i < FRAMES; i++) {
            const size_t since = (i < RATE) ? SIZE_MAX : (i < 3 * RATE) ? i - RATE : i - 3 * RATE;
            if (since > RATE / 2) {
                assert_true(out[i] == 0.0F);
            } else {
                noisy += out[i] != 0.0F;
            }
        }
        assert_true((kind == NB_DITHER_NONE) ? noisy == 2 : noisy > 1000);
    }
}

static void full_scale_is_held_and_shaping_recovers(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < NB_DITHER_KINDS; kind++) {
        for (size_t i = 0; i < FRAMES; i++) {
            in[i] = (i < 1000) ? ((i % 2) ? 3.0F : -3.0F) : (i < 2000) ? NAN : 0.1F;
        }
        run(16, (nb_dither_kind)kind);
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(out[i] >= -1.0F && out[i] <= 32767.0F / 32768.0F);
            assert_true(i >= 1000 || out[i] == ((i % 2) ? 32767.0F / 32768.0F : -1.0F));
        }
        for (size_t i = 2100; i < FRAMES; i++) {
            const double bound = nb_dither_error_max((nb_dither_kind)kind) * 0x1p-15;
            if (!(fabs((double)error[i]) <= bound + 1e-7)) {
                fail_msg("kind %zu frame %zu: %g", kind, i, (double)error[i]);
            }
        }
    }
}

static void another_seed_is_another_noise(void **state)
{
    (void)state;
    static float first[FRAMES];
    rig_noise(in, FRAMES, 0.3, 8);
    run(12, NB_DITHER_TPDF);
    memcpy(first, error, sizeof first);
    rig_voice voice = bit_depth(12, NB_DITHER_TPDF);
    rig_set(&voice, "seed", 1.0);
    rig_process_one(&voice, FRAMES, (const float *[]){in}, (float *[]){out});
    double product = 0.0;
    double square = 0.0;
    for (size_t i = 0; i < FRAMES; i++) {
        const double other = (double)out[i] - (double)in[i];
        product += other * (double)first[i];
        square += other * other;
    }
    // Both rounding errors hang on the same signal, yet total errors do not.
    assert_true(fabs(product / square) < 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_its_published_words),
        cmocka_unit_test(the_noise_of_a_frame_is_a_function_of_key_channel_and_frame),
        cmocka_unit_test(tpdf_adds_a_quarter_step_squared_and_no_more),
        cmocka_unit_test(tpdf_is_white_and_has_no_mean),
        cmocka_unit_test(dither_frees_quiet_tones_of_distortion),
        cmocka_unit_test(shaped_noise_has_the_levels_of_the_table),
        cmocka_unit_test(silence_turns_digital_after_half_a_second),
        cmocka_unit_test(full_scale_is_held_and_shaping_recovers),
        cmocka_unit_test(another_seed_is_another_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
