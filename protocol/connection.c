// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/connection.h"

#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    REFUSED_MS = 1000,  ///< Nobody listens: said after this long, not after the whole time-out.
                        ///< Where the network is silent, a SYN may be lost: it comes again in 1 s
    HANDSHAKES_MAX = 3, ///< Failed ones before we say so; one may be a coordinator that just ends
    HOST_SIZE = 256,
    RECONNECT_MS = 100,
    RECONNECT_MAX_MS = 5000,
    DEAD_TCP_MS = 20000,
    CONTROL_HIGH_WATER = 1000,
    BULK_HIGH_WATER = NB_WINDOW_CHUNKS_MAX + 8,
};

/// What the events of a line said until now.
typedef struct line_events {
    bool refused;   ///< Nobody listens there, or no way leads there
    bool connected; ///< TCP
    bool ready;     ///< CURVE too
    bool denied;    ///< Our key is not known
    bool broken;    ///< It was ready, and is no more
    unsigned failed_handshakes;
} line_events;

bool nb_client_is_stopped(const nb_client *self)
{
    return self->options.stop && *self->options.stop;
}

void nb_client_sleep_ms(const nb_client *self, int64_t ms)
{
    const int64_t until_ms = nb_clock_ms() + ms;
    for (int64_t rest = ms; rest > 0 && !nb_client_is_stopped(self);
         rest = until_ms - nb_clock_ms()) {
        nb_clock_sleep_ms(rest < NB_CLIENT_POLL_MS ? rest : NB_CLIENT_POLL_MS);
    }
}

static void line_close(nb_line *self)
{
    nb_socket_stop_monitor(self->socket);
    nb_socket_close(&self->socket);
    nb_socket_close(&self->monitor);
}

void nb_connection_close(nb_client *self)
{
    line_close(&self->control);
    line_close(&self->bulk);
}

/// Fold one event of the monitor (its number leads the first frame) into what we know.
static void note_event(line_events *self, uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_CONNECT_RETRIED:
        self->refused = true;
        break;
    case ZMQ_EVENT_CONNECTED:
        self->connected = true;
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        self->ready = true;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        self->denied = true;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        self->failed_handshakes++;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        self->broken = self->broken || self->ready;
        break;
    default:
        break;
    }
}

static void take_events(void *monitor, line_events *events)
{
    nb_frames frames;
    while (nb_frames_receive(monitor, &frames)) {
        uint16_t event = 0;
        if (zmq_msg_size(&frames.parts[0]) >= sizeof event) {
            memcpy(&event, zmq_msg_data(&frames.parts[0]), sizeof event);
            note_event(events, event);
        }
        nb_frames_fini(&frames);
    }
}

bool nb_line_is_whole(nb_line *self)
{
    line_events events = {.ready = true};
    take_events(self->monitor, &events);
    return !events.broken;
}

/// Options of both lines. The bulk line has no heartbeats: a chunk on a slow line delays the pong.
static nb_status set_options(void *socket, bool is_bulk, nb_error *err)
{
    const nb_socket_option options[] = {
        {"LINGER", ZMQ_LINGER, 0},
        {"IPV6", ZMQ_IPV6, 1},
        {"IMMEDIATE", ZMQ_IMMEDIATE, 1}, // nothing is queued for a peer that is not there
        {"SNDHWM", ZMQ_SNDHWM, is_bulk ? BULK_HIGH_WATER : CONTROL_HIGH_WATER},
        {"RCVHWM", ZMQ_RCVHWM, is_bulk ? BULK_HIGH_WATER : CONTROL_HIGH_WATER},
        {"MAXMSGSIZE", ZMQ_MAXMSGSIZE,
         (is_bulk ? NB_CHUNK_SIZE : NB_MESSAGE_MAX) + NB_CURVE_FRAME_EXTRA},
        {"HANDSHAKE_IVL", ZMQ_HANDSHAKE_IVL, NB_HANDSHAKE_MS},
        {"RECONNECT_IVL", ZMQ_RECONNECT_IVL, RECONNECT_MS},
        {"RECONNECT_IVL_MAX", ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
        {"TCP_MAXRT", ZMQ_TCP_MAXRT, DEAD_TCP_MS},
        {"HEARTBEAT_IVL", ZMQ_HEARTBEAT_IVL, is_bulk ? 0 : 5000},
        {"HEARTBEAT_TIMEOUT", ZMQ_HEARTBEAT_TIMEOUT, is_bulk ? 0 : 15000},
    };
    uint8_t routing_id[NB_ROUTING_ID_SIZE];
    if (getrandom(routing_id, sizeof routing_id, 0) != (ssize_t)sizeof routing_id) {
        return nb_fail_errno(err, errno, "no random bytes");
    }
    routing_id[0] |= 1; // ZeroMQ keeps those that begin with 0 for itself
    const nb_status status = nb_socket_set(socket, options, NB_COUNT(options), err);
    return status == NB_OK ? nb_socket_set_bytes(socket, ZMQ_ROUTING_ID, "ROUTING_ID", routing_id,
                                                 sizeof routing_id, err)
                           : status;
}

static nb_status line_open(nb_client *self, bool is_bulk, const char *address, nb_line *line,
                           nb_error *err)
{
    line_close(line);
    line->socket = zmq_socket(self->zmq, ZMQ_DEALER);
    line->monitor = zmq_socket(self->zmq, ZMQ_PAIR);
    if (!line->socket || !line->monitor) {
        return nb_fail(err, NB_E_IO, "socket: %s", zmq_strerror(errno));
    }
    static const nb_socket_option quiet[] = {{"LINGER", ZMQ_LINGER, 0}};
    nb_status status = nb_socket_set(line->monitor, quiet, NB_COUNT(quiet), err);
    if (status == NB_OK) {
        status = set_options(line->socket, is_bulk, err);
    }
    if (status == NB_OK) {
        status = nb_socket_secure_client(line->socket, &self->keys, &self->address.server, err);
    }
    if (status != NB_OK) {
        return status;
    }
    char monitor[64];
    snprintf(monitor, sizeof monitor, "inproc://nightbus.monitor.%u", ++self->line_count);
    if (zmq_socket_monitor(line->socket, monitor, ZMQ_EVENT_ALL) != 0 ||
        zmq_connect(line->monitor, monitor) != 0 || zmq_connect(line->socket, address) != 0) {
        return nb_fail(err, NB_E_UNREACHABLE, "%s: %s", address, zmq_strerror(errno));
    }
    return NB_OK;
}

/// Look the host up ourselves: ZeroMQ would retry a name that does not resolve for ever, in
/// silence.
static nb_status check_host(const char *address, nb_error *err)
{
    char host[HOST_SIZE];
    const char *begin = address + strlen("tcp://");
    const char *end = strrchr(begin, ':');
    if (end && *begin == '[' && end[-1] == ']') {
        begin++; // an IPv6 address
        end--;
    }
    snprintf(host, sizeof host, "%.*s", end ? (int)(end - begin) : 0, begin);
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const int failed = getaddrinfo(host, NULL, &hints, &found);
    if (failed != 0) {
        return nb_fail(err, NB_E_UNREACHABLE, "%s: host '%s': %s", address, host,
                       gai_strerror(failed));
    }
    freeaddrinfo(found);
    return NB_OK;
}

static nb_status fail_unready(const nb_client *self, const char *address, const line_events *events,
                              nb_error *err)
{
    if (events->denied) {
        return nb_fail(err, NB_E_PERMISSION,
                       "the farm at %s does not know your key %s (%s): ask its owner to add it, or "
                       "name another with NIGHTBUS_KEY",
                       address, self->keys.public_key.text, self->address.key_path);
    }
    if (events->connected) {
        return nb_fail(err, NB_E_UNREACHABLE,
                       "%s: something listens there, but it is not the farm of that server key: "
                       "compare the key in your farm.json or --farm with the farm's own",
                       address);
    }
    return nb_fail(
        err, NB_E_UNREACHABLE,
        "nobody answers at %s: is the farm up? 'nightbus up' starts one on this machine; "
        "--farm or NIGHTBUS_FARM names another",
        address);
}

/// Wait until the line is ready.
static nb_status wait_ready(nb_client *self, const char *address, nb_line *line, int64_t until_ms,
                            nb_error *err)
{
    const int64_t refused_ms = nb_clock_ms() + REFUSED_MS;
    line_events events = {0};
    for (;;) {
        take_events(line->monitor, &events);
        if (events.ready && !events.broken) {
            return NB_OK;
        }
        if (nb_client_is_stopped(self)) {
            return nb_fail(err, NB_E_INTERRUPTED, "stopped while connecting to %s", address);
        }
        const int64_t now_ms = nb_clock_ms();
        if (events.denied || events.broken || events.failed_handshakes >= HANDSHAKES_MAX ||
            now_ms >= until_ms || (events.refused && !events.connected && now_ms >= refused_ms)) {
            return fail_unready(self, address, &events, err);
        }
        zmq_pollitem_t item = {line->monitor, 0, ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, NB_CLIENT_POLL_MS);
    }
}

static nb_status take_welcome(nb_client *self, Nightbus__Reply *reply, nb_error *err)
{
    if (reply->failure) {
        return nb_fail(err, (nb_status)reply->failure->status, "%s", reply->failure->text);
    }
    if (reply->body_case != NIGHTBUS__REPLY__BODY_WELCOME) {
        return nb_fail(err, NB_E_INVALID, "%s: answers Hello with something else",
                       self->address.control);
    }
    return NB_OK;
}

static nb_status send_hello(nb_client *self, nb_error *err)
{
    char host[HOST_SIZE] = "";
    gethostname(host, sizeof host - 1);
    Nightbus__Hello hello = NIGHTBUS__HELLO__INIT;
    hello.program = nb_wire_string(self->options.program);
    hello.version = nb_wire_string(NB_VERSION);
    hello.role = nb_wire_string(self->options.role);
    hello.name = nb_wire_string(self->options.name);
    hello.fingerprint = nb_wire_string(self->options.fingerprint);
    hello.has_threads = self->options.threads > 0;
    hello.threads = self->options.threads;
    hello.host = host[0] ? host : NULL;
    uint8_t instance[NB_INSTANCE_SIZE];
    if (self->options.instance) {
        memcpy(instance, self->options.instance, sizeof instance);
        hello.has_instance = 1;
        hello.instance = (ProtobufCBinaryData){.len = sizeof instance, .data = instance};
    }
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.id = ++self->last_id;
    request.body_case = NIGHTBUS__REQUEST__BODY_HELLO;
    request.hello = &hello;
    void *bytes = NULL;
    size_t size = 0;
    const nb_status status = nb_wire_pack_request(&request, &bytes, &size, err);
    if (status != NB_OK) {
        return status;
    }
    const bool sent = nb_socket_send(self->control.socket, bytes, size, 0);
    free(bytes);
    return sent ? NB_OK
                : nb_fail(err, NB_E_UNREACHABLE, "%s: %s", self->address.control,
                          zmq_strerror(errno));
}

static nb_status say_hello(nb_client *self, int64_t until_ms, nb_error *err)
{
    nb_status status = send_hello(self, err);
    while (status == NB_OK) {
        zmq_pollitem_t item = {self->control.socket, 0, ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, NB_CLIENT_POLL_MS);
        nb_frames frames;
        if (nb_frames_receive(self->control.socket, &frames)) {
            NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
            status = nb_wire_unpack_reply(zmq_msg_data(&frames.parts[0]),
                                          zmq_msg_size(&frames.parts[0]), &reply, err);
            nb_frames_fini(&frames);
            if (status == NB_OK) {
                status = take_welcome(self, reply, err);
            }
            if (status == NB_OK) {
                nb_wire_free_reply(&self->welcome);
                self->welcome = reply;
                reply = NULL; // the client's now
            }
            return status;
        }
        if (nb_client_is_stopped(self)) {
            return nb_fail(err, NB_E_INTERRUPTED, "stopped while connecting");
        }
        if (!nb_line_is_whole(&self->control) || nb_clock_ms() >= until_ms) {
            return nb_fail(err, NB_E_UNREACHABLE, "%s: took the connection, but does not answer",
                           self->address.control);
        }
    }
    return status;
}

nb_status nb_connection_open(nb_client *self, int64_t until_ms, nb_error *err)
{
    nb_connection_close(self);
    nb_status status = check_host(self->address.control, err);
    if (status == NB_OK) {
        status = line_open(self, false, self->address.control, &self->control, err);
    }
    if (status == NB_OK) {
        status = wait_ready(self, self->address.control, &self->control, until_ms, err);
    }
    if (status == NB_OK && self->options.role) {
        status = say_hello(self, until_ms, err);
    }
    if (status != NB_OK) {
        nb_connection_close(self);
    }
    return status;
}

nb_status nb_connection_open_bulk(nb_client *self, nb_error *err)
{
    if (self->bulk.socket) {
        return NB_OK;
    }
    nb_bulk_keep_memory();
    char address[sizeof self->address.control + 8];
    const char *colon = strrchr(self->address.control, ':');
    snprintf(address, sizeof address, "%.*s:%u", (int)(colon - self->address.control),
             self->address.control, self->welcome->welcome->bulk_port);
    const int64_t until_ms = nb_clock_ms() + self->options.timeout_ms;
    nb_status status = line_open(self, true, address, &self->bulk, err);
    if (status == NB_OK) {
        status = wait_ready(self, address, &self->bulk, until_ms, err);
    }
    if (status != NB_OK) {
        line_close(&self->bulk);
    }
    return status;
}

nb_bulk_target nb_connection_target(const nb_client *self)
{
    nb_bulk_target target = {NULL, {0}};
    memcpy(target.session, self->welcome->welcome->session.data, sizeof target.session);
    return target;
}

void nb_bulk_received_fini(nb_bulk_received *self)
{
    if (self->message) {
        nb_wire_free_bulk(&self->message);
        nb_frames_fini(&self->frames);
    }
}

nb_status nb_connection_receive_bulk(nb_client *self, int64_t wait_ms, nb_bulk_received *out,
                                     nb_error *err)
{
    out->message = NULL;
    zmq_pollitem_t items[] = {{self->bulk.socket, 0, ZMQ_POLLIN, 0},
                              {self->bulk.monitor, 0, ZMQ_POLLIN, 0}};
    zmq_poll(items, (int)NB_COUNT(items), wait_ms);
    if (nb_frames_receive(self->bulk.socket, &out->frames)) {
        const nb_bulk_target ours = nb_connection_target(self);
        nb_status status =
            nb_wire_unpack_bulk(zmq_msg_data(&out->frames.parts[0]),
                                zmq_msg_size(&out->frames.parts[0]), &out->message, err);
        if (status == NB_OK &&
            memcmp(out->message->session.data, ours.session, sizeof ours.session) == 0) {
            return NB_OK;
        }
        nb_wire_free_bulk(&out->message); // of a session before this one
        nb_frames_fini(&out->frames);
        return status;
    }
    if (!nb_line_is_whole(&self->bulk)) {
        nb_connection_close(self);
        return nb_fail(err, NB_E_UNREACHABLE, "%s: the connection broke", self->address.control);
    }
    return NB_OK;
}
