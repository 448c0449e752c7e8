// SPDX-License-Identifier: GPL-3.0-or-later
#include "mix/estimate.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

static void nothing_left_takes_no_time_and_nobody_to_do_it_is_no_answer(void **state)
{
    (void)state;
    const nb_estimate_work work = {.cost = 10.0, .node = -1};
    const nb_estimate_node node = {1.0, 1.0};
    const nb_estimate_node unknown = {0};
    assert_true(nb_estimate_left_ms(&node, 1, NULL, 0) == 0.0);
    assert_true(nb_estimate_left_ms(NULL, 0, &work, 1) < 0.0);
    assert_true(nb_estimate_left_ms(&unknown, 1, &work, 1) < 0.0);
}

static void what_waits_goes_to_who_ends_it_first(void **state)
{
    (void)state;
    const nb_estimate_node nodes[] = {{20.0, 10.0}, {10.0, 10.0}};
    const nb_estimate_work work[] = {
        {.cost = 100, .node = -1}, {.cost = 60, .node = -1}, {.cost = 40, .node = -1}};
    // 100 on the first (50 ms), 60 on the second (60 ms), 40 on the first (20 ms more).
    assert_float_equal(nb_estimate_left_ms(nodes, 2, work, 3), 70.0, 1e-9);
}

static void what_runs_is_judged_by_its_own_progress_more_and_more(void **state)
{
    (void)state;
    const nb_estimate_node node = {1e9, 1e9};
    nb_estimate_work work = {.cost = 100, .done = 0.5, .node = 0, .elapsed_ms = 100};
    // By the speed 50 ms are left, by its progress 100; half of it is done.
    assert_float_equal(nb_estimate_left_ms(&node, 1, &work, 1), 75.0, 1e-3);
    work.done = 0.0;
    work.elapsed_ms = 30;
    assert_float_equal(nb_estimate_left_ms(&node, 1, &work, 1), 70.0, 1e-9);
}

static void a_node_that_did_nothing_yet_counts_as_the_others(void **state)
{
    (void)state;
    const nb_estimate_node nodes[] = {{0.0, 0.0}, {200.0, 100.0}};
    const nb_estimate_work work[] = {{.cost = 100, .node = -1}, {.cost = 100, .node = -1}};
    assert_float_equal(nb_estimate_left_ms(nodes, 2, work, 2), 50.0, 1e-9);
    // And where no node did anything, what runs says how fast it goes.
    const nb_estimate_node fresh = {0};
    const nb_estimate_work first[] = {{.cost = 100, .done = 0.5, .node = 0, .elapsed_ms = 25},
                                      {.cost = 100, .node = -1}};
    assert_float_equal(nb_estimate_left_ms(&fresh, 1, first, 2), 75.0, 1e-9);
}

// ---- Whole nights ----

enum { SONGS_MAX = 40, NODES_MAX = 6, SAMPLES_MAX = 4000 };

typedef struct night {
    uint64_t seed;
    size_t song_count, node_count, next;
    double costs[SONGS_MAX];  ///< As planned
    double truth[SONGS_MAX];  ///< What they take at speed 1
    double speeds[NODES_MAX]; ///< True ones
    int running[NODES_MAX];   ///< Song; -1 for none
    double began_ms[NODES_MAX], ends_ms[NODES_MAX];
    nb_estimate_node known[NODES_MAX];
    size_t done_count;
    size_t sample_count;
    double at_ms[SAMPLES_MAX], said_ms[SAMPLES_MAX];
} night;

static double draw(night *self)
{
    self->seed = self->seed * 6364136223846793005U + 1442695040888963407U;
    return (double)(self->seed >> 11) / 9007199254740992.0;
}

static void start_next(night *self, size_t node, double now_ms)
{
    self->running[node] = self->next < self->song_count ? (int)self->next++ : -1;
    if (self->running[node] >= 0) {
        self->began_ms[node] = now_ms;
        self->ends_ms[node] = now_ms + self->truth[self->running[node]] / self->speeds[node];
    }
}

static int longest_first(const void *a, const void *b)
{
    return (*(const double *)a < *(const double *)b) - (*(const double *)a > *(const double *)b);
}

static void make_night(night *self, uint64_t seed)
{
    *self = (night){.seed = seed * 2654435761U + 1};
    self->song_count = 8 + (size_t)(draw(self) * 30);
    self->node_count = 1 + (size_t)(draw(self) * NODES_MAX);
    for (size_t i = 0; i < self->node_count; i++) {
        self->speeds[i] = 0.5 + 2.5 * draw(self);
    }
    for (size_t i = 0; i < self->song_count; i++) {
        self->costs[i] = 60000.0 + 240000.0 * draw(self);
    }
    qsort(self->costs, self->song_count, sizeof self->costs[0], longest_first);
    for (size_t i = 0; i < self->song_count; i++) {
        // A quarter off either way, and all of them by a factor that nobody knows before.
        self->truth[i] = self->costs[i] * 1.7 * (0.75 + 0.5 * draw(self)) + 500.0;
    }
}

static double estimate(const night *self, double now_ms)
{
    nb_estimate_work work[SONGS_MAX];
    size_t count = 0;
    for (size_t n = 0; n < self->node_count; n++) {
        if (self->running[n] >= 0) {
            const double elapsed = now_ms - self->began_ms[n];
            work[count++] =
                (nb_estimate_work){.cost = self->costs[self->running[n]],
                                   .done = elapsed / (self->ends_ms[n] - self->began_ms[n]),
                                   .node = (int)n,
                                   .elapsed_ms = elapsed};
        }
    }
    for (size_t i = self->next; i < self->song_count; i++) {
        work[count++] = (nb_estimate_work){.cost = self->costs[i], .node = -1};
    }
    return nb_estimate_left_ms(self->known, self->node_count, work, count);
}

/// Until every song is done, asking every two seconds; gives the time it took.
static double run_night(night *self)
{
    double now_ms = 0.0;
    for (size_t n = 0; n < self->node_count; n++) {
        start_next(self, n, 0.0);
    }
    while (self->done_count < self->song_count) {
        now_ms += 2000.0;
        for (size_t n = 0; n < self->node_count; n++) {
            while (self->running[n] >= 0 && self->ends_ms[n] <= now_ms) {
                nb_estimate_learn(&self->known[n], self->costs[self->running[n]],
                                  self->ends_ms[n] - self->began_ms[n]);
                self->done_count++;
                start_next(self, n, self->ends_ms[n]);
            }
        }
        if (self->sample_count < SAMPLES_MAX && self->done_count < self->song_count) {
            self->at_ms[self->sample_count] = now_ms;
            self->said_ms[self->sample_count++] = estimate(self, now_ms);
        }
    }
    return now_ms;
}

static int by_size(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/// Relative to what is really left, over all that was said once 20 % of the time had passed.
static double median_error(const night *self, double took_ms)
{
    static double errors[SAMPLES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < self->sample_count; i++) {
        const double left = took_ms - self->at_ms[i];
        if (self->at_ms[i] >= 0.2 * took_ms && left > 0.0) {
            errors[count++] = fabs(self->said_ms[i] - left) / left;
        }
    }
    assert_true(count > 0);
    qsort(errors, count, sizeof errors[0], by_size);
    return errors[count / 2];
}

static void half_of_what_is_said_of_a_night_is_less_than_a_tenth_off(void **state)
{
    (void)state;
    enum { NIGHTS = 200 };
    static night self;
    double medians[NIGHTS];
    for (uint64_t i = 0; i < NIGHTS; i++) {
        make_night(&self, i + 1);
        const double took_ms = run_night(&self);
        medians[i] = median_error(&self, took_ms);
    }
    qsort(medians, NIGHTS, sizeof medians[0], by_size);
    print_message("median error: half of the nights under %.1f %%, 90 %% under %.1f %%\n",
                  100.0 * medians[NIGHTS / 2], 100.0 * medians[NIGHTS * 9 / 10]);
    assert_true(medians[NIGHTS / 2] < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_left_takes_no_time_and_nobody_to_do_it_is_no_answer),
        cmocka_unit_test(what_waits_goes_to_who_ends_it_first),
        cmocka_unit_test(what_runs_is_judged_by_its_own_progress_more_and_more),
        cmocka_unit_test(a_node_that_did_nothing_yet_counts_as_the_others),
        cmocka_unit_test(half_of_what_is_said_of_a_night_is_less_than_a_tenth_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
