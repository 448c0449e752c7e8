// SPDX-License-Identifier: GPL-3.0-or-later
// The versions of an album: annotated tags SONG/vN.
#include "base/log.h"
#include "base/text.h"
#include "coordinator/git_pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tags_prefix[] = "refs/tags/";
static const char source_trailer[] = "\nSource: ";
static const char digest_trailer[] = "\nSong-Digest: ";
static const char mix_trailer[] = "\nMix-Version: ";
static const char mix_digest_trailer[] = "\nMix-Digest: ";

static void free_tag(git_tag **tag_p) { git_tag_free(*tag_p); }

const char *nb_source_name(nb_source source)
{
    static const char *const names[] = {
        [NB_SOURCE_MIX] = "mix", [NB_SOURCE_PRINT] = "print", [NB_SOURCE_MASTER] = "master"};
    return names[source];
}

static bool is_master(const nb_version *version) { return version->source == NB_SOURCE_MASTER; }

static int compare_versions(const void *a, const void *b)
{
    const nb_version *left = a;
    const nb_version *right = b;
    const int songs = strcmp(left->song, right->song);
    if (songs != 0) {
        return songs;
    }
    const int kinds = is_master(left) - is_master(right);
    return kinds ? kinds : (left->number > right->number) - (left->number < right->number);
}

// "night/v3" -> song, kind and number; false for a tag that is not a version.
static bool parse_name(const char *name, nb_version *out)
{
    const char *slash = strchr(name, '/');
    const size_t length = slash ? (size_t)(slash - name) : 0;
    const int64_t number = slash ? nb_version_number(slash + 1) : 0;
    if (length == 0 || length >= sizeof out->song || number == 0) {
        return false;
    }
    memcpy(out->song, name, length);
    out->song[length] = '\0';
    out->source = (number < 0) ? NB_SOURCE_MASTER : NB_SOURCE_MIX;
    out->number = (unsigned)(number < 0 ? -number : number);
    nb_version_name(number, out->name);
    return nb_text_is_id(out->song);
}

// What stands behind a trailer's key, up to the end of its line; false where there is none.
static bool find_trailer(const char *message, const char *key, char *out, size_t size)
{
    // The last one: what a person wrote stands before the trailers.
    const char *found = NULL;
    for (const char *at = message; (at = strstr(at, key)) != NULL; at++) {
        found = at + strlen(key);
    }
    const size_t length = found ? strcspn(found, "\n") : 0;
    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(out, found, length);
    out[length] = '\0';
    return true;
}

static bool find_digest(const char *message, const char *key, nb_digest *out)
{
    char hex[NB_DIGEST_HEX_SIZE];
    return find_trailer(message, key, hex, sizeof hex) &&
           nb_digest_from_hex(hex, out, NULL) == NB_OK;
}

// False for a tag that lacks what its kind must say.
static bool parse_trailers(const char *message, nb_version *out)
{
    char source[16] = "";
    find_trailer(message, source_trailer, source, sizeof source);
    if (!find_digest(message, digest_trailer, &out->song_digest)) {
        return false;
    }
    if (out->source != NB_SOURCE_MASTER) {
        out->source = strcmp(source, "print") == 0 ? NB_SOURCE_PRINT : NB_SOURCE_MIX;
        return true;
    }
    return find_trailer(message, mix_trailer, out->mix, sizeof out->mix) &&
           find_digest(message, mix_digest_trailer, &out->mix_digest);
}

static nb_status add_version(nb_revisions *self, const nb_version *version, nb_error *err)
{
    nb_version *grown =
        reallocarray(self->versions, self->version_count + 1, sizeof *self->versions);
    if (!grown) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a version");
    }
    self->versions = grown;
    self->versions[self->version_count++] = *version;
    return NB_OK;
}

// git_tag_foreach callback.
static int read_tag(const char *name, git_oid *id, void *payload)
{
    nb_revisions *self = payload;
    nb_version version = {0};
    if (strncmp(name, tags_prefix, sizeof tags_prefix - 1) != 0 ||
        !parse_name(name + sizeof tags_prefix - 1, &version)) {
        return 0;
    }
    NB_SCOPED(free_tag) git_tag *tag = NULL;
    if (git_tag_lookup(&tag, self->repo, id) != 0 ||
        !parse_trailers(git_tag_message(tag), &version)) {
        nb_log_warn("album '%s': tag %s is not one of ours, left alone", self->name, name);
        return 0;
    }
    git_oid_tostr(version.commit, sizeof version.commit, git_tag_target_id(tag));
    return add_version(self, &version, NULL) == NB_OK ? 0 : -1;
}

nb_status nb_revisions_load_versions(nb_revisions *self, nb_error *err)
{
    const int code = git_tag_foreach(self->repo, read_tag, self);
    if (code != 0) {
        return nb_git_fail(self, code, "reading its versions", err);
    }
    if (self->version_count > 0) {
        qsort(self->versions, self->version_count, sizeof *self->versions, compare_versions);
    }
    return NB_OK;
}

const nb_version *nb_revisions_versions(const nb_revisions *self, size_t *out_count)
{
    *out_count = self->version_count;
    return self->versions;
}

const nb_version *nb_revisions_find_version(const nb_revisions *self, const char *song,
                                            const char *name)
{
    const nb_version *found = NULL;
    for (size_t i = 0; i < self->version_count; i++) {
        const nb_version *version = &self->versions[i];
        if (strcmp(version->song, song) == 0 &&
            (name ? strcmp(version->name, name) == 0 : !is_master(version))) {
            found = version; // they ascend
        }
    }
    return found;
}

const nb_version *nb_revisions_newest_master(const nb_revisions *self, const char *song)
{
    const nb_version *found = NULL;
    for (size_t i = 0; i < self->version_count; i++) {
        const nb_version *version = &self->versions[i];
        if (strcmp(version->song, song) == 0 && is_master(version)) {
            found = version;
        }
    }
    return found;
}

static nb_status format_message(const nb_revisions *self, const nb_version *version,
                                const nb_revision *revision, nb_text *out, nb_error *err)
{
    char digest[NB_DIGEST_HEX_SIZE];
    char review[NB_COMMIT_SIZE] = "none";
    git_oid head;
    nb_digest_to_hex(&version->song_digest, digest);
    if (git_reference_name_to_id(&head, self->repo, "refs/notes/review") == 0) {
        git_oid_tostr(review, sizeof review, &head);
    }
    nb_text_addf(out, "%s\n%s%s%s%s", revision->message, source_trailer,
                 nb_source_name(version->source), digest_trailer, digest);
    if (is_master(version)) {
        nb_digest_to_hex(&version->mix_digest, digest);
        nb_text_addf(out, "%s%s%s%s", mix_trailer, version->mix, mix_digest_trailer, digest);
    }
    nb_text_addf(out, "\nClient-Id: %s\nReview-Head: %s\n",
                 revision->client_id[0] ? revision->client_id : "none", review);
    return out->failed ? nb_fail(err, NB_E_NO_MEMORY, "no memory for a tag") : NB_OK;
}

/// What a tag says, ready to be made.
typedef struct tag_draft {
    nb_version version;
    char name[NB_SONG_SIZE + 16]; ///< "night/v3"
    nb_text message;
    git_signature *tagger;
    git_commit *target; ///< Of the view's repository
} tag_draft;

static void tag_draft_fini(tag_draft *self)
{
    nb_text_fini(&self->message);
    git_signature_free(self->tagger);
    git_commit_free(self->target);
}

static nb_status draft_tag(const nb_revisions *self, const nb_revisions *view,
                           const nb_version *wanted, tag_draft *out, nb_error *err)
{
    nb_version *version = &out->version;
    *version = *wanted;
    nb_version_name(is_master(version) ? -(int64_t)version->number : version->number,
                    version->name);
    snprintf(out->name, sizeof out->name, "%s/%s", version->song, version->name);
    nb_revision revision;
    nb_status status = nb_revisions_get(self, version->commit, &revision, err);
    if (status != NB_OK) {
        return status;
    }
    status = format_message(self, version, &revision, &out->message, err);
    if (status == NB_OK) {
        status = nb_git_signature(self, revision.person, revision.time_ms, &out->tagger, err);
    }
    if (status == NB_OK) {
        status = nb_git_commit(view, version->commit, &out->target, err);
    }
    nb_revision_fini(&revision);
    return status;
}

static nb_status know_version(nb_revisions *self, const nb_version *version, nb_error *err)
{
    const nb_status status = add_version(self, version, err);
    if (status == NB_OK) {
        qsort(self->versions, self->version_count, sizeof *self->versions, compare_versions);
    }
    return status;
}

nb_status nb_revisions_tag(nb_revisions *self, const nb_version *wanted, nb_error *err)
{
    NB_SCOPED(tag_draft_fini) tag_draft draft = {0};
    const nb_status status = draft_tag(self, self, wanted, &draft, err);
    if (status != NB_OK) {
        return status;
    }
    git_oid id;
    const int code = git_tag_create(&id, self->repo, draft.name, (const git_object *)draft.target,
                                    draft.tagger, draft.message.chars, 0);
    return (code == 0) ? know_version(self, &draft.version, err)
                       : nb_git_fail(self, code, draft.name, err);
}

// The object of a tag, in the pack's memory, and its line for packed-refs.
static nb_status annotate(const nb_revisions *self, const nb_git_pack *pack, nb_version *version,
                          nb_git_tag_line *out, nb_error *err)
{
    NB_SCOPED(tag_draft_fini) tag_draft draft = {0};
    const nb_status status = draft_tag(self, &pack->view, version, &draft, err);
    if (status != NB_OK) {
        return status;
    }
    *version = draft.version;
    snprintf(out->name, sizeof out->name, "%s%s", tags_prefix, draft.name);
    out->target = *git_commit_id(draft.target);
    git_oid present;
    if (git_reference_name_to_id(&present, self->repo, out->name) == 0) {
        return nb_fail(err, NB_E_EXISTS, "album '%s' has tag %s already", self->name, draft.name);
    }
    const int code = git_tag_annotation_create(&out->tag, pack->view.repo, draft.name,
                                               (const git_object *)draft.target, draft.tagger,
                                               draft.message.chars);
    return (code == 0) ? NB_OK : nb_git_fail(self, code, draft.name, err);
}

static nb_status tag_packed(nb_revisions *self, nb_version *versions, size_t count,
                            nb_git_tag_line *lines, git_oid *ids, nb_error *err)
{
    NB_SCOPED(nb_git_pack_close) nb_git_pack pack = {0};
    nb_status status = nb_git_pack_open(self, &pack, err);
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = annotate(self, &pack, &versions[i], &lines[i], err);
        ids[i] = lines[i].tag;
    }
    if (status == NB_OK) {
        status = nb_git_pack_write(&pack, ids, count, err);
    }
    if (status == NB_OK) {
        status = nb_git_pack_tags(self, lines, count, err);
    }
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = add_version(self, &versions[i], err);
    }
    if (self->version_count > 0) {
        qsort(self->versions, self->version_count, sizeof *self->versions, compare_versions);
    }
    return status;
}

nb_status nb_revisions_tag_all(nb_revisions *self, nb_version *versions, size_t count,
                               nb_error *err)
{
    nb_status status = NB_OK;
    if (count < NB_PACK_LEAST) {
        for (size_t i = 0; status == NB_OK && i < count; i++) {
            status = nb_revisions_tag(self, &versions[i], err);
        }
        return status;
    }
    nb_git_tag_line *lines = calloc(count, sizeof *lines);
    git_oid *ids = calloc(count, sizeof *ids);
    status = (lines && ids) ? tag_packed(self, versions, count, lines, ids, err)
                            : nb_fail(err, NB_E_NO_MEMORY, "no memory for tags");
    free(lines);
    free(ids);
    return status;
}
