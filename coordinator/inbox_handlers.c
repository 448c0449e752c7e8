// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about what was said since somebody last looked.
#include "base/clock.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/inbox_ledger.h"
#include "review/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 100000, BYTES_MAX = NB_MESSAGE_MAX / 2 };

/// Events that somebody may want to hear of.
typedef struct inbox {
    const char *person; ///< Whose own events are none of it; null for all
    int64_t after_ms;   ///< Only newer ones; -1 for all
    size_t count, capacity;
    nb_event *events;
} inbox;

static void inbox_fini(inbox *self)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_event_fini(&self->events[i]);
    }
    free(self->events);
}

/// Not what the farm itself writes down: renderings, and where notes went.
static bool is_said(const inbox *self, const nb_event *event)
{
    return event->kind != NB_EVENT_RENDERED && event->kind != NB_EVENT_FOLLOW &&
           event->time_ms > self->after_ms &&
           !(self->person && strcmp(event->person, self->person) == 0);
}

/// Take the event over.
static nb_status add_event(inbox *self, nb_event *event, nb_error *err)
{
    if (self->count == EVENTS_MAX) {
        return nb_fail(err, NB_E_LIMIT, "more than %d events are new", EVENTS_MAX);
    }
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity ? 2 * self->capacity : 64;
        nb_event *grown = reallocarray(self->events, capacity, sizeof *grown);
        if (!grown) {
            return nb_fail(err, NB_E_NO_MEMORY, "no memory for the events");
        }
        self->events = grown;
        self->capacity = capacity;
    }
    self->events[self->count++] = *event;
    *event = (nb_event){0};
    return NB_OK;
}

// nb_review_change_visit. An event is new where its id was not there before: an owner's erasing
// changes lines, but no ids.
static nb_status add_new(void *context, const char *before, const char *now, nb_error *err)
{
    inbox *self = context;
    nb_status status = NB_OK;
    for (const char *line = now; status == NB_OK && *line;) {
        const char *end = strchrnul(line, '\n');
        NB_SCOPED(nb_event_fini) nb_event event = {0};
        if (nb_event_parse(line, (size_t)(end - line), &event, NULL) == NB_OK &&
            is_said(self, &event) && !strstr(before, event.id)) {
            status = add_event(self, &event, err);
        }
        line = *end ? end + 1 : end;
    }
    return status;
}

static int by_time(const void *a, const void *b)
{
    const nb_event *left = a;
    const nb_event *right = b;
    if (left->time_ms != right->time_ms) {
        return left->time_ms < right->time_ms ? -1 : 1;
    }
    return strcmp(left->id, right->id);
}

/// What was deleted since is told without its words.
static void silence_deleted(inbox *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const nb_event *deleting = &self->events[i];
        if (deleting->kind != NB_EVENT_DELETE && deleting->kind != NB_EVENT_ERASE) {
            continue;
        }
        for (size_t j = 0; j < i; j++) {
            nb_event *event = &self->events[j];
            if (event->note == deleting->note && event->reply == deleting->reply &&
                !nb_event_is_decision(event->kind) && strcmp(event->song, deleting->song) == 0) {
                nb_text_free(&event->text);
            }
        }
    }
}

static Nightbus__InboxRow *make_row(const nb_event *event, const nb_answer *answer)
{
    Nightbus__InboxRow *row = nb_answer_take(answer, 1, sizeof *row);
    if (!row) {
        return NULL;
    }
    nightbus__inbox_row__init(row);
    row->song = nb_answer_string(answer, event->song);
    row->version = nb_answer_string(answer, event->version);
    row->id = nb_answer_string(answer, event->id);
    row->kind = nb_answer_string(answer, nb_event_kind_name(event->kind));
    row->person = nb_answer_string(answer, event->person);
    row->time_ms = (uint64_t)event->time_ms;
    row->text = event->text ? nb_answer_string(answer, event->text) : NULL;
    row->has_number = event->note > 0;
    row->number = event->note;
    if (event->kind == NB_EVENT_NOTE) {
        row->has_at_frame = row->has_end_frame = row->has_rate_hz = 1;
        row->at_frame = event->at_frame;
        row->end_frame = event->end_frame;
        row->rate_hz = event->rate_hz;
    }
    return row->song && row->version && row->id && row->kind && row->person &&
                   (row->text || !event->text)
               ? row
               : NULL;
}

static nb_status fill(const inbox *found, size_t skip, Nightbus__InboxListing *listing,
                      const nb_answer *answer, nb_error *err)
{
    size_t bytes = 0;
    listing->rows = nb_answer_take(answer, NB_ROWS_MAX, sizeof *listing->rows);
    if (!listing->rows) {
        return nb_answer_no_memory(err);
    }
    for (size_t i = skip; i < found->count; i++) {
        if (listing->n_rows == NB_ROWS_MAX || bytes > BYTES_MAX) {
            listing->has_next = 1;
            listing->next = (uint32_t)i;
            return NB_OK;
        }
        Nightbus__InboxRow *row = make_row(&found->events[i], answer);
        if (!row) {
            return nb_answer_no_memory(err);
        }
        listing->rows[listing->n_rows++] = row;
        bytes += nightbus__inbox_row__get_packed_size(row);
    }
    return NB_OK;
}

/// From where on, and up to where: the person's last look, and the first page's end or the newest.
static nb_status find_range(nb_coordinator *self, const nb_caller *caller,
                            const Nightbus__InboxList *said, const nb_album *album,
                            char since[NB_COMMIT_SIZE], char until[NB_COMMIT_SIZE], inbox *found,
                            nb_error *err)
{
    int64_t seen_ms = 0;
    char head[NB_COMMIT_SIZE];
    since[0] = until[0] = '\0';
    nb_status status = nb_revisions_review_head(album->revisions, head, err);
    if (status == NB_OK && !said->all) {
        status = nb_ledger_get_seen(self->ledger, caller->member.name, album->name, since, &seen_ms,
                                    err);
    }
    if (status != NB_OK) {
        return status;
    }
    snprintf(until, NB_COMMIT_SIZE, "%s", said->until ? said->until : head);
    if (said->until && !nb_revisions_review_includes(album->revisions, head, said->until)) {
        return nb_fail(err, NB_E_INVALID, "'%.40s' is no commit of the review of '%s'", said->until,
                       album->name);
    }
    if (since[0] && !nb_revisions_review_includes(album->revisions, until, since)) {
        // The album was restored from a backup, or its review written anew: then time must do.
        since[0] = '\0';
        found->after_ms = seen_ms;
    }
    return NB_OK;
}

nb_status nb_handle_inbox_list(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__InboxList *said = request->inbox_list;
    NB_SCOPED(inbox_fini)
    inbox found = {.person = said->all ? NULL : caller->member.name, .after_ms = -1};
    char since[NB_COMMIT_SIZE];
    char until[NB_COMMIT_SIZE];
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        status = find_range(self, caller, said, album, since, until, &found, err);
    }
    if (status == NB_OK) {
        status = nb_revisions_review_changes(album->revisions, since, until, add_new, &found, err);
    }
    Nightbus__InboxListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    if (status != NB_OK || !listing) {
        return status != NB_OK ? status : nb_answer_no_memory(err);
    }
    if (found.count > 0) {
        qsort(found.events, found.count, sizeof *found.events, by_time);
    }
    silence_deleted(&found);
    nightbus__inbox_listing__init(listing);
    listing->until = until[0] ? nb_answer_string(answer, until) : NULL;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_INBOX_LISTING;
    answer->reply.inbox_listing = listing;
    return fill(&found, said->has_skip ? said->skip : 0, listing, answer, err);
}

/// A look only ever moves on: one that is older than the last changes nothing.
nb_status nb_handle_inbox_seen(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__InboxSeen *said = request->inbox_seen;
    char head[NB_COMMIT_SIZE];
    char seen[NB_COMMIT_SIZE];
    int64_t seen_ms = 0;
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK) {
        status = nb_revisions_review_head(album->revisions, head, err);
    }
    if (status == NB_OK && !nb_revisions_review_includes(album->revisions, head, said->until)) {
        status = nb_fail(err, NB_E_INVALID, "'%.40s' is no commit of the review of '%s'",
                         said->until, album->name);
    }
    if (status == NB_OK) {
        status =
            nb_ledger_get_seen(self->ledger, caller->member.name, album->name, seen, &seen_ms, err);
    }
    if (status == NB_OK &&
        !(seen[0] && nb_revisions_review_includes(album->revisions, seen, said->until))) {
        status = nb_ledger_set_seen(self->ledger, caller->member.name, album->name, said->until,
                                    nb_clock_wall_ms(), err);
    }
    return status == NB_OK ? nb_answer_ack(answer, err) : status;
}
