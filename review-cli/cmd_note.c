// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/command.h"
#include "review-cli/editor.h"
#include "review-cli/farm.h"
#include "review-cli/notes.h"
#include "review/event.h"
#include "review/note_time.h"

#include <stdlib.h>
#include <string.h>

static const nb_option add_options[] = {
    {"track", 0, "ID", "the track that it is about", 0},
    NB_OPTION_FILE,
};

static nb_status ask(nb_cli *cli, const nb_version_name *name, const char *text, nb_farm *farm,
                     Nightbus__Reply **out_reply, nb_error *err)
{
    nb_version_name of = *name;
    uint8_t id[NB_CLIENT_ID_SIZE];
    const char *track = nb_args_get(&cli->args, "track");
    NB_SCOPED(nb_text_free) char *said = strdup(text);
    NB_SCOPED(nb_text_free) char *place = strdup(cli->args.words[1]);
    NB_SCOPED(nb_text_free) char *on = track ? strdup(track) : NULL;
    if (!said || !place || (track && !on)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    const nb_status status = nb_farm_make_id(id, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__NoteAdd body = NIGHTBUS__NOTE_ADD__INIT;
    body.album = farm->album;
    body.song = of.song;
    body.version = of.version;
    body.place = place;
    body.track = on;
    body.text = said;
    body.client_id = (ProtobufCBinaryData){sizeof id, id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_NOTE_ADD;
    request.note_add = &body;
    return nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_NOTE_LISTING, 0, out_reply, err);
}

/// "night#12 on night@v3 at 1:32.000"
static nb_status say(const nb_version_name *name, const Nightbus__NoteListing *listing,
                     nb_error *err)
{
    NB_SCOPED(nb_notes_fini) nb_notes notes = {0};
    const nb_status status = nb_notes_take(listing, &notes, err);
    const json_t *row = json_array_get(notes.rows, 0);
    if (status != NB_OK || !row) {
        return status != NB_OK ? status
                               : nb_fail(err, NB_E_INVALID, "the farm answers without the note");
    }
    char place[NB_NOTES_PLACE_SIZE];
    nb_notes_format_place(row, place);
    return nb_cli_printf(err, "%s#%d on %s@%s at %s\n", name->song,
                         (int)json_integer_value(json_object_get(row, "number")), name->song,
                         notes.version, place);
}

static nb_status run_add(nb_cli *cli, nb_error *err)
{
    nb_version_name name;
    nb_note_moment moments[2];
    NB_SCOPED(nb_farm_fini) nb_farm farm = {0};
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    NB_SCOPED(nb_editor_text_fini) nb_editor_text text = {0};
    const nb_editor_wish wish = {
        .what = "note",
        .given = cli->args.word_count > 2 ? cli->args.words[2] : NULL,
        .file = nb_args_get(&cli->args, "file"),
        .hints = "What did you hear? An empty text adds no note.",
        .bytes_most = NB_NOTE_TEXT_MAX,
    };
    nb_status status = nb_version_name_parse(cli->args.words[0], &name, err);
    if (status == NB_OK) { // a slip is better told before the editor opens
        status = nb_note_time_parse(cli->args.words[1], moments, err);
    }
    if (status == NB_OK && wish.given && wish.given[strspn(wish.given, " \t\n")] == '\0') {
        status = nb_fail(err, NB_E_USAGE, "the note has no text");
    }
    if (status == NB_OK) {
        status = nb_editor_get(&wish, &text, err);
    }
    if (status == NB_OK) {
        status = nb_farm_open_album(cli, &farm, err);
    }
    if (status == NB_OK) {
        status = ask(cli, &name, text.text, &farm, &reply, err);
    }
    if (status != NB_OK || !reply) {
        return status;
    }
    nb_editor_text_accept(&text);
    return say(&name, reply->note_listing, err);
}

const nb_command nb_command_note_add = {
    .name = "note add",
    .usage = "SONG@V TIME[-TIME] [TEXT | -F FILE] [--track ID]",
    .summary = "leave a note at a time, or over a region, of a version",
    .details = "Times are seconds, m:ss or h:mm:ss, each with a fraction if you like; or, where\n"
               "the song has a tempo map, \"bar 33\" and 33|2 (its second beat). Without TEXT\n"
               "your editor opens.",
    .examples = "  nightbus note add night@v1 1:32 \"vocal up a touch\"\n"
                "  nightbus note add night@v1 2:04.5-2:10 \"this bar drags\" --track bass\n"
                "  nightbus note add night@v1 \"bar 33-35\"",
    .words_min = 2,
    .words_max = 3,
    .options = add_options,
    .option_count = NB_COUNT(add_options),
    .run = run_add,
};
