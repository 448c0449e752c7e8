// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that change what is wished for jobs and renderers.
#include "base/clock.h"
#include "base/log.h"
#include "coordinator/wishes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// ---- Jobs ----

static nb_status change_wish(nb_coordinator *self, const nb_caller *caller, const nb_job *job,
                             const Nightbus__JobChange *said, nb_error *err)
{
    nb_job_wish wish;
    nb_status status = nb_ledger_get_job_wish(self->ledger, job->id, &wish, err);
    if (status == NB_OK && said->window) {
        status = nb_wishes_check_window(said->window, err);
    }
    if (status == NB_OK && said->label) {
        status = nb_labels_check(said->label, err);
    }
    if (status != NB_OK) {
        return status;
    }
    wish.priority = said->has_priority ? (int)said->priority : wish.priority;
    wish.paused = said->has_paused ? said->paused != 0 : wish.paused;
    if (said->window) {
        snprintf(wish.window, sizeof wish.window, "%s", said->window);
    }
    if (said->label) {
        snprintf(wish.label, sizeof wish.label, "%s", said->label);
    }
    snprintf(wish.person, sizeof wish.person, "%s", caller->member.name);
    wish.time_ms = nb_clock_wall_ms();
    return nb_wishes_put_job(self, job, &wish, err);
}

static nb_status change_job(nb_coordinator *self, const nb_caller *caller, nb_job *job,
                            const Nightbus__JobChange *said, nb_error *err)
{
    const bool is_open = job->state == NB_JOB_OPEN;
    if (said->has_retry && said->retry) {
        if (is_open || job->state == NB_JOB_DONE) {
            return nb_fail(err, NB_E_CONFLICT,
                           "job %" PRIu64 " is %s: only a failed or cancelled one is tried again",
                           job->id, is_open ? "open" : nb_job_state_name(job->state));
        }
        return nb_wishes_retry(self, job, err);
    }
    if (!is_open) {
        return nb_fail(err, NB_E_CONFLICT, "job %" PRIu64 " is over: %s", job->id,
                       nb_job_state_name(job->state));
    }
    if (said->has_cancel && said->cancel) {
        return nb_wishes_cancel(self, job, caller->member.name, err);
    }
    return change_wish(self, caller, job, said, err);
}

nb_status nb_handle_job_change(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__JobChange *said = request->job_change;
    nb_job job;
    nb_status status = nb_ledger_get_job(self->ledger, said->job, &job, err);
    if (status == NB_OK) {
        status = change_job(self, caller, &job, said, err);
    }
    // The log is of no interest here: a cursor past all lines.
    return (status == NB_OK) ? nb_coordinator_job_state(self, job.id, INT64_MAX, answer, err)
                             : status;
}

// ---- Renderers ----

static void set_hold(nb_node_wish *wish, unsigned hold, bool on)
{
    wish->holds = on ? wish->holds | hold : wish->holds & ~hold;
}

static nb_status change_node(nb_coordinator *self, const nb_caller *caller,
                             const Nightbus__NodeChange *said, nb_error *err)
{
    nb_node_wish wish;
    nb_status status = nb_ledger_get_node_wish(self->ledger, said->name, &wish, err);
    if (status == NB_OK && said->window) {
        status = nb_wishes_check_window(said->window, err);
    }
    if (status == NB_OK && said->labels) {
        status = nb_labels_check(said->labels, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if (said->has_drained) {
        set_hold(&wish, NB_HOLD_DRAINED, said->drained);
    }
    if (said->has_aside) {
        set_hold(&wish, NB_HOLD_ASIDE, said->aside);
        set_hold(&wish, NB_HOLD_SUSPECTED, false); // somebody looked at it
    }
    if (said->window) {
        snprintf(wish.window, sizeof wish.window, "%s", said->window);
    }
    if (said->labels) {
        snprintf(wish.labels, sizeof wish.labels, "%s", said->labels);
    }
    snprintf(wish.person, sizeof wish.person, "%s", caller->member.name);
    wish.time_ms = nb_clock_wall_ms();
    return nb_ledger_put_node_wish(self->ledger, said->name, &wish, err);
}

// The renderer of that name that was heard of last; 0 for none.
static uint32_t find_node(const nb_coordinator *self, const char *name)
{
    uint32_t found = 0;
    for (size_t i = 0; i < self->node_count; i++) {
        if (strcmp(self->nodes[i].name, name) == 0 &&
            (found == 0 || self->nodes[i].seen_wall_ms > self->nodes[found - 1].seen_wall_ms)) {
            found = (uint32_t)i + 1;
        }
    }
    return found;
}

// One that was not heard of since the coordinator started.
static nb_status fill_unseen(const char *name, Nightbus__NodeRow *row, const nb_answer *answer,
                             nb_error *err)
{
    nightbus__node_row__init(row);
    row->name = nb_answer_string(answer, name);
    row->state = nb_answer_string(answer, nb_renderer_state_name(NB_RENDERER_LOST));
    row->host = nb_answer_string(answer, "");
    row->fingerprint = nb_answer_string(answer, "");
    const bool complete = row->name && row->state && row->host && row->fingerprint;
    return complete ? NB_OK : nb_answer_no_memory(err);
}

static nb_status check_node(nb_coordinator *self, const char *name, uint32_t renderer,
                            nb_error *err)
{
    bool known = renderer != 0;
    const nb_status status = known ? NB_OK : nb_ledger_has_node(self->ledger, name, &known, err);
    if (status == NB_OK && !known) {
        return nb_fail(err, NB_E_NOT_FOUND, "no renderer '%s' ('nightbus nodes' lists them)", name);
    }
    return status;
}

nb_status nb_handle_node_change(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__NodeChange *said = request->node_change;
    const uint32_t renderer = find_node(self, said->name);
    nb_status status = check_node(self, said->name, renderer, err);
    if (status == NB_OK) {
        status = change_node(self, caller, said, err);
    }
    if (status != NB_OK) {
        return status;
    }
    for (size_t i = 0; i < self->node_count; i++) {
        if (strcmp(self->nodes[i].name, said->name) == 0) {
            nb_wishes_apply_node(self, (uint32_t)i + 1);
        }
    }
    Nightbus__NodeListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__NodeRow **rows = nb_answer_take(answer, 1, sizeof *rows);
    Nightbus__NodeRow *row = nb_answer_take(answer, 1, sizeof *row);
    if (!listing || !rows || !row) {
        return nb_answer_no_memory(err);
    }
    nightbus__node_listing__init(listing);
    listing->rows = rows;
    listing->rows[listing->n_rows++] = row;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_NODE_LISTING;
    answer->reply.node_listing = listing;
    return renderer ? nb_answer_node_row(self, renderer, row, answer, err)
                    : fill_unseen(said->name, row, answer, err);
}
