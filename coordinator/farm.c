// SPDX-License-Identifier: GPL-3.0-or-later
// Renderers as they come and go: nodes, heartbeats, and answers that wait for work or news.
#include "base/clock.h"
#include "base/log.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 1000 };

nb_farm_node *nb_coordinator_node_at(const nb_coordinator *self, uint32_t renderer)
{
    return &self->nodes[renderer - 1];
}

nb_status nb_coordinator_node(nb_coordinator *self, const nb_public_key *key, const char *name,
                              uint32_t *out_renderer, nb_error *err)
{
    for (size_t i = 0; i < self->node_count; i++) {
        if (strcmp(self->nodes[i].name, name) == 0 &&
            strcmp(self->nodes[i].key.text, key->text) == 0) {
            *out_renderer = (uint32_t)i + 1;
            return NB_OK;
        }
    }
    if (self->node_count == NODES_MAX) {
        return nb_fail(err, NB_E_LIMIT, "more than %d renderers", NODES_MAX);
    }
    nb_farm_node *grown = reallocarray(self->nodes, self->node_count + 1, sizeof *grown);
    if (!grown) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a renderer");
    }
    self->nodes = grown;
    nb_farm_node *node = &self->nodes[self->node_count];
    *node = (nb_farm_node){.key = *key};
    snprintf(node->name, sizeof node->name, "%s", name);
    const uint32_t renderer = (uint32_t)self->node_count + 1;
    const nb_status status = nb_scheduler_know(self->scheduler, renderer, err);
    if (status == NB_OK) {
        self->node_count++;
        *out_renderer = renderer;
        nb_wishes_apply_node(self, renderer);
        nb_wishes_remember_songs(self, renderer);
    }
    return status;
}

// ---- Sync ----

static nb_status fill_keep(nb_answer *answer, bool keep, nb_error *err)
{
    Nightbus__Orders *orders = nb_answer_take(answer, 1, sizeof *orders);
    if (!orders) {
        return nb_answer_no_memory(err);
    }
    nightbus__orders__init(orders);
    orders->keep = keep;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_ORDERS;
    answer->reply.orders = orders;
    return NB_OK;
}

static nb_status add_lines(nb_coordinator *self, const Nightbus__Sync *said, nb_error *err)
{
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; status == NB_OK && i < said->n_lines; i++) {
        status = nb_ledger_add_line(self->ledger, said->task, ++self->cursor, said->lines[i], err);
    }
    if (status == NB_OK) {
        status = nb_ledger_trim_lines(self->ledger, said->task, err);
    }
    return nb_ledger_end(self->ledger, status, err);
}

static void regrant(nb_coordinator *self, uint32_t renderer, uint64_t id)
{
    const nb_farm_node *node = nb_coordinator_node_at(self, renderer);
    if (nb_access_has(self->access, &node->key, id)) {
        return;
    }
    NB_SCOPED(nb_task_row_fini) nb_task_row task = {0};
    nb_error err = {0};
    nb_status status = nb_ledger_get_task(self->ledger, id, &task, &err);
    if (status == NB_OK) {
        status = nb_coordinator_grant(self, &node->key, &task, &err);
    }
    if (status != NB_OK) {
        nb_log_about(NB_LOG_WARN, &(nb_log_subject){.task = id}, "task %" PRIu64 ": %s", id,
                     err.text);
    }
}

static nb_status sync_busy(nb_coordinator *self, const nb_caller *caller,
                           const Nightbus__Sync *said, nb_answer *answer, nb_error *err)
{
    nb_attempt_id id;
    const nb_status status = nb_attempt_id_read(said->task, said->attempt, said->epoch, &id, err);
    if (status != NB_OK) {
        return status;
    }
    const bool keep = nb_scheduler_sync_busy(self->scheduler, caller->renderer, &id,
                                             said->done_frames, said->total_frames, caller->now_ms);
    if (keep) {
        nb_error problem = {0};
        regrant(self, caller->renderer, id.task);
        if (said->n_lines > 0 && add_lines(self, said, &problem) != NB_OK) {
            nb_log_about(NB_LOG_WARN, &(nb_log_subject){.task = id.task, .attempt = id.attempt},
                         "task %" PRIu64 ": its log has a gap: %s", id.task, problem.text);
        }
        nb_coordinator_touch_task(self, id.task);
    }
    return fill_keep(answer, keep, err);
}

// A renderer waits once: an older answer held for it would take work to where nobody listens.
void nb_coordinator_drop_waiters(nb_coordinator *self, uint32_t renderer)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->waiter_count; i++) {
        if (self->waiters[i].renderer != renderer) {
            self->waiters[kept++] = self->waiters[i];
        }
    }
    self->waiter_count = kept;
}

static uint32_t bounded_wait(bool has, uint32_t wait_ms)
{
    const uint32_t wait = has ? wait_ms : 0;
    return (wait < NB_WAIT_MAX_MS) ? wait : NB_WAIT_MAX_MS;
}

nb_status nb_handle_sync(nb_coordinator *self, const nb_caller *caller,
                         const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__Sync *said = request->sync;
    nb_coordinator_node_at(self, caller->renderer)->seen_wall_ms = nb_clock_wall_ms();
    nb_coordinator_drop_waiters(self, caller->renderer);
    const bool stops = said->has_stopping && said->stopping;
    if (stops && !said->has_task) { // its goodbye
        nb_scheduler_sync_idle(self->scheduler, caller->renderer, 0, caller->now_ms);
    }
    if (stops) {
        nb_scheduler_stopping(self->scheduler, caller->renderer);
    }
    if (stops && !said->has_task) {
        nb_log_about(
            NB_LOG_INFO,
            &(nb_log_subject){.node = nb_coordinator_node_at(self, caller->renderer)->name},
            "%s says goodbye", nb_coordinator_node_at(self, caller->renderer)->name);
        nb_coordinator_reap_tasks(self);
        return fill_keep(answer, true, err);
    }
    if (said->has_task) {
        return sync_busy(self, caller, said, answer, err);
    }
    const uint32_t wait_ms = bounded_wait(said->has_wait_ms, said->wait_ms);
    nb_scheduler_sync_idle(self->scheduler, caller->renderer, wait_ms, caller->now_ms);
    nb_coordinator_reap_tasks(self);
    bool found = false;
    const nb_status status =
        nb_coordinator_offer(self, caller->renderer, caller->now_ms, answer, &found, err);
    if (status != NB_OK || found) {
        return status;
    }
    const nb_waiter waiter = {.peer = *caller->peer,
                              .request = caller->request,
                              .deadline_ms = caller->now_ms + wait_ms,
                              .renderer = caller->renderer};
    answer->held = wait_ms > 0 && nb_coordinator_hold(self, &waiter);
    return answer->held ? NB_OK : fill_keep(answer, true, err);
}

// ---- Nodes ----

static nb_status fill_node_wish(nb_coordinator *self, uint32_t renderer, Nightbus__NodeRow *row,
                                const nb_answer *answer, nb_error *err)
{
    nb_node_wish wish;
    char held[NB_ERROR_TEXT_SIZE];
    const nb_status status = nb_ledger_get_node_wish(
        self->ledger, nb_coordinator_node_at(self, renderer)->name, &wish, err);
    if (status == NB_OK) {
        nb_why_node(self, renderer, held, sizeof held);
        row->held = held[0] ? nb_answer_string(answer, held) : NULL;
        row->labels = wish.labels[0] ? nb_answer_string(answer, wish.labels) : NULL;
        row->window = wish.window[0] ? nb_answer_string(answer, wish.window) : NULL;
    }
    return status;
}

nb_status nb_answer_node_row(nb_coordinator *self, uint32_t renderer, Nightbus__NodeRow *row,
                             const nb_answer *answer, nb_error *err)
{
    const nb_farm_node *node = nb_coordinator_node_at(self, renderer);
    const nb_renderer *state = nb_scheduler_renderer(self->scheduler, renderer);
    nightbus__node_row__init(row);
    row->name = nb_answer_string(answer, node->name);
    row->state = nb_answer_string(answer, nb_renderer_state_name(state->state));
    row->host = nb_answer_string(answer, node->host);
    row->threads = node->threads;
    row->fingerprint = nb_answer_string(answer, state->fingerprint ? state->fingerprint : "");
    row->seen_ms = (uint64_t)node->seen_wall_ms;
    row->has_done = 1;
    row->done = state->done;
    row->has_failed = 1;
    row->failed = state->failed;
    NB_SCOPED(nb_task_row_fini) nb_task_row task = {0};
    if (state->state == NB_RENDERER_BUSY &&
        nb_ledger_get_task(self->ledger, state->task, &task, NULL) == NB_OK) {
        row->doing = nb_answer_string(answer, task.label);
    }
    const nb_status status = fill_node_wish(self, renderer, row, answer, err);
    const bool complete = row->name && row->state && row->host && row->fingerprint;
    return (status != NB_OK || complete) ? status : nb_answer_no_memory(err);
}

nb_status nb_handle_node_list(nb_coordinator *self, const nb_caller *caller,
                              const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    (void)caller;
    (void)request;
    Nightbus__NodeListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__NodeRow **rows = nb_answer_take(answer, self->node_count, sizeof *rows);
    if (!listing || !rows) {
        return nb_answer_no_memory(err);
    }
    nightbus__node_listing__init(listing);
    listing->rows = rows;
    for (size_t i = 0; i < self->node_count; i++) {
        rows[i] = nb_answer_take(answer, 1, sizeof *rows[i]);
        if (!rows[i]) {
            return nb_answer_no_memory(err);
        }
        const nb_status status = nb_answer_node_row(self, (uint32_t)i + 1, rows[i], answer, err);
        if (status != NB_OK) {
            return status;
        }
        listing->n_rows++;
    }
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_NODE_LISTING;
    answer->reply.node_listing = listing;
    return NB_OK;
}

// ---- Answers that are held back ----

bool nb_coordinator_hold(nb_coordinator *self, const nb_waiter *waiter)
{
    size_t own_count = 0;
    for (size_t i = 0; i < self->waiter_count; i++) {
        own_count += strcmp(self->waiters[i].peer.key.text, waiter->peer.key.text) == 0 ? 1 : 0;
    }
    if (self->waiter_count == NB_WAITERS_MAX || own_count >= NB_WAITERS_KEY_MAX) {
        return false;
    }
    self->waiters[self->waiter_count++] = *waiter;
    return true;
}

// Fill the answer if it is time for one.
static nb_status serve(nb_coordinator *self, const nb_waiter *waiter, int64_t now_ms,
                       nb_answer *answer, bool *out_ready, nb_error *err)
{
    const bool late = waiter->deadline_ms <= now_ms;
    if (waiter->renderer == 0) {
        *out_ready = late || nb_coordinator_job_has_news(self, waiter->job, waiter->cursor);
        const nb_status status = *out_ready ? nb_permit_waiter(self, waiter, err) : NB_OK;
        return *out_ready && status == NB_OK
                   ? nb_coordinator_job_state(self, waiter->job, waiter->cursor, answer, err)
                   : status;
    }
    const nb_status status =
        nb_coordinator_offer(self, waiter->renderer, now_ms, answer, out_ready, err);
    if (status == NB_OK && late && !*out_ready) {
        *out_ready = true;
        return fill_keep(answer, true, err);
    }
    return status;
}

static bool serve_and_send(nb_coordinator *self, const nb_waiter *waiter, int64_t now_ms)
{
    nb_answer answer = {.arena = nb_arena_new(), .reply = NIGHTBUS__REPLY__INIT};
    nb_error err = {0};
    bool ready = false;
    nb_status status = answer.arena ? serve(self, waiter, now_ms, &answer, &ready, &err)
                                    : nb_answer_no_memory(&err);
    // What failed for a renderer is tried again; at its deadline it is told.
    const bool answers = ready || (status != NB_OK && waiter->deadline_ms <= now_ms);
    if (!answers) {
        nb_arena_destroy(&answer.arena);
        return false;
    }
    answer.reply.id = waiter->request;
    if (status != NB_OK) {
        nb_answer_fail(&answer, status, &err);
    }
    nb_coordinator_answer(self, &waiter->peer, &answer);
    return true;
}

void nb_coordinator_serve_waiters(nb_coordinator *self, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->waiter_count; i++) {
        const nb_waiter waiter = self->waiters[i];
        if (!serve_and_send(self, &waiter, now_ms)) {
            self->waiters[kept++] = waiter;
        }
    }
    self->waiter_count = kept;
}
