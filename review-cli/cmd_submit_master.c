// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"
#include "renderer/engine/print.h"
#include "review-cli/ask.h"
#include "review-cli/command.h"
#include "review-cli/editor.h"
#include "review-cli/heard.h"
#include "review-cli/measuring.h"
#include "review-cli/pushed.h"
#include "review-cli/stop.h"
#include "review-cli/submission.h"
#include "review-cli/version_files.h"

#include <stdio.h>
#include <string.h>

/// A file of the master, as it was found here.
typedef struct master_file {
    const char *path;
    nb_audio_info info;
    nb_master_comparison comparison;
} master_file;

typedef struct submit {
    nb_cli *cli;
    nb_farm farm;
    nb_version_name mix;
    nb_editor_text text;    ///< The message
    Nightbus__Reply *shown; ///< The mix
    nb_heard heard;         ///< Its audio here
    size_t file_count;
    master_file files[NB_PRINT_FILES_MAX];
    nb_submission submission;
    Nightbus__Reply *reply;
} submit;

static void submit_fini(submit *self)
{
    nb_farm_fini(&self->farm);
    nb_heard_fini(&self->heard);
    nb_wire_free_reply(&self->shown);
    nb_wire_free_reply(&self->reply);
    nb_submission_fini(&self->submission);
    nb_editor_text_fini(&self->text);
}

static nb_status read_words(submit *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    const nb_status status = nb_version_name_parse(args->words[0], &self->mix, err);
    if (status != NB_OK) {
        return status;
    }
    if (nb_version_name_is_master(&self->mix)) {
        return nb_fail(err, NB_E_USAGE, "a master is made of a mix: write %s@v4, not %s",
                       self->mix.song, args->words[0]);
    }
    if (args->word_count - 1 > NB_PRINT_FILES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a master has at most %d files", NB_PRINT_FILES_MAX);
    }
    for (size_t i = 1; i < args->word_count; i++) {
        self->files[self->file_count++].path = args->words[i];
    }
    return NB_OK;
}

/// No editor opens for it: what a master is of says enough for the log.
static nb_status take_message(submit *self, nb_error *err)
{
    const nb_editor_wish wish = {
        .what = "message",
        .given = nb_args_get(&self->cli->args, "message"),
        .file = nb_args_get(&self->cli->args, "file"),
        .bytes_most = NB_MESSAGE_TEXT_MAX,
    };
    if (wish.file || (wish.given && wish.given[0])) {
        return nb_editor_get(&wish, &self->text, err);
    }
    self->text.text = nb_text_format("Master of %s@%s", self->mix.song, self->mix.version);
    return self->text.text ? NB_OK : nb_fail(err, NB_E_NO_MEMORY, "no memory for a message");
}

static nb_status probe(submit *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; i < self->file_count && status == NB_OK; i++) {
        status = nb_print_probe(self->files[i].path, NULL, &self->files[i].info, err);
    }
    return status;
}

/// The mix: known to the farm, rendered, its audio here.
static nb_status get_mix(submit *self, nb_error *err)
{
    nb_status status = nb_farm_open_album(self->cli, &self->farm, err);
    if (status == NB_OK) {
        status = nb_version_wait(&self->farm, &self->mix, &self->shown, err);
    }
    if (status != NB_OK) {
        return status;
    }
    char name[sizeof self->mix.song + sizeof self->mix.version + 1];
    snprintf(name, sizeof name, "%s@%s", self->mix.song, self->mix.version);
    if (!nb_version_audio(self->shown->version_info)) {
        return nb_fail(err, NB_E_NOT_FOUND, "%s has no audio to hold the master against", name);
    }
    return nb_heard_find(self->cli, name, &self->heard, err);
}

// ---- The check ----

static nb_status compare_one(submit *self, master_file *file, nb_error *err)
{
    NB_SCOPED(nb_report_fini) nb_report report = {0};
    const nb_status status = nb_measure_file(file->path, &file->info, &report, err);
    if (status != NB_OK) {
        return status;
    }
    const nb_audio_watch watch = {.cancelled = nb_stop_flag()};
    return nb_master_compare(self->mix.version, self->heard.path, file->path, &report, &watch,
                             &file->comparison, err);
}

static nb_status compare(submit *self, nb_error *err)
{
    nb_status status = NB_OK;
    for (size_t i = 0; i < self->file_count && status == NB_OK; i++) {
        status = compare_one(self, &self->files[i], err);
    }
    return status;
}

static nb_status ask_doubts(submit *self, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text fact = {0};
    for (size_t i = 0; i < self->file_count; i++) {
        char doubts[NB_MASTER_DOUBTS_MAX][NB_MASTER_DOUBT_SIZE];
        const size_t count = nb_master_doubts(&self->files[i].comparison, doubts);
        for (size_t d = 0; d < count; d++) {
            nb_text_add(&fact, fact.length > 0 ? "; " : "");
            if (d == 0) {
                nb_text_addf(&fact, "%s: ", self->files[i].path);
            }
            nb_text_add(&fact, doubts[d]);
        }
    }
    if (fact.failed) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a question");
    }
    char question[120];
    snprintf(question, sizeof question, "submit it as a master of %s@%s?", self->mix.song,
             self->mix.version);
    return fact.length > 0 ? nb_ask(self->cli, fact.chars, question, err) : NB_OK;
}

/// No reason to stop, but to know.
static nb_status tell_standing(submit *self, nb_error *err)
{
    (void)err;
    const Nightbus__VersionRow *row = self->shown->version_info->standing;
    if (!row) {
        return NB_OK;
    }
    if (strcmp(row->standing, "approved") != 0) {
        fprintf(stderr, "%s@%s is not approved\n", self->mix.song, self->mix.version);
    }
    if (row->newest && strcmp(row->newest, self->mix.version) != 0) {
        nb_text_make_printable(row->newest);
        fprintf(stderr, "%s@%s is newer than %s, which this master is of\n", self->mix.song,
                row->newest, self->mix.version);
    }
    return NB_OK;
}

// ---- Sending ----

static nb_status describe(submit *self, nb_error *err)
{
    nb_bext bext;
    bool has_bext = false;
    const nb_status status = nb_bext_read(self->files[0].path, &bext, &has_bext, err);
    const Nightbus__OutputRow *audio = nb_version_audio(self->shown->version_info);
    nb_print print = {
        .rate_hz = self->files[0].info.rate_hz,
        .starts_at_frame = has_bext ? nb_print_start(bext.time_reference_frame) : 0,
        .mix_digest = nb_wire_to_digest(audio->digest),
    };
    snprintf(print.mix, sizeof print.mix, "%.11s", self->mix.version);
    return status == NB_OK ? nb_submission_describe(&self->submission, &print, err) : status;
}

static nb_status send(submit *self, nb_error *err)
{
    self->submission.song = self->mix.song;
    self->submission.kind = NB_PRINT_MASTER;
    nb_status status = NB_OK;
    for (size_t i = 0; i < self->file_count && status == NB_OK; i++) {
        status = nb_submission_add(&self->submission, self->files[i].path, err);
    }
    if (status == NB_OK) {
        status = describe(self, err);
    }
    return status == NB_OK ? nb_submission_send(&self->submission, &self->farm, NULL,
                                                self->text.text, &self->reply, err)
                           : status;
}

// ---- What came of it ----

static json_t *to_json(const submit *self)
{
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest mix = nb_wire_to_digest(nb_version_audio(self->shown->version_info)->digest);
    json_t *files = json_array();
    for (size_t i = 0; i < self->file_count; i++) {
        nb_digest_to_hex(&self->submission.files[i].digest, hex);
        json_array_append_new(files,
                              json_pack("{s:s, s:s, s:o}", "path", self->submission.files[i].path,
                                        "sha256", hex, "comparison",
                                        nb_master_comparison_to_json(&self->files[i].comparison)));
    }
    nb_digest_to_hex(&mix, hex);
    return json_pack("{s:s, s:s, s:o}", "mix", self->mix.version, "mix_sha256", hex, "files",
                     files);
}

static nb_status tell(submit *self, nb_error *err)
{
    const Nightbus__Pushed *pushed = self->reply->pushed;
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_master_comparison_print(&self->files[0].comparison, self->cli->colour, &text);
    NB_SCOPED(nb_json_free) json_t *more = to_json(self);
    const nb_pushed what = {.cli = self->cli,
                            .farm = &self->farm,
                            .reply = pushed,
                            .commit = pushed->commit,
                            .sent_bytes = self->submission.sent_bytes,
                            .details = text.chars,
                            .more = more};
    const nb_status status = nb_pushed_tell(&what, err);
    NB_SCOPED(nb_text_free) char *folder = status == NB_OK ? nb_folder_find(NULL) : NULL;
    if (folder && pushed->n_versions > 0) {
        fputs("the master is in the album, and not in your folder: `nightbus pull`\n", stderr);
    }
    return status;
}

static nb_status run_submit_master(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(submit_fini) submit self = {.cli = cli};
    static nb_status (*const steps[])(submit *, nb_error *) = {
        read_words, take_message, probe, get_mix, compare, ask_doubts, tell_standing, send, tell};
    nb_status status = NB_OK;
    for (size_t i = 0; i < NB_COUNT(steps) && status == NB_OK; i++) {
        status = steps[i](&self, err);
    }
    return status;
}

static const nb_option options[] = {
    {"message", 'm', "TEXT", "what was done, for the log"},
    NB_OPTION_FILE,
    {"no-wait", 0, NULL, "do not watch the measurement"},
    NB_OPTION_YES,
};

const nb_command nb_command_submit_master = {
    .name = "submit-master",
    .usage = "SONG@V FILE... [-m TEXT|-F FILE] [--no-wait] [-jy]",
    .summary = "a master of a mix, made in a room of its own: SONG@m1",
    .details = "The files are kept untouched and bound to that mix; the first is what is heard,\n"
               "the others are the same at other rates or in other formats. Each is held\n"
               "against the mix first: one that is silent, of another song or of another\n"
               "length is asked about. Needs no working folder: --album names the album.",
    .examples = "  nightbus submit-master night@v4 night-master.wav\n"
                "  nightbus submit-master night@v4 m24.wav m16.wav -m \"half a dB less air\"",
    .words_min = 2,
    .words_max = NB_PRINT_FILES_MAX + 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run_submit_master,
};
