// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/desk.h"
#include "test.h"

static void a_song_waits_for_whoever_is_next(void **state)
{
    (void)state;
    const nb_standing open = NB_STANDING_OPEN;
    const nb_standing changes = NB_STANDING_CHANGES_REQUESTED;
    const nb_standing approved = NB_STANDING_APPROVED;
    const struct {
        nb_desk_version mix, master;
        nb_desk_who who;
        const char *what;
    } cases[] = {
        {{.name = NULL}, {.name = NULL}, NB_DESK_ENGINEER, "a first mix"},
        {{.name = "v1"}, {.name = NULL}, NB_DESK_FARM, "rendering v1"},
        {{.name = "v1", .failed = true},
         {.name = NULL},
         NB_DESK_ENGINEER,
         "v1 could not be rendered"},
        {{"v2", true, false, open, 0, NULL}, {.name = NULL}, NB_DESK_ARTIST, "a decision on v2"},
        {{"v2", true, false, open, 1, NULL}, {.name = NULL}, NB_DESK_ENGINEER, "1 open note on v2"},
        {{"v2", true, false, changes, 3, NULL}, {.name = NULL}, NB_DESK_ENGINEER, "changes to v2"},
        {{"v4", true, false, approved, 2, NULL},
         {.name = NULL},
         NB_DESK_MASTERING,
         "a master of v4"},
        {{"v4", true, false, approved, 0, NULL},
         {"m1", true, false, open, 0, "v4"},
         NB_DESK_ARTIST,
         "a decision on m1"},
        {{"v4", true, false, approved, 0, NULL},
         {"m1", true, false, changes, 0, "v4"},
         NB_DESK_MASTERING,
         "changes to m1"},
        {{"v4", true, false, approved, 0, NULL},
         {"m1", true, false, approved, 0, "v4"},
         NB_DESK_NOBODY,
         "done: m1 is approved"},
        {{"v5", true, false, open, 0, NULL},
         {"m1", true, false, approved, 0, "v4"},
         NB_DESK_ARTIST,
         "a decision on v5"},
        {{"v5", true, false, approved, 0, NULL},
         {"m1", true, false, approved, 0, "v4"},
         NB_DESK_MASTERING,
         "a master of v5; m1 is of v4"},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        const nb_desk_song song = {.mix = cases[i].mix.name ? &cases[i].mix : NULL,
                                   .master = cases[i].master.name ? &cases[i].master : NULL};
        const nb_desk_wait wait = nb_desk_waits(&song);
        assert_string_equal(wait.what, cases[i].what);
        assert_string_equal(nb_desk_who_name(wait.who), nb_desk_who_name(cases[i].who));
    }
}

static void a_name_of_any_length_is_cut_and_ends(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const nb_desk_version mix = {.name = name};
    const nb_desk_wait wait = nb_desk_waits(&(nb_desk_song){.mix = &mix});
    assert_int_equal(strlen(wait.what), NB_DESK_WHAT_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_song_waits_for_whoever_is_next),
        cmocka_unit_test(a_name_of_any_length_is_cut_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
