// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/cache.h"

#include "base/file.h"
#include "base/text.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char good[] = "thirty-two bars of brushed snare";
static const char bad[] = "thirty-two bars of brushed SNARE";

typedef struct place {
    char folder[32];
    nb_cache *cache;
    nb_digest id;
    char *path;
} place;

static place open_place(void)
{
    place made = {.folder = "/tmp/nightbus-cache.XXXXXX", .id = nb_digest_of(good, sizeof good)};
    assert_non_null(mkdtemp(made.folder));
    assert_ok(nb_cache_open(made.folder, 1 << 20, &made.cache, err));
    assert_ok(nb_cache_path(made.cache, &made.id, &made.path, err));
    return made;
}

static void close_place(place *self)
{
    nb_cache_destroy(&self->cache);
    free(self->path);
    assert_ok(nb_file_remove_all(self->folder, err));
}

static void write_file(const char *path, const char *text)
{
    assert_ok(nb_file_write(path, text, sizeof good, 0600, err));
}

static void a_file_is_there_when_it_hashes_to_its_name(void **state)
{
    (void)state;
    place here = open_place();
    assert_false(nb_cache_has(here.cache, &here.id, sizeof good));
    write_file(here.path, good);
    assert_true(nb_cache_has(here.cache, &here.id, sizeof good));
    assert_true(nb_cache_has(here.cache, &here.id, sizeof good));
    assert_false(nb_cache_has(here.cache, &here.id, sizeof good + 1));
    close_place(&here);
}

static void a_file_that_changed_after_its_check_is_found_out(void **state)
{
    (void)state;
    for (int in_place = 0; in_place < 2; in_place++) {
        place here = open_place();
        write_file(here.path, good);
        assert_true(nb_cache_has(here.cache, &here.id, sizeof good));
        struct stat before;
        assert_int_equal(stat(here.path, &before), 0);
        if (in_place) {
            FILE *file = fopen(here.path, "r+");
            assert_non_null(file);
            assert_int_equal(fwrite(bad, sizeof bad, 1, file), 1);
            fclose(file);
            // Not even the old times hide it.
            const struct timespec times[] = {before.st_atim, before.st_mtim};
            assert_int_equal(utimensat(AT_FDCWD, here.path, times, 0), 0);
        } else {
            write_file(here.path, bad);
        }
        assert_false(nb_cache_has(here.cache, &here.id, sizeof good));
        assert_false(nb_file_exists(here.path)); // it is fetched again
        close_place(&here);
    }
}

static void a_file_of_the_store_that_changed_after_its_check_is_found_out(void **state)
{
    (void)state;
    place here = open_place();
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s/in-the-store", here.folder);
    assert_false(nb_cache_is_sound(here.cache, &here.id, path));
    write_file(path, good);
    assert_true(nb_cache_is_sound(here.cache, &here.id, path));
    assert_true(nb_cache_is_sound(here.cache, &here.id, path));
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fwrite(bad, sizeof bad, 1, file), 1);
    fclose(file);
    assert_false(nb_cache_is_sound(here.cache, &here.id, path));
    assert_true(nb_file_exists(path)); // it is the store's
    close_place(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_there_when_it_hashes_to_its_name),
        cmocka_unit_test(a_file_that_changed_after_its_check_is_found_out),
        cmocka_unit_test(a_file_of_the_store_that_changed_after_its_check_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
