// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/version_name.h"
#include "tests/test.h"

static void a_song_and_a_number_name_a_version(void **state)
{
    (void)state;
    nb_version_name name;
    assert_ok(nb_version_name_parse("last-bus@v12", &name, err));
    assert_string_equal(name.song, "last-bus");
    assert_string_equal(name.version, "v12");
}

static void a_song_alone_is_its_latest(void **state)
{
    (void)state;
    static const char *const texts[] = {"night", "night@latest"};
    for (size_t i = 0; i < NB_COUNT(texts); i++) {
        nb_version_name name;
        assert_ok(nb_version_name_parse(texts[i], &name, err));
        assert_string_equal(name.song, "night");
        assert_string_equal(name.version, "latest");
    }
}

static void a_master_is_named_like_a_mix(void **state)
{
    (void)state;
    nb_version_name name;
    assert_ok(nb_version_name_parse("night@m3", &name, err));
    assert_string_equal(name.version, "m3");
    assert_true(nb_version_name_is_master(&name));
    assert_ok(nb_version_name_parse("night@master", &name, err));
    assert_true(nb_version_name_is_master(&name));
    assert_ok(nb_version_name_parse("night@v3", &name, err));
    assert_false(nb_version_name_is_master(&name));
}

static void what_names_no_song_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "@v1",   "Night@v1",   "../../etc@v1",
                                        "a b@v1", "-a@v1", "n\033[1m@v1"};
    for (size_t i = 0; i < NB_COUNT(texts); i++) {
        nb_version_name name;
        assert_fails(NB_E_INVALID, "names no song", nb_version_name_parse(texts[i], &name, err));
    }
    char longest[70];
    memset(longest, 'a', sizeof longest);
    longest[65] = '\0';
    nb_version_name name;
    assert_fails(NB_E_INVALID, "names no song", nb_version_name_parse(longest, &name, err));
    longest[64] = '\0';
    assert_ok(nb_version_name_parse(longest, &name, err));
}

static void what_names_no_version_is_refused_with_the_way_to_write_it(void **state)
{
    (void)state;
    static const char *const texts[] = {"night@",      "night@v",   "night@v0",         "night@v01",
                                        "night@V1",    "night@v1x", "night@m0",         "night@m",
                                        "night@v1@v2", "night@v-1", "night@v1234567890"};
    for (size_t i = 0; i < NB_COUNT(texts); i++) {
        nb_version_name name;
        assert_fails(NB_E_INVALID, "night@v", nb_version_name_parse(texts[i], &name, err));
    }
    nb_version_name name;
    assert_fails(NB_E_INVALID, "write night@v7", nb_version_name_parse("night@7", &name, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_song_and_a_number_name_a_version),
        cmocka_unit_test(a_song_alone_is_its_latest),
        cmocka_unit_test(a_master_is_named_like_a_mix),
        cmocka_unit_test(what_names_no_song_is_refused),
        cmocka_unit_test(what_names_no_version_is_refused_with_the_way_to_write_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
