// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "review-cli/ask.h"
#include "review-cli/batch.h"
#include "review-cli/collect.h"
#include "review-cli/command.h"
#include "review-cli/editor.h"
#include "review-cli/farm.h"
#include "review-cli/folder.h"
#include "review-cli/pull.h"
#include "review-cli/push_print.h"
#include "review-cli/pushed.h"
#include "review-cli/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING_BYTES_MAX = 64 << 10, ID_HEX_SIZE = 2 * NB_CLIENT_ID_SIZE + 1 };

typedef struct push {
    nb_cli *cli;
    nb_editor_text text;
    const char *message; ///< In it
    nb_folder folder;
    nb_farm farm;
    nb_collection collection;
    nb_digest manifest_digest;
    uint64_t sent_bytes;
    Nightbus__Reply *reply; ///< Pushed; null where there was nothing to push
} push;

static void push_fini(push *self)
{
    nb_collection_fini(&self->collection);
    nb_folder_fini(&self->folder);
    nb_farm_fini(&self->farm);
    nb_wire_free_reply(&self->reply);
    nb_editor_text_fini(&self->text);
}

// ---- What is here ----

static nb_status check_unmerged(const push *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *theirs = nb_pull_find_unmerged(&self->folder);
    return theirs ? nb_fail(err, NB_E_CONFLICT,
                            "%s is still there: take from it what you want into your own file, "
                            "remove it, listen, then push",
                            theirs)
                  : NB_OK;
}

static nb_status collect(push *self, nb_error *err)
{
    NB_SCOPED(nb_stat_cache_destroy) nb_stat_cache *cache = NULL;
    nb_status status = nb_folder_stat_cache(&self->folder, &cache, err);
    if (status == NB_OK) {
        status = nb_collect(self->folder.path, cache, nb_stop_flag(), &self->collection, err);
    }
    nb_error save_error = {0};
    if (cache && nb_stat_cache_save(cache, &save_error) != NB_OK) {
        fprintf(stderr, "nightbus push: %s\n", save_error.text); // costs time only
    }
    if (status != NB_OK) {
        return status;
    }
    if (self->collection.problem_count > 0) {
        fputs(self->collection.problems.chars, stderr);
        return nb_fail(err, NB_E_INVALID, "%zu problem%s; nothing was sent",
                       self->collection.problem_count,
                       self->collection.problem_count == 1 ? "" : "s");
    }
    if (self->collection.song_count == 0) {
        return nb_fail(err, NB_E_INVALID,
                       "%s has no songs: put a mix document at songs/SONG/mix.yaml",
                       self->folder.path);
    }
    return NB_OK;
}

static bool is_unchanged(const push *self)
{
    const nb_manifest *now = &self->collection.manifest;
    const nb_manifest *base = &self->folder.manifest;
    if (!self->folder.base || now->file_count != base->file_count) {
        return false;
    }
    for (size_t i = 0; i < now->file_count; i++) {
        const nb_manifest_file *other = nb_manifest_find(base, now->files[i].path);
        if (!other || !nb_digest_equal(&other->digest, &now->files[i].digest)) {
            return false;
        }
    }
    return true;
}

// ---- The message ----

/// What differs from the base, for whoever writes the message.
static void add_changes(const push *self, nb_text *out)
{
    const nb_manifest *now = &self->collection.manifest;
    const nb_manifest *base = &self->folder.manifest;
    for (size_t i = 0; i < now->file_count; i++) {
        const nb_manifest_file *before = nb_manifest_find(base, now->files[i].path);
        if (!before || !nb_digest_equal(&before->digest, &now->files[i].digest)) {
            nb_text_addf(out, "\n  %-8s %s", before ? "changed" : "new", now->files[i].path);
        }
    }
    for (size_t i = 0; i < base->file_count; i++) {
        if (!nb_manifest_find(now, base->files[i].path)) {
            nb_text_addf(out, "\n  %-8s %s", "removed", base->files[i].path);
        }
    }
}

/// From the command line, a file, or the editor. A push that got no answer offers its message
/// again: unchanged, it is the same push.
static nb_status take_message(push *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    NB_SCOPED(nb_text_free) char *path = nb_folder_private(&self->folder, "push.json");
    NB_SCOPED(nb_json_free) json_t *pending = NULL;
    NB_SCOPED(nb_text_fini) nb_text hints = {0};
    nb_text_add(&hints,
                "What changed, for the log? Lines that begin with \"# \" are dropped; without\n"
                "any text nothing is pushed. \"fixes #12\" resolves that note.\n");
    add_changes(self, &hints);
    if (!path || hints.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the message");
    }
    const bool has_pending = nb_json_read(path, PENDING_BYTES_MAX, &pending, NULL) == NB_OK;
    const nb_editor_wish wish = {
        .what = "message",
        .given = nb_args_get(args, "message"),
        .file = nb_args_get(args, "file"),
        .initial = has_pending ? json_string_value(json_object_get(pending, "message")) : NULL,
        .hints = hints.chars,
        .bytes_most = NB_MESSAGE_TEXT_MAX,
    };
    const nb_status status = nb_editor_get(&wish, &self->text, err);
    self->message = self->text.text;
    return status;
}

// ---- Sending ----

/// A conflict is better told before gigabytes were sent.
static nb_status check_head(push *self, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status = nb_farm_head(&self->farm, NULL, &reply, err);
    if (status != NB_OK) {
        return status;
    }
    const char *head = reply->album_state->head;
    const char *base = self->folder.base;
    return (!head && !base) || (head && base && strcmp(head, base) == 0) ? NB_OK : NB_E_CONFLICT;
}

/// Ask which blobs must be sent; each distinct digest once.
static nb_status ask_missing(push *self, Nightbus__Reply **out_reply, nb_error *err)
{
    const nb_manifest *manifest = &self->collection.manifest;
    NB_SCOPED(nb_json_free) json_t *seen = json_object();
    ProtobufCBinaryData *digests = calloc(manifest->file_count, sizeof *digests);
    if (!digests || !seen) {
        free(digests);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the list of digests");
    }
    Nightbus__Missing body = NIGHTBUS__MISSING__INIT;
    for (size_t i = 0; i < manifest->file_count; i++) {
        char hex[NB_DIGEST_HEX_SIZE];
        nb_digest_to_hex(&manifest->files[i].digest, hex);
        if (!json_object_get(seen, hex)) {
            json_object_set_new(seen, hex, json_true());
            digests[body.n_digests++] = nb_wire_digest(&manifest->files[i].digest);
        }
    }
    body.album = self->farm.album;
    body.digests = digests;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_MISSING;
    request.missing = &body;
    const nb_status status = nb_farm_ask(&self->farm, &request,
                                         NIGHTBUS__REPLY__BODY_MISSING_LISTING, 0, out_reply, err);
    free(digests);
    return status;
}

/// The file with that digest; null for a digest that we did not ask about.
static const nb_manifest_file *find_digest(const nb_manifest *manifest, const nb_digest *digest)
{
    for (size_t i = 0; i < manifest->file_count; i++) {
        if (nb_digest_equal(&manifest->files[i].digest, digest)) {
            return &manifest->files[i];
        }
    }
    return NULL;
}

static nb_status send_missing(push *self, const Nightbus__MissingListing *missing, nb_error *err)
{
    const nb_manifest *manifest = &self->collection.manifest;
    uint64_t total = 0;
    for (size_t i = 0; i < missing->n_digests; i++) {
        const nb_digest digest = nb_wire_to_digest(missing->digests[i]);
        const nb_manifest_file *file = find_digest(manifest, &digest);
        total += file ? file->size : 0;
    }
    nb_batch batch;
    nb_batch_start(&batch, &self->farm, "sending", total);
    nb_status status = NB_OK;
    for (size_t i = 0; i < missing->n_digests && status == NB_OK; i++) {
        const nb_digest digest = nb_wire_to_digest(missing->digests[i]);
        const nb_manifest_file *file = find_digest(manifest, &digest);
        NB_SCOPED(nb_text_free)
        char *path = file ? nb_file_join(self->folder.path, file->path) : NULL;
        if (!path) {
            status =
                nb_fail(err, NB_E_INVALID, "the farm asks for a file that is not of this album");
        } else {
            status = nb_batch_upload(&batch, path, &digest, file->size, err);
        }
    }
    nb_batch_finish(&batch);
    self->sent_bytes = nb_batch_moved(&batch);
    return status;
}

static nb_status send_manifest(push *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *line = nb_manifest_format(&self->collection.manifest);
    if (!line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the manifest");
    }
    const nb_blob_scope scope = {.album = self->farm.album};
    return nb_client_upload_bytes(self->farm.client, scope, line, strlen(line),
                                  &self->manifest_digest, err);
}

// ---- The push itself ----

static bool id_from_hex(const char *hex, uint8_t out[NB_CLIENT_ID_SIZE])
{
    if (strlen(hex) != ID_HEX_SIZE - 1 || strspn(hex, "0123456789abcdef") != ID_HEX_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < NB_CLIENT_ID_SIZE; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

/// The id of this very push, if it was tried before and not answered; else a new one, written down
/// before it is used.
static nb_status take_id(const push *self, const char *path, uint8_t out[NB_CLIENT_ID_SIZE],
                         nb_error *err)
{
    char manifest_hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&self->manifest_digest, manifest_hex);
    const char *base = self->folder.base ? self->folder.base : "";
    NB_SCOPED(nb_json_free)
    json_t *pending = json_pack("{s:s, s:s, s:s, s:s}", "album", self->farm.album, "base", base,
                                "manifest", manifest_hex, "message", self->message);
    NB_SCOPED(nb_json_free) json_t *kept = NULL;
    if (pending && nb_json_read(path, PENDING_BYTES_MAX, &kept, NULL) == NB_OK) {
        const char *hex = json_string_value(json_object_get(kept, "client_id"));
        const bool known = hex && id_from_hex(hex, out);
        json_object_del(kept, "client_id");
        if (known && json_equal(kept, pending)) {
            return NB_OK;
        }
    }
    const nb_status status = nb_farm_make_id(out, err);
    char hex[ID_HEX_SIZE];
    nb_text_hex(out, NB_CLIENT_ID_SIZE, hex);
    if (!pending || json_object_set_new(pending, "client_id", json_string(hex)) != 0) {
        return nb_fail(err, NB_E_INVALID, "the message is no UTF-8 text");
    }
    return status == NB_OK ? nb_json_write(path, pending, err) : status;
}

static nb_status send_push(push *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_folder_private(&self->folder, "push.json");
    NB_SCOPED(nb_text_free) char *message = strdup(self->message);
    uint8_t id[NB_CLIENT_ID_SIZE] = {0};
    if (!path || !message) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the push");
    }
    nb_status status = take_id(self, path, id, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__Push body = NIGHTBUS__PUSH__INIT;
    body.album = self->farm.album;
    body.base_commit = self->folder.base;
    body.message = message;
    body.manifest = nb_wire_digest(&self->manifest_digest);
    body.client_id = (ProtobufCBinaryData){sizeof id, id};
    body.has_stems = body.stems = nb_args_has(&self->cli->args, "stems");
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_PUSH;
    request.push = &body;
    status = nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_PUSHED, 0, &self->reply, err);
    if (status == NB_OK) {
        status = nb_folder_set_base(&self->folder, self->reply->pushed->commit,
                                    &self->collection.manifest, err);
    }
    if (status == NB_OK) { // until then a repeat must be known by its id
        remove(path);
    }
    return status;
}

/// Who pushed what since our base, and how to go on.
static nb_status tell_conflict(push *self, nb_error *err)
{
    Nightbus__Log body = NIGHTBUS__LOG__INIT;
    body.album = self->farm.album;
    body.has_limit = true;
    body.limit = NB_ROWS_MAX;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_LOG;
    request.log = &body;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const nb_status status =
        nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_LOG_LISTING, 0, &reply, err);
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__LogListing *listing = reply->log_listing;
    fputs("Since the revision that your folder is based on:\n", stderr);
    for (size_t i = 0; i < listing->n_rows; i++) {
        Nightbus__LogRow *row = listing->rows[i];
        if (self->folder.base && strcmp(row->commit, self->folder.base) == 0) {
            break;
        }
        row->message[strcspn(row->message, "\n")] = '\0';
        nb_text_make_printable(row->person);
        nb_text_make_printable(row->message);
        fprintf(stderr, "  %s pushed \"%s\"", row->person, row->message);
        for (size_t v = 0; v < row->n_versions; v++) {
            nb_text_make_printable(row->versions[v]);
            fprintf(stderr, "%s%s", v == 0 ? ": " : ", ", row->versions[v]);
        }
        fputs("\n", stderr);
    }
    return nb_fail(err, NB_E_CONFLICT,
                   "somebody pushed before you: `nightbus pull`, listen, then push again");
}

static nb_status send_all(push *self, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *missing = NULL;
    nb_status status = check_head(self, err);
    // Our own push whose answer was lost has moved the head too: only the farm can tell.
    NB_SCOPED(nb_text_free) char *pending = nb_folder_private(&self->folder, "push.json");
    if (status == NB_E_CONFLICT && pending && nb_file_exists(pending)) {
        status = NB_OK;
    }
    if (status == NB_OK) {
        status = ask_missing(self, &missing, err);
    }
    if (status == NB_OK && missing) {
        status = send_missing(self, missing->missing_listing, err);
    }
    if (status == NB_OK) {
        status = send_manifest(self, err);
    }
    if (status == NB_OK) {
        status = send_push(self, err);
    }
    return status == NB_E_CONFLICT ? tell_conflict(self, err) : status;
}

/// Nothing changed, but the farm may have lost what it had: files that rotted are missing there.
static nb_status send_lost(push *self, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *missing = NULL;
    nb_status status = ask_missing(self, &missing, err);
    if (status != NB_OK || !missing || missing->missing_listing->n_digests == 0) {
        return status;
    }
    const size_t count = missing->missing_listing->n_digests;
    status = send_missing(self, missing->missing_listing, err);
    if (status == NB_OK && !self->cli->json) {
        status = nb_cli_printf(err, "%zu file%s that the farm had lost sent again\n", count,
                               count == 1 ? "" : "s");
    }
    return status;
}

static nb_status run_push(nb_cli *cli, nb_error *err)
{
    if (nb_args_has(&cli->args, "print") || cli->args.word_count > 0) {
        return nb_push_print(cli, err);
    }
    NB_SCOPED(push_fini) push self = {.cli = cli};
    nb_status status = nb_folder_open(&self.folder, err);
    if (status == NB_OK) {
        status = check_unmerged(&self, err);
    }
    if (status == NB_OK) {
        status = collect(&self, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &self.farm, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_pushed pushed = {.cli = cli, .farm = &self.farm, .commit = self.folder.base};
    if (is_unchanged(&self)) {
        status = send_lost(&self, err);
        if (status != NB_OK) {
            return status;
        }
        return cli->json ? nb_cli_print_json(nb_pushed_to_json(&pushed), err)
                         : nb_cli_printf(err, "nothing to push: the folder is revision %.8s\n",
                                         self.folder.base);
    }
    status = take_message(&self, err);
    if (status == NB_OK) {
        status = send_all(&self, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_editor_text_accept(&self.text);
    pushed.reply = self.reply->pushed;
    pushed.commit = self.folder.base;
    pushed.sent_bytes = self.sent_bytes;
    pushed.message = self.message;
    return nb_pushed_tell(&pushed, err);
}

static const nb_option options[] = {
    {"message", 'm', "TEXT", "what changed, for the log; else an editor opens"},
    NB_OPTION_FILE,
    {"stems", 0, NULL, "render the stems too, beside mix and alternates"},
    {"print", 0, "FILE", "a mix made elsewhere becomes SONG's next version"},
    {"no-wait", 0, NULL, "do not watch the renders"},
    NB_OPTION_YES,
};

const nb_command nb_command_push = {
    .name = "push",
    .usage = "[-m TEXT] [--print FILE SONG] [--stems] [--no-wait] [-jy]",
    .summary = "send what changed; the farm renders every changed song",
    .details = "Sends album.yaml, README.md, the documents under songs/ and the audio that the\n"
               "mix documents name; nothing that the farm has. All mistakes of all documents\n"
               "are told before anything is sent. A push that was cut goes on where it stopped.\n"
               "With --print nothing but FILE is sent: it is kept untouched, and measured.",
    .examples = "  nightbus push -m \"chorus vocal up 1 dB\"\n"
                "  nightbus push -m \"overnight\" --no-wait\n"
                "  nightbus push --print ~/bounces/night-7.wav night -m \"from the console\"\n"
                "  nightbus push -m \"from a script\" --json | jq -r '.versions[]'",
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_push,
};
