// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/lanes_math.h"
#include "tests/test.h"
#include "tests/unit/dsp/rig.h"

#include <math.h>

static void powers_of_two_are_right_within_a_millionth_of_a_decibel(void **state)
{
    (void)state;
    for (double x = -1000.0; x < 1000.0; x += 0.0371) {
        const double ratio = nb_lanes_exp2(nb_lanes_set(x))[0] / exp2(x);
        assert_true(fabs(20.0 * log10(ratio)) < 1e-9);
    }
    assert_true(nb_lanes_exp2(nb_lanes_set(0.0))[0] == 1.0);
    assert_true(nb_lanes_exp2(nb_lanes_set(-3.0))[1] == 0.125);
}

static void logarithms_are_right_within_a_millionth_of_a_decibel(void **state)
{
    (void)state;
    for (double x = 1e-12; x < 1e12; x *= 1.0137) {
        const double error = nb_lanes_to_db(nb_lanes_set(x))[0] - 20.0 * log10(x);
        assert_true(fabs(error) < 1e-9);
    }
    assert_true(nb_lanes_log2(nb_lanes_set(1.0))[0] == 0.0);
    assert_true(nb_lanes_log2(nb_lanes_set(0.25))[1] == -2.0);
}

static void off_is_silence_and_zero_decibels_are_unity(void **state)
{
    (void)state;
    assert_true(nb_lanes_from_db(nb_lanes_set(-INFINITY))[0] == 0.0);
    assert_true(nb_lanes_from_db(nb_lanes_set(0.0))[0] == 1.0);
    assert_true(nb_lanes_from_db(nb_lanes_set(-120.0))[0] > 0.0);
}

static void the_sine_is_right_over_its_quarter(void **state)
{
    (void)state;
    for (double x = 1e-6; x <= NB_PI / 2.0; x += 0.00137) {
        assert_true(fabs(nb_lanes_sin(nb_lanes_set(x))[0] / sin(x) - 1.0) < 1e-12);
    }
    assert_true(nb_lanes_sin(nb_lanes_set(0.0))[0] == 0.0);
}

static void numbers_that_are_none_lose_every_comparison(void **state)
{
    (void)state;
    const nb_lanes none = nb_lanes_set(NAN);
    assert_true(nb_lanes_max(none, nb_lanes_set(2.0))[0] == 2.0);
    assert_true(nb_lanes_min(none, nb_lanes_set(2.0))[0] == 2.0);
    assert_true(nb_lanes_clamp(none, -1.0, 1.0)[0] == -1.0);
}

static void partners_change_places(void **state)
{
    (void)state;
    const nb_lanes swapped = nb_lanes_partner((nb_lanes){1.0, 2.0});
    assert_true(swapped[0] == 2.0 && swapped[1] == 1.0);
}

static void a_stereo_voice_sits_on_an_even_lane(void **state)
{
    (void)state;
    const nb_settings voices[] = {{.channels = 1}, {.channels = 2}, {.channels = 1}};
    assert_int_equal(nb_voice_lane(voices, 0), 0);
    assert_int_equal(nb_voice_lane(voices, 1), 2);
    assert_int_equal(nb_voice_lane(voices, 2), 4);
}

static void the_narrowest_width_runs_everywhere(void **state)
{
    (void)state;
    assert_true(nb_level_runs(2));
    assert_false(nb_level_runs(3));
    assert_true(nb_level_runs(nb_lane_count()));
    assert_null(nb_processor_at_level(0, 16));
    assert_null(nb_processor_at_level(nb_processor_count(), 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_of_two_are_right_within_a_millionth_of_a_decibel),
        cmocka_unit_test(logarithms_are_right_within_a_millionth_of_a_decibel),
        cmocka_unit_test(off_is_silence_and_zero_decibels_are_unity),
        cmocka_unit_test(the_sine_is_right_over_its_quarter),
        cmocka_unit_test(numbers_that_are_none_lose_every_comparison),
        cmocka_unit_test(partners_change_places),
        cmocka_unit_test(a_stereo_voice_sits_on_an_even_lane),
        cmocka_unit_test(the_narrowest_width_runs_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
