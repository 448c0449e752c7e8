// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/heartbeat.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    IDLE_WAIT_MS = 10000, ///< How long the coordinator may hold back its answer to an idle renderer
    POLL_MS = 100,        ///< How soon a signal is seen while nothing is under way
    BACK_OFF_FIRST_MS = 200,
    BACK_OFF_MOST_MS = 3000,
    FENCE_PART = 10, ///< We stop this part of a lease before the coordinator gives the task away
    LEASE_LEAST_MS = 500,
    GOODBYE_MS = 1000,                    ///< For the word that we end
    LINES_HELD_MAX = NB_LOG_LINES_MAX - 1 ///< The last line of a Sync says how many are missing
};

struct nb_heartbeat {
    const nb_identity *identity;
    const volatile bool *stop, *drain;
    pthread_t thread;
    pthread_t fence_thread;
    nb_client *client; ///< The thread's own
    int64_t back_off_ms;
    bool told_unreachable;

    pthread_mutex_t lock; ///< Guards all below
    pthread_cond_t changed;
    bool ending;
    bool busy;
    bool taken; ///< The order was given to nb_heartbeat_wait_order's caller
    bool fenced;
    bool reporting; ///< The outcome is on its way
    bool heard;     ///< It has arrived
    bool resting;   ///< No work is asked for
    bool hurry;     ///< Send at once
    nb_order order;
    int64_t lease_ms, heartbeat_ms; ///< As the coordinator wants them
    int64_t renewed_ms;
    uint64_t done_frames, total_frames;
    size_t line_count;
    char *lines[LINES_HELD_MAX];
    uint64_t lines_said, lines_gone; ///< Since the start, for flush
    uint64_t lines_left_out;         ///< Since the last Sync that was heard

    volatile bool cancelled;
};

static bool is_ending(const nb_heartbeat *self) { return self->ending || *self->stop; }

/// Wait for a change, at most `ms`; the lock is held.
static void wait_change(nb_heartbeat *self, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t ns = until.tv_nsec + (ms % 1000) * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&self->changed, &self->lock, &until);
}

/// Forget lines, sent or not; the lock is held.
static void drop_lines(nb_heartbeat *self, char **lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(lines[i]);
    }
    self->lines_gone += count;
    pthread_cond_broadcast(&self->changed);
}

/// Give the order up; the lock is held.
static void fence(nb_heartbeat *self, const char *why)
{
    if (self->busy && !self->fenced && !self->heard) {
        nb_log_about(NB_LOG_WARN,
                     &(nb_log_subject){.task = self->order.task,
                                       .attempt = self->order.attempt,
                                       .node = self->identity->name},
                     "%s: %s", self->order.label, why);
        self->fenced = true;
        self->cancelled = true;
        pthread_cond_broadcast(&self->changed);
    }
}

/// The fence's own thread: an answer that does not come keeps the other one waiting.
static void *watch_lease(void *arg)
{
    nb_heartbeat *self = arg;
    pthread_mutex_lock(&self->lock);
    while (!is_ending(self)) {
        if (nb_clock_ms() - self->renewed_ms > self->lease_ms - self->lease_ms / FENCE_PART) {
            fence(self, "the lease could not be renewed in time, so the work is dropped");
        }
        wait_change(self, POLL_MS);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/// What one Sync says, taken out of the lock.
typedef struct sync_state {
    bool busy;
    nb_order order;
    uint64_t done_frames, total_frames;
    uint64_t lines_left_out;
    size_t line_count;
    char *lines[NB_LOG_LINES_MAX]; ///< With room for the line about those left out
} sync_state;

static void take_state(nb_heartbeat *self, sync_state *out)
{
    pthread_mutex_lock(&self->lock);
    *out = (sync_state){
        .busy = self->busy && !self->fenced,
        .order = self->order,
        .done_frames = self->done_frames,
        .total_frames = self->total_frames,
    };
    if (out->busy) {
        out->line_count = self->line_count;
        memcpy(out->lines, self->lines, self->line_count * sizeof *self->lines);
        self->line_count = 0;
        out->lines_left_out = self->lines_left_out;
        self->lines_left_out = 0;
    }
    self->hurry = false;
    pthread_mutex_unlock(&self->lock);
}

/// Is it the order that the Sync spoke of? The lock is held.
static bool is_same_order(const nb_heartbeat *self, const sync_state *sent)
{
    return sent->busy && self->busy && self->order.task == sent->order.task &&
           self->order.attempt == sent->order.attempt;
}

/// Lines that were not heard go back in front of those said since; the newest are left out where
/// there is no room for all.
static void give_lines_back(nb_heartbeat *self, sync_state *sent)
{
    pthread_mutex_lock(&self->lock);
    if (is_same_order(self, sent)) {
        const size_t room = LINES_HELD_MAX - sent->line_count;
        const size_t kept = self->line_count < room ? self->line_count : room;
        drop_lines(self, self->lines + kept, self->line_count - kept);
        self->lines_left_out += sent->lines_left_out + (self->line_count - kept);
        memmove(self->lines + sent->line_count, self->lines, kept * sizeof *self->lines);
        memcpy(self->lines, sent->lines, sent->line_count * sizeof *self->lines);
        self->line_count = sent->line_count + kept;
    } else {
        drop_lines(self, sent->lines, sent->line_count);
    }
    pthread_mutex_unlock(&self->lock);
}

static nb_status take_order(nb_heartbeat *self, const Nightbus__Orders *orders, nb_error *err)
{
    if (orders->epoch.len > NB_EPOCH_SIZE_MAX) {
        return nb_fail(err, NB_E_LIMIT, "the coordinator sent an epoch of %zu bytes",
                       orders->epoch.len);
    }
    nb_order order = {
        .task = orders->task,
        .attempt = orders->attempt,
        .epoch_size = orders->epoch.len,
        .plan_size = orders->plan_size,
    };
    if (orders->epoch.len > 0) {
        memcpy(order.epoch, orders->epoch.data, orders->epoch.len);
    }
    const nb_status status =
        nb_digest_from_bytes(orders->plan.data, orders->plan.len, &order.plan, err);
    if (status != NB_OK) {
        return status;
    }
    snprintf(order.label, sizeof order.label, "%s", orders->label ? orders->label : "a task");
    nb_text_make_printable(order.label);
    pthread_mutex_lock(&self->lock);
    self->order = order;
    self->busy = true;
    self->taken = false;
    self->fenced = false;
    self->reporting = false;
    self->heard = false;
    self->cancelled = false;
    self->done_frames = 0;
    self->total_frames = 0;
    self->renewed_ms = nb_clock_ms();
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return NB_OK;
}

/// Orders for the state that was sent; the work may have ended or changed since.
static nb_status follow_orders(nb_heartbeat *self, sync_state *sent, int64_t sent_ms,
                               const Nightbus__Orders *orders, nb_error *err)
{
    pthread_mutex_lock(&self->lock);
    drop_lines(self, sent->lines, sent->line_count);
    const bool same = is_same_order(self, sent);
    if (same && orders->keep) {
        self->renewed_ms = sent_ms;
    } else if (same && !self->reporting) {
        fence(self, "the task is not ours any more (cancelled, or given to another), so the work "
                    "is dropped");
    }
    const bool idle = !self->busy && !sent->busy;
    pthread_mutex_unlock(&self->lock);
    return idle && orders->has_task ? take_order(self, orders, err) : NB_OK;
}

static nb_status sync_once(nb_heartbeat *self, nb_error *err)
{
    sync_state state;
    char left_out[80];
    take_state(self, &state);
    Nightbus__Sync sync = NIGHTBUS__SYNC__INIT;
    if (state.busy) {
        sync.has_task = sync.has_attempt = sync.has_epoch = true;
        sync.task = state.order.task;
        sync.attempt = state.order.attempt;
        sync.epoch = (ProtobufCBinaryData){state.order.epoch_size, state.order.epoch};
        sync.has_done_frames = sync.has_total_frames = state.total_frames > 0;
        sync.done_frames = state.done_frames;
        sync.total_frames = state.total_frames;
        sync.n_lines = state.line_count;
        sync.lines = state.lines;
        if (state.lines_left_out > 0) {
            snprintf(left_out, sizeof left_out,
                     "(%" PRIu64 " lines left out: they came too quickly)", state.lines_left_out);
            state.lines[sync.n_lines++] = left_out;
        }
        sync.has_stopping = sync.stopping = *self->drain;
    } else {
        sync.has_wait_ms = true;
        sync.wait_ms = IDLE_WAIT_MS;
    }
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_SYNC;
    request.sync = &sync;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    const int64_t sent_ms = nb_clock_ms();
    const nb_status status =
        nb_client_call(self->client, &request, state.busy ? 0 : IDLE_WAIT_MS, &reply, err);
    if (status != NB_OK) {
        give_lines_back(self, &state);
        return status;
    }
    if (reply->body_case != NIGHTBUS__REPLY__BODY_ORDERS) {
        give_lines_back(self, &state);
        return nb_fail(err, NB_E_INVALID,
                       "the coordinator answered a heartbeat with something else");
    }
    return follow_orders(self, &state, sent_ms, reply->orders, err);
}

/// Sleep that ends early when somebody wants something.
static void pause_ms(nb_heartbeat *self, int64_t ms)
{
    const int64_t until_ms = nb_clock_ms() + ms;
    pthread_mutex_lock(&self->lock);
    const bool was_busy = self->busy;
    int64_t left_ms = ms;
    while (left_ms > 0 && !is_ending(self) && !self->hurry && self->busy == was_busy) {
        wait_change(self, left_ms < POLL_MS ? left_ms : POLL_MS);
        left_ms = until_ms - nb_clock_ms();
    }
    pthread_mutex_unlock(&self->lock);
}

/// Nobody answers: say so once, and try again later and later.
static void back_off(nb_heartbeat *self, const nb_error *err)
{
    if (!self->told_unreachable) {
        nb_log_warn("%s; trying again until it answers", err->text);
        self->told_unreachable = true;
    }
    nb_client_destroy(&self->client);
    pause_ms(self, self->back_off_ms);
    self->back_off_ms *= 2;
    if (self->back_off_ms > BACK_OFF_MOST_MS) {
        self->back_off_ms = BACK_OFF_MOST_MS;
    }
}

static nb_status connect_if_needed(nb_heartbeat *self, nb_error *err)
{
    if (self->client) {
        return NB_OK;
    }
    const nb_status status =
        nb_identity_connect(self->identity, self->stop, self->lease_ms / 2, &self->client, err);
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__Welcome *welcome = nb_client_welcome(self->client);
    pthread_mutex_lock(&self->lock);
    self->lease_ms = welcome->lease_ms > LEASE_LEAST_MS ? welcome->lease_ms : LEASE_LEAST_MS;
    // Twice in a lease at least, whatever it says.
    self->heartbeat_ms =
        welcome->heartbeat_ms < self->lease_ms / 2 ? welcome->heartbeat_ms : self->lease_ms / 2;
    pthread_mutex_unlock(&self->lock);
    nb_log_info("connected to the coordinator (version %s)", welcome->version);
    self->told_unreachable = false;
    self->back_off_ms = BACK_OFF_FIRST_MS;
    return NB_OK;
}

static bool wait_while_resting(nb_heartbeat *self)
{
    pthread_mutex_lock(&self->lock);
    const bool rests = self->resting && !self->busy;
    if (rests) {
        wait_change(self, POLL_MS);
    }
    pthread_mutex_unlock(&self->lock);
    return rests;
}

/// Nothing is under way, and we end: say so, so that no work is given to where nobody listens. A
/// connection of its own, since the usual one heeds the stop.
static void say_goodbye(const nb_heartbeat *self)
{
    NB_SCOPED(nb_client_destroy) nb_client *client = NULL;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_error err = {0};
    Nightbus__Sync sync = NIGHTBUS__SYNC__INIT;
    sync.has_stopping = sync.stopping = true;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_SYNC;
    request.sync = &sync;
    nb_status status = nb_identity_connect(self->identity, NULL, GOODBYE_MS, &client, &err);
    if (status == NB_OK) {
        status = nb_client_call(client, &request, 0, &reply, &err);
    }
    if (status != NB_OK) {
        nb_log_debug("no goodbye: %s", err.text); // the coordinator finds out by itself
    }
}

static void *run(void *arg)
{
    nb_heartbeat *self = arg;
    while (!is_ending(self)) {
        nb_error err = {0};
        if (wait_while_resting(self)) {
            continue;
        }
        nb_status status = connect_if_needed(self, &err);
        if (status == NB_OK) {
            status = sync_once(self, &err);
        }
        if (status != NB_OK && status != NB_E_INTERRUPTED) {
            back_off(self, &err);
            continue;
        }
        pthread_mutex_lock(&self->lock);
        const bool busy = self->busy;
        pthread_mutex_unlock(&self->lock);
        if (busy) {
            pause_ms(self, self->heartbeat_ms);
        }
    }
    pthread_mutex_lock(&self->lock);
    self->cancelled = true; // stopping: drop the render at its next chunk
    const bool idle = !self->busy;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    const bool was_connected = self->client != NULL;
    nb_client_destroy(&self->client);
    if (idle && was_connected) {
        say_goodbye(self);
    }
    return NULL;
}

static void end_thread(nb_heartbeat *self, pthread_t thread)
{
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(thread, NULL);
}

nb_status nb_heartbeat_start(const nb_identity *identity, const volatile bool *stop,
                             const volatile bool *drain, nb_heartbeat **out_heartbeat,
                             nb_error *err)
{
    *out_heartbeat = NULL;
    nb_heartbeat *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the heartbeat");
    }
    self->identity = identity;
    self->stop = stop;
    self->drain = drain;
    self->back_off_ms = BACK_OFF_FIRST_MS;
    self->lease_ms = NB_LEASE_MS;
    self->heartbeat_ms = NB_HEARTBEAT_MS;
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int failed = nb_thread_start(&self->fence_thread, watch_lease, self);
    if (failed == 0) {
        failed = nb_thread_start(&self->thread, run, self);
        if (failed != 0) {
            end_thread(self, self->fence_thread);
        }
    }
    if (failed != 0) {
        free(self);
        return nb_fail_errno(err, failed, "the heartbeat's thread");
    }
    *out_heartbeat = self;
    return NB_OK;
}

void nb_heartbeat_destroy(nb_heartbeat **self_p)
{
    nb_heartbeat *self = *self_p;
    if (!self) {
        return;
    }
    end_thread(self, self->thread);
    end_thread(self, self->fence_thread);
    drop_lines(self, self->lines, self->line_count);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

bool nb_heartbeat_wait_order(nb_heartbeat *self, nb_order *out)
{
    pthread_mutex_lock(&self->lock);
    const bool was_asked = *self->drain;
    while (!is_ending(self) && !(self->busy && !self->taken) && !(*self->drain && !self->busy)) {
        wait_change(self, POLL_MS);
    }
    const bool have = !is_ending(self) && self->busy;
    if (!have && *self->drain && !was_asked) {
        nb_log_info("asked to stop, and nothing is under way");
    }
    if (have) {
        self->taken = true;
        *out = self->order;
    }
    pthread_mutex_unlock(&self->lock);
    return have;
}

const volatile bool *nb_heartbeat_cancelled(const nb_heartbeat *self) { return &self->cancelled; }

bool nb_heartbeat_is_fenced(nb_heartbeat *self)
{
    pthread_mutex_lock(&self->lock);
    const bool fenced = self->fenced;
    pthread_mutex_unlock(&self->lock);
    return fenced;
}

void nb_heartbeat_progress(nb_heartbeat *self, int64_t done_frames, int64_t total_frames)
{
    pthread_mutex_lock(&self->lock);
    self->done_frames = done_frames > 0 ? (uint64_t)done_frames : 0;
    self->total_frames = total_frames > 0 ? (uint64_t)total_frames : 0;
    pthread_mutex_unlock(&self->lock);
}

void nb_heartbeat_say(nb_heartbeat *self, const char *format, ...)
{
    char line[NB_LOG_LINE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    nb_text_make_printable(line);
    pthread_mutex_lock(&self->lock);
    nb_log_about(NB_LOG_INFO,
                 &(nb_log_subject){.task = self->order.task,
                                   .attempt = self->order.attempt,
                                   .node = self->identity->name},
                 "%s", line);
    // Past the limit of one Sync the newest lines are left out: our own log has them.
    char *copy = self->line_count < LINES_HELD_MAX ? strdup(line) : NULL;
    if (copy) {
        self->lines[self->line_count++] = copy;
        self->lines_said++;
    } else {
        self->lines_left_out++;
    }
    pthread_mutex_unlock(&self->lock);
}

void nb_heartbeat_flush(nb_heartbeat *self, int64_t timeout_ms)
{
    const int64_t until_ms = nb_clock_ms() + timeout_ms;
    pthread_mutex_lock(&self->lock);
    const uint64_t wanted = self->lines_said;
    self->hurry = true;
    pthread_cond_broadcast(&self->changed);
    while (self->lines_gone < wanted && !is_ending(self) && !self->fenced &&
           nb_clock_ms() < until_ms) {
        wait_change(self, POLL_MS);
    }
    pthread_mutex_unlock(&self->lock);
}

void nb_heartbeat_reporting(nb_heartbeat *self)
{
    pthread_mutex_lock(&self->lock);
    self->reporting = true;
    pthread_mutex_unlock(&self->lock);
}

void nb_heartbeat_heard(nb_heartbeat *self)
{
    pthread_mutex_lock(&self->lock);
    self->heard = true;
    pthread_mutex_unlock(&self->lock);
}

void nb_heartbeat_rest(nb_heartbeat *self, bool rests)
{
    pthread_mutex_lock(&self->lock);
    self->resting = rests;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

void nb_heartbeat_done(nb_heartbeat *self)
{
    pthread_mutex_lock(&self->lock);
    self->busy = false;
    self->fenced = false;
    self->reporting = false;
    self->heard = false;
    self->cancelled = is_ending(self);
    drop_lines(self, self->lines, self->line_count); // they belong to the task that is over
    self->line_count = 0;
    self->lines_left_out = 0;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}
