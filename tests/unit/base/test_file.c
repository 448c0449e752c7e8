// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/nightbus-file-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return nb_file_remove_all(folder, NULL) == NB_OK && !nb_file_exists(folder) ? 0 : -1;
}

static size_t count_entries(void)
{
    DIR *dir = opendir(folder);
    size_t count = 0;
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count - 2; // "." and ".."
}

static void assert_holds(const char *path, const char *expected)
{
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_file_read(path, 1000, &bytes, &size, err));
    assert_int_equal(size, strlen(expected));
    assert_string_equal(bytes, expected);
}

static void a_file_is_written_whole_with_its_mode(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "key");
    assert_ok(nb_file_write(path, "one", 3, 0600, err));
    assert_ok(nb_file_write(path, "second", 6, 0600, err));
    assert_holds(path, "second");
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(count_entries(), 1);
}

static void a_failed_write_leaves_the_old_file_and_no_draft(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "there");
    assert_ok(nb_file_make_folders(path, 0700, err));
    assert_int_not_equal(nb_file_write(path, "x", 1, 0600, NULL), NB_OK); // a folder has the name
    assert_true(nb_file_is_folder(path));
    assert_int_equal(count_entries(), 1);
    assert_fails(NB_E_NOT_FOUND, "none", nb_file_write("/tmp/none/such/x", "x", 1, 0600, err));
}

static void a_draft_shows_only_when_committed(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "draft");
    {
        NB_SCOPED(nb_file_draft_fini) nb_file_draft draft = {0};
        assert_ok(nb_file_draft_open(path, &draft, err));
        fputs("half", draft.stream);
        assert_false(nb_file_exists(path));
        assert_int_equal(count_entries(), 1);
    }
    assert_int_equal(count_entries(), 0);
    NB_SCOPED(nb_file_draft_fini) nb_file_draft draft = {0};
    assert_ok(nb_file_draft_open(path, &draft, err));
    fputs("whole", draft.stream);
    assert_ok(nb_file_draft_commit(&draft, err));
    assert_holds(path, "whole");
    assert_int_equal(count_entries(), 1);
}

static void publishing_moves_a_file_over_another(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *from = nb_file_join(folder, "from");
    NB_SCOPED(nb_text_free) char *to = nb_file_join(folder, "to");
    assert_ok(nb_file_write(from, "new", 3, 0644, err));
    assert_ok(nb_file_write(to, "old", 3, 0644, err));
    assert_ok(nb_file_publish(from, to, err));
    assert_holds(to, "new");
    assert_false(nb_file_exists(from));
    assert_int_not_equal(nb_file_publish(from, to, NULL), NB_OK);
    assert_holds(to, "new");
}

static void reading_has_a_limit_and_wants_a_file(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ten");
    char *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_file_write(path, "0123456789", 10, 0644, err));
    assert_fails(NB_E_LIMIT, "ten: 10 bytes", nb_file_read(path, 9, &bytes, &size, err));
    assert_null(bytes);
    assert_fails(NB_E_INVALID, "is not a file", nb_file_read(folder, 9, &bytes, &size, err));
    assert_fails(NB_E_NOT_FOUND, "none", nb_file_read("/none", 9, &bytes, &size, err));
    uint64_t bytes_there = 0;
    assert_ok(nb_file_size(path, &bytes_there, err));
    assert_int_equal(bytes_there, 10);
}

static void removing_follows_no_link(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *kept = nb_file_join(folder, "kept/inside");
    NB_SCOPED(nb_text_free) char *target = nb_file_join(folder, "kept");
    NB_SCOPED(nb_text_free) char *gone = nb_file_join(folder, "gone");
    NB_SCOPED(nb_text_free) char *link = nb_file_join(folder, "gone/link");
    assert_ok(nb_file_make_parents(kept, 0700, err));
    assert_ok(nb_file_make_folders(gone, 0700, err));
    assert_ok(nb_file_make_folders(gone, 0700, err)); // there already
    assert_ok(nb_file_write(kept, "x", 1, 0600, err));
    assert_int_equal(symlink(target, link), 0);
    assert_ok(nb_file_remove_all(gone, err));
    assert_false(nb_file_exists(gone));
    assert_true(nb_file_exists(kept));
    assert_ok(nb_file_remove_all(gone, err)); // absent is fine
}

static void one_file_is_known_by_any_path_and_by_its_bytes(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "one");
    NB_SCOPED(nb_text_free) char *other = nb_file_join(folder, "other");
    NB_SCOPED(nb_text_free) char *around = nb_file_join(folder, "./one");
    assert_ok(nb_file_write(path, "same", 4, 0600, err));
    assert_ok(nb_file_write(other, "same", 4, 0600, err));
    assert_true(nb_file_is_same(path, around));
    assert_false(nb_file_is_same(path, other));
    assert_false(nb_file_is_same(path, "/nowhere"));
    const nb_digest digest = nb_digest_of("same", 4);
    const nb_digest wrong = nb_digest_of("else", 4);
    assert_true(nb_digest_is_of_file(&digest, 4, other));
    assert_false(nb_digest_is_of_file(&digest, 5, other));
    assert_false(nb_digest_is_of_file(&wrong, 4, other));
    assert_false(nb_digest_is_of_file(&digest, 4, "/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_written_whole_with_its_mode, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file_and_no_draft,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_draft_shows_only_when_committed, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(publishing_moves_a_file_over_another, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(reading_has_a_limit_and_wants_a_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(one_file_is_known_by_any_path_and_by_its_bytes, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(removing_follows_no_link, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
