// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/revisions.h"

#include "coordinator/album_tree.h"
#include "scratch.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct shelf {
    const char *folder;
    nb_blob_store *store;
    nb_revisions *album;
} shelf;

static shelf open_shelf(const char *folder)
{
    shelf made = {.folder = folder};
    char *store = nb_file_join(folder, "store");
    char *album = nb_file_join(folder, "night.git");
    assert_ok(nb_revisions_start(err));
    assert_ok(nb_blob_store_open(store, &made.store, err));
    assert_ok(nb_revisions_open(album, made.store, &made.album, err));
    free(store);
    free(album);
    return made;
}

static void close_shelf(shelf *self)
{
    nb_revisions_close(&self->album);
    nb_blob_store_destroy(&self->store);
    nb_revisions_stop();
}

static void add_file(const shelf *self, nb_manifest *manifest, const char *path, const char *text)
{
    nb_digest digest;
    assert_ok(nb_blob_store_put(self->store, text, strlen(text), &digest, err));
    assert_ok(nb_manifest_add(manifest, path, &digest, strlen(text), err));
}

static void push(shelf *self, const char *person, const char *message, const char *mix)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    add_file(self, &manifest, "album.yaml", "title: Night\n");
    add_file(self, &manifest, "audio/kick.wav", "RIFF, or so");
    add_file(self, &manifest, "audio/nothing.wav", "");
    add_file(self, &manifest, "songs/night/mix.yaml", mix);
    const nb_revision_draft draft = {.person = person,
                                     .time_ms = 1700000000000,
                                     .message = message,
                                     .client_id = {1, 2, 3},
                                     .manifest = &manifest};
    assert_ok(nb_revisions_commit(self->album, &draft, err));
}

static void tag(shelf *self, unsigned number)
{
    nb_version version = {.song = "night", .number = number, .song_digest = {{(uint8_t)number}}};
    snprintf(version.commit, sizeof version.commit, "%s", nb_revisions_head(self->album));
    assert_ok(nb_revisions_tag(self->album, &version, err));
}

static void a_revision_comes_back_as_it_was_pushed(void **state)
{
    shelf here = open_shelf(*state);
    assert_string_equal(nb_revisions_head(here.album), "");
    push(&here, "ada", "first\n\nwith a body", "one\r\n");
    NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
    assert_ok(nb_revisions_get(here.album, nb_revisions_head(here.album), &revision, err));
    assert_string_equal(revision.person, "ada");
    assert_string_equal(revision.message, "first\n\nwith a body");
    assert_string_equal(revision.client_id, "01020300000000000000000000000000");
    assert_string_equal(revision.parent, "");
    assert_int_equal(revision.time_ms, 1700000000000);

    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    assert_ok(nb_revisions_manifest(here.album, revision.commit, &manifest, err));
    assert_int_equal(manifest.file_count, 4);
    const nb_manifest_file *kick = nb_manifest_find(&manifest, "audio/kick.wav");
    const nb_digest digest = nb_digest_of("RIFF, or so", 11);
    assert_non_null(kick);
    assert_int_equal(kick->size, 11);
    assert_true(nb_digest_equal(&kick->digest, &digest));
    assert_int_equal(nb_manifest_find(&manifest, "audio/nothing.wav")->size, 0);

    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    assert_ok(
        nb_revisions_read(here.album, revision.commit, "songs/night/mix.yaml", &bytes, &size, err));
    assert_string_equal(bytes, "one\r\n");
    close_shelf(&here);
}

static void nothing_changed_makes_no_commit(void **state)
{
    shelf here = open_shelf(*state);
    push(&here, "ada", "first", "one\n");
    char head[NB_COMMIT_SIZE];
    snprintf(head, sizeof head, "%s", nb_revisions_head(here.album));
    push(&here, "ada", "again", "one\n");
    assert_string_equal(nb_revisions_head(here.album), head);
    push(&here, "ada", "second", "two\n");
    assert_string_not_equal(nb_revisions_head(here.album), head);
    bool touches = false;
    assert_ok(
        nb_revisions_touches(here.album, nb_revisions_head(here.album), "night", &touches, err));
    assert_true(touches);
    assert_ok(
        nb_revisions_touches(here.album, nb_revisions_head(here.album), "other", &touches, err));
    assert_false(touches);
    close_shelf(&here);
}

static void versions_come_back_after_opening_anew_and_in_order(void **state)
{
    shelf here = open_shelf(*state);
    push(&here, "ada", "first", "one\n");
    for (unsigned number = 1; number <= 11; number++) {
        tag(&here, number); // 10 must not stand before 2
    }
    close_shelf(&here);
    here = open_shelf(*state);
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(here.album, &count);
    assert_int_equal(count, 11);
    for (unsigned i = 0; i < 11; i++) {
        assert_int_equal(versions[i].number, i + 1);
        assert_int_equal(versions[i].song_digest.bytes[0], i + 1);
    }
    assert_int_equal(nb_revisions_find_version(here.album, "night", NULL)->number, 11);
    assert_null(nb_revisions_find_version(here.album, "night", "v12"));
    assert_null(nb_revisions_find_version(here.album, "day", NULL));
    close_shelf(&here);
}

static void a_master_names_its_mix_and_is_no_newest_mix(void **state)
{
    shelf here = open_shelf(*state);
    push(&here, "ada", "tricked\n\nSource: print\nMix-Version: v9\nSong-Digest: x", "one\n");
    tag(&here, 1);
    nb_version version = {.song = "night", .source = NB_SOURCE_PRINT, .number = 2};
    memcpy(version.commit, nb_revisions_head(here.album), sizeof version.commit);
    assert_ok(nb_revisions_tag(here.album, &version, err));
    version.source = NB_SOURCE_MASTER;
    version.number = 1;
    version.mix_digest = (nb_digest){{7}};
    memcpy(version.mix, "v2", sizeof "v2");
    assert_ok(nb_revisions_tag(here.album, &version, err));
    close_shelf(&here);
    here = open_shelf(*state);
    assert_string_equal(nb_revisions_find_version(here.album, "night", NULL)->name, "v2");
    assert_int_equal(nb_revisions_find_version(here.album, "night", "v1")->source, NB_SOURCE_MIX);
    assert_int_equal(nb_revisions_find_version(here.album, "night", "v2")->source, NB_SOURCE_PRINT);
    const nb_version *master = nb_revisions_newest_master(here.album, "night");
    assert_non_null(master);
    assert_string_equal(master->name, "m1");
    assert_string_equal(master->mix, "v2");
    assert_int_equal(master->mix_digest.bytes[0], 7);
    assert_null(nb_revisions_newest_master(here.album, "day"));
    close_shelf(&here);
}

static void an_ordinary_git_client_sees_history_tags_notes_and_a_sound_repository(void **state)
{
    shelf here = open_shelf(*state);
    push(&here, "ada", "rough", "one\n");
    tag(&here, 1);
    push(&here, "ben <the> loud", "vocal up", "two\n");
    tag(&here, 2);
    const char *head = nb_revisions_head(here.album);
    assert_ok(nb_revisions_review_add(here.album, head, "{\"a\": 1}", "eve", 1700000001000, err));
    assert_ok(nb_revisions_review_add(here.album, head, "{\"b\": 2}", "eve", 1700000002000, err));
    NB_SCOPED(nb_text_free) char *lines = NULL;
    assert_ok(nb_revisions_review(here.album, head, &lines, err));
    assert_string_equal(lines, "{\"a\": 1}\n{\"b\": 2}\n");

    NB_SCOPED(nb_text_free)
    char *checked = scratch_run(here.folder, "git -C $D/night.git fsck --full --strict");
    assert_null(strstr(checked, "error"));
    assert_null(strstr(checked, "missing"));
    // Without git-lfs the audio stays a pointer.
    NB_SCOPED(nb_text_free)
    char *seen = scratch_run(
        here.folder, "git -c filter.lfs.smudge= -c filter.lfs.required=false clone -q $D/night.git "
                     "$D/clone && cd $D/clone && git log --format='%an: %s' && git tag -n1 && "
                     "cat audio/kick.wav && cat songs/night/mix.yaml && git status --short && "
                     "git branch -r && git fetch -q origin 'refs/notes/*:refs/notes/*' && "
                     "git log -1 --notes=review && git cat-file tag night/v2");
    assert_contains(seen, "ben -the- loud: vocal up\nada: rough\n");
    assert_contains(seen, "night/v1        rough\nnight/v2        vocal up\n");
    assert_contains(seen, "version https://git-lfs.github.com/spec/v1\noid sha256:");
    assert_contains(seen, "size 11\ntwo\n");
    assert_contains(seen, "origin/review");
    assert_contains(seen, "{\"b\": 2}");
    assert_contains(seen, "Source: mix\nSong-Digest: 02000000");
    assert_contains(seen, "Client-Id: 0102030000");
    close_shelf(&here);
}

static void a_clone_with_git_lfs_gets_the_audio_from_the_store(void **state)
{
    shelf here = open_shelf(*state);
    push(&here, "ada", "rough", "one\n");
    NB_SCOPED(nb_text_free)
    char *seen = scratch_run(
        here.folder,
        "if git lfs version >/dev/null 2>&1; then git lfs install --skip-repo >/dev/null && "
        "git clone -q $D/night.git $D/clone && cat $D/clone/audio/kick.wav && "
        "git -C $D/clone status --short; else printf 'RIFF, or so'; fi");
    assert_string_equal(seen, "RIFF, or so");
    close_shelf(&here);
}

// ---- Erasing ----

static const char secret_id[] = "00000000000000000000000000000005";

// A note as the review has it.
static void add_note(shelf *self, const char *id, const char *text, int64_t time_ms)
{
    NB_SCOPED(nb_text_free)
    char *line = nb_text_format("{\"kind\":\"note\",\"id\":\"%s\",\"song\":\"night\",\"version\":"
                                "\"v1\",\"person\":\"eve\",\"time_ms\":%lld,\"number\":1,"
                                "\"at_frame\":0,\"end_frame\":0,\"text\":\"%s\"}",
                                id, (long long)time_ms, text);
    assert_ok(nb_revisions_review_add(self->album, nb_revisions_head(self->album), line, "eve",
                                      time_ms, err));
}

static nb_status erase(shelf *self, const char *id)
{
    const nb_review_line mark = {nb_revisions_head(self->album), "{\"kind\":\"erase\"}"};
    return nb_revisions_review_erase(self->album, &mark, &id, 1, "ada", 1700000009000, NULL);
}

/// The loose object of a commit's events in the review at `ref`.
static char *find_object(const shelf *self, const char *ref)
{
    NB_SCOPED(nb_text_free)
    char *command = nb_text_format("cd $D/night.git && path=$(git ls-tree -r --name-only '%s') && "
                                   "git rev-parse \"%s:$path\" | tr -d '\\n'",
                                   ref, ref);
    NB_SCOPED(nb_text_free) char *hex = scratch_run(self->folder, command);
    return nb_text_format("%s/night.git/objects/%.2s/%s", self->folder, hex, hex + 2);
}

// Two notes in the review, and one in what another hand made of it.
static void write_review(shelf *self)
{
    push(self, "ada", "rough", "one\n");
    add_note(self, "00000000000000000000000000000001", "stays", 1700000001000);
    free(scratch_run(self->folder, "cd $D/night.git && git -c user.name=x -c user.email=x notes "
                                   "--ref review append -m 'by another hand' main"));
    add_note(self, secret_id, "a secret word", 1700000002000);
}

static char *list_aside(const shelf *self)
{
    return scratch_run(self->folder, "git -C $D/night.git for-each-ref refs/nightbus");
}

static void what_fails_to_be_read_just_now_is_not_erased(void **state)
{
    // The review itself, and what was set aside.
    static const char *const refs[] = {"refs/notes/review", "refs/nightbus/set-aside"};
    shelf here = open_shelf(*state);
    write_review(&here);
    NB_SCOPED(nb_text_free) char *before = list_aside(&here);
    assert_contains(before, "set-aside");
    for (size_t i = 0; i < NB_COUNT(refs); i++) {
        NB_SCOPED(nb_text_free)
        char *command = nb_text_format("git -C $D/night.git for-each-ref --format='%%(refname)' %s "
                                       "| tr -d '\\n'",
                                       refs[i]);
        NB_SCOPED(nb_text_free) char *name = scratch_run(here.folder, command);
        NB_SCOPED(nb_text_free) char *object = find_object(&here, name);
        NB_SCOPED(nb_text_free) char *kept = nb_text_format("%s.kept", object);
        assert_int_equal(rename(object, kept), 0);
        assert_int_equal(mknod(object, S_IFSOCK | 0600, 0), 0); // is there, and can't be opened
        assert_int_equal(erase(&here, secret_id), NB_E_IO);
        NB_SCOPED(nb_text_free) char *after = list_aside(&here);
        assert_string_equal(after, before);
        assert_int_equal(rename(kept, object), 0);
    }
    assert_int_equal(erase(&here, secret_id), NB_OK);
    NB_SCOPED(nb_text_free)
    char *all =
        scratch_run(here.folder, "git -C $D/night.git cat-file --batch-all-objects --batch");
    assert_null(strstr(all, "a secret word"));
    assert_contains(all, "by another hand");
    assert_contains(all, "stays");
    close_shelf(&here);
}

static void what_is_lost_for_good_does_not_stop_an_erasing(void **state)
{
    shelf here = open_shelf(*state);
    write_review(&here);
    NB_SCOPED(nb_text_free) char *object = find_object(&here, "refs/notes/review");
    NB_SCOPED(nb_text_free)
    char *damage = nb_text_format("chmod u+w %s && head -c 100 /dev/zero >%s", object, object);
    free(scratch_run(here.folder, damage));
    assert_int_equal(erase(&here, secret_id), NB_OK); // before the secret: that was lost
    NB_SCOPED(nb_text_free)
    char *all =
        scratch_run(here.folder, "git -C $D/night.git cat-file --batch-all-objects --batch");
    assert_contains(all, "stays");
    assert_null(strstr(all, "a secret word"));
    close_shelf(&here);
}

static void push_songs(shelf *self, unsigned songs, unsigned take)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    add_file(self, &manifest, "album.yaml", "title: Night\n");
    for (unsigned i = 0; i < songs; i++) {
        char path[64];
        char mix[64];
        snprintf(path, sizeof path, "songs/s%03u/mix.yaml", i);
        snprintf(mix, sizeof mix, "song %u, take %u\n", i, take);
        add_file(self, &manifest, path, mix);
    }
    const nb_revision_draft draft = {.person = "ada",
                                     .time_ms = 1700000000000,
                                     .message = "all of them",
                                     .client_id = {(uint8_t)take},
                                     .manifest = &manifest};
    assert_ok(nb_revisions_commit(self->album, &draft, err));
    nb_version *versions = calloc(songs, sizeof *versions);
    assert_non_null(versions);
    for (unsigned i = 0; i < songs; i++) {
        versions[i] = (nb_version){.number = take, .song_digest = {{(uint8_t)take}}};
        snprintf(versions[i].song, sizeof versions[i].song, "s%03u", i);
        snprintf(versions[i].commit, sizeof versions[i].commit, "%s",
                 nb_revisions_head(self->album));
    }
    assert_ok(nb_revisions_tag_all(self->album, versions, songs, err));
    free(versions);
}

static void a_large_push_is_a_few_files_and_a_sound_repository(void **state)
{
    enum { SONGS = 200 };
    shelf here = open_shelf(*state);
    push(&here, "ada", "rough", "one\n"); // loose, as a small one is
    tag(&here, 1);
    push_songs(&here, SONGS, 1);
    push_songs(&here, SONGS, 2);
    NB_SCOPED(nb_text_free)
    char *seen = scratch_run(
        here.folder, "cd $D/night.git && find objects -type f | wc -l && git fsck --full --strict "
                     "&& git tag | wc -l && git log --format=%s && git cat-file tag s199/v2 && "
                     "git show-ref -d s000/v1 && head -1 packed-refs && git pack-refs --all");
    assert_true(strtoul(seen, NULL, 10) < 40); // of 1,600 objects
    assert_contains(seen, "401\n");
    assert_contains(seen, "all of them\nall of them\nrough\n");
    assert_contains(seen, "tag s199/v2");
    assert_contains(seen, "refs/tags/s000/v1^{}");
    assert_contains(seen, "# pack-refs with: peeled fully-peeled sorted");
    close_shelf(&here);
    here = open_shelf(*state); // and back from the disk
    size_t count = 0;
    (void)nb_revisions_versions(here.album, &count);
    assert_int_equal(count, 2 * SONGS + 1);
    assert_string_equal(nb_revisions_find_version(here.album, "s100", NULL)->name, "v2");
    push(&here, "ada", "and a small one", "three\n");
    tag(&here, 2);
    close_shelf(&here);
}

static void what_a_crash_leaves_is_mended_at_the_next_opening(void **state)
{
    shelf here = open_shelf(*state);
    push(&here, "ada", "rough", "one\n");
    assert_ok(nb_revisions_review_add(here.album, nb_revisions_head(here.album), "{}", "eve",
                                      1700000001000, err));
    close_shelf(&here);
    free(scratch_run(*state, "cd $D/night.git && touch refs/heads/main.lock HEAD.lock "
                             "refs/notes/review.lock && rm lfs/objects refs/heads/review"));
    here = open_shelf(*state);
    push(&here, "ada", "second", "two\n");
    assert_ok(nb_revisions_review_add(here.album, nb_revisions_head(here.album), "{}", "eve",
                                      1700000001000, err));
    NB_SCOPED(nb_text_free)
    char *seen =
        scratch_run(here.folder, "cd $D/night.git && git symbolic-ref refs/heads/review && "
                                 "test lfs/objects -ef $D/store/objects && git fsck --full && "
                                 "find . -name '*.lock'");
    assert_contains(seen, "refs/notes/review");
    assert_null(strstr(seen, ".lock"));
    close_shelf(&here);
}

static void a_repository_whose_making_was_cut_is_made_anew(void **state)
{
    free(scratch_run(*state, "mkdir -p $D/night.git/refs && echo half > $D/night.git/config"));
    shelf here = open_shelf(*state);
    push(&here, "ada", "rough", "one\n");
    free(scratch_run(*state, "git -C $D/night.git fsck --full && git -C $D/night.git log main"));
    close_shelf(&here);
}

static void commits_that_are_not_there_are_refused_in_words(void **state)
{
    shelf here = open_shelf(*state);
    nb_revision revision;
    assert_fails(NB_E_INVALID, "40 hex digits",
                 nb_revisions_get(here.album, "HEAD", &revision, err));
    assert_fails(
        NB_E_NOT_FOUND, "no revision 012345678901",
        nb_revisions_get(here.album, "0123456789012345678901234567890123456789", &revision, err));
    close_shelf(&here);
}

static void only_whole_pointers_are_pointers(void **state)
{
    (void)state;
    char text[NB_LFS_POINTER_MAX];
    const nb_digest digest = nb_digest_of("x", 1);
    nb_digest back;
    uint64_t size = 0;
    nb_lfs_pointer_format(&digest, UINT64_MAX, text);
    assert_ok(nb_lfs_pointer_parse(text, strlen(text), &back, &size, err));
    assert_true(size == UINT64_MAX && nb_digest_equal(&back, &digest));
    for (size_t length = 0; length < strlen(text); length++) {
        assert_int_not_equal(nb_lfs_pointer_parse(text, length, &back, &size, NULL), NB_OK);
    }
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(a_revision_comes_back_as_it_was_pushed),
        in_scratch(nothing_changed_makes_no_commit),
        in_scratch(versions_come_back_after_opening_anew_and_in_order),
        in_scratch(a_master_names_its_mix_and_is_no_newest_mix),
        in_scratch(an_ordinary_git_client_sees_history_tags_notes_and_a_sound_repository),
        in_scratch(a_clone_with_git_lfs_gets_the_audio_from_the_store),
        in_scratch(a_large_push_is_a_few_files_and_a_sound_repository),
        in_scratch(what_a_crash_leaves_is_mended_at_the_next_opening),
        in_scratch(a_repository_whose_making_was_cut_is_made_anew),
        in_scratch(what_fails_to_be_read_just_now_is_not_erased),
        in_scratch(what_is_lost_for_good_does_not_stop_an_erasing),
        in_scratch(commits_that_are_not_there_are_refused_in_words),
        cmocka_unit_test(only_whole_pointers_are_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
