// SPDX-License-Identifier: GPL-3.0-or-later
// A render with its nth allocation failing, for every n: an error in words, no file, no leak, no
// crash. The linker's --wrap gives us every allocation of our own code; libraries keep theirs.
#include "rig.h"

#include "base/file.h"
#include "tests/test.h"

#include <errno.h>

static unsigned long allocations;
static unsigned long failing; ///< 0: none

static bool fails_now(void)
{
    const unsigned long number = __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    const bool now = number == __atomic_load_n(&failing, __ATOMIC_RELAXED);
    if (now) {
        errno = ENOMEM;
    }
    return now;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) { return fails_now() ? NULL : __real_malloc(size); }

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text) { return fails_now() ? NULL : __real_strdup(text); }

static void each_failed_allocation_is_an_error_in_words(void **state)
{
    enum { TRIES_MAX = 100000 };
    nb_song song = {0};
    nb_graph *graph = NULL;
    rig_everything(*state, &song, &graph);
    const nb_render_options options = {
        .threads = 2, .to_frame = 20000, .locate = nb_song_locate, .locate_context = &song};
    char path[512];
    (void)snprintf(path, sizeof path, "%s/mix.wav", (const char *)*state);
    unsigned long tries = 0;
    nb_status status = NB_E_NO_MEMORY;
    while (status != NB_OK && tries < TRIES_MAX) {
        nb_report report = {0};
        nb_error error = {0};
        __atomic_store_n(&allocations, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&failing, ++tries, __ATOMIC_RELAXED);
        status = rig_render(graph, &options, path, &report, &error);
        __atomic_store_n(&failing, 0, __ATOMIC_RELAXED);
        nb_report_fini(&report);
        if (status != NB_OK) {
            if (status != NB_E_NO_MEMORY || error.status != status || !error.text[0]) {
                fail_msg("allocation %lu: %s '%s'", tries, nb_status_name(status), error.text);
            }
            assert_false(nb_file_exists(path));
        }
    }
    assert_int_equal(status, NB_OK); // at last there were fewer allocations than that
    assert_true(tries > 50);
    nb_graph_destroy(&graph);
    nb_song_fini(&song);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_failed_allocation_is_an_error_in_words, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
