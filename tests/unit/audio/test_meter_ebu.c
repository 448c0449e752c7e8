// SPDX-License-Identifier: GPL-3.0-or-later
// EBU Tech 3341 and 3342 (2023): the cases whose signals can be synthesised, at their tolerances.
#include "audio/meter.h"
#include "test.h"

#include <math.h>

enum { RATE = 48000 };

static const double pi = 3.14159265358979323846;

/// A meter that is fed parts of a 1 kHz sine, the phase going on.
typedef struct signal {
    nb_meter *meter;
    int64_t frame;
} signal;

static signal begin(void)
{
    signal self = {0};
    assert_ok(nb_meter_new(RATE, 2, &self.meter, err));
    return self;
}

static void add(signal *self, double level_dbfs, double seconds)
{
    enum { BLOCK = 480 };
    float block[BLOCK * 2];
    const double level = pow(10.0, level_dbfs / 20.0);
    const int64_t end = self->frame + llround(seconds * RATE);
    while (self->frame < end) {
        size_t count = 0;
        for (; count < BLOCK && self->frame < end; count++, self->frame++) {
            const double phase = 2.0 * pi * 1000.0 * (double)(self->frame % RATE) / RATE;
            block[2 * count] = block[2 * count + 1] = (float)(level * sin(phase));
        }
        assert_ok(nb_meter_add(self->meter, block, count, err));
    }
}

static void add_silence(signal *self, double seconds) { add(self, -INFINITY, seconds); }

static nb_measures finish(signal *self)
{
    nb_measures out;
    assert_ok(nb_meter_finish(self->meter, &out, err));
    nb_meter_destroy(&self->meter);
    return out;
}

#define assert_near(got, expected, tolerance)                                                      \
    do {                                                                                           \
        if (!(fabs((got) - (expected)) <= (tolerance))) {                                          \
            fail_msg("%s is %f instead of %f", #got, (double)(got), (double)(expected));           \
        }                                                                                          \
    } while (0)

static void tech_3341_cases_1_and_2_a_steady_tone(void **state)
{
    (void)state;
    static const double levels[] = {-23.0, -33.0};
    for (size_t i = 0; i < NB_COUNT(levels); i++) {
        signal tone = begin();
        add(&tone, levels[i], 20.0);
        nb_measures got = finish(&tone);
        assert_near(got.integrated_lufs, levels[i], 0.1);
        assert_near(got.short_term_max_lufs, levels[i], 0.1);
        assert_near(got.momentary_max_lufs, levels[i], 0.1);
        nb_measures_fini(&got);
    }
}

typedef struct part {
    double level_dbfs, seconds;
} part;

static nb_measures measure_parts(const part *parts, size_t count)
{
    signal tone = begin();
    for (size_t i = 0; i < count; i++) {
        add(&tone, parts[i].level_dbfs, parts[i].seconds);
    }
    return finish(&tone);
}

static void tech_3341_cases_3_to_5_the_gates(void **state)
{
    (void)state;
    static const part case_3[] = {{-36, 10}, {-23, 60}, {-36, 10}};
    static const part case_4[] = {{-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}};
    static const part case_5[] = {{-26, 20}, {-20, 20.1}, {-26, 20}};
    nb_measures got = measure_parts(case_3, NB_COUNT(case_3));
    assert_near(got.integrated_lufs, -23.0, 0.1);
    nb_measures_fini(&got);
    got = measure_parts(case_4, NB_COUNT(case_4));
    assert_near(got.integrated_lufs, -23.0, 0.1);
    nb_measures_fini(&got);
    got = measure_parts(case_5, NB_COUNT(case_5));
    assert_near(got.integrated_lufs, -23.0, 0.1);
    nb_measures_fini(&got);
}

static void tech_3341_case_6_surround(void **state)
{
    (void)state;
    enum { CHANNELS = 5 };
    static const double levels[CHANNELS] = {-28, -28, -24, -30, -30};
    static float samples[RATE * CHANNELS];
    NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
    nb_measures got;
    assert_ok(nb_meter_new(RATE, CHANNELS, &meter, err));
    for (size_t i = 0; i < RATE; i++) {
        for (size_t c = 0; c < CHANNELS; c++) {
            samples[i * CHANNELS + c] =
                (float)(pow(10.0, levels[c] / 20.0) * sin(2.0 * pi * 1000.0 * (double)i / RATE));
        }
    }
    for (int second = 0; second < 20; second++) {
        assert_ok(nb_meter_add(meter, samples, RATE, err));
    }
    assert_ok(nb_meter_finish(meter, &got, err));
    assert_near(got.integrated_lufs, -23.0, 0.1);
    nb_measures_fini(&got);
}

static void tech_3341_case_9_short_term_is_constant_after_3_s(void **state)
{
    (void)state;
    signal tone = begin();
    for (int i = 0; i < 5; i++) {
        add(&tone, -20.0, 1.34);
        add(&tone, -30.0, 1.66);
    }
    nb_measures got = finish(&tone);
    assert_near(got.short_term_max_lufs, -23.0, 0.1);
    for (size_t i = 30; i < got.loudness_count; i++) {
        assert_near(got.loudness_lufs[i], -23.0, 0.1);
    }
    nb_measures_fini(&got);
}

static void tech_3341_case_10_short_term_at_any_offset(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        signal tone = begin();
        add_silence(&tone, 0.15 * i);
        add(&tone, -23.0, 3.0);
        add_silence(&tone, 1.0);
        nb_measures got = finish(&tone);
        assert_near(got.short_term_max_lufs, -23.0, 0.1);
        nb_measures_fini(&got);
    }
}

static void tech_3341_case_11_short_term_follows(void **state)
{
    (void)state;
    // The levels rise, so the highest after each segment is the segment's own.
    for (int last = 0; last < 20; last++) {
        signal tone = begin();
        for (int i = 0; i <= last; i++) {
            add_silence(&tone, 0.15 * i);
            add(&tone, -38.0 + i, 3.0);
            add_silence(&tone, 3.0 - 0.15 * i);
        }
        nb_measures got = finish(&tone);
        assert_near(got.short_term_max_lufs, -38.0 + last, 0.1);
        nb_measures_fini(&got);
    }
}

static void tech_3341_case_12_momentary_is_constant_after_1_s(void **state)
{
    (void)state;
    signal tone = begin();
    for (int i = 0; i < 25; i++) {
        add(&tone, -20.0, 0.18);
        add(&tone, -30.0, 0.22);
    }
    nb_measures got = finish(&tone);
    assert_near(got.momentary_max_lufs, -23.0, 0.1);
    for (size_t i = 10; i < got.loudness_count; i++) {
        assert_near(got.momentary_lufs[i], -23.0, 0.1);
    }
    nb_measures_fini(&got);
}

static void tech_3341_case_13_momentary_at_any_offset(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        signal tone = begin();
        add_silence(&tone, 0.02 * i);
        add(&tone, -23.0, 0.4);
        add_silence(&tone, 1.0);
        nb_measures got = finish(&tone);
        assert_near(got.momentary_max_lufs, -23.0, 0.1);
        nb_measures_fini(&got);
    }
}

static void tech_3341_case_14_momentary_follows(void **state)
{
    (void)state;
    for (int last = 0; last < 20; last++) {
        signal tone = begin();
        for (int i = 0; i <= last; i++) {
            add_silence(&tone, 0.02 * i);
            add(&tone, -38.0 + i, 0.4);
            add_silence(&tone, 0.4 - 0.02 * i);
        }
        nb_measures got = finish(&tone);
        assert_near(got.momentary_max_lufs, -38.0 + last, 0.1);
        nb_measures_fini(&got);
    }
}

static void tech_3341_cases_15_to_19_true_peak(void **state)
{
    (void)state;
    enum { FRAMES = RATE };
    static const struct {
        double divisor, degrees, amplitude, expected;
    } cases[] = {{4, 0, 0.50, -6.0},
                 {4, 45, 0.50, -6.0},
                 {6, 60, 0.50, -6.0},
                 {8, 67.5, 0.50, -6.0},
                 {4, 45, 1.41, 3.0}};
    static float samples[FRAMES * 2];
    for (size_t n = 0; n < NB_COUNT(cases); n++) {
        for (size_t i = 0; i < FRAMES; i++) {
            const double from_edge = fmin((double)i, (double)(FRAMES - 1 - i)) / RATE;
            const double taper = fmin(1.0, from_edge / 0.010); // an edge has a peak of its own
            const double phase =
                2.0 * pi * (double)i / cases[n].divisor + cases[n].degrees / 180.0 * pi;
            samples[2 * i] = samples[2 * i + 1] = (float)(taper * cases[n].amplitude * sin(phase));
        }
        NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
        nb_measures got;
        assert_ok(nb_meter_new(RATE, 2, &meter, err));
        assert_ok(nb_meter_add(meter, samples, FRAMES, err));
        assert_ok(nb_meter_finish(meter, &got, err));
        assert_near(got.true_peak_dbtp, cases[n].expected - 0.1, 0.3); // +0.2, -0.4
        nb_measures_fini(&got);
    }
}

/// What the cases 20 to 23 are cut from, at 4 times the rate: a sine of fs/6 at 0.50 whose middle
/// is one period of fs/4 at 1.00, from zero to zero, tapered at both ends.
static void fill_burst(double *samples, size_t frames)
{
    enum { LONG = 24, SHORT = 16 }; // periods, in frames at 4 fs
    const size_t burst = frames / 2 / LONG * LONG;
    for (size_t i = 0; i < frames; i++) {
        const double from_edge = fmin((double)i, (double)(frames - 1 - i)) / (4.0 * RATE);
        const double taper = fmin(1.0, from_edge / 0.010);
        const double slow = (double)((i < burst) ? i : i - SHORT) / LONG;
        samples[i] = (i >= burst && i < burst + SHORT) ? sin(2.0 * pi * (double)(i - burst) / SHORT)
                                                       : 0.5 * taper * sin(2.0 * pi * slow);
    }
}

/// Low-passed at fs/2 by a sinc under a Kaiser window (beta 12, 100 dB): one sample, as of 4 fs.
static double low_passed(const double *samples, size_t frames, size_t at)
{
    enum { HALF = 192 };
    const double cutoff = 0.46 / 4.0; // the transition ends at half the rate
    double sum = 0.0;
    for (int k = -HALF; k <= HALF; k++) {
        const int64_t from = (int64_t)at - k;
        if (from < 0 || from >= (int64_t)frames) {
            continue;
        }
        double series = 1.0; // I0 of the window's argument
        double term = 1.0;
        const double place = (double)k / HALF;
        const double half_beta = 6.0 * sqrt(1.0 - place * place);
        for (int n = 1; n < 40; n++) {
            term *= half_beta / n * half_beta / n;
            series += term;
        }
        const double sinc = (k == 0) ? 2.0 * cutoff : sin(2.0 * pi * cutoff * k) / (pi * k);
        sum += samples[from] * sinc * series / 18948.925349296307; // I0(12)
    }
    return sum;
}

static void tech_3341_cases_20_to_23_true_peak_at_any_offset(void **state)
{
    (void)state;
    enum { FRAMES = 9600 };
    static double dense[4 * FRAMES];
    static float samples[FRAMES * 2];
    fill_burst(dense, NB_COUNT(dense));
    for (size_t offset = 0; offset < 4; offset++) {
        for (size_t i = 0; i < FRAMES; i++) {
            const double sample = low_passed(dense, NB_COUNT(dense), 4 * i + offset);
            samples[2 * i] = samples[2 * i + 1] = (float)sample;
        }
        NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
        nb_measures got;
        assert_ok(nb_meter_new(RATE, 2, &meter, err));
        assert_ok(nb_meter_add(meter, samples, FRAMES, err));
        assert_ok(nb_meter_finish(meter, &got, err));
        assert_near(got.true_peak_dbtp, 0.0 - 0.1, 0.3); // +0.2, -0.4
        // Case 20 has samples at the peaks or near; the other offsets need the interpolation.
        assert_true(got.sample_peak_dbfs <= got.true_peak_dbtp);
        nb_measures_fini(&got);
    }
}

static void tech_3342_cases_1_to_4_loudness_range(void **state)
{
    (void)state;
    static const part parts[][5] = {
        {{-20, 20}, {-30, 20}},
        {{-20, 20}, {-15, 20}},
        {{-40, 20}, {-20, 20}},
        {{-50, 20}, {-35, 20}, {-20, 20}, {-35, 20}, {-50, 20}},
    };
    static const double expected[] = {10.0, 5.0, 20.0, 15.0};
    for (size_t i = 0; i < NB_COUNT(parts); i++) {
        nb_measures got = measure_parts(parts[i], NB_COUNT(parts[i])); // no seconds: no part
        assert_near(got.loudness_range_lu, expected[i], 1.0);
        nb_measures_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tech_3341_cases_1_and_2_a_steady_tone),
        cmocka_unit_test(tech_3341_cases_3_to_5_the_gates),
        cmocka_unit_test(tech_3341_case_6_surround),
        cmocka_unit_test(tech_3341_case_9_short_term_is_constant_after_3_s),
        cmocka_unit_test(tech_3341_case_10_short_term_at_any_offset),
        cmocka_unit_test(tech_3341_case_11_short_term_follows),
        cmocka_unit_test(tech_3341_case_12_momentary_is_constant_after_1_s),
        cmocka_unit_test(tech_3341_case_13_momentary_at_any_offset),
        cmocka_unit_test(tech_3341_case_14_momentary_follows),
        cmocka_unit_test(tech_3341_cases_15_to_19_true_peak),
        cmocka_unit_test(tech_3341_cases_20_to_23_true_peak_at_any_offset),
        cmocka_unit_test(tech_3342_cases_1_to_4_loudness_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
