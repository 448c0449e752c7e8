// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "protocol/bulk_server.h"
#include "protocol/guard.h"
#include "protocol/peer.h"
#include "protocol/server_parts.h"
#include "protocol/sockets.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

enum {
    ADDRESS_SIZE = 256,
    CONTROL_HIGH_WATER = 1000,
    BULK_HIGH_WATER =
        NB_WINDOW_CHUNKS_MAX + 8, ///< Messages a peer; bounds what a stuck one can hold
    BACKLOG = 1024,
    DEAD_TCP_MS = 20000,
};

struct nb_server {
    nb_server_options given;  ///< The program's callbacks
    nb_server_options locked; ///< The same behind `callbacks`, for the threads
    pthread_mutex_t callbacks;
    void *zmq;
    void *control;
    nb_zap *zap;
    nb_sessions *sessions;
    nb_bulk_server *bulk;
    nb_guard *guard;
    nb_send_budget budget;
    nb_faults faults;
    char control_address[ADDRESS_SIZE];
    char bulk_address[ADDRESS_SIZE];
};

nb_zap *nb_server_zap(nb_server *self) { return self->zap; }

static bool locked_knows_key(void *context, const nb_public_key *key)
{
    nb_server *self = context;
    pthread_mutex_lock(&self->callbacks);
    const bool known = self->given.knows_key(self->given.context, key);
    pthread_mutex_unlock(&self->callbacks);
    return known;
}

static nb_status locked_may_read(void *context, const nb_public_key *key, const char *album,
                                 uint64_t task, const nb_digest *digest, nb_error *err)
{
    nb_server *self = context;
    pthread_mutex_lock(&self->callbacks);
    const nb_status status =
        self->given.may_read(self->given.context, key, album, task, digest, err);
    pthread_mutex_unlock(&self->callbacks);
    return status;
}

static nb_status locked_may_write(void *context, const nb_public_key *key, const char *album,
                                  uint64_t task, const nb_digest *digest, uint64_t size,
                                  nb_error *err)
{
    nb_server *self = context;
    pthread_mutex_lock(&self->callbacks);
    const nb_status status =
        self->given.may_write(self->given.context, key, album, task, digest, size, err);
    pthread_mutex_unlock(&self->callbacks);
    return status;
}

static nb_status locked_stored(void *context, const nb_public_key *key, const char *album,
                               uint64_t task, const nb_digest *digest, uint64_t size, nb_error *err)
{
    nb_server *self = context;
    pthread_mutex_lock(&self->callbacks);
    const nb_status status =
        self->given.stored(self->given.context, key, album, task, digest, size, err);
    pthread_mutex_unlock(&self->callbacks);
    return status;
}

/// A ROUTER with what both ports share. `high_water` and `frame_most` differ.
static nb_status open_router(nb_server *self, int high_water, int frame_most, void **out_socket,
                             nb_error *err)
{
    NB_SCOPED(nb_socket_close) void *socket = zmq_socket(self->zmq, ZMQ_ROUTER);
    if (!socket) {
        return nb_fail(err, NB_E_IO, "socket: %s", zmq_strerror(errno));
    }
    const nb_socket_option options[] = {
        {"LINGER", ZMQ_LINGER, 0},
        {"ROUTER_MANDATORY", ZMQ_ROUTER_MANDATORY, 1},
        {"ROUTER_HANDOVER", ZMQ_ROUTER_HANDOVER, 0}, // a stolen routing id must not win
        {"SNDHWM", ZMQ_SNDHWM, high_water},
        {"RCVHWM", ZMQ_RCVHWM, high_water},
        {"MAXMSGSIZE", ZMQ_MAXMSGSIZE, frame_most + NB_CURVE_FRAME_EXTRA},
        {"HANDSHAKE_IVL", ZMQ_HANDSHAKE_IVL, NB_HANDSHAKE_MS},
        {"BACKLOG", ZMQ_BACKLOG, BACKLOG},
        {"TCP_MAXRT", ZMQ_TCP_MAXRT, DEAD_TCP_MS},
    };
    nb_status status = nb_socket_set(socket, options, NB_COUNT(options), err);
    if (status == NB_OK) {
        status = nb_socket_secure_server(socket, self->given.keys, err);
    }
    if (status == NB_OK) {
        *out_socket = socket;
        socket = NULL; // the caller's now
    }
    return status;
}

static nb_status bind_socket(void *socket, const char *address, char out[ADDRESS_SIZE],
                             nb_error *err)
{
    // Only where it is asked for: it would write 127.0.0.1 as ::ffff:127.0.0.1.
    const nb_socket_option family[] = {{"IPV6", ZMQ_IPV6, strchr(address, '[') != NULL}};
    const nb_status status = nb_socket_set(socket, family, NB_COUNT(family), err);
    if (status != NB_OK) {
        return status;
    }
    size_t size = ADDRESS_SIZE;
    if (zmq_bind(socket, address) != 0) {
        const bool in_use = errno == EADDRINUSE;
        return nb_fail(err, NB_E_IO, "cannot listen at %s: %s%s", address, zmq_strerror(errno),
                       in_use ? " (is a farm running there already?)" : "");
    }
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, out, &size) != 0) {
        return nb_fail(err, NB_E_IO, "%s: %s", address, zmq_strerror(errno));
    }
    return NB_OK;
}

/// Close a socket that the guard watches.
static void close_watched(void **socket_p)
{
    nb_socket_stop_monitor(*socket_p);
    nb_socket_close(socket_p);
}

static nb_status open_control(nb_server *self, nb_error *err)
{
    // ZMTP heartbeats only find dead TCP. The bulk socket has none: a chunk on a slow line delays
    // the pong, and the connection would be cut with the chunk lost (measured; libzmq #2709).
    static const nb_socket_option heartbeats[] = {
        {"HEARTBEAT_IVL", ZMQ_HEARTBEAT_IVL, 5000},
        {"HEARTBEAT_TIMEOUT", ZMQ_HEARTBEAT_TIMEOUT, 15000},
    };
    nb_status status = open_router(self, CONTROL_HIGH_WATER, NB_MESSAGE_MAX, &self->control, err);
    if (status == NB_OK) {
        status = nb_socket_set(self->control, heartbeats, NB_COUNT(heartbeats), err);
    }
    if (status == NB_OK) {
        status = nb_guard_watch(self->guard, self->zmq, self->control, NB_UNHEARD_CONTROL_MAX, err);
    }
    if (status == NB_OK) {
        status = bind_socket(self->control, self->given.control, self->control_address, err);
    }
    return status;
}

static nb_status open_bulk(nb_server *self, nb_error *err)
{
    NB_SCOPED(close_watched) void *socket = NULL;
    nb_status status = open_router(self, BULK_HIGH_WATER, NB_CHUNK_SIZE, &socket, err);
    if (status == NB_OK) {
        status = nb_guard_watch(self->guard, self->zmq, socket, NB_UNHEARD_BULK_MAX, err);
    }
    if (status == NB_OK) {
        status = nb_guard_start(self->guard, err);
    }
    if (status == NB_OK) {
        status = bind_socket(socket, self->given.bulk, self->bulk_address, err);
    }
    if (status != NB_OK) {
        return status;
    }
    const nb_bulk_server_options options = {&self->locked, self->sessions, self->zap, &self->budget,
                                            self->guard};
    return nb_bulk_server_start(&options, &socket, &self->bulk, err);
}

/// The order matters: nothing is bound before the key check has turned a stranger away.
static nb_status start(nb_server *self, nb_error *err)
{
    self->budget.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->budget.event_fd < 0) {
        return nb_fail_errno(err, errno, "eventfd");
    }
    self->zmq = zmq_ctx_new();
    self->sessions = nb_sessions_new();
    if (!self->zmq || !self->sessions) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the server");
    }
    nb_status status = nb_guard_new(&self->guard, err);
    if (status != NB_OK) {
        return status;
    }
    status = nb_zap_start(self->zmq, locked_knows_key, self, &self->zap, err);
    if (status == NB_OK) {
        status = nb_zap_self_test(self->zmq, err);
    }
    if (status == NB_OK) {
        status = open_control(self, err);
    }
    return status == NB_OK ? open_bulk(self, err) : status;
}

nb_status nb_server_start(const nb_server_options *options, nb_server **out_server, nb_error *err)
{
    *out_server = NULL;
    nb_server *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the server");
    }
    self->given = *options;
    self->locked = *options;
    self->locked.knows_key = locked_knows_key;
    self->locked.may_read = locked_may_read;
    self->locked.may_write = locked_may_write;
    self->locked.stored = locked_stored;
    self->locked.context = self;
    self->budget.event_fd = -1;
    pthread_mutex_init(&self->callbacks, NULL); // does not fail on Linux
    const nb_status status = start(self, err);
    if (status != NB_OK) {
        nb_server_destroy(&self);
        return status;
    }
    *out_server = self;
    return NB_OK;
}

void nb_server_destroy(nb_server **self_p)
{
    nb_server *self = *self_p;
    if (!self) {
        return;
    }
    nb_bulk_server_destroy(&self->bulk);
    close_watched(&self->control);
    nb_guard_destroy(&self->guard); // its thread takes events until nobody makes any
    nb_zap_destroy(&self->zap);
    if (self->zmq) {
        while (zmq_ctx_term(self->zmq) != 0 && errno == EINTR) {
        }
    }
    // The context's threads count the budget down and write to its event: only now is it unused.
    nb_file_close_fd(&self->budget.event_fd);
    nb_sessions_destroy(&self->sessions);
    pthread_mutex_destroy(&self->callbacks);
    free(self);
    *self_p = NULL;
}

const char *nb_server_control(const nb_server *self) { return self->control_address; }

const char *nb_server_bulk(const nb_server *self) { return self->bulk_address; }

uint16_t nb_server_bulk_port(const nb_server *self)
{
    const char *colon = strrchr(self->bulk_address, ':');
    return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

nb_status nb_server_open_session(nb_server *self, const nb_public_key *key,
                                 uint8_t out_session[NB_SESSION_SIZE], nb_error *err)
{
    return nb_sessions_open(self->sessions, key, out_session, err);
}

void nb_server_forget_key(nb_server *self, const nb_public_key *key)
{
    nb_sessions_close(self->sessions, key);
    nb_guard_cut(self->guard, key);
}

/// Answer a message that could not be read. Its id is not known: 0.
static void reply_failure(nb_server *self, const nb_peer *peer, const nb_error *why)
{
    char text[sizeof why->text];
    memcpy(text, why->text, sizeof text);
    nb_text_make_printable(text);
    Nightbus__Failure failure = NIGHTBUS__FAILURE__INIT;
    failure.status = why->status;
    failure.text = text;
    Nightbus__Reply reply = NIGHTBUS__REPLY__INIT;
    reply.failure = &failure;
    nb_error err = {0};
    if (nb_server_reply(self, peer, &reply, &err) != NB_OK) {
        nb_log_debug("control: %s", err.text);
    }
}

static void read_request(nb_server *self, nb_frames *frames, nb_peer *out_peer,
                         Nightbus__Request **out_request)
{
    const int64_t now_ms = nb_clock_ms();
    if (!nb_peer_read(frames, out_peer)) {
        return;
    }
    nb_guard_heard(self->guard, &frames->parts[1], &out_peer->key);
    if (nb_faults_ignores(&self->faults, &out_peer->key, now_ms)) {
        return;
    }
    nb_error err = {0};
    const nb_status status =
        frames->count != 2 || frames->too_many
            ? nb_fail(&err, NB_E_INVALID, "a request is one frame, not %zu or more",
                      frames->count - 1)
            : nb_wire_unpack_request(zmq_msg_data(&frames->parts[1]),
                                     zmq_msg_size(&frames->parts[1]), out_request, &err);
    if (status != NB_OK) {
        nb_log_debug("control: key %s: %s", out_peer->key.text, err.text);
        if (status != NB_E_VERSION) { // nobody's fault; a renderer asks until it is upgraded
            nb_faults_count(&self->faults, &out_peer->key, now_ms);
        }
        reply_failure(self, out_peer, &err);
    }
}

nb_status nb_server_receive(nb_server *self, int64_t timeout_ms, nb_peer *out_peer,
                            Nightbus__Request **out_request, nb_error *err)
{
    *out_request = NULL;
    *out_peer = (nb_peer){0};
    if (!nb_zap_is_alive(self->zap)) {
        close_watched(&self->control);
        return nb_fail(err, NB_E_PERMISSION, "the key check has ended: the ports are closed");
    }
    nb_frames frames;
    if (!nb_frames_receive(self->control, &frames)) {
        zmq_pollitem_t item = {self->control, 0, ZMQ_POLLIN, 0};
        if (zmq_poll(&item, 1, (long)timeout_ms) <= 0 ||
            !nb_frames_receive(self->control, &frames)) {
            return NB_OK; // none came, or a signal
        }
    }
    read_request(self, &frames, out_peer, out_request);
    nb_frames_fini(&frames);
    return NB_OK;
}

nb_status nb_server_reply(nb_server *self, const nb_peer *peer, const Nightbus__Reply *reply,
                          nb_error *err)
{
    if (!self->control) {
        return nb_fail(err, NB_E_PERMISSION, "the key check has ended: the ports are closed");
    }
    void *bytes = NULL;
    size_t size = 0;
    const nb_status status = nb_wire_pack_reply(reply, &bytes, &size, err);
    if (status != NB_OK) {
        return status;
    }
    const bool sent =
        nb_socket_send(self->control, peer->routing_id, peer->routing_id_size, ZMQ_SNDMORE) &&
        nb_socket_send(self->control, bytes, size, 0);
    if (!sent) {
        nb_log_debug("control: a reply to %s is lost: %s", peer->key.text, zmq_strerror(errno));
    }
    free(bytes);
    return NB_OK;
}

bool nb_server_is_connected(nb_server *self, const nb_peer *peer)
{
    // An answer to what was never asked: clients count their requests from one.
    Nightbus__Ack ack = NIGHTBUS__ACK__INIT;
    Nightbus__Reply reply = NIGHTBUS__REPLY__INIT;
    reply.id = INT64_MAX;
    reply.body_case = NIGHTBUS__REPLY__BODY_ACK;
    reply.ack = &ack;
    void *bytes = NULL;
    size_t size = 0;
    if (!self->control || nb_wire_pack_reply(&reply, &bytes, &size, NULL) != NB_OK) {
        return true;
    }
    const bool gone =
        (!nb_socket_send(self->control, peer->routing_id, peer->routing_id_size, ZMQ_SNDMORE) ||
         !nb_socket_send(self->control, bytes, size, 0)) &&
        errno == EHOSTUNREACH;
    free(bytes);
    return !gone;
}
