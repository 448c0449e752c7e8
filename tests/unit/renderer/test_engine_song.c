// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.h"

#include "base/file.h"
#include "tests/test.h"

#include <unistd.h>

static void a_fingerprint_names_every_library_that_keys_can_ask_for(void **state)
{
    (void)state;
    static const char *const names[] = {"fftw3", "fftw3f", "libm", "sndfile", "soxr"};
    nb_fingerprint fingerprint;
    assert_ok(nb_engine_fingerprint(&fingerprint, err));
    assert_int_equal(fingerprint.core_revision, NB_ENGINE_REVISION);
    assert_int_equal(fingerprint.library_count, NB_COUNT(names));
    for (size_t i = 0; i < NB_COUNT(names); i++) {
        assert_string_equal(fingerprint.libraries[i].name, names[i]);
        assert_int_equal(strlen(fingerprint.libraries[i].probe), 16);
        assert_true(strlen(fingerprint.libraries[i].version) > 2);
    }
    for (size_t i = 0; i < nb_processor_count(); i++) {
        const char *const *needed = nb_processor_at(i)->libraries;
        for (; needed && *needed; needed++) {
            bool found = false;
            for (size_t j = 0; j < NB_COUNT(names); j++) {
                found |= strcmp(names[j], *needed) == 0;
            }
            assert_true(found);
        }
    }
}

static void a_fingerprint_travels_as_text(void **state)
{
    (void)state;
    nb_fingerprint fingerprint;
    nb_fingerprint again;
    char text[NB_FINGERPRINT_TEXT_MAX];
    char text_again[NB_FINGERPRINT_TEXT_MAX];
    assert_ok(nb_engine_fingerprint(&fingerprint, err));
    assert_ok(nb_fingerprint_format(&fingerprint, text, err));
    assert_ok(nb_fingerprint_parse(text, &again, err));
    assert_ok(nb_fingerprint_format(&again, text_again, err));
    assert_string_equal(text, text_again);
}

static void a_song_is_found_by_its_folder_and_by_its_document(void **state)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(*state, &song, &graph);
    assert_string_equal(song.album_path, *state);
    nb_song again = {0};
    nb_problems problems = {0};
    assert_ok(nb_song_open(rig_path(*state, "songs/everything/mix.yaml"), &problems, &again, err));
    assert_string_equal(again.document_path, song.document_path);
    assert_string_equal(again.album_path, song.album_path);
    nb_song_fini(&again);
    nb_problems_fini(&problems);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
}

static void a_folder_of_songs_is_an_album_without_an_album_document_too(void **state)
{
    static const char text[] = "format: nightbus-mix/1\ntitle: Bare\ntracks:\n"
                               "  - {id: a, clips: [{file: audio/a.wav}]}\n";
    nb_song song = {0};
    const char *path = rig_path(*state, "bare/songs/bare/mix.yaml");
    assert_ok(nb_file_make_parents(path, 0777, err));
    assert_ok(nb_file_write(path, text, sizeof text - 1, 0666, err));
    assert_ok(nb_song_open(rig_path(*state, "bare/songs/bare/mix.yaml"), NULL, &song, err));
    assert_string_equal(song.album_path, rig_path(*state, "bare"));
    nb_song_fini(&song);
}

static void a_document_outside_any_album_reads_from_its_own_folder(void **state)
{
    static const char text[] = "format: nightbus-mix/1\ntitle: Loose\ntracks:\n"
                               "  - {id: a, clips: [{file: a.wav}]}\n";
    rig_write_noise(rig_path(*state, "a.wav"), 48000, 1, 5000, 1, 0.5F);
    assert_ok(nb_file_write(rig_path(*state, "loose.yaml"), text, sizeof text - 1, 0666, err));
    nb_song song = {0};
    nb_problems problems = {0};
    nb_graph *graph = NULL;
    assert_ok(nb_song_open(rig_path(*state, "loose.yaml"), &problems, &song, err));
    assert_string_equal(song.album_path, *state);
    assert_ok(nb_song_graph(&song, &problems, &graph, err));
    assert_true(graph->frames >= 5000);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
    nb_problems_fini(&problems);
}

static void every_missing_file_is_listed(void **state)
{
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(*state, &song, &graph);
    nb_graph_destroy(&graph);
    assert_ok(nb_file_remove_all(rig_path(*state, "audio/mono44.wav"), err));
    assert_ok(nb_file_remove_all(rig_path(*state, "audio/impulse.wav"), err));
    nb_problems problems = {0};
    assert_fails(NB_E_INVALID, ".wav", nb_song_graph(&song, &problems, &graph, err));
    assert_int_equal(problems.total, 2);
    assert_null(graph);
    nb_problems_fini(&problems);
    nb_song_fini(&song);
}

static void a_folder_without_a_document_is_said(void **state)
{
    nb_song song = {0};
    nb_problems problems = {0};
    assert_fails(NB_E_NOT_FOUND, "mix.yaml", nb_song_open(*state, &problems, &song, err));
    assert_null(song.document_path);
    nb_problems_fini(&problems);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fingerprint_names_every_library_that_keys_can_ask_for),
        cmocka_unit_test(a_fingerprint_travels_as_text),
        TEST(a_song_is_found_by_its_folder_and_by_its_document),
        TEST(a_folder_of_songs_is_an_album_without_an_album_document_too),
        TEST(a_document_outside_any_album_reads_from_its_own_folder),
        TEST(every_missing_file_is_listed),
        TEST(a_folder_without_a_document_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
