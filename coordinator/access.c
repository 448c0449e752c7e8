// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/access.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct grant {
    nb_public_key key;
    uint64_t task;
    int64_t until_ms; // 0: as long as the lease lives
    size_t digest_count;
    nb_digest *digests; // ascending
} grant;

struct nb_access {
    pthread_mutex_t lock; // guards all below
    size_t count;
    grant *grants;
};

nb_status nb_access_new(nb_access **out_access, nb_error *err)
{
    nb_access *self = calloc(1, sizeof *self);
    *out_access = self;
    if (!self || pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        *out_access = NULL;
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the table of leases");
    }
    return NB_OK;
}

void nb_access_destroy(nb_access **self_p)
{
    nb_access *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        free(self->grants[i].digests);
    }
    free(self->grants);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

static int compare_digests(const void *a, const void *b) { return nb_digest_compare(a, b); }

static nb_digest *digests_of(const nb_digest *plan_digest, const nb_plan *plan, size_t *out_count)
{
    nb_digest *digests = calloc(plan->file_count + plan->freeze_count + 2, sizeof *digests);
    if (!digests) {
        return NULL;
    }
    digests[0] = *plan_digest;
    digests[1] = plan->document;
    for (size_t i = 0; i < plan->file_count; i++) {
        digests[i + 2] = plan->files[i].digest;
    }
    *out_count = plan->file_count + 2;
    for (size_t i = 0; i < plan->freeze_count; i++) {
        if (plan->freezes[i].is_kept) {
            digests[(*out_count)++] = plan->freezes[i].digest;
        }
    }
    qsort(digests, *out_count, sizeof *digests, compare_digests);
    return digests;
}

// The lock is held.
static void forget(nb_access *self, size_t index)
{
    free(self->grants[index].digests);
    self->grants[index] = self->grants[--self->count];
}

// The lock is held. Those whose time is over are few, and nobody asks for them.
static void forget_old(nb_access *self)
{
    const int64_t now_ms = nb_clock_ms();
    for (size_t i = self->count; i-- > 0;) {
        if (self->grants[i].until_ms > 0 && self->grants[i].until_ms <= now_ms) {
            forget(self, i);
        }
    }
}

// The lock is held. A task has two holders while a straggler has company.
static grant *find(nb_access *self, const nb_public_key *key, uint64_t task)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->grants[i].task == task && strcmp(self->grants[i].key.text, key->text) == 0) {
            return &self->grants[i];
        }
    }
    return NULL;
}

nb_status nb_access_grant(nb_access *self, const nb_public_key *key, uint64_t task,
                          const nb_digest *plan_digest, const nb_plan *plan, nb_error *err)
{
    grant made = {.key = *key, .task = task};
    made.digests = digests_of(plan_digest, plan, &made.digest_count);
    if (!made.digests) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a lease");
    }
    pthread_mutex_lock(&self->lock);
    forget_old(self);
    grant *present = find(self, key, task);
    if (present) {
        free(present->digests);
        *present = made;
        pthread_mutex_unlock(&self->lock);
        return NB_OK;
    }
    grant *grown = reallocarray(self->grants, self->count + 1, sizeof *grown);
    if (grown) {
        self->grants = grown;
        self->grants[self->count++] = made;
    }
    pthread_mutex_unlock(&self->lock);
    if (!grown) {
        free(made.digests);
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for a lease");
    }
    return NB_OK;
}

void nb_access_revoke(nb_access *self, uint64_t task)
{
    pthread_mutex_lock(&self->lock);
    for (size_t i = self->count; i-- > 0;) {
        if (self->grants[i].task == task) {
            forget(self, i);
        }
    }
    pthread_mutex_unlock(&self->lock);
}

void nb_access_linger(nb_access *self, const nb_public_key *key, uint64_t task, int64_t until_ms)
{
    pthread_mutex_lock(&self->lock);
    for (size_t i = self->count; i-- > 0;) {
        if (self->grants[i].task == task && strcmp(self->grants[i].key.text, key->text) != 0) {
            forget(self, i);
        } else if (self->grants[i].task == task) {
            self->grants[i].until_ms = until_ms;
        }
    }
    pthread_mutex_unlock(&self->lock);
}

void nb_access_revoke_one(nb_access *self, const nb_public_key *key, uint64_t task)
{
    pthread_mutex_lock(&self->lock);
    grant *present = find(self, key, task);
    if (present) {
        forget(self, (size_t)(present - self->grants));
    }
    pthread_mutex_unlock(&self->lock);
}

void nb_access_clear(nb_access *self)
{
    pthread_mutex_lock(&self->lock);
    while (self->count > 0) {
        free(self->grants[--self->count].digests);
    }
    pthread_mutex_unlock(&self->lock);
}

bool nb_access_has(nb_access *self, const nb_public_key *key, uint64_t task)
{
    pthread_mutex_lock(&self->lock);
    forget_old(self);
    const bool has = find(self, key, task) != NULL;
    pthread_mutex_unlock(&self->lock);
    return has;
}

bool nb_access_may_read(nb_access *self, const nb_public_key *key, uint64_t task,
                        const nb_digest *digest)
{
    pthread_mutex_lock(&self->lock);
    forget_old(self);
    const grant *present = find(self, key, task);
    const bool may = present && bsearch(digest, present->digests, present->digest_count,
                                        sizeof *digest, compare_digests);
    pthread_mutex_unlock(&self->lock);
    return may;
}
