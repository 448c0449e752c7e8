// SPDX-License-Identifier: GPL-3.0-or-later
// The formulas here are written out again from the RBJ cookbook as magnitudes of polynomials in
// e^jw, so that a slip in the design's algebra cannot repeat itself.
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <complex.h>
#include <math.h>

enum { FRAMES = 1 << 16 };

static const double pi = 3.14159265358979323846;
static float impulse[FRAMES], response[FRAMES], moved[FRAMES];
static const float *const in[] = {impulse};

static int make_impulse(void **state)
{
    (void)state;
    impulse[0] = 1.0F;
    return 0;
}

static double complex analogue(const char *type, double complex s, double a, double q)
{
    if (strcmp(type, "bell") == 0) {
        return (s * s + s * (a / q) + 1.0) / (s * s + s / (a * q) + 1.0);
    }
    if (strcmp(type, "notch") == 0) {
        return (s * s + 1.0) / (s * s + s / q + 1.0);
    }
    if (strcmp(type, "high-pass") == 0) {
        return s * s / (s * s + s / q + 1.0);
    }
    if (strcmp(type, "low-pass") == 0) {
        return 1.0 / (s * s + s / q + 1.0);
    }
    const double root = sqrt(a);
    const double complex low = s * s + root / q * s + a;
    const double complex high = a * s * s + root / q * s + 1.0;
    return strcmp(type, "low-shelf") == 0 ? a * low / high : a * high / low;
}

// The cookbook's filters are these under the bilinear transform, bent to be exact at f0.
static double cookbook_db(const char *type, double f, double f0, double rate, double gain_db,
                          double q)
{
    const double complex s = I * tan(pi * f / rate) / tan(pi * f0 / rate);
    return 20.0 * log10(cabs(analogue(type, s, pow(10.0, gain_db / 40.0), q)));
}

static void compare(const char *type, double f0, double gain_db, double q, unsigned rate,
                    const float *samples)
{
    for (double f = 20.0; f < 0.45 * rate; f *= 1.37) {
        const double expected = cookbook_db(type, f, f0, rate, gain_db, q);
        if (expected < -70.0) {
            continue; // a float's rounding of the response is heard in a notch
        }
        const double measured = rig_magnitude_db(samples, FRAMES, f, rate);
        if (!(fabs(measured - expected) < 0.01)) {
            fail_msg("%s %g Hz %g dB q %g: %g dB at %g Hz, not %g", type, f0, gain_db, q, measured,
                     f, expected);
        }
    }
}

static const char *const types[] = {"bell",     "notch",     "high-pass",
                                    "low-pass", "low-shelf", "high-shelf"};

static double band_values[3];

// Controls of a single band: type, freq_hz, gain_db, q, slope.
static double constant(size_t control, int64_t frame)
{
    (void)frame;
    return band_values[control - 1];
}

static void magnitudes_agree_with_the_cookbook(void **state)
{
    (void)state;
    static const double frequencies[] = {60.0, 1000.0, 12000.0};
    static const double qs[] = {0.5, 0.70710678, 6.0};
    for (size_t t = 0; t < NB_COUNT(types); t++) {
        for (size_t k = 0; k < 9; k++) {
            const double f0 = frequencies[k % 3];
            const double q = qs[k / 3];
            const double gain_db = (k % 2) ? 9.0 : -12.0;
            rig_voice voice;
            rig_voice_init(&voice, "equaliser", 1);
            voice.settings.rate_hz = (k % 2) ? 44100 : 48000;
            rig_band(&voice, types[t], f0, gain_db, q, "12");
            rig_process_one(&voice, FRAMES, in, (float *[]){response});
            compare(types[t], f0, gain_db, q, voice.settings.rate_hz, response);
        }
    }
}

static void a_band_that_could_move_answers_as_one_that_cannot(void **state)
{
    (void)state;
    for (size_t t = 0; t < NB_COUNT(types); t++) {
        for (size_t slope = 0; slope < 8; slope++) {
            static const char *const slopes[] = {"6", "12", "18", "24", "30", "36", "42", "48"};
            rig_voice voice;
            rig_voice_init(&voice, "equaliser", 1);
            rig_band(&voice, types[t], 700.0, 7.5, 1.3, slopes[slope]);
            rig_process_one(&voice, FRAMES, in, (float *[]){response});
            rig_move_band(&voice, 0, "freq_hz");
            rig_move_band(&voice, 0, "q");
            memcpy(band_values, (double[]){700.0, 7.5, 1.3}, sizeof band_values);
            rig_process(&(rig_run){.curve = constant}, &voice, 1, FRAMES, in, (float *[]){moved});
            for (size_t i = 0; i < FRAMES; i++) {
                assert_true(fabs((double)moved[i] - (double)response[i]) < 1e-7);
            }
        }
    }
}

static void every_slope_is_a_butterworth_filter(void **state)
{
    (void)state;
    static const char *const slopes[] = {"6", "18", "24", "30", "36", "42", "48"};
    static const int orders[] = {1, 3, 4, 5, 6, 7, 8};
    for (size_t k = 0; k < 2 * NB_COUNT(slopes); k++) {
        const int order = orders[k / 2];
        const bool high = k % 2;
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, high ? "high-pass" : "low-pass", 1000.0, 0.0, 5.0, slopes[k / 2]);
        rig_process_one(&voice, FRAMES, in, (float *[]){response});
        for (double f = 100.0; f < 20000.0; f *= 1.23) {
            const double ratio = tan(pi * f / 48000.0) / tan(pi * 1000.0 / 48000.0);
            const double power = pow(high ? 1.0 / ratio : ratio, 2.0 * order);
            const double expected = -10.0 * log10(1.0 + power);
            if (expected > -90.0) {
                assert_true(fabs(rig_magnitude_db(response, FRAMES, f, 48000.0) - expected) < 0.02);
            }
        }
        assert_true(fabs(rig_magnitude_db(response, FRAMES, 1000.0, 48000.0) + 3.0103) < 1e-3);
    }
}

static void bands_multiply(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "equaliser", 1);
    for (size_t b = 0; b < 24; b++) {
        rig_band(&voice, "bell", 100.0 + 50.0 * (double)b, (b % 2) ? 3.0 : -2.5, 2.0, "12");
    }
    rig_process_one(&voice, FRAMES, in, (float *[]){response});
    for (double f = 50.0; f < 3000.0; f *= 1.31) {
        double expected = 0.0;
        for (size_t b = 0; b < 24; b++) {
            expected += cookbook_db("bell", f, 100.0 + 50.0 * (double)b, 48000.0,
                                    (b % 2) ? 3.0 : -2.5, 2.0);
        }
        assert_true(fabs(rig_magnitude_db(response, FRAMES, f, 48000.0) - expected) < 0.02);
    }
}

static void no_bands_change_no_bit(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "equaliser", 1);
    rig_noise(moved, FRAMES, 0.9, 5);
    rig_process_one(&voice, FRAMES, (const float *[]){moved}, (float *[]){response});
    assert_memory_equal(moved, response, sizeof response);
}

static uint32_t jump_seed;

// Every control jumps at every sample, over its whole range.
static double jumping(size_t control, int64_t frame)
{
    static const double low[] = {20.0, -24.0, 0.3};
    static const double high[] = {23000.0, 24.0, 20.0};
    jump_seed = (uint32_t)frame * 2654435761U + (uint32_t)control * 40503U;
    jump_seed = (jump_seed ^ (jump_seed >> 15)) * 2246822519U;
    return ((jump_seed >> 16) % 2) ? low[control - 1] : high[control - 1];
}

static void wild_modulation_stays_bounded(void **state)
{
    (void)state;
    static float sine[FRAMES];
    rig_sine(sine, FRAMES, 440.0, 48000.0, 0.5, 0.0);
    for (size_t t = 0; t < NB_COUNT(types); t++) {
        rig_voice voice;
        rig_voice_init(&voice, "equaliser", 1);
        rig_band(&voice, types[t], 700.0, 7.5, 1.3, "12");
        rig_move_band(&voice, 0, "freq_hz");
        rig_move_band(&voice, 0, "q");
        rig_process(&(rig_run){.curve = jumping}, &voice, 1, FRAMES, (const float *[]){sine},
                    (float *[]){moved});
        for (size_t i = 0; i < FRAMES; i++) {
            assert_true(fabs((double)moved[i]) < 100.0);
        }
    }
}

static double swelling(size_t control, int64_t frame)
{
    (void)control;
    const double t = fmin((double)frame / 960.0, 1.0); // raised cosine of 20 ms
    return 6.0 * (1.0 - cos(pi * t));
}

static void a_smooth_move_makes_no_noise(void **state)
{
    (void)state;
    static float sine[FRAMES];
    rig_sine(sine, FRAMES, 60.0, 48000.0, 1.0, 0.0);
    rig_voice voice;
    rig_voice_init(&voice, "equaliser", 1);
    rig_band(&voice, "bell", 60.0, 0.0, 1.0, "12");
    rig_move_band(&voice, 0, "gain_db");
    rig_process(&(rig_run){.curve = swelling}, &voice, 1, FRAMES, (const float *[]){sine},
                (float *[]){moved});
    rig_voice_init(&voice, "equaliser", 1);
    rig_band(&voice, "high-pass", 5000.0, 0.0, 0.7, "48");
    rig_process_one(&voice, FRAMES, (const float *[]){moved}, (float *[]){response});
    for (size_t i = 200; i < FRAMES; i++) { // behind the onset of the sine itself
        assert_true(fabs((double)response[i]) < 1e-5);
    }
}

static void frequencies_over_the_rate_are_refused(void **state)
{
    (void)state;
    rig_voice voice;
    rig_voice_init(&voice, "equaliser", 1);
    voice.settings.rate_hz = 44100;
    rig_band(&voice, "bell", 100.0, 0.0, 1.0, "12");
    rig_band(&voice, "bell", 21700.0, 0.0, 1.0, "12");
    voice.settings.band_values = voice.band_values;
    assert_fails(NB_E_INVALID, "band 2: freq_hz 21700",
                 voice.settings.processor->check(&voice.settings, err));
    voice.settings.rate_hz = 48000;
    assert_ok(voice.settings.processor->check(&voice.settings, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(magnitudes_agree_with_the_cookbook),
        cmocka_unit_test(a_band_that_could_move_answers_as_one_that_cannot),
        cmocka_unit_test(every_slope_is_a_butterworth_filter),
        cmocka_unit_test(bands_multiply),
        cmocka_unit_test(no_bands_change_no_bit),
        cmocka_unit_test(wild_modulation_stays_bounded),
        cmocka_unit_test(a_smooth_move_makes_no_noise),
        cmocka_unit_test(frequencies_over_the_rate_are_refused),
    };
    return cmocka_run_group_tests(tests, make_impulse, NULL);
}
