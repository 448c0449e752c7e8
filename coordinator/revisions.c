// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/revisions.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/album_tree.h"
#include "coordinator/git_pack.h"
#include "coordinator/review_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char main_ref[] = "refs/heads/main";
static const char client_id_trailer[] = "\n\nClient-Id: ";

nb_status nb_git_fail(const nb_revisions *self, int code, const char *what, nb_error *err)
{
    const git_error *error = git_error_last();
    const char *text = (error && error->message) ? error->message : "no more is known";
    if (strstr(text, strerror(ENOSPC)) || strstr(text, strerror(EDQUOT))) {
        return nb_fail(err, NB_E_NO_SPACE, "album '%s': %s: the coordinator's disk is full",
                       self->name, what);
    }
    const nb_status status = (code == GIT_ENOTFOUND) ? NB_E_NOT_FOUND : NB_E_IO;
    return nb_fail(err, status, "album '%s': %s: %s", self->name, what, text);
}

// To libgit2 a pack that can't be opened is one that lacks the object.
static bool packs_open(const nb_revisions *self)
{
    NB_SCOPED(nb_text_free)
    char *path = nb_file_join(git_repository_path(self->repo), "objects/pack");
    DIR *folder = path ? opendir(path) : NULL;
    bool open_all = folder != NULL;
    for (const struct dirent *entry = NULL; open_all && (entry = readdir(folder));) {
        NB_SCOPED(nb_file_close_fd)
        int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
        open_all = fd >= 0 || errno == ENOENT;
    }
    if (folder) {
        closedir(folder);
    }
    return open_all;
}

bool nb_git_is_lost(const nb_revisions *self, int code)
{
    static const int damage[] = {GIT_ERROR_ZLIB, GIT_ERROR_ODB, GIT_ERROR_OBJECT, GIT_ERROR_TREE,
                                 GIT_ERROR_REFERENCE};
    const git_error *error = git_error_last();
    bool damaged = false;
    for (size_t i = 0; error && code == GIT_ERROR && i < NB_COUNT(damage); i++) {
        damaged = damaged || error->klass == damage[i];
    }
    return damaged || code == GIT_EMISMATCH || (code == GIT_ENOTFOUND && packs_open(self));
}

void nb_git_object_free(git_object **object_p) { git_object_free(*object_p); }
void nb_git_tree_free(git_tree **tree_p) { git_tree_free(*tree_p); }
void nb_git_commit_free(git_commit **commit_p) { git_commit_free(*commit_p); }
void nb_git_signature_free(git_signature **signature_p) { git_signature_free(*signature_p); }
static void free_entry(git_tree_entry **entry_p) { git_tree_entry_free(*entry_p); }
static void free_blob(git_blob **blob_p) { git_blob_free(*blob_p); }

nb_status nb_revisions_start(nb_error *err)
{
    if (git_libgit2_init() < 0) {
        return nb_fail(err, NB_E_IO, "libgit2 does not start");
    }
    // Off by default, and what we answer for must be on disk.
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    // The configuration of whoever runs us shall not change what an album's repository is.
    const int levels[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG,
                          GIT_CONFIG_LEVEL_PROGRAMDATA};
    for (size_t i = 0; i < NB_COUNT(levels); i++) {
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    }
    return NB_OK;
}

void nb_revisions_stop(void) { git_libgit2_shutdown(); }

// ---- Opening and mending ----

// nftw callback. We are the only writer, so at start a lock file is what a crash left.
static int remove_lock(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)where;
    const char *dot = strrchr(path, '.');
    if (kind == FTW_F && dot && strcmp(dot, ".lock") == 0) {
        nb_log_warn("%s: left by a crash, removed", path);
        unlink(path);
    }
    return 0;
}

// A pack without its name yet, that a crash left.
static void remove_half_packs(const char *path)
{
    static const char begins[] = "pack_git2_"; // libgit2's word
    NB_SCOPED(nb_text_free) char *packs = nb_file_join(path, "objects/pack");
    DIR *folder = packs ? opendir(packs) : NULL;
    for (const struct dirent *entry = NULL; folder && (entry = readdir(folder));) {
        if (strncmp(entry->d_name, begins, sizeof begins - 1) == 0 &&
            unlinkat(dirfd(folder), entry->d_name, 0) == 0) {
            nb_log_warn("%s/%s: left by a crash, removed", packs, entry->d_name);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

static void remove_locks(const char *path)
{
    enum { DEPTH = 16 };
    static const char *const files[] = {"HEAD.lock", "config.lock", "packed-refs.lock"};
    for (size_t i = 0; i < NB_COUNT(files); i++) {
        NB_SCOPED(nb_text_free) char *file = nb_file_join(path, files[i]);
        if (file && unlink(file) == 0) {
            nb_log_warn("%s: left by a crash, removed", file);
        }
    }
    remove_half_packs(path);
    NB_SCOPED(nb_text_free) char *refs = nb_file_join(path, "refs");
    if (refs) {
        nftw(refs, remove_lock, DEPTH, FTW_PHYS);
    }
}

static nb_status open_or_make(nb_revisions *self, const char *path, nb_error *err)
{
    int code = git_repository_open_bare(&self->repo, path);
    if (code == 0) {
        return NB_OK;
    }
    // Also where a crash cut the making: it starts again over what is there.
    git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
    options.initial_head = "main";
    options.description = "A Nightbus album";
    code = git_repository_init_ext(&self->repo, path, &options);
    return (code == 0) ? nb_file_sync_folder_of(path, err)
                       : nb_git_fail(self, code, "making its repository", err);
}

// lfs/objects of the repository leads to the store, so that git-lfs finds the audio in it.
static nb_status link_store(const nb_revisions *self, const char *path, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *folder = nb_file_join(path, "lfs");
    NB_SCOPED(nb_text_free) char *link = folder ? nb_file_join(folder, "objects") : NULL;
    NB_SCOPED(nb_text_free) char *target = nb_file_absolute(nb_blob_store_objects(self->store));
    if (!link || !target) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to link it to the store", path);
    }
    char current[4096] = "";
    const ssize_t length = readlink(link, current, sizeof current - 1);
    if (length > 0 && strcmp(current, target) == 0) {
        return NB_OK;
    }
    const nb_status status = nb_file_make_folders(folder, 0777, err);
    if (status != NB_OK) {
        return status;
    }
    unlink(link); // the data folder was moved
    if (symlink(target, link) != 0) {
        return nb_fail_errno(err, errno, "%s", link);
    }
    return nb_file_sync_folder_of(link, err);
}

static nb_status load_head(nb_revisions *self, nb_error *err)
{
    self->head[0] = '\0';
    git_oid id;
    const int code = git_reference_name_to_id(&id, self->repo, main_ref);
    if (code == GIT_ENOTFOUND) {
        return NB_OK;
    }
    if (code != 0) {
        return nb_git_fail(self, code, "reading main", err);
    }
    git_oid_tostr(self->head, sizeof self->head, &id);
    return NB_OK;
}

nb_status nb_revisions_open(const char *path, nb_blob_store *store, nb_revisions **out_revisions,
                            nb_error *err)
{
    *out_revisions = NULL;
    NB_SCOPED(nb_revisions_close) nb_revisions *self = calloc(1, sizeof *self);
    const char *slash = strrchr(path, '/');
    if (self) {
        self->store = store;
        self->name = strdup(slash ? slash + 1 : path);
    }
    if (!self || !self->name) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to open it", path);
    }
    char *ending = strstr(self->name, ".git");
    if (ending) {
        *ending = '\0';
    }
    remove_locks(path);
    nb_status status = open_or_make(self, path, err);
    if (status == NB_OK) {
        status = link_store(self, path, err);
    }
    if (status == NB_OK) {
        status = load_head(self, err);
    }
    if (status == NB_OK) {
        status = nb_review_guard(self, err);
    }
    if (status == NB_OK) {
        status = nb_revisions_link_review(self, err);
    }
    if (status == NB_OK) {
        status = nb_revisions_load_versions(self, err);
    }
    if (status == NB_OK) {
        *out_revisions = self;
        self = NULL; // the caller's now
    }
    return status;
}

void nb_revisions_close(nb_revisions **self_p)
{
    nb_revisions *self = *self_p;
    if (!self) {
        return;
    }
    git_repository_free(self->repo);
    free(self->name);
    free(self->versions);
    free(self);
    *self_p = NULL;
}

// ---- Reading ----

const char *nb_revisions_head(const nb_revisions *self) { return self->head; }

void nb_revision_fini(nb_revision *self)
{
    free(self->message);
    *self = (nb_revision){0};
}

nb_status nb_git_commit(const nb_revisions *self, const char *commit, git_commit **out,
                        nb_error *err)
{
    *out = NULL;
    git_oid id;
    if (strlen(commit) != GIT_OID_HEXSZ || git_oid_fromstr(&id, commit) != 0) {
        return nb_fail(err, NB_E_INVALID, "'%.60s' is not a commit: 40 hex digits", commit);
    }
    const int code = git_commit_lookup(out, self->repo, &id);
    if (code == GIT_ENOTFOUND) {
        return nb_fail(err, NB_E_NOT_FOUND, "album '%s' has no revision %.12s", self->name, commit);
    }
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "reading a revision", err);
}

// The commit's message ends with our trailer; the rest is what the person wrote.
static nb_status split_message(const char *text, nb_revision *out, nb_error *err)
{
    const size_t trailer_length = sizeof client_id_trailer - 1;
    const size_t id_length = sizeof out->client_id - 1;
    size_t length = strlen(text);
    if (length > trailer_length + id_length) {
        const char *trailer = text + length - 1 - id_length - trailer_length;
        if (strncmp(trailer, client_id_trailer, trailer_length) == 0) {
            memcpy(out->client_id, trailer + trailer_length, id_length);
            length = (size_t)(trailer - text);
        }
    }
    out->message = strndup(text, length);
    return out->message ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a message");
}

nb_status nb_revisions_get(const nb_revisions *self, const char *commit, nb_revision *out,
                           nb_error *err)
{
    *out = (nb_revision){0};
    NB_SCOPED(nb_git_commit_free) git_commit *object = NULL;
    const nb_status status = nb_git_commit(self, commit, &object, err);
    if (status != NB_OK) {
        return status;
    }
    git_oid_tostr(out->commit, sizeof out->commit, git_commit_id(object));
    if (git_commit_parentcount(object) > 0) {
        git_oid_tostr(out->parent, sizeof out->parent, git_commit_parent_id(object, 0));
    }
    const git_signature *author = git_commit_author(object);
    snprintf(out->person, sizeof out->person, "%s", author->name);
    out->time_ms = (int64_t)author->when.time * 1000;
    return split_message(git_commit_message(object), out, err);
}

static nb_status tree_of(const nb_revisions *self, const char *commit, git_tree **out,
                         nb_error *err)
{
    *out = NULL;
    NB_SCOPED(nb_git_commit_free) git_commit *object = NULL;
    const nb_status status = nb_git_commit(self, commit, &object, err);
    if (status != NB_OK) {
        return status;
    }
    const int code = git_commit_tree(out, object);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "reading a revision's files", err);
}

nb_status nb_revisions_manifest(const nb_revisions *self, const char *commit, nb_manifest *out,
                                nb_error *err)
{
    *out = (nb_manifest){0};
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    const nb_status status = tree_of(self, commit, &tree, err);
    return (status == NB_OK) ? nb_album_tree_read(self, tree, out, err) : status;
}

nb_status nb_revisions_read(const nb_revisions *self, const char *commit, const char *path,
                            char **out_bytes, size_t *out_size, nb_error *err)
{
    *out_bytes = NULL;
    *out_size = 0;
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    const nb_status status = tree_of(self, commit, &tree, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(free_entry) git_tree_entry *entry = NULL;
    NB_SCOPED(free_blob) git_blob *blob = NULL;
    int code = git_tree_entry_bypath(&entry, tree, path);
    if (code == 0) {
        code = git_blob_lookup(&blob, self->repo, git_tree_entry_id(entry));
    }
    if (code == GIT_ENOTFOUND) {
        return nb_fail(err, NB_E_NOT_FOUND, "revision %.12s has no file %s", commit, path);
    }
    if (code != 0) {
        return nb_git_fail(self, code, path, err);
    }
    const size_t size = (size_t)git_blob_rawsize(blob);
    char *bytes = malloc(size + 1);
    if (!bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "%s: no memory to read it", path);
    }
    memcpy(bytes, git_blob_rawcontent(blob), size);
    bytes[size] = '\0';
    *out_bytes = bytes;
    *out_size = size;
    return NB_OK;
}

// The id of a song's folder in a commit; zero where it has none.
static nb_status song_tree_id(const nb_revisions *self, const char *commit, const char *song,
                              git_oid *out, nb_error *err)
{
    memset(out, 0, sizeof *out);
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    const nb_status status = tree_of(self, commit, &tree, err);
    if (status != NB_OK) {
        return status;
    }
    char path[NB_SONG_SIZE + sizeof "songs/"];
    snprintf(path, sizeof path, "songs/%s", song);
    NB_SCOPED(free_entry) git_tree_entry *entry = NULL;
    const int code = git_tree_entry_bypath(&entry, tree, path);
    if (code == 0) {
        *out = *git_tree_entry_id(entry);
    }
    return (code == 0 || code == GIT_ENOTFOUND) ? NB_OK : nb_git_fail(self, code, path, err);
}

nb_status nb_revisions_touches(const nb_revisions *self, const char *commit, const char *song,
                               bool *out_touches, nb_error *err)
{
    *out_touches = false;
    NB_SCOPED(nb_revision_fini) nb_revision revision = {0};
    nb_status status = nb_revisions_get(self, commit, &revision, err);
    if (status != NB_OK) {
        return status;
    }
    git_oid now;
    git_oid before = {{0}};
    status = song_tree_id(self, commit, song, &now, err);
    if (status == NB_OK && revision.parent[0]) {
        status = song_tree_id(self, revision.parent, song, &before, err);
    }
    *out_touches = git_oid_cmp(&now, &before) != 0;
    return status;
}

// ---- Writing ----

nb_status nb_git_signature(const nb_revisions *self, const char *person, int64_t time_ms,
                           git_signature **out, nb_error *err)
{
    char mail[NB_NAME_SIZE + sizeof "@nightbus"];
    char name[NB_NAME_SIZE];
    size_t length = 0;
    snprintf(name, sizeof name, "%s", person);
    for (char *c = name; *c; c++) {
        if (*c == '<' || *c == '>') {
            *c = '-'; // git keeps these for itself
        }
        const bool plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
                           (*c >= 'A' && *c <= 'Z') || *c == '.';
        mail[length++] = plain ? *c : '-';
    }
    snprintf(mail + length, sizeof mail - length, "@nightbus");
    const int code = git_signature_new(out, name, mail, (git_time_t)(time_ms / 1000), 0);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "signing a revision", err);
}

// Writes through `view`: the album's own repository moves main with it, and refuses if main is not
// the parent; another view leaves that to its caller.
static nb_status write_commit(const nb_revisions *self, const nb_revisions *view,
                              const nb_revision_draft *draft, const git_tree *tree,
                              const git_commit *parent, git_oid *out_id, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text message = {0};
    nb_text_add(&message, draft->message);
    nb_text_add(&message, client_id_trailer);
    char id[2 * sizeof draft->client_id + 1];
    nb_text_hex(draft->client_id, sizeof draft->client_id, id);
    nb_text_add(&message, id);
    nb_text_add(&message, "\n");
    if (message.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a commit's message");
    }
    NB_SCOPED(nb_git_signature_free) git_signature *author = NULL;
    const nb_status status = nb_git_signature(self, draft->person, draft->time_ms, &author, err);
    if (status != NB_OK) {
        return status;
    }
    const git_commit *parents[] = {parent};
    const int code =
        git_commit_create(out_id, view->repo, view == self ? main_ref : NULL, author, author,
                          "UTF-8", message.chars, tree, parent ? 1 : 0, parents);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "writing the revision", err);
}

// How many files the revision has that its parent has not.
static nb_status count_new_files(const nb_revisions *self, const nb_manifest *manifest,
                                 size_t *out_count, nb_error *err)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest before = {0};
    const nb_status status =
        self->head[0] ? nb_revisions_manifest(self, self->head, &before, err) : NB_OK;
    *out_count = 0;
    for (size_t i = 0; status == NB_OK && i < manifest->file_count; i++) {
        const nb_manifest_file *present = nb_manifest_find(&before, manifest->files[i].path);
        *out_count +=
            (present && nb_digest_equal(&present->digest, &manifest->files[i].digest)) ? 0 : 1;
    }
    return status;
}

// Tree and commit through `view`; *out_made false where nothing differs from the head.
static nb_status make_commit(const nb_revisions *self, const nb_revisions *view,
                             const nb_revision_draft *draft, git_oid *out_id, bool *out_made,
                             nb_error *err)
{
    *out_made = false;
    NB_SCOPED(nb_git_tree_free) git_tree *tree = NULL;
    NB_SCOPED(nb_git_commit_free) git_commit *parent = NULL;
    nb_status status = nb_album_tree_write(view, draft->manifest, &tree, err);
    if (status == NB_OK && self->head[0]) {
        status = nb_git_commit(view, self->head, &parent, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (parent && git_oid_equal(git_commit_tree_id(parent), git_tree_id(tree))) {
        return NB_OK;
    }
    *out_made = true;
    return write_commit(self, view, draft, tree, parent, out_id, err);
}

// The commit point: main, which must be where the new revision's parent is.
static nb_status move_main(const nb_revisions *self, const git_oid *id, nb_error *err)
{
    git_reference *moved = NULL;
    git_oid head;
    int code = 0;
    if (self->head[0]) {
        code = git_oid_fromstr(&head, self->head);
        code = (code == 0) ? git_reference_create_matching(&moved, self->repo, main_ref, id, 1,
                                                           &head, "push")
                           : code;
    } else {
        code = git_reference_create(&moved, self->repo, main_ref, id, 0, "push");
    }
    git_reference_free(moved);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, "moving main", err);
}

// As one pack, which is in its place before main moves.
static nb_status commit_packed(nb_revisions *self, const nb_revision_draft *draft, git_oid *out_id,
                               bool *out_made, nb_error *err)
{
    NB_SCOPED(nb_git_pack_close) nb_git_pack pack = {0};
    nb_status status = nb_git_pack_open(self, &pack, err);
    if (status == NB_OK) {
        status = make_commit(self, &pack.view, draft, out_id, out_made, err);
    }
    if (status == NB_OK && *out_made) {
        status = nb_git_pack_write(&pack, out_id, 1, err);
    }
    return (status == NB_OK && *out_made) ? move_main(self, out_id, err) : status;
}

nb_status nb_revisions_commit(nb_revisions *self, const nb_revision_draft *draft, nb_error *err)
{
    size_t count = 0;
    bool made = false;
    git_oid id;
    nb_status status = count_new_files(self, draft->manifest, &count, err);
    if (status == NB_OK && count >= NB_PACK_LEAST) {
        status = commit_packed(self, draft, &id, &made, err);
    } else if (status == NB_OK) {
        status = make_commit(self, self, draft, &id, &made, err);
    }
    if (status == NB_OK && made) {
        git_oid_tostr(self->head, sizeof self->head, &id);
    }
    return status;
}
