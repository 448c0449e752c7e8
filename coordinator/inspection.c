// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/inspection.h"

#include "base/log.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 10000 }; // the files of a large song, many times

struct nb_inspection {
    nb_blob_store *store;
    pthread_t thread;
    pthread_mutex_t lock; ///< Guards all below
    pthread_cond_t changed;
    bool ending;
    size_t count; ///< The first one is being read
    nb_digest waiting[WAITING_MAX];
};

static void inspect(nb_inspection *self, const nb_digest *id)
{
    nb_error err = {0};
    const nb_status status = nb_blob_store_check(self->store, id, &err);
    if (status == NB_E_CORRUPT) {
        nb_log_error("damaged: %s", err.text);
    } else if (status != NB_OK && status != NB_E_NOT_FOUND) {
        nb_log_warn("not inspected: %s", err.text);
    }
}

static void *run(void *arg)
{
    nb_inspection *self = arg;
    pthread_mutex_lock(&self->lock);
    while (!self->ending) {
        if (self->count == 0) {
            pthread_cond_wait(&self->changed, &self->lock);
            continue;
        }
        const nb_digest id = self->waiting[0];
        pthread_mutex_unlock(&self->lock);
        inspect(self, &id);
        pthread_mutex_lock(&self->lock);
        self->count--;
        memmove(self->waiting, self->waiting + 1, self->count * sizeof *self->waiting);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

nb_status nb_inspection_new(nb_blob_store *store, nb_inspection **out_inspection, nb_error *err)
{
    *out_inspection = NULL;
    nb_inspection *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for inspections");
    }
    self->store = store;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    const int failed = nb_thread_start(&self->thread, run, self);
    if (failed != 0) {
        free(self);
        return nb_fail_errno(err, failed, "the inspection's thread");
    }
    *out_inspection = self;
    return NB_OK;
}

void nb_inspection_destroy(nb_inspection **self_p)
{
    nb_inspection *self = *self_p;
    if (!self) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

static bool find(const nb_inspection *self, const nb_digest *id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (nb_digest_equal(&self->waiting[i], id)) {
            return true;
        }
    }
    return false;
}

bool nb_inspection_ask(nb_inspection *self, const nb_digest *id)
{
    pthread_mutex_lock(&self->lock);
    const bool waits = find(self, id);
    const bool fits = waits || self->count < WAITING_MAX;
    if (fits && !waits) {
        self->waiting[self->count++] = *id;
        pthread_cond_broadcast(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    return fits;
}

bool nb_inspection_is_at(nb_inspection *self, const nb_digest *id)
{
    pthread_mutex_lock(&self->lock);
    const bool waits = find(self, id);
    pthread_mutex_unlock(&self->lock);
    return waits;
}
