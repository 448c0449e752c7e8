// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to a note: replies, other words, decisions, words that go.
#include "review-cli/command.h"
#include "review-cli/editor.h"
#include "review-cli/farm.h"
#include "review-cli/note_name.h"
#include "review-cli/notes.h"
#include "review/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const nb_option text_options[] = {NB_OPTION_FILE};

/// A note and what is to be done to it.
typedef struct change {
    nb_note_name name;
    Nightbus__Request__BodyCase body;
    const char *done; ///< "resolved"
    char *text;       ///< Null where it takes none
} change;

static void change_fini(change *self) { free(self->text); }

static nb_status ask(change *self, nb_farm *farm, Nightbus__Reply **out_reply, nb_error *err)
{
    uint8_t id[NB_CLIENT_ID_SIZE];
    const nb_status status = nb_farm_make_id(id, err);
    if (status != NB_OK) {
        return status;
    }
    const ProtobufCBinaryData client_id = {sizeof id, id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    Nightbus__NoteChange body = NIGHTBUS__NOTE_CHANGE__INIT;
    Nightbus__NoteErase erase = NIGHTBUS__NOTE_ERASE__INIT;
    request.body_case = self->body;
    if (self->body == NIGHTBUS__REQUEST__BODY_NOTE_ERASE) {
        erase.album = farm->album;
        erase.song = self->name.of.song;
        erase.number = self->name.number;
        erase.has_reply = self->name.reply > 0;
        erase.reply = self->name.reply;
        erase.client_id = client_id;
        request.note_erase = &erase;
    } else { // these bodies are all of one type
        body.album = farm->album;
        body.song = self->name.of.song;
        body.number = self->name.number;
        body.has_reply = self->name.reply > 0;
        body.reply = self->name.reply;
        body.text = self->text;
        body.version = self->name.has_version ? self->name.of.version : NULL;
        body.client_id = client_id;
        request.note_reply = &body;
    }
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_NOTE_LISTING, 0, out_reply, err);
}

/// "night#12 resolved in v4: vocal up"
static nb_status say(const change *self, const Nightbus__NoteListing *listing, nb_error *err)
{
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    nb_status status = nb_notes_take(listing, &notes, err);
    const json_t *row = json_array_get(notes.rows, 0);
    if (status != NB_OK || !row) {
        return status != NB_OK ? status
                               : nb_fail(err, NB_E_INVALID, "the farm answers without the note");
    }
    char place[NB_NOTES_PLACE_SIZE];
    char reply[24] = "";
    nb_notes_format_place(row, place);
    if (self->name.reply > 0) {
        snprintf(reply, sizeof reply, ".%u", self->name.reply);
    }
    const char *text = nb_json_text(row, "text"); // none of one that is gone
    NB_SCOPED(nb_text_free)
    char *words = nb_text_format("%s%.*s", text[0] ? ": " : "", (int)strcspn(text, "\n"), text);
    if (!words) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    nb_text_make_printable(words);
    return nb_cli_printf(err, "%s %s#%u%s in %s, at %s%s\n", self->done, self->name.of.song,
                         self->name.number, reply, notes.version, place, words);
}

static nb_status send_change(nb_cli *cli, change *self, nb_error *err)
{
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_open_album(cli, &farm, err);
    if (status == NB_OK) {
        status = ask(self, &farm, &reply, err);
    }
    return (status == NB_OK) ? say(self, reply->note_listing, err) : status;
}

// ---- Decisions, and words that go ----

static nb_status run_plain(nb_cli *cli, Nightbus__Request__BodyCase body, const char *done,
                           nb_error *err)
{
    size_t words = 0;
    NB_SCOPED(change_fini) change made = {.body = body, .done = done};
    nb_status status = nb_note_name_parse(&cli->args, &made.name, &words, err);
    if (status == NB_OK && cli->args.word_count > words) {
        status = nb_fail(err, NB_E_USAGE, "one note at a time; usage: nightbus %s %s",
                         cli->command->name, cli->command->usage);
    }
    return (status == NB_OK) ? send_change(cli, &made, err) : status;
}

static nb_status run_resolve(nb_cli *cli, nb_error *err)
{
    return run_plain(cli, NIGHTBUS__REQUEST__BODY_NOTE_RESOLVE, "resolved", err);
}

static nb_status run_reopen(nb_cli *cli, nb_error *err)
{
    return run_plain(cli, NIGHTBUS__REQUEST__BODY_NOTE_REOPEN, "reopened", err);
}

static nb_status run_delete(nb_cli *cli, nb_error *err)
{
    return run_plain(cli, NIGHTBUS__REQUEST__BODY_NOTE_DELETE, "deleted", err);
}

static nb_status run_erase(nb_cli *cli, nb_error *err)
{
    return run_plain(cli, NIGHTBUS__REQUEST__BODY_NOTE_ERASE, "erased", err);
}

// ---- Words ----

/// The words as they are, for the editor to begin with. Null where the note can't be found: then
/// the farm says why when it is asked.
static char *present_words(nb_farm *farm, const nb_note_name *name)
{
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    if (nb_notes_fetch_all(farm, &name->of, &notes, NULL) != NB_OK) {
        return NULL;
    }
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(notes.rows, i, row)
    {
        if (json_integer_value(json_object_get(row, "number")) == name->number) {
            const json_t *part =
                name->reply == 0 ? row
                                 : json_array_get(json_object_get(row, "replies"), name->reply - 1);
            const char *text = json_string_value(json_object_get(part, "text"));
            return text ? strdup(text) : NULL;
        }
    }
    return NULL;
}

static nb_status run_words(nb_cli *cli, change *made, bool edits, nb_error *err)
{
    size_t words = 0;
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    NB_SCOPED(nb_editor_text_fini) nb_editor_text text = {0};
    nb_status status = nb_note_name_parse(&cli->args, &made->name, &words, err);
    if (status == NB_OK && cli->args.word_count > words + 1) {
        status = nb_fail(err, NB_E_USAGE, "put the text in quotes: nightbus %s %s",
                         cli->command->name, cli->command->usage);
    }
    const char *given = cli->args.word_count > words ? cli->args.words[words] : NULL;
    const char *file = nb_args_get(&cli->args, "file");
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free)
    char *present = edits && !given && !file ? present_words(&farm, &made->name) : NULL;
    const nb_editor_wish wish = {.what = edits ? "note" : "reply",
                                 .given = given,
                                 .file = file,
                                 .initial = present,
                                 .hints = "An empty text changes nothing.",
                                 .bytes_most = NB_NOTE_TEXT_MAX};
    status = nb_editor_get(&wish, &text, err);
    if (status == NB_OK) {
        made->text = strdup(text.text);
        status = made->text ? ask(made, &farm, &reply, err)
                            : nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    if (status == NB_OK && reply) {
        nb_editor_text_accept(&text);
        status = say(made, reply->note_listing, err);
    }
    return status;
}

static nb_status run_reply(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(change_fini)
    change made = {.body = NIGHTBUS__REQUEST__BODY_NOTE_REPLY, .done = "replied to"};
    return run_words(cli, &made, false, err);
}

static nb_status run_edit(nb_cli *cli, nb_error *err)
{
    NB_SCOPED(change_fini)
    change made = {.body = NIGHTBUS__REQUEST__BODY_NOTE_EDIT, .done = "changed"};
    return run_words(cli, &made, true, err);
}

const nb_command nb_command_note_reply = {
    .name = "note reply",
    .usage = "SONG#N [TEXT | -F FILE]",
    .summary = "answer a note",
    .details = "SONG@V#N says it of that version; else it is said of the newest.",
    .examples = "  nightbus note reply night#12 \"by how much?\"\n"
                "  nightbus note reply night 12",
    .words_min = 1,
    .words_max = 3,
    .options = text_options,
    .option_count = NB_COUNT(text_options),
    .run = run_reply,
};

const nb_command nb_command_note_edit = {
    .name = "note edit",
    .usage = "SONG#N[.R] [TEXT | -F FILE]",
    .summary = "put other words to a note of yours, or a reply",
    .details = "SONG#12.1 is the first reply to note 12. `note log` keeps what it said before.",
    .examples = "  nightbus note edit night#12 \"vocal up 1 dB, chorus only\"\n"
                "  nightbus note edit night#12.1",
    .words_min = 1,
    .words_max = 3,
    .options = text_options,
    .option_count = NB_COUNT(text_options),
    .run = run_edit,
};

const nb_command nb_command_note_resolve = {
    .name = "note resolve",
    .usage = "SONG#N",
    .summary = "a note is answered: it does not come to the next version",
    .details = "Answered by the newest version, or by V in SONG@V#N. A push whose message says\n"
               "\"fixes #12\" does the same.",
    .examples = "  nightbus note resolve night#12\n"
                "  nightbus note resolve night@v4#12",
    .words_min = 1,
    .words_max = 2,
    .run = run_resolve,
};

const nb_command nb_command_note_reopen = {
    .name = "note reopen",
    .usage = "SONG#N",
    .summary = "a note is not answered after all",
    .examples = "  nightbus note reopen night#12",
    .words_min = 1,
    .words_max = 2,
    .run = run_reopen,
};

const nb_command nb_command_note_delete = {
    .name = "note delete",
    .usage = "SONG#N[.R]",
    .summary = "take back a note of yours, or a reply; a mark stays",
    .details = "The record keeps what it said. `note erase` takes the words out of it.",
    .examples = "  nightbus note delete night#12\n"
                "  nightbus note delete night#12.1",
    .words_min = 1,
    .words_max = 2,
    .run = run_delete,
};

const nb_command nb_command_note_erase = {
    .name = "note erase",
    .usage = "SONG#N[.R]",
    .summary = "take words out of the record for good (owners)",
    .details = "A mark stays: who spoke, when and where. Clones made before keep the words.",
    .examples = "  nightbus note erase night#12",
    .words_min = 1,
    .words_max = 2,
    .run = run_erase,
};
