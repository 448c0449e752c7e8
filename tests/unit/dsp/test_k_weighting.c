// SPDX-License-Identifier: GPL-3.0-or-later
// The loudness filter against its table, and against libebur128's energies.
#include "dsp/k_weighting.h"
#include "rig.h"
#include "tests/test.h"

#include <ebur128.h>
#include <math.h>
#include <string.h>

enum { CHANNELS_MAX = 6, STEPS = 100, STEPS_PER_SECOND = 50, RATE_MAX = 192000 };

static void assert_close(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("%.17g, expected %.17g", got, expected);
    }
}

static void assert_section(const nb_k_section *got, double b0, double b1, double b2, double a1,
                           double a2)
{
    assert_close(got->b0, b0, 1e-12);
    assert_close(got->b1, b1, 1e-12);
    assert_close(got->b2, b2, 1e-12);
    assert_close(got->a1, a1, 1e-12);
    assert_close(got->a2, a2, 1e-12);
}

static void at_48_khz_the_sections_are_the_recommendations(void **state)
{
    (void)state;
    nb_k_weighting filter;
    nb_k_weighting_init(&filter, 48000, 2);
    assert_section(&filter.shelf, 1.53512485958697, -2.69169618940638, 1.19839281085285,
                   -1.69065929318241, 0.73248077421585);
    assert_section(&filter.high_pass, 1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621);
}

static void at_other_rates_they_follow_the_prototypes(void **state)
{
    (void)state;
    FILE *table = rig_open_table("expected_kweight.tsv");
    char line[256];
    int rows = 0;
    assert_non_null(fgets(line, sizeof line, table)); // the names
    while (fgets(line, sizeof line, table)) {
        unsigned rate_hz = 0;
        char stage[16];
        double b0, b1, b2, a1, a2;
        assert_int_equal(
            sscanf(line, "%u %15s %lf %lf %lf %lf %lf", &rate_hz, stage, &b0, &b1, &b2, &a1, &a2),
            7);
        nb_k_weighting filter;
        nb_k_weighting_init(&filter, rate_hz, 1);
        const bool is_shelf = strcmp(stage, "shelf") == 0;
        assert_section(is_shelf ? &filter.shelf : &filter.high_pass, b0, b1, b2, a1, a2);
        rows++;
    }
    (void)fclose(table);
    assert_int_equal(rows, 20);
}

/// libebur128's loudness of the last step, as energy.
static double witnessed_energy(ebur128_state *witness)
{
    double loudness = 0.0;
    assert_int_equal(ebur128_loudness_window(witness, 1000 / STEPS_PER_SECOND, &loudness),
                     EBUR128_SUCCESS);
    return pow(10.0, (loudness + 0.691) / 10.0);
}

static void energies_are_those_of_libebur128(void **state)
{
    (void)state;
    static const unsigned rates[] = {8000, 44100, 48000, 96000, RATE_MAX};
    static const double weights[CHANNELS_MAX] = {1.0, 1.0, 1.0, 0.0, 1.41, 1.41};
    static float samples[RATE_MAX / STEPS_PER_SECOND * CHANNELS_MAX];
    for (size_t r = 0; r < NB_COUNT(rates); r++) {
        for (unsigned channels = 1; channels <= CHANNELS_MAX; channels += (channels < 3) ? 1 : 3) {
            const size_t frames = rates[r] / STEPS_PER_SECOND;
            ebur128_state *witness = ebur128_init(channels, rates[r], EBUR128_MODE_M);
            nb_k_weighting filter;
            nb_k_weighting_init(&filter, rates[r], channels);
            for (uint64_t step = 0; step < STEPS; step++) {
                double sums[CHANNELS_MAX];
                double energy = 0.0;
                rig_noise(samples, frames * channels, 0.5, (uint32_t)(100 * r + step));
                nb_k_weighting_run(&filter, samples, frames, sums);
                for (unsigned c = 0; c < channels; c++) {
                    energy += weights[c] * sums[c] / (double)frames;
                }
                assert_int_equal(ebur128_add_frames_float(witness, samples, frames),
                                 EBUR128_SUCCESS);
                const double expected = witnessed_energy(witness);
                assert_close(energy / expected, 1.0, 1e-9);
            }
            ebur128_destroy(&witness);
        }
    }
}

static void a_cut_between_calls_changes_no_state(void **state)
{
    (void)state;
    enum { FRAMES = 1000 };
    static float samples[3 * FRAMES];
    rig_noise(samples, NB_COUNT(samples), 0.5, 1);
    nb_k_weighting whole;
    nb_k_weighting cut;
    double sums[3];
    nb_k_weighting_init(&whole, 44100, 3);
    nb_k_weighting_init(&cut, 44100, 3);
    nb_k_weighting_run(&whole, samples, FRAMES, sums);
    nb_k_weighting_run(&cut, samples, 333, sums);
    nb_k_weighting_run(&cut, samples + 3 * 333, FRAMES - 333, sums);
    assert_memory_equal(&whole, &cut, sizeof whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_48_khz_the_sections_are_the_recommendations),
        cmocka_unit_test(at_other_rates_they_follow_the_prototypes),
        cmocka_unit_test(energies_are_those_of_libebur128),
        cmocka_unit_test(a_cut_between_calls_changes_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
