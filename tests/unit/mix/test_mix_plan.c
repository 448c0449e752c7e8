// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "mix/fingerprint.h"
#include "mix/plan.h"
#include "tests/test.h"

static const char line[] =
    "core=1 cpu=x86-64-v3 fftw3f=3.3.10/0123456789abcdef soxr=0.1.3/ffeeddccbbaa9988";

static void a_fingerprint_comes_back_from_its_line(void **state)
{
    (void)state;
    nb_fingerprint fingerprint;
    char text[NB_FINGERPRINT_TEXT_MAX];
    assert_ok(nb_fingerprint_parse(line, &fingerprint, err));
    assert_int_equal(fingerprint.library_count, 2);
    assert_ok(nb_fingerprint_format(&fingerprint, text, err));
    assert_string_equal(text, line);
}

static void a_bad_fingerprint_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "core=1",
        "cpu=x core=1",
        "core=-1 cpu=x",
        "core=1 cpu=",
        "core=1 cpu=x ",
        "core=1  cpu=x",
        "core=1 cpu=x a=1",
        "core=1 cpu=x a=1/0123",
        "core=1 cpu=x a=1/0123456789ABCDEF",
        "core=1 cpu=x b=1/0123456789abcdef a=1/0123456789abcdef",
        "core=1 cpu=x a=1/0123456789abcdef a=1/0123456789abcdef",
        "core=1 cpu=\x1b[31m",
        "core=1 cpu=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };
    for (size_t i = 0; i < NB_COUNT(bad); i++) {
        nb_fingerprint fingerprint;
        assert_fails(NB_E_INVALID, "fingerprint", nb_fingerprint_parse(bad[i], &fingerprint, err));
    }
}

static char *plan_text(const char *path)
{
    nb_plan_file file = {(char[200]){0}, nb_digest_of("a", 1), 12345};
    snprintf(file.path, 200, "%s", path);
    char album[] = "demo", song[] = "night-bus", version[] = "v3", fingerprint[sizeof line];
    memcpy(fingerprint, line, sizeof line);
    nb_plan_output outputs[] = {{"alternate/tv", nb_digest_of("t", 1)},
                                {"mix", nb_digest_of("k", 1)}};
    nb_plan_freeze freezes[] = {
        {.key = nb_digest_of("e", 1)},
        {.key = nb_digest_of("f", 1), .is_kept = true, .digest = nb_digest_of("g", 1), .size = 7}};
    const nb_plan plan = {.album = album,
                          .song = song,
                          .version = version,
                          .fingerprint = fingerprint,
                          .document = nb_digest_of("d", 1),
                          .document_size = 99,
                          .mix_key = nb_digest_of("k", 1),
                          .file_count = 1,
                          .files = &file,
                          .output_count = NB_COUNT(outputs),
                          .outputs = outputs,
                          .freeze_count = NB_COUNT(freezes),
                          .freezes = freezes};
    char *text = nb_plan_format(&plan);
    assert_non_null(text);
    return text;
}

static void a_plan_comes_back_from_its_text(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = plan_text("audio/vox.wav");
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    assert_ok(nb_plan_parse(text, strlen(text), &plan, err));
    assert_string_equal(plan.song, "night-bus");
    assert_string_equal(plan.files[0].path, "audio/vox.wav");
    assert_int_equal(plan.files[0].size, 12345);
    assert_int_equal(plan.output_count, 2);
    assert_string_equal(plan.outputs[1].name, "mix");
    assert_int_equal(plan.freeze_count, 2);
    assert_false(plan.freezes[0].is_kept);
    assert_true(plan.freezes[1].is_kept);
    assert_int_equal(plan.freezes[1].size, 7);
    NB_SCOPED(nb_text_free) char *again = nb_plan_format(&plan);
    assert_string_equal(again, text);
}

static void a_plan_says_whether_it_renders_or_measures(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = plan_text("audio/vox.wav");
    NB_SCOPED(nb_plan_fini) nb_plan plan = {0};
    assert_ok(nb_plan_parse(text, strlen(text), &plan, err));
    assert_int_equal(plan.kind, NB_PLAN_RENDER);
    for (nb_plan_kind kind = NB_PLAN_PRINT; kind <= NB_PLAN_MASTER; kind++) {
        plan.kind = kind;
        NB_SCOPED(nb_text_free) char *measured = nb_plan_format(&plan);
        NB_SCOPED(nb_plan_fini) nb_plan back = {0};
        assert_ok(nb_plan_parse(measured, strlen(measured), &back, err));
        assert_int_equal(back.kind, kind);
    }
    plan.kind = NB_PLAN_PRINT;
    NB_SCOPED(nb_text_free) char *later = nb_plan_format(&plan);
    memcpy(strstr(later, "\"print\""), "\"prunt\"", 7);
    nb_plan none = {0};
    assert_fails(NB_E_VERSION, "kind 'prunt'", nb_plan_parse(later, strlen(later), &none, err));
}

static void a_plan_cut_anywhere_is_refused(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *text = plan_text("audio/vox.wav");
    for (size_t size = 0; size < strlen(text); size++) {
        nb_plan plan = {0};
        assert_int_equal(nb_plan_parse(text, size, &plan, NULL), NB_E_INVALID);
        assert_null(plan.album);
    }
}

static void a_plan_can_not_name_files_outside_the_album(void **state)
{
    (void)state;
    static const char *const paths[] = {"../vox.wav", "/etc/passwd", "a/../b", "", "a\\b"};
    for (size_t i = 0; i < NB_COUNT(paths); i++) {
        NB_SCOPED(nb_text_free) char *text = plan_text(paths[i]);
        nb_plan plan = {0};
        assert_fails(NB_E_INVALID, "path", nb_plan_parse(text, strlen(text), &plan, err));
    }
}

static void a_plan_of_another_format_is_refused(void **state)
{
    (void)state;
    static const char other[] = "{\"format\": \"nightbus-plan/2\"}";
    nb_plan plan = {0};
    assert_fails(NB_E_VERSION, "nightbus-plan/1 is expected",
                 nb_plan_parse(other, strlen(other), &plan, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fingerprint_comes_back_from_its_line),
        cmocka_unit_test(a_bad_fingerprint_is_refused),
        cmocka_unit_test(a_plan_comes_back_from_its_text),
        cmocka_unit_test(a_plan_says_whether_it_renders_or_measures),
        cmocka_unit_test(a_plan_cut_anywhere_is_refused),
        cmocka_unit_test(a_plan_can_not_name_files_outside_the_album),
        cmocka_unit_test(a_plan_of_another_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
