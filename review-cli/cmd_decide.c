// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"
#include "review-cli/ago.h"
#include "review-cli/ask.h"
#include "review-cli/command.h"
#include "review-cli/editor.h"
#include "review-cli/farm.h"
#include "review-cli/standing.h"
#include "review/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Deciding on one version.
typedef struct decide {
    nb_cli *cli;
    const char *kind; ///< As the protocol says it: also the command's name
    nb_version_name name;
    nb_farm farm;
    Nightbus__Reply *shown; ///< The version as the person sees it
    nb_editor_text text;
    Nightbus__Reply *decided;
} decide;

static void decide_fini(decide *self)
{
    nb_editor_text_fini(&self->text);
    nb_wire_free_reply(&self->shown);
    nb_wire_free_reply(&self->decided);
    nb_farm_fini(&self->farm);
}

static bool is(const decide *self, const char *kind) { return strcmp(self->kind, kind) == 0; }

static const Nightbus__VersionRow *seen(const decide *self)
{
    return self->shown->version_info->standing;
}

static nb_status look(decide *self, nb_error *err)
{
    nb_status status = nb_version_name_parse(self->cli->args.words[0], &self->name, err);
    if (status == NB_OK) {
        status = nb_farm_open_album(self->cli, &self->farm, err);
    }
    if (status == NB_OK) {
        status = nb_farm_show(&self->farm, &self->name, &self->shown, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (!seen(self)) {
        return nb_fail(err, NB_E_VERSION, "the farm knows no decisions: upgrade it");
    }
    snprintf(self->name.version, sizeof self->name.version, "%s", seen(self)->version);
    if (!seen(self)->has_audio) {
        return nb_fail(err, NB_E_INVALID,
                       "%s@%s is not rendered (%s), so there is nothing to have heard; `nightbus "
                       "fetch %s@%s` waits for it",
                       self->name.song, self->name.version, seen(self)->state, self->name.song,
                       self->name.version);
    }
    return NB_OK;
}

/// The newest version of its kind, as the farm said.
static char *newest(const decide *self)
{
    const Nightbus__VersionRow *row = seen(self);
    return row->version[0] == 'm' ? row->newest_master : row->newest;
}

/// Why one might not mean to approve this one; a text in new memory, or null.
static char *doubt(const decide *self)
{
    const Nightbus__VersionRow *row = seen(self);
    if (newest(self) && strcmp(newest(self), row->version) != 0) {
        return nb_text_format("%s@%s is newer than %s", row->song, newest(self), row->version);
    }
    return nb_standing_is_left_behind(row)
               ? nb_text_format("%s@%s is a master of %s, and the mix has moved on to %s",
                                row->song, row->version, row->mix, row->newest)
               : NULL;
}

/// Is the decision that stands our own?
static bool is_own(const decide *self, const Nightbus__VersionRow *row)
{
    const char *person = nb_client_welcome(self->farm.client)->person;
    return row->decided_by && strcmp(row->decided_by, person) == 0;
}

/// What another person decided otherwise; a text in new memory, or null.
static char *other_decision(const decide *self)
{
    const Nightbus__VersionRow *row = seen(self);
    const char *mine = is(self, "approve") ? "approved" : "changes-requested";
    if (strcmp(row->standing, "open") == 0 || strcmp(row->standing, mine) == 0 ||
        is_own(self, row)) {
        return NULL;
    }
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    nb_text_addf(&text, "%s@%s: ", row->song, row->version);
    nb_standing_words(row, nb_clock_wall_ms(), &text);
    if (row->decided_text) {
        nb_text_addf(&text, " (\"%s\")", row->decided_text);
    }
    return nb_text_take(&text);
}

static nb_status ask(const decide *self, nb_error *err)
{
    if (is(self, "withdraw")) {
        return NB_OK;
    }
    char question[80];
    snprintf(question, sizeof question, "%s %s?",
             is(self, "approve") ? "approve" : "request changes to", self->name.version);
    nb_status status = NB_OK;
    NB_SCOPED(nb_text_free) char *fact = is(self, "approve") ? doubt(self) : NULL;
    if (fact) {
        status = nb_ask(self->cli, fact, question, err);
    }
    NB_SCOPED(nb_text_free) char *other = other_decision(self);
    return status == NB_OK && other ? nb_ask(self->cli, other, question, err) : status;
}

static nb_status take_text(decide *self, nb_error *err)
{
    const nb_args *args = &self->cli->args;
    const nb_editor_wish wish = {
        .what = "decision",
        .given = nb_args_get(args, "message"),
        .file = nb_args_get(args, "file"),
        .hints = "Which changes? Lines that begin with \"# \" are dropped;\n"
                 "without any text nothing is requested.",
        .bytes_most = NB_NOTE_TEXT_MAX,
    };
    const bool may_be_silent = !is(self, "request-changes");
    return may_be_silent && !wish.given && !wish.file ? NB_OK
                                                      : nb_editor_get(&wish, &self->text, err);
}

static nb_status send(decide *self, nb_error *err)
{
    const Nightbus__VersionRow *row = seen(self);
    uint8_t id[NB_CLIENT_ID_SIZE];
    NB_SCOPED(nb_text_free) char *kind = strdup(self->kind);
    const nb_status status =
        kind ? nb_farm_make_id(id, err) : nb_fail(err, NB_E_NO_MEMORY, "no memory for a decision");
    if (status != NB_OK) {
        return status;
    }
    Nightbus__Decide body = NIGHTBUS__DECIDE__INIT;
    body.album = self->farm.album;
    body.song = self->name.song;
    body.version = self->name.version;
    body.kind = kind;
    body.digest = row->audio;
    body.replaces = row->decision;
    body.newest = newest(self);
    body.text = self->text.text;
    body.client_id = (ProtobufCBinaryData){sizeof id, id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_DECIDE;
    request.decide = &body;
    return nb_farm_ask(&self->farm, &request, NIGHTBUS__REPLY__BODY_VERSION_ROW, 0, &self->decided,
                       err);
}

static void print_sha256(const Nightbus__VersionRow *row, nb_text *out)
{
    char hex[NB_DIGEST_HEX_SIZE];
    const nb_digest digest = nb_wire_to_digest(row->audio);
    nb_digest_to_hex(&digest, hex);
    nb_text_addf(out, "  sha256 %s\n", hex);
}

static nb_status print(const decide *self, const Nightbus__VersionRow *row, nb_error *err)
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    if (self->cli->json) {
        return nb_cli_print_json(nb_standing_to_json(row), err);
    }
    nb_text_addf(&text, "%s@%s: ", row->song, row->version);
    nb_standing_words(row, nb_clock_wall_ms(), &text);
    nb_text_add(&text, "\n");
    if (is(self, "approve")) {
        print_sha256(row, &text);
        if (row->open_notes > 0) {
            nb_text_addf(&text, "  %u open note%s: nightbus note list %s@%s\n", row->open_notes,
                         row->open_notes == 1 ? "" : "s", row->song, row->version);
        }
    }
    return nb_cli_print(&text, err);
}

/// Approved by the same person, of the same bytes, and nothing to add.
static bool is_done_already(const decide *self)
{
    const Nightbus__VersionRow *row = seen(self);
    const nb_args *args = &self->cli->args;
    return is(self, "approve") && strcmp(row->standing, "approved") == 0 && is_own(self, row) &&
           !nb_args_has(args, "message") && !nb_args_has(args, "file");
}

static nb_status run(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(decide_fini) decide self = {.cli = cli, .kind = cli->command->name};
    nb_status status = look(&self, err);
    if (status == NB_OK && is_done_already(&self)) {
        return print(&self, seen(&self), err);
    }
    if (status == NB_OK) {
        status = ask(&self, err);
    }
    if (status == NB_OK) {
        status = take_text(&self, err);
    }
    if (status == NB_OK) {
        status = send(&self, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_editor_text_accept(&self.text);
    return print(&self, self.decided->version_row, err);
}

static const nb_option options[] = {
    {"message", 'm', "TEXT", "what to say with it", 0},
    NB_OPTION_FILE,
    NB_OPTION_YES,
};

const nb_command nb_command_approve = {
    .name = "approve",
    .usage = "SONG@V [-m TEXT | -F FILE] [-y] [--json]",
    .summary = "say yes to exactly these bytes; they are kept for ever",
    .details = "The approval names the sha256 of the version's audio. Asks where a newer one is\n"
               "there, the mix of a master moved on, or somebody else requested changes. Of\n"
               "two who decide at once one is told (exit code 3). `withdraw` takes it back.",
    .examples = "  nightbus approve night@v3\n"
                "  nightbus approve night@m1 -m \"for vinyl too\"",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run,
};

const nb_command nb_command_request_changes = {
    .name = "request-changes",
    .usage = "SONG@V [-m TEXT | -F FILE] [-y] [--json]",
    .summary = "say that a version is not it yet, and why",
    .details = "Without -m or -F an editor opens for the text (NIGHTBUS_EDITOR, VISUAL, EDITOR,\n"
               "vi). What concerns a place in the song is better a note.",
    .examples = "  nightbus request-changes night@v3 -m \"the second verse is too dense\"\n"
                "  nightbus request-changes night@v3",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = NB_COUNT(options),
    .has_json = true,
    .run = run,
};

const nb_command nb_command_withdraw = {
    .name = "withdraw",
    .usage = "SONG@V [-m TEXT | -F FILE] [--json]",
    .summary = "take back what was decided on a version; it is open again",
    .details = "One's own decision; an owner may withdraw anybody's. What was approved once\n"
               "stays kept, and the withdrawn decision stays in `nightbus show`.",
    .examples = "  nightbus withdraw night@v3\n"
                "  nightbus withdraw night@v3 -m \"heard a click at 1:32\"",
    .words_min = 1,
    .words_max = 1,
    .options = options,
    .option_count = 2, // nothing to ask
    .has_json = true,
    .run = run,
};
