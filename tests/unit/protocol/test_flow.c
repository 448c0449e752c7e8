// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/flow.h"

#include "test.h"

enum { LINE_CHUNKS = 400 };

/// A line with a queue in front of it: what is asked for arrives after the delay, one chunk after
/// the other.
typedef struct line {
    double bytes_a_us;
    int64_t delay_us; ///< There and back
    int64_t free_us;  ///< When it is done with what was asked for so far
} line;

/// Move LINE_CHUNKS chunks; the microseconds that it took.
static int64_t move(const line *model, nb_flow *window)
{
    line way = *model;
    int64_t arrives_us[LINE_CHUNKS];
    int64_t now_us = 1000;
    size_t asked = 0;
    size_t arrived = 0;
    const int64_t start_us = now_us;
    while (arrived < LINE_CHUNKS) {
        while (asked < LINE_CHUNKS && (uint64_t)(asked - arrived) * NB_CHUNK_SIZE < window->size) {
            const int64_t sent_us = now_us + way.delay_us / 2;
            way.free_us = (way.free_us > sent_us ? way.free_us : sent_us) +
                          (int64_t)(NB_CHUNK_SIZE / way.bytes_a_us);
            arrives_us[asked++] = way.free_us + way.delay_us / 2;
            nb_flow_ask(window, now_us);
        }
        now_us = arrives_us[arrived++];
        nb_flow_arrive(window, NB_CHUNK_SIZE, now_us);
        assert_in_range(window->size, NB_WINDOW_CHUNKS_MIN * NB_CHUNK_SIZE,
                        NB_WINDOW_CHUNKS_MAX * NB_CHUNK_SIZE);
    }
    return now_us - start_us;
}

static void every_line_is_filled_that_a_window_can_fill(void **state)
{
    (void)state;
    const struct {
        double megabit;
        int64_t delay_ms;
    } lines[] = {{10, 20}, {50, 150}, {200, 80}, {1000, 10}, {1000, 80}, {10000, 1}};
    for (size_t i = 0; i < NB_COUNT(lines); i++) {
        const line model = {lines[i].megabit / 8, lines[i].delay_ms * 1000, 0};
        nb_flow window;
        nb_flow_init(&window);
        const double took_us = (double)move(&model, &window);
        const double ideal_us = (double)LINE_CHUNKS * NB_CHUNK_SIZE / model.bytes_a_us;
        if (ideal_us / took_us < 0.85) {
            fail_msg("%g Mbit/s, %d ms: %.0f %% of the line", lines[i].megabit,
                     (int)lines[i].delay_ms, 100 * ideal_us / took_us);
        }
    }
}

static void a_slow_line_gets_no_larger_window_than_it_needs(void **state)
{
    (void)state;
    const line model = {200.0 / 8, 80000, 0};
    nb_flow window;
    nb_flow_init(&window);
    move(&model, &window);
    // Twice (bandwidth times delay, and the chunk itself).
    const double needed = 2 * (model.bytes_a_us * (double)model.delay_us + NB_CHUNK_SIZE);
    assert_true((double)window.size <= 1.1 * needed);
    assert_true((double)window.size >= 0.5 * needed);
}

static void a_line_that_becomes_slower_gets_a_smaller_window(void **state)
{
    (void)state;
    const line fast = {1000.0 / 8, 80000, 0};
    const line slow = {100.0 / 8, 80000, 0};
    nb_flow window;
    nb_flow_init(&window);
    move(&fast, &window);
    const uint64_t before = window.size;
    nb_flow_restart(&window);
    move(&slow, &window);
    assert_true(window.size < before / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_filled_that_a_window_can_fill),
        cmocka_unit_test(a_slow_line_gets_no_larger_window_than_it_needs),
        cmocka_unit_test(a_line_that_becomes_slower_gets_a_smaller_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
