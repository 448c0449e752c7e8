// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/arena.h"
#include "test.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    nb_arena *arena = nb_arena_new();
    unsigned char *pieces[200];
    for (size_t i = 0; i < NB_COUNT(pieces); i++) {
        const size_t size = 1 + i * i * 7; // to 278 KB: some larger than any block
        pieces[i] = nb_arena_take(arena, size, 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 64, 0);
        for (size_t n = 0; n < size; n++) {
            assert_int_equal(pieces[i][n], 0);
        }
        memset(pieces[i], (int)(i + 1), size);
    }
    for (size_t i = 0; i < NB_COUNT(pieces); i++) {
        assert_int_equal(pieces[i][0], i + 1);
        assert_int_equal(pieces[i][i * i * 7], i + 1);
    }
    nb_arena_destroy(&arena);
    assert_null(arena);
    nb_arena_destroy(&arena);
}

static void what_cannot_be_had_is_null(void **state)
{
    (void)state;
    nb_arena *arena = nb_arena_new();
    assert_null(nb_arena_take(arena, SIZE_MAX, 2));
    assert_null(nb_arena_take(arena, SIZE_MAX / 2, 1));
    assert_null(nb_arena_take(NULL, 1, 1));
    assert_null(nb_arena_string(NULL, "x"));
    nb_arena_destroy(&arena);
}

static void a_limit_is_kept_and_said(void **state)
{
    (void)state;
    enum { MOST = 1 << 20 };
    nb_arena *arena = nb_arena_new_limited(MOST);
    assert_non_null(nb_arena_take(arena, MOST / 2, 1));
    assert_false(nb_arena_is_over_limit(arena));
    assert_null(nb_arena_take(arena, MOST / 2, 1)); // the arena's own bytes count
    assert_true(nb_arena_is_over_limit(arena));
    assert_non_null(nb_arena_take(arena, MOST / 4, 1));
    nb_arena_destroy(&arena);
    assert_false(nb_arena_is_over_limit(NULL));
}

static void strings_are_copies(void **state)
{
    (void)state;
    nb_arena *arena = nb_arena_new();
    char text[] = "kick";
    char *copy = nb_arena_string(arena, text);
    text[0] = 'x';
    assert_string_equal(copy, "kick");
    assert_string_equal(nb_arena_format(arena, "%s-%d", copy, 7), "kick-7");
    nb_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(what_cannot_be_had_is_null),
        cmocka_unit_test(a_limit_is_kept_and_said),
        cmocka_unit_test(strings_are_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
