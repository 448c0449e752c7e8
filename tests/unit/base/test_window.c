// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/window.h"

#include "base/zone.h"
#include "test.h"

#include <stdlib.h>
#include <time.h>

// UTC seconds of 2026, a year of rules and not of transitions for slim files.
enum {
    JAN_1 = 1767225600,
    MARCH_29 = 1774742400, // summer time begins in Berlin at 01:00 UTC
    JULY_1 = 1782864000,
    OCTOBER_25 = 1792886400, // and ends at 01:00 UTC
};

static int32_t offset_at(const char *name, int64_t utc_s)
{
    nb_zone *zone = NULL;
    assert_ok(nb_zone_load(name, &zone, err));
    const int32_t offset = nb_zone_offset(zone, utc_s);
    nb_zone_destroy(&zone);
    return offset;
}

static void offsets_are_those_of_the_system(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Sydney",
                                        "Asia/Kolkata",  "America/St_Johns", "UTC",
                                        "Asia/Tokyo",    "Europe/London",    "Pacific/Auckland"};
    for (size_t i = 0; i < NB_COUNT(names); i++) {
        nb_zone *zone = NULL;
        assert_ok(nb_zone_load(names[i], &zone, err));
        setenv("TZ", names[i], 1); // the test has no other thread
        tzset();
        // Every 5 hours and 13 minutes from 2020 to 2060: past the last transition of any file.
        for (time_t at = 1577836800; at < 2840140800; at += 18780) {
            struct tm local;
            localtime_r(&at, &local);
            assert_int_equal(nb_zone_offset(zone, at), local.tm_gmtoff);
        }
        nb_zone_destroy(&zone);
    }
    unsetenv("TZ");
    tzset();
}

static void names_that_are_no_zones_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "Europe/Nowhere",
                                        "../../../etc/passwd",
                                        "/etc/passwd",
                                        "Europe",
                                        "Europe/Berlin ",
                                        "zone.tab"};
    for (size_t i = 0; i < NB_COUNT(names); i++) {
        nb_zone *zone = NULL;
        assert_fails(NB_E_NOT_FOUND, "time zone", nb_zone_load(names[i], &zone, err));
        assert_null(zone);
    }
}

static void a_damaged_zone_file_is_refused_at_any_length(void **state)
{
    (void)state;
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(file);
    static unsigned char bytes[NB_ZONE_FILE_MAX];
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t cut = 0; cut < size; cut++) {
        // A copy of its own length, so that a sanitizer sees a byte read too many.
        unsigned char *copy = malloc(cut ? cut : 1);
        memcpy(copy, bytes, cut);
        nb_zone *zone = NULL;
        const nb_status status = nb_zone_parse("cut", copy, cut, &zone, NULL);
        assert_true(status == NB_OK || status == NB_E_CORRUPT);
        nb_zone_destroy(&zone);
        free(copy);
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0xff;
        nb_zone *zone = NULL;
        if (nb_zone_parse("bent", bytes, size, &zone, NULL) == NB_OK) {
            (void)nb_zone_offset(zone, JULY_1);
        }
        nb_zone_destroy(&zone);
        bytes[i] ^= 0xff;
    }
}

static nb_window window_of(const char *text)
{
    nb_window window;
    assert_ok(nb_window_parse(text, &window, err));
    return window;
}

static void a_night_goes_over_midnight_in_its_own_zone(void **state)
{
    (void)state;
    nb_window night = window_of("22:00-06:00 Europe/Berlin");
    // In winter 22:00 there is 21:00 UTC, in summer 20:00.
    assert_false(nb_window_is_open(&night, (JAN_1 + 20 * 3600 + 3599) * INT64_C(1000)));
    assert_true(nb_window_is_open(&night, (JAN_1 + 21 * 3600) * INT64_C(1000)));
    assert_true(nb_window_is_open(&night, (JULY_1 + 20 * 3600) * INT64_C(1000)));
    assert_true(nb_window_is_open(&night, (JULY_1 + 3 * 3600 + 3599) * INT64_C(1000)));
    assert_false(nb_window_is_open(&night, (JULY_1 + 4 * 3600) * INT64_C(1000)));
    assert_int_equal(nb_window_next_ms(&night, (JULY_1 + 12 * 3600) * INT64_C(1000)),
                     (JULY_1 + 20 * 3600) * INT64_C(1000));
    nb_window_fini(&night);
}

// How long the window is open on the local day that begins `at` (UTC), in minutes.
static int open_minutes(const nb_window *window, int64_t from_s, int64_t to_s)
{
    int open = 0;
    for (int64_t at = from_s; at < to_s; at += 60) {
        open += nb_window_is_open(window, at * 1000) ? 1 : 0;
    }
    return open;
}

static void days_on_which_the_clock_changes_are_right(void **state)
{
    (void)state;
    nb_window night = window_of("22:00-06:00 Europe/Berlin");
    nb_window gap = window_of("02:30-04:00 Europe/Berlin");
    // From noon to noon: eight hours of the clock, of which one is missing, or comes twice.
    assert_int_equal(open_minutes(&night, MARCH_29 - 12 * 3600, MARCH_29 + 12 * 3600), 7 * 60);
    assert_int_equal(open_minutes(&night, OCTOBER_25 - 12 * 3600, OCTOBER_25 + 12 * 3600), 9 * 60);
    assert_int_equal(open_minutes(&night, JULY_1 - 12 * 3600, JULY_1 + 12 * 3600), 8 * 60);
    // 02:30 does not exist: it begins at 03:00, when the clock has jumped.
    assert_int_equal(nb_window_next_ms(&gap, MARCH_29 * INT64_C(1000)),
                     (MARCH_29 + 3600) * INT64_C(1000));
    assert_int_equal(open_minutes(&gap, MARCH_29, MARCH_29 + 12 * 3600), 60);
    assert_int_equal(open_minutes(&gap, OCTOBER_25 - 7200, OCTOBER_25 + 12 * 3600), 120);
    nb_window_fini(&night);
    nb_window_fini(&gap);
}

static void what_is_no_window_is_refused_in_words(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "22:00-06:00",
                                        "22:00-06:00 ",
                                        "22-6 UTC",
                                        "24:00-06:00 UTC",
                                        "22:60-06:00 UTC",
                                        "22:00-22:00 UTC",
                                        "22:00 06:00 UTC",
                                        "22:00-06:00UTC"};
    for (size_t i = 0; i < NB_COUNT(texts); i++) {
        nb_window window;
        assert_fails(NB_E_INVALID, "no hours", nb_window_parse(texts[i], &window, err));
        nb_window_fini(&window);
    }
    nb_window window;
    assert_fails(NB_E_NOT_FOUND, "Mars/Base",
                 nb_window_parse("22:00-06:00 Mars/Base", &window, err));
    assert_int_equal(offset_at("UTC", JAN_1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_system),
        cmocka_unit_test(names_that_are_no_zones_are_refused),
        cmocka_unit_test(a_damaged_zone_file_is_refused_at_any_length),
        cmocka_unit_test(a_night_goes_over_midnight_in_its_own_zone),
        cmocka_unit_test(days_on_which_the_clock_changes_are_right),
        cmocka_unit_test(what_is_no_window_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
