// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/push_print.h"

#include "base/file.h"
#include "mix/document.h"
#include "renderer/engine/print.h"
#include "review-cli/ask.h"
#include "review-cli/batch.h"
#include "review-cli/editor.h"
#include "review-cli/measuring.h"
#include "review-cli/pushed.h"
#include "review-cli/submission.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct push_print {
    nb_cli *cli;
    const char *path;
    nb_editor_text text;
    const char *message; ///< In it
    nb_version_name song;
    nb_farm farm;
    nb_folder folder;
    bool has_folder; ///< Of this album
    nb_audio_info info;
    nb_report report;
    nb_bext bext;
    bool has_bext;
    Nightbus__Reply *before; ///< The song's newest version; null for a new song
    nb_submission submission;
    Nightbus__Reply *reply;
    nb_text details;
} push_print;

static void push_print_fini(push_print *self)
{
    nb_farm_fini(&self->farm);
    nb_folder_fini(&self->folder);
    nb_report_fini(&self->report);
    nb_wire_free_reply(&self->before);
    nb_wire_free_reply(&self->reply);
    nb_submission_fini(&self->submission);
    nb_text_fini(&self->details);
    nb_editor_text_fini(&self->text);
}

static nb_status read_words(push_print *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    self->path = nb_args_get(args, "print");
    if (!self->path || args->word_count != 1) {
        return nb_fail(err, NB_E_USAGE,
                       "name the file and its song: nightbus push --print FILE SONG -m TEXT");
    }
    if (nb_args_has(args, "stems")) {
        return nb_fail(err, NB_E_USAGE, "a print is one file and has no stems: leave out --stems");
    }
    nb_status status = nb_version_name_parse(args->words[0], &self->song, err);
    if (status == NB_OK && strchr(args->words[0], '@')) {
        return nb_fail(err, NB_E_USAGE, "a print becomes the song's next version: write %s",
                       self->song.song);
    }
    return status;
}

// ---- The file ----

/// Where the print starts in its session: what is kept, told and written as JSON.
static int64_t start_of(const push_print *self)
{
    return self->has_bext ? nb_print_start(self->bext.time_reference_frame) : 0;
}

/// Read all of it: what is damaged is better known before it is sent.
static nb_status measure(push_print *self, nb_error *err)
{
    nb_status status = nb_print_probe(self->path, NULL, &self->info, err);
    if (status != NB_OK) {
        return status;
    }
    status = nb_measure_file(self->path, &self->info, &self->report, err);
    return status == NB_OK ? nb_bext_read(self->path, &self->bext, &self->has_bext, err) : status;
}

static nb_status ask_silent(push_print *self, nb_error *err)
{
    if (isfinite(self->report.integrated_lufs)) {
        return NB_OK;
    }
    NB_SCOPED(nb_text_free) char *fact = nb_text_format("%s is silent", self->path);
    return fact ? nb_ask(self->cli, fact, "push it?", err)
                : nb_fail(err, NB_E_NO_MEMORY, "no memory for a question");
}

// ---- The song ----

/// The farm and, where we are in the album's working folder, that.
static nb_status open_farm(push_print *self, nb_error *err)
{
    nb_status status = nb_farm_open_album(self->cli, &self->farm, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *path = nb_folder_find(NULL);
    if (!path) {
        return NB_OK;
    }
    status = nb_folder_open_at(path, &self->folder, err);
    if (status != NB_OK) {
        return status;
    }
    self->has_folder = strcmp(self->folder.album, self->farm.album) == 0;
    return NB_OK;
}

/// A word about what is not as in the version before.
static void tell_differences(push_print *self)
{
    const Nightbus__VersionInfo *info = self->before->version_info;
    if (info->has_rate_hz && info->rate_hz != self->info.rate_hz) {
        nb_text_addf(
            &self->details,
            "  runs at %u Hz, %s@%s at %u: kept as it is, and notes count its own frames\n",
            self->info.rate_hz, info->song, info->version, info->rate_hz);
    }
}

static nb_status look_at_song(push_print *self, nb_error *err)
{
    nb_error why = {0};
    const nb_status status = nb_farm_show(&self->farm, &self->song, &self->before, &why);
    if (status == NB_OK) {
        tell_differences(self);
        return NB_OK;
    }
    if (status != NB_E_NOT_FOUND) {
        return nb_fail(err, status, "%s", why.text);
    }
    char fact[120];
    snprintf(fact, sizeof fact, "album %.40s has no song %s", self->farm.album, self->song.song);
    return nb_ask(self->cli, fact, "make it?", err);
}

// ---- Sending ----

/// The title in a song's document of the newest revision; new memory, null where it has none. What
/// cannot be read is no reason to stop.
static char *read_title(push_print *self, const nb_manifest *manifest, const char *name)
{
    NB_SCOPED(nb_text_free) char *path = nb_text_format("songs/%s/%s", self->song.song, name);
    const nb_manifest_file *file = path ? nb_manifest_find(manifest, path) : NULL;
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    nb_error ignored = {0};
    if (!file || file->size > NB_DOCUMENT_BYTES_MAX ||
        nb_batch_bytes(&self->farm, &file->digest, file->size, &bytes, &size, &ignored) != NB_OK) {
        return NULL;
    }
    NB_SCOPED(nb_print_destroy) nb_print *print = NULL;
    NB_SCOPED(nb_document_destroy) nb_document *document = NULL;
    const char *title = NULL;
    if (strcmp(name, "print.yaml") == 0) {
        title = nb_print_parse(path, bytes, size, NB_PRINT_MIX, NULL, &print, NULL) == NB_OK
                    ? print->title
                    : NULL;
    } else if (nb_document_parse(path, bytes, size, NULL, &document, NULL) == NB_OK) {
        title = document->title;
    }
    return title ? strdup(title) : NULL;
}

/// The song keeps the title that it has.
static char *find_title(push_print *self)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    nb_error ignored = {0};
    if (!self->before || nb_farm_manifest(&self->farm, NULL, &manifest, &ignored) != NB_OK) {
        return NULL;
    }
    char *title = read_title(self, &manifest, "print.yaml");
    return title ? title : read_title(self, &manifest, "mix.yaml");
}

/// From the command line, a file, or the editor: before anything is sent.
static nb_status take_message(push_print *self, nb_error *err)
{
    const nb_editor_wish wish = {
        .what = "message",
        .given = nb_args_get(&self->cli->args, "message"),
        .file = nb_args_get(&self->cli->args, "file"),
        .hints = "What is this print, for the log? Lines that begin with \"# \" are dropped;\n"
                 "without any text nothing is pushed. \"fixes #12\" resolves that note.",
        .bytes_most = NB_MESSAGE_TEXT_MAX,
    };
    const nb_status status = nb_editor_get(&wish, &self->text, err);
    self->message = self->text.text;
    return status;
}

static nb_status send(push_print *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *title = find_title(self);
    const nb_print print = {
        .title = title,
        .rate_hz = self->info.rate_hz,
        .starts_at_frame = start_of(self),
    };
    self->submission.song = self->song.song;
    self->submission.kind = NB_PRINT_MIX;
    nb_status status = nb_submission_add(&self->submission, self->path, err);
    if (status == NB_OK) {
        status = nb_submission_describe(&self->submission, &print, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const char *base = self->has_folder ? self->folder.base : NULL;
    return nb_submission_send(&self->submission, &self->farm, base, self->message, &self->reply,
                              err);
}

static void add_details(push_print *self)
{
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&self->submission.files[0].digest, hex);
    if (self->has_bext) {
        char start[NB_TEXT_TIME_SIZE];
        nb_text_format_time((double)start_of(self) / self->info.rate_hz, start);
        if (start_of(self) == 0 && self->bext.time_reference_frame != 0) {
            nb_text_addf(&self->details,
                         "  its time reference (frame %" PRIu64
                         ") is in no session, and left out\n",
                         self->bext.time_reference_frame);
        }
        nb_text_addf(&self->details, "  starts at %s in its session%s%s%s\n", start,
                     self->bext.description[0] ? " (\"" : "", self->bext.description,
                     self->bext.description[0] ? "\")" : "");
    }
    nb_text_addf(&self->details, "  its audio is the file itself: sha256 %.16s\n", hex);
}

static nb_status tell(push_print *self, nb_error *err)
{
    const Nightbus__Pushed *pushed = self->reply->pushed;
    nb_status status = NB_OK;
    nb_editor_text_accept(&self->text);
    if (self->has_folder) {
        status =
            nb_submission_place(&self->submission, &self->farm, &self->folder, pushed->commit, err);
    }
    if (status != NB_OK) {
        return status;
    }
    add_details(self);
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&self->submission.files[0].digest, hex);
    NB_SCOPED(nb_json_free)
    json_t *more = json_pack(
        "{s:s, s:s, s:i, s:I, s:o}", "sha256", hex, "format", self->info.format, "rate_hz",
        (int)self->info.rate_hz, "starts_at_frame", (json_int_t)start_of(self), "description",
        self->has_bext ? nb_cli_json_string(self->bext.description) : json_null());
    const nb_pushed what = {.cli = self->cli,
                            .farm = &self->farm,
                            .reply = pushed,
                            .commit = pushed->commit,
                            .sent_bytes = self->submission.sent_bytes,
                            .message = self->message,
                            .details = self->details.chars,
                            .more = more};
    return nb_pushed_tell(&what, err);
}

nb_status nb_push_print(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(push_print_fini) push_print self = {.cli = cli};
    static nb_status (*const steps[])(push_print *, nb_error *) = {
        read_words, measure, ask_silent, open_farm, look_at_song, take_message, send, tell};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(steps) && status == NB_OK; i++) {
        status = steps[i](&self, err);
    }
    return status;
}
