// SPDX-License-Identifier: GPL-3.0-or-later
#include "dsp/level_math.h"
#include "tests/test.h"

#include <math.h>

static const double db_per_octave = 6.02059991327962390427;

static float log2_of(float x) { return nb_group_log2(nb_group_set(x))[0]; }

static float exp2_of(float x) { return nb_group_exp2(nb_group_set(x))[NB_GROUP - 1]; }

// The table's error of a 32-bit polynomial, in dB of gain.
static double expected_error_db(const char *function, int degree)
{
    FILE *file = fopen(NB_EXPECTED_DIR "/expected_poly.tsv", "r");
    if (!file) {
        print_message("%s/expected_poly.tsv is not here: skipped\n", NB_EXPECTED_DIR);
        skip();
    }
    char line[256];
    double found = 0.0;
    while (file && fgets(line, sizeof line, file)) {
        double f64_db = 0.0, f32_db = 0.0;
        int row = 0;
        const char *values = strchr(line, '\t');
        if (strncmp(line, function, strlen(function)) == 0 && values &&
            sscanf(values, "%d %*f %lf %lf", &row, &f64_db, &f32_db) == 3 && row == degree) {
            found = f32_db;
        }
    }
    fclose(file);
    assert_true(found > 0.0);
    return found;
}

static void the_logarithm_is_as_exact_as_the_table_says(void **state)
{
    (void)state;
    const double allowed_db = 2.0 * expected_error_db("log2(m)=t*P(t)", 7);
    for (double m = 0.70711; m < 1.41421; m += 1e-5) {
        const float x = (float)m;
        assert_true(fabs((double)log2_of(x) - log2((double)x)) * db_per_octave < allowed_db);
    }
}

static void the_power_is_as_exact_as_the_table_says(void **state)
{
    (void)state;
    const double allowed_db = 1.5 * expected_error_db("exp2 u in", 5);
    for (double u = -0.5; u <= 0.5; u += 1e-5) {
        const float x = (float)u;
        const double ratio = (double)exp2_of(x) / exp2((double)x);
        assert_true(fabs(20.0 * log10(ratio)) < allowed_db);
    }
}

static void levels_of_every_size_are_right_within_a_fifth_of_what_is_allowed(void **state)
{
    (void)state;
    for (double x = 1e-12; x < 1e12; x *= 1.00137) {
        const float level = (float)x;
        const double error = (double)log2_of(level) - log2((double)level);
        assert_true(fabs(error) * db_per_octave < 2e-5);
    }
    for (double x = -16.0; x < 16.0; x += 1.3e-4) {
        const float octaves = (float)x;
        const double ratio = (double)exp2_of(octaves) / exp2((double)octaves);
        assert_true(fabs(20.0 * log10(ratio)) < 2e-5);
    }
}

static void powers_of_two_are_exact(void **state)
{
    (void)state;
    for (int n = -126; n <= 127; n++) {
        assert_true(log2_of(ldexpf(1.0F, n)) == (float)n);
        assert_true(exp2_of((float)n) == ldexpf(1.0F, n));
    }
}

static void what_is_out_of_range_stays_finite(void **state)
{
    (void)state;
    assert_true(log2_of(INFINITY) == 128.0F);
    assert_true(exp2_of(1e30F) == ldexpf(1.0F, 127));
    assert_true(exp2_of(-INFINITY) == ldexpf(1.0F, -126));
    assert_true(exp2_of(NAN) == ldexpf(1.0F, -126));
    assert_true(nb_group_max(nb_group_set(NAN), nb_group_set(2.0F))[0] == 2.0F);
}

static void a_part_of_a_group_touches_nothing_behind_it(void **state)
{
    (void)state;
    float samples[NB_GROUP + 1];
    for (size_t i = 0; i <= NB_GROUP; i++) {
        samples[i] = (float)i + 1.0F;
    }
    const nb_group part = nb_group_load_part(samples, 3);
    assert_true(part[2] == 3.0F && part[3] == 0.0F);
    nb_group_store_part(samples, nb_group_set(9.0F), 2);
    assert_true(samples[1] == 9.0F && samples[2] == 3.0F);
    assert_true(nb_group_any(part) && !nb_group_any((nb_group){0}));
    assert_true(nb_group_partner(nb_group_load(samples))[2] == samples[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_logarithm_is_as_exact_as_the_table_says),
        cmocka_unit_test(the_power_is_as_exact_as_the_table_says),
        cmocka_unit_test(levels_of_every_size_are_right_within_a_fifth_of_what_is_allowed),
        cmocka_unit_test(powers_of_two_are_exact),
        cmocka_unit_test(what_is_out_of_range_stays_finite),
        cmocka_unit_test(a_part_of_a_group_touches_nothing_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
