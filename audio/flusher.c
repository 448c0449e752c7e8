// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/flusher.h"

#include "base/thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { STEP_BYTES = 4 << 20 }; ///< Large enough for a disk to be quick, small enough to be soon

struct nb_flusher {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock; ///< Of all below
    pthread_cond_t changed;
    uint64_t asked; ///< Bytes from the file's beginning that the thread shall see to
    bool stop;
};

/// Where the next step ends; 0 for the end of the thread.
static uint64_t wait_for_step(nb_flusher *self, uint64_t done)
{
    (void)pthread_mutex_lock(&self->lock);
    while (!self->stop && self->asked == done) {
        (void)pthread_cond_wait(&self->changed, &self->lock);
    }
    const uint64_t until = self->stop ? 0 : self->asked;
    (void)pthread_mutex_unlock(&self->lock);
    return until;
}

static void *run(void *argument)
{
    nb_flusher *self = argument;
    uint64_t done = 0;
    for (uint64_t until = wait_for_step(self, 0); until > 0; until = wait_for_step(self, done)) {
        // A file system without it, or an error of the disk: the fsync says so.
        (void)sync_file_range(self->fd, (off_t)done, (off_t)(until - done), SYNC_FILE_RANGE_WRITE);
        done = until;
    }
    return NULL;
}

nb_flusher *nb_flusher_new(int fd)
{
    nb_flusher *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->fd = fd;
    (void)pthread_mutex_init(&self->lock, NULL); // neither fails on Linux with these attributes
    (void)pthread_cond_init(&self->changed, NULL);
    const int errnum = nb_thread_start(&self->thread, run, self);
    if (errnum != 0) {
        (void)pthread_cond_destroy(&self->changed);
        (void)pthread_mutex_destroy(&self->lock);
        free(self);
        return NULL;
    }
    return self;
}

void nb_flusher_grow(nb_flusher *self, uint64_t bytes)
{
    (void)pthread_mutex_lock(&self->lock);
    if (bytes - self->asked >= STEP_BYTES) {
        self->asked = bytes;
        (void)pthread_cond_signal(&self->changed);
    }
    (void)pthread_mutex_unlock(&self->lock);
}

void nb_flusher_destroy(nb_flusher **self_p)
{
    nb_flusher *self = *self_p;
    if (!self) {
        return;
    }
    (void)pthread_mutex_lock(&self->lock);
    self->stop = true;
    (void)pthread_cond_signal(&self->changed);
    (void)pthread_mutex_unlock(&self->lock);
    (void)pthread_join(self->thread, NULL);
    (void)pthread_cond_destroy(&self->changed);
    (void)pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
