// SPDX-License-Identifier: GPL-3.0-or-later
// The contract of processor.h for every registered processor, with settings drawn from fixed seeds.
// tests/fuzz/fuzz_processors draws them from anything else.
#include "tests/test.h"
#include "tests/trial/trial.h"

#include <stdio.h>
#include <string.h>

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

static size_t takes_left = SIZE_MAX;

void *__real_nb_arena_take(nb_arena *arena, size_t count, size_t size);
void *__wrap_nb_arena_take(nb_arena *arena, size_t count, size_t size);

void *__wrap_nb_arena_take(nb_arena *arena, size_t count, size_t size)
{
    if (takes_left == 0) {
        return NULL;
    }
    takes_left--;
    return __real_nb_arena_take(arena, count, size);
}

static nb_status init_with(const nb_settings *voice, size_t takes, nb_error *err)
{
    NB_SCOPED(nb_arena_destroy) nb_arena *arena = nb_arena_new();
    void *made = NULL;
    takes_left = takes;
    const nb_status status = voice->processor->init(arena, voice, 1, &made, err);
    takes_left = SIZE_MAX;
    assert_true((status == NB_OK) == (made != NULL));
    return status;
}

static trial_report fail_each_take(const nb_settings *voice)
{
    trial_report report = {.result = TRIAL_HOLDS};
    size_t takes = 0;
    nb_error err = {0};
    if (init_with(voice, SIZE_MAX, &err) != NB_OK) {
        report.result = TRIAL_REFUSED; // a file without sound
        return report;
    }
    while (report.result == TRIAL_HOLDS && init_with(voice, takes, &err) != NB_OK) {
        if (err.status != NB_E_NO_MEMORY || !strstr(err.text, voice->processor->name) ||
            takes > 1000) {
            report.result = TRIAL_BROKEN;
            (void)snprintf(report.text, sizeof report.text, "%s: take %zu: %.200s",
                           voice->processor->name, takes, err.text);
        }
        takes++;
    }
    assert_true(takes > 0);
    return report;
}

static trial_report try_memory(size_t index, trial_source source)
{
    return trial_settings(index, source, fail_each_take);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(count_broken(try_memory, TRIALS / 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_settings_keep_the_contract),
        cmocka_unit_test(nothing_is_left_after_the_tail),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
