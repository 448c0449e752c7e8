// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/coordinator.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/audit.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/freezes.h"
#include "coordinator/song_notes.h"
#include "coordinator/standing.h"
#include "coordinator/trusted.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_MS = 2000, // how soon what could not be written is tried again
    REVIEW_MS = 200, // how long renderings wait, to be written into their reviews in one go
};

static const int64_t answers_kept_ms = INT64_C(30) * 24 * 60 * 60 * 1000;

// ---- What the scheduler says ----

// For the task's log; null for ends that somebody else tells of.
static const char *why_ended(nb_attempt_state state)
{
    switch (state) {
    case NB_ATTEMPT_EXPIRED:
        return "not heard of in time, so the task goes to another";
    case NB_ATTEMPT_ABANDONED:
        return "its renderer lives but dropped it, which does not count against the task";
    case NB_ATTEMPT_DIED:
        return "its renderer started anew, so it died there";
    default:
        return NULL;
    }
}

// nb_scheduler_observer. The ledger follows as well as it can: leases need no disk, and what is
// missing is found expired after a restart.
static void observe(void *context, const nb_task *task, const nb_attempt *attempt)
{
    nb_coordinator *self = context;
    nb_error err = {0};
    if (!attempt) {
        return;
    }
    if (!nb_attempt_is_leased(attempt)) {
        self->metrics.attempts_ended[attempt->state]++;
        const char *why = why_ended(attempt->state);
        if (why) {
            nb_coordinator_say(self, task->id, "attempt %" PRIu32 " on %s: %s", attempt->id.attempt,
                               nb_coordinator_node_at(self, attempt->renderer)->name, why);
        }
        if (attempt->state != NB_ATTEMPT_DONE) { // whose result says how long it may still send
            nb_access_revoke_one(self->access,
                                 &nb_coordinator_node_at(self, attempt->renderer)->key, task->id);
        }
        nb_coordinator_touch_task(self, task->id);
        nb_log_about(NB_LOG_INFO,
                     &(nb_log_subject){.task = task->id, .attempt = attempt->id.attempt},
                     "task %" PRIu64 ", attempt %" PRIu32 ": %s", task->id, attempt->id.attempt,
                     nb_attempt_state_name(attempt->state));
    }
    if (nb_ledger_set_attempt(self->ledger, task->id, attempt->id.attempt, attempt->state, "",
                              nb_clock_wall_ms(), &err) != NB_OK) {
        nb_log_about(NB_LOG_WARN,
                     &(nb_log_subject){.task = task->id, .attempt = attempt->id.attempt},
                     "task %" PRIu64 ": %s", task->id, err.text);
    }
}

// ---- Opening ----

static nb_status open_ledgers(nb_coordinator *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *path = nb_file_join(self->data_path, "ledger.sqlite");
    if (!path) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to open the ledger");
    }
    nb_status status = nb_ledger_open(path, &self->ledger, err);
    if (status == NB_OK) {
        status = nb_ledger_open(path, &self->ledger_of_bulk, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_open(path, &self->ledger_of_zap, err);
    }
    return status;
}

static nb_status open_albums(nb_coordinator *self, nb_error *err)
{
    char after[NB_ALBUM_SIZE] = "";
    size_t count = NB_ROWS_MAX;
    nb_status status = NB_OK;
    while (status == NB_OK && count == NB_ROWS_MAX) {
        nb_album_row *rows = NULL;
        status = nb_ledger_list_albums(self->ledger, after, &rows, &count, err);
        for (size_t i = 0; status == NB_OK && i < count; i++) {
            nb_album *album = NULL;
            status = nb_coordinator_add_album(self, rows[i].name, &album, err);
            if (status == NB_OK) {
                status = nb_album_settle(self, album, err);
            }
            snprintf(after, sizeof after, "%s", rows[i].name);
        }
        free(rows);
    }
    return status;
}

static nb_status open_store(nb_coordinator *self, nb_error *err)
{
    NB_SCOPED(nb_text_free) char *store = nb_file_join(self->data_path, "store");
    NB_SCOPED(nb_text_free) char *albums = nb_file_join(self->data_path, "albums");
    self->store_path = store ? nb_file_absolute(store) : NULL;
    if (!self->store_path || !albums) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory to open the store");
    }
    const nb_status status = nb_file_make_folders(albums, 0700, err);
    return (status == NB_OK) ? nb_blob_store_open(store, &self->store, err) : status;
}

nb_status nb_coordinator_new_scheduler(nb_coordinator *self, nb_scheduler **out, nb_error *err)
{
    const nb_scheduler_options options = {.lease_ms = self->lease_ms,
                                          .reconcile_ms = 2 * self->lease_ms,
                                          .incarnation = self->incarnation,
                                          .observer = observe,
                                          .suspicion = nb_wishes_suspect,
                                          .context = self};
    return nb_scheduler_new(&options, out, err);
}

static nb_status open_parts(nb_coordinator *self, const nb_coordinator_options *options,
                            nb_error *err)
{
    self->sessions = calloc(NB_SESSIONS_MAX, sizeof *self->sessions);
    self->waiters = calloc(NB_WAITERS_MAX, sizeof *self->waiters);
    if (!self->sessions || !self->waiters) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the coordinator");
    }
    nb_status status = nb_access_new(&self->access, err);
    if (status == NB_OK) {
        status = nb_coordinator_new_scheduler(self, &self->scheduler, err);
    }
    if (status == NB_OK) {
        status = open_store(self, err);
    }
    if (status == NB_OK) {
        status = nb_inspection_new(self->store, &self->inspection, err);
    }
    if (status == NB_OK) {
        status = open_ledgers(self, err);
    }
    return (status == NB_OK) ? nb_trusted_read(options->data_path, self->ledger, err) : status;
}

nb_status nb_coordinator_open(const nb_coordinator_options *options, int64_t now_ms,
                              nb_coordinator **out_coordinator, nb_error *err)
{
    *out_coordinator = NULL;
    NB_SCOPED(nb_coordinator_destroy) nb_coordinator *self = calloc(1, sizeof *self);
    if (!self || !(self->data_path = strdup(options->data_path))) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the coordinator");
    }
    self->transfer = options->transfer;
    self->lease_ms = options->lease_ms > 0 ? options->lease_ms : NB_LEASE_MS;
    self->incarnation = options->incarnation;
    self->metrics.start_wall_ms = nb_clock_wall_ms();
    self->unplanned = true;
    self->unreviewed = true;
    self->cursor = (uint64_t)nb_clock_wall_ms() * 1000;
    for (size_t i = 0; i < NB_WATCHED_JOBS; i++) {
        self->job_cursors[i] = self->cursor;
    }
    nb_status status = nb_revisions_start(err);
    if (status == NB_OK) {
        status = open_parts(self, options, err);
    }
    if (status == NB_OK) {
        status = open_albums(self, err);
    }
    if (status == NB_OK) {
        status = nb_coordinator_restore_tasks(self, now_ms, err);
    }
    if (status == NB_OK) {
        status = nb_repacker_new(self->data_path, NB_REPACK_EVERY_MS, &self->repacker, err);
    }
    if (status == NB_OK) {
        nb_coordinator_review_jobs(self);
        *out_coordinator = self;
        self = NULL; // the caller's now
    }
    return status;
}

void nb_coordinator_destroy(nb_coordinator **self_p)
{
    nb_coordinator *self = *self_p;
    if (!self) {
        return;
    }
    nb_repacker_destroy(&self->repacker);
    for (size_t i = 0; i < self->album_count; i++) {
        nb_notes_cache_destroy(&self->albums[i].notes);
        nb_revisions_close(&self->albums[i].revisions);
    }
    nb_batch_fini(&self->batch);
    nb_wishes_fini(self);
    nb_scheduler_destroy(&self->scheduler);
    nb_inspection_destroy(&self->inspection);
    nb_access_destroy(&self->access);
    nb_ledger_close(&self->ledger);
    nb_ledger_close(&self->ledger_of_bulk);
    nb_ledger_close(&self->ledger_of_zap);
    nb_blob_store_destroy(&self->store);
    nb_revisions_stop();
    free(self->albums);
    free(self->nodes);
    free(self->sessions);
    free(self->waiters);
    free(self->store_path);
    free(self->data_path);
    free(self);
    *self_p = NULL;
}

void nb_coordinator_connect(nb_coordinator *self, const nb_coordinator_link *link)
{
    self->link = *link;
}

nb_blob_store *nb_coordinator_store(nb_coordinator *self) { return self->store; }

// ---- Time ----

void nb_coordinator_advance(nb_coordinator *self, int64_t now_ms)
{
    nb_error err = {0};
    nb_coordinator_commit(self, now_ms);
    // What could not be planned waits a while; what is new does not.
    if (self->unplanned && self->plan_after_ms <= now_ms && !nb_coordinator_plan_jobs(self)) {
        self->plan_after_ms = now_ms + RETRY_MS;
    }
    if (self->waiter_count > 0 && nb_batch_open(self, &err) == NB_OK) {
        nb_coordinator_commit(self, now_ms); // somebody may wait for what was planned
    }
}

void nb_coordinator_tick(nb_coordinator *self, int64_t now_ms)
{
    nb_error err = {0};
    nb_coordinator_commit(self, now_ms);
    if (nb_batch_mend(self, now_ms, &err) != NB_OK || nb_batch_open(self, &err) != NB_OK) {
        nb_log_error("%s", err.text);
        return; // no disk: leases wait, as nothing could be given to others either
    }
    nb_scheduler_tick(self->scheduler, now_ms);
    const bool mass_loss = nb_scheduler_is_mass_loss(self->scheduler, now_ms);
    if (mass_loss && !self->told_mass_loss) {
        nb_log_error("more than %d %% of the renderers vanished within one lease; their tasks are "
                     "kept for one more: look at the network",
                     NB_MASS_LOSS_PERCENT);
    }
    self->told_mass_loss = mass_loss;
    nb_wishes_tick(self);
    nb_coordinator_reap_tasks(self);
    nb_coordinator_commit(self, now_ms);
    if (self->unreviewed && self->review_ms <= now_ms) {
        nb_coordinator_review_jobs(self);
        self->review_ms =
            now_ms + (self->unreviewed && self->reviewed_to == 0 ? RETRY_MS : REVIEW_MS);
    }
    nb_coordinator_advance(self, now_ms);
}

/// What collection asks the ledger.
typedef struct need_query {
    nb_ledger *ledger;
    int64_t now_ms;
} need_query;

static bool is_needed(void *context, const nb_digest *id)
{
    const need_query *query = context;
    bool needed = true;
    // Where the ledger can't say, the blob stays.
    return nb_ledger_is_needed(query->ledger, id, query->now_ms, &needed, NULL) != NB_OK || needed;
}

// What has had its time: answers, pins, spent invites, old entries of the audit log.
static nb_status prune(nb_coordinator *self, nb_error *err)
{
    const int64_t now_ms = nb_clock_wall_ms();
    nb_status status = nb_ledger_prune(self->ledger, now_ms - answers_kept_ms, now_ms, err);
    if (status == NB_OK) {
        status = nb_ledger_prune_invites(self->ledger, now_ms, err);
    }
    return (status == NB_OK) ? nb_ledger_prune_audit(self->ledger, now_ms, err) : status;
}

nb_status nb_coordinator_collect(nb_coordinator *self, nb_error *err)
{
    // A day for what is on its way to its push or result, a week in the trash.
    enum { AGE_S = 24 * 60 * 60, TRASH_S = 7 * 24 * 60 * 60 };
    need_query query = {self->ledger, nb_clock_wall_ms()};
    nb_collect_result result = {0};
    nb_status status = prune(self, err);
    for (size_t i = 0; status == NB_OK && i < self->album_count; i++) {
        status = nb_revisions_finish_erasing(self->albums[i].revisions, err);
    }
    if (status == NB_OK) {
        status = nb_coordinator_keep_decided(self, err);
    }
    if (status == NB_OK) {
        status = nb_freezes_trim(self, err);
    }
    if (status == NB_OK) {
        status =
            nb_blob_store_collect(self->store, is_needed, &query, AGE_S, TRASH_S, &result, err);
    }
    if (status == NB_OK && result.trashed_count + result.removed_count > 0) {
        nb_log_info("collection: %" PRIu64 " blobs kept, %" PRIu64 " to the trash, %" PRIu64
                    " removed",
                    result.kept_count, result.trashed_count, result.removed_count);
    }
    return status;
}

// ---- What the server's threads ask ----

bool nb_coordinator_knows_key(void *context, const nb_public_key *key)
{
    nb_coordinator *self = context;
    nb_member member;
    return nb_ledger_get_member(self->ledger_of_zap, key, &member, NULL) == NB_OK;
}

static const unsigned senders = NB_ROLE_OWNER | NB_ROLE_ENGINEER | NB_ROLE_MASTERING;

// A renderer's key moves blobs of its tasks, a person's those of albums where it has a role.
static nb_status check_role(nb_coordinator *self, const nb_public_key *key, const char *album,
                            uint64_t task, unsigned role, nb_error *err)
{
    nb_member member;
    nb_status status = nb_ledger_get_member(self->ledger_of_bulk, key, &member, err);
    if (status == NB_OK && !task && !album) {
        return nb_fail(err, NB_E_PERMISSION, "a blob is moved for an album or a task");
    }
    unsigned roles = member.roles;
    if (status == NB_OK && !task) {
        status = nb_album_roles(self->ledger_of_bulk, &member, album, &roles, err);
    }
    if (status == NB_OK && !(roles & (task ? NB_ROLE_RENDERER : role))) {
        return task ? nb_fail(err, NB_E_PERMISSION, "%s is no renderer", member.name)
                    : nb_fail(err, NB_E_PERMISSION,
                              "%s has no role on album '%.64s' that may move this blob",
                              member.name, album);
    }
    return status;
}

nb_status nb_coordinator_may_read(void *context, const nb_public_key *key, const char *album,
                                  uint64_t task, const nb_digest *digest, nb_error *err)
{
    nb_coordinator *self = context;
    nb_status status = check_role(self, key, album, task, NB_ROLES_ALBUM, err);
    if (status != NB_OK) {
        return status;
    }
    if (task && !nb_access_has(self->access, key, task)) {
        // Says nothing of the task: its renderer was cut off, and shall drop it.
        return nb_fail(err, NB_E_STALE, "the lease of task %" PRIu64 " is over", task);
    }
    if (task) {
        return nb_access_may_read(self->access, key, task, digest)
                   ? NB_OK
                   : nb_fail(err, NB_E_PERMISSION, "this blob is not one of task %" PRIu64, task);
    }
    uint64_t size = 0;
    return nb_ledger_get_blob(self->ledger_of_bulk, album, digest, &size, err);
}

// Is the blob known to belong to the album, and there? A yes is pinned, as it is a promise to the
// push that will name it.
static bool claim_known(nb_coordinator *self, const char *album, const nb_digest *digest,
                        uint64_t size)
{
    NB_SCOPED(nb_file_close_fd) int hold = -1;
    uint64_t known_size = 0;
    return nb_blob_store_hold(self->store, &hold, NULL) == NB_OK &&
           nb_ledger_get_blob(self->ledger_of_bulk, album, digest, &known_size, NULL) == NB_OK &&
           known_size == size && nb_blob_store_has(self->store, digest, NULL) &&
           nb_ledger_pin_blob(self->ledger_of_bulk, album, digest, size,
                              nb_clock_wall_ms() + NB_PIN_MS, NULL) == NB_OK;
}

nb_status nb_coordinator_may_write(void *context, const nb_public_key *key, const char *album,
                                   uint64_t task, const nb_digest *digest, uint64_t size,
                                   nb_error *err)
{
    nb_coordinator *self = context;
    nb_status status = check_role(self, key, album, task, senders, err);
    if (status != NB_OK) {
        return status;
    }
    if (task) {
        return nb_access_has(self->access, key, task)
                   ? NB_OK
                   : nb_fail(err, NB_E_STALE, "the lease of task %" PRIu64 " is over", task);
    }
    nb_album_row row;
    status = nb_ledger_get_album(self->ledger_of_bulk, album, &row, err);
    if (status != NB_OK) {
        return status;
    }
    if (claim_known(self, album, digest, size)) {
        return nb_fail(err, NB_E_EXISTS, "album '%s' has this blob", album);
    }
    return nb_coordinator_check_space(self, size, err);
}

nb_status nb_coordinator_stored(void *context, const nb_public_key *key, const char *album,
                                uint64_t task, const nb_digest *digest, uint64_t size,
                                nb_error *err)
{
    nb_coordinator *self = context;
    atomic_fetch_add(&self->metrics.received_bytes, size);
    // Gigabytes took their time: the key or its role may have been taken away meanwhile.
    const nb_status status = check_role(self, key, album, task, senders, err);
    if (status != NB_OK) {
        return status;
    }
    if (task) {
        return NB_OK; // a result's rows come with TaskFinish; until then its age keeps it
    }
    return nb_ledger_pin_blob(self->ledger_of_bulk, album, digest, size,
                              nb_clock_wall_ms() + NB_PIN_MS, err);
}
