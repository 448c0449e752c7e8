// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes.h"

#include "base/clock.h"
#include "base/file.h"
#include "protocol/sockets.h"
#include "protocol/wire.h"
#include "seed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    EPOCH_MAX = NB_EPOCH_MAX,
    REPEAT_MS = 5000, ///< No answer for that long: asked again
    EVENTS = 256,
    STEP_MS = 1,
    STALE_MAX = 3,
};

typedef enum node_mode {
    MODE_FILL,  ///< Ask for work, then rest
    MODE_RENEW, ///< One heartbeat, then rest
    MODE_WORK,
    MODE_DRAIN ///< Finish, then rest
} node_mode;

typedef enum asking { ASK_NOTHING, ASK_HELLO, ASK_WORK, ASK_KEEP, ASK_FINISH } asking;

typedef struct node {
    void *socket;
    unsigned number;
    asking asks; ///< Whose answer is awaited
    uint64_t request;
    int64_t sent_us;
    unsigned stale_count; ///< In a row
    bool greeted;
    bool renewed; ///< Of MODE_RENEW
    bool beaten;  ///< The heartbeat of this task was sent
    int64_t beat_us, due_us;
    uint64_t turn; ///< Tasks it had in this phase
    uint64_t task; ///< 0: none
    uint32_t attempt;
    size_t epoch_size;
    uint8_t epoch[EPOCH_MAX];
} node;

struct nb_nodes {
    const nb_key_pair *pairs;
    void *zmq;
    int epoll_fd;
    unsigned count;
    node *nodes;
    node_mode mode;
    double rate;
    uint64_t tasks_max;
    int64_t start_us;
    nb_digest output;
    nb_load *load;
};

static int64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

// ---- Times ----

void nb_times_add(nb_times *self, int64_t us)
{
    if (self->count == self->capacity) {
        const size_t wanted = self->capacity ? 2 * self->capacity : 4096;
        uint32_t *grown = reallocarray(self->us, wanted, sizeof *grown);
        if (!grown) {
            return; // one time fewer
        }
        self->us = grown;
        self->capacity = wanted;
    }
    self->us[self->count++] = (uint32_t)(us < UINT32_MAX ? us : UINT32_MAX);
}

static int compare_us(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

double nb_times_ms(nb_times *self, double part)
{
    if (self->count == 0) {
        return 0.0;
    }
    qsort(self->us, self->count, sizeof *self->us, compare_us);
    const size_t index = (size_t)(part * (double)(self->count - 1) + 0.5);
    return (double)self->us[index] / 1000.0;
}

void nb_load_fini(nb_load *self)
{
    for (size_t i = 0; i < NB_TIMED_COUNT; i++) {
        free(self->times[i].us);
    }
    *self = (nb_load){0};
}

// ---- Asking ----

static nb_status send_request(node *one, Nightbus__Request *request, asking what, nb_error *err)
{
    void *bytes = NULL;
    size_t size = 0;
    request->id = ++one->request;
    const nb_status status = nb_wire_pack_request(request, &bytes, &size, err);
    if (status != NB_OK) {
        return status;
    }
    one->asks = what;
    one->sent_us = now_us();
    // What does not go now is asked again after REPEAT_MS.
    (void)nb_socket_send(one->socket, bytes, size, 0);
    free(bytes);
    return NB_OK;
}

static nb_status send_hello(node *one, nb_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "node-%u", one->number + 1);
    Nightbus__Hello hello = NIGHTBUS__HELLO__INIT;
    hello.program = nb_wire_string("bench");
    hello.version = nb_wire_string(NB_VERSION);
    hello.role = nb_wire_string("renderer");
    hello.name = name;
    hello.fingerprint = nb_wire_string(nb_seed_fingerprint);
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_HELLO;
    request.hello = &hello;
    return send_request(one, &request, ASK_HELLO, err);
}

static nb_status send_sync(node *one, nb_error *err)
{
    Nightbus__Sync sync = NIGHTBUS__SYNC__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_SYNC;
    request.sync = &sync;
    if (one->task == 0) {
        sync.has_wait_ms = 1;
        sync.wait_ms = 10000;
        return send_request(one, &request, ASK_WORK, err);
    }
    sync.has_task = sync.has_attempt = sync.has_epoch = 1;
    sync.task = one->task;
    sync.attempt = one->attempt;
    sync.epoch = (ProtobufCBinaryData){.len = one->epoch_size, .data = one->epoch};
    sync.has_done_frames = sync.has_total_frames = 1;
    sync.done_frames = 24000;
    sync.total_frames = 48000;
    return send_request(one, &request, ASK_KEEP, err);
}

static nb_status send_finish(const nb_nodes *self, node *one, nb_error *err)
{
    const nb_digest key = nb_seed_key(one->task);
    Nightbus__OutputRow row = NIGHTBUS__OUTPUT_ROW__INIT;
    Nightbus__OutputRow *rows[] = {&row};
    row.name = nb_wire_string("mix.wav");
    row.digest = nb_wire_digest(&self->output);
    row.size = NB_SEED_OUTPUT_SIZE;
    Nightbus__TaskFinish finish = NIGHTBUS__TASK_FINISH__INIT;
    finish.task = one->task;
    finish.attempt = one->attempt;
    finish.epoch = (ProtobufCBinaryData){.len = one->epoch_size, .data = one->epoch};
    finish.mix_key = nb_wire_digest(&key);
    finish.outputs = rows;
    finish.n_outputs = 1;
    finish.duration_s = 1.0;
    finish.rate_hz = 48000;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_TASK_FINISH;
    request.task_finish = &finish;
    return send_request(one, &request, ASK_FINISH, err);
}

// ---- Hearing ----

static void take_orders(nb_nodes *self, node *one, const Nightbus__Orders *orders)
{
    const int64_t taken_us = now_us();
    one->task = orders->task;
    one->attempt = orders->attempt;
    one->epoch_size = orders->epoch.len < EPOCH_MAX ? orders->epoch.len : EPOCH_MAX;
    memcpy(one->epoch, orders->epoch.data, one->epoch_size);
    one->due_us = taken_us;
    one->beaten = true;
    if (self->mode == MODE_WORK && self->rate > 0) {
        // Each node's place in a common rhythm, so that the rate is held whatever an answer takes.
        one->turn++;
        const double due_s = ((double)one->turn * self->count + one->number) / self->rate;
        one->due_us = self->start_us + (int64_t)(due_s * 1e6);
        one->beaten = one->due_us <= taken_us;
        one->beat_us = taken_us + (one->due_us - taken_us) / 2;
    }
    self->load->assigned++;
    nb_times_add(&self->load->times[NB_TIMED_ASSIGN], taken_us - one->sent_us);
}

static void hear_failure(nb_nodes *self, node *one, const Nightbus__Failure *failure)
{
    if (failure->status == NB_E_STALE && ++one->stale_count < STALE_MAX) {
        one->greeted = false; // Hello again, then the same once more
        return;
    }
    one->stale_count = 0;
    one->task = 0;
    if (self->load->refused++ == 0) {
        fprintf(stderr, "node-%u: %s\n", one->number + 1, failure->text);
    }
}

static void hear(nb_nodes *self, node *one, const Nightbus__Reply *reply)
{
    if (reply->id != one->request) {
        return; // of a request that was repeated
    }
    const asking asked = one->asks;
    const int64_t took_us = now_us() - one->sent_us;
    if (reply->failure) {
        hear_failure(self, one, reply->failure);
        one->asks = ASK_NOTHING;
        return;
    }
    one->asks = ASK_NOTHING;
    if (asked == ASK_HELLO) {
        one->greeted = true;
        return;
    }
    one->stale_count = 0;
    if (asked == ASK_WORK && reply->orders && reply->orders->has_task) {
        take_orders(self, one, reply->orders);
    } else if (asked == ASK_KEEP && reply->orders) {
        nb_times_add(&self->load->times[NB_TIMED_HEARTBEAT], took_us);
        self->load->kept += reply->orders->keep ? 1 : 0;
        self->load->dropped += reply->orders->keep ? 0 : 1;
        one->renewed = true;
        one->task = reply->orders->keep ? one->task : 0;
    } else if (asked == ASK_FINISH) {
        nb_times_add(&self->load->times[NB_TIMED_FINISH], took_us);
        self->load->finished++;
        one->task = 0;
    }
}

static nb_status drain_socket(nb_nodes *self, node *one, nb_error *err)
{
    nb_frames frames;
    nb_status status = NB_OK;
    while (status == NB_OK && nb_frames_receive(one->socket, &frames)) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        status = nb_wire_unpack_reply(zmq_msg_data(&frames.parts[0]),
                                      zmq_msg_size(&frames.parts[0]), &reply, err);
        nb_frames_fini(&frames);
        if (status == NB_OK) {
            hear(self, one, reply);
        }
    }
    return status;
}

// ---- Acting ----

static bool wants_work(const nb_nodes *self)
{
    return self->mode == MODE_FILL ||
           (self->mode == MODE_WORK && self->load->assigned < self->tasks_max);
}

static nb_status act(nb_nodes *self, node *one, int64_t time_us, nb_error *err)
{
    if (one->asks != ASK_NOTHING) {
        if (time_us - one->sent_us < (int64_t)REPEAT_MS * 1000 || one->asks == ASK_WORK) {
            return NB_OK; // work may be waited for
        }
        one->asks = ASK_NOTHING;
    }
    if (!one->greeted) {
        return send_hello(one, err);
    }
    if (one->task == 0) {
        return wants_work(self) ? send_sync(one, err) : NB_OK;
    }
    if (self->mode == MODE_RENEW) {
        return one->renewed ? NB_OK : send_sync(one, err);
    }
    if (self->mode == MODE_FILL) {
        return NB_OK;
    }
    if (!one->beaten && time_us >= one->beat_us && time_us < one->due_us) {
        one->beaten = true;
        return send_sync(one, err);
    }
    return (time_us >= one->due_us || self->mode == MODE_DRAIN) ? send_finish(self, one, err)
                                                                : NB_OK;
}

static bool is_over(const nb_nodes *self)
{
    if (self->mode == MODE_WORK) {
        return self->load->assigned >= self->tasks_max;
    }
    for (unsigned i = 0; i < self->count; i++) {
        const node *one = &self->nodes[i];
        const bool rests = self->mode == MODE_FILL    ? one->task != 0
                           : self->mode == MODE_RENEW ? one->renewed
                                                      : one->task == 0 && one->asks != ASK_FINISH;
        if (!rests) {
            return false;
        }
    }
    return true;
}

// One round: what came, and what is due.
static nb_status round_of(nb_nodes *self, nb_error *err)
{
    struct epoll_event events[EVENTS];
    const int ready = epoll_wait(self->epoll_fd, events, EVENTS, STEP_MS);
    nb_status status = NB_OK;
    for (int i = 0; status == NB_OK && i < ready; i++) {
        status = drain_socket(self, &self->nodes[events[i].data.u32], err);
    }
    const int64_t time_us = now_us();
    for (unsigned i = 0; status == NB_OK && i < self->count; i++) {
        node *one = &self->nodes[i];
        status = act(self, one, time_us, err);
        // Sending may have taken the notice of what came: ZeroMQ's descriptor tells of edges.
        if (status == NB_OK && one->asks != ASK_NOTHING && one->sent_us >= time_us) {
            status = drain_socket(self, one, err);
        }
    }
    return status;
}

static nb_status run(nb_nodes *self, node_mode mode, double seconds_max, nb_load *out,
                     nb_error *err)
{
    self->mode = mode;
    self->load = out;
    self->start_us = now_us();
    int64_t checked_us = self->start_us;
    nb_status status = NB_OK;
    while (status == NB_OK && !is_over(self)) {
        status = round_of(self, err);
        const int64_t time_us = now_us();
        if (status == NB_OK && (double)(time_us - self->start_us) / 1e6 > seconds_max) {
            status = nb_fail(err, NB_E_TIMEOUT,
                             "not done in %.0f s: %" PRIu64 " given out, %" PRIu64 " finished",
                             seconds_max, out->assigned, out->finished);
        }
        if (time_us - checked_us > 1000000) { // an edge that was lost after all
            checked_us = time_us;
            for (unsigned i = 0; status == NB_OK && i < self->count; i++) {
                status = drain_socket(self, &self->nodes[i], err);
            }
        }
    }
    out->seconds = (double)(now_us() - self->start_us) / 1e6;
    return status;
}

nb_status nb_nodes_fill(nb_nodes *self, double seconds_max, nb_load *out, nb_error *err)
{
    return run(self, MODE_FILL, seconds_max, out, err);
}

nb_status nb_nodes_renew(nb_nodes *self, double seconds_max, nb_load *out, nb_error *err)
{
    for (unsigned i = 0; i < self->count; i++) {
        self->nodes[i].renewed = false;
    }
    return run(self, MODE_RENEW, seconds_max, out, err);
}

nb_status nb_nodes_work(nb_nodes *self, uint64_t tasks, double rate, nb_load *out, nb_error *err)
{
    self->rate = rate;
    self->tasks_max = tasks;
    const int64_t start_us = now_us();
    for (unsigned i = 0; i < self->count; i++) {
        node *one = &self->nodes[i];
        one->turn = 0;
        one->beaten = true;
        one->due_us = start_us + (rate > 0 ? (int64_t)(1e6 * i / rate) : 0);
    }
    const double seconds_max = (rate > 0 ? 4.0 * (double)tasks / rate : (double)tasks / 50.0) + 60;
    return run(self, MODE_WORK, seconds_max, out, err);
}

nb_status nb_nodes_drain(nb_nodes *self, double seconds_max, nb_load *out, nb_error *err)
{
    return run(self, MODE_DRAIN, seconds_max, out, err);
}

// ---- Life ----

static nb_status open_socket(nb_nodes *self, node *one, const char *address,
                             const nb_public_key *server, nb_error *err)
{
    nb_socket_close(&one->socket);
    one->socket = zmq_socket(self->zmq, ZMQ_DEALER);
    if (!one->socket) {
        return nb_fail(err, NB_E_IO, "socket: %s", zmq_strerror(errno));
    }
    uint8_t identity[NB_ROUTING_ID_SIZE];
    identity[0] = 1; // a leading zero is ZeroMQ's own
    if (getrandom(identity + 1, sizeof identity - 1, 0) < 0) {
        return nb_fail_errno(err, errno, "getrandom");
    }
    const nb_socket_option options[] = {{"LINGER", ZMQ_LINGER, 0},
                                        {"RECONNECT_IVL", ZMQ_RECONNECT_IVL, 100}};
    nb_status status = nb_socket_set(one->socket, options, NB_COUNT(options), err);
    if (status == NB_OK) {
        status = nb_socket_set_bytes(one->socket, ZMQ_ROUTING_ID, "ROUTING_ID", identity,
                                     sizeof identity, err);
    }
    if (status == NB_OK) {
        status = nb_socket_secure_client(one->socket, &self->pairs[one->number], server, err);
    }
    if (status == NB_OK && zmq_connect(one->socket, address) != 0) {
        status = nb_fail(err, NB_E_IO, "%s: %s", address, zmq_strerror(errno));
    }
    return status;
}

nb_status nb_nodes_connect(nb_nodes *self, const char *address, const nb_public_key *server,
                           nb_error *err)
{
    nb_status status = NB_OK;
    for (unsigned i = 0; status == NB_OK && i < self->count; i++) {
        node *one = &self->nodes[i];
        one->greeted = false;
        one->asks = ASK_NOTHING;
        status = open_socket(self, one, address, server, err);
        int fd = -1;
        size_t size = sizeof fd;
        if (status == NB_OK && zmq_getsockopt(one->socket, ZMQ_FD, &fd, &size) != 0) {
            status = nb_fail(err, NB_E_IO, "FD: %s", zmq_strerror(errno));
        }
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (status == NB_OK && epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            status = nb_fail_errno(err, errno, "epoll");
        }
    }
    return status;
}

nb_status nb_nodes_new(const nb_key_pair *pairs, unsigned count, nb_nodes **out_nodes,
                       nb_error *err)
{
    *out_nodes = NULL;
    NB_SCOPED(nb_nodes_destroy) nb_nodes *self = calloc(1, sizeof *self);
    if (!self || !(self->nodes = calloc(count, sizeof *self->nodes)) ||
        !(self->zmq = zmq_ctx_new())) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the nodes");
    }
    // Twice: a closed one keeps its place until ZeroMQ has reaped it.
    zmq_ctx_set(self->zmq, ZMQ_MAX_SOCKETS, 2 * (int)count + 16);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->pairs = pairs;
    self->count = count;
    for (unsigned i = 0; i < count; i++) {
        self->nodes[i].number = i;
    }
    unsigned char output[NB_SEED_OUTPUT_SIZE];
    nb_seed_output(output, &self->output);
    if (self->epoll_fd < 0) {
        return nb_fail_errno(err, errno, "epoll");
    }
    *out_nodes = self;
    self = NULL; // the caller's now
    return NB_OK;
}

void nb_nodes_destroy(nb_nodes **self_p)
{
    nb_nodes *self = *self_p;
    if (!self) {
        return;
    }
    for (unsigned i = 0; self->nodes && i < self->count; i++) {
        nb_socket_close(&self->nodes[i].socket);
    }
    if (self->zmq) {
        while (zmq_ctx_term(self->zmq) != 0 && errno == EINTR) {
        }
    }
    nb_file_close_fd(&self->epoll_fd);
    free(self->nodes);
    free(self);
    *self_p = NULL;
}
