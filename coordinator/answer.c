// SPDX-License-Identifier: GPL-3.0-or-later
// Memory of the answers.
#include "coordinator/coordinator_private.h"

#include <string.h>

void *nb_answer_take(const nb_answer *self, size_t count, size_t size)
{
    return nb_arena_take(self->arena, count > 0 ? count : 1, size);
}

char *nb_answer_string(const nb_answer *self, const char *text)
{
    return nb_arena_string(self->arena, text);
}

ProtobufCBinaryData nb_answer_digest(const nb_answer *self, const nb_digest *digest)
{
    uint8_t *bytes = nb_answer_take(self, NB_DIGEST_SIZE, 1);
    if (!bytes) {
        return (ProtobufCBinaryData){0}; // the peer refuses it as too short
    }
    memcpy(bytes, digest->bytes, NB_DIGEST_SIZE);
    return (ProtobufCBinaryData){.len = NB_DIGEST_SIZE, .data = bytes};
}

nb_status nb_answer_no_memory(nb_error *err)
{
    return nb_fail(err, NB_E_NO_MEMORY, "the coordinator has no memory for the answer");
}

nb_status nb_answer_ack(nb_answer *self, nb_error *err)
{
    Nightbus__Ack *ack = nb_answer_take(self, 1, sizeof *ack);
    if (!ack) {
        return nb_answer_no_memory(err);
    }
    nightbus__ack__init(ack);
    self->reply.body_case = NIGHTBUS__REPLY__BODY_ACK;
    self->reply.ack = ack;
    return NB_OK;
}

void nb_answer_fail(nb_answer *self, nb_status status, const nb_error *err)
{
    static char no_memory_text[] = "the coordinator has no memory for the answer";
    static Nightbus__Failure no_memory = {PROTOBUF_C_MESSAGE_INIT(&nightbus__failure__descriptor),
                                          NB_E_NO_MEMORY, no_memory_text};
    Nightbus__Failure *failure = self->arena ? nb_answer_take(self, 1, sizeof *failure) : NULL;
    char *text = failure ? nb_answer_string(self, err->text) : NULL;
    const uint64_t id = self->reply.id;
    self->reply = (Nightbus__Reply)NIGHTBUS__REPLY__INIT;
    self->reply.id = id;
    self->reply.failure = &no_memory;
    if (text) {
        nightbus__failure__init(failure);
        failure->status = (uint32_t)status;
        failure->text = text;
        self->reply.failure = failure;
    }
}
