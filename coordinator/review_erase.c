// SPDX-License-Identifier: GPL-3.0-or-later
// Words that an owner erases leave the record: the events that said them, the history of the
// review, what was set aside, and the objects on disk.
//
// Order: all is read and made anew, a file says so, references move, then every object that nothing
// refers to goes, by a new pack of all the others. Whatever a crash cuts, the next start goes on
// with. No backup copies meanwhile: it would list what goes.
#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/review_private.h"
#include "review/notes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char under_way[] = "nightbus-erasing"; // the file that says so

static void free_blob(git_blob **blob_p) { git_blob_free(*blob_p); }
static void free_builder(git_packbuilder **builder_p) { git_packbuilder_free(*builder_p); }
static void free_walk(git_revwalk **walk_p) { git_revwalk_free(*walk_p); }
static void free_reference(git_reference **reference_p) { git_reference_free(*reference_p); }
static void free_object(git_object **object_p) { git_object_free(*object_p); }

// ---- A review without the words ----

/// A tree of notes that is made anew.
typedef struct rewrite {
    const nb_revisions *self;
    const char *const *ids;
    size_t id_count;
    const nb_review_line *mark; ///< Null for one that has it, and for what was set aside
    bool is_aside;              ///< It was set aside
    nb_arena *paths;            ///< Of the updates
    git_tree_update *updates;
    size_t count;
    bool failed;
    bool lost; ///< None of it can be read, now or later
    char
        damaged[GIT_OID_HEXSZ + 1]; ///< The commit whose events in the review are lost; "" for none
} rewrite;

static void rewrite_fini(rewrite *self)
{
    nb_arena_destroy(&self->paths);
    free(self->updates);
}

static bool add_update(rewrite *self, git_tree_update_t action, const char *path, const git_oid *id)
{
    git_tree_update *grown = reallocarray(self->updates, self->count + 1, sizeof *self->updates);
    self->updates = grown ? grown : self->updates;
    self->paths = self->paths ? self->paths : nb_arena_new();
    const char *copy = self->paths ? nb_arena_string(self->paths, path) : NULL;
    if (!grown || !copy) {
        self->failed = true;
        return false;
    }
    self->updates[self->count++] =
        (git_tree_update){.action = action, .id = *id, .filemode = GIT_FILEMODE_BLOB, .path = copy};
    return true;
}

/// Is `path` ("ab/cdef...") that of the commit's events?
static bool is_of(const char *path, const char *commit)
{
    size_t at = 0;
    for (const char *c = path; *c; c++) {
        if (*c != '/' && *c != commit[at++]) {
            return false;
        }
    }
    return commit[at] == '\0';
}

/// The events without the words, and with the mark where it belongs; null without memory.
static char *rewrite_lines(const rewrite *self, const char *path, const char *lines)
{
    char *erased = nb_note_erase_words(lines, self->ids, self->id_count);
    if (!erased || !self->mark || !is_of(path, self->mark->commit)) {
        return erased;
    }
    const size_t length = strlen(erased);
    const bool ends = length == 0 || erased[length - 1] == '\n';
    char *marked = nb_text_format("%s%s%s\n", erased, ends ? "" : "\n", self->mark->line);
    free(erased);
    return marked;
}

/// Events that could not be read. For good, so that nobody can say what is in them: what was set
/// aside gives them up, and the review is mended first.
static int give_up(rewrite *self, const char *path, const git_oid *id, int code)
{
    if (!nb_git_is_lost(self->self, code)) {
        return code;
    }
    if (self->is_aside) {
        return add_update(self, GIT_TREE_UPDATE_REMOVE, path, id) ? 0 : -1;
    }
    size_t length = 0;
    for (const char *c = path; *c && length < GIT_OID_HEXSZ; c++) {
        if (*c != '/') {
            self->damaged[length++] = *c;
        }
    }
    self->damaged[length] = '\0';
    return code;
}

// git_tree_walk callback.
static int visit(const char *root, const git_tree_entry *entry, void *payload)
{
    rewrite *self = payload;
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB) {
        return 0;
    }
    NB_SCOPED(nb_text_free) char *path = nb_text_format("%s%s", root, git_tree_entry_name(entry));
    NB_SCOPED(free_blob) git_blob *blob = NULL;
    if (!path) {
        self->failed = true;
        return -1;
    }
    const int code = git_blob_lookup(&blob, self->self->repo, git_tree_entry_id(entry));
    if (code != 0) {
        return give_up(self, path, git_tree_entry_id(entry), code);
    }
    const size_t size = (size_t)git_blob_rawsize(blob);
    NB_SCOPED(nb_text_free) char *lines = strndup(git_blob_rawcontent(blob), size);
    NB_SCOPED(nb_text_free) char *changed = lines ? rewrite_lines(self, path, lines) : NULL;
    git_oid id;
    if (!changed) {
        self->failed = true;
        return -1;
    }
    if (strlen(changed) == size && memcmp(changed, git_blob_rawcontent(blob), size) == 0) {
        return 0;
    }
    if (git_blob_create_from_buffer(&id, self->self->repo, changed, strlen(changed)) != 0) {
        return GIT_EUSER; // whatever it says, nothing that is read is lost
    }
    return add_update(self, GIT_TREE_UPDATE_UPSERT, path, &id) ? 0 : -1;
}

/// Make the commit of a review without the words, and without a history. A failure sets `lost` or
/// `damaged` where that is why.
static nb_status rewrite_review(rewrite *self, const git_oid *commit, const git_signature *author,
                                git_oid *out, nb_error *err)
{
    NB_SCOPED(nb_git_commit_free) git_commit *head = NULL;
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    int code = git_commit_lookup(&head, self->self->repo, commit);
    if (code == 0) {
        code = git_commit_tree(&tree, head);
    }
    if (code == 0) {
        code = git_tree_walk(tree, GIT_TREEWALK_PRE, visit, self);
    }
    if (self->failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
    }
    self->lost = code != 0 && nb_git_is_lost(self->self, code);
    git_oid tree_id;
    if (code == 0) {
        tree_id = *git_tree_id(tree);
    }
    if (code == 0 && self->count > 0) {
        code =
            git_tree_create_updated(&tree_id, self->self->repo, tree, self->count, self->updates);
    }
    if (code != 0) {
        return nb_git_fail(self->self, code, "erasing from its review", err);
    }
    return nb_review_commit_root(self->self, &tree_id, author,
                                 "Review\n\nWords were erased: what was before is gone\n", out,
                                 err);
}

// ---- What was set aside ----

/// References by name, and what becomes of each.
typedef struct ref_list {
    size_t count;
    char *names[NB_SET_ASIDE_MAX];
    bool lost[NB_SET_ASIDE_MAX]; ///< It goes whole
    git_oid made[NB_SET_ASIDE_MAX];
} ref_list;

static void ref_list_fini(ref_list *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->names[i]);
    }
}

// git_reference_foreach_name callback.
static int take_aside(const char *name, void *payload)
{
    ref_list *list = payload;
    if (strncmp(name, nb_review_aside, strlen(nb_review_aside)) != 0) {
        return 0;
    }
    if (list->count == NB_SET_ASIDE_MAX) {
        return -1;
    }
    list->names[list->count] = strdup(name);
    return list->names[list->count] ? (list->count++, 0) : -1;
}

/// One of them without the words. One that is lost has no other form: they may be in it.
static nb_status rewrite_one(const rewrite *review, const git_signature *author, ref_list *list,
                             size_t index, nb_error *err)
{
    const nb_revisions *self = review->self;
    NB_SCOPED(rewrite_fini)
    rewrite made = {
        .self = self, .ids = review->ids, .id_count = review->id_count, .is_aside = true};
    git_oid old;
    nb_error problem = {0};
    const int code = git_reference_name_to_id(&old, self->repo, list->names[index]);
    list->lost[index] = code != 0 && nb_git_is_lost(self, code);
    nb_status status = NB_OK;
    if (code == 0) {
        status = rewrite_review(&made, &old, author, &list->made[index], &problem);
        list->lost[index] = status != NB_OK && made.lost;
    } else {
        status = nb_git_fail(self, code, list->names[index], &problem);
    }
    return (status == NB_OK || list->lost[index]) ? NB_OK
                                                  : nb_fail(err, status, "%s", problem.text);
}

/// Make what was set aside anew; no reference moves yet.
static nb_status rewrite_aside(const rewrite *review, const git_signature *author, ref_list *list,
                               nb_error *err)
{
    const int code = git_reference_foreach_name(review->self->repo, take_aside, list);
    nb_status status =
        (code == 0) ? NB_OK : nb_git_fail(review->self, code, "listing what was set aside", err);
    for (size_t i = 0; status == NB_OK && i < list->count; i++) {
        status = rewrite_one(review, author, list, i, err);
    }
    return status;
}

static nb_status move_aside(const nb_revisions *self, const ref_list *list, nb_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        NB_SCOPED(free_reference) git_reference *moved = NULL;
        int code = 0;
        if (list->lost[i]) {
            nb_log_warn("album '%s': %s can't be read and goes with what is erased", self->name,
                        list->names[i]);
            code = git_reference_remove(self->repo, list->names[i]);
        } else {
            code =
                git_reference_create(&moved, self->repo, list->names[i], &list->made[i], 1, NULL);
        }
        if (code != 0) {
            return nb_git_fail(self, code, list->names[i], err);
        }
    }
    return NB_OK;
}

// ---- Objects ----

// git_reference_foreach_name callback: all that a reference leads to goes into the pack.
typedef struct gathering {
    const nb_revisions *self;
    git_packbuilder *builder;
    git_revwalk *walk;
} gathering;

static int gather(const char *name, void *payload)
{
    const gathering *self = payload;
    NB_SCOPED(free_object) git_object *target = NULL;
    git_oid id;
    int code = git_reference_name_to_id(&id, self->self->repo, name);
    if (code == 0) {
        code = git_object_lookup(&target, self->self->repo, &id, GIT_OBJECT_ANY);
    }
    if (code == 0 && git_object_type(target) == GIT_OBJECT_TAG) {
        code = git_packbuilder_insert(self->builder, &id, NULL);
        id = *git_tag_target_id((const git_tag *)target);
    }
    return (code == 0) ? git_revwalk_push(self->walk, &id) : code;
}

/// Write a pack of all that references lead to.
static nb_status write_pack(const nb_revisions *self, char out_name[80], nb_error *err)
{
    NB_SCOPED(free_builder) git_packbuilder *builder = NULL;
    NB_SCOPED(free_walk) git_revwalk *walk = NULL;
    int code = git_packbuilder_new(&builder, self->repo);
    if (code == 0) {
        code = git_revwalk_new(&walk, self->repo);
    }
    if (code == 0) {
        gathering found = {self, builder, walk};
        code = git_reference_foreach_name(self->repo, gather, &found);
    }
    if (code == 0) {
        code = git_packbuilder_insert_walk(builder, walk);
    }
    if (code == 0) {
        code = git_packbuilder_write(builder, NULL, 0444, NULL, NULL);
    }
    if (code != 0) {
        return nb_git_fail(self, code, "packing it", err);
    }
    snprintf(out_name, 80, "pack-%.64s.", git_packbuilder_name(builder));
    return NB_OK;
}

static void close_folder(DIR **folder_p)
{
    if (*folder_p) {
        closedir(*folder_p);
    }
}

/// Remove the files of a folder whose names do not begin with `kept`.
static nb_status remove_files(const char *path, const char *kept, nb_error *err)
{
    NB_SCOPED(close_folder) DIR *folder = opendir(path);
    for (const struct dirent *entry = NULL; folder && (entry = readdir(folder));) {
        NB_SCOPED(nb_text_free) char *file = nb_file_join(path, entry->d_name);
        const bool stays =
            entry->d_name[0] == '.' || (kept && strncmp(entry->d_name, kept, strlen(kept)) == 0);
        if (!file) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
        }
        if (!stays && unlink(file) != 0 && errno != ENOENT) {
            return nb_fail_errno(err, errno, "%s", file);
        }
    }
    return NB_OK;
}

/// Remove every object but those of the pack: what is reachable is in it.
static nb_status remove_others(const nb_revisions *self, const char *pack, nb_error *err)
{
    const char *folder = git_repository_path(self->repo);
    NB_SCOPED(nb_text_free) char *packs = nb_file_join(folder, "objects/pack");
    if (!packs) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
    }
    nb_status status = remove_files(packs, pack, err);
    for (unsigned i = 0; i < 256 && status == NB_OK; i++) {
        NB_SCOPED(nb_text_free) char *loose = nb_text_format("%s/objects/%02x", folder, i);
        status = loose ? remove_files(loose, NULL, err)
                       : nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
    }
    // `git gc` leaves lists of commits that are gone now; what was damaged may hold the words.
    static const char *const others[] = {"damaged", "objects/info/commit-graphs"};
    for (size_t i = 0; i < NB_COUNT(others) && status == NB_OK; i++) {
        NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, others[i]);
        status = path ? remove_files(path, NULL, err)
                      : nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
    }
    NB_SCOPED(nb_text_free) char *graph = nb_file_join(folder, "objects/info/commit-graph");
    if (status == NB_OK && graph && unlink(graph) != 0 && errno != ENOENT) {
        status = nb_fail_errno(err, errno, "%s", graph);
    }
    return status;
}

// What libgit2 has open of the old packs goes as well.
static nb_status open_again(nb_revisions *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = strdup(git_repository_path(self->repo));
    git_repository *repo = NULL;
    const int code = path ? git_repository_open_bare(&repo, path) : -1;
    if (code != 0) {
        return nb_git_fail(self, code, "opening it again", err);
    }
    git_repository_free(self->repo);
    self->repo = repo;
    return NB_OK;
}

static nb_status purge(nb_revisions *self, nb_error *err)
{
    char pack[80];
    NB_SCOPED(nb_text_free) char *file = nb_file_join(git_repository_path(self->repo), under_way);
    if (!file) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
    }
    nb_status status = write_pack(self, pack, err);
    if (status == NB_OK) {
        status = remove_others(self, pack, err);
    }
    if (status == NB_OK) {
        status = open_again(self, err);
    }
    if (status == NB_OK && unlink(file) != 0 && errno != ENOENT) {
        status = nb_fail_errno(err, errno, "%s", file);
    }
    return status;
}

nb_status nb_revisions_is_erasing(const nb_revisions *self, bool *out, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *file = nb_file_join(git_repository_path(self->repo), under_way);
    *out = file && nb_file_exists(file);
    return file ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for an album");
}

nb_status nb_revisions_finish_erasing(nb_revisions *self, nb_error *err)
{
    bool erasing = false;
    const nb_status status = nb_revisions_is_erasing(self, &erasing, err);
    if (status != NB_OK || !erasing) {
        return status;
    }
    nb_log_info("album '%s': goes on erasing what was cut", self->name);
    return purge(self, err);
}

// ---- All of it ----

/// The review without the words. Events of it that are lost are set aside before, as by any reader:
/// they never drop out in passing.
static nb_status rewrite_head(rewrite *made, const git_signature *author, git_oid *out,
                              nb_error *err)
{
    char mended[sizeof made->damaged] = "";
    for (;;) {
        git_oid head;
        nb_status status = nb_review_head(made->self, &head, err);
        if (status == NB_E_NOT_FOUND) {
            return nb_fail(err, status, "album '%s' has no review", made->self->name);
        }
        if (status == NB_OK) {
            status = rewrite_review(made, &head, author, out, err);
        }
        if (status == NB_OK || !made->damaged[0] || strcmp(made->damaged, mended) == 0) {
            return status;
        }
        NB_SCOPED(nb_text_free) char *lines = NULL;
        memcpy(mended, made->damaged, sizeof mended);
        made->damaged[0] = '\0';
        made->count = 0;
        status = nb_revisions_review(made->self, mended, &lines, err);
        if (status != NB_OK) {
            return status;
        }
    }
}

static nb_status erase(nb_revisions *self, rewrite *made, const git_signature *author,
                       nb_error *err)
{
    git_oid id;
    NB_SCOPED(ref_list_fini) ref_list aside = {0};
    NB_SCOPED(nb_text_free) char *file = nb_file_join(git_repository_path(self->repo), under_way);
    if (!file) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
    }
    nb_status status = rewrite_head(made, author, &id, err);
    if (status == NB_OK) {
        status = rewrite_aside(made, author, &aside, err);
    }
    if (status == NB_OK) { // all could be read: from here on it is done
        status = nb_file_write(file, "", 0, 0666, err);
    }
    if (status == NB_OK) {
        status = move_aside(self, &aside, err);
    }
    if (status == NB_OK) {
        status = nb_review_move(self, &id, err);
    }
    return (status == NB_OK) ? purge(self, err) : status;
}

nb_status nb_revisions_review_erase(nb_revisions *self, const nb_review_line *mark,
                                    const char *const *ids, size_t id_count, const char *person,
                                    int64_t time_ms, nb_error *err)
{
    NB_SCOPED(rewrite_fini)
    rewrite made = {.self = self, .ids = ids, .id_count = id_count, .mark = mark};
    NB_SCOPED(nb_git_signature_free) git_signature *author = NULL;
    // The commit that takes the mark may have no events yet.
    NB_SCOPED(nb_text_free) char *lines = NULL;
    nb_status status = nb_revisions_review(self, mark->commit, &lines, err);
    if (status == NB_OK && lines[0] == '\0') {
        status = nb_revisions_review_add(self, mark->commit, mark->line, person, time_ms, err);
        made.mark = NULL;
    }
    if (status == NB_OK) {
        status = nb_git_signature(self, person, time_ms, &author, err);
    }
    return (status == NB_OK) ? erase(self, &made, author, err) : status;
}
