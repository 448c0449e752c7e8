// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/wire.h"

#include "protocol/rules.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 4 };

/// Who reads: the words about versions tell a person which program to upgrade.
typedef struct reader {
    const char *self;
    const char *peer;
} reader;

static const reader coordinator_reads = {"coordinator", "peer"};
static const reader client_reads = {"program", "coordinator"};
static const reader bulk_reads = {"program", "peer"};

static nb_status pack(const ProtobufCMessage *message, void **out_bytes, size_t *out_size,
                      nb_error *err)
{
    *out_bytes = NULL;
    *out_size = 0;
    const size_t size = HEADER_SIZE + protobuf_c_message_get_packed_size(message);
    if (size > NB_MESSAGE_MAX) {
        return nb_fail(err, NB_E_LIMIT, "%s: a message of %zu bytes; at most %d",
                       message->descriptor->short_name, size, NB_MESSAGE_MAX);
    }
    uint8_t *bytes = malloc(size);
    if (!bytes) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a message of %zu bytes", size);
    }
    bytes[0] = 'N';
    bytes[1] = 'B';
    bytes[2] = NB_PROTOCOL_MAJOR;
    bytes[3] = NB_PROTOCOL_MINOR;
    protobuf_c_message_pack(message, bytes + HEADER_SIZE);
    *out_bytes = bytes;
    *out_size = size;
    return NB_OK;
}

static nb_status check_header(const uint8_t *bytes, size_t size, const reader *who, nb_error *err)
{
    if (size > NB_MESSAGE_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a message of %zu bytes; at most %d", size, NB_MESSAGE_MAX);
    }
    if (size < HEADER_SIZE || bytes[0] != 'N' || bytes[1] != 'B') {
        return nb_fail(err, NB_E_INVALID, "not a message of Nightbus (it begins with 'NB')");
    }
    if (bytes[2] != NB_PROTOCOL_MAJOR) {
        return nb_fail(err, NB_E_VERSION,
                       "this %s (%s) speaks protocol %d, the %s protocol %u: upgrade the %s",
                       who->self, NB_VERSION, NB_PROTOCOL_MAJOR, who->peer, bytes[2],
                       bytes[2] > NB_PROTOCOL_MAJOR ? who->self : who->peer);
    }
    return NB_OK;
}

static void free_message(ProtobufCMessage **message_p)
{
    if (*message_p) {
        protobuf_c_message_free_unpacked(*message_p, NULL);
        *message_p = NULL;
    }
}

/// Check everything about a message but its body.
static nb_status unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size,
                        const reader *who, ProtobufCMessage **out, nb_error *err)
{
    *out = NULL;
    const uint8_t *bytes = data;
    nb_status status = check_header(bytes, size, who, err);
    if (status != NB_OK) {
        return status;
    }
    NB_SCOPED(free_message)
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, NULL, size - HEADER_SIZE, bytes + HEADER_SIZE);
    if (!message) {
        return nb_fail(err, NB_E_INVALID, "a damaged message (%zu bytes, no %s)", size,
                       descriptor->short_name);
    }
    const size_t unknown = nb_rules_count_unknown(message);
    if (unknown > 0 && bytes[3] <= NB_PROTOCOL_MINOR) {
        return nb_fail(err, NB_E_INVALID, "%s: %zu fields that protocol %d.%d does not have",
                       descriptor->short_name, unknown, NB_PROTOCOL_MAJOR, bytes[3]);
    }
    status = nb_rules_check(message, err);
    if (status == NB_OK) {
        *out = message;
        message = NULL; // the caller's now
    }
    return status;
}

/// The body is missing: nothing was sent, or something that only a later minor version knows.
static nb_status fail_empty(const void *bytes, const reader *who, nb_error *err)
{
    const unsigned minor = ((const uint8_t *)bytes)[3];
    if (minor > NB_PROTOCOL_MINOR) {
        return nb_fail(err, NB_E_VERSION,
                       "this %s (%s, protocol %d.%d) does not know that message of protocol %d.%u: "
                       "upgrade the %s",
                       who->self, NB_VERSION, NB_PROTOCOL_MAJOR, NB_PROTOCOL_MINOR,
                       NB_PROTOCOL_MAJOR, minor, who->self);
    }
    return nb_fail(err, NB_E_INVALID, "a message without a body");
}

nb_status nb_wire_pack_request(const Nightbus__Request *message, void **out_bytes, size_t *out_size,
                               nb_error *err)
{
    return pack(&message->base, out_bytes, out_size, err);
}

nb_status nb_wire_pack_reply(const Nightbus__Reply *message, void **out_bytes, size_t *out_size,
                             nb_error *err)
{
    return pack(&message->base, out_bytes, out_size, err);
}

nb_status nb_wire_pack_bulk(const Nightbus__Bulk *message, void **out_bytes, size_t *out_size,
                            nb_error *err)
{
    return pack(&message->base, out_bytes, out_size, err);
}

nb_status nb_wire_unpack_request(const void *bytes, size_t size, Nightbus__Request **out,
                                 nb_error *err)
{
    *out = NULL;
    ProtobufCMessage *message = NULL;
    const nb_status status =
        unpack(&nightbus__request__descriptor, bytes, size, &coordinator_reads, &message, err);
    if (!message) {
        return status;
    }
    NB_SCOPED(nb_wire_free_request) Nightbus__Request *request = (Nightbus__Request *)message;
    if (request->body_case == NIGHTBUS__REQUEST__BODY__NOT_SET) {
        return fail_empty(bytes, &coordinator_reads, err);
    }
    *out = request;
    request = NULL; // the caller's now
    return NB_OK;
}

nb_status nb_wire_unpack_reply(const void *bytes, size_t size, Nightbus__Reply **out, nb_error *err)
{
    *out = NULL;
    ProtobufCMessage *message = NULL;
    const nb_status status =
        unpack(&nightbus__reply__descriptor, bytes, size, &client_reads, &message, err);
    if (!message) {
        return status;
    }
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = (Nightbus__Reply *)message;
    if (!reply->failure && reply->body_case == NIGHTBUS__REPLY__BODY__NOT_SET) {
        return fail_empty(bytes, &client_reads, err);
    }
    if (reply->failure && reply->failure->status == NB_OK) {
        return nb_fail(err, NB_E_INVALID, "a failure without a status");
    }
    *out = reply;
    reply = NULL; // the caller's now
    return NB_OK;
}

nb_status nb_wire_unpack_bulk(const void *bytes, size_t size, Nightbus__Bulk **out, nb_error *err)
{
    *out = NULL;
    if (size > NB_BULK_HEADER_MAX) {
        return nb_fail(err, NB_E_LIMIT, "a bulk message of %zu bytes; at most %d", size,
                       NB_BULK_HEADER_MAX);
    }
    ProtobufCMessage *message = NULL;
    const nb_status status =
        unpack(&nightbus__bulk__descriptor, bytes, size, &bulk_reads, &message, err);
    if (!message) {
        return status;
    }
    NB_SCOPED(nb_wire_free_bulk) Nightbus__Bulk *bulk = (Nightbus__Bulk *)message;
    if (bulk->body_case == NIGHTBUS__BULK__BODY__NOT_SET) {
        return fail_empty(bytes, &bulk_reads, err);
    }
    if (bulk->body_case == NIGHTBUS__BULK__BODY_REFUSED && bulk->refused->status == NB_OK) {
        return nb_fail(err, NB_E_INVALID, "a refusal without a status");
    }
    *out = bulk;
    bulk = NULL; // the caller's now
    return NB_OK;
}

void nb_wire_free_request(Nightbus__Request **message_p)
{
    if (*message_p) {
        nightbus__request__free_unpacked(*message_p, NULL);
        *message_p = NULL;
    }
}

void nb_wire_free_reply(Nightbus__Reply **message_p)
{
    if (*message_p) {
        nightbus__reply__free_unpacked(*message_p, NULL);
        *message_p = NULL;
    }
}

void nb_wire_free_bulk(Nightbus__Bulk **message_p)
{
    if (*message_p) {
        nightbus__bulk__free_unpacked(*message_p, NULL);
        *message_p = NULL;
    }
}

ProtobufCBinaryData nb_wire_digest(const nb_digest *digest)
{
    // protobuf-c has no const; packing only reads.
    union {
        const uint8_t *read;
        uint8_t *any;
    } bytes = {.read = digest->bytes};
    return (ProtobufCBinaryData){NB_DIGEST_SIZE, bytes.any};
}

nb_digest nb_wire_to_digest(ProtobufCBinaryData bytes)
{
    nb_digest digest = {{0}};
    memcpy(digest.bytes, bytes.data, bytes.len < NB_DIGEST_SIZE ? bytes.len : NB_DIGEST_SIZE);
    return digest;
}

char *nb_wire_string(const char *text)
{
    union {
        const char *read;
        char *any;
    } same = {.read = text};
    return same.any;
}
