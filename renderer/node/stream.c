// SPDX-License-Identifier: GPL-3.0-or-later
#include "renderer/node/stream.h"

#include "base/clock.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>

enum { START_POLL_MS = 5 };

struct nb_stream {
    nb_client *client;
    nb_blob_scope scope;
    const char *path;
    const nb_audio_growth *growth;
    pthread_t thread;
    bool joined;
    _Atomic nb_growth_state state;
    nb_status status; ///< The thread's, once it is joined
    nb_error error;
};

static nb_growth_state look(void *context, uint64_t *out_there, nb_digest *out_digest)
{
    const nb_stream *self = context;
    const nb_growth_state state = atomic_load(&self->state);
    *out_there = atomic_load_explicit(&self->growth->bytes, memory_order_acquire);
    if (state == NB_GROWN) {
        *out_digest = self->growth->digest;
    }
    return state;
}

static void *run(void *argument)
{
    nb_stream *self = argument;
    // Until the first bytes are there nobody knows how many it will have.
    while (atomic_load(&self->state) == NB_GROWING &&
           atomic_load_explicit(&self->growth->bytes, memory_order_acquire) == 0) {
        nb_clock_sleep_ms(START_POLL_MS);
    }
    self->status = (atomic_load(&self->state) == NB_GROWTH_GIVEN_UP)
                       ? nb_fail(&self->error, NB_E_CANCELLED, "%s: it was given up", self->path)
                       : nb_client_upload_growing(self->client, self->scope, self->path,
                                                  self->growth->size, look, self, &self->error);
    return NULL;
}

nb_stream *nb_stream_new(nb_client *client, nb_blob_scope scope, const char *path,
                         const nb_audio_growth *growth)
{
    nb_stream *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->client = client;
    self->scope = scope;
    self->path = path;
    self->growth = growth;
    atomic_init(&self->state, NB_GROWING);
    if (nb_thread_start(&self->thread, run, self) != 0) {
        free(self);
        return NULL;
    }
    return self;
}

void nb_stream_finish(nb_stream *self)
{
    atomic_store(&self->state, self->growth->is_whole ? NB_GROWN : NB_GROWTH_GIVEN_UP);
}

static void join(nb_stream *self)
{
    if (!self->joined) {
        (void)pthread_join(self->thread, NULL);
        self->joined = true;
    }
}

nb_status nb_stream_wait(nb_stream *self, nb_error *err)
{
    join(self);
    return self->status == NB_OK ? NB_OK : nb_fail(err, self->status, "%s", self->error.text);
}

void nb_stream_destroy(nb_stream **self_p)
{
    nb_stream *self = *self_p;
    if (self) {
        nb_growth_state growing = NB_GROWING;
        atomic_compare_exchange_strong(&self->state, &growing, NB_GROWTH_GIVEN_UP);
        join(self);
        free(self);
        *self_p = NULL;
    }
}
