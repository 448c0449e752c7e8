// SPDX-License-Identifier: GPL-3.0-or-later
// The gates against libebur128's own, on noise whose level wanders as music's does.
#include "audio/meter.h"
#include "rig.h"
#include "test.h"

#include <ebur128.h>
#include <math.h>

enum { SECONDS = 60 };

static void fill_swells(float *samples, size_t frames, unsigned rate_hz, uint64_t seed)
{
    rig_noise(samples, 2 * frames, seed);
    for (size_t i = 0; i < frames; i++) {
        const double second = (double)i / rate_hz;
        const double level_db = -30.0 + 14.0 * sin(0.7 * second) + 9.0 * sin(0.23 * second + 1.0);
        const float gain = (float)pow(10.0, ((second < 10.0) ? level_db - 50.0 : level_db) / 20.0);
        samples[2 * i] *= gain;
        samples[2 * i + 1] *= 0.7F * gain;
    }
}

static void loudness_and_range_agree_with_libebur128(void **state)
{
    (void)state;
    static const unsigned rates[] = {44100, 48000, 96000};
    static float samples[(size_t)SECONDS * 96000 * 2];
    for (size_t r = 0; r < NB_COUNT(rates); r++) {
        const size_t frames = (size_t)SECONDS * rates[r];
        double integrated = 0.0;
        double range = 0.0;
        fill_swells(samples, frames, rates[r], r + 1);
        ebur128_state *witness = ebur128_init(2, rates[r], EBUR128_MODE_I | EBUR128_MODE_LRA);
        assert_int_equal(ebur128_add_frames_float(witness, samples, frames), EBUR128_SUCCESS);
        assert_int_equal(ebur128_loudness_global(witness, &integrated), EBUR128_SUCCESS);
        assert_int_equal(ebur128_loudness_range(witness, &range), EBUR128_SUCCESS);
        ebur128_destroy(&witness);
        NB_SCOPED(nb_meter_destroy) nb_meter *meter = NULL;
        nb_measures got;
        assert_ok(nb_meter_new(rates[r], 2, &meter, err));
        assert_ok(nb_meter_add(meter, samples, frames, err));
        assert_ok(nb_meter_finish(meter, &got, err));
        assert_true(fabs(got.integrated_lufs - integrated) < 0.0001);
        // It looks once a second, this one ten times.
        assert_true(fabs(got.loudness_range_lu - range) < 0.5);
        nb_measures_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loudness_and_range_agree_with_libebur128),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
