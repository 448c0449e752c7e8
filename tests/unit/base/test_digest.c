// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/digest.h"
#include "base/file.h"
#include "test.h"

#include <unistd.h>

static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void digests_are_those_of_fips_180(void **state)
{
    (void)state;
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest abc = nb_digest_of("abc", 3);
    nb_digest_to_hex(&abc, hex);
    assert_string_equal(hex, of_abc);
    const nb_digest nothing = nb_digest_of("", 0);
    nb_digest_to_hex(&nothing, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    for (int round = 0; round < 2; round++) { // finishing starts again
        nb_hasher_add(hasher, "a", 1);
        nb_hasher_add(hasher, "bc", 2);
        const nb_digest pieces = nb_hasher_finish(hasher);
        assert_true(nb_digest_equal(&pieces, &abc));
    }
}

static void hex_is_read_strictly(void **state)
{
    (void)state;
    nb_digest digest;
    assert_ok(nb_digest_from_hex(of_abc, &digest, err));
    const nb_digest abc = nb_digest_of("abc", 3);
    assert_int_equal(nb_digest_compare(&digest, &abc), 0);
    char hex[70];
    snprintf(hex, sizeof hex, "%s", of_abc);
    hex[0] = 'B';
    assert_int_not_equal(nb_digest_from_hex(hex, &digest, NULL), NB_OK);
    hex[0] = 'g';
    assert_int_not_equal(nb_digest_from_hex(hex, &digest, NULL), NB_OK);
    snprintf(hex, sizeof hex, "%s0", of_abc);
    assert_int_not_equal(nb_digest_from_hex(hex, &digest, NULL), NB_OK);
    hex[63] = '\0';
    assert_int_not_equal(nb_digest_from_hex(hex, &digest, NULL), NB_OK);
    assert_int_not_equal(nb_digest_from_bytes(hex, 31, &digest, NULL), NB_OK);
}

static void fields_cannot_run_into_each_other(void **state)
{
    (void)state;
    NB_SCOPED(nb_hasher_destroy) nb_hasher *hasher = nb_hasher_new();
    nb_hasher_add_string(hasher, "ab");
    nb_hasher_add_string(hasher, "c");
    const nb_digest first = nb_hasher_finish(hasher);
    nb_hasher_add_string(hasher, "a");
    nb_hasher_add_string(hasher, "bc");
    const nb_digest second = nb_hasher_finish(hasher);
    assert_false(nb_digest_equal(&first, &second));
    nb_hasher_add_double(hasher, 0.0);
    const nb_digest zero = nb_hasher_finish(hasher);
    nb_hasher_add_double(hasher, -0.0);
    const nb_digest minus_zero = nb_hasher_finish(hasher);
    assert_true(nb_digest_equal(&zero, &minus_zero));
}

static void a_file_has_the_digest_of_its_bytes(void **state)
{
    (void)state;
    char path[] = "/tmp/nightbus-digest-XXXXXX";
    close(mkstemp(path));
    enum { SIZE = 3000000 };
    char *bytes = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (char)(i * 31 >> 3);
    }
    assert_ok(nb_file_write(path, bytes, SIZE, 0600, err));
    nb_digest digest;
    uint64_t size = 0;
    assert_ok(nb_digest_of_file(path, &digest, &size, err));
    const nb_digest expected = nb_digest_of(bytes, SIZE);
    assert_true(nb_digest_equal(&digest, &expected));
    assert_int_equal(size, SIZE);
    free(bytes);
    unlink(path);
    assert_fails(NB_E_NOT_FOUND, path, nb_digest_of_file(path, &digest, NULL, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_fips_180),
        cmocka_unit_test(hex_is_read_strictly),
        cmocka_unit_test(fields_cannot_run_into_each_other),
        cmocka_unit_test(a_file_has_the_digest_of_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
