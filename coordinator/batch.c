// SPDX-License-Identifier: GPL-3.0-or-later
// Many requests, one commit, then all their answers. An fsync takes milliseconds, and a farm of
// hundreds of renderers asks a thousand times a second. A handler's own transaction becomes a
// savepoint inside the batch, so one that fails takes nothing of the others with it.
#include "base/log.h"
#include "coordinator/coordinator_private.h"

#include <inttypes.h>
#include <stdlib.h>

bool nb_coordinator_is_batched(Nightbus__Request__BodyCase body)
{
    switch (body) {
    // What renderers and those who watch send all the time. All others take long (git, many rows)
    // and would hold the ledger's lock against the bulk thread.
    case NIGHTBUS__REQUEST__BODY_SYNC:
    case NIGHTBUS__REQUEST__BODY_TASK_FINISH:
    case NIGHTBUS__REQUEST__BODY_TASK_FAIL:
    case NIGHTBUS__REQUEST__BODY_JOB_WATCH:
        return true;
    default:
        return false;
    }
}

nb_status nb_batch_open(nb_coordinator *self, nb_error *err)
{
    if (self->batch.is_open) {
        return NB_OK;
    }
    const nb_status status = nb_ledger_begin(self->ledger, err);
    self->batch.is_open = status == NB_OK;
    return status;
}

// ---- Answers ----

static void send_answer(nb_coordinator *self, const nb_peer *peer, const nb_answer *answer)
{
    nb_error err = {0};
    if (self->link.send(self->link.context, peer, &answer->reply, &err) != NB_OK) {
        nb_log_warn("reply lost: %s", err.text); // the peer left; it asks again or its lease ends
    }
}

static bool keep_answer(nb_batch *batch, const nb_peer *peer, const nb_answer *answer)
{
    if (batch->count == batch->capacity) {
        const size_t wanted = batch->capacity ? batch->capacity * 2 : 64;
        nb_batch_answer *grown = reallocarray(batch->answers, wanted, sizeof *grown);
        if (!grown) {
            return false;
        }
        batch->answers = grown;
        batch->capacity = wanted;
    }
    batch->answers[batch->count++] = (nb_batch_answer){*peer, *answer};
    return true;
}

void nb_coordinator_answer(nb_coordinator *self, const nb_peer *peer, nb_answer *answer)
{
    if (!self->batch.is_open) {
        send_answer(self, peer, answer);
    } else if (keep_answer(&self->batch, peer, answer)) {
        answer->arena = NULL; // the batch's now
        return;
    } else {
        nb_log_warn("no memory for an answer"); // the peer asks again
    }
    nb_arena_destroy(&answer->arena);
}

static void send_all(nb_coordinator *self, nb_status status, const nb_error *err)
{
    nb_batch *batch = &self->batch;
    for (size_t i = 0; i < batch->count; i++) {
        nb_batch_answer *held = &batch->answers[i];
        if (status != NB_OK) {
            nb_answer_fail(&held->answer, status, err);
        }
        send_answer(self, &held->peer, &held->answer);
        nb_arena_destroy(&held->answer.arena);
    }
    batch->count = 0;
}

// ---- The end ----

// Memory is ahead of the ledger: what was given out or taken in this batch is not on disk. So it is
// forgotten, as a restart would: renderers say Hello again, and their tasks are read from the
// ledger.
static nb_status take_up_again(nb_coordinator *self, int64_t now_ms, nb_error *err)
{
    nb_scheduler *fresh = NULL;
    self->incarnation++; // epochs of what is forgotten are never given again
    const nb_status status = nb_coordinator_new_scheduler(self, &fresh, err);
    if (status != NB_OK) {
        return status;
    }
    self->session_count = 0;
    self->waiter_count = 0; // whoever waits asks again
    self->node_count = 0;   // numbered anew, with the attempts that are restored
    nb_scheduler_destroy(&self->scheduler);
    self->scheduler = fresh;
    nb_access_clear(self->access);
    return nb_coordinator_restore_tasks(self, now_ms, err);
}

nb_status nb_batch_mend(nb_coordinator *self, int64_t now_ms, nb_error *err)
{
    if (!self->batch.is_lost) {
        return NB_OK;
    }
    const nb_status status = take_up_again(self, now_ms, err);
    if (status == NB_OK) {
        self->batch.is_lost = false;
        self->unplanned = true;
        self->unreviewed = true;
        nb_log_warn("what could not be committed was forgotten; all is as the ledger has it");
    }
    return status;
}

void nb_coordinator_commit(nb_coordinator *self, int64_t now_ms)
{
    if (!self->batch.is_open) {
        return;
    }
    nb_error err = {0};
    nb_coordinator_serve_waiters(self, now_ms); // their work is part of the same commit
    const nb_status status = nb_ledger_end(self->ledger, NB_OK, &err);
    self->batch.is_open = false;
    if (status != NB_OK) {
        nb_log_error("a batch of %zu answers could not be committed: %s", self->batch.count,
                     err.text);
        self->batch.is_lost = true;
    }
    send_all(self, status, &err);
    if (status != NB_OK && nb_batch_mend(self, now_ms, &err) != NB_OK) {
        nb_log_error("%s; tried again with the next request", err.text);
    }
}

void nb_batch_fini(nb_batch *self)
{
    for (size_t i = 0; i < self->count; i++) {
        nb_arena_destroy(&self->answers[i].answer.arena);
    }
    free(self->answers);
    *self = (nb_batch){0};
}
