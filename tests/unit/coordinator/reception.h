// SPDX-License-Identifier: GPL-3.0-or-later
/// @file reception.h  A coordinator whose callers are named: for tests of who may do what.

#ifndef NB_TESTS_COORDINATOR_RECEPTION_H
#define NB_TESTS_COORDINATOR_RECEPTION_H
#include "coordinator/coordinator.h"
#include "scratch.h"

static const char desk_fingerprint[] = "core=1 cpu=x86-64-v3";

/// A coordinator with its last reply.
typedef struct desk {
    nb_coordinator *coordinator;
    Nightbus__Reply *reply;
    uint64_t request;
} desk;

static inline nb_status keep_reply(void *context, const nb_peer *peer, const Nightbus__Reply *reply,
                                   nb_error *err)
{
    (void)peer;
    desk *self = context;
    void *bytes = NULL;
    size_t size = 0;
    nb_wire_free_reply(&self->reply);
    nb_status status = nb_wire_pack_reply(reply, &bytes, &size, err);
    if (status == NB_OK) {
        status = nb_wire_unpack_reply(bytes, size, &self->reply, err);
    }
    free(bytes);
    assert_int_equal(status, NB_OK);
    return status;
}

static inline nb_status give_session(void *context, const nb_public_key *key,
                                     uint8_t out_session[NB_SESSION_SIZE], nb_error *err)
{
    (void)context;
    (void)key;
    (void)err;
    memset(out_session, 7, NB_SESSION_SIZE);
    return NB_OK;
}

static inline uint16_t give_port(void *context)
{
    (void)context;
    return 5571;
}

/// A peer whose key and person are named after `name`.
static inline nb_peer desk_peer(const char *name)
{
    nb_peer peer = {.routing_id = {1}, .routing_id_size = 1};
    snprintf(peer.key.text, sizeof peer.key.text, "%-40.40s", name);
    return peer;
}

static inline void desk_open(desk *self, const char *folder)
{
    const nb_coordinator_options options = {.data_path = folder, .incarnation = 99};
    const nb_coordinator_link link = {self, keep_reply, give_session, give_port};
    assert_ok(nb_coordinator_open(&options, 1000, &self->coordinator, err));
    nb_coordinator_connect(self->coordinator, &link);
}

static inline void desk_close(desk *self)
{
    nb_coordinator_destroy(&self->coordinator);
    nb_wire_free_reply(&self->reply);
}

static inline void desk_greet(desk *self, const char *name, bool is_renderer)
{
    char role[] = "renderer";
    char program[] = "test";
    char text[sizeof desk_fingerprint];
    memcpy(text, desk_fingerprint, sizeof text);
    Nightbus__Hello hello = NIGHTBUS__HELLO__INIT;
    hello.program = hello.version = program;
    hello.role = role;
    hello.name = program;
    hello.fingerprint = text;
    if (!is_renderer) {
        memcpy(role, "client", sizeof "client");
    }
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.body_case = NIGHTBUS__REQUEST__BODY_HELLO;
    request.hello = &hello;
    const nb_peer peer = desk_peer(name);
    nb_coordinator_hear(self->coordinator, &peer, &request, 1000);
    nb_coordinator_advance(self->coordinator, 1000);
    assert_non_null(self->reply);
    assert_null(self->reply->failure);
}

/// Send a request as that peer; the answer, or null where it is held back.
static inline const Nightbus__Reply *desk_ask(desk *self, const nb_peer *peer, int body,
                                              void *message, int64_t now_ms)
{
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.id = ++self->request;
    request.body_case = (Nightbus__Request__BodyCase)body;
    request.hello = message; // all bodies share their place
    nb_wire_free_reply(&self->reply);
    nb_coordinator_hear(self->coordinator, peer, &request, now_ms);
    nb_coordinator_advance(self->coordinator, now_ms);
    return (self->reply && self->reply->id == request.id) ? self->reply : NULL;
}

#endif // NB_TESTS_COORDINATOR_RECEPTION_H
