// SPDX-License-Identifier: GPL-3.0-or-later
// nightbus-renderer with some of its calls wrapped (the linker's --wrap), so that it reports as one
// must not. NIGHTBUS_DOCTOR says how:
//   twice      each result again, behind the answer to the first
//   late       the first result only when its lease is over; no heartbeat meanwhile
//   different  each result again, with another byte in its mix
//   die:SONG   ends at once when it is given that song
//   lose:DIR   the first time, its fetched files are gone from DIR before the song is built from
//   them
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "mix/document.h"
#include "mix/graph.h"
#include "protocol/client.h"
#include "protocol/wire.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

nb_status __real_nb_client_call(nb_client *self, Nightbus__Request *request, int64_t extra_wait_ms,
                                Nightbus__Reply **out_reply, nb_error *err);
nb_status __wrap_nb_client_call(nb_client *self, Nightbus__Request *request, int64_t extra_wait_ms,
                                Nightbus__Reply **out_reply, nb_error *err);
nb_status __real_nb_client_upload(nb_client *self, nb_blob_scope scope, const char *path,
                                  const nb_digest *digest, uint64_t size,
                                  nb_blob_progress *progress, void *context, nb_error *err);
nb_status __wrap_nb_client_upload(nb_client *self, nb_blob_scope scope, const char *path,
                                  const nb_digest *digest, uint64_t size,
                                  nb_blob_progress *progress, void *context, nb_error *err);

nb_status __real_nb_client_upload_growing(nb_client *self, nb_blob_scope scope, const char *path,
                                          uint64_t size, nb_blob_look *look, void *context,
                                          nb_error *err);
nb_status __wrap_nb_client_upload_growing(nb_client *self, nb_blob_scope scope, const char *path,
                                          uint64_t size, nb_blob_look *look, void *context,
                                          nb_error *err);

nb_status __real_nb_document_parse(const char *name, const char *text, size_t size,
                                   nb_problems *problems, nb_document **out_document,
                                   nb_error *err);
nb_status __wrap_nb_document_parse(const char *name, const char *text, size_t size,
                                   nb_problems *problems, nb_document **out_document,
                                   nb_error *err);

nb_status __real_nb_graph_build(const nb_document *document, nb_asset_lookup *lookup, void *context,
                                const nb_fingerprint *fingerprint, nb_problems *problems,
                                nb_graph **out_graph, nb_error *err);
nb_status __wrap_nb_graph_build(const nb_document *document, nb_asset_lookup *lookup, void *context,
                                const nb_fingerprint *fingerprint, nb_problems *problems,
                                nb_graph **out_graph, nb_error *err);

static atomic_bool muted;
static atomic_bool was_late;
static nb_digest original, altered; // of the last task; the worker's thread alone uses them
static bool has_altered;

static bool is_mode(const char *mode)
{
    const char *wanted = getenv("NIGHTBUS_DOCTOR");
    return wanted && strcmp(wanted, mode) == 0;
}

static void say_again(nb_client *self, Nightbus__Request *request)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_error err = {0};
    const nb_status status = __real_nb_client_call(self, request, 0, &reply, &err);
    nb_log_info("doctored: said again: %s", status == NB_OK ? "taken" : err.text);
}

static void say_other(nb_client *self, Nightbus__Request *request)
{
    for (size_t i = 0; has_altered && i < request->task_finish->n_outputs; i++) {
        ProtobufCBinaryData *digest = &request->task_finish->outputs[i]->digest;
        if (memcmp(digest->data, original.bytes, sizeof original.bytes) == 0) {
            digest->data = altered.bytes;
            say_again(self, request);
            digest->data = original.bytes;
            return;
        }
    }
}

static void be_late(const nb_client *self)
{
    if (atomic_exchange(&was_late, true)) {
        return;
    }
    atomic_store(&muted, true);
    nb_log_info("doctored: silent until the lease is over");
    nb_clock_sleep_ms((int64_t)nb_client_welcome(self)->lease_ms * 2);
    atomic_store(&muted, false);
}

nb_status __wrap_nb_client_call(nb_client *self, Nightbus__Request *request, int64_t extra_wait_ms,
                                Nightbus__Reply **out_reply, nb_error *err)
{
    if (request->body_case == NIGHTBUS__REQUEST__BODY_SYNC && atomic_load(&muted)) {
        *out_reply = NULL;
        return nb_fail(err, NB_E_UNREACHABLE, "doctored: mute");
    }
    const bool is_finish = request->body_case == NIGHTBUS__REQUEST__BODY_TASK_FINISH;
    if (is_finish && is_mode("late")) {
        be_late(self);
    }
    const nb_status status = __real_nb_client_call(self, request, extra_wait_ms, out_reply, err);
    if (is_finish && status == NB_OK && is_mode("twice")) {
        say_again(self, request);
    }
    if (is_finish && status == NB_OK && is_mode("different")) {
        say_other(self, request);
    }
    return status;
}

nb_status __wrap_nb_document_parse(const char *name, const char *text, size_t size,
                                   nb_problems *problems, nb_document **out_document, nb_error *err)
{
    const char *mode = getenv("NIGHTBUS_DOCTOR");
    if (mode && strncmp(mode, "die:", 4) == 0 && strstr(name, mode + 4)) {
        abort();
    }
    return __real_nb_document_parse(name, text, size, problems, out_document, err);
}

static int lose(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)place;
    return kind == FTW_F ? unlink(path) : 0;
}

nb_status __wrap_nb_graph_build(const nb_document *document, nb_asset_lookup *lookup, void *context,
                                const nb_fingerprint *fingerprint, nb_problems *problems,
                                nb_graph **out_graph, nb_error *err)
{
    static atomic_bool lost;
    const char *mode = getenv("NIGHTBUS_DOCTOR");
    if (mode && strncmp(mode, "lose:", 5) == 0 && !atomic_exchange(&lost, true)) {
        nb_log_info("doctored: its files are gone: %d", nftw(mode + 5, lose, 8, FTW_PHYS));
    }
    return __real_nb_graph_build(document, lookup, context, fingerprint, problems, out_graph, err);
}

// A copy of the file with its last byte turned round, in `out_digest`.
static nb_status alter(const char *path, const char *copy, nb_digest *out_digest, nb_error *err)
{
    FILE *from = fopen(path, "rb");
    FILE *to = fopen(copy, "wb");
    int last = EOF;
    for (int c = 0; from && to && (c = fgetc(from)) != EOF; last = c) {
        if (last != EOF) {
            fputc(last, to);
        }
    }
    const bool whole = from && to && last != EOF && fputc(last ^ 1, to) != EOF;
    if (from) {
        fclose(from);
    }
    const bool closed = to && fclose(to) == 0;
    return whole && closed ? nb_digest_of_file(copy, out_digest, NULL, err)
                           : nb_fail(err, NB_E_IO, "%s: not copied", copy);
}

nb_status __wrap_nb_client_upload(nb_client *self, nb_blob_scope scope, const char *path,
                                  const nb_digest *digest, uint64_t size,
                                  nb_blob_progress *progress, void *context, nb_error *err)
{
    const size_t length = strlen(path);
    // Not a freeze, which is a short cut and no result; nb_made has these names.
    const bool is_output =
        strstr(path, "/output-") && length > 4 && strcmp(path + length - 4, ".wav") == 0;
    if (is_mode("different") && is_output) {
        NB_SCOPED(nb_text_free) char *copy = nb_text_format("%s.altered", path);
        nb_error problem = {0};
        original = *digest;
        has_altered = copy && alter(path, copy, &altered, &problem) == NB_OK &&
                      __real_nb_client_upload(self, scope, copy, &altered, size, NULL, NULL,
                                              &problem) == NB_OK;
        if (copy) {
            unlink(copy);
        }
    }
    return __real_nb_client_upload(self, scope, path, digest, size, progress, context, err);
}

// What shall become different has to be whole first.
nb_status __wrap_nb_client_upload_growing(nb_client *self, nb_blob_scope scope, const char *path,
                                          uint64_t size, nb_blob_look *look, void *context,
                                          nb_error *err)
{
    return is_mode("different")
               ? nb_fail(err, NB_E_IO, "doctored: not while it grows")
               : __real_nb_client_upload_growing(self, scope, path, size, look, context, err);
}
