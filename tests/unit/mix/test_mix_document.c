// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "base/text.h"
#include "mix/document.h"
#include "tests/test.h"

#include <math.h>

#define HEAD "format: nightbus-mix/1\ntitle: T\n"

/// True if a problem stands on the line whose text has the words.
static bool has_problem(const nb_problems *problems, unsigned line, const char *words)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (problems->list[i].place.line == line && strstr(problems->list[i].text, words)) {
            return true;
        }
    }
    return false;
}

static void show(const nb_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        print_message("%u:%u: %s\n", problems->list[i].place.line, problems->list[i].place.column,
                      problems->list[i].text);
    }
}

/// The text must be refused with exactly one problem, at that place, that has the words.
static void assert_refused(const char *text, unsigned line, unsigned column, const char *words)
{
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    nb_document *document = NULL;
    nb_error error = {0};
    const nb_status status =
        nb_document_parse("mix.yaml", text, strlen(text), &problems, &document, &error);
    const bool good = status == NB_E_INVALID && !document && problems.total == 1 &&
                      problems.list[0].place.line == line &&
                      problems.list[0].place.column == column &&
                      strstr(problems.list[0].text, words);
    if (!good) {
        show(&problems);
        fail_msg("expected one problem, %u:%u: %s; in\n%s", line, column, words, text);
    }
}

static nb_document *parsed(const char *text)
{
    nb_document *document = NULL;
    assert_ok(nb_document_parse("mix.yaml", text, strlen(text), NULL, &document, err));
    return document;
}

static void twenty_mistakes_are_twenty_problems_on_their_lines(void **state)
{
    (void)state;
    static const char text[] = "format: nightbus-mix/1\n"                       // 1
                               "title: Wrong\n"                                 // 2
                               "rate_hz: 48k\n"                                 // 3: 1
                               "tail_max_s: 1e999\n"                            // 4: 2
                               "tempo: [{at: 1, bpm: 96}]\n"                    // 5: 3
                               "trakcs: []\n"                                   // 6: 4
                               "tracks:\n"                                      // 7
                               "  - id: vox\n"                                  // 8
                               "    fader_db: 30\n"                             // 9: 5
                               "    pan_percent: .nan\n"                        // 10: 6
                               "    mute: yes\n"                                // 11: 7
                               "    polarity: inverse\n"                        // 12: 8
                               "    output: plaet\n"                            // 13: 9
                               "    clips:\n"                                   // 14
                               "      - {file: ../vox.wav, at: 1:75}\n"         // 15: 10 11
                               "      - {file: a.wav, length: 0}\n"             // 16: 12
                               "      - {id: x, file: a.wav, gain_db: 0x10}\n"  // 17: 13
                               "      - {id: x, file: a.wav}\n"                 // 18: 14
                               "    inserts:\n"                                 // 19
                               "      - {id: c, processor: compresor}\n"        // 20: 15
                               "      - {id: g, processor: gain, gian_db: 3}\n" // 21: 16
                               "  - id: vox\n"                                  // 22: 17
                               "buses: [{id: plate, sends: [{to: plate}]}]\n"   // 23: 18
                               "automation:\n"                                  // 24
                               "  vox/gain_db: '0 1'\n"                         // 25: 19
                               "  vox/fader_db: |\n"                            // 26
                               "    5 -3\n"                                     // 27
                               "    4 -3\n";                                    // 28: 20
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    nb_document *document = NULL;
    assert_fails(NB_E_INVALID, "mix.yaml:3:10: rate_hz: '48k' is not a number",
                 nb_document_parse("mix.yaml", text, strlen(text), &problems, &document, err));
    if (problems.total != 20) {
        show(&problems);
    }
    assert_int_equal(problems.total, 20);
    assert_true(has_problem(&problems, 4, "too large a number"));
    assert_true(has_problem(&problems, 5, "the first tempo stands at 0"));
    assert_true(has_problem(&problems, 6, "did you mean 'tracks'?"));
    assert_true(has_problem(&problems, 9,
                            "30 dB is out of range; expected a number, -120 to 24 dB, or off"));
    assert_true(has_problem(&problems, 10, "'.nan' is not a number"));
    assert_true(has_problem(&problems, 11, "true or false"));
    assert_true(has_problem(&problems, 12, "none of normal, inverted; did you mean 'inverted'?"));
    assert_true(has_problem(&problems, 13, "did you mean 'plate'?"));
    assert_true(has_problem(&problems, 15, "path '../vox.wav'"));
    assert_true(has_problem(&problems, 15, "'1:75'"));
    assert_true(has_problem(&problems, 16, "length"));
    assert_true(has_problem(&problems, 17, "'0x10' is not a number"));
    assert_true(has_problem(&problems, 18, "clip 'x' is there twice, first on line 17"));
    assert_true(has_problem(&problems, 20, "did you mean 'compressor'?"));
    assert_true(has_problem(&problems, 21, "did you mean 'gain_db'?"));
    assert_true(has_problem(&problems, 22, "id 'vox' is there twice, first on line 8"));
    assert_true(has_problem(&problems, 23, "a loop: plate -> plate"));
    assert_true(has_problem(&problems, 25, "the strip has no lane 'gain_db'"));
    assert_true(has_problem(&problems, 28, "times must ascend"));
}

static void each_mistake_is_said_at_its_place(void **state)
{
    (void)state;
    assert_refused("title: T\nformat: nightbus-mix/1\ntracks: []\n", 1, 1, "comes first");
    assert_refused("format: nightbus-mix/2\nnew: x\n", 1, 9, "expected nightbus-mix/1");
    assert_refused("[1, 2]\n", 1, 1, "a list where the keys of a song are expected");
    assert_refused("format: nightbus-mix/1\ntracks: []\n", 1, 1, "song lacks its key 'title'");
    assert_refused(HEAD "tracks: 5\n", 3, 9, "tracks: a text where a list is expected");
    assert_refused(HEAD "tracks: []\nvca: []\n", 4, 1, "reserved");
    assert_refused(HEAD "tracks: [{id: Vox}]\n", 3, 15, "is not an id");
    assert_refused(HEAD "tracks: [{id: mix}]\n", 3, 15, "is the mix bus");
    assert_refused(HEAD "tracks: [{id: a, output: b}, {id: b}]\n", 3, 26, "'b' is a track");
    assert_refused(HEAD "tracks: [{id: a, sends: [{to: mix}]}]\n", 3, 31, "sends go to buses");
    assert_refused(HEAD "tracks: [{id: a, clips: [{file: a.wav, length: 0.00001}]}]\n", 3, 48,
                   "no frame at 48000 Hz");
    assert_refused(HEAD "tracks: [{id: a, inserts: [{id: pan, processor: gain}]}]\n", 3, 33,
                   "names a part of every strip");
    assert_refused(HEAD "tracks: [{id: a, inserts: [{id: g, processor: gain, file: a.wav}]}]\n", 3,
                   59, "gain takes none");
    assert_refused(HEAD "tracks: [{id: a, inserts: [{id: g, processor: gain, bands: []}]}]\n", 3,
                   60, "gain has none");
    assert_refused(
        HEAD "tracks: [{id: a, inserts: [{id: g, processor: gain, sidechain: b}]}, {id: b}]\n", 3,
        64, "does not listen");
}

static void lanes_are_checked_line_by_line(void **state)
{
    (void)state;
    static const char track[] = HEAD "tracks: [{id: a, inserts: [{id: g, processor: gain}]}]\n";
    static const struct {
        const char *lanes;
        unsigned line, column;
        const char *words;
    } cases[] = {
        {"automation:\n  a/fader_db: |\n    0 -3\n    1:60 -3\n", 7, 5, "'1:60'"},
        {"automation:\n  a/fader_db: |\n\n    # a comment\n    0   -3dB\n", 8, 9,
         "'-3dB' is not a number"},
        {"automation:\n  a/fader_db: |\n    0 -3 x\n", 6, 10, "more than"},
        {"automation:\n  a/fader_db: |\n    0\n", 6, 6, "expected a value"},
        {"automation:\n  a/fader_db: |\n    0 nan\n", 6, 7, "'nan'"},
        {"automation:\n  a/fader_db: >\n    0 1\n    1 2\n", 5, 15, "behind '|'"},
        {"automation:\n  a/fader_db: [0, 1]\n", 5, 15, "behind '|'"},
        {"automation:\n  b/fader_db: '0 1'\n", 5, 3, "there is no track or bus 'b'"},
        {"automation:\n  a/g/gain: '0 1'\n", 5, 3, "did you mean 'gain_db'?"},
        {"automation:\n  a/h/gain_db: '0 1'\n", 5, 3, "the strip has no insert 'h'"},
        {"automation:\n  a/g/polarity: '0 inverted'\n", 5, 3, "can't be automated"},
        {"automation:\n  a/sends/p/level_db: '0 1'\n", 5, 3, "no send to 'p'"},
        {"automation:\n  a/g/x.gain_db: '0 1'\n", 5, 3, "has no band 'x'"},
        {"automation:\n  mix/pan_percent: '0 1'\n", 5, 3, "the strip has no lane"},
        {"automation:\n  a: '0 1'\n", 5, 3, "expected a path such as"},
        {"automation:\n  a/fader_db: {curve: bent, points: '0 1'}\n", 5, 23, "none of line, hold"},
        {"automation:\n  a/fader_db: {curve: hold}\n", 5, 15, "lacks its key 'points'"},
        {"automation:\n  a/fader_db: |\n    0 1\n    0 2\n    0 3\n", 8, 5, "a jump takes two"},
        {"automation:\n  a/fader_db: |\n    # none\n", 5, 15, "no points"},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        char text[600];
        snprintf(text, sizeof text, "%s%s", track, cases[i].lanes);
        // The tracks take one line, so the lanes begin on line 4.
        assert_refused(text, cases[i].line, cases[i].column, cases[i].words);
    }
}

static void loops_are_named(void **state)
{
    (void)state;
    assert_refused(HEAD "tracks: []\n"
                        "buses:\n  - {id: a, output: b}\n  - {id: b, sends: [{to: c}]}\n"
                        "  - {id: c, output: a}\n",
                   7, 21, "a loop: a -> b -> c -> a");
    assert_refused(HEAD "tracks: [{id: t, inserts: [{id: c, processor: compressor, sidechain: r}],"
                        " sends: [{to: r}]}]\nbuses: [{id: r}]\n",
                   3, 88, "a loop: r -> t -> r");
}

static void values_arrive_as_written(void **state)
{
    (void)state;
    static const char text[] = HEAD
        "rate_hz: 44100\ntail_max_s: 2.5\ntempo: [{at: 0, bpm: 90, meter: 6/8}, {at: 1:00, bpm: "
        "91}]\n"
        "tracks:\n"
        "  - {id: v, name: Lead, fader_db: off, pan_percent: -20, pan_law: linear, mute: true,\n"
        "     sends: [{to: r, level_db: -12, tap: pre}],\n"
        "     clips: [{file: a/v.wav, at: 0:12.5, offset: 1, length: 30, gain_db: -1.5,\n"
        "              fade_in: 0.005, fade_in_shape: s-curve}]}\n"
        "buses: [{id: r}]\n"
        "automation:\n  v/fader_db: |\n    0:00 off\n    0:10 -3\n"
        "  v/sends/r/level_db: {curve: hold, points: '1 0'}\n";
    NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
    const nb_strip *v = &document->tracks[0];
    assert_int_equal(document->rate_hz, 44100);
    assert_true(document->tail_max_s == 2.5);
    assert_int_equal(document->tempos[1].beats, 6); // the meter goes on
    assert_int_equal(document->tempos[1].ns, 60000000000);
    assert_string_equal(v->name, "Lead");
    assert_true(isinf(v->fader_db) && v->fader_db < 0);
    assert_true(v->mute && v->pan_values[0] == -20.0 && v->pan_values[1] == 1.0);
    assert_true(v->sends[0].pre_fader && v->sends[0].level_db == -12.0);
    assert_int_equal(v->clips[0].at_ns, 12500000000);
    assert_int_equal(v->clips[0].fade_in_shape, NB_FADE_S_CURVE);
    assert_string_equal(v->clips[0].id, "1");
    assert_string_equal(v->output, "mix");
    assert_int_equal(document->lane_count, 2);
    assert_true(isinf(document->lanes[0].points[0].value));
    assert_int_equal(document->lanes[1].curve, NB_CURVE_HOLD);
    size_t count = 0;
    const char *const *files = nb_document_files(document, &count);
    assert_int_equal(count, 1);
    assert_string_equal(files[0], "a/v.wav");
}

static void a_day_of_automation_is_read(void **state)
{
    (void)state;
    enum { POINTS = 172800, LINE = 32 };
    char *text = malloc(POINTS * LINE + 1000);
    assert_non_null(text);
    size_t length = (size_t)sprintf(text, HEAD "tracks: [{id: a}]\nautomation:\n  a/fader_db: |\n");
    for (int i = 0; i < POINTS; i++) {
        length +=
            (size_t)sprintf(text + length, "   %d.%d -%d.%d\n", i / 2, i % 2 * 5, i % 60, i % 10);
    }
    nb_document *document = NULL;
    assert_ok(nb_document_parse("mix.yaml", text, length, NULL, &document, err));
    assert_int_equal(document->lanes[0].point_count, POINTS);
    nb_document_destroy(&document);
    free(text);
}

static void millions_of_mistakes_keep_the_first_two_hundred(void **state)
{
    (void)state;
    char *text = malloc(50000 * 16 + 200);
    assert_non_null(text);
    size_t length = (size_t)sprintf(text, HEAD "tracks: []\n");
    for (int i = 0; i < 50000; i++) {
        length += (size_t)sprintf(text + length, "x%d: 1\n", i);
    }
    NB_SCOPED(nb_problems_fini) nb_problems problems = {0};
    nb_document *document = NULL;
    assert_fails(NB_E_INVALID, "mix.yaml:4:1: song has no key 'x0' (and 49999 more)",
                 nb_document_parse("mix.yaml", text, length, &problems, &document, err));
    assert_int_equal(problems.count, NB_PROBLEMS_MAX);
    assert_int_equal(problems.total, 50000);
    free(text);
}

static void the_example_of_the_documentation_is_a_mix(void **state)
{
    (void)state;
    static const char fence[] = "```yaml\n";
    NB_SCOPED(nb_text_free) char *page = NULL;
    size_t size = 0;
    assert_ok(nb_file_read(NB_SOURCE_DIR "/docs/mix-format.md", 1 << 20, &page, &size, err));
    const char *start = strstr(page, fence);
    assert_non_null(start);
    start += strlen(fence);
    const char *end = strstr(start, "```\n");
    assert_non_null(end);
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    assert_ok(
        nb_document_parse("mix-format.md", start, (size_t)(end - start), NULL, &document, err));
    assert_int_equal(document->lane_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_mistakes_are_twenty_problems_on_their_lines),
        cmocka_unit_test(each_mistake_is_said_at_its_place),
        cmocka_unit_test(lanes_are_checked_line_by_line),
        cmocka_unit_test(loops_are_named),
        cmocka_unit_test(values_arrive_as_written),
        cmocka_unit_test(a_day_of_automation_is_read),
        cmocka_unit_test(the_example_of_the_documentation_is_a_mix),
        cmocka_unit_test(millions_of_mistakes_keep_the_first_two_hundred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
