// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/fetched_name.h"
#include "tests/test.h"

static void each_output_has_its_name_here(void **state)
{
    (void)state;
    static const struct {
        const char *output;
        nb_fetched_kind kind;
        const char *name;
    } cases[] = {
        {"mix.wav", NB_FETCHED_AUDIO, "night-v3.wav"},
        {"mix.flac", NB_FETCHED_AUDIO, "night-v3.flac"},
        {"report.json", NB_FETCHED_REPORT, "night-v3.report.json"},
        {"alternate/tv.wav", NB_FETCHED_ALTERNATE, "night-v3-tv.wav"},
        {"alternate/tv.report.json", NB_FETCHED_ALTERNATE, "night-v3-tv.report.json"},
        {"stem/drums.wav", NB_FETCHED_STEM, "night-v3-stems/drums.wav"},
        {"master.wav", NB_FETCHED_AUDIO, "night-v3.wav"},
        {"master-Night 16-44.flac", NB_FETCHED_OTHER, "night-v3-Night 16-44.flac"},
    };
    nb_version_name version;
    assert_ok(nb_version_name_parse("night@v3", &version, err));
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        char *name = nb_fetched_name(&version, cases[i].output);
        assert_int_equal(nb_fetched_kind_of(cases[i].output), cases[i].kind);
        assert_non_null(name);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static void what_no_farm_of_ours_names_is_no_path_here(void **state)
{
    (void)state;
    static const char *const outputs[] = {
        "",
        "..",
        "../mix.wav",
        "/etc/passwd",
        "mix.wav/../../x",
        "mix.a.b",
        "master-",
        "master-../x.wav",
        "master-a/b.wav",
        "master-.git",
        "alternate/../x.wav",
        "alternate/.wav",
        "alternate/TV.wav",
        "alternate/tv.sh",
        "stem/a/b.wav",
        "stem/../../.bashrc",
        "other.wav",
        "mix.\033[2J",
        "master-\n.wav",
    };
    nb_version_name version;
    assert_ok(nb_version_name_parse("night@v3", &version, err));
    for (size_t i = 0; i < NB_COUNT(outputs); i++) {
        if (nb_fetched_kind_of(outputs[i]) != NB_FETCHED_UNSAFE ||
            nb_fetched_name(&version, outputs[i])) {
            fail_msg("'%s' has a name here", outputs[i]);
        }
    }
}

static void an_alternate_is_known_by_its_id(void **state)
{
    (void)state;
    size_t length = 0;
    const char *id = nb_fetched_alternate("alternate/tv.report.json", &length);
    assert_int_equal(length, 2);
    assert_memory_equal(id, "tv", 2);
    assert_null(nb_fetched_alternate("mix.wav", &length));
    assert_int_equal(length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_output_has_its_name_here),
        cmocka_unit_test(what_no_farm_of_ours_names_is_no_path_here),
        cmocka_unit_test(an_alternate_is_known_by_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
