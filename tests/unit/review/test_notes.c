// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "review/note_follow.h"
#include "review/note_time.h"
#include "review/notes.h"
#include "test.h"

// ---- A log ----

/// Lines of a review, each with the next id and time.
typedef struct script {
    nb_text text;
    unsigned count;
} script;

static void script_fini(script *self) { nb_text_fini(&self->text); }

static void add(script *self, const char *kind, const char *version, const char *person,
                const char *keys)
{
    self->count++;
    nb_text_addf(&self->text,
                 "{\"kind\":\"%s\",\"id\":\"%032x\",\"song\":\"night\",\"version\":\"%s\","
                 "\"person\":\"%s\",\"time_ms\":%u,\"rate_hz\":48000,%s}\n",
                 kind, self->count, version, person, 1000 + self->count, keys);
}

static void add_note(script *self, const char *version, const char *person, unsigned number)
{
    NB_SCOPED(nb_text_free)
    char *keys = nb_text_format("\"at_frame\":48000,\"end_frame\":96000,\"number\":%u,"
                                "\"text\":\"vocal up\"",
                                number);
    add(self, "note", version, person, keys);
}

static void fold(const script *self, nb_note_log *out)
{
    *out = (nb_note_log){0};
    assert_ok(nb_note_log_add_lines(out, "night", self->text.chars, err));
    assert_ok(nb_note_log_fold(out, err));
}

// ---- Folding ----

static void a_note_is_answered_resolved_and_opened_again(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add_note(&said, "v3", "Ann", 12);
    add(&said, "reply", "v3", "Bo", "\"note\":12,\"text\":\"how much?\"");
    add(&said, "resolve", "v4", "Bo", "\"note\":12");
    fold(&said, &log);
    const nb_note *note = nb_note_log_find(&log, 12);
    assert_non_null(note);
    assert_int_equal(note->state, NB_NOTE_RESOLVED);
    assert_string_equal(note->change->version, "v4");
    assert_string_equal(note->words.text, "vocal up");
    assert_int_equal(note->reply_count, 1);
    assert_string_equal(note->replies[0].text, "how much?");
    assert_int_equal(log.next_number, 13);
    nb_note_log_fini(&log);
    add(&said, "reopen", "v5", "Ann", "\"note\":12");
    fold(&said, &log);
    note = nb_note_log_find(&log, 12);
    assert_int_equal(note->state, NB_NOTE_OPEN);
    assert_int_equal(note->event_count, 4);
    assert_int_equal(log.strays, 0);
}

static void only_the_author_changes_words(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add_note(&said, "v3", "Ann", 1);
    add(&said, "edit", "v3", "Bo", "\"note\":1,\"text\":\"down\"");
    add(&said, "delete", "v3", "Bo", "\"note\":1");
    add(&said, "edit", "v3", "Ann", "\"note\":1,\"text\":\"vocal up 1 dB\"");
    add(&said, "reply", "v3", "Bo", "\"note\":1,\"text\":\"done\"");
    add(&said, "edit", "v3", "Ann", "\"note\":1,\"reply\":1,\"text\":\"not done\"");
    add(&said, "delete", "v3", "Bo", "\"note\":1,\"reply\":1");
    fold(&said, &log);
    const nb_note *note = nb_note_log_find(&log, 1);
    assert_string_equal(note->words.text, "vocal up 1 dB");
    assert_int_equal(note->words.edit_count, 1);
    assert_int_equal(note->state, NB_NOTE_OPEN);
    assert_int_equal(note->replies[0].state, NB_NOTE_DELETED);
    assert_null(note->replies[0].text);
    assert_int_equal(log.strays, 3);
}

static void numbers_are_never_used_again(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add(&said, "note", "v1", "Ann", "\"at_frame\":1,\"end_frame\":1,\"text\":\"old\"");
    add(&said, "note", "v2", "Ann", "\"at_frame\":1,\"end_frame\":1,\"text\":\"older\"");
    add_note(&said, "v2", "Ann", 3);
    add_note(&said, "v2", "Bo", 3);
    add(&said, "delete", "v2", "Ann", "\"note\":3");
    fold(&said, &log);
    assert_int_equal(log.note_count, 3);
    assert_string_equal(log.notes[0].words.text, "old");
    assert_int_equal(log.notes[1].number, 2);
    assert_int_equal(log.notes[2].state, NB_NOTE_DELETED);
    assert_int_equal(log.next_number, 4);
    assert_int_equal(log.strays, 1);
    const nb_note *note = NULL;
    assert_non_null(nb_note_log_event(&log, "00000000000000000000000000000002", &note));
    assert_int_equal(note->number, 2);
    assert_null(nb_note_log_event(&log, "000000000000000000000000000000ff", &note));
}

static void what_has_no_power_changes_nothing(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add(&said, "resolve", "v1", "Bo", "\"note\":1");
    add_note(&said, "v1", "Ann", 1);
    add(&said, "reopen", "v1", "Bo", "\"note\":1");
    add(&said, "edit", "v1", "Ann", "\"note\":1,\"reply\":1,\"text\":\"no such reply\"");
    add(&said, "reply", "v1", "Ann", "\"note\":2,\"text\":\"no such note\"");
    nb_text_add(&said.text, "damage\n{\"kind\":\"vote\"}\n\n");
    fold(&said, &log);
    assert_int_equal(log.notes[0].state, NB_NOTE_OPEN);
    assert_int_equal(log.notes[0].reply_count, 0);
    assert_int_equal(log.strays, 4);
}

static void the_order_of_times_counts_over_versions(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(script_fini) script later = {.count = 1};
    NB_SCOPED(script_fini) script last = {.count = 2};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add_note(&said, "v1", "Ann", 1);
    add(&later, "resolve", "v2", "Bo", "\"note\":1");
    add(&last, "reopen", "v1", "Ann", "\"note\":1");
    nb_text_add(&said.text, last.text.chars);
    nb_text_add(&said.text, later.text.chars);
    fold(&said, &log);
    assert_int_equal(log.notes[0].state, NB_NOTE_OPEN);
    assert_int_equal(log.strays, 0);
}

static void erased_words_are_gone_and_the_marks_stay(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add_note(&said, "v3", "Ann", 1);
    add(&said, "edit", "v3", "Ann", "\"note\":1,\"text\":\"secret\"");
    add(&said, "reply", "v3", "Bo", "\"note\":1,\"text\":\"hush\"");
    add(&said, "resolve", "v3", "Bo", "\"note\":1");
    add(&said, "erase", "v3", "Cy", "\"note\":1");
    static const char *const ids[] = {"00000000000000000000000000000001",
                                      "00000000000000000000000000000002"};
    NB_SCOPED(nb_text_free) char *erased = nb_note_erase_words(said.text.chars, ids, 2);
    assert_null(strstr(erased, "vocal"));
    assert_null(strstr(erased, "secret"));
    assert_non_null(strstr(erased, "hush"));
    assert_ok(nb_note_log_add_lines(&log, "night", erased, err));
    assert_ok(nb_note_log_fold(&log, err));
    assert_int_equal(log.notes[0].state, NB_NOTE_ERASED);
    assert_null(log.notes[0].words.text);
    assert_string_equal(log.notes[0].words.said->person, "Ann");
    assert_string_equal(log.notes[0].replies[0].text, "hush");
    assert_int_equal(log.notes[0].event_count, 5);
    assert_int_equal(log.strays, 0);
}

static void words_cut_out_by_hand_count_as_erased(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add(&said, "note", "v1", "Ann", "\"at_frame\":1,\"end_frame\":1,\"erased\":true");
    add(&said, "reply", "v1", "Ann", "\"note\":1,\"erased\":true");
    fold(&said, &log);
    assert_int_equal(log.notes[0].state, NB_NOTE_ERASED);
    assert_int_equal(log.notes[0].replies[0].state, NB_NOTE_ERASED);
}

static void open_notes_come_along_to_later_versions(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add_note(&said, "v2", "Ann", 1);
    add_note(&said, "v9", "Ann", 2);
    add_note(&said, "m1", "Ann", 3);
    add(&said, "follow", "v3", "Bo", "\"at_frame\":50000,\"end_frame\":98000,\"note\":1");
    add(&said, "resolve", "v10", "Bo", "\"note\":1");
    add(&said, "follow", "v9", "Bo",
        "\"at_frame\":50000,\"end_frame\":98000,\"note\":1,\"unsure\":true");
    fold(&said, &log);
    const nb_note *note = nb_note_log_find(&log, 1);
    assert_false(nb_note_is_in(note, "v1"));
    assert_true(nb_note_is_in(note, "v2"));
    assert_true(nb_note_is_in(note, "v9"));
    assert_true(nb_note_is_in(note, "v10"));
    assert_false(nb_note_is_in(note, "v11"));
    assert_false(nb_note_is_in(note, "m2"));
    assert_true(nb_note_is_in(nb_note_log_find(&log, 2), "v10"));
    assert_true(nb_note_is_in(nb_note_log_find(&log, 3), "m2"));
    assert_false(nb_note_is_in(nb_note_log_find(&log, 3), "v10"));
    assert_int_equal(nb_note_place_in(note, "v2").at_frame, 48000);
    assert_int_equal(nb_note_place_in(note, "v4").at_frame, 50000);
    assert_true(nb_note_place_in(note, "v4").moved);
    assert_false(nb_note_place_in(note, "v8").unsure);
}

static void a_note_opened_again_is_in_that_version(void **state)
{
    (void)state;
    NB_SCOPED(script_fini) script said = {0};
    NB_SCOPED(nb_note_log_fini) nb_note_log log = {0};
    add_note(&said, "v1", "Ann", 1);
    add(&said, "resolve", "v2", "Bo", "\"note\":1");
    add(&said, "reopen", "v4", "Ann", "\"note\":1");
    fold(&said, &log);
    assert_true(nb_note_is_in(&log.notes[0], "v2"));
    assert_false(nb_note_is_in(&log.notes[0], "v3"));
    assert_true(nb_note_is_in(&log.notes[0], "v4"));
    assert_true(nb_note_is_in(&log.notes[0], "v5"));
}

// ---- Messages ----

static void messages_name_the_notes_they_answer(void **state)
{
    (void)state;
    static const struct {
        const char *message, *found;
    } rows[] = {
        {"fixes #12", "#12 "},
        {"Vocal up. Fixes: #12, #13 and night#4; see #5", "#12 #13 night#4 "},
        {"fixed #1\nresolves #2 & #3, closed #9.", "#1 #2 #3 #9 "},
        {"fixes 12, prefixes #3, fixes#4, fixes #0, fixes #12a, #7", ""},
        {"fixes #1234567890 fix #1", "#1 "},
        {"fixes Night#3 unfixed #2 fix", ""},
        {"fix fix #2", "#2 "},
        {"", ""},
    };
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        nb_note_fix fixes[8];
        NB_SCOPED(nb_text_fini) nb_text text = {0};
        nb_text_add(&text, "");
        const size_t count = nb_note_fixes(rows[i].message, fixes, NB_COUNT(fixes));
        for (size_t j = 0; j < count; j++) {
            nb_text_addf(&text, "%s#%u ", fixes[j].song, fixes[j].number);
        }
        assert_string_equal(text.chars, rows[i].found);
    }
    nb_note_fix one[1];
    assert_int_equal(nb_note_fixes("fixes #1, #2, #3", one, 1), 1);
}

// ---- Following ----

static json_t *model_of(const char *values)
{
    json_t *model = NULL;
    NB_SCOPED(nb_text_free) char *text = nb_text_format("{\"value\":{%s}}", values);
    assert_ok(nb_json_parse("model", text, strlen(text), &model, err));
    return model;
}

#define VOX(at)                  "\"vox/clips/a/file\":\"a.wav\",\"vox/clips/a/at\":" #at
#define BASS(at)                 "\"bass/clips/b/file\":\"b.wav\",\"bass/clips/b/at\":" #at
#define END(strip, clip, length) ",\"" strip "/clips/" clip "/length\":" #length

static void a_time_moves_only_where_it_is_sure(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *track;
        int64_t by_ms;
        bool unsure;
    } rows[] = {
        {VOX(1) "," BASS(0), VOX(1) "," BASS(0), NULL, 0, false},
        {VOX(1) "," BASS(0), VOX(3) "," BASS(2), NULL, 2000, false},
        {VOX(1) "," BASS(0), VOX(1.02) "," BASS(0), NULL, 0, true},
        {VOX(1) "," BASS(0), VOX(1.02) "," BASS(0), "vox", 20, false},
        {VOX(1) "," BASS(0), VOX(1.02) "," BASS(0), "bass", 0, false},
        {VOX(1) "," BASS(0), BASS(0), "vox", 0, true},
        {VOX(1) "," BASS(0), BASS(0), NULL, 0, false},
        {VOX(1) "," BASS(0), BASS(2), NULL, 0, true},
        // What has ended before, or begins behind, does not count.
        {VOX(1) END("vox", "a", 2) "," BASS(0), VOX(2) END("vox", "a", 2) "," BASS(0), NULL, 0,
         false},
        {VOX(30) "," BASS(0), VOX(31) "," BASS(0), NULL, 0, false},
        // A head cut off moves nothing that is heard.
        {VOX(1), VOX(2) ",\"vox/clips/a/offset\":1", NULL, 0, false},
        {VOX(1) ",\"vox/mute\":true," BASS(0), VOX(2) "," BASS(0), NULL, 0, false},
        {VOX(10), VOX(0), NULL, -10000, false},
        {VOX(11), VOX(0), NULL, 0, true}, // would be before the song
        {"", VOX(0), NULL, 0, false},
        {BASS(0), VOX(0), "keys", 0, false},
    };
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        NB_SCOPED(nb_json_free) json_t *before = model_of(rows[i].before);
        NB_SCOPED(nb_json_free) json_t *after = model_of(rows[i].after);
        const nb_follow_place place = {10000000000, 12000000000, rows[i].track};
        const nb_follow_step step = nb_note_follow(before, after, &place);
        if (step.by_ns != rows[i].by_ms * 1000000 || step.unsure != rows[i].unsure) {
            fail_msg("row %zu: by %lld ns, unsure %d", i, (long long)step.by_ns, step.unsure);
        }
    }
}

// ---- Times ----

static const nb_document_tempo tempos[] = {
    {0, 120.0, 4, 4},           // 2 s a bar, and its fifth bar is cut off in the middle
    {9000000000, 60.0, 3, 4},   // bar 6
    {15000000000, 120.0, 6, 8}, // bar 8: 1.5 s a bar
};

static void times_are_read_as_people_say_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_ms, end_ms;
    } rows[] = {
        {"1:32", 92000, 92000},
        {"1:32.500", 92500, 92500},
        {"92.5", 92500, 92500},
        {"1:32-1:40", 92000, 100000},
        {"bar 1", 0, 0},
        {"bar 3", 4000, 4000},
        {"3|2", 4500, 4500},
        {"bar 3|2.5", 4750, 4750},
        {"bar 5", 8000, 8000},
        {"bar 6", 9000, 9000},
        {"7|3", 14000, 14000},
        {"bar 8", 15000, 15000},
        {"9|4", 17250, 17250},
        {"bars 3-5", 4000, 8000},
        {"bar 3 - 4|3", 4000, 7000},
        {"bar 3-0:05", 4000, 5000},
    };
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        nb_note_moment moments[2];
        int64_t at_ns = 0;
        int64_t end_ns = 0;
        assert_ok(nb_note_time_parse(rows[i].text, moments, err));
        assert_ok(nb_note_time_resolve(&moments[0], tempos, 3, &at_ns, err));
        assert_ok(nb_note_time_resolve(&moments[1], tempos, 3, &end_ns, err));
        if (at_ns != rows[i].at_ms * 1000000 || end_ns != rows[i].end_ms * 1000000) {
            fail_msg("%s: %lld to %lld", rows[i].text, (long long)at_ns, (long long)end_ns);
        }
    }
}

static void what_is_no_time_is_said(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",       "-1:00",       "1:75",  "1:40-1:32", "soon",
        "bar",    "bar 0",       "bar x", "3|0",       "3|",
        "|2",     "bar 5-4",     "1e3",   "bar 3|2x",  "1:00-1:01-1:02",
        "33|2|3", "1:32\x1b[2J",
    };
    for (size_t i = 0; i < NB_COUNT(wrong); i++) {
        nb_note_moment moments[2];
        nb_error err = {0};
        if (nb_note_time_parse(wrong[i], moments, &err) != NB_E_USAGE || strchr(err.text, '\x1b')) {
            fail_msg("'%s' was taken: %s", wrong[i], err.text);
        }
    }
    nb_note_moment moments[2];
    int64_t ns = 0;
    assert_ok(nb_note_time_parse("bar 33", moments, err));
    assert_fails(NB_E_INVALID, "no tempo map",
                 nb_note_time_resolve(&moments[0], NULL, 0, &ns, err));
    assert_ok(nb_note_time_parse("7|4", moments, err));
    assert_fails(NB_E_INVALID, "has 3 beats",
                 nb_note_time_resolve(&moments[0], tempos, 3, &ns, err));
    assert_ok(nb_note_time_parse("bar 1000000", moments, err));
    assert_fails(NB_E_INVALID, "24 hours", nb_note_time_resolve(&moments[0], tempos, 3, &ns, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_answered_resolved_and_opened_again),
        cmocka_unit_test(only_the_author_changes_words),
        cmocka_unit_test(numbers_are_never_used_again),
        cmocka_unit_test(what_has_no_power_changes_nothing),
        cmocka_unit_test(the_order_of_times_counts_over_versions),
        cmocka_unit_test(erased_words_are_gone_and_the_marks_stay),
        cmocka_unit_test(words_cut_out_by_hand_count_as_erased),
        cmocka_unit_test(open_notes_come_along_to_later_versions),
        cmocka_unit_test(a_note_opened_again_is_in_that_version),
        cmocka_unit_test(messages_name_the_notes_they_answer),
        cmocka_unit_test(a_time_moves_only_where_it_is_sure),
        cmocka_unit_test(times_are_read_as_people_say_them),
        cmocka_unit_test(what_is_no_time_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
