// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about decisions: to decide, and where the versions of an album stand.
#include "base/clock.h"
#include "base/text.h"
#include "coordinator/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// One request to decide, and what it is about.
typedef struct deciding {
    nb_coordinator *self;
    const nb_caller *caller;
    const Nightbus__Decide *said;
    nb_album *album;
    const nb_version *version;
    nb_event_kind kind;
    char id[NB_EVENT_ID_SIZE]; ///< The client's, as the event's
    nb_version_review review;
    bool known; ///< The event stands in the review: a repeat
} deciding;

static void deciding_fini(deciding *self) { nb_version_review_fini(&self->review); }

static const struct {
    const char *name;
    nb_event_kind kind;
    const char *past; ///< "Ann ... night@v3"
} kinds[] = {
    {"approve", NB_EVENT_APPROVE, "approved"},
    {"request-changes", NB_EVENT_REQUEST_CHANGES, "requested changes to"},
    {"withdraw", NB_EVENT_WITHDRAW, "withdrew the decision on"},
};

static nb_status read_kind(const char *name, nb_event_kind *out, nb_error *err)
{
    for (size_t i = 0; i < NB_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *out = kinds[i].kind;
            return NB_OK;
        }
    }
    return nb_fail(err, NB_E_INVALID,
                   "'%.40s' is no decision: approve, request-changes or withdraw", name);
}

static nb_status look_for_repeat(void *context, const nb_event *event, nb_error *err)
{
    (void)err;
    deciding *self = context;
    self->known = self->known || strcmp(event->id, self->id) == 0;
    return NB_OK;
}

static nb_status read_review(deciding *self, nb_error *err)
{
    nb_version_review_fini(&self->review);
    self->known = false;
    const nb_status status =
        nb_album_visit_events(self->album, self->version, look_for_repeat, self, err);
    return status == NB_OK ? nb_album_review(self->album, self->version, &self->review, err)
                           : status;
}

static nb_status check_rendered(deciding *self, nb_error *err)
{
    if (!self->review.decisions.rendered) {
        // Done, perhaps, and only not written into the review yet.
        nb_coordinator_review_jobs(self->self);
        const nb_status status = read_review(self, err);
        if (status != NB_OK) {
            return status;
        }
    }
    const char *state = NULL;
    const nb_status status = nb_version_state(self->self, self->album, self->version, &state, err);
    if (status != NB_OK || self->review.decisions.rendered) {
        return status;
    }
    return nb_fail(err, NB_E_INVALID,
                   "%s@%s is not rendered (%s), so there is nothing to have heard; `nightbus fetch "
                   "%s@%s` waits for it",
                   self->version->song, self->version->name, state, self->version->song,
                   self->version->name);
}

/// Somebody decided since the client looked: who, what, when.
static nb_status tell_overtaken(const deciding *self, nb_error *err)
{
    const nb_decisions *now = &self->review.decisions;
    char when[NB_CLOCK_ISO_SIZE];
    const char *did = "withdrew the decision on";
    if (now->id[0] == '\0') {
        return nb_fail(err, NB_E_CONFLICT, "nobody has decided on %s@%s: look again",
                       self->version->song, self->version->name);
    }
    did = now->standing == NB_STANDING_APPROVED            ? "approved"
          : now->standing == NB_STANDING_CHANGES_REQUESTED ? "requested changes to"
                                                           : did;
    nb_clock_iso(now->time_ms, when);
    return nb_fail(err, NB_E_CONFLICT,
                   "%s %s %s@%s before you, at %s; look again: `nightbus show %s@%s`", now->person,
                   did, self->version->song, self->version->name, when, self->version->song,
                   self->version->name);
}

static nb_status check_seen(const deciding *self, nb_error *err)
{
    const Nightbus__Decide *said = self->said;
    const nb_decisions *now = &self->review.decisions;
    const nb_digest heard = nb_wire_to_digest(said->digest);
    char hex[NB_DIGEST_HEX_SIZE];
    nb_digest_to_hex(&heard, hex);
    if (strcmp(hex, now->audio_sha256) != 0) {
        return nb_fail(err, NB_E_CONFLICT,
                       "%s@%s is the bytes with sha256 %.12s, not %.12s: fetch it and listen again",
                       self->version->song, self->version->name, now->audio_sha256, hex);
    }
    if (strcmp(said->replaces ? said->replaces : "", now->id) != 0) {
        return tell_overtaken(self, err);
    }
    const nb_version *newest =
        self->version->source == NB_SOURCE_MASTER
            ? nb_revisions_newest_master(self->album->revisions, self->version->song)
            : nb_revisions_find_version(self->album->revisions, self->version->song, NULL);
    if (self->kind == NB_EVENT_APPROVE && newest && said->newest &&
        strcmp(said->newest, newest->name) != 0) {
        return nb_fail(err, NB_E_CONFLICT, "%s@%s was pushed meanwhile: listen to that one first",
                       newest->song, newest->name);
    }
    return NB_OK;
}

static nb_status check_sense(const deciding *self, nb_error *err)
{
    const nb_decisions *now = &self->review.decisions;
    const char *text = self->said->text ? self->said->text : "";
    const char *me = self->caller->member.name;
    if (strlen(text) > NB_NOTE_TEXT_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a decision's text has at most %d bytes", NB_NOTE_TEXT_MAX);
    }
    if (self->kind == NB_EVENT_REQUEST_CHANGES && text[0] == '\0') {
        return nb_fail(err, NB_E_INVALID, "say which changes");
    }
    if (self->kind != NB_EVENT_WITHDRAW) {
        return NB_OK;
    }
    if (now->standing == NB_STANDING_OPEN) {
        return nb_fail(err, NB_E_INVALID, "%s@%s is open: there is no decision to withdraw",
                       self->version->song, self->version->name);
    }
    if (strcmp(now->person, me) != 0 && !(self->caller->roles & NB_ROLE_OWNER)) {
        return nb_fail(err, NB_E_PERMISSION,
                       "the decision on %s@%s is %s's: only they or an owner may withdraw it",
                       self->version->song, self->version->name, now->person);
    }
    return NB_OK;
}

static nb_status check(deciding *self, nb_error *err)
{
    nb_status status = check_rendered(self, err);
    if (status == NB_OK) {
        status = check_seen(self, err);
    }
    if (status == NB_OK) {
        status = check_sense(self, err);
    }
    if (status == NB_OK && self->review.events >= NB_EVENTS_MAX) {
        status = nb_fail(err, NB_E_LIMIT, "%s@%s has %d events, the most it may have",
                         self->version->song, self->version->name, NB_EVENTS_MAX);
    }
    return status;
}

static nb_status append(const deciding *self, nb_error *err)
{
    const nb_decisions *now = &self->review.decisions;
    const char *text = self->said->text ? self->said->text : "";
    NB_SCOPED(nb_event_fini)
    nb_event event = {
        .kind = self->kind,
        .song = strdup(self->version->song),
        .version = strdup(self->version->name),
        .person = strdup(self->caller->member.name),
        .time_ms = nb_clock_wall_ms(),
        .rendering = strdup(now->rendering),
        .sha256 = strdup(now->audio_sha256),
        .replaces = now->id[0] ? strdup(now->id) : NULL,
        .text = text[0] ? strdup(text) : NULL,
    };
    snprintf(event.id, sizeof event.id, "%s", self->id);
    if (!event.song || !event.version || !event.person || !event.rendering || !event.sha256 ||
        (now->id[0] && !event.replaces) || (text[0] && !event.text)) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a decision");
    }
    const nb_status status = nb_event_check(&event, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(nb_text_free) char *line = nb_event_format(&event);
    if (!line) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a decision");
    }
    return nb_revisions_review_add(self->album->revisions, self->version->commit, line,
                                   event.person, event.time_ms, err);
}

/// Answers with the version as it stands then. A repeat is known by its id and changes nothing,
/// whatever was decided after it.
nb_status nb_handle_decide(nb_coordinator *self, const nb_caller *caller,
                           const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    NB_SCOPED(deciding_fini)
    deciding it = {.self = self, .caller = caller, .said = request->decide};
    nb_text_hex(it.said->client_id.data, NB_CLIENT_ID_SIZE, it.id);
    nb_status status = read_kind(it.said->kind, &it.kind, err);
    if (status == NB_OK) {
        status = nb_coordinator_album(self, it.said->album, &it.album, err);
    }
    if (status == NB_OK) {
        status = nb_album_version(it.album, it.said->song, it.said->version, &it.version, err);
    }
    if (status == NB_OK) {
        status = read_review(&it, err);
    }
    if (status == NB_OK && !it.known) {
        status = check(&it, err);
        if (status == NB_OK && it.kind == NB_EVENT_APPROVE) {
            // First kept, then said: a crash in between keeps too much, never too little.
            status = nb_album_keep_version(self, it.album, it.version, err);
        }
        if (status == NB_OK) {
            status = append(&it, err);
        }
    }
    if (status == NB_OK) {
        answer->reply.body_case = NIGHTBUS__REPLY__BODY_VERSION_ROW;
        const nb_row_maker maker = {.self = self, .album = it.album, .answer = answer};
        status = nb_version_row(&maker, it.version, &answer->reply.version_row, err);
    }
    return status;
}

// ---- Lists ----

/// What the desk shows of a song.
typedef struct desk_song {
    const nb_version *mix, *master; ///< The newest; null where there is none
    const nb_version *approved;     ///< The newest mix that is approved
} desk_song;

static nb_status find_desk_song(const nb_album *album, const char *song, desk_song *out,
                                nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    *out = (desk_song){.mix = nb_revisions_find_version(album->revisions, song, NULL),
                       .master = nb_revisions_newest_master(album->revisions, song)};
    nb_status status = NB_OK;
    // Versions ascend: the newest approved one is the first from behind.
    for (size_t i = count; status == NB_OK && !out->approved && i-- > 0;) {
        if (strcmp(versions[i].song, song) == 0 && versions[i].source != NB_SOURCE_MASTER) {
            NB_SCOPED(nb_version_review_fini) nb_version_review review = {0};
            status = nb_album_review(album, &versions[i], &review, err);
            if (review.decisions.standing == NB_STANDING_APPROVED) {
                out->approved = &versions[i];
            }
        }
    }
    return status;
}

static bool is_on_desk(const desk_song *desk, const nb_version *version)
{
    return version == desk->mix || version == desk->master || version == desk->approved;
}

static nb_status fill_versions(nb_coordinator *self, const nb_album *album,
                               const Nightbus__VersionList *said, Nightbus__VersionListing *listing,
                               const nb_answer *answer, nb_error *err)
{
    size_t count = 0;
    const nb_version *versions = nb_revisions_versions(album->revisions, &count);
    enum { BYTES_MAX = NB_MESSAGE_MAX / 2 };
    size_t bytes = 0;
    bool behind = !said->after;
    desk_song desk = {0};
    const nb_row_maker maker = {.self = self, .album = album, .answer = answer};
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && versions && i < count; i++) {
        char name[NB_SONG_SIZE + NB_VERSION_SIZE];
        snprintf(name, sizeof name, "%s@%s", versions[i].song, versions[i].name);
        if (!said->song && (i == 0 || strcmp(versions[i].song, versions[i - 1].song) != 0)) {
            status = find_desk_song(album, versions[i].song, &desk, err);
        }
        const bool wanted = said->song ? strcmp(versions[i].song, said->song) == 0
                                       : is_on_desk(&desk, &versions[i]);
        if (!behind || !wanted || status != NB_OK) {
            behind = behind || (said->after && strcmp(name, said->after) == 0);
            continue;
        }
        if (listing->n_rows == NB_ROWS_MAX || bytes > BYTES_MAX) {
            const Nightbus__VersionRow *last = listing->rows[listing->n_rows - 1];
            snprintf(name, sizeof name, "%s@%s", last->song, last->version);
            listing->next = nb_answer_string(answer, name);
            return listing->next ? NB_OK : nb_answer_no_memory(err);
        }
        Nightbus__VersionRow **row = &listing->rows[listing->n_rows++];
        status = nb_version_row(&maker, &versions[i], row, err);
        bytes += status == NB_OK ? nightbus__version_row__get_packed_size(*row) : 0;
    }
    return status;
}

nb_status nb_handle_version_list(nb_coordinator *self, const nb_caller *caller,
                                 const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    const Nightbus__VersionList *said = request->version_list;
    nb_album *album = NULL;
    nb_status status = nb_coordinator_album(self, said->album, &album, err);
    if (status == NB_OK && said->song) {
        status = nb_album_check_song(album, said->song, err);
    }
    if (status != NB_OK) {
        return status;
    }
    Nightbus__VersionListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    if (!listing) {
        return nb_answer_no_memory(err);
    }
    nightbus__version_listing__init(listing);
    listing->rows = nb_answer_take(answer, NB_ROWS_MAX, sizeof *listing->rows);
    if (!listing->rows) {
        return nb_answer_no_memory(err);
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_VERSION_LISTING;
    answer->reply.version_listing = listing;
    return fill_versions(self, album, said, listing, answer, err);
}
