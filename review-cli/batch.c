// SPDX-License-Identifier: GPL-3.0-or-later
#include "review-cli/batch.h"

#include "base/clock.h"
#include "base/text.h"

enum { DOUBT_MS = 60000, DOUBT_PAUSE_MS = 200 };

void nb_batch_start(nb_batch *self, nb_farm *farm, const char *title, uint64_t total_bytes)
{
    *self = (nb_batch){.farm = farm};
    nb_progress_start(&self->progress, title, NB_PROGRESS_BYTES, total_bytes, 0);
}

static nb_blob_scope scope(const nb_batch *self)
{
    return (nb_blob_scope){.album = self->farm->album};
}

static void on_bytes(void *context, uint64_t done)
{
    nb_batch *self = context;
    if (!self->blob_begun) {
        // The first word says what was there already, or one chunk more.
        const uint64_t there = done > NB_CHUNK_SIZE ? done - NB_CHUNK_SIZE : 0;
        self->already_bytes += there;
        self->blob_begun = true;
        nb_progress_skip(&self->progress, self->already_bytes);
    }
    self->blob_bytes = done;
    nb_progress_update(&self->progress, self->finished_bytes + done);
}

static void finish_blob(nb_batch *self, uint64_t size)
{
    self->finished_bytes += size;
    self->blob_bytes = 0;
    if (!self->blob_begun) {
        self->already_bytes += size; // nothing had to move
    }
    self->blob_begun = false;
    nb_progress_update(&self->progress, self->finished_bytes);
}

nb_status nb_batch_upload(nb_batch *self, const char *path, const nb_digest *digest, uint64_t size,
                          nb_error *err)
{
    int64_t start_ms = nb_clock_ms();
    uint64_t reached = 0;
    for (;;) {
        const nb_status status = nb_client_upload(self->farm->client, scope(self), path, digest,
                                                  size, on_bytes, self, err);
        if (status == NB_OK) {
            finish_blob(self, size);
        }
        if (self->blob_bytes > reached) { // patience is for a farm that does not answer at all
            reached = self->blob_bytes;
            start_ms = nb_clock_ms();
        }
        if (status == NB_OK || !nb_farm_may_retry(status, start_ms)) {
            return status;
        }
    }
}

/// What came is not what it should be: tell the farm, which reads its copy again and sets a damaged
/// one aside. Then it is missing, and what is missing is rendered or pushed again.
static void doubt(nb_farm *farm, const nb_digest *digest)
{
    const int64_t until_ms = nb_clock_ms() + DOUBT_MS;
    nb_digest copy = *digest; // messages borrow without const
    Nightbus__Doubt body = NIGHTBUS__DOUBT__INIT;
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    body.album = farm->album;
    body.digest = nb_wire_digest(&copy);
    request.body_case = NIGHTBUS__REQUEST__BODY_DOUBT;
    request.doubt = &body;
    nb_status status = NB_E_TIMEOUT;
    while (status == NB_E_TIMEOUT && nb_clock_ms() < until_ms) {
        NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
        nb_error err = {0};
        status = nb_farm_ask(farm, &request, NIGHTBUS__REPLY__BODY_ACK, 0, &reply, &err);
        body.has_again = body.again = 1;
        nb_clock_sleep_ms(DOUBT_PAUSE_MS);
    }
}

nb_status nb_batch_download(nb_batch *self, const nb_digest *digest, uint64_t size,
                            const char *path, nb_error *err)
{
    int64_t start_ms = nb_clock_ms();
    uint64_t reached = 0;
    bool doubted = false;
    for (;;) {
        const nb_status status = nb_client_download(self->farm->client, scope(self), digest, size,
                                                    path, on_bytes, self, err);
        if (status == NB_OK) {
            finish_blob(self, size);
        }
        if (self->blob_bytes > reached) {
            reached = self->blob_bytes;
            start_ms = nb_clock_ms();
        }
        if (status == NB_E_CORRUPT && !doubted) {
            doubted = true;
            doubt(self->farm, digest);
            continue; // it is missing now, or was damaged on its way
        }
        if (status == NB_OK || !nb_farm_may_retry(status, start_ms)) {
            return status;
        }
    }
}

void nb_batch_finish(nb_batch *self) { nb_progress_finish(&self->progress, self->finished_bytes); }

uint64_t nb_batch_moved(const nb_batch *self)
{
    const uint64_t total = self->finished_bytes + self->blob_bytes;
    return total > self->already_bytes ? total - self->already_bytes : 0;
}

nb_status nb_batch_bytes(nb_farm *farm, const nb_digest *digest, uint64_t size, char **out_bytes,
                         size_t *out_size, nb_error *err)
{
    const int64_t start_ms = nb_clock_ms();
    const nb_blob_scope album = {.album = farm->album};
    bool doubted = false;
    for (;;) {
        void *bytes = NULL;
        const nb_status status =
            nb_client_download_bytes(farm->client, album, digest, size, &bytes, out_size, err);
        *out_bytes = bytes;
        if (status == NB_E_CORRUPT && !doubted) {
            doubted = true;
            doubt(farm, digest);
            continue;
        }
        if (status == NB_OK || !nb_farm_may_retry(status, start_ms)) {
            return status;
        }
    }
}

nb_status nb_farm_manifest(nb_farm *farm, const char *commit, nb_manifest *out, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *reply = NULL;
    nb_status status = nb_farm_head(farm, commit, &reply, err);
    if (status != NB_OK) {
        return status;
    }
    const Nightbus__AlbumState *state = reply->album_state;
    if (!state->has_manifest || !state->has_manifest_size ||
        state->manifest_size > NB_MANIFEST_BYTES_MAX) {
        return nb_fail(err, NB_E_INVALID, "the farm does not say which files the revision has");
    }
    const nb_digest digest = nb_wire_to_digest(state->manifest);
    NB_SCOPED(nb_text_free) char *bytes = NULL;
    size_t size = 0;
    status = nb_batch_bytes(farm, &digest, state->manifest_size, &bytes, &size, err);
    return status == NB_OK ? nb_manifest_parse(bytes, size, out, err) : status;
}
