// SPDX-License-Identifier: GPL-3.0-or-later
// The contract of processor.h for every registered processor, with settings drawn from fixed seeds.
// tests/fuzz/fuzz_processors draws them from anything else.
#include "tests/test.h"
#include "tests/trial/trial.h"

static void random_settings_keep_the_contract(void **state)
{
    (void)state;
    enum { TRIALS = 100 };
    size_t broken = 0;
    for (size_t p = 0; p < nb_processor_count(); p++) {
        size_t held = 0;
        for (uint64_t seed = 1; seed <= TRIALS; seed++) {
            const trial_report report = trial_run(p, (trial_source){.seed = seed * 7919 + p});
            if (report.result == TRIAL_BROKEN) {
                print_message("seed %zu: %s\n", (size_t)seed, report.text);
                broken++;
            }
            held += report.result == TRIAL_HOLDS;
        }
        if (held < TRIALS / 8) {
            print_message("%s: only %zu of %d drawn settings were good\n",
                          nb_processor_at(p)->name, held, TRIALS);
            broken++;
        }
    }
    assert_int_equal(broken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_settings_keep_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
