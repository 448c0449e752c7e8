// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/oversampler.h"
#include "tests/test.h"

#include <complex.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

enum { TAPS_MAX = 256 };

/// A filter's whole impulse response, from the halves that are stored.
typedef struct response {
    double taps[TAPS_MAX];
    size_t count;
} response;

static response half_band(const double *half, size_t pairs)
{
    response out = {{0}, 4 * pairs - 1};
    for (size_t k = 0; k < pairs; k++) {
        out.taps[2 * k] = out.taps[out.count - 1 - 2 * k] = half[k] / 2.0;
    }
    out.taps[2 * pairs - 1] = 0.5;
    return out;
}

static response average(void)
{
    response out = {{0}, 2 * (NB_AVERAGE_EVEN + NB_AVERAGE_ODD) + 1};
    for (size_t k = 0; k < out.count; k++) {
        const size_t from_end = (k < out.count - 1 - k) ? k : out.count - 1 - k;
        out.taps[k] = ((from_end % 2) ? nb_average_odd : nb_average_even)[from_end / 2] / 2.0;
    }
    return out;
}

static double gain(const response *self, double freq)
{
    double complex sum = 0.0;
    for (size_t k = 0; k < self->count; k++) {
        sum += self->taps[k] * cexp(-2.0 * I * pi * freq * (double)k);
    }
    return cabs(sum);
}

/// Worst error inside the passband and highest gain in what folds into it, `edge` of the rate.
static void check(const char *name, const response *self, double edge, bool averages,
                  double ripple_db, double floor_db)
{
    for (double part = 0.0; part <= 1.0; part += 0.002) {
        const double freq = part * edge;
        const double wanted = averages ? 3.0 / (1.0 + 2.0 * cos(2.0 * pi * freq)) : 1.0;
        const double error_db = 20.0 * log10(gain(self, freq) / wanted);
        const double leak_db = 20.0 * log10(gain(self, 0.5 - freq));
        if (!(fabs(error_db) < ripple_db && leak_db < floor_db)) {
            fail_msg("%s at %g: %g dB, leaks %g dB", name, freq, error_db, leak_db);
        }
    }
}

static void filters_are_flat_to_0_4535_of_the_rate_and_124_db_down_beyond(void **state)
{
    (void)state;
    const double edge = 20.0 / 44.1;
    const response outer = half_band(nb_half_band_outer, NB_HALF_BAND_OUTER);
    const response up = half_band(nb_half_band_up, NB_HALF_BAND_UP);
    const response down = half_band(nb_half_band_down, NB_HALF_BAND_DOWN);
    const response averages = average();
    check("outer", &outer, edge / 2.0, false, 6e-6, -124.7);
    check("up", &up, edge / 4.0, false, 6e-6, -124.7);
    check("down", &down, edge / 4.0, false, 6e-6, -124.7);
    check("average", &averages, edge / 4.0, true, 6e-6, -124.7);
}

static double pass(nb_oversampler *self, double sample)
{
    nb_lanes in = nb_lanes_set(sample);
    nb_lanes dense[4];
    nb_lanes out;
    nb_oversampler_up(self, &in, dense, 1);
    nb_oversampler_down(self, dense, &out, 1);
    return out[0];
}

static void up_and_down_delay_by_exactly_the_latency(void **state)
{
    (void)state;
    static const struct {
        nb_oversampler_kind kind;
        size_t latency;
    } cases[] = {{NB_OVERSAMPLER_2, NB_OVERSAMPLER_LATENCY_2},
                 {NB_OVERSAMPLER_4, NB_OVERSAMPLER_LATENCY_4}};
    static nb_oversampler self;
    for (size_t k = 0; k < NB_COUNT(cases); k++) {
        enum { FRAMES = 2 * NB_OVERSAMPLER_LATENCY_4 + 20 };
        double out[FRAMES];
        self.kind = cases[k].kind;
        nb_oversampler_reset(&self);
        for (size_t i = 0; i < FRAMES; i++) {
            out[i] = pass(&self, (i == 0) ? 1.0 : 0.0);
        }
        const size_t at = cases[k].latency;
        for (size_t i = 1; i <= at; i++) { // symmetric about its frame
            assert_true(fabs(out[at]) > fabs(out[at + i]));
            assert_true(fabs(out[at + i] - out[at - i]) < 1e-15);
        }
        for (size_t i = 2 * at + 1; i < FRAMES; i++) {
            assert_true(out[i] == 0.0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_flat_to_0_4535_of_the_rate_and_124_db_down_beyond),
        cmocka_unit_test(up_and_down_delay_by_exactly_the_latency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
