// SPDX-License-Identifier: GPL-3.0-or-later
// The review against other hands and bad disks: what is not as it was left is set aside.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/review_private.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STAMP_SIZE = 32, WALK_MAX = 100000 };

const char nb_review_ref[] = "refs/notes/review";
const char nb_review_aside[] = "refs/nightbus/set-aside/";
static const char own_ref[] = "refs/nightbus/review"; // what the coordinator wrote last
static const char damaged_folder[] = "damaged";

static void free_reference(git_reference **reference_p) { git_reference_free(*reference_p); }
static void free_entry(git_tree_entry **entry_p) { git_tree_entry_free(*entry_p); }
static void free_blob(git_blob **blob_p) { git_blob_free(*blob_p); }

// "20261121T163005.123Z": names sort by time.
static void stamp(char out[STAMP_SIZE])
{
    const int64_t now_ms = nb_clock_wall_ms();
    const time_t seconds = (time_t)(now_ms / 1000);
    struct tm parts = {0};
    char text[STAMP_SIZE - 8];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y%m%dT%H%M%S", &parts);
    snprintf(out, STAMP_SIZE, "%s.%03dZ", text, (int)(now_ms % 1000));
}

// ---- References ----

nb_status nb_review_head(const nb_revisions *self, git_oid *out, nb_error *err)
{
    const int code = git_reference_name_to_id(out, self->repo, own_ref);
    if (code == GIT_ENOTFOUND) {
        return NB_E_NOT_FOUND;
    }
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "reading its review", err);
}

static nb_status set_ref(const nb_revisions *self, const char *name, const git_oid *commit,
                         nb_error *err)
{
    NB_SCOPED(free_reference) git_reference *made = NULL;
    const int code = git_reference_create(&made, self->repo, name, commit, 1, NULL);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "writing its review", err);
}

nb_status nb_review_move(const nb_revisions *self, const git_oid *commit, nb_error *err)
{
    const nb_status status = set_ref(self, own_ref, commit, err);
    return (status == NB_OK) ? set_ref(self, nb_review_ref, commit, err) : status;
}

nb_status nb_review_keep(const nb_revisions *self, const git_oid *commit, nb_error *err)
{
    char name[sizeof nb_review_aside + STAMP_SIZE + GIT_OID_HEXSZ + 64];
    char time[STAMP_SIZE];
    char hex[GIT_OID_HEXSZ + 1];
    stamp(time);
    git_oid_tostr(hex, sizeof hex, commit);
    snprintf(name, sizeof name, "%s%s-%.8s", nb_review_aside, time, hex);
    const nb_status status = set_ref(self, name, commit, err);
    if (status == NB_OK) {
        nb_log_warn("album '%s': a review that was changed or damaged is kept as %s", self->name,
                    name);
    }
    return status;
}

// ---- Damaged files ----

// Move a file of the repository into its folder `damaged`, where nothing looks for it.
static nb_status move_damaged(const nb_revisions *self, const char *relative, const char *label,
                              nb_error *err)
{
    char time[STAMP_SIZE];
    stamp(time);
    const char *folder = git_repository_path(self->repo);
    NB_SCOPED(nb_text_free) char *from = nb_file_join(folder, relative);
    NB_SCOPED(nb_text_free)
    char *to = nb_text_format("%s/%s/%s-%s", folder, damaged_folder, time, label);
    if (!from || !to) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to set a damaged review aside");
    }
    if (!nb_file_exists(from)) {
        return NB_OK; // in a pack, or gone
    }
    const nb_status status = nb_file_make_parents(to, 0777, err);
    if (status != NB_OK) {
        return status;
    }
    nb_log_warn("album '%s': %s is damaged, kept as %s", self->name, relative, to);
    return nb_file_publish(from, to, err);
}

static nb_status move_damaged_object(const nb_revisions *self, const git_oid *id, nb_error *err)
{
    char hex[GIT_OID_HEXSZ + 1];
    char relative[GIT_OID_HEXSZ + sizeof "objects//"];
    git_oid_tostr(hex, sizeof hex, id);
    snprintf(relative, sizeof relative, "objects/%.2s/%s", hex, hex + 2);
    return move_damaged(self, relative, hex, err);
}

// ---- Another hand ----

static bool is_parent_of(const nb_revisions *self, const git_oid *older, const git_oid *newer)
{
    NB_SCOPED(nb_git_commit_free) git_commit *commit = NULL;
    return git_commit_lookup(&commit, self->repo, newer) == 0 &&
           git_commit_parentcount(commit) > 0 &&
           git_oid_equal(git_commit_parent_id(commit, 0), older);
}

nb_status nb_review_guard(const nb_revisions *self, nb_error *err)
{
    git_oid own;
    git_oid found;
    nb_status status = nb_review_head(self, &own, err);
    if (status != NB_OK && status != NB_E_NOT_FOUND) {
        return status;
    }
    const bool has_own = status == NB_OK;
    const int code = git_reference_name_to_id(&found, self->repo, nb_review_ref);
    if (code == 0 && has_own && git_oid_equal(&own, &found)) {
        return NB_OK;
    }
    if (!has_own) { // none yet, or made before there was a reference of our own
        return code == 0 ? set_ref(self, own_ref, &found, err) : NB_OK;
    }
    if (code == 0 && !is_parent_of(self, &found, &own)) {
        nb_log_warn("album '%s': %s was changed by another hand; what the coordinator wrote counts",
                    self->name, nb_review_ref);
        status = nb_review_keep(self, &found, err);
    } else if (code != 0 && code != GIT_ENOTFOUND) {
        status = nb_git_is_lost(self, code)
                     ? move_damaged(self, nb_review_ref, "review-reference", err)
                     : nb_git_fail(self, code, "reading its review", err);
    } else {
        status = NB_OK; // a crash between our two references, or it was removed
    }
    return (status == NB_OK) ? set_ref(self, nb_review_ref, &own, err) : status;
}

// ---- Damage ----

// The entry of a commit's events in a tree of notes, flat or in folders of two digits.
static git_tree_entry *find_events(const git_tree *tree, const char *commit, char out_path[64])
{
    git_tree_entry *entry = NULL;
    snprintf(out_path, 64, "%s", commit);
    if (git_tree_entry_bypath(&entry, tree, out_path) == 0) {
        return entry;
    }
    snprintf(out_path, 64, "%.2s/%s", commit, commit + 2);
    return git_tree_entry_bypath(&entry, tree, out_path) == 0 ? entry : NULL;
}

// False where it is lost; a failure of another kind says nothing of it.
static nb_status check_readable(const nb_revisions *self, const git_oid *id, bool *out,
                                nb_error *err)
{
    NB_SCOPED(free_blob) git_blob *blob = NULL;
    const int code = git_blob_lookup(&blob, self->repo, id);
    *out = code == 0;
    return (code == 0 || nb_git_is_lost(self, code))
               ? NB_OK
               : nb_git_fail(self, code, "reading its review", err);
}

// The newest events of the commit, before `head`, that can be read. False if there are none.
static nb_status find_readable(const nb_revisions *self, git_commit *head, const char *commit,
                               git_oid *out, bool *out_found, nb_error *err)
{
    git_oid at = *git_commit_id(head);
    *out_found = false;
    for (size_t i = 0; i < WALK_MAX; i++) {
        NB_SCOPED(nb_git_commit_free) git_commit *older = NULL;
        NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
        char path[64];
        int code = git_commit_lookup(&older, self->repo, &at);
        if (code == 0) {
            code = git_commit_tree(&tree, older);
        }
        if (code != 0) {
            return nb_git_is_lost(self, code) ? NB_OK
                                              : nb_git_fail(self, code, "reading its review", err);
        }
        NB_SCOPED(free_entry) git_tree_entry *entry = find_events(tree, commit, path);
        if (!entry) {
            return NB_OK;
        }
        const nb_status status = check_readable(self, git_tree_entry_id(entry), out_found, err);
        if (status != NB_OK || *out_found) {
            *out = *git_tree_entry_id(entry);
            return status;
        }
        if (git_commit_parentcount(older) == 0) {
            return NB_OK;
        }
        at = *git_commit_parent_id(older, 0);
    }
    return NB_OK;
}

nb_status nb_review_commit_root(const nb_revisions *self, const git_oid *tree_id,
                                const git_signature *author, const char *message, git_oid *out,
                                nb_error *err)
{
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    int code = git_tree_lookup(&tree, self->repo, tree_id);
    if (code == 0) {
        code = git_commit_create(out, self->repo, NULL, author, author, "UTF-8", message, tree, 0,
                                 NULL);
    }
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "writing its review", err);
}

// A new root: a history that leads to what can't be read could not be cloned.
static nb_status commit_mended(const nb_revisions *self, git_tree *tree,
                               const git_tree_update *update, nb_error *err)
{
    git_oid tree_id;
    git_oid made;
    NB_SCOPED(nb_git_signature_free) git_signature *author = NULL;
    nb_status status = nb_git_signature(self, "Nightbus", nb_clock_wall_ms(), &author, err);
    if (status != NB_OK) {
        return status;
    }
    const int code = git_tree_create_updated(&tree_id, self->repo, tree, 1, update);
    if (code != 0) {
        return nb_git_fail(self, code, "mending its review", err);
    }
    status = nb_review_commit_root(self, &tree_id, author,
                                   "Review\n\nMended: events that could not be read are set "
                                   "aside\n",
                                   &made, err);
    return (status == NB_OK) ? nb_review_move(self, &made, err) : status;
}

nb_status nb_review_mend(const nb_revisions *self, const char *commit, nb_error *err)
{
    git_oid id;
    git_oid good;
    char path[64];
    nb_status status = nb_review_head(self, &id, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_git_commit_free) git_commit *head = NULL;
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    int code = git_commit_lookup(&head, self->repo, &id);
    if (code == 0) {
        code = git_commit_tree(&tree, head);
    }
    NB_SCOPED(free_entry)
    git_tree_entry *entry = code == 0 ? find_events(tree, commit, path) : NULL;
    if (!entry) {
        return nb_git_fail(self, code != 0 ? code : GIT_ERROR,
                           "its review can't be read, and needs a backup", err);
    }
    bool found = false;
    status = check_readable(self, git_tree_entry_id(entry), &found, err);
    if (status == NB_OK && found) {
        return nb_fail(err, NB_E_IO, "album '%s': its review could not be read just now: try again",
                       self->name);
    }
    if (status == NB_OK) {
        status = find_readable(self, head, commit, &good, &found, err);
    }
    if (status != NB_OK) {
        return status;
    }
    git_tree_update update = {
        .action = GIT_TREE_UPDATE_UPSERT, .filemode = GIT_FILEMODE_BLOB, .path = path};
    update.action = found ? GIT_TREE_UPDATE_UPSERT : GIT_TREE_UPDATE_REMOVE;
    update.id = found ? good : (git_oid){{0}};
    nb_log_error("album '%s': the events of revision %.12s can't be read; %s", self->name, commit,
                 found ? "those before the last change are taken" : "none of them could be saved");
    status = nb_review_keep(self, &id, err);
    if (status == NB_OK) {
        status = commit_mended(self, tree, &update, err);
    }
    return (status == NB_OK) ? move_damaged_object(self, git_tree_entry_id(entry), err) : status;
}

// ---- What was set aside ----

static int compare_backwards(const void *a, const void *b)
{
    return -strcmp(*(char *const *)a, *(char *const *)b);
}

// A growing list of names.
typedef struct name_list {
    size_t count;
    char *names[NB_SET_ASIDE_MAX];
} name_list;

static void free_names(name_list **list_p)
{
    for (size_t i = 0; *list_p && i < (*list_p)->count; i++) {
        free((*list_p)->names[i]);
    }
    free(*list_p);
}

// git_reference_foreach_name callback.
static int take_name(const char *name, void *payload)
{
    name_list *list = payload;
    const bool is_ours = strncmp(name, nb_review_aside, strlen(nb_review_aside)) == 0;
    char *copy = is_ours && list->count < NB_SET_ASIDE_MAX ? strdup(name) : NULL;
    if (copy) {
        list->names[list->count++] = copy;
    }
    return 0;
}

static void close_folder(DIR **folder_p)
{
    if (*folder_p) {
        closedir(*folder_p);
    }
}

nb_status nb_revisions_review_set_aside(const nb_revisions *self, nb_text *out, nb_error *err)
{
    NB_SCOPED(free_names) name_list *list = calloc(1, sizeof *list);
    NB_SCOPED(nb_text_free)
    char *path = nb_file_join(git_repository_path(self->repo), damaged_folder);
    if (!list || !path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for what was set aside");
    }
    const int code = git_reference_foreach_name(self->repo, take_name, list);
    if (code != 0) {
        return nb_git_fail(self, code, "listing its references", err);
    }
    NB_SCOPED(close_folder) DIR *folder = opendir(path);
    for (const struct dirent *entry = NULL; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] != '.' && list->count < NB_SET_ASIDE_MAX) {
            char *name = nb_text_format("%s/%s", damaged_folder, entry->d_name);
            list->names[list->count] = name;
            list->count += name ? 1 : 0;
        }
    }
    qsort(list->names, list->count, sizeof *list->names, compare_backwards);
    for (size_t i = 0; i < list->count; i++) {
        nb_text_addf(out, "%s\n", list->names[i]);
    }
    return NB_OK;
}
