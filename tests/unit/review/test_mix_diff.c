// SPDX-License-Identifier: GPL-3.0-or-later
// Differences of mixes: what they find, what they say, and that they turn the one into the other.
#include "review/mix_diff.h"
#include "tests/test.h"
#include "unit/review/random_mix.h"

static nb_document *parsed(const char *text)
{
    nb_document *document = NULL;
    assert_ok(nb_document_parse("mix.yaml", text, strlen(text), NULL, &document, err));
    return document;
}

/// A file's bytes go by its name without '~', so that a file can be renamed.
static nb_status find_digest(void *context, const char *path, nb_digest *out, nb_error *err)
{
    char name[1001];
    size_t length = 0;
    (void)context;
    if (strstr(path, "missing")) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s: no such file", path);
    }
    for (const char *at = path; *at && length < sizeof name; at++) {
        if (*at != '~') {
            name[length++] = *at;
        }
    }
    *out = nb_digest_of(name, length);
    return NB_OK;
}

static json_t *model_of(const nb_document *document)
{
    json_t *model = NULL;
    assert_ok(nb_mix_model_make(document, find_digest, NULL, &model, err));
    return model;
}

static json_t *model_of_text(const char *text)
{
    NB_SCOPED(nb_document_destroy) nb_document *document = parsed(text);
    return model_of(document);
}

static nb_mix_diff diff_of(const char *before, const char *after)
{
    NB_SCOPED(nb_json_free) json_t *a = model_of_text(before);
    NB_SCOPED(nb_json_free) json_t *b = model_of_text(after);
    nb_mix_diff diff = {0};
    assert_ok(nb_mix_diff_find(a, b, &diff, err));
    return diff;
}

/// As it goes to a file and comes back.
static json_t *through_text(const nb_mix_diff *diff)
{
    NB_SCOPED(nb_json_free) json_t *json = nb_mix_diff_to_json(diff);
    assert_non_null(json);
    NB_SCOPED(nb_text_free) char *text = nb_mix_json_text(json);
    assert_non_null(text);
    json_t *again = NULL;
    assert_ok(nb_mix_diff_parse("diff", text, strlen(text), &again, err));
    return again;
}

/// What the random edits came upon.
typedef struct tally {
    size_t by_section[NB_MIX_SECTIONS];
    size_t by_area[4];
    size_t silent;
} tally;

static void count_changes(const nb_mix_diff *diff, tally *out)
{
    for (size_t i = 0; i < diff->count; i++) {
        const nb_mix_change *change = &diff->changes[i];
        out->by_section[change->section]++;
        out->by_area[change->key.area] += change->has_key;
        out->silent += !change->sound;
    }
}

/// Whatever changed is told, on lines that fit.
static void check_words(const nb_mix_diff *diff)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_mix_diff_print(diff, false, &text);
    nb_mix_diff_print_stat(diff, false, &text);
    assert_false(text.failed);
    assert_int_equal(diff->count == 0, text.length == 0);
    for (char *line = text.chars; line && *line;) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_true(nb_text_columns(line) <= 80);
        line = end + 1;
    }
}

static void check_pair(const nb_document *before, const nb_document *after, tally *seen)
{
    NB_SCOPED(nb_json_free) json_t *a = model_of(before);
    NB_SCOPED(nb_json_free) json_t *b = model_of(after);
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff diff = {0};
    assert_ok(nb_mix_model_check(b, err));
    assert_ok(nb_mix_diff_find(a, b, &diff, err));
    assert_int_equal(diff.count == 0, json_equal(a, b));
    count_changes(&diff, seen);
    check_words(&diff);

    NB_SCOPED(nb_json_free) json_t *patch = through_text(&diff);
    NB_SCOPED(nb_json_free) json_t *patched = NULL;
    assert_ok(nb_mix_diff_apply(patch, a, &patched, err));
    assert_true(json_equal(patched, b));

    nb_digest left;
    nb_digest right;
    assert_ok(nb_document_digest(before, find_digest, NULL, &left, err));
    assert_ok(nb_document_digest(after, find_digest, NULL, &right, err));
    assert_int_equal(nb_mix_diff_has_sound(&diff), !nb_digest_equal(&left, &right));

    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff none = {0};
    assert_ok(nb_mix_diff_find(b, b, &none, err));
    assert_int_equal(none.count, 0);
}

static void a_thousand_random_edits_are_found_and_applied(void **state)
{
    enum { EDITS = 1000, EDITS_A_MIX = 100, TOGETHER_MAX = 6, SEEN_MIN = 25 };
    (void)state;
    static random_mix mix;
    static random_mix kept;
    unsigned refused = 0;
    tally seen = {0};
    for (unsigned done = 0; done < EDITS;) {
        random_mix_init(&mix, 0x9E3779B97F4A7C15u * (done + 1));
        NB_SCOPED(nb_document_destroy) nb_document *before = NULL;
        for (unsigned i = 0; i < EDITS_A_MIX; i++) {
            kept = mix;
            const unsigned together = 1 + (unsigned)random_mix_next(&mix, TOGETHER_MAX);
            for (unsigned e = 0; e < together && before; e++) {
                random_mix_edit(&mix);
            }
            NB_SCOPED(nb_text_fini) nb_text text = {0};
            random_mix_write(&mix, &text);
            nb_document *after = NULL;
            if (nb_document_parse("mix.yaml", text.chars, text.length, NULL, &after, NULL) !=
                NB_OK) {
                kept.seed = mix.seed;
                mix = kept;
                refused++;
                continue;
            }
            if (before) {
                check_pair(before, after, &seen);
                done++;
            }
            nb_document_destroy(&before);
            before = after;
        }
        assert_true(refused < 10 * EDITS); // the editor still makes documents
    }
    for (size_t i = 0; i < NB_MIX_SECTIONS; i++) {
        assert_true(seen.by_section[i] > SEEN_MIN);
    }
    for (size_t i = 0; i < NB_COUNT(seen.by_area); i++) {
        assert_true(seen.by_area[i] > SEEN_MIN);
    }
    assert_true(seen.silent > SEEN_MIN);
}

#define HEAD "format: nightbus-mix/1\ntitle: Night\n"

static const char before_text[] =
    HEAD "rate_hz: 44100\n"
         "tracks:\n"
         "  - id: vox\n"
         "    name: Lead Vox\n"
         "    clips:\n"
         "      - {id: verse, file: audio/lead-03.wav, at: 0:12.5}\n"
         "      - {file: audio/lead-chorus.wav, at: 1:02}\n"
         "    inserts:\n"
         "      - {id: eq, processor: equaliser, bands: [\n"
         "          {id: mud, freq_hz: 250, gain_db: -3},\n"
         "          {id: air, type: high-shelf, freq_hz: 9000, gain_db: 2}]}\n"
         "      - {id: comp, processor: compressor, ratio: 3, threshold_db: -20}\n"
         "    fader_db: -3\n"
         "    sends: [{to: slap, level_db: -9}]\n"
         "  - id: drums\n"
         "    clips:\n"
         "      - {id: a, file: audio/a.wav, at: 1}\n"
         "      - {id: b, file: audio/b.wav, at: 2}\n"
         "      - {id: c, file: audio/c.wav, at: 3}\n"
         "  - {id: shaker, clips: [{file: audio/shaker.wav}]}\n"
         "buses: [{id: plate}, {id: slap}]\n"
         "automation:\n"
         "  vox/fader_db: |\n"
         "    0 -4\n"
         "    0:45 -3\n"
         "    1:10 -2\n"
         "alternates: [{id: tv, mute: [vox]}]\n";

static const char after_text[] =
    HEAD "rate_hz: 48000\n"
         "tracks:\n"
         "  - id: drums\n"
         "    name: Drums\n"
         "    clips:\n"
         "      - {id: a, file: audio/a.wav, at: 1.01}\n"
         "      - {id: b, file: audio/b.wav, at: 2.01}\n"
         "      - {id: c, file: audio/c~.wav, at: 3}\n"
         "  - id: vox\n"
         "    name: Lead Vox\n"
         "    clips:\n"
         "      - {id: verse, file: audio/lead-04.wav, at: 0:12.5}\n"
         "      - {file: audio/lead-chorus.wav, at: 1:02.02}\n"
         "    inserts:\n"
         "      - {id: eq, processor: equaliser, bands: [\n"
         "          {id: mud, freq_hz: 250, gain_db: -3},\n"
         "          {id: air, type: high-shelf, freq_hz: 9000, gain_db: 3},\n"
         "          {id: box, freq_hz: 500, gain_db: -1}]}\n"
         "      - {id: comp, processor: compressor, ratio: 4, threshold_db: -20, attack_ms: 5}\n"
         "      - {id: ess, processor: de-esser}\n"
         "    fader_db: -1.5\n"
         "    sends: [{to: slap, level_db: off}, {to: plate, level_db: -12}]\n"
         "  - {id: bass, fader_db: -4, clips: [{file: audio/bass.wav}]}\n"
         "buses: [{id: plate, output: slap}, {id: slap, mute: true}]\n"
         "mix_bus: {inserts: [{id: limit, processor: limiter, ceiling_dbtp: -2}]}\n"
         "automation:\n"
         "  vox/fader_db: |\n"
         "    0 -4\n"
         "    0:45 -2.5\n"
         "    0:50 -1\n"
         "    1:10 -2\n"
         "  vox/sends/plate/level_db: |\n"
         "    0 -12\n"
         "alternates: [{id: tv, name: TV mix, mute: [vox], offset_db: {bass: 1}}]\n";

static void an_engineers_words_tell_what_changed(void **state)
{
    (void)state;
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff diff = diff_of(before_text, after_text);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_mix_diff_print(&diff, false, &text);
    assert_string_equal(
        text.chars,
        "Song\n"
        "  rate 44.1 \u2192 48.0 kHz\n"
        "  tracks stand in another order, which changes no sound\n"
        "Drums\n"
        "  renamed drums \u2192 Drums\n"
        "  2 clips 10 ms later, the first from 0:01\n"
        "  clip c at 0:03: file renamed, same audio (c.wav \u2192 c~.wav)\n"
        "Lead Vox (vox)\n"
        "  fader -3.0 \u2192 -1.5 dB\n"
        "  clip verse at 0:12.5: take replaced (lead-03.wav \u2192 lead-04.wav)\n"
        "  clip at 1:02: 20 ms later\n"
        "  eq (equaliser): band air (9 kHz) gain +2 \u2192 +3 dB; new band box freq 500 Hz,\n"
        "    gain -1 dB\n"
        "  comp (compressor): ratio 3 \u2192 4, attack 10 \u2192 5 ms\n"
        "  new de-esser ess behind comp\n"
        "  new send to plate at -12 dB\n"
        "  send to slap -9 dB \u2192 off\n"
        "  automation of fader: 3 \u2192 4 points, other from 0:45 to 0:50, now -4 to -1 dB\n"
        "  new automation of the send to plate: 1 point at 0:00, -12 dB\n"
        "bass\n"
        "  new track\n"
        "  fader -4 dB\n"
        "  new clip at 0:00 (bass.wav)\n"
        "shaker\n"
        "  track removed\n"
        "plate\n"
        "  output mix \u2192 slap\n"
        "slap\n"
        "  muted\n"
        "Mix bus\n"
        "  new limiter limit: ceiling -2 dBTP\n"
        "Alternates\n"
        "  tv: renamed TV mix, bass as in the mix \u2192 +1 dB\n");
}

static void one_line_a_strip_counts_what_changed(void **state)
{
    (void)state;
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff diff = diff_of(before_text, after_text);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_mix_diff_print_stat(&diff, false, &text);
    assert_string_equal(text.chars, "Song        2 settings\n"
                                    "Drums       1 setting, 3 clips\n"
                                    "Lead Vox    1 setting, 2 clips, 3 inserts, 2 sends, 2 lanes\n"
                                    "bass        new: 1 setting, 1 clip\n"
                                    "shaker      removed\n"
                                    "plate       1 setting\n"
                                    "slap        1 setting\n"
                                    "Mix bus     1 insert\n"
                                    "Alternates  2 settings\n");
}

static void colour_says_new_and_gone(void **state)
{
    (void)state;
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff diff = diff_of(before_text, after_text);
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_mix_diff_print(&diff, true, &text);
    assert_non_null(strstr(text.chars, "\033[32mnew de-esser ess behind comp\033[0m\n"));
    assert_non_null(strstr(text.chars, "\033[31mtrack removed\033[0m\n"));
    assert_non_null(strstr(text.chars, "  fader -3.0 \u2192 -1.5 dB\n"));
}

static void names_and_orders_cannot_be_heard(void **state)
{
    (void)state;
    NB_SCOPED(nb_mix_diff_fini)
    nb_mix_diff diff = diff_of(HEAD "tracks: [{id: a, clips: [{file: x.wav}]}, {id: b}]\n",
                               HEAD "tracks: [{id: b}, {id: a, name: Aa, "
                                    "clips: [{file: x~.wav, fade_in_shape: s-curve}]}]\n");
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    assert_false(nb_mix_diff_has_sound(&diff));
    nb_mix_diff_print(&diff, false, &text);
    assert_string_equal(text.chars,
                        "Song\n"
                        "  tracks stand in another order, which changes no sound\n"
                        "Aa (a)\n"
                        "  renamed a \u2192 Aa\n"
                        "  clip at 0:00: file renamed, same audio (x.wav \u2192 x~.wav)\n"
                        "Nothing of this can be heard.\n");
}

static void audio_that_is_not_here_is_said(void **state)
{
    (void)state;
    NB_SCOPED(nb_document_destroy)
    nb_document *document = parsed(HEAD "tracks: [{id: a, clips: [{file: x.wav}]}]\n");
    NB_SCOPED(nb_json_free) json_t *known = model_of(document);
    NB_SCOPED(nb_json_free) json_t *unknown = NULL;
    assert_ok(nb_mix_model_make(document, NULL, NULL, &unknown, err));
    assert_ok(nb_mix_model_check(unknown, err));
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff diff = {0};
    assert_ok(nb_mix_diff_find(known, unknown, &diff, err));
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_mix_diff_print(&diff, false, &text);
    assert_string_equal(text.chars, "a\n  clip at 0:00: its audio is missing (x.wav)\n");
}

static void long_names_wrap_and_end_within_the_width(void **state)
{
    (void)state;
    char name[201];
    memset(name, 'w', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char text[1000];
    snprintf(text, sizeof text, HEAD "tracks: [{id: a, name: %s}]\n", name);
    NB_SCOPED(nb_mix_diff_fini) nb_mix_diff diff = diff_of(HEAD "tracks: [{id: a}]\n", text);
    NB_SCOPED(nb_text_fini) nb_text out = {0};
    nb_mix_diff_print(&diff, false, &out);
    for (const char *line = out.chars; *line;) {
        const size_t length = strcspn(line, "\n");
        assert_true(length <= 80 + strlen("\u2192"));
        line += length + 1;
    }
}

/// A patch of one change to before_text must be refused with these words.
static void refuse_change(nb_status status, const char *words, const char *change)
{
    NB_SCOPED(nb_json_free) json_t *model = model_of_text(before_text);
    NB_SCOPED(nb_text_free)
    char *text = nb_text_format("{\"format\": \"nightbus-diff/1\", \"changes\": [%s]}", change);
    NB_SCOPED(nb_json_free) json_t *diff = NULL;
    NB_SCOPED(nb_json_free) json_t *out = NULL;
    nb_error err = {0};
    nb_status got = nb_mix_diff_parse("patch", text, strlen(text), &diff, &err);
    if (got == NB_OK) {
        got = nb_mix_diff_apply(diff, model, &out, &err);
    }
    if (got != status || !strstr(err.text, words) || out) {
        fail_msg("%s gave %s '%s'", change, nb_status_name(got), err.text);
    }
}

#define CHANGE(kind, path, before, after)                                                          \
    "{\"kind\": \"" kind "\", \"path\": \"" path "\", \"old\": " before ", \"new\": " after "}"

static void a_patch_that_makes_no_mix_is_refused_in_words(void **state)
{
    (void)state;
    refuse_change(NB_E_INVALID, "'kind' is none of", "{\"path\": \"x\"}");
    refuse_change(NB_E_INVALID, "'kind' is none of", "3");
    refuse_change(NB_E_INVALID, "not both null", CHANGE("value", "vox/fader_db", "null", "null"));
    refuse_change(NB_E_CONFLICT, "another version", CHANGE("value", "vox/fader_db", "-2", "-1"));
    refuse_change(NB_E_CONFLICT, "another version", CHANGE("value", "vox/fader_db", "null", "-1"));
    refuse_change(NB_E_INVALID, "-120 to 24 dB", CHANGE("value", "vox/fader_db", "-3", "1e9"));
    refuse_change(NB_E_INVALID, "-120 to 24 dB", CHANGE("value", "vox/fader_db", "-3", "\"x\""));
    refuse_change(NB_E_INVALID, "this is the default", CHANGE("value", "vox/fader_db", "-3", "0"));
    refuse_change(NB_E_INVALID, "a path such as", CHANGE("value", "vox/faders", "null", "1"));
    refuse_change(NB_E_INVALID, "a path such as", CHANGE("value", "../../x/y", "null", "1"));
    refuse_change(NB_E_INVALID, "a path such as", CHANGE("value", "\\u001b[31m", "null", "1"));
    refuse_change(NB_E_INVALID, "that is there", CHANGE("value", "nobody/mute", "null", "true"));
    refuse_change(NB_E_INVALID, "processor",
                  CHANGE("value", "vox/comp/processor", "\"compressor\"", "\"sum\""));
    refuse_change(NB_E_INVALID, "insert", CHANGE("value", "vox/x/processor", "null", "\"gain\""));
    refuse_change(NB_E_INVALID, "band", CHANGE("value", "vox/eq/low.q", "null", "2"));
    refuse_change(NB_E_INVALID, "a fade",
                  CHANGE("value", "vox/clips/verse/fade_in_shape", "null", "\"s-curve\""));
    refuse_change(
        NB_E_INVALID, "path in the album",
        CHANGE("value", "vox/clips/new/file", "null", "{\"path\": \"../a\", \"sha256\": null}"));
    refuse_change(NB_E_INVALID, "track", CHANGE("value", "plate/clips/a/at", "null", "2"));
    refuse_change(NB_E_INVALID, "bus", CHANGE("value", "vox/sends/drums/level_db", "null", "2"));
    refuse_change(NB_E_INVALID, "that are there", CHANGE("strip", "new", "null", "\"track\""));
    refuse_change(NB_E_INVALID, "track", CHANGE("strip", "mix", "null", "\"bus\""));
    refuse_change(NB_E_INVALID, "ascending",
                  CHANGE("lane", "drums/fader_db", "null",
                         "{\"curve\": \"line\", \"points\": [[2, 0], [1, 0]]}"));
    refuse_change(
        NB_E_INVALID, "points",
        CHANGE("lane", "drums/fader_db", "null", "{\"curve\": \"line\", \"points\": []}"));
    refuse_change(NB_E_INVALID, "automated", CHANGE("lane", "drums/mute", "null", "{}"));
    refuse_change(NB_E_LIMIT, "deeper", CHANGE("lane", "x", "null", "[[[[[[1]]]]]]"));
    refuse_change(NB_E_INVALID, "ascending",
                  CHANGE("song", "tempo", "[[0, 120, \"4/4\"]]", "[[]]"));
    refuse_change(NB_E_INVALID, "whole", CHANGE("song", "title", "\"Night\"", "null"));
    refuse_change(NB_E_INVALID, "alternate", CHANGE("alternate", "x/vox", "null", "{}"));
    refuse_change(NB_E_INVALID, "mute", CHANGE("alternate", "tv/drums", "null", "{\"mute\": 1}"));
    refuse_change(NB_E_INVALID, "twice",
                  CHANGE("value", "vox/fader_db", "-3", "-1") ", " CHANGE("value", "vox/fader_db",
                                                                          "-1", "-2"));
}

static void a_patch_of_another_shape_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"format\": \"nightbus-diff/2\", \"changes\": []}",
        "{\"format\": \"nightbus-diff/1\"}",
        "{\"format\": \"nightbus-diff/1\", \"changes\": {}}",
        "{\"format\": \"nightbus-diff/1\", \"changes\": [",
        "{\"format\": \"nightbus-diff/1\", \"changes\": [\"\xff\"]}",
    };
    for (size_t i = 0; i < NB_COUNT(texts); i++) {
        json_t *diff = NULL;
        nb_error err = {0};
        assert_int_not_equal(nb_mix_diff_parse("patch", texts[i], strlen(texts[i]), &diff, &err),
                             NB_OK);
        assert_null(diff);
        assert_non_null(strstr(err.text, "patch"));
    }
    json_t *diff = NULL;
    assert_fails(NB_E_LIMIT, "at most",
                 nb_mix_diff_parse("patch", "", NB_MIX_DIFF_BYTES_MAX + 1, &diff, err));
}

static void numbers_written_otherwise_are_the_same_numbers(void **state)
{
    (void)state;
    NB_SCOPED(nb_json_free) json_t *model = model_of_text(before_text);
    const char *text = "{\"format\": \"nightbus-diff/1\", \"changes\": [" CHANGE(
        "value", "vox/fader_db", "-3.0", "-1.0") "]}";
    NB_SCOPED(nb_json_free) json_t *diff = NULL;
    NB_SCOPED(nb_json_free) json_t *out = NULL;
    assert_ok(nb_mix_diff_parse("patch", text, strlen(text), &diff, err));
    assert_ok(nb_mix_diff_apply(diff, model, &out, err));
    assert_true(json_is_integer(nb_mix_model_get(out, NB_MIX_VALUE, "vox/fader_db")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_random_edits_are_found_and_applied),
        cmocka_unit_test(an_engineers_words_tell_what_changed),
        cmocka_unit_test(one_line_a_strip_counts_what_changed),
        cmocka_unit_test(colour_says_new_and_gone),
        cmocka_unit_test(names_and_orders_cannot_be_heard),
        cmocka_unit_test(audio_that_is_not_here_is_said),
        cmocka_unit_test(long_names_wrap_and_end_within_the_width),
        cmocka_unit_test(a_patch_that_makes_no_mix_is_refused_in_words),
        cmocka_unit_test(a_patch_of_another_shape_is_refused),
        cmocka_unit_test(numbers_written_otherwise_are_the_same_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
