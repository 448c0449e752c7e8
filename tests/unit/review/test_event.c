// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "review/event.h"
#include "test.h"

#include <math.h>

#define ID  "0123456789abcdef0123456789abcdef"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define NOTE                                                                                       \
    "{\"kind\":\"note\",\"id\":\"" ID "\",\"song\":\"night\",\"version\":\"v3\","                  \
    "\"person\":\"Ann\",\"time_ms\":1700000000000,\"rate_hz\":48000,\"at_frame\":4416000,"         \
    "\"end_frame\":4416000,\"text\":\"vocal up a touch\"}"
#define RENDERED                                                                                   \
    "{\"kind\":\"rendered\",\"id\":\"" ID "\",\"song\":\"night\",\"version\":\"m12\","             \
    "\"person\":\"renderer-1\",\"time_ms\":1700000000000,\"rate_hz\":0,\"rendering\":\"r1\","      \
    "\"fingerprint\":\"core 1\",\"outputs\":[{\"name\":\"mix.wav\",\"sha256\":\"" SHA              \
    "\",\"size\":123}],\"integrated_lufs\":null,\"true_peak_dbtp\":-1.5,\"duration_s\":12.25}"
#define CHANGES                                                                                    \
    "{\"kind\":\"request-changes\",\"id\":\"" ID "\",\"song\":\"night\",\"version\":\"v3\","       \
    "\"person\":\"Ann\",\"time_ms\":1700000000000,\"rate_hz\":0,\"rendering\":\"r1\","             \
    "\"sha256\":\"" SHA "\",\"replaces\":\"" ID "\",\"text\":\"the bass is late\"}"

#define ABOUT(kind, keys)                                                                          \
    "{\"kind\":\"" kind "\",\"id\":\"" ID "\",\"song\":\"night\",\"version\":\"v4\","              \
    "\"person\":\"Ann\",\"time_ms\":1700000000000,\"rate_hz\":48000," keys "}"
#define WHOLE_NOTE                                                                                 \
    ABOUT("note", "\"at_frame\":1,\"end_frame\":2,\"number\":12,\"track\":\"vox\","                \
                  "\"heard\":\"" SHA "\",\"start_frame\":480,\"text\":\"up\"")
#define FOLLOW ABOUT("follow", "\"at_frame\":1,\"end_frame\":2,\"note\":12,\"unsure\":true")
#define EDIT   ABOUT("edit", "\"note\":12,\"reply\":2,\"text\":\"down\"")
#define ERASED ABOUT("note", "\"at_frame\":1,\"end_frame\":2,\"number\":12,\"erased\":true")

static nb_status parse(const char *line, nb_error *err)
{
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    return nb_event_parse(line, strlen(line), &event, err);
}

/// `line` with its first `from` replaced by `to`.
static char *changed(const char *line, const char *from, const char *to)
{
    const char *at = strstr(line, from);
    assert_non_null(at);
    return nb_text_format("%.*s%s%s", (int)(at - line), line, to, at + strlen(from));
}

static void a_note_goes_there_and_back(void **state)
{
    (void)state;
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    assert_ok(nb_event_parse(NOTE, strlen(NOTE), &event, err));
    assert_int_equal(event.kind, NB_EVENT_NOTE);
    assert_string_equal(event.id, ID);
    assert_string_equal(event.song, "night");
    assert_string_equal(event.version, "v3");
    assert_string_equal(event.person, "Ann");
    assert_string_equal(event.text, "vocal up a touch");
    assert_int_equal(event.at_frame, 4416000);
    assert_int_equal(event.rate_hz, 48000);
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    assert_string_equal(line, NOTE);
}

static void a_rendering_goes_there_and_back(void **state)
{
    (void)state;
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    assert_ok(nb_event_parse(RENDERED, strlen(RENDERED), &event, err));
    assert_int_equal(event.kind, NB_EVENT_RENDERED);
    assert_int_equal(event.output_count, 1);
    assert_string_equal(event.outputs[0].name, "mix.wav");
    assert_string_equal(event.outputs[0].sha256, SHA);
    assert_int_equal(event.outputs[0].size, 123);
    assert_true(isinf(event.integrated_lufs) && event.integrated_lufs < 0.0);
    assert_true(event.true_peak_dbtp == -1.5 && event.duration_s == 12.25);
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    assert_string_equal(line, RENDERED);
}

static void a_decision_goes_there_and_back(void **state)
{
    (void)state;
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    assert_ok(nb_event_parse(CHANGES, strlen(CHANGES), &event, err));
    assert_int_equal(event.kind, NB_EVENT_REQUEST_CHANGES);
    assert_string_equal(event.sha256, SHA);
    assert_string_equal(event.rendering, "r1");
    assert_string_equal(event.replaces, ID);
    assert_string_equal(event.text, "the bass is late");
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    assert_string_equal(line, CHANGES);
}

/// Approvals may be the first and say nothing.
static void an_approval_needs_no_words(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *approve = changed(CHANGES, "request-changes", "approve");
    NB_SCOPED(nb_text_free) char *silent = changed(approve, "\"the bass is late\"", "null");
    NB_SCOPED(nb_text_free) char *first = changed(silent, "\"" ID "\",\"text", "null,\"text");
    NB_SCOPED(nb_event_fini) nb_event event = {0};
    assert_ok(nb_event_parse(first, strlen(first), &event, err));
    assert_null(event.text);
    assert_null(event.replaces);
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    assert_string_equal(line, first);
    NB_SCOPED(nb_text_free) char *nothing = changed(first, "approve", "withdraw");
    assert_fails(NB_E_INVALID, "something to withdraw", parse(nothing, err));
    NB_SCOPED(nb_text_free) char *why = changed(CHANGES, "\"the bass is late\"", "null");
    assert_fails(NB_E_INVALID, "text: missing", parse(why, err));
}

static void what_becomes_of_notes_goes_there_and_back(void **state)
{
    (void)state;
    static const char *const lines[] = {
        WHOLE_NOTE,
        ERASED,
        EDIT,
        FOLLOW,
        ABOUT("reply", "\"note\":12,\"text\":\"why?\""),
        ABOUT("reply", "\"note\":12,\"erased\":true"),
        ABOUT("resolve", "\"note\":12"),
        ABOUT("reopen", "\"note\":12"),
        ABOUT("delete", "\"note\":12,\"reply\":1"),
        ABOUT("erase", "\"note\":12"),
    };
    for (size_t i = 0; i < NB_COUNT(lines); i++) {
        NB_SCOPED(nb_event_fini) nb_event event = {0};
        assert_ok(nb_event_parse(lines[i], strlen(lines[i]), &event, err));
        assert_int_equal(event.note, 12);
        NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
        assert_string_equal(line, lines[i]);
    }
}

static void texts_of_many_lines_stay_on_one(void **state)
{
    (void)state;
    nb_event event = {
        .kind = NB_EVENT_NOTE,
        .id = ID,
        .song = (char[]){"night"},
        .version = (char[]){"v1"},
        .person = (char[]){"J\u00fcrgen"},
        .rate_hz = 44100,
        .text = (char[]){"one\n\ttwo \"\\ \U0001f3b8"},
    };
    assert_ok(nb_event_check(&event, err));
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    assert_null(strchr(line, '\n'));
    NB_SCOPED(nb_event_fini) nb_event back = {0};
    assert_ok(nb_event_parse(line, strlen(line), &back, err));
    assert_string_equal(back.text, event.text);
    assert_string_equal(back.person, event.person);
}

static void what_breaks_a_rule_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *line, *from, *to, *words;
    } faults[] = {
        {NOTE, ID, "0123", "id"},
        {NOTE, ID, "0123456789ABCDEF0123456789abcdef", "id"},
        {NOTE, "\"night\"", "\"../x\"", "song"},
        {NOTE, "\"v3\"", "\"v03\"", "version"},
        {NOTE, "\"v3\"", "\"v\"", "version"},
        {NOTE, "\"v3\"", "\"x3\"", "version"},
        {NOTE, "\"v3\"", "\"v3 \"", "version"},
        {NOTE, "\"v3\"", "\"v99999999999999999999\"", "version"},
        {NOTE, "Ann", "", "person"},
        {NOTE, "Ann", "A\\u001b[2J", "person"},
        {NOTE, "1700000000000", "-1", "time_ms"},
        {NOTE, "1700000000000", "1.5", "time_ms"},
        {NOTE, "1700000000000", "1000000000000000000", "time_ms"},
        {NOTE, "48000", "0", "rate_hz"},
        {NOTE, "48000", "7999", "rate_hz"},
        {NOTE, "48000", "4294967297", "rate_hz"},
        {NOTE, "\"at_frame\":4416000", "\"at_frame\":-1", "at_frame"},
        {NOTE, "\"at_frame\":4416000", "\"at_frame\":4416001", "at_frame"},
        {NOTE, "\"end_frame\":4416000", "\"end_frame\":99999999999999", "at_frame"},
        {NOTE, "vocal up a touch", "", "text"},
        {NOTE, "vocal up", "vocal\\u0007up", "text: byte 6"},
        {NOTE, "vocal up", "vocal\\u202eup", "text: byte 6"},
        {NOTE, "vocal up", "vocal\\u0000up", "event"},
        {NOTE, "vocal up", "vocal\xffup", "event"},
        {NOTE, "\"kind\":\"note\"", "\"kind\":1", "kind"},
        {NOTE, "\"kind\":\"note\"", "\"kind\":\"note\",\"kind\":\"note\"", "event"},
        {WHOLE_NOTE, "\"number\":12", "\"number\":-1", "number"},
        {WHOLE_NOTE, "\"number\":12", "\"number\":1000000000", "number"},
        {WHOLE_NOTE, "\"vox\"", "\"Vox\"", "track"},
        {WHOLE_NOTE, SHA, "e3", "SHA-256"},
        {WHOLE_NOTE, "\"start_frame\":480", "\"start_frame\":-480", "start_frame"},
        {ERASED, "\"erased\":true", "\"erased\":false", "text"},
        {ERASED, "\"erased\":true", "\"erased\":1", "erased"},
        {ERASED, "\"erased\":true", "\"erased\":true,\"text\":\"x\"", "text"},
        {EDIT, "\"note\":12", "\"note\":0", "note"},
        {EDIT, "\"note\":12,", "", "note"},
        {EDIT, "\"reply\":2", "\"reply\":2001", "reply"},
        {EDIT, "\"down\"", "\"\"", "text"},
        {FOLLOW, "\"at_frame\":1", "\"at_frame\":3", "at_frame"},
        {FOLLOW, "\"unsure\":true", "\"unsure\":\"yes\"", "unsure"},
        {RENDERED, "\"r1\"", "\"r0\"", "rendering"},
        {CHANGES, "\"r1\"", "\"v1\"", "rendering"},
        {CHANGES, SHA, "abc", "sha256"},
        {CHANGES, "\"replaces\":\"" ID, "\"replaces\":\"X", "replaces"},
        {CHANGES, "is late", "is\\u001blate", "text: byte 12"},
        {RENDERED, "core 1", "", "fingerprint"},
        {RENDERED, SHA, "abc", "SHA-256"},
        {RENDERED, "\"mix.wav\"", "\"../mix.wav\"", "path"},
        {RENDERED, "\"size\":123", "\"size\":-123", "outputs"},
        {RENDERED, "12.25", "-12.25", "duration_s"},
        {RENDERED, "12.25", "null", "duration_s"},
        {RENDERED, "-1.5", "\"loud\"", "true_peak_dbtp"},
    };
    for (size_t i = 0; i < NB_COUNT(faults); i++) {
        NB_SCOPED(nb_text_free)
        char *line = changed(faults[i].line, faults[i].from, faults[i].to);
        nb_error err = {0};
        const nb_status status = parse(line, &err);
        if (status != NB_E_INVALID || !strstr(err.text, faults[i].words)) {
            fail_msg("%s: gave %s '%s'", line, nb_status_name(status), err.text);
        }
    }
}

static void every_missing_key_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {NOTE, RENDERED, CHANGES};
    for (size_t i = 0; i < NB_COUNT(lines); i++) {
        NB_SCOPED(nb_json_free) json_t *whole = NULL;
        assert_ok(nb_json_parse("test", lines[i], strlen(lines[i]), &whole, err));
        const char *key;
        json_t *value;
        json_object_foreach(whole, key, value)
        {
            NB_SCOPED(nb_json_free) json_t *part = json_copy(whole);
            json_object_del(part, key);
            NB_SCOPED(nb_text_free) char *line = nb_json_line(part);
            assert_fails(NB_E_INVALID, key, parse(line, err));
        }
    }
}

static void a_line_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < strlen(RENDERED); size++) {
        nb_event event;
        assert_fails(NB_E_INVALID, "event", nb_event_parse(RENDERED, size, &event, err));
        assert_null(event.song);
    }
}

static void a_newer_kind_is_told_apart_from_damage(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *line = changed(NOTE, "\"note\"", "\"approval\"");
    assert_fails(NB_E_VERSION, "newer", parse(line, err));
    assert_fails(NB_E_INVALID, "kind", parse("[1]", err));
    assert_fails(NB_E_INVALID, "kind", parse("{}", err));
}

static void texts_and_lists_have_limits(void **state)
{
    (void)state;
    static char text[NB_NOTE_TEXT_MAX + 2];
    memset(text, 'x', NB_NOTE_TEXT_MAX);
    NB_SCOPED(nb_text_free) char *most = changed(NOTE, "vocal up a touch", text);
    assert_ok(parse(most, err));
    text[NB_NOTE_TEXT_MAX] = 'x';
    NB_SCOPED(nb_text_free) char *over = changed(NOTE, "vocal up a touch", text);
    assert_fails(NB_E_INVALID, "text: 8193 bytes", parse(over, err));
    NB_SCOPED(nb_text_fini) nb_text outputs = {0};
    for (int i = 0; i <= NB_EVENT_OUTPUTS_MAX; i++) {
        nb_text_add(&outputs, "{\"name\":\"a\",\"sha256\":\"" SHA "\",\"size\":1},");
    }
    nb_text_add(&outputs, "{\"name\":");
    NB_SCOPED(nb_text_free) char *many = changed(RENDERED, "{\"name\":", outputs.chars);
    assert_fails(NB_E_LIMIT, "at most 1000", parse(many, err));
    char *huge = calloc(1, NB_EVENT_LINE_MAX + 1);
    nb_event event;
    assert_fails(NB_E_LIMIT, "bytes", nb_event_parse(huge, NB_EVENT_LINE_MAX + 1, &event, err));
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_goes_there_and_back),
        cmocka_unit_test(a_rendering_goes_there_and_back),
        cmocka_unit_test(a_decision_goes_there_and_back),
        cmocka_unit_test(an_approval_needs_no_words),
        cmocka_unit_test(what_becomes_of_notes_goes_there_and_back),
        cmocka_unit_test(texts_of_many_lines_stay_on_one),
        cmocka_unit_test(what_breaks_a_rule_is_refused_by_name),
        cmocka_unit_test(every_missing_key_is_refused),
        cmocka_unit_test(a_line_cut_anywhere_is_refused),
        cmocka_unit_test(a_newer_kind_is_told_apart_from_damage),
        cmocka_unit_test(texts_and_lists_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
