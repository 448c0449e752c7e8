// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/audio_file.h"
#include "base/file.h"
#include "base/text.h"
#include "review-cli/collect.h"
#include "review-cli/folder.h"
#include "review-cli/pull.h"
#include "review-cli/stat_cache.h"
#include "tests/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/nightbus-folder-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return nb_file_remove_all(root, NULL) == NB_OK ? 0 : -1;
}

static void write_file(const char *path, const char *text)
{
    NB_SCOPED(nb_text_free) char *full = nb_file_join(root, path);
    assert_ok(nb_file_make_parents(full, 0777, err));
    assert_ok(nb_file_write(full, text, strlen(text), 0666, err));
}

/// Old enough that the stat cache trusts its times.
static void make_old(const char *path)
{
    NB_SCOPED(nb_text_free) char *full = nb_file_join(root, path);
    const struct timespec times[2] = {{1700000000, 0}, {1700000000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
}

static void write_audio(const char *path)
{
    NB_SCOPED(nb_text_free) char *full = nb_file_join(root, path);
    const float frames[200] = {0.5f};
    nb_audio_writer *writer = NULL;
    assert_ok(nb_file_make_parents(full, 0777, err));
    assert_ok(nb_audio_writer_open(full, 48000, 2, 100, &writer, err));
    assert_ok(nb_audio_writer_write(writer, frames, 100, err));
    assert_ok(nb_audio_writer_close(&writer, err));
}

static void write_song(const char *song, const char *audio)
{
    NB_SCOPED(nb_text_free) char *path = nb_text_format("songs/%s/mix.yaml", song);
    NB_SCOPED(nb_text_free)
    char *text = nb_text_format("format: nightbus-mix/1\ntitle: T\nrate_hz: 48000\ntracks:\n"
                                "  - id: t1\n    clips:\n"
                                "      - {id: c1, file: %s, at: 0}\n"
                                "      - {id: c2, file: %s, at: 1}\n",
                                audio, audio);
    write_file(path, text);
}

static nb_collection collect(void)
{
    nb_stat_cache *cache = NULL;
    nb_collection collection;
    assert_ok(nb_stat_cache_open(NULL, root, &cache, err));
    assert_ok(nb_collect(root, cache, NULL, &collection, err));
    nb_stat_cache_destroy(&cache);
    return collection;
}

static uint64_t hashed;

static void count_hashed(void *context, uint64_t bytes)
{
    (void)context;
    hashed += bytes;
}

static nb_digest digest_of(nb_stat_cache *cache, const char *path)
{
    nb_digest digest = {0};
    uint64_t size = 0;
    hashed = 0;
    assert_ok(nb_stat_cache_digest(cache, path, count_hashed, NULL, NULL, &digest, &size, err));
    return digest;
}

static void a_file_is_hashed_once_until_it_changes(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *cache_path = nb_file_join(root, "cache.json");
    NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *cache = NULL;
    write_file("a.txt", "one");
    make_old("a.txt");
    assert_ok(nb_stat_cache_open(cache_path, root, &cache, err));
    const nb_digest first = digest_of(cache, "a.txt");
    assert_int_equal(hashed, 3);
    assert_ok(nb_stat_cache_save(cache, err));
    nb_stat_cache_destroy(&cache);
    assert_ok(nb_stat_cache_open(cache_path, root, &cache, err));
    const nb_digest known = digest_of(cache, "a.txt");
    assert_int_equal(hashed, 0);
    assert_true(nb_digest_equal(&first, &known));
    write_file("a.txt", "two"); // same size, another inode and time
    make_old("a.txt");
    const nb_digest second = digest_of(cache, "a.txt");
    assert_int_equal(hashed, 3);
    assert_false(nb_digest_equal(&first, &second));
}

static void a_file_written_this_instant_is_not_trusted(void **state)
{
    (void)state;
    NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *cache = NULL;
    assert_ok(nb_stat_cache_open(NULL, root, &cache, err));
    write_file("a.txt", "one");
    digest_of(cache, "a.txt");
    digest_of(cache, "a.txt");
    assert_int_equal(hashed, 3);
}

static void a_damaged_cache_is_an_empty_one(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *cache_path = nb_file_join(root, "cache.json");
    static const char *const damaged[] = {"", "[]", "{\"a.txt\": [1]}", "{\"a.txt\": 7}", "{{{"};
    write_file("a.txt", "one");
    make_old("a.txt");
    for (size_t i = 0; i < NB_COUNT(damaged); i++) {
        NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *cache = NULL;
        write_file("cache.json", damaged[i]);
        assert_ok(nb_stat_cache_open(cache_path, root, &cache, err));
        digest_of(cache, "a.txt");
        assert_int_equal(hashed, 3);
    }
}

static void a_missing_file_and_a_folder_have_no_digest(void **state)
{
    (void)state;
    NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *cache = NULL;
    nb_digest digest;
    uint64_t size = 0;
    write_file("d/x", "");
    assert_ok(nb_stat_cache_open(NULL, root, &cache, err));
    assert_fails(NB_E_NOT_FOUND, "gone",
                 nb_stat_cache_digest(cache, "gone", NULL, NULL, NULL, &digest, &size, err));
    assert_fails(NB_E_INVALID, "not a file",
                 nb_stat_cache_digest(cache, "d", NULL, NULL, NULL, &digest, &size, err));
}

static void documents_and_the_audio_they_name_are_collected(void **state)
{
    (void)state;
    write_file("album.yaml", "format: nightbus-album/1\n");
    write_file("README.md", "hello");
    write_file("songs/night/lyrics.txt", "la");
    write_file("songs/night/mix.yaml.theirs", "x");
    write_file("songs/night/.hidden.txt", "x");
    write_file("notes.txt", "not of the album");
    write_audio("audio/used.wav");
    write_audio("audio/old/loose.wav");
    write_song("night", "audio/used.wav");
    NB_SCOPED(nb_collection_fini) nb_collection found = collect();
    assert_int_equal(found.problem_count, 0);
    assert_int_equal(found.song_count, 1);
    assert_int_equal(found.manifest.file_count, 5);
    assert_non_null(nb_manifest_find(&found.manifest, "audio/used.wav"));
    assert_non_null(nb_manifest_find(&found.manifest, "songs/night/lyrics.txt"));
    assert_null(nb_manifest_find(&found.manifest, "audio/old/loose.wav"));
    assert_int_equal(found.loose_count, 1);
    assert_string_equal(found.loose[0], "audio/old/loose.wav");
}

static void all_problems_of_all_songs_are_told_with_their_place(void **state)
{
    (void)state;
    write_audio("audio/kick.wav");
    write_file("audio/text.wav", "no audio at all");
    write_song("one", "audio/kik.wav");
    write_song("two", "audio/text.wav");
    write_song("Not An Id", "audio/kick.wav");
    write_file("songs/three/mix.yaml", "format: nightbus-mix/1\nrate_hz: 12\ntitel: x\n");
    NB_SCOPED(nb_collection_fini) nb_collection found = collect();
    assert_true(found.problem_count >= 5);
    assert_non_null(strstr(found.problems.chars, "songs/one/mix.yaml:7:"));
    assert_non_null(strstr(found.problems.chars, "did you mean audio/kick.wav?"));
    assert_non_null(strstr(found.problems.chars, "songs/two/mix.yaml:7:"));
    assert_non_null(strstr(found.problems.chars, "audio/text.wav"));
    assert_non_null(strstr(found.problems.chars, "no song id"));
    assert_non_null(strstr(found.problems.chars, "songs/three/mix.yaml:2:"));
}

static void an_empty_folder_has_nothing(void **state)
{
    (void)state;
    NB_SCOPED(nb_collection_fini) nb_collection found = collect();
    assert_int_equal(found.song_count, 0);
    assert_int_equal(found.manifest.file_count, 0);
    assert_int_equal(found.problem_count, 0);
}

static void a_working_folder_remembers_its_base(void **state)
{
    (void)state;
    NB_SCOPED(nb_folder_fini) nb_folder made = {0};
    NB_SCOPED(nb_folder_fini) nb_folder opened = {0};
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    const nb_digest digest = nb_digest_of("x", 1);
    NB_SCOPED(nb_text_free) char *below = nb_file_join(root, "songs/night");
    assert_ok(nb_file_make_folders(below, 0777, err));
    assert_ok(nb_folder_make(root, "late-trains", "tcp://h:1/ab", &made, err));
    assert_null(made.base);
    assert_ok(nb_manifest_add(&manifest, "album.yaml", &digest, 1, err));
    assert_ok(nb_folder_set_base(&made, "0123abc", &manifest, err));
    NB_SCOPED(nb_text_free) char *found = nb_folder_find(below);
    assert_non_null(found);
    assert_ok(nb_folder_open_at(found, &opened, err));
    assert_string_equal(opened.album, "late-trains");
    assert_string_equal(opened.base, "0123abc");
    const nb_manifest_file *file = nb_manifest_find(&opened.manifest, "album.yaml");
    assert_non_null(file);
    assert_true(nb_digest_equal(&file->digest, &digest));
    NB_SCOPED(nb_text_free) char *farm = nb_folder_farm(root);
    assert_string_equal(farm, "tcp://h:1/ab");
}

static void a_damaged_state_is_an_error_in_words(void **state)
{
    (void)state;
    nb_folder folder;
    static const char *const damaged[] = {
        "",
        "[]",
        "{}",
        "{\"format\": \"nightbus-folder/9\"}",
        "{\"format\": \"nightbus-folder/1\"}",
        "{\"format\": \"nightbus-folder/1\", \"album\": \"a\", \"manifest\": {}}",
        "{\"format\": 7}"};
    for (size_t i = 0; i < NB_COUNT(damaged); i++) {
        nb_error err = {0};
        write_file(".nightbus/state.json", damaged[i]);
        assert_int_not_equal(nb_folder_open_at(root, &folder, &err), NB_OK);
        assert_true(err.text[0] != '\0');
    }
}

static void pull_takes_what_only_they_changed_and_nothing_else(void **state)
{
    (void)state;
    const nb_digest a = nb_digest_of("a", 1);
    const nb_digest b = nb_digest_of("b", 1);
    const nb_digest c = nb_digest_of("c", 1);
    const struct {
        const nb_digest *base, *head, *here;
        nb_pull_action action;
    } cases[] = {
        {&a, &a, &a, NB_PULL_KEEP},       {&a, &a, &b, NB_PULL_KEEP}, // only we changed it
        {&a, &a, NULL, NB_PULL_KEEP},     {&a, &b, &b, NB_PULL_KEEP}, // both the same way
        {&a, &b, &a, NB_PULL_TAKE},       {NULL, &a, NULL, NB_PULL_TAKE},
        {&a, &b, NULL, NB_PULL_TAKE},     {&a, NULL, &a, NB_PULL_REMOVE},
        {&a, NULL, NULL, NB_PULL_KEEP},   {&a, &b, &c, NB_PULL_CONFLICT},
        {NULL, &a, &b, NB_PULL_CONFLICT}, {&a, NULL, &b, NB_PULL_STAYS},
        {NULL, NULL, &a, NB_PULL_KEEP},
    };
    for (size_t i = 0; i < NB_COUNT(cases); i++) {
        assert_int_equal(nb_pull_decide(cases[i].base, cases[i].head, cases[i].here),
                         cases[i].action);
    }
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_file_is_hashed_once_until_it_changes),
        IN_A_FOLDER(a_file_written_this_instant_is_not_trusted),
        IN_A_FOLDER(a_damaged_cache_is_an_empty_one),
        IN_A_FOLDER(a_missing_file_and_a_folder_have_no_digest),
        IN_A_FOLDER(documents_and_the_audio_they_name_are_collected),
        IN_A_FOLDER(all_problems_of_all_songs_are_told_with_their_place),
        IN_A_FOLDER(an_empty_folder_has_nothing),
        IN_A_FOLDER(a_working_folder_remembers_its_base),
        IN_A_FOLDER(a_damaged_state_is_an_error_in_words),
        cmocka_unit_test(pull_takes_what_only_they_changed_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
