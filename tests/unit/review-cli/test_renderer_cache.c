// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "base/text.h"
#include "renderer/node/cache.h"
#include "tests/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/nightbus-cache-XXXXXX";

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

/// A blob of `size` bytes, all `fill`, last used at `used_s`.
static nb_digest put(const nb_cache *cache, char fill, size_t size, time_t used_s)
{
    char bytes[1000];
    memset(bytes, fill, sizeof bytes);
    const nb_digest id = nb_digest_of(bytes, size);
    NB_SCOPED(nb_text_free) char *path = NULL;
    assert_ok(nb_cache_path(cache, &id, &path, err));
    assert_ok(nb_file_write(path, bytes, size, 0666, err));
    const struct timespec times[2] = {{used_s, 0}, {used_s, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    return id;
}

static void what_was_used_longest_ago_goes_first(void **state)
{
    (void)state;
    NB_SCOPED(nb_cache_destroy) nb_cache *cache = NULL;
    assert_ok(nb_cache_open(root, 1000, &cache, err));
    const nb_digest middle = put(cache, 'm', 400, 2000);
    const nb_digest oldest = put(cache, 'o', 300, 1000);
    const nb_digest newest = put(cache, 'n', 200, 3000);
    assert_ok(nb_cache_make_room(cache, 100, INT64_MAX, err)); // all fits
    assert_true(nb_cache_has(cache, &newest, 200));
    assert_ok(nb_cache_make_room(cache, 400, INT64_MAX, err));
    assert_false(nb_cache_has(cache, &oldest, 300));
    assert_true(nb_cache_has(cache, &middle, 400));
    assert_true(nb_cache_has(cache, &newest, 200));
}

static void what_the_task_at_hand_uses_is_never_removed(void **state)
{
    (void)state;
    NB_SCOPED(nb_cache_destroy) nb_cache *cache = NULL;
    assert_ok(nb_cache_open(root, 1000, &cache, err));
    const nb_digest used = put(cache, 'u', 800, 1000);
    assert_true(nb_cache_has(cache, &used, 800)); // marks it
    assert_fails(NB_E_LIMIT, "--cache-gb", nb_cache_make_room(cache, 300, 2000 * 1000, err));
    assert_true(nb_cache_has(cache, &used, 800));
}

static void a_damaged_blob_is_not_given_out(void **state)
{
    (void)state;
    NB_SCOPED(nb_cache_destroy) nb_cache *cache = NULL;
    NB_SCOPED(nb_text_free) char *path = NULL;
    assert_ok(nb_cache_open(root, 1000, &cache, err));
    const nb_digest id = put(cache, 'x', 100, 1000);
    assert_ok(nb_cache_path(cache, &id, &path, err));
    assert_ok(nb_file_write(path, "other bytes", 11, 0666, err));
    assert_false(nb_cache_has(cache, &id, 100));
    assert_false(nb_file_exists(path));
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(what_was_used_longest_ago_goes_first),
        IN_A_FOLDER(what_the_task_at_hand_uses_is_never_removed),
        IN_A_FOLDER(a_damaged_blob_is_not_given_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
