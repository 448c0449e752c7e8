// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "review/decisions.h"
#include "test.h"

#define A   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C   "cccccccccccccccccccccccccccccccc"
#define D   "dddddddddddddddddddddddddddddddd"
#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

static void add(nb_decisions *self, nb_event_kind kind, const char *id, const char *replaces,
                const char *person, const char *text)
{
    nb_event event = {.kind = kind, .time_ms = 1000};
    char name[32];
    char said[64];
    char before[NB_EVENT_ID_SIZE];
    char sha256[] = ONE;
    char rendering[] = "r1";
    snprintf(event.id, sizeof event.id, "%s", id);
    snprintf(name, sizeof name, "%s", person);
    snprintf(said, sizeof said, "%s", text ? text : "");
    snprintf(before, sizeof before, "%s", replaces ? replaces : "");
    event.person = name;
    event.text = text ? said : NULL;
    event.replaces = replaces ? before : NULL;
    event.sha256 = sha256;
    event.rendering = rendering;
    assert_ok(nb_decisions_add(self, &event, err));
}

static void add_rendering(nb_decisions *self, const char *output, const char *sha256, double lufs)
{
    char hex[NB_DIGEST_HEX_SIZE];
    char name[32];
    char report[] = "report.json";
    char rendering[] = "r1";
    snprintf(hex, sizeof hex, "%s", sha256);
    snprintf(name, sizeof name, "%s", output);
    nb_event_output outputs[] = {{report, hex, 1}, {name, hex, 1}};
    const nb_event event = {.kind = NB_EVENT_RENDERED,
                            .rendering = rendering,
                            .output_count = 2,
                            .outputs = outputs,
                            .integrated_lufs = lufs};
    assert_ok(nb_decisions_add(self, &event, err));
}

static void a_version_stands_open_until_somebody_decides(void **state)
{
    (void)state;
    NB_SCOPED(nb_decisions_fini) nb_decisions it = {0};
    add_rendering(&it, "mix.wav", ONE, -14.0);
    add(&it, NB_EVENT_NOTE, A, NULL, "Ann", "vocal up");
    assert_int_equal(it.standing, NB_STANDING_OPEN);
    assert_string_equal(it.id, "");
    assert_null(it.person);
}

static void the_newest_decision_stands_with_its_person_and_words(void **state)
{
    (void)state;
    NB_SCOPED(nb_decisions_fini) nb_decisions it = {0};
    add(&it, NB_EVENT_REQUEST_CHANGES, A, NULL, "Ann", "the bass is late");
    assert_int_equal(it.standing, NB_STANDING_CHANGES_REQUESTED);
    assert_string_equal(it.text, "the bass is late");
    add(&it, NB_EVENT_APPROVE, B, A, "Bo", NULL);
    assert_int_equal(it.standing, NB_STANDING_APPROVED);
    assert_string_equal(it.person, "Bo");
    assert_string_equal(it.id, B);
    assert_string_equal(it.sha256, ONE);
    assert_null(it.text);
    assert_int_equal(it.time_ms, 1000);
}

static void a_withdrawn_decision_leaves_the_version_open_and_its_mark(void **state)
{
    (void)state;
    NB_SCOPED(nb_decisions_fini) nb_decisions it = {0};
    add(&it, NB_EVENT_APPROVE, A, NULL, "Ann", NULL);
    add(&it, NB_EVENT_WITHDRAW, B, A, "Ann", "too early");
    assert_int_equal(it.standing, NB_STANDING_OPEN);
    assert_string_equal(it.id, B);
    assert_string_equal(it.text, "too early");
    add(&it, NB_EVENT_APPROVE, C, B, "Bo", NULL);
    assert_int_equal(it.standing, NB_STANDING_APPROVED);
}

static void of_two_that_replace_the_same_the_first_counts(void **state)
{
    (void)state;
    NB_SCOPED(nb_decisions_fini) nb_decisions it = {0};
    add(&it, NB_EVENT_APPROVE, A, NULL, "Ann", NULL);
    add(&it, NB_EVENT_REQUEST_CHANGES, B, NULL, "Bo", "no");
    assert_int_equal(it.standing, NB_STANDING_APPROVED);
    assert_string_equal(it.person, "Ann");
    assert_int_equal(it.overtaken, 1);
    add(&it, NB_EVENT_WITHDRAW, C, B, "Bo", NULL);
    add(&it, NB_EVENT_WITHDRAW, D, "0123456789abcdef0123456789abcdef", "Bo", NULL);
    assert_int_equal(it.standing, NB_STANDING_APPROVED);
    assert_int_equal(it.overtaken, 3);
}

static void what_is_rendered_again_is_not_what_was_heard(void **state)
{
    (void)state;
    NB_SCOPED(nb_decisions_fini) nb_decisions it = {0};
    add_rendering(&it, "mix.wav", ONE, -14.0);
    add_rendering(&it, "mix.wav", TWO, -13.0);
    assert_string_equal(it.audio_sha256, ONE);
    assert_string_equal(it.rendering, "r1");
    assert_true(it.integrated_lufs == -14.0);
}

static void a_masters_audio_is_found_under_any_name_but_a_reports(void **state)
{
    (void)state;
    static const char *const names[] = {"mix.wav", "master.wav", "night-24.flac"};
    for (size_t i = 0; i < NB_COUNT(names); i++) {
        NB_SCOPED(nb_decisions_fini) nb_decisions it = {0};
        add_rendering(&it, names[i], TWO, -9.0);
        assert_true(it.rendered);
    }
    NB_SCOPED(nb_decisions_fini) nb_decisions none = {0};
    add_rendering(&none, "other.json", TWO, -9.0);
    assert_false(none.rendered);
    char other[] = "master-night 16.wav"; // outputs are listed by name: this comes first
    char master[] = "master.flac";
    char hex[] = ONE;
    nb_event_output outputs[] = {{other, hex, 1}, {master, hex, 1}};
    const nb_event event = {.output_count = 2, .outputs = outputs};
    assert_string_equal(nb_decisions_audio(&event)->name, "master.flac");
}

static void standings_have_names_both_ways(void **state)
{
    (void)state;
    for (nb_standing s = NB_STANDING_OPEN; s <= NB_STANDING_APPROVED; s++) {
        nb_standing back = NB_STANDING_OPEN;
        assert_true(nb_standing_from_name(nb_standing_name(s), &back));
        assert_int_equal(back, s);
    }
    nb_standing none = NB_STANDING_OPEN;
    assert_false(nb_standing_from_name("Approved", &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_stands_open_until_somebody_decides),
        cmocka_unit_test(the_newest_decision_stands_with_its_person_and_words),
        cmocka_unit_test(a_withdrawn_decision_leaves_the_version_open_and_its_mark),
        cmocka_unit_test(of_two_that_replace_the_same_the_first_counts),
        cmocka_unit_test(what_is_rendered_again_is_not_what_was_heard),
        cmocka_unit_test(a_masters_audio_is_found_under_any_name_but_a_reports),
        cmocka_unit_test(standings_have_names_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
