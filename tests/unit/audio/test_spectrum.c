// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/spectrum.h"
#include "rig.h"
#include "test.h"

#include <math.h>

enum { RATE = 48000, FRAMES = 3 * RATE };

static const double pi = 3.14159265358979323846;

static size_t measure(unsigned rate_hz, unsigned channels, const float *samples, size_t frames,
                      double levels_db[NB_SPECTRUM_BANDS])
{
    NB_SCOPED(nb_spectrum_destroy) nb_spectrum *spectrum = NULL;
    assert_ok(nb_spectrum_new(rate_hz, channels, &spectrum, err));
    nb_spectrum_add(spectrum, samples, frames);
    return nb_spectrum_finish(spectrum, levels_db);
}

static void a_tone_stands_in_its_own_band_at_its_level(void **state)
{
    (void)state;
    static float samples[FRAMES * 2];
    double levels[NB_SPECTRUM_BANDS];
    for (size_t band = 3; band < NB_SPECTRUM_BANDS; band++) {
        for (size_t i = 0; i < NB_COUNT(samples); i++) {
            const double turn = nb_spectrum_centre(band) * (double)(i / 2) / RATE;
            samples[i] = (float)(0.1 * sin(2.0 * pi * turn));
        }
        assert_int_equal(measure(RATE, 2, samples, FRAMES, levels), NB_SPECTRUM_BANDS);
        assert_true(fabs(levels[band] + 20.0) < 0.05);
        for (size_t other = 0; other < NB_SPECTRUM_BANDS; other++) {
            const size_t apart = (other > band) ? other - band : band - other;
            assert_true(apart == 0 || levels[other] < ((apart == 1) ? -35.0 : -50.0));
        }
    }
}

static void the_bands_sum_to_the_energy_of_the_file(void **state)
{
    (void)state;
    static float samples[FRAMES];
    static const size_t lengths[] = {FRAMES, FRAMES - 4321, 5000};
    // A tone in the middle of the range, so that nothing lies outside the bands.
    for (size_t i = 0; i < FRAMES; i++) {
        const double swell = sin(pi * (double)i / RATE);
        samples[i] = (float)(swell * sin(2.0 * pi * 1234.0 * (double)i / RATE));
    }
    for (size_t l = 0; l < NB_COUNT(lengths); l++) {
        double levels[NB_SPECTRUM_BANDS];
        double energy = 0.0;
        double sum = 0.0;
        for (size_t i = 0; i < lengths[l]; i++) {
            energy += (double)samples[i] * (double)samples[i] / (double)lengths[l];
        }
        (void)measure(RATE, 1, samples, lengths[l], levels);
        for (size_t band = 0; band < NB_SPECTRUM_BANDS; band++) {
            sum += pow(10.0, levels[band] / 10.0);
        }
        assert_true(fabs(10.0 * log10(sum / (2.0 * energy))) < 0.01);
    }
}

static void white_noise_rises_by_a_decibel_a_band(void **state)
{
    (void)state;
    static float samples[10 * RATE];
    double levels[NB_SPECTRUM_BANDS];
    rig_noise(samples, NB_COUNT(samples), 5);
    (void)measure(RATE, 1, samples, NB_COUNT(samples), levels);
    for (size_t band = 10; band < NB_SPECTRUM_BANDS; band++) { // 10 log10(10^(1/10))
        const double expected = levels[28] - (28.0 - (double)band);
        assert_true(fabs(levels[band] - expected) < 0.5);
    }
}

static void bands_over_half_the_rate_and_silence_have_no_level(void **state)
{
    (void)state;
    static float samples[8000];
    double levels[NB_SPECTRUM_BANDS];
    const size_t count = measure(8000, 1, samples, NB_COUNT(samples), levels);
    assert_int_equal(count, 22); // 3150 Hz; the next ends at 4.5 kHz
    for (size_t band = 0; band < count; band++) {
        assert_true(isinf(levels[band]) && levels[band] < 0.0);
    }
    assert_int_equal(measure(8000, 1, samples, 0, levels), 22);
    assert_true(isinf(levels[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_stands_in_its_own_band_at_its_level),
        cmocka_unit_test(the_bands_sum_to_the_energy_of_the_file),
        cmocka_unit_test(white_noise_rises_by_a_decibel_a_band),
        cmocka_unit_test(bands_over_half_the_rate_and_silence_have_no_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
