// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"

#include "base/file.h"
#include "protocol/keys.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/nightbus-keys-XXXXXX");
    const bool made = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/sub/me.key", folder);
    return made ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return nb_file_remove_all(folder, NULL) == NB_OK ? 0 : -1;
}

static void a_saved_pair_is_private_and_comes_back(void **state)
{
    (void)state;
    nb_key_pair made, back;
    assert_ok(nb_key_pair_make(&made, err));
    assert_ok(nb_key_pair_save(&made, path, err));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_ok(nb_key_pair_load(path, &back, err));
    assert_string_equal(back.public_key.text, made.public_key.text);
    assert_string_equal(back.secret_text, made.secret_text);
}

static void a_key_that_is_there_is_never_overwritten(void **state)
{
    (void)state;
    nb_key_pair first, second, back;
    assert_ok(nb_key_pair_make(&first, err));
    assert_ok(nb_key_pair_make(&second, err));
    assert_string_not_equal(first.secret_text, second.secret_text);
    assert_ok(nb_key_pair_save(&first, path, err));
    assert_fails(NB_E_EXISTS, "already", nb_key_pair_save(&second, path, err));
    assert_ok(nb_key_pair_ensure(path, &back, err));
    assert_string_equal(back.secret_text, first.secret_text);
}

static void ensure_makes_a_pair_where_none_is(void **state)
{
    (void)state;
    nb_key_pair made, again;
    assert_ok(nb_key_pair_ensure(path, &made, err));
    assert_ok(nb_key_pair_ensure(path, &again, err));
    assert_string_equal(made.secret_text, again.secret_text);
}

static void a_key_that_others_may_read_is_refused_with_the_chmod(void **state)
{
    (void)state;
    nb_key_pair pair;
    assert_ok(nb_key_pair_ensure(path, &pair, err));
    static const mode_t modes[] = {0640, 0604, 0660, 0777};
    for (size_t i = 0; i < NB_COUNT(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_fails(NB_E_PERMISSION, "chmod 600", nb_key_pair_load(path, &pair, err));
        assert_int_equal(pair.secret_text[0], 0);
    }
}

static void a_damaged_key_file_is_refused(void **state)
{
    (void)state;
    nb_key_pair one, other;
    assert_ok(nb_key_pair_make(&one, err));
    assert_ok(nb_key_pair_make(&other, err));
    assert_ok(nb_file_make_parents(path, 0700, err));
    char text[256];
    int size = snprintf(text, sizeof text, "nightbus-key/1\npublic %s\nsecret %s\n",
                        one.public_key.text, other.secret_text);
    assert_ok(nb_file_write(path, text, (size_t)size, 0600, err));
    assert_fails(NB_E_CORRUPT, "public key", nb_key_pair_load(path, &one, err));
    size -= 5;
    assert_ok(nb_file_write(path, text, (size_t)size, 0600, err));
    assert_fails(NB_E_INVALID, "not a key file", nb_key_pair_load(path, &one, err));
    assert_ok(nb_file_write(path, "", 0, 0600, err));
    assert_fails(NB_E_INVALID, "not a key file", nb_key_pair_load(path, &one, err));
    unlink(path);
    assert_fails(NB_E_NOT_FOUND, "me.key", nb_key_pair_load(path, &one, err));
}

static void a_public_key_in_hex_comes_back(void **state)
{
    (void)state;
    nb_key_pair pair;
    nb_public_key back;
    char hex[65];
    assert_ok(nb_key_pair_make(&pair, err));
    assert_ok(nb_public_key_to_hex(&pair.public_key, hex, err));
    assert_int_equal(strlen(hex), 64);
    assert_ok(nb_public_key_from_hex(hex, &back, err));
    assert_string_equal(back.text, pair.public_key.text);
    hex[5] = 'g';
    assert_fails(NB_E_INVALID, "64 hex digits", nb_public_key_from_hex(hex, &back, err));
    hex[5] = '\0';
    assert_fails(NB_E_INVALID, "64 hex digits", nb_public_key_from_hex(hex, &back, err));
    const nb_public_key wrong = {"short"};
    assert_fails(NB_E_INVALID, "not a public key", nb_public_key_to_hex(&wrong, hex, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_saved_pair_is_private_and_comes_back, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_key_that_is_there_is_never_overwritten, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(ensure_makes_a_pair_where_none_is, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_key_that_others_may_read_is_refused_with_the_chmod,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_damaged_key_file_is_refused, make_folder, remove_folder),
        cmocka_unit_test(a_public_key_in_hex_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
