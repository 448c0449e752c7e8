// SPDX-License-Identifier: GPL-3.0-or-later
// Loose objects become packs, and a git that looks on sees nothing of it.
//
//     test_repacker [NOTES]
//
// NOTES is how many are written one by one, a few hundred in a test run; says what it found.
#include "coordinator/repacker.h"

#include "base/clock.h"
#include "coordinator/backup.h"
#include "coordinator/revisions.h"
#include "scratch.h"

#include <git2.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static size_t notes_wanted = 300;

typedef struct shelf {
    char *folder; ///< Of the album
    nb_blob_store *store;
    nb_revisions *album;
} shelf;

static shelf open_shelf(const char *data)
{
    NB_SCOPED(nb_text_free) char *store = nb_file_join(data, "store");
    shelf made = {.folder = nb_file_join(data, "albums/night.git")};
    assert_ok(nb_revisions_start(err));
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0); // the notes only; what is tested flushes
    assert_ok(nb_file_make_parents(made.folder, 0700, err));
    assert_ok(nb_blob_store_open(store, &made.store, err));
    assert_ok(nb_revisions_open(made.folder, made.store, &made.album, err));
    return made;
}

static void close_shelf(shelf *self)
{
    nb_revisions_close(&self->album);
    nb_blob_store_destroy(&self->store);
    nb_revisions_stop();
    free(self->folder);
}

static void push(shelf *self)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    static const char mix[] = "title: Night\n";
    nb_digest digest;
    assert_ok(nb_blob_store_put(self->store, mix, strlen(mix), &digest, err));
    assert_ok(nb_manifest_add(&manifest, "songs/night/mix.yaml", &digest, strlen(mix), err));
    const nb_revision_draft draft = {.person = "ada",
                                     .time_ms = 1700000000000,
                                     .message = "first",
                                     .client_id = {1},
                                     .manifest = &manifest};
    assert_ok(nb_revisions_commit(self->album, &draft, err));
}

static void add_notes(shelf *self, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        char line[160];
        snprintf(line, sizeof line, "{\"id\": %zu, \"text\": \"a little more of the bells\"}", i);
        assert_ok(nb_revisions_review_add(self->album, nb_revisions_head(self->album), line, "bert",
                                          1700000000000 + (int64_t)i, err));
    }
}

static size_t count_loose(const shelf *self)
{
    NB_SCOPED(nb_text_free)
    char *said = scratch_run(self->folder, "git -C \"$D\" count-objects | cut -d' ' -f1");
    return strtoul(said, NULL, 10);
}

// Plain git finds nothing to complain of, and all notes.
static void check_whole(const shelf *self, size_t notes)
{
    NB_SCOPED(nb_text_free)
    char *fsck =
        scratch_run(self->folder, "git -C \"$D\" fsck --strict --no-dangling --no-progress");
    assert_string_equal(fsck, "");
    NB_SCOPED(nb_text_free)
    char *counted = scratch_run(
        self->folder, "git -C \"$D\" notes --ref refs/notes/review show main | grep -c bells");
    assert_int_equal(strtoul(counted, NULL, 10), notes);
    NB_SCOPED(nb_text_free) char *lines = NULL;
    assert_ok(nb_revisions_review(self->album, nb_revisions_head(self->album), &lines, err));
    size_t own = 0;
    for (const char *c = lines; *c; c++) {
        own += (*c == '\n') ? 1 : 0;
    }
    assert_int_equal(own, notes);
}

static void many_loose_objects_become_a_pack_that_any_git_reads(void **state)
{
    shelf here = open_shelf(*state);
    size_t packed = 0;
    push(&here);
    add_notes(&here, 0, notes_wanted);
    const size_t before = count_loose(&here);
    assert_true(before >= 2 * notes_wanted);
    assert_ok(nb_repack(here.folder, before + 1, NULL, &packed, err));
    assert_int_equal(packed, 0);
    assert_int_equal(count_loose(&here), before);

    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    const clock_t start = clock();
    assert_ok(nb_repack(here.folder, before, NULL, &packed, err));
    print_message("%zu notes: %zu loose objects, then %zu; %.2f CPU seconds\n", notes_wanted,
                  before, count_loose(&here), (double)(clock() - start) / CLOCKS_PER_SEC);
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
    assert_int_equal(packed, before);
    assert_int_equal(count_loose(&here), 0);
    check_whole(&here, notes_wanted);

    // The album goes on, in the handle that was open all along.
    add_notes(&here, notes_wanted, 3);
    check_whole(&here, notes_wanted + 3);
    close_shelf(&here);
}

static void what_can_t_be_read_stays_where_it_is(void **state)
{
    shelf here = open_shelf(*state);
    size_t packed = 0;
    push(&here);
    add_notes(&here, 0, 20);
    free(scratch_run(here.folder, "echo words | git -C \"$D\" hash-object -w --stdin | "
                                  "tee \"$D/id\"; f=$(cut -c1-2 \"$D/id\")/$(cut -c3- "
                                  "\"$D/id\"); chmod u+w \"$D/objects/$f\"; "
                                  "echo rot >\"$D/objects/$f\""));
    const size_t before = count_loose(&here);
    assert_ok(nb_repack(here.folder, 1, NULL, &packed, err));
    assert_int_equal(packed, before - 1);
    assert_int_equal(count_loose(&here), 1);
    close_shelf(&here);
}

static void one_that_is_stopped_changes_nothing(void **state)
{
    shelf here = open_shelf(*state);
    size_t packed = 0;
    atomic_bool stop = true;
    push(&here);
    add_notes(&here, 0, 20);
    const size_t before = count_loose(&here);
    (void)!nb_repack(here.folder, 1, &stop, &packed, NULL);
    assert_int_equal(packed, 0);
    assert_int_equal(count_loose(&here), before);
    check_whole(&here, 20);
    close_shelf(&here);
}

// Killed at some moment of its work, again and again.
static void a_crash_in_the_middle_loses_nothing(void **state)
{
    shelf here = open_shelf(*state);
    size_t notes = 0;
    push(&here);
    for (int64_t after_ms = 0; after_ms < 36; after_ms += 6) {
        add_notes(&here, notes, 60);
        notes += 60;
        const pid_t child = fork();
        if (child == 0) {
            size_t packed = 0;
            (void)!nb_repack(here.folder, 1, NULL, &packed, NULL);
            _exit(0);
        }
        assert_true(child > 0);
        nb_clock_sleep_ms(after_ms);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        check_whole(&here, notes);
    }
    free(scratch_run(here.folder, "touch \"$D\"/objects/pack/pack_git2_x"));
    close_shelf(&here);
    here = open_shelf(*state); // what a crash left of a pack goes
    NB_SCOPED(nb_text_free)
    char *left = scratch_run(here.folder, "find \"$D\"/objects/pack -name 'pack_git2_*'");
    assert_string_equal(left, "");
    check_whole(&here, notes);
    close_shelf(&here);
}

static bool wait_for_packs(const shelf *self, int64_t timeout_ms)
{
    const int64_t until_ms = nb_clock_ms() + timeout_ms;
    while (count_loose(self) >= NB_REPACK_LEAST) {
        if (nb_clock_ms() > until_ms) {
            return false;
        }
        nb_clock_sleep_ms(100);
    }
    return true;
}

static void the_thread_packs_while_notes_come_but_not_while_a_backup_runs_or_words_go(void **state)
{
    shelf here = open_shelf(*state);
    nb_repacker *repacker = NULL;
    int backup = -1;
    push(&here);
    add_notes(&here, 0, 400);
    assert_true(count_loose(&here) >= NB_REPACK_LEAST);
    assert_ok(nb_backup_hold_collection(*state, &backup, err));
    assert_ok(nb_repacker_new(*state, 10, &repacker, err));
    assert_false(wait_for_packs(&here, 300));
    nb_repacker_hold(repacker);
    close(backup);
    assert_false(wait_for_packs(&here, 300));
    assert_true(nb_backup_may_collect(*state, &backup)); // as erasing asks
    close(backup);
    nb_repacker_resume(repacker);
    add_notes(&here, 400, 50);
    assert_true(wait_for_packs(&here, 60000));
    nb_repacker_destroy(&repacker);
    check_whole(&here, 450);
    close_shelf(&here);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        notes_wanted = strtoul(argv[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_loose_objects_become_a_pack_that_any_git_reads,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(what_can_t_be_read_stays_where_it_is, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(one_that_is_stopped_changes_nothing, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_crash_in_the_middle_loses_nothing, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(
            the_thread_packs_while_notes_come_but_not_while_a_backup_runs_or_words_go, scratch_make,
            scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
