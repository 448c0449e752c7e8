// SPDX-License-Identifier: GPL-3.0-or-later
#include "review/notes.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
    [NB_NOTE_OPEN] = "open",
    [NB_NOTE_RESOLVED] = "resolved",
    [NB_NOTE_DELETED] = "deleted",
    [NB_NOTE_ERASED] = "erased",
};

const char *nb_note_state_name(nb_note_state state) { return state_names[state]; }

bool nb_note_state_from_name(const char *name, nb_note_state *out)
{
    for (size_t i = 0; i < NB_COUNT(state_names); i++) {
        if (strcmp(state_names[i], name) == 0) {
            *out = (nb_note_state)i;
            return true;
        }
    }
    return false;
}

void nb_note_log_fini(nb_note_log *self)
{
    for (size_t i = 0; i < self->note_count; i++) {
        nb_note *note = &self->notes[i];
        for (size_t j = 0; j < note->reply_count; j++) {
            free(note->replies[j].edits);
        }
        free(note->words.edits);
        free(note->replies);
        free(note->events);
    }
    for (size_t i = 0; i < self->event_count; i++) {
        nb_event_fini(&self->events[i]);
    }
    free(self->notes);
    free(self->events);
    *self = (nb_note_log){0};
}

// ---- Lines ----

static bool is_of_notes(nb_event_kind kind)
{
    return kind == NB_EVENT_NOTE || kind == NB_EVENT_REPLY || kind == NB_EVENT_EDIT ||
           kind == NB_EVENT_RESOLVE || kind == NB_EVENT_REOPEN || kind == NB_EVENT_DELETE ||
           kind == NB_EVENT_ERASE || kind == NB_EVENT_FOLLOW;
}

/// Room for one more in an array that doubles. False without memory.
static bool grow(void *array_p, size_t count, size_t size)
{
    enum { FIRST = 4 };
    if (count >= FIRST && (count & (count - 1)) != 0) {
        return true;
    }
    void *array;
    memcpy(&array, array_p, sizeof array);
    void *grown = reallocarray(array, count < FIRST ? FIRST : 2 * count, size);
    if (grown) {
        memcpy(array_p, &grown, sizeof grown);
    }
    return grown != NULL;
}

nb_status nb_note_log_add_lines(nb_note_log *self, const char *song, const char *lines,
                                nb_error *err)
{
    for (const char *line = lines; *line;) {
        const char *end = strchrnul(line, '\n');
        nb_event event = {0};
        const bool is_ours = nb_event_parse(line, (size_t)(end - line), &event, NULL) == NB_OK &&
                             is_of_notes(event.kind) && strcmp(event.song, song) == 0;
        line = *end ? end + 1 : end;
        if (!is_ours) {
            nb_event_fini(&event);
            continue;
        }
        if (!grow(&self->events, self->event_count, sizeof *self->events)) {
            nb_event_fini(&event);
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes of %s", song);
        }
        self->events[self->event_count++] = event;
    }
    return NB_OK;
}

// ---- Order ----

/// Mixes before masters, then by number.
static int compare_versions(const char *a, const char *b)
{
    if (a[0] != b[0]) {
        return a[0] == 'v' ? -1 : 1;
    }
    const unsigned long x = strtoul(a + 1, NULL, 10);
    const unsigned long y = strtoul(b + 1, NULL, 10);
    return (x > y) - (x < y);
}

/// An event and where it stood, so that equal times keep their order.
typedef struct ranked {
    nb_event event;
    size_t rank;
} ranked;

static int by_time(const void *a, const void *b)
{
    const ranked *x = a;
    const ranked *y = b;
    if (x->event.time_ms != y->event.time_ms) {
        return x->event.time_ms > y->event.time_ms ? 1 : -1;
    }
    const int versions = compare_versions(x->event.version, y->event.version);
    return versions != 0 ? versions : (x->rank > y->rank) - (x->rank < y->rank);
}

static nb_status sort_events(nb_note_log *self, nb_error *err)
{
    ranked *order = calloc(self->event_count + 1, sizeof *order);
    if (!order) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
    }
    for (size_t i = 0; i < self->event_count; i++) {
        order[i] = (ranked){self->events[i], i};
    }
    qsort(order, self->event_count, sizeof *order, by_time);
    for (size_t i = 0; i < self->event_count; i++) {
        self->events[i] = order[i].event;
    }
    self->last_ms = self->event_count > 0 ? self->events[self->event_count - 1].time_ms : 0;
    free(order);
    return NB_OK;
}

// ---- Folding ----

static nb_note *find(const nb_note_log *self, unsigned number)
{
    size_t low = 0;
    size_t high = self->note_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->notes[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (low < self->note_count && self->notes[low].number == number) ? &self->notes[low] : NULL;
}

const nb_note *nb_note_log_find(const nb_note_log *self, unsigned number)
{
    return find(self, number);
}

static int by_number(const void *a, const void *b)
{
    const nb_note *x = a;
    const nb_note *y = b;
    if (x->number != y->number) {
        return (x->number > y->number) - (x->number < y->number);
    }
    return (x->words.said > y->words.said) - (x->words.said < y->words.said);
}

/// Notes from before there were numbers take the first ones: no more of them come.
static nb_status collect_notes(nb_note_log *self, nb_error *err)
{
    unsigned unnumbered = 0;
    self->notes = calloc(self->event_count + 1, sizeof *self->notes);
    if (!self->notes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
    }
    for (size_t i = 0; i < self->event_count; i++) {
        const nb_event *event = &self->events[i];
        if (event->kind == NB_EVENT_NOTE) {
            nb_note *note = &self->notes[self->note_count++];
            note->number = event->note != 0 ? event->note : ++unnumbered;
            note->words = (nb_note_words){
                .said = event,
                .text = event->text,
            };
        }
    }
    qsort(self->notes, self->note_count, sizeof *self->notes, by_number);
    size_t kept = 0; // of two with one number the first counts
    for (size_t i = 0; i < self->note_count; i++) {
        if (kept > 0 && self->notes[kept - 1].number == self->notes[i].number) {
            self->strays++;
        } else {
            self->notes[kept++] = self->notes[i];
        }
    }
    self->note_count = kept;
    self->next_number = kept > 0 ? self->notes[kept - 1].number + 1 : 1;
    return NB_OK;
}

static nb_status no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "no memory for the notes");
}

/// The words that an event is about: the note's, or a reply's. Null if there are none.
static nb_note_words *words_of(nb_note *note, unsigned reply)
{
    if (reply == 0) {
        return &note->words;
    }
    return reply <= note->reply_count ? &note->replies[reply - 1] : NULL;
}

static nb_status apply_edit(nb_note_words *words, const nb_event *event, nb_error *err)
{
    if (!grow(&words->edits, words->edit_count, sizeof *words->edits)) {
        return no_memory(err);
    }
    words->edits[words->edit_count++] = event;
    words->text = event->text;
    return NB_OK;
}

static void apply_end(nb_note *note, nb_note_words *words, const nb_event *event)
{
    words->state = (event->kind == NB_EVENT_ERASE) ? NB_NOTE_ERASED : NB_NOTE_DELETED;
    words->text = NULL;
    if (words == &note->words) {
        note->state = words->state;
        note->change = event;
    }
}

static nb_status apply_reply(nb_note *note, const nb_event *event, nb_error *err)
{
    if (!grow(&note->replies, note->reply_count, sizeof *note->replies)) {
        return no_memory(err);
    }
    note->replies[note->reply_count++] = (nb_note_words){
        .said = event,
        .text = event->text,
    };
    return NB_OK;
}

/// Whether the event has power over the note.
static bool has_power(const nb_note *note, const nb_note_words *words, const nb_event *event)
{
    const bool there = note->state == NB_NOTE_OPEN || note->state == NB_NOTE_RESOLVED;
    switch (event->kind) {
    case NB_EVENT_REPLY:
    case NB_EVENT_FOLLOW:
        return there;
    case NB_EVENT_RESOLVE:
        return note->state == NB_NOTE_OPEN;
    case NB_EVENT_REOPEN:
        return note->state == NB_NOTE_RESOLVED;
    case NB_EVENT_EDIT:
    case NB_EVENT_DELETE:
        return words && words->state == NB_NOTE_OPEN &&
               strcmp(words->said->person, event->person) == 0;
    case NB_EVENT_ERASE:
        return words != NULL;
    default:
        return false;
    }
}

static nb_status apply(nb_note_log *self, const nb_event *event, nb_error *err)
{
    nb_note *note = find(self, event->note);
    nb_note_words *words = note ? words_of(note, event->reply) : NULL;
    // An event can't come before what it is about.
    if (!note || event < note->words.said || !has_power(note, words, event)) {
        self->strays++;
        return NB_OK;
    }
    if (!grow(&note->events, note->event_count, sizeof *note->events)) {
        return no_memory(err);
    }
    note->events[note->event_count++] = event;
    switch (event->kind) {
    case NB_EVENT_REPLY:
        return apply_reply(note, event, err);
    case NB_EVENT_EDIT:
        return apply_edit(words, event, err);
    case NB_EVENT_RESOLVE:
    case NB_EVENT_REOPEN:
        note->state = (event->kind == NB_EVENT_RESOLVE) ? NB_NOTE_RESOLVED : NB_NOTE_OPEN;
        note->change = event;
        return NB_OK;
    case NB_EVENT_DELETE:
    case NB_EVENT_ERASE:
        apply_end(note, words, event);
        return NB_OK;
    default:
        return NB_OK; // a follow is only kept
    }
}

/// Words that are gone although no event says why: somebody cut them out by hand.
static void mark_wordless(nb_note *note)
{
    for (size_t i = 0; i <= note->reply_count; i++) {
        nb_note_words *words = words_of(note, (unsigned)i);
        if (words->state == NB_NOTE_OPEN && !words->text) {
            words->state = NB_NOTE_ERASED;
            note->state = (i == 0) ? NB_NOTE_ERASED : note->state;
        }
    }
}

nb_status nb_note_log_fold(nb_note_log *self, nb_error *err)
{
    nb_status status = sort_events(self, err);
    if (status == NB_OK) {
        status = collect_notes(self, err);
    }
    for (size_t i = 0; i < self->note_count && status == NB_OK; i++) {
        nb_note *note = &self->notes[i];
        status = grow(&note->events, 0, sizeof *note->events) ? NB_OK : no_memory(err);
        if (status == NB_OK) {
            note->events[note->event_count++] = note->words.said;
        }
    }
    for (size_t i = 0; i < self->event_count && status == NB_OK; i++) {
        if (self->events[i].kind != NB_EVENT_NOTE) {
            status = apply(self, &self->events[i], err);
        }
    }
    for (size_t i = 0; i < self->note_count && status == NB_OK; i++) {
        mark_wordless(&self->notes[i]);
    }
    return status;
}

const nb_note *nb_note_log_note_of(const nb_note_log *self, const nb_event *event)
{
    if (event->kind != NB_EVENT_NOTE || event->note != 0) {
        const nb_note *note = nb_note_log_find(self, event->note);
        return (note && (event->kind != NB_EVENT_NOTE || note->words.said == event)) ? note : NULL;
    }
    for (size_t i = 0; i < self->note_count; i++) {
        if (self->notes[i].words.said == event) {
            return &self->notes[i];
        }
    }
    return NULL;
}

const nb_event *nb_note_log_event(const nb_note_log *self, const char *id, const nb_note **out_note)
{
    for (size_t i = 0; i < self->event_count; i++) {
        if (strcmp(self->events[i].id, id) == 0) {
            if (out_note) {
                *out_note = nb_note_log_note_of(self, &self->events[i]);
            }
            return &self->events[i];
        }
    }
    return NULL;
}

// ---- Versions ----

bool nb_note_is_earlier(const char *a, const char *b)
{
    return a[0] == b[0] && compare_versions(a, b) < 0;
}

bool nb_note_is_in(const nb_note *self, const char *version)
{
    const char *origin = self->words.said->version;
    if (strcmp(origin, version) == 0) {
        return true;
    }
    if (!nb_note_is_earlier(origin, version)) {
        return false;
    }
    bool is_open = true;
    for (size_t i = 0; i < self->event_count; i++) {
        const nb_event *event = self->events[i];
        const bool decides = event->kind == NB_EVENT_RESOLVE || event->kind == NB_EVENT_REOPEN ||
                             ((event->kind == NB_EVENT_DELETE || event->kind == NB_EVENT_ERASE) &&
                              event->reply == 0);
        if (!decides) {
            continue;
        }
        if (strcmp(event->version, version) == 0) {
            return true;
        }
        if (nb_note_is_earlier(event->version, version)) {
            is_open = event->kind == NB_EVENT_REOPEN;
        }
    }
    return is_open;
}

nb_note_place nb_note_place_in(const nb_note *self, const char *version)
{
    const nb_event *from = self->words.said;
    for (size_t i = 1; i < self->event_count; i++) {
        const nb_event *event = self->events[i];
        if (event->kind == NB_EVENT_FOLLOW && !nb_note_is_earlier(version, event->version) &&
            event->version[0] == version[0] && !nb_note_is_earlier(event->version, from->version)) {
            from = event;
        }
    }
    return (nb_note_place){
        .at_frame = from->at_frame,
        .end_frame = from->end_frame,
        .rate_hz = from->rate_hz,
        .moved = from->kind == NB_EVENT_FOLLOW && !from->unsure,
        .unsure = from->unsure,
    };
}

// ---- Messages ----

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The length of "fixes" or another word of the kind at `text`; 0 for none.
static size_t match_keyword(const char *text)
{
    static const char *const words[] = {"fix",    "fixes",   "fixed",    "close",   "closes",
                                        "closed", "resolve", "resolves", "resolved"};
    size_t length = 0;
    while (is_letter(text[length])) {
        length++;
    }
    for (size_t i = 0; i < NB_COUNT(words); i++) {
        if (strlen(words[i]) == length && strncasecmp(words[i], text, length) == 0) {
            return length;
        }
    }
    return 0;
}

/// "#12" or "night#12" at `text`: its length; 0 for none.
static size_t match_name(const char *text, nb_note_fix *out)
{
    enum { DIGITS_MAX = 9 };
    const size_t song = strcspn(text, "#");
    const size_t digits = text[song] == '#' ? strspn(text + song + 1, "0123456789") : 0;
    if (song >= sizeof out->song || digits == 0 || digits > DIGITS_MAX || text[song + 1] == '0' ||
        is_letter(text[song + 1 + digits])) {
        return 0;
    }
    memcpy(out->song, text, song);
    out->song[song] = '\0';
    out->number = (unsigned)strtoul(text + song + 1, NULL, 10);
    return (song == 0 || nb_text_is_id(out->song)) ? song + 1 + digits : 0;
}

/// What stands between a keyword or a number and the next number: " ", ": ", ", ", " and ".
static size_t match_joint(const char *text)
{
    size_t length = strspn(text, " \t\n,:");
    if (length > 0 && (strncmp(text + length, "and ", 4) == 0)) {
        length += 4;
    } else if (length > 0 && strncmp(text + length, "& ", 2) == 0) {
        length += 2;
    }
    return length;
}

size_t nb_note_fixes(const char *message, nb_note_fix *out, size_t most)
{
    size_t count = 0;
    for (const char *at = message; *at && count < most;) {
        const char *behind = at + match_keyword(at);
        for (bool in_list = behind > at; in_list && count < most;) {
            const size_t joint = match_joint(behind);
            const size_t name = joint > 0 ? match_name(behind + joint, &out[count]) : 0;
            in_list = name > 0;
            behind += in_list ? joint + name : 0;
            count += in_list ? 1 : 0;
        }
        at = behind > at ? behind : at + 1;
        while (*at && (is_letter(at[-1]) || !is_letter(at[0]))) { // to the next word
            at++;
        }
    }
    return count;
}

// ---- Erasing ----

static bool is_among(const char *id, const char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0) {
            return true;
        }
    }
    return false;
}

char *nb_note_erase_words(const char *lines, const char *const *ids, size_t id_count)
{
    NB_SCOPED(nb_text_fini) nb_text out = {0};
    nb_text_add(&out, "");
    for (const char *line = lines; *line;) {
        const char *end = strchrnul(line, '\n');
        NB_SCOPED(nb_event_fini) nb_event event = {0};
        const bool is_meant = nb_event_parse(line, (size_t)(end - line), &event, NULL) == NB_OK &&
                              event.text && is_among(event.id, ids, id_count);
        if (is_meant) {
            free(event.text);
            event.text = NULL;
            event.erased = true;
            NB_SCOPED(nb_text_free) char *erased = nb_event_format(&event);
            if (!erased) {
                return NULL;
            }
            nb_text_add(&out, erased);
        } else {
            nb_text_add_bytes(&out, line, (size_t)(end - line));
        }
        nb_text_add(&out, *end ? "\n" : "");
        line = *end ? end + 1 : end;
    }
    return nb_text_take(&out);
}
