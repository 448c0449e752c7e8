// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "store/blob_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DAY_S = 24 * 60 * 60, BIG = 3 * (1 << 20) + 17 };

static char folder[64];
static nb_blob_store *store;

static bool disk_fails;

/// In the place of the library's, for a disk that fails at last.
int fsync(int fd)
{
    errno = EIO;
    return disk_fails ? -1 : (int)syscall(SYS_fsync, fd);
}

/// The same; a disk fails whoever waits for it.
int sync_file_range(int fd, off_t offset, off_t size, unsigned flags)
{
    errno = EIO;
    return disk_fails && (flags & SYNC_FILE_RANGE_WAIT_AFTER)
               ? -1
               : (int)syscall(SYS_sync_file_range, fd, offset, size, flags);
}

static int open_store(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/nightbus-store-XXXXXX");
    return mkdtemp(folder) && nb_blob_store_open(folder, &store, NULL) == NB_OK ? 0 : -1;
}

static int close_store(void **state)
{
    (void)state;
    nb_blob_store_destroy(&store);
    return nb_file_remove_all(folder, NULL) == NB_OK ? 0 : -1;
}

static char *path_in(const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % NB_COUNT(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static unsigned count_entries(const char *name)
{
    DIR *entries = opendir(path_in(name));
    assert_non_null(entries);
    unsigned count = 0;
    for (const struct dirent *one = readdir(entries); one; one = readdir(entries)) {
        count += one->d_name[0] != '.';
    }
    closedir(entries);
    return count;
}

/// `BIG` bytes that `seed` decides.
static uint8_t *noise(uint32_t seed)
{
    uint8_t *bytes = malloc(BIG);
    assert_non_null(bytes);
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < BIG; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
    return bytes;
}

static void make_file_old(const char *path, int64_t age_s)
{
    const struct timespec when = {nb_clock_wall_ms() / 1000 - age_s, 0};
    const struct timespec times[2] = {when, when};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void make_old(const nb_digest *id, int64_t age_s)
{
    char *path = NULL;
    assert_ok(nb_blob_store_path(store, id, &path, err));
    make_file_old(path, age_s);
    free(path);
}

static void a_blob_lies_where_git_lfs_looks_for_it(void **state)
{
    (void)state;
    nb_digest id;
    assert_ok(nb_blob_store_put(store, "hello", 5, &id, err));
    char hex[NB_DIGEST_HEX_SIZE], expected[256];
    nb_digest_to_hex(&id, hex);
    snprintf(expected, sizeof expected, "%s/objects/%.2s/%.2s/%s", folder, hex, hex + 2, hex);
    char *path = NULL;
    assert_ok(nb_blob_store_path(store, &id, &path, err));
    assert_string_equal(path, expected);
    free(path);
    struct stat info;
    assert_int_equal(stat(expected, &info), 0);
    assert_int_equal(info.st_mode & 0222, 0);
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_blob_store_get(store, &id, &bytes, &size, err));
    assert_int_equal(size, 5);
    assert_string_equal(bytes, "hello");
    free(bytes);
    assert_int_equal(count_entries("incoming"), 0);
}

static void an_absent_blob_is_not_found(void **state)
{
    (void)state;
    const nb_digest id = nb_digest_of("absent", 6);
    void *bytes = NULL;
    size_t size = 0;
    char *path = NULL;
    assert_false(nb_blob_store_has(store, &id, NULL));
    assert_fails(NB_E_NOT_FOUND, "not in the store", nb_blob_store_path(store, &id, &path, err));
    assert_fails(NB_E_NOT_FOUND, "", nb_blob_store_get(store, &id, &bytes, &size, err));
}

static void a_blob_that_rotted_on_disk_is_corrupt(void **state)
{
    (void)state;
    nb_digest id;
    char *path = NULL;
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_blob_store_put(store, "sound", 5, &id, err));
    assert_ok(nb_blob_store_path(store, &id, &path, err));
    assert_ok(nb_file_write(path, "sounb", 5, 0444, err));
    assert_fails(NB_E_CORRUPT, "do not hash", nb_blob_store_get(store, &id, &bytes, &size, err));
    // Sending it again mends it.
    nb_blob_draft *draft = NULL;
    assert_ok(nb_blob_draft_open(store, &id, 5, &draft, err));
    assert_ok(nb_blob_draft_write(draft, "sound", 5, err));
    assert_ok(nb_blob_draft_commit(&draft, err));
    assert_ok(nb_blob_store_get(store, &id, &bytes, &size, err));
    free(bytes);
    free(path);
}

static void a_file_is_copied_or_taken(void **state)
{
    (void)state;
    uint8_t *bytes = noise(1);
    const nb_digest expected = nb_digest_of(bytes, BIG);
    nb_digest id;
    uint64_t size = 0;
    char *path = path_in("render.wav");
    for (int round = 0; round < 2; round++) {
        assert_ok(nb_file_write(path, bytes, BIG, 0644, err));
        assert_ok(nb_blob_store_put_file(store, path, NB_PUT_COPY, &id, &size, err));
        assert_true(nb_digest_equal(&id, &expected));
        assert_int_equal(size, BIG);
        assert_true(nb_file_exists(path));
        assert_ok(nb_blob_store_put_file(store, path, NB_PUT_TAKE, &id, NULL, err));
        assert_false(nb_file_exists(path));
    }
    // Taken while the store has it not: the file itself moves.
    char *blob = NULL;
    assert_ok(nb_blob_store_path(store, &id, &blob, err));
    assert_int_equal(unlink(blob), 0);
    free(blob);
    assert_ok(nb_file_write(path, bytes, BIG, 0644, err));
    assert_ok(nb_blob_store_put_file(store, path, NB_PUT_TAKE, &id, NULL, err));
    assert_true(nb_blob_store_has(store, &expected, &size));
    assert_false(nb_file_exists(path));
    assert_fails(NB_E_NOT_FOUND, "render.wav",
                 nb_blob_store_put_file(store, path, NB_PUT_COPY, &id, NULL, err));
    assert_fails(NB_E_INVALID, "not a file",
                 nb_blob_store_put_file(store, folder, NB_PUT_COPY, &id, NULL, err));
    free(bytes);
}

static void a_taken_file_with_another_name_is_copied(void **state)
{
    (void)state;
    char *path = path_in("one");
    char *other = path_in("two");
    nb_digest id;
    assert_ok(nb_file_write(path, "shared", 6, 0644, err));
    assert_int_equal(link(path, other), 0);
    assert_ok(nb_blob_store_put_file(store, path, NB_PUT_TAKE, &id, NULL, err));
    // Writing through the other name must not reach the blob.
    FILE *file = fopen(other, "r+b");
    fputs("SHARED", file);
    fclose(file);
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_blob_store_get(store, &id, &bytes, &size, err));
    free(bytes);
}

static void a_file_that_its_writer_hashed_is_moved_in_under_that_name(void **state)
{
    (void)state;
    char *path = path_in("hashed");
    char *other = path_in("hashed too");
    const nb_digest id = nb_digest_of("rendered", 8);
    struct stat before, after;
    assert_ok(nb_file_write(path, "rendered", 8, 0644, err));
    assert_int_equal(stat(path, &before), 0);
    assert_ok(nb_blob_store_take_hashed(store, path, &id, 8, err));
    assert_false(nb_file_exists(path));
    char *blob = NULL;
    assert_ok(nb_blob_store_path(store, &id, &blob, err));
    assert_int_equal(stat(blob, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino); // moved, not copied
    free(blob);
    // A file that is cut is none, nor one with another name that does not hash to what was said.
    const nb_digest cut = nb_digest_of("cut", 3);
    assert_ok(nb_file_write(path, "cu", 2, 0644, err));
    assert_fails(NB_E_CORRUPT, "2 bytes", nb_blob_store_take_hashed(store, path, &cut, 3, err));
    assert_ok(nb_file_write(path, "cat", 3, 0644, err));
    assert_int_equal(link(path, other), 0);
    assert_fails(NB_E_CORRUPT, "does not hash",
                 nb_blob_store_take_hashed(store, path, &cut, 3, err));
    assert_false(nb_blob_store_has(store, &cut, NULL));
}

static void a_draft_cut_by_a_crash_goes_on_behind_what_is_there(void **state)
{
    (void)state;
    uint8_t *bytes = noise(2);
    const nb_digest id = nb_digest_of(bytes, BIG);
    const pid_t child = fork();
    if (child == 0) {
        nb_blob_draft *draft = NULL;
        const bool written = nb_blob_draft_open(store, &id, BIG, &draft, NULL) == NB_OK &&
                             nb_blob_draft_write(draft, bytes, 1 << 20, NULL) == NB_OK;
        kill(getpid(), written ? SIGKILL : SIGABRT);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_false(nb_blob_store_has(store, &id, NULL));
    nb_blob_draft *draft = NULL;
    assert_ok(nb_blob_draft_open(store, &id, BIG, &draft, err));
    assert_int_equal(nb_blob_draft_have(draft), 1 << 20);
    assert_ok(nb_blob_draft_write(draft, bytes + (1 << 20), BIG - (1 << 20), err));
    assert_ok(nb_blob_draft_commit(&draft, err));
    assert_null(draft);
    uint64_t size = 0;
    assert_true(nb_blob_store_has(store, &id, &size));
    assert_int_equal(size, BIG);
    assert_int_equal(count_entries("incoming"), 0);
    free(bytes);
}

static void a_draft_without_a_name_takes_that_of_its_bytes_or_goes(void **state)
{
    (void)state;
    const nb_digest any = nb_digest_of("any", 3);
    const nb_digest name = nb_digest_of("abcdef", 6);
    nb_blob_draft *draft = NULL;
    assert_ok(nb_blob_draft_open_growing(store, &any, 6, "me", &draft, err));
    assert_ok(nb_blob_draft_write(draft, "abc", 3, err));
    nb_blob_draft_destroy(&draft);
    // It goes on behind what is there, as every draft does, and has its own file.
    assert_ok(nb_blob_draft_open_for(store, &any, 6, "me", &draft, err));
    assert_int_equal(nb_blob_draft_have(draft), 0);
    nb_blob_draft_discard(&draft);
    assert_ok(nb_blob_draft_open_growing(store, &any, 6, "me", &draft, err));
    assert_int_equal(nb_blob_draft_have(draft), 3);
    assert_ok(nb_blob_draft_write(draft, "def", 3, err));
    assert_ok(nb_blob_draft_commit_as(&draft, &name, err));
    assert_true(nb_blob_store_has(store, &name, NULL));
    assert_false(nb_blob_store_has(store, &any, NULL));
    assert_ok(nb_blob_draft_open_growing(store, &any, 6, "me", &draft, err));
    assert_ok(nb_blob_draft_write(draft, "abcxyz", 6, err));
    const nb_digest wrong = nb_digest_of("xyz", 3);
    assert_fails(NB_E_CORRUPT, "something else", nb_blob_draft_commit_as(&draft, &wrong, err));
    assert_false(nb_blob_store_has(store, &wrong, NULL));
    assert_int_equal(count_entries("incoming"), 0);
}

/// How much of a file is in memory, in pages.
static size_t resident_pages(const char *path, size_t size)
{
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    assert_true(bytes != MAP_FAILED);
    const size_t pages = size / (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *there = malloc(pages);
    assert_non_null(there);
    assert_int_equal(mincore(bytes, size, there), 0);
    size_t count = 0;
    for (size_t i = 0; i < pages; i++) {
        count += there[i] & 1;
    }
    free(there);
    munmap(bytes, size);
    return count;
}

static void a_draft_that_drops_behind_leaves_memory_and_is_whole(void **state)
{
    (void)state;
    enum { PIECE = 1 << 20, PIECES = 40 };
    static uint8_t bytes[PIECES * PIECE];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
    }
    struct statfs file_system;
    assert_int_equal(statfs(folder, &file_system), 0);
    for (int drops = 0; drops < 2; drops++) {
        bytes[0] = (uint8_t)drops;
        const nb_digest id = nb_digest_of(bytes, sizeof bytes);
        nb_blob_draft *draft = NULL;
        assert_ok(nb_blob_draft_open(store, &id, sizeof bytes, &draft, err));
        if (drops) {
            nb_blob_draft_drop_behind(draft);
        }
        for (size_t at = 0; at < sizeof bytes; at += PIECE) {
            assert_ok(nb_blob_draft_write(draft, bytes + at, PIECE, err));
        }
        assert_ok(nb_blob_draft_commit(&draft, err));
        NB_SCOPED(nb_text_free) char *path = NULL;
        assert_ok(nb_blob_store_path(store, &id, &path, err));
        const size_t pages = sizeof bytes / (size_t)sysconf(_SC_PAGESIZE);
        const size_t resident = resident_pages(path, sizeof bytes);
        if (file_system.f_type != TMPFS_MAGIC) { // which has nowhere else to put it
            assert_true(drops ? resident < pages / 2 : resident > pages / 2);
        }
        assert_ok(nb_blob_store_check(store, &id, err));
    }
}

static void a_disk_that_fails_a_draft_that_drops_behind_costs_the_draft(void **state)
{
    (void)state;
    enum { PIECE = 1 << 20, PIECES = 40 };
    static uint8_t piece[PIECE];
    const nb_digest id = nb_digest_of(piece, sizeof piece);
    for (int fails = 1; fails >= 0; fails--) {
        nb_blob_draft *draft = NULL;
        assert_ok(nb_blob_draft_open(store, &id, PIECES * PIECE, &draft, err));
        assert_int_equal(nb_blob_draft_have(draft), 0);
        nb_blob_draft_drop_behind(draft);
        disk_fails = fails;
        nb_error problem = {0};
        nb_status status = NB_OK;
        for (size_t i = 0; i < PIECES && status == NB_OK; i++) {
            status = nb_blob_draft_write(draft, piece, PIECE, &problem);
        }
        disk_fails = false;
        assert_int_equal(status, fails ? NB_E_IO : NB_OK);
        nb_blob_draft_destroy(&draft);
    }
}

static void wrong_bytes_never_become_visible(void **state)
{
    (void)state;
    const nb_digest id = nb_digest_of("right", 5);
    nb_blob_draft *draft = NULL;
    assert_ok(nb_blob_draft_open(store, &id, 5, &draft, err));
    assert_ok(nb_blob_draft_write(draft, "wrong", 5, err));
    assert_fails(NB_E_CORRUPT, "hash to something else", nb_blob_draft_commit(&draft, err));
    assert_false(nb_blob_store_has(store, &id, NULL));
    assert_int_equal(count_entries("incoming"), 0);
    assert_ok(nb_blob_draft_open(store, &id, 5, &draft, err));
    assert_int_equal(nb_blob_draft_have(draft), 0);
    assert_fails(NB_E_LIMIT, "promised", nb_blob_draft_write(draft, "too long", 8, err));
    assert_ok(nb_blob_draft_write(draft, "rig", 3, err));
    assert_fails(NB_E_INVALID, "3 of 5", nb_blob_draft_commit(&draft, err));
    assert_null(draft);
    // What was left of a larger promise is not kept for a smaller one.
    assert_ok(nb_blob_draft_open(store, &id, 2, &draft, err));
    assert_int_equal(nb_blob_draft_have(draft), 0);
    nb_blob_draft_destroy(&draft);
}

static void what_the_disk_refused_is_sent_again_from_the_start(void **state)
{
    (void)state;
    uint8_t *bytes = noise(8);
    const nb_digest id = nb_digest_of(bytes, BIG);
    for (int turn = 0; turn < 2; turn++) {
        nb_blob_draft *draft = NULL;
        assert_ok(nb_blob_draft_open(store, &id, BIG, &draft, err));
        assert_int_equal(nb_blob_draft_have(draft), 0);
        assert_ok(nb_blob_draft_write(draft, bytes, BIG, err));
        disk_fails = turn == 0;
        if (disk_fails) {
            assert_fails(NB_E_IO, "", nb_blob_draft_commit(&draft, err));
        } else {
            assert_ok(nb_blob_draft_commit(&draft, err));
        }
        disk_fails = false;
        assert_int_equal(nb_blob_store_has(store, &id, NULL), turn == 1);
    }
    free(bytes);
}

static void a_draft_has_one_writer_at_a_time(void **state)
{
    (void)state;
    const nb_digest id = nb_digest_of("two", 3);
    nb_blob_draft *first = NULL, *second = NULL;
    nb_blob_store *other = NULL;
    assert_ok(nb_blob_store_open(folder, &other, err));
    assert_ok(nb_blob_draft_open(store, &id, 3, &first, err));
    assert_fails(NB_E_CONFLICT, "somebody else", nb_blob_draft_open(store, &id, 3, &second, err));
    assert_fails(NB_E_CONFLICT, "somebody else", nb_blob_draft_open(other, &id, 3, &second, err));
    assert_null(second);
    assert_ok(nb_blob_draft_write(first, "two", 3, err));
    assert_ok(nb_blob_draft_commit(&first, err));
    assert_ok(nb_blob_draft_open(other, &id, 3, &second, err));
    nb_blob_draft_destroy(&second);
    nb_blob_store_destroy(&other);
}

static void *put_many(void *argument)
{
    nb_status *worst = argument;
    nb_blob_store *own = NULL;
    *worst = nb_blob_store_open(folder, &own, NULL);
    for (uint32_t i = 0; *worst == NB_OK && i < 100; i++) {
        nb_digest id;
        *worst = nb_blob_store_put(own, &i, sizeof i, &id, NULL);
        if (*worst == NB_OK && !nb_blob_store_has(own, &id, NULL)) {
            *worst = NB_E_NOT_FOUND;
        }
    }
    nb_blob_store_destroy(&own);
    return NULL;
}

static bool needs_nothing(void *context, const nb_digest *id)
{
    (void)context;
    (void)id;
    return false;
}

static void writers_of_the_same_bytes_and_a_collection_do_not_hurt_each_other(void **state)
{
    (void)state;
    enum { WRITERS = 4 };
    pthread_t threads[WRITERS];
    nb_status worst[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &worst[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        nb_collect_result result;
        assert_ok(nb_blob_store_collect(store, needs_nothing, NULL, 60, 60, &result, err));
        assert_int_equal(result.trashed_count, 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(worst[i], NB_OK);
    }
    assert_int_equal(count_entries("incoming"), 0);
}

static bool needs_one(void *context, const nb_digest *id) { return nb_digest_equal(context, id); }

static void collection_takes_only_what_is_old_and_not_needed(void **state)
{
    (void)state;
    nb_digest needed, young, old;
    assert_ok(nb_blob_store_put(store, "needed", 6, &needed, err));
    assert_ok(nb_blob_store_put(store, "young", 5, &young, err));
    assert_ok(nb_blob_store_put(store, "old", 3, &old, err));
    make_old(&needed, 3 * DAY_S);
    make_old(&old, 3 * DAY_S);
    nb_collect_result result;
    assert_ok(nb_blob_store_collect(store, needs_one, &needed, DAY_S, 7 * DAY_S, &result, err));
    assert_int_equal(result.kept_count, 2);
    assert_int_equal(result.trashed_count, 1);
    assert_int_equal(result.trashed_bytes, 3);
    assert_true(nb_blob_store_has(store, &needed, NULL));
    assert_true(nb_blob_store_has(store, &young, NULL));
    assert_false(nb_blob_store_has(store, &old, NULL));
    assert_int_equal(count_entries("trash"), 1);
    // Its time in the trash begins when it gets there, however old it was.
    assert_ok(nb_blob_store_collect(store, needs_one, &needed, DAY_S, 7 * DAY_S, &result, err));
    assert_int_equal(result.removed_count, 0);
    // One that is put again is young again.
    make_old(&young, 3 * DAY_S);
    assert_ok(nb_blob_store_put(store, "young", 5, &young, err));
    assert_ok(nb_blob_store_collect(store, needs_one, &needed, DAY_S, 0, &result, err));
    assert_int_equal(result.trashed_count, 0);
    assert_int_equal(result.removed_count, 1);
    assert_int_equal(count_entries("trash"), 0);
}

static void what_was_damaged_is_kept_for_a_while(void **state)
{
    (void)state;
    nb_digest id;
    nb_collect_result result;
    NB_SCOPED(nb_text_free) char *path = NULL;
    assert_ok(nb_blob_store_put(store, "whole", 5, &id, err));
    assert_ok(nb_blob_store_path(store, &id, &path, err));
    assert_int_equal(chmod(path, 0644), 0);
    assert_ok(nb_file_write(path, "holes", 5, 0644, err));
    make_old(&id, 30 * DAY_S);
    assert_int_equal(nb_blob_store_check(store, &id, NULL), NB_E_CORRUPT);
    assert_int_equal(count_entries("damaged"), 1);
    // However old the blob was.
    assert_ok(nb_blob_store_collect(store, needs_nothing, NULL, DAY_S, 7 * DAY_S, &result, err));
    assert_int_equal(count_entries("damaged"), 1);
    assert_ok(nb_blob_store_collect(store, needs_nothing, NULL, DAY_S, 0, &result, err));
    assert_int_equal(count_entries("damaged"), 0);
}

static void drafts_that_nobody_touches_are_removed_and_live_ones_are_not(void **state)
{
    (void)state;
    const nb_digest dead = nb_digest_of("dead", 4), live = nb_digest_of("live", 4);
    nb_blob_draft *draft = NULL;
    nb_blob_draft *other = NULL;
    nb_collect_result result;
    assert_ok(nb_blob_draft_open(store, &dead, 4, &draft, err));
    assert_ok(nb_blob_draft_write(draft, "de", 2, err));
    nb_blob_draft_destroy(&draft);
    assert_ok(nb_blob_draft_open(store, &live, 4, &draft, err));
    assert_ok(nb_blob_store_collect(store, needs_nothing, NULL, DAY_S, DAY_S, &result, err));
    assert_int_equal(result.removed_count, 0);
    // One whose blob has no name is nobody's after an hour; one with a name stays for long.
    char hex[NB_DIGEST_HEX_SIZE];
    char file[NB_DIGEST_HEX_SIZE + 32];
    nb_digest_to_hex(&dead, hex);
    assert_ok(nb_blob_draft_open_growing(store, &dead, 4, "me", &other, err));
    nb_blob_draft_destroy(&other);
    snprintf(file, sizeof file, "incoming/growing-%s-me", hex);
    make_file_old(path_in(file), 50 * 60);
    assert_ok(nb_blob_store_collect(store, needs_nothing, NULL, DAY_S, DAY_S, &result, err));
    assert_int_equal(result.removed_count, 0);
    make_file_old(path_in(file), 2 * 60 * 60);
    snprintf(file, sizeof file, "incoming/%s", hex);
    make_file_old(path_in(file), 2 * 60 * 60);
    assert_ok(nb_blob_store_collect(store, needs_nothing, NULL, DAY_S, DAY_S, &result, err));
    assert_int_equal(result.removed_count, 1);
    assert_ok(nb_blob_store_collect(store, needs_nothing, NULL, DAY_S, 0, &result, err));
    assert_int_equal(result.removed_count, 1);
    assert_ok(nb_blob_draft_write(draft, "live", 4, err));
    assert_ok(nb_blob_draft_commit(&draft, err));
    assert_true(nb_blob_store_has(store, &live, NULL));
}

static void a_full_disk_is_said_so_and_leaves_no_half_blob(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs root to mount a tmpfs\n");
        skip();
    }
    char *disk = path_in("disk");
    assert_int_equal(mkdir(disk, 0755), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=4m") != 0) {
        print_message("skipped: cannot mount a tmpfs here\n");
        skip();
    }
    nb_blob_store *small = NULL;
    assert_ok(nb_blob_store_open(disk, &small, err));
    uint8_t *bytes = noise(3);
    const nb_digest id = nb_digest_of(bytes, BIG);
    nb_digest put;
    nb_blob_draft *draft = NULL;
    // Refused before a byte is sent.
    assert_fails(NB_E_NO_SPACE, "disk is full",
                 nb_blob_draft_open(small, &id, 100 << 20, &draft, err));
    // Filled by somebody else in the middle.
    assert_ok(nb_blob_draft_open(small, &id, BIG, &draft, err));
    assert_ok(nb_blob_draft_write(draft, bytes, 1 << 20, err));
    char *filler = path_in("disk/filler");
    FILE *file = fopen(filler, "wb");
    fwrite(bytes, 1, BIG, file);
    fclose(file);
    assert_fails(NB_E_NO_SPACE, "disk is full",
                 nb_blob_draft_write(draft, bytes + (1 << 20), BIG - (1 << 20), err));
    nb_blob_draft_destroy(&draft);
    assert_fails(NB_E_NO_SPACE, "disk is full", nb_blob_store_put(small, bytes, BIG, &put, err));
    assert_int_equal(count_entries("disk/incoming"), 0);
    assert_false(nb_blob_store_has(small, &id, NULL));
    assert_int_equal(unlink(filler), 0);
    assert_ok(nb_blob_store_put(small, bytes, BIG, &put, err));
    nb_blob_store_destroy(&small);
    free(bytes);
    assert_int_equal(umount(disk), 0);
}

static void a_store_opens_again_and_not_on_a_file(void **state)
{
    (void)state;
    nb_digest id;
    assert_ok(nb_blob_store_put(store, "kept", 4, &id, err));
    nb_blob_store_destroy(&store);
    assert_null(store);
    nb_blob_store_destroy(&store);
    assert_ok(nb_blob_store_open(folder, &store, err));
    assert_true(nb_blob_store_has(store, &id, NULL));
    nb_blob_store *other = NULL;
    assert_ok(nb_file_write(path_in("file"), "x", 1, 0644, err));
    assert_int_not_equal(nb_blob_store_open(path_in("file"), &other, NULL), NB_OK);
    assert_null(other);
}

#define ON_A_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_STORE(a_blob_lies_where_git_lfs_looks_for_it),
        ON_A_STORE(an_absent_blob_is_not_found),
        ON_A_STORE(a_blob_that_rotted_on_disk_is_corrupt),
        ON_A_STORE(a_file_is_copied_or_taken),
        ON_A_STORE(a_taken_file_with_another_name_is_copied),
        ON_A_STORE(a_file_that_its_writer_hashed_is_moved_in_under_that_name),
        ON_A_STORE(a_draft_cut_by_a_crash_goes_on_behind_what_is_there),
        ON_A_STORE(a_draft_without_a_name_takes_that_of_its_bytes_or_goes),
        ON_A_STORE(a_draft_that_drops_behind_leaves_memory_and_is_whole),
        ON_A_STORE(a_disk_that_fails_a_draft_that_drops_behind_costs_the_draft),
        ON_A_STORE(wrong_bytes_never_become_visible),
        ON_A_STORE(what_the_disk_refused_is_sent_again_from_the_start),
        ON_A_STORE(a_draft_has_one_writer_at_a_time),
        ON_A_STORE(writers_of_the_same_bytes_and_a_collection_do_not_hurt_each_other),
        ON_A_STORE(collection_takes_only_what_is_old_and_not_needed),
        ON_A_STORE(what_was_damaged_is_kept_for_a_while),
        ON_A_STORE(drafts_that_nobody_touches_are_removed_and_live_ones_are_not),
        ON_A_STORE(a_full_disk_is_said_so_and_leaves_no_half_blob),
        ON_A_STORE(a_store_opens_again_and_not_on_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
