// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/since.h"
#include "tests/test.h"

static const int64_t now_ms = 1800000000000; // 2027-01-15T08:00:00Z

static void spans_and_dates_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t expected_ms;
    } cases[] = {
        {"0m", 1800000000000},         {"30m", 1799998200000}, {"3h", 1799989200000},
        {"2d", 1799827200000},         {"1w", 1799395200000},  {"1970-01-02", 86400000},
        {"2024-02-29", 1709164800000},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        int64_t ms = 0;
        assert_ok(nb_since_parse(cases[i].text, now_ms, &ms, err));
        assert_int_equal(ms, cases[i].expected_ms);
    }
}

static void what_is_no_time_is_refused_in_words(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "d",
                                        "2",
                                        "2 d",
                                        "-2d",
                                        "+2d",
                                        "2.5d",
                                        "2y",
                                        "2D",
                                        "dd2",
                                        "2026-13-01",
                                        "2025-02-29",
                                        "2026-11-1",
                                        "2026/11/01",
                                        "yesterday",
                                        "999999999999999999999d",
                                        "2026-11-01T00:00",
                                        "2d\033[2J"};
    for (size_t i = 0; i < NB_COUNT(wrong); i++) {
        int64_t ms = 0;
        assert_fails(NB_E_USAGE, "is no time: write 3h",
                     nb_since_parse(wrong[i], now_ms, &ms, err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_and_dates_are_read),
        cmocka_unit_test(what_is_no_time_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
