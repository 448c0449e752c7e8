// SPDX-License-Identifier: GPL-3.0-or-later
/// @file wire.h  Bytes to messages and back, every limit checked on the way in.
///
/// What these functions return has passed the limits table: digests have 32 bytes, sessions and
/// client ids 16, strings are UTF-8 without control characters (but line feeds and tabs in texts
/// people write), lists are no longer than they may be, required bodies are there. Handlers need
/// not look again.

#ifndef NB_PROTOCOL_WIRE_H
#define NB_PROTOCOL_WIRE_H
#include "base/digest.h"
#include "base/status.h"
#include "protocol/limits.h"
#include "protocol/nightbus.pb-c.h"

#include <stddef.h>
#include <stdint.h>

/// Encode into a new buffer (free with free()).
NB_NODISCARD nb_status nb_wire_pack_request(const Nightbus__Request *message, void **out_bytes,
                                            size_t *out_size, nb_error *err);
NB_NODISCARD nb_status nb_wire_pack_reply(const Nightbus__Reply *message, void **out_bytes,
                                          size_t *out_size, nb_error *err);
NB_NODISCARD nb_status nb_wire_pack_bulk(const Nightbus__Bulk *message, void **out_bytes,
                                         size_t *out_size, nb_error *err);

/// Decode; the caller frees with nb_wire_free_*. Another major version is NB_E_VERSION with words
/// that say which side to upgrade; anything else wrong is NB_E_INVALID or NB_E_LIMIT.
NB_NODISCARD nb_status nb_wire_unpack_request(const void *bytes, size_t size,
                                              Nightbus__Request **out, nb_error *err);
NB_NODISCARD nb_status nb_wire_unpack_reply(const void *bytes, size_t size, Nightbus__Reply **out,
                                            nb_error *err);
NB_NODISCARD nb_status nb_wire_unpack_bulk(const void *bytes, size_t size, Nightbus__Bulk **out,
                                           nb_error *err);
/// For NB_SCOPED.
void nb_wire_free_request(Nightbus__Request **message_p);
void nb_wire_free_reply(Nightbus__Reply **message_p);
void nb_wire_free_bulk(Nightbus__Bulk **message_p);

/// A digest as a message field borrows it, and back (the size was checked by unpack).
ProtobufCBinaryData nb_wire_digest(const nb_digest *digest);
nb_digest nb_wire_to_digest(ProtobufCBinaryData bytes);

/// A string as a message field borrows it: the generated structs know no const, but packing only
/// reads. Null stays null.
char *nb_wire_string(const char *text);

#endif // NB_PROTOCOL_WIRE_H
