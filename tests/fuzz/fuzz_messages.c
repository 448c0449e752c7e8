// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a request, a reply and a bulk message; what is taken must also go out again as it
// is. The first byte chooses, so that a corpus entry is one kind; 3 is a manifest.

#include "protocol/manifest.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// What came in and goes out must come in again, if no later minor version's fields are in it:
/// protobuf-c carries those along unchecked, and may not read them a second time.
static void must(int worked)
{
    if (!worked) {
        abort();
    }
}

static void try_request(const uint8_t *data, size_t size)
{
    NB_SCOPED(nb_wire_free_request) Nightbus__Request *message = NULL;
    NB_SCOPED(nb_wire_free_request) Nightbus__Request *again = NULL;
    nb_error err = {0};
    if (nb_wire_unpack_request(data, size, &message, &err) != NB_OK) {
        must(err.text[0] != '\0' && !message);
        return;
    }
    void *bytes = NULL;
    size_t packed = 0;
    if (data[3] == NB_PROTOCOL_MINOR &&
        nb_wire_pack_request(message, &bytes, &packed, &err) == NB_OK) {
        must(nb_wire_unpack_request(bytes, packed, &again, &err) == NB_OK);
    }
    free(bytes);
}

static void try_reply(const uint8_t *data, size_t size)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *message = NULL;
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *again = NULL;
    nb_error err = {0};
    if (nb_wire_unpack_reply(data, size, &message, &err) != NB_OK) {
        must(err.text[0] != '\0' && !message);
        return;
    }
    void *bytes = NULL;
    size_t packed = 0;
    if (data[3] == NB_PROTOCOL_MINOR &&
        nb_wire_pack_reply(message, &bytes, &packed, &err) == NB_OK) {
        must(nb_wire_unpack_reply(bytes, packed, &again, &err) == NB_OK);
    }
    free(bytes);
}

static void try_bulk(const uint8_t *data, size_t size)
{
    NB_SCOPED(nb_wire_free_bulk) Nightbus__Bulk *message = NULL;
    NB_SCOPED(nb_wire_free_bulk) Nightbus__Bulk *again = NULL;
    nb_error err = {0};
    if (nb_wire_unpack_bulk(data, size, &message, &err) != NB_OK) {
        must(err.text[0] != '\0' && !message);
        return;
    }
    void *bytes = NULL;
    size_t packed = 0;
    if (data[3] == NB_PROTOCOL_MINOR &&
        nb_wire_pack_bulk(message, &bytes, &packed, &err) == NB_OK &&
        packed <= NB_BULK_HEADER_MAX) {
        must(nb_wire_unpack_bulk(bytes, packed, &again, &err) == NB_OK);
    }
    free(bytes);
}

static void try_manifest(const uint8_t *data, size_t size)
{
    NB_SCOPED(nb_manifest_fini) nb_manifest manifest = {0};
    NB_SCOPED(nb_manifest_fini) nb_manifest again = {0};
    nb_error err = {0};
    if (nb_manifest_parse((const char *)data, size, &manifest, &err) != NB_OK) {
        must(err.text[0] != '\0' && manifest.file_count == 0);
        return;
    }
    char *text = nb_manifest_format(&manifest);
    must(text && nb_manifest_parse(text, strlen(text), &again, &err) == NB_OK &&
         again.file_count == manifest.file_count);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(const uint8_t *, size_t) = {try_request, try_reply, try_bulk,
                                                             try_manifest};
    if (size > 0) {
        tries[data[0] % NB_COUNT(tries)](data + 1, size - 1);
    }
    return 0;
}
