// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that change notes: replies, edits, decisions, words that go.
#include "base/file.h"
#include "base/text.h"
#include "coordinator/backup.h"
#include "coordinator/song_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// What each request makes of a note.
typedef struct change_rule {
    Nightbus__Request__BodyCase body;
    nb_event_kind kind;
    const char *verb; ///< "Only Ann can VERB it"
    bool has_text;
    bool has_part; ///< May be about a reply
    bool own;      ///< Only by who said it
} change_rule;

static const change_rule rules[] = {
    {NIGHTBUS__REQUEST__BODY_NOTE_REPLY, NB_EVENT_REPLY, "reply to", true, false, false},
    {NIGHTBUS__REQUEST__BODY_NOTE_EDIT, NB_EVENT_EDIT, "edit", true, true, true},
    {NIGHTBUS__REQUEST__BODY_NOTE_RESOLVE, NB_EVENT_RESOLVE, "resolve", false, false, false},
    {NIGHTBUS__REQUEST__BODY_NOTE_REOPEN, NB_EVENT_REOPEN, "reopen", false, false, false},
    {NIGHTBUS__REQUEST__BODY_NOTE_DELETE, NB_EVENT_DELETE, "delete", false, true, true},
    {NIGHTBUS__REQUEST__BODY_NOTE_ERASE, NB_EVENT_ERASE, "erase", false, true, false},
};

/// One request under way.
typedef struct change {
    const nb_caller *caller;
    const char *data_path;
    const nb_album *album;
    const Nightbus__NoteChange *said;
    const change_rule *rule;
    const nb_version *version; ///< What it is said of
    const nb_note_log *log;
    const nb_note *note;
    const nb_note_words *words; ///< The note's, or a reply's
    char id[NB_EVENT_ID_SIZE];
} change;

static const change_rule *find_rule(const Nightbus__Request *request)
{
    for (size_t i = 0; i < NB_COUNT(rules); i++) {
        if (rules[i].body == request->body_case) {
            return &rules[i];
        }
    }
    return NULL;
}

static nb_status say_no_note(const change *self, nb_error *err)
{
    const unsigned newest = self->log->next_number - 1;
    if (newest == 0) {
        return nb_fail(err, NB_E_NOT_FOUND, "no note %s#%u: %s has no notes", self->said->song,
                       self->said->number, self->said->song);
    }
    return nb_fail(err, NB_E_NOT_FOUND,
                   "no note %s#%u: the newest of %s is #%u, and every song counts its own",
                   self->said->song, self->said->number, self->said->song, newest);
}

static nb_status find_note(change *self, nb_error *err)
{
    const unsigned reply = self->said->has_reply ? self->said->reply : 0;
    self->note = nb_note_log_find(self->log, self->said->number);
    if (!self->note) {
        return say_no_note(self, err);
    }
    if (reply > 0 && !self->rule->has_part) {
        return nb_fail(err, NB_E_INVALID, "a reply is nothing to %s; name the note %s#%u",
                       self->rule->verb, self->said->song, self->said->number);
    }
    if (reply > self->note->reply_count) {
        return nb_fail(err, NB_E_NOT_FOUND, "no reply %s#%u.%u: the note has %zu", self->said->song,
                       self->said->number, reply, self->note->reply_count);
    }
    self->words = (reply == 0) ? &self->note->words : &self->note->replies[reply - 1];
    return NB_OK;
}

/// The version that was named, else the newest: of mixes for a note on a mix, of masters else.
static nb_status find_version(change *self, nb_error *err)
{
    const char *song = self->said->song;
    if (!self->said->version) {
        self->version = self->note->words.said->version[0] == 'm'
                            ? nb_revisions_newest_master(self->album->revisions, song)
                            : nb_revisions_find_version(self->album->revisions, song, NULL);
        return self->version ? NB_OK : say_no_note(self, err);
    }
    const nb_status status =
        nb_album_version(self->album, song, self->said->version, &self->version, err);
    if (status == NB_OK && !nb_note_is_in(self->note, self->version->name)) {
        return nb_fail(err, NB_E_INVALID, "%s#%u is not on %s: it was made on %s", song,
                       self->note->number, self->version->name, self->note->words.said->version);
    }
    return status;
}

/// "night#12" or "night#12.1", for errors.
static void name_of(const change *self, char *out, size_t size)
{
    const unsigned reply = self->said->has_reply ? self->said->reply : 0;
    if (reply > 0) {
        snprintf(out, size, "%s#%u.%u", self->said->song, self->said->number, reply);
    } else {
        snprintf(out, size, "%s#%u", self->said->song, self->said->number);
    }
}

static nb_status check_state(const change *self, nb_error *err)
{
    char name[NB_SONG_SIZE + 32];
    const nb_note *note = self->note;
    const nb_event_kind kind = self->rule->kind;
    const bool erases = kind == NB_EVENT_ERASE;
    name_of(self, name, sizeof name);
    const nb_note_state gone =
        (self->words->state != NB_NOTE_OPEN || erases) ? self->words->state : note->state;
    if (gone == NB_NOTE_ERASED || (gone == NB_NOTE_DELETED && !erases)) {
        return nb_fail(err, NB_E_CONFLICT, "%s was %s", name, nb_note_state_name(gone));
    }
    if (kind == NB_EVENT_RESOLVE && note->state == NB_NOTE_RESOLVED) {
        return nb_fail(err, NB_E_CONFLICT, "%s is resolved already: by %s, in %s", name,
                       note->change->person, note->change->version);
    }
    if (kind == NB_EVENT_REOPEN && note->state == NB_NOTE_OPEN) {
        return nb_fail(err, NB_E_CONFLICT, "%s is open", name);
    }
    if (self->rule->own && strcmp(self->words->said->person, self->caller->member.name) != 0) {
        return nb_fail(err, NB_E_PERMISSION, "%s is %s's: nobody else can %s it", name,
                       self->words->said->person, self->rule->verb);
    }
    return NB_OK;
}

static nb_status check_text(const change *self, nb_error *err)
{
    const char *text = self->said->text;
    if (self->rule->has_text && (!text || text[strspn(text, " \t\n")] == '\0')) {
        return nb_fail(err, NB_E_INVALID, "it needs a text");
    }
    if (!self->rule->has_text && text) {
        return nb_fail(err, NB_E_INVALID, "it takes no text");
    }
    return NB_OK;
}

/// Words that were erased may have no end of events; all else counts.
static nb_status check_room(const change *self, nb_error *err)
{
    nb_version_facts facts;
    const nb_status status = nb_version_facts_load(self->album, self->version, &facts, err);
    if (status == NB_OK && facts.event_count >= NB_EVENTS_MAX &&
        self->rule->kind != NB_EVENT_ERASE) {
        return nb_fail(err, NB_E_LIMIT, "%s@%s has %d events in its review, the most it may have",
                       self->version->song, self->version->name, NB_EVENTS_MAX);
    }
    return status;
}

/// The words and all that they ever were go out of the record; the mark comes into it.
static nb_status erase(const change *self, const nb_event *event, nb_error *err)
{
    NB_SCOPED(nb_file_close_fd) int lock = -1;
    if (!nb_backup_may_collect(self->data_path, &lock)) {
        return nb_fail(err, NB_E_CONFLICT,
                       "a backup is being made, and would have half of what goes: erase it again "
                       "when that has ended");
    }
    const nb_note_words *words = self->words;
    const char **ids = calloc(words->edit_count + 1, sizeof *ids);
    NB_SCOPED(nb_text_free) char *line = nb_event_format(event);
    if (!ids || !line) {
        free(ids);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to erase");
    }
    nb_status status = nb_event_check(event, err);
    if (status == NB_OK) {
        ids[0] = words->said->id;
        for (size_t i = 0; i < words->edit_count; i++) {
            ids[i + 1] = words->edits[i]->id;
        }
        const nb_review_line mark = {self->version->commit, line};
        status =
            nb_revisions_review_erase(self->album->revisions, &mark, ids, words->edit_count + 1,
                                      event->person, event->time_ms, err);
    }
    free(ids);
    return status;
}

static nb_status make_change(change *self, nb_error *err)
{
    NB_SCOPED(nb_event_fini)
    nb_event event =
        nb_note_event_make(self->rule->kind, self->log, self->version, self->caller->member.name);
    memcpy(event.id, self->id, sizeof event.id);
    event.note = self->note->number;
    event.reply = self->said->has_reply ? self->said->reply : 0;
    event.text = self->said->text ? strdup(self->said->text) : NULL;
    if ((self->said->text && !event.text) || !event.song || !event.version || !event.person) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a note");
    }
    if (event.kind == NB_EVENT_ERASE) {
        return erase(self, &event, err);
    }
    // Nobody looked where it lies in the versions that came while it was closed.
    const nb_version *origin = nb_revisions_find_version(self->album->revisions, event.song,
                                                         self->note->words.said->version);
    nb_status status = nb_song_notes_add(self->album, self->version, &event, err);
    if (status == NB_OK && event.kind == NB_EVENT_REOPEN) {
        status =
            origin ? nb_note_follow_on(self->album, origin, event.note, event.note, err) : NB_OK;
    }
    return status;
}

static nb_status change_note(change *self, nb_error *err)
{
    nb_status status = find_note(self, err);
    if (status == NB_OK) {
        status = find_version(self, err);
    }
    if (status == NB_OK) {
        status = check_text(self, err);
    }
    if (status == NB_OK) {
        status = check_state(self, err);
    }
    if (status == NB_OK) {
        status = check_room(self, err);
    }
    return (status == NB_OK) ? make_change(self, err) : status;
}

/// The note as it stands now, where it lies in the version.
static nb_status answer_note(const change *self, nb_answer *answer, nb_error *err)
{
    const nb_note_log *log = NULL;
    nb_note_rows rows = {0};
    nb_status status = nb_song_notes_get(self->album, self->said->song, &log, err);
    const nb_event *event = log ? nb_note_log_event(log, self->id, NULL) : NULL;
    const nb_note *note = event ? nb_note_log_note_of(log, event) : NULL;
    if (status == NB_OK && (!event || !note)) {
        return nb_fail(err, NB_E_INVALID, "this request was one for another note before");
    }
    if (status == NB_OK) {
        status = nb_note_rows_start(&rows, event->version, answer, err);
    }
    return (status == NB_OK) ? nb_note_rows_add(&rows, note, event->version, err) : status;
}

/// Answers with the note. A repeat is known by its id and changes nothing.
static nb_status handle(nb_coordinator *self, const nb_caller *caller,
                        const Nightbus__NoteChange *said, const change_rule *rule,
                        nb_answer *answer, nb_error *err)
{
    nb_album *album = NULL;
    change made = {.caller = caller, .data_path = self->data_path, .said = said, .rule = rule};
    nb_status status = nb_coordinator_album(self, made.said->album, &album, err);
    made.album = album;
    const nb_version *newest = NULL;
    if (status == NB_OK) { // says it in words where there is no such song
        status = nb_album_version(album, made.said->song, "latest", &newest, err);
    }
    if (status == NB_OK) {
        status = nb_song_notes_get(album, made.said->song, &made.log, err);
    }
    nb_hex_of_client_id(made.said->client_id.data, made.id);
    if (status == NB_OK && !nb_note_log_event(made.log, made.id, NULL)) {
        status = change_note(&made, err);
    }
    return (status == NB_OK) ? answer_note(&made, answer, err) : status;
}

nb_status nb_handle_note_change(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    // The bodies are all of one type, so any member of the union is the one that is meant.
    return handle(self, caller, request->note_reply, find_rule(request), answer, err);
}

nb_status nb_handle_note_erase(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__NoteErase *erased = request->note_erase;
    Nightbus__NoteChange said = NIGHTBUS__NOTE_CHANGE__INIT;
    said.album = erased->album;
    said.song = erased->song;
    said.number = erased->number;
    said.has_reply = erased->has_reply;
    said.reply = erased->reply;
    said.client_id = erased->client_id;
    nb_repacker_hold(self->repacker); // a pack that is being made would keep the words
    const nb_status status = handle(self, caller, &said, find_rule(request), answer, err);
    nb_repacker_resume(self->repacker);
    return status;
}
