// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/zap.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "protocol/limits.h"
#include "protocol/sockets.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 50, PARTS = 7, PART_BYTES_MAX = 255, SELF_TEST_MS = 5000, DENIED = 400 };

struct nb_zap {
    void *socket;
    nb_server_knows_key *knows_key;
    void *context;
    pthread_t thread;
    bool started;
    atomic_bool stop;
    atomic_bool alive;
};

/// A ZAP request; all parts are short by the RFC and by our own rule.
typedef struct zap_request {
    char part[PARTS][PART_BYTES_MAX + 1];
    size_t size[PARTS];
} zap_request;

enum { PART_VERSION, PART_ID, PART_DOMAIN, PART_ADDRESS, PART_IDENTITY, PART_MECHANISM, PART_KEY };

/// Read one request to its end. False if it is none that we understand.
static bool receive_request(void *socket, zap_request *out, bool *out_complete)
{
    memset(out, 0, sizeof *out);
    size_t count = 0;
    bool fits = true;
    int more = 1;
    while (more) {
        char bytes[PART_BYTES_MAX + 1];
        const int size = zmq_recv(socket, bytes, PART_BYTES_MAX, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            *out_complete = false;
            return false;
        }
        fits = fits && size <= PART_BYTES_MAX && count < PARTS;
        if (fits) {
            memcpy(out->part[count], bytes, (size_t)size);
            out->size[count] = (size_t)size;
        }
        count++;
        size_t more_size = sizeof more;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size);
    }
    *out_complete = true;
    return fits && count == PARTS && strcmp(out->part[PART_VERSION], "1.0") == 0 &&
           strcmp(out->part[PART_MECHANISM], "CURVE") == 0 && out->size[PART_KEY] == NB_KEY_SIZE;
}

static bool send_reply(void *socket, const zap_request *request, const char *code, const char *text,
                       const char *user)
{
    return zmq_send(socket, "1.0", 3, ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, request->part[PART_ID], request->size[PART_ID], ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, code, strlen(code), ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, text, strlen(text), ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, user, strlen(user), ZMQ_SNDMORE) >= 0 &&
           zmq_send(socket, "", 0, 0) >= 0;
}

/// Answer one request. False if the socket is of no more use.
static bool answer(nb_zap *self)
{
    zap_request request;
    bool complete = false;
    const bool understood = receive_request(self->socket, &request, &complete);
    if (!complete) {
        return false;
    }
    nb_public_key key = {""};
    if (understood) {
        zmq_z85_encode(key.text, (const uint8_t *)request.part[PART_KEY], NB_KEY_SIZE);
    }
    if (understood && self->knows_key(self->context, &key)) {
        return send_reply(self->socket, &request, "200", "OK", key.text);
    }
    nb_log_debug("turned away: key %s from %s", key.text, request.part[PART_ADDRESS]);
    return send_reply(self->socket, &request, "400", "this key is not known here", "");
}

static void *run(void *argument)
{
    nb_zap *self = argument;
    while (!atomic_load(&self->stop)) {
        zmq_pollitem_t item = {self->socket, 0, ZMQ_POLLIN, 0};
        const int ready = zmq_poll(&item, 1, POLL_MS);
        if (ready < 0 && errno != EINTR) {
            break;
        }
        if (ready > 0 && !answer(self)) {
            break;
        }
    }
    if (!atomic_load(&self->stop)) {
        nb_log_error("the ZAP handler ended: %s", zmq_strerror(errno));
    }
    nb_socket_close(&self->socket);
    atomic_store(&self->alive, false);
    return NULL;
}

nb_status nb_zap_start(void *zmq, nb_server_knows_key *knows_key, void *context, nb_zap **out_zap,
                       nb_error *err)
{
    *out_zap = NULL;
    NB_SCOPED(nb_zap_destroy) nb_zap *zap = calloc(1, sizeof *zap);
    if (!zap) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the ZAP handler");
    }
    zap->knows_key = knows_key;
    zap->context = context;
    static const nb_socket_option options[] = {{"LINGER", ZMQ_LINGER, 0}};
    zap->socket = zmq_socket(zmq, ZMQ_REP);
    if (!zap->socket) {
        return nb_fail(err, NB_E_IO, "ZAP handler: %s", zmq_strerror(errno));
    }
    const nb_status status = nb_socket_set(zap->socket, options, NB_COUNT(options), err);
    if (status != NB_OK) {
        return status;
    }
    if (zmq_bind(zap->socket, "inproc://zeromq.zap.01") != 0) {
        return nb_fail(err, NB_E_IO, "ZAP handler: %s", zmq_strerror(errno));
    }
    atomic_store(&zap->alive, true);
    const int errnum = nb_thread_start(&zap->thread, run, zap);
    if (errnum != 0) {
        return nb_fail_errno(err, errnum, "ZAP handler");
    }
    zap->started = true;
    *out_zap = zap;
    zap = NULL; // the caller's now
    return NB_OK;
}

void nb_zap_stop(nb_zap *self)
{
    atomic_store(&self->stop, true);
    if (self->started) {
        pthread_join(self->thread, NULL);
        self->started = false;
    }
}

void nb_zap_destroy(nb_zap **self_p)
{
    nb_zap *self = *self_p;
    if (self) {
        nb_zap_stop(self);
        nb_socket_close(&self->socket); // only if the thread never ran
        free(self);
        *self_p = NULL;
    }
}

bool nb_zap_is_alive(const nb_zap *self) { return atomic_load(&self->alive); }

/// Bind `server` on this machine and let `client` dial it with a key that nobody knows.
static nb_status dial(void *server, void *client, void *monitor, nb_error *err)
{
    nb_key_pair server_keys;
    nb_key_pair stranger;
    nb_status status = nb_key_pair_make(&server_keys, err);
    if (status == NB_OK) {
        status = nb_key_pair_make(&stranger, err);
    }
    if (status == NB_OK) {
        status = nb_socket_secure_server(server, &server_keys, err);
    }
    if (status == NB_OK) {
        status = nb_socket_secure_client(client, &stranger, &server_keys.public_key, err);
    }
    static const nb_socket_option quiet[] = {{"LINGER", ZMQ_LINGER, 0}};
    void *const sockets[] = {server, client, monitor};
    for (size_t i = 0; status == NB_OK && i < NB_COUNT(sockets); i++) {
        status = nb_socket_set(sockets[i], quiet, NB_COUNT(quiet), err);
    }
    if (status != NB_OK) {
        return status;
    }
    char endpoint[64] = "";
    size_t size = sizeof endpoint;
    if (zmq_bind(server, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0 ||
        zmq_socket_monitor(client, "inproc://nightbus.zap.test", ZMQ_EVENT_ALL) != 0 ||
        zmq_connect(monitor, "inproc://nightbus.zap.test") != 0 ||
        zmq_connect(client, endpoint) != 0) {
        return nb_fail(err, NB_E_IO, "self-test of the key check: %s", zmq_strerror(errno));
    }
    return NB_OK;
}

/// The next event of the monitor: its number in the first six bytes, the address behind.
static bool next_event(void *monitor, uint16_t *out_event, uint32_t *out_value)
{
    nb_frames frames;
    if (!nb_frames_receive(monitor, &frames)) {
        return false;
    }
    const bool good = zmq_msg_size(&frames.parts[0]) >= 6;
    if (good) {
        const char *bytes = zmq_msg_data(&frames.parts[0]);
        memcpy(out_event, bytes, sizeof *out_event);
        memcpy(out_value, bytes + sizeof *out_event, sizeof *out_value);
    }
    nb_frames_fini(&frames);
    return good;
}

/// Wait for what becomes of the stranger.
static nb_status await_refusal(void *monitor, nb_error *err)
{
    const int64_t until_ms = nb_clock_ms() + SELF_TEST_MS;
    while (nb_clock_ms() < until_ms) {
        zmq_pollitem_t item = {monitor, 0, ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, POLL_MS);
        uint16_t event = 0;
        uint32_t value = 0;
        while (next_event(monitor, &event, &value)) {
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
                return nb_fail(err, NB_E_PERMISSION,
                               "the key check lets strangers in: nothing is opened");
            }
            if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH && value == DENIED) {
                return NB_OK;
            }
        }
    }
    return nb_fail(err, NB_E_TIMEOUT, "the key check does not answer: nothing is opened");
}

nb_status nb_zap_self_test(void *zmq, nb_error *err)
{
    NB_SCOPED(nb_socket_close) void *server = zmq_socket(zmq, ZMQ_ROUTER);
    NB_SCOPED(nb_socket_close) void *client = zmq_socket(zmq, ZMQ_DEALER);
    NB_SCOPED(nb_socket_close) void *monitor = zmq_socket(zmq, ZMQ_PAIR);
    if (!server || !client || !monitor) {
        return nb_fail(err, NB_E_IO, "self-test of the key check: %s", zmq_strerror(errno));
    }
    nb_status status = dial(server, client, monitor, err);
    if (status == NB_OK) {
        status = await_refusal(monitor, err);
    }
    nb_socket_stop_monitor(client);
    return status;
}
