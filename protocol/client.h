// SPDX-License-Identifier: GPL-3.0-or-later
/// @file client.h  A peer of the coordinator: the CLI, a renderer, the portal.
///
/// Control: one request at a time, answered or timed out; after a gap the connection is made anew
/// (new socket, new routing id, Hello again) before anything else is sent. Bulk: blobs to and from
/// the coordinator, resumable. One thread at a time per client; a renderer gives its heartbeat
/// thread a client of its own.

#ifndef NB_PROTOCOL_CLIENT_H
#define NB_PROTOCOL_CLIENT_H
#include "base/digest.h"
#include "protocol/keys.h"
#include "protocol/wire.h"

#include <stdbool.h>

/// Where the farm is and who we are to it: what farm.json and `--farm` say.
typedef struct nb_farm_address {
    char control[256]; ///< "tcp://127.0.0.1:5570"
    nb_public_key server;
    char key_path[1024]; ///< Our own key pair
} nb_farm_address;

/// Read DIR/farm.json, or parse "tcp://HOST:PORT/HEX-OF-SERVER-KEY" with our key at `key_path`
/// (null: NIGHTBUS_KEY or ~/.config/nightbus/key). Sections of farm.json: docs/cli.md.
NB_NODISCARD nb_status nb_farm_address_read(const char *farm_json_path, nb_farm_address *out,
                                            nb_error *err);
NB_NODISCARD nb_status nb_farm_address_parse(const char *address, const char *key_path,
                                             nb_farm_address *out, nb_error *err);

typedef struct nb_client nb_client;

/// What a client says of itself; strings are borrowed for the life of the client.
typedef struct nb_client_options {
    const char *program;
    const char *role;        ///< "client" or "renderer"; null says no Hello, for Join alone
    const nb_key_pair *keys; ///< Ours; null: those in the address's file
    const char *name;        ///< Renderers
    const char *fingerprint; ///< Renderers
    const uint8_t *instance; ///< Renderers: NB_INSTANCE_SIZE random bytes of this process, or null
    unsigned threads;
    int64_t timeout_ms;        ///< For connecting and for each answer; 0: 5 s
    const volatile bool *stop; ///< May be null; looked at while waiting: NB_E_INTERRUPTED
} nb_client_options;

/// Connect and exchange Hello and Welcome. Fails with NB_E_UNREACHABLE (nobody there, in words:
/// address, and how to start a farm), NB_E_PERMISSION (the key is not known there: the handshake
/// failed), NB_E_VERSION.
NB_NODISCARD nb_status nb_client_connect(const nb_farm_address *address,
                                         const nb_client_options *options, nb_client **out_client,
                                         nb_error *err);
void nb_client_destroy(nb_client **self_p);

/// Borrowed; null for a client without Hello.
const Nightbus__Welcome *nb_client_welcome(const nb_client *self);

const nb_farm_address *nb_client_address(const nb_client *self); ///< Borrowed

/// Send one request (its id is set here) and wait for its reply. A failure of the coordinator comes
/// back as its status and text. The caller frees the reply with nb_wire_free_reply. `extra_wait_ms`
/// is added to the time-out for answers that may be held back.
NB_NODISCARD nb_status nb_client_call(nb_client *self, Nightbus__Request *request,
                                      int64_t extra_wait_ms, Nightbus__Reply **out_reply,
                                      nb_error *err);

/// Why a blob may be moved: for an album, or for a renderer's task.
typedef struct nb_blob_scope {
    const char *album; ///< Null for none
    uint64_t task;     ///< 0 for none
} nb_blob_scope;

/// Called with the bytes moved so far, of this blob (those that were there already included).
typedef void nb_blob_progress(void *context, uint64_t done);

/// Offer the file's bytes and serve the ranges that the coordinator wants, until it says Stored.
/// A connection that breaks is made anew and goes on where it stopped, until there was no contact
/// for a minute. `progress` may be null, here and below; its first call says what was there before.
NB_NODISCARD nb_status nb_client_upload(nb_client *self, nb_blob_scope scope, const char *path,
                                        const nb_digest *digest, uint64_t size,
                                        nb_blob_progress *progress, void *context, nb_error *err);

/// How far a file has come that is still written.
typedef enum nb_growth_state {
    NB_GROWING,
    NB_GROWN,          ///< It is whole; its digest is known
    NB_GROWTH_GIVEN_UP ///< It will never be
} nb_growth_state;

/// Says how many bytes are there that will not change, and once it is whole its digest. Called by
/// the thread that uploads, every few milliseconds.
typedef nb_growth_state nb_blob_look(void *context, uint64_t *out_there, nb_digest *out_digest);

/// As nb_client_upload, of a file that another thread still writes and that will have `size` bytes:
/// sent while it grows, for a task. What goes wrong costs nothing but the bytes sent: the file can
/// be uploaded whole afterwards. NB_E_CANCELLED where the growth was given up.
NB_NODISCARD nb_status nb_client_upload_growing(nb_client *self, nb_blob_scope scope,
                                                const char *path, uint64_t size, nb_blob_look *look,
                                                void *context, nb_error *err);

NB_NODISCARD nb_status nb_client_upload_bytes(nb_client *self, nb_blob_scope scope,
                                              const void *bytes, size_t size, nb_digest *out_digest,
                                              nb_error *err);

/// Fetch a blob to `path`: into `path`.part, which a later call goes on with; the digest is checked
/// before the rename. `size` is what the coordinator said of it.
NB_NODISCARD nb_status nb_client_download(nb_client *self, nb_blob_scope scope,
                                          const nb_digest *digest, uint64_t size, const char *path,
                                          nb_blob_progress *progress, void *context, nb_error *err);

/// Fetch a small blob into memory (free with free(); a null behind it does not count).
NB_NODISCARD nb_status nb_client_download_bytes(nb_client *self, nb_blob_scope scope,
                                                const nb_digest *digest, uint64_t size,
                                                void **out_bytes, size_t *out_size, nb_error *err);

/// Bytes of blobs sent and received since the client connected, repeated ones counted again.
uint64_t nb_client_sent_bytes(const nb_client *self);
uint64_t nb_client_received_bytes(const nb_client *self);

#endif // NB_PROTOCOL_CLIENT_H
