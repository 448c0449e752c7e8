// SPDX-License-Identifier: GPL-3.0-or-later
// The contract of processor.h for every registered processor, with settings drawn from fixed seeds.
// tests/fuzz/fuzz_processors draws them from anything else.
#include "tests/test.h"
#include "tests/trial/trial.h"

enum { TRIALS = 100 };

// The same for every processor and seed: how many drawn settings hold is counted, since a test of
// refusals alone would prove nothing.
static size_t count_broken(trial_report (*try)(size_t index, trial_source source), size_t least)
{
    size_t broken = 0;
    for (size_t p = 0; p < nb_processor_count(); p++) {
        size_t held = 0;
        for (uint64_t seed = 1; seed <= TRIALS; seed++) {
            const trial_report report = try(p, (trial_source){.seed = seed});
            if (report.result == TRIAL_BROKEN) {
                print_message("seed %zu: %s\n", (size_t)seed, report.text);
                broken++;
            }
            held += report.result == TRIAL_HOLDS;
        }
        if (held < least) {
            print_message("%s: only %zu of %d drawn settings were good\n", nb_processor_at(p)->name,
                          held, TRIALS);
            broken++;
        }
    }
    return broken;
}

static void drawn_settings_keep_the_contract(void **state)
{
    (void)state;
    assert_int_equal(count_broken(trial_run, TRIALS / 8), 0);
}

static void nothing_is_left_after_the_tail(void **state)
{
    (void)state;
    assert_int_equal(count_broken(trial_tail, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_settings_keep_the_contract),
        cmocka_unit_test(nothing_is_left_after_the_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
