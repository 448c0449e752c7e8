// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"
#include "mix/print.h"
#include "tests/test.h"

#include <stdlib.h>

#define HEX  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FILE "file: \"songs/night/print/Night v4.wav\"\n"

static nb_status parse(const char *text, nb_print_kind kind, nb_problems *problems, nb_print **out,
                       nb_error *err)
{
    return nb_print_parse("print.yaml", text, strlen(text), kind, problems, out, err);
}

static nb_status find_digest(void *context, const char *path, nb_digest *out, nb_error *err)
{
    (void)err;
    const char *salt = context;
    char text[200];
    snprintf(text, sizeof text, "%s %s", salt ? salt : "", path);
    *out = nb_digest_of(text, strlen(text));
    return NB_OK;
}

static nb_digest digest_of(const char *text, nb_print_kind kind, const char *salt)
{
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    char copy[20];
    nb_digest digest;
    snprintf(copy, sizeof copy, "%s", salt);
    assert_ok(parse(text, kind, NULL, &print, err));
    assert_ok(nb_print_digest(print, find_digest, copy, &digest, err));
    return digest;
}

static void a_print_names_its_file_its_rate_and_where_it_starts(void **state)
{
    (void)state;
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    assert_ok(parse("format: nightbus-print/1\ntitle: Night\n" FILE
                    "rate_hz: 96000\nstarts_at_frame: 345600000\n",
                    NB_PRINT_MIX, NULL, &print, err));
    assert_string_equal(print->title, "Night");
    assert_int_equal(print->file_count, 1);
    assert_string_equal(print->files[0].path, "songs/night/print/Night v4.wav");
    assert_int_equal(print->rate_hz, 96000);
    assert_int_equal(print->starts_at_frame, 345600000);
}

static void a_master_pins_a_mix_and_names_its_files(void **state)
{
    (void)state;
    NB_SCOPED(nb_print_destroy) nb_print *master = NULL;
    assert_ok(parse("format: nightbus-master/1\nmix: v4\nmix_sha256: " HEX "\nrate_hz: 44100\n"
                    "files:\n  - a/one.wav\n  - b/two.flac\n",
                    NB_PRINT_MASTER, NULL, &master, err));
    assert_string_equal(master->mix, "v4");
    assert_int_equal(master->mix_digest.bytes[1], 0x11);
    assert_int_equal(master->file_count, 2);
    assert_int_equal(master->starts_at_frame, 0);
    char name[100];
    assert_true(nb_print_output_name(master, 0, name, sizeof name));
    assert_string_equal(name, "master.wav");
    assert_true(nb_print_output_name(master, 1, name, sizeof name));
    assert_string_equal(name, "master-two.flac");
    assert_false(nb_print_output_name(master, 1, name, 10));
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    static const struct {
        nb_print_kind kind;
        const char *text;
        const char *says;
    } cases[] = {
        {NB_PRINT_MIX, "format: nightbus-print/2\n" FILE "rate_hz: 48000\n", "nightbus-print/1"},
        {NB_PRINT_MIX, "format: nightbus-master/1\n" FILE "rate_hz: 48000\n", "nightbus-print/1"},
        {NB_PRINT_MIX, "format: nightbus-print/1\nrate_hz: 48000\n", "lacks its key 'file'"},
        {NB_PRINT_MIX, "format: nightbus-print/1\n" FILE, "lacks its key 'rate_hz'"},
        {NB_PRINT_MIX, "format: nightbus-print/1\n" FILE "rate_hz: 7\n", "3:"},
        {NB_PRINT_MIX, "format: nightbus-print/1\nfile: ../../etc/passwd\nrate_hz: 48000\n", "2:"},
        {NB_PRINT_MIX, "format: nightbus-print/1\n" FILE "rate_hz: 48000\nstarts_at: 1\n",
         "did you mean 'starts_at_frame'"},
        {NB_PRINT_MIX, "format: nightbus-print/1\n" FILE "rate_hz: 48000\nstarts_at_frame: -1\n",
         "starts_at_frame"},
        {NB_PRINT_MIX, "[]", "a list where"},
        {NB_PRINT_MASTER,
         "format: nightbus-master/1\nmix: m1\nmix_sha256: " HEX
         "\nrate_hz: 44100\nfiles: [a.wav]\n",
         "'m1' is not a mix version"},
        {NB_PRINT_MASTER,
         "format: nightbus-master/1\nmix: v01\nmix_sha256: " HEX
         "\nrate_hz: 44100\nfiles: [a.wav]\n",
         "'v01' is not a mix version"},
        {NB_PRINT_MASTER,
         "format: nightbus-master/1\nmix: v4\nmix_sha256: 12\nrate_hz: 44100\nfiles: [a.wav]\n",
         "64 hex digits"},
        {NB_PRINT_MASTER,
         "format: nightbus-master/1\nmix: v4\nmix_sha256: " HEX "\nrate_hz: 44100\nfiles: []\n",
         "at least one"},
        {NB_PRINT_MASTER,
         "format: nightbus-master/1\nmix: v4\nmix_sha256: " HEX
         "\nrate_hz: 44100\nfiles: [a/x.wav, b/X.wav]\n",
         "two are called X.wav"},
        {NB_PRINT_MASTER,
         "format: nightbus-master/1\nmix: v4\nmix_sha256: " HEX
         "\nrate_hz: 44100\nfiles: [a.wav]\nchain: []\n",
         "reserved"},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
        nb_error err = {0};
        assert_int_not_equal(parse(cases[i].text, cases[i].kind, NULL, &print, &err), NB_OK);
        assert_null(print);
        if (!strstr(err.text, cases[i].says)) {
            fail_msg("'%s' is not in: %s", cases[i].says, err.text);
        }
    }
}

static void more_files_than_a_master_has_are_refused(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_add(&text, "format: nightbus-master/1\nmix: v4\nmix_sha256: " HEX
                       "\nrate_hz: 44100\nfiles:\n");
    for (int i = 0; i <= NB_PRINT_FILES_MAX; i++) {
        nb_text_addf(&text, "  - f%d.wav\n", i);
    }
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    assert_fails(NB_E_INVALID, "at most 32", parse(text.chars, NB_PRINT_MASTER, NULL, &print, err));
    NB_SCOPED(nb_text_fini) nb_text name = {0};
    nb_text_add(&name, "format: nightbus-print/1\nrate_hz: 48000\nfile: ");
    for (int i = 0; i < 190; i++) {
        nb_text_add(&name, "x");
    }
    nb_text_add(&name, ".wav\n");
    assert_ok(parse(name.chars, NB_PRINT_MIX, NULL, &print, err)); // only one: it needs no name
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    const nb_print_file files[] = {{"songs/night/master/a 'b' #1, [c] & more.wav", {0}},
                                   {"songs/night/master/caf\xc3\xa9.flac", {0}}};
    const nb_print master = {.kind = NB_PRINT_MASTER,
                             .title = "A: \"Night\" \\o/",
                             .file_count = 2,
                             .files = files,
                             .rate_hz = 44100,
                             .starts_at_frame = INT64_C(158760000000),
                             .mix = "v12",
                             .mix_digest = {{1, 2, 3}}};
    NB_SCOPED(nb_text_free) char *text = nb_print_format(&master);
    NB_SCOPED(nb_print_destroy) nb_print *back = NULL;
    assert_non_null(text);
    assert_ok(parse(text, NB_PRINT_MASTER, NULL, &back, err));
    assert_string_equal(back->title, master.title);
    assert_int_equal(back->file_count, 2);
    assert_string_equal(back->files[0].path, files[0].path);
    assert_string_equal(back->files[1].path, files[1].path);
    assert_int_equal(back->rate_hz, 44100);
    assert_int_equal(back->starts_at_frame, master.starts_at_frame);
    assert_string_equal(back->mix, "v12");
    assert_true(nb_digest_equal(&back->mix_digest, &master.mix_digest));
}

static void the_digest_follows_bytes_start_and_mix_but_no_words(void **state)
{
    (void)state;
    static const char base[] = "format: nightbus-print/1\n" FILE "rate_hz: 48000\n";
    const nb_digest first = digest_of(base, NB_PRINT_MIX, "a");
    const nb_digest titled = digest_of("# a comment\nformat: nightbus-print/1\ntitle: T\n"
                                       "rate_hz: 48000\n" FILE,
                                       NB_PRINT_MIX, "a");
    const nb_digest other_bytes = digest_of(base, NB_PRINT_MIX, "b");
    const nb_digest later =
        digest_of("format: nightbus-print/1\n" FILE "rate_hz: 48000\nstarts_at_frame: 1\n",
                  NB_PRINT_MIX, "a");
    const nb_digest mended =
        digest_of("format: nightbus-print/1\n" FILE "rate_hz: 44100\n", NB_PRINT_MIX, "a");
    assert_false(nb_digest_equal(&first, &mended));
    assert_true(nb_digest_equal(&first, &titled));
    assert_false(nb_digest_equal(&first, &other_bytes));
    assert_false(nb_digest_equal(&first, &later));
#define MASTER_OF(version)                                                                         \
    "format: nightbus-master/1\nmix: " version "\nmix_sha256: " HEX                                \
    "\nrate_hz: 48000\nfiles: [a.wav]\n"
    const nb_digest of_v4 = digest_of(MASTER_OF("v4"), NB_PRINT_MASTER, "a");
    const nb_digest of_v5 = digest_of(MASTER_OF("v5"), NB_PRINT_MASTER, "a");
    assert_false(nb_digest_equal(&of_v4, &of_v5));
}

static void the_key_follows_the_bytes_and_their_decoder(void **state)
{
    (void)state;
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    assert_ok(parse("format: nightbus-print/1\n" FILE "rate_hz: 48000\n", NB_PRINT_MIX, NULL,
                    &print, err));
    nb_fingerprint fingerprint = {.core_revision = 1, .cpu_class = "any", .library_count = 1};
    snprintf(fingerprint.libraries[0].name, sizeof fingerprint.libraries[0].name, "sndfile");
    snprintf(fingerprint.libraries[0].version, sizeof fingerprint.libraries[0].version, "1.2.0");
    const nb_digest bytes = {{1}};
    const nb_digest other_bytes = {{2}};
    const nb_digest key = nb_print_key(print, &bytes, &fingerprint);
    const nb_digest other = nb_print_key(print, &other_bytes, &fingerprint);
    snprintf(fingerprint.libraries[0].version, sizeof fingerprint.libraries[0].version, "1.2.2");
    const nb_digest newer = nb_print_key(print, &bytes, &fingerprint);
    assert_false(nb_digest_equal(&key, &other));
    assert_false(nb_digest_equal(&key, &newer));
}

static void a_start_beyond_any_session_is_none(void **state)
{
    (void)state;
    assert_int_equal(nb_print_start(158760000), 158760000);
    assert_int_equal(nb_print_start(UINT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_print_names_its_file_its_rate_and_where_it_starts),
        cmocka_unit_test(a_master_pins_a_mix_and_names_its_files),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(more_files_than_a_master_has_are_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_digest_follows_bytes_start_and_mix_but_no_words),
        cmocka_unit_test(the_key_follows_the_bytes_and_their_decoder),
        cmocka_unit_test(a_start_beyond_any_session_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
