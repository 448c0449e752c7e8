// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"

#include "protocol/manifest.h"

static nb_status parse(const char *text, nb_manifest *out, nb_error *err)
{
    return nb_manifest_parse(text, strlen(text), out, err);
}

/// A manifest of two paths, both of the same bytes.
static nb_status parse_paths(const char *one, const char *two, nb_error *err)
{
    static const char hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char text[4096];
    snprintf(text, sizeof text,
             "{\"format\":\"nightbus-manifest/1\",\"files\":["
             "{\"path\":\"%s\",\"sha256\":\"%s\",\"size\":0},"
             "{\"path\":\"%s\",\"sha256\":\"%s\",\"size\":0}]}",
             one, hex, two, hex);
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    return parse(text, &manifest, err);
}

static void what_is_formatted_is_what_is_parsed(void **state)
{
    (void)state;
    nb_manifest made = {0};
    nb_manifest back = {0};
    static const char *const paths[] = {"songs/night/mix.yaml", "album.yaml", "audio/Drums ü.wav"};
    for (size_t i = 0; i < NB_COUNT(paths); i++) {
        const nb_digest digest = nb_digest_of(paths[i], i);
        assert_ok(nb_manifest_add(&made, paths[i], &digest, 100 * i, err));
    }
    assert_string_equal(made.files[0].path, "album.yaml");
    char *text = nb_manifest_format(&made);
    assert_non_null(text);
    assert_null(strchr(text, '\n'));
    assert_ok(parse(text, &back, err));
    assert_int_equal(back.file_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(back.files[i].path, made.files[i].path);
        assert_true(nb_digest_equal(&back.files[i].digest, &made.files[i].digest));
        assert_int_equal(back.files[i].size, made.files[i].size);
        assert_ptr_equal(nb_manifest_find(&back, made.files[i].path), &back.files[i]);
    }
    assert_null(nb_manifest_find(&back, "absent"));
    free(text);
    nb_manifest_fini(&made);
    nb_manifest_fini(&back);
}

static void two_paths_that_could_be_one_file_are_refused(void **state)
{
    (void)state;
    assert_ok(parse_paths("a/b.wav", "a/c.wav", err));
    assert_fails(NB_E_INVALID, "rename one", parse_paths("a/b.wav", "a/b.wav", err));
    assert_fails(NB_E_INVALID, "rename one", parse_paths("Audio/b.wav", "audio/B.wav", err));
    assert_fails(NB_E_INVALID, "rename one", parse_paths("Ärger.wav", "ärger.wav", err));
    assert_fails(NB_E_INVALID, "both a file and the folder", parse_paths("a", "A/b.wav", err));
    assert_ok(parse_paths("a-b", "a.b", err));
}

static void paths_that_leave_the_album_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"../x", "/etc/passwd", "a/../b", "a//b", ".git/config", ""};
    for (size_t i = 0; i < NB_COUNT(wrong); i++) {
        nb_error err = {0};
        if (parse_paths("good", wrong[i], &err) == NB_OK) {
            fail_msg("'%s' was taken", wrong[i]);
        }
    }
}

static void a_broken_manifest_is_refused(void **state)
{
    (void)state;
    nb_manifest out = {0};
    assert_fails(NB_E_INVALID, "", parse("", &out, err));
    assert_fails(NB_E_INVALID, "", parse("{\"format\":\"nightbus-manifest/1\"}", &out, err));
    assert_fails(NB_E_VERSION, "nightbus-manifest/1",
                 parse("{\"format\":\"nightbus-manifest/2\",\"files\":[]}", &out, err));
    static const char prefix[] = "{\"format\":\"nightbus-manifest/1\",\"files\":[";
    static const char *const rows[] = {
        "1]}",
        "{}]}",
        "{\"path\":\"a\",\"sha256\":\"00\",\"size\":1}]}",
        "{\"path\":\"a\",\"sha256\":"
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":-1}]}",
        "{\"path\":\"a\",\"extra\":1,\"sha256\":"
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":1}]}",
    };
    for (size_t i = 0; i < NB_COUNT(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", prefix, rows[i]);
        assert_int_equal(parse(text, &out, NULL), NB_E_INVALID);
        assert_int_equal(out.file_count, 0);
    }
    assert_ok(parse("{\"format\":\"nightbus-manifest/1\",\"files\":[]}", &out, err));
}

static void too_many_files_are_refused(void **state)
{
    (void)state;
    nb_manifest manifest = {0};
    const nb_digest digest = nb_digest_of("", 0);
    for (int i = 0; i < NB_MANIFEST_FILES_MAX; i++) {
        char name[32];
        // Downwards: the slowest order to add in.
        snprintf(name, sizeof name, "f%06d", NB_MANIFEST_FILES_MAX - i);
        assert_ok(nb_manifest_add(&manifest, name, &digest, 0, err));
    }
    assert_fails(NB_E_LIMIT, "at most", nb_manifest_add(&manifest, "z", &digest, 0, err));
    char *text = nb_manifest_format(&manifest);
    nb_manifest back = {0};
    assert_ok(parse(text, &back, err));
    assert_int_equal(back.file_count, NB_MANIFEST_FILES_MAX);
    free(text);
    nb_manifest_fini(&back);
    nb_manifest_fini(&manifest);
}

static void documents_are_told_by_their_endings(void **state)
{
    (void)state;
    assert_true(nb_manifest_is_document("songs/night/mix.yaml"));
    assert_true(nb_manifest_is_document("README.md"));
    assert_false(nb_manifest_is_document("audio/drums.wav"));
    assert_false(nb_manifest_is_document("yaml"));
    assert_false(nb_manifest_is_document("mix.yaml/drums"));
    assert_false(nb_manifest_is_document("MIX.YAML"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_formatted_is_what_is_parsed),
        cmocka_unit_test(two_paths_that_could_be_one_file_are_refused),
        cmocka_unit_test(paths_that_leave_the_album_are_refused),
        cmocka_unit_test(a_broken_manifest_is_refused),
        cmocka_unit_test(too_many_files_are_refused),
        cmocka_unit_test(documents_are_told_by_their_endings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
