// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/blob_writer.h"

#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

typedef enum order_kind {
    ORDER_OPEN,
    ORDER_WRITE,
    ORDER_COMMIT,
    ORDER_CLOSE,
    ORDER_DISCARD
} order_kind;

typedef struct order {
    struct order *next;
    order_kind kind;
    unsigned slot;
    uint64_t upload;
    nb_upload_claim claim; ///< Of OPEN and COMMIT
    zmq_msg_t chunk;       ///< Of WRITE; else empty
    nb_write_result
        *result; ///< Allocated with the order, so that carrying it out cannot fail to say so
} order;

struct nb_blob_writer {
    nb_blob_store *store;
    nb_writer_stored *stored;
    void *context;
    int event_fd;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; ///< Of all below
    pthread_cond_t changed;
    bool stop;
    order *first_order, *last_order;
    nb_write_result *first_result, *last_result;
    nb_blob_draft *drafts[NB_TRANSFERS_MAX]; ///< The thread's own
};

static void order_free(order *self)
{
    zmq_msg_close(&self->chunk);
    free(self->result);
    free(self);
}

static nb_status carry_out_open(nb_blob_writer *self, const order *what, nb_error *err)
{
    nb_blob_draft **draft = &self->drafts[what->slot];
    nb_blob_draft_destroy(draft);
    char owner[NB_DIGEST_HEX_SIZE];
    const nb_public_key *key = &what->claim.key; // its Z85 has characters that file names mind
    const nb_digest key_digest = nb_digest_of(key->text, strlen(key->text));
    nb_digest_to_hex(&key_digest, owner);
    owner[NB_DRAFT_OWNER_SIZE] = '\0';
    const nb_status status = what->claim.is_growing
                                 ? nb_blob_draft_open_growing(self->store, &what->claim.digest,
                                                              what->claim.size, owner, draft, err)
                                 : nb_blob_draft_open_for(self->store, &what->claim.digest,
                                                          what->claim.size, owner, draft, err);
    if (status == NB_OK && what->claim.task != 0) {
        nb_blob_draft_drop_behind(*draft); // stems are read back at once, results seldom
    }
    return status;
}

static nb_status carry_out_commit(nb_blob_writer *self, const order *what, nb_error *err)
{
    nb_status status = nb_blob_draft_commit_as(&self->drafts[what->slot], &what->claim.name, err);
    if (status == NB_OK) {
        status = self->stored(self->context, &what->claim, err);
    }
    return status;
}

/// Do what was ordered and fill the result.
static void carry_out(nb_blob_writer *self, order *what)
{
    nb_error err = {0};
    nb_status status = NB_OK;
    nb_blob_draft **draft = &self->drafts[what->slot];
    if (what->kind == ORDER_OPEN) {
        status = carry_out_open(self, what, &err);
    } else if (what->kind == ORDER_CLOSE) {
        nb_blob_draft_destroy(draft);
    } else if (what->kind == ORDER_DISCARD) {
        nb_blob_draft_discard(draft);
    } else if (!*draft) {
        // Its opening or an earlier write failed, and said so.
        status = nb_fail(&err, NB_E_STALE, "this upload has ended");
    } else if (what->kind == ORDER_WRITE) {
        status = nb_blob_draft_write(*draft, zmq_msg_data(&what->chunk), zmq_msg_size(&what->chunk),
                                     &err);
        if (status != NB_OK) {
            nb_blob_draft_destroy(draft);
        }
    } else {
        status = carry_out_commit(self, what, &err);
    }
    if (what->result) {
        what->result->status = status;
        what->result->have = *draft ? nb_blob_draft_have(*draft) : 0;
        snprintf(what->result->text, sizeof what->result->text, "%s", err.text);
    }
}

static order *wait_for_order(nb_blob_writer *self)
{
    pthread_mutex_lock(&self->lock);
    while (!self->first_order && !self->stop) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    order *what = self->stop ? NULL : self->first_order;
    if (what) {
        self->first_order = what->next;
        if (!self->first_order) {
            self->last_order = NULL;
        }
    }
    pthread_mutex_unlock(&self->lock);
    return what;
}

static void give_result(nb_blob_writer *self, nb_write_result *result)
{
    pthread_mutex_lock(&self->lock);
    if (self->last_result) {
        self->last_result->next = result;
    } else {
        self->first_result = result;
    }
    self->last_result = result;
    pthread_mutex_unlock(&self->lock);
    eventfd_write(self->event_fd, 1);
}

static void *run(void *argument)
{
    nb_blob_writer *self = argument;
    for (order *what = wait_for_order(self); what; what = wait_for_order(self)) {
        carry_out(self, what);
        if (what->result) {
            give_result(self, what->result);
            what->result = NULL;
        }
        order_free(what);
    }
    return NULL;
}

nb_status nb_blob_writer_start(nb_blob_store *store, nb_writer_stored *stored, void *context,
                               int event_fd, nb_blob_writer **out_writer, nb_error *err)
{
    *out_writer = NULL;
    nb_blob_writer *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the writer");
    }
    self->store = store;
    self->stored = stored;
    self->context = context;
    self->event_fd = event_fd;
    pthread_mutex_init(&self->lock, NULL); // neither fails on Linux with these attributes
    pthread_cond_init(&self->changed, NULL);
    const int errnum = nb_thread_start(&self->thread, run, self);
    self->started = errnum == 0;
    if (!self->started) {
        nb_blob_writer_destroy(&self);
        return nb_fail_errno(err, errnum, "the writer's thread");
    }
    *out_writer = self;
    return NB_OK;
}

void nb_blob_writer_destroy(nb_blob_writer **self_p)
{
    nb_blob_writer *self = *self_p;
    if (!self) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    if (self->started) {
        pthread_join(self->thread, NULL);
    }
    while (self->first_order) {
        order *what = self->first_order;
        self->first_order = what->next;
        order_free(what);
    }
    while (self->first_result) {
        nb_write_result *result = self->first_result;
        self->first_result = result->next;
        free(result);
    }
    for (size_t i = 0; i < NB_TRANSFERS_MAX; i++) {
        nb_blob_draft_destroy(&self->drafts[i]);
    }
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

/// Make an order, with room for its result if it gives one.
static order *order_new(order_kind kind, unsigned slot, uint64_t upload)
{
    static const nb_write_step steps[] = {
        [ORDER_OPEN] = NB_WRITE_OPENED,      [ORDER_WRITE] = NB_WRITE_WRITTEN,
        [ORDER_COMMIT] = NB_WRITE_COMMITTED, [ORDER_CLOSE] = NB_WRITE_WRITTEN,
        [ORDER_DISCARD] = NB_WRITE_WRITTEN,
    };
    order *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->kind = kind;
    self->slot = slot;
    self->upload = upload;
    zmq_msg_init(&self->chunk);
    if (kind == ORDER_CLOSE || kind == ORDER_DISCARD) {
        return self;
    }
    self->result = calloc(1, sizeof *self->result);
    if (!self->result) {
        order_free(self);
        return NULL;
    }
    self->result->step = steps[kind];
    self->result->slot = slot;
    self->result->upload = upload;
    return self;
}

static void enqueue(nb_blob_writer *self, order *what)
{
    pthread_mutex_lock(&self->lock);
    if (self->last_order) {
        self->last_order->next = what;
    } else {
        self->first_order = what;
    }
    self->last_order = what;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

bool nb_blob_writer_open(nb_blob_writer *self, unsigned slot, uint64_t upload,
                         const nb_upload_claim *claim)
{
    order *what = order_new(ORDER_OPEN, slot, upload);
    if (what) {
        what->claim = *claim;
        enqueue(self, what);
    }
    return what != NULL;
}

bool nb_blob_writer_write(nb_blob_writer *self, unsigned slot, uint64_t upload, zmq_msg_t *chunk)
{
    order *what = order_new(ORDER_WRITE, slot, upload);
    if (what) {
        zmq_msg_move(&what->chunk, chunk);
        enqueue(self, what);
    }
    return what != NULL;
}

bool nb_blob_writer_commit(nb_blob_writer *self, unsigned slot, uint64_t upload,
                           const nb_upload_claim *claim)
{
    order *what = order_new(ORDER_COMMIT, slot, upload);
    if (what) {
        what->claim = *claim;
        enqueue(self, what);
    }
    return what != NULL;
}

void nb_blob_writer_close(nb_blob_writer *self, unsigned slot, uint64_t upload)
{
    order *what = order_new(ORDER_CLOSE, slot, upload);
    if (what) {
        enqueue(self, what);
    }
}

void nb_blob_writer_discard(nb_blob_writer *self, unsigned slot, uint64_t upload)
{
    order *what = order_new(ORDER_DISCARD, slot, upload);
    if (what) {
        enqueue(self, what);
    }
}

nb_write_result *nb_blob_writer_take(nb_blob_writer *self)
{
    pthread_mutex_lock(&self->lock);
    nb_write_result *result = self->first_result;
    if (result) {
        self->first_result = result->next;
        if (!self->first_result) {
            self->last_result = NULL;
        }
        result->next = NULL;
    }
    pthread_mutex_unlock(&self->lock);
    return result;
}
