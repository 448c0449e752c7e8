// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/sessions.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

typedef struct session {
    uint8_t bytes[NB_SESSION_SIZE];
    nb_public_key key;
    int64_t used_ms; ///< 0: the row is free
} session;

struct nb_sessions {
    pthread_mutex_t lock;
    session rows[NB_SESSIONS_MAX];
};

nb_sessions *nb_sessions_new(void)
{
    nb_sessions *self = calloc(1, sizeof *self);
    if (self && pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        return NULL;
    }
    return self;
}

void nb_sessions_destroy(nb_sessions **self_p)
{
    if (*self_p) {
        pthread_mutex_destroy(&(*self_p)->lock);
        free(*self_p);
        *self_p = NULL;
    }
}

nb_status nb_sessions_open(nb_sessions *self, const nb_public_key *key,
                           uint8_t out_session[NB_SESSION_SIZE], nb_error *err)
{
    session made = {{0}, *key, nb_clock_ms()};
    if (getrandom(made.bytes, sizeof made.bytes, 0) != (ssize_t)sizeof made.bytes) {
        return nb_fail_errno(err, errno, "no random bytes for a session");
    }
    memcpy(out_session, made.bytes, NB_SESSION_SIZE);
    pthread_mutex_lock(&self->lock);
    session *oldest = &self->rows[0];
    session *own = NULL; // the key's own that was used longest ago
    unsigned own_count = 0;
    for (size_t i = 0; i < NB_SESSIONS_MAX; i++) {
        session *row = &self->rows[i];
        oldest = (row->used_ms < oldest->used_ms) ? row : oldest;
        if (row->used_ms != 0 && strcmp(row->key.text, key->text) == 0) {
            own_count++;
            own = (!own || row->used_ms < own->used_ms) ? row : own;
        }
    }
    oldest = (own_count >= NB_SESSIONS_KEY_MAX) ? own : oldest;
    *oldest = made;
    pthread_mutex_unlock(&self->lock);
    return NB_OK;
}

// The lock is held.
static session *find(nb_sessions *self, const nb_public_key *key,
                     const uint8_t session_bytes[NB_SESSION_SIZE], int64_t now_ms)
{
    for (size_t i = 0; i < NB_SESSIONS_MAX; i++) {
        session *row = &self->rows[i];
        if (row->used_ms != 0 && now_ms - row->used_ms < NB_SESSION_IDLE_MS &&
            memcmp(row->bytes, session_bytes, NB_SESSION_SIZE) == 0 &&
            strcmp(row->key.text, key->text) == 0) {
            return row;
        }
    }
    return NULL;
}

bool nb_sessions_use(nb_sessions *self, const nb_public_key *key,
                     const uint8_t session_bytes[NB_SESSION_SIZE])
{
    const int64_t now_ms = nb_clock_ms();
    pthread_mutex_lock(&self->lock);
    session *row = find(self, key, session_bytes, now_ms);
    if (row) {
        row->used_ms = now_ms;
    }
    pthread_mutex_unlock(&self->lock);
    return row != NULL;
}

bool nb_sessions_has(nb_sessions *self, const nb_public_key *key,
                     const uint8_t session_bytes[NB_SESSION_SIZE])
{
    pthread_mutex_lock(&self->lock);
    const bool has = find(self, key, session_bytes, nb_clock_ms()) != NULL;
    pthread_mutex_unlock(&self->lock);
    return has;
}

void nb_sessions_close(nb_sessions *self, const nb_public_key *key)
{
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < NB_SESSIONS_MAX; i++) {
        if (strcmp(self->rows[i].key.text, key->text) == 0) {
            self->rows[i] = (session){0};
        }
    }
    pthread_mutex_unlock(&self->lock);
}

void nb_faults_count(nb_faults *self, const nb_public_key *key, int64_t now_ms)
{
    struct nb_fault *row = &self->rows[0];
    for (size_t i = 0; i < NB_FAULT_KEYS; i++) {
        if (strcmp(self->rows[i].key.text, key->text) == 0) {
            row = &self->rows[i];
            break;
        }
        if (self->rows[i].since_ms < row->since_ms) {
            row = &self->rows[i]; // the oldest goes if the key has no row yet
        }
    }
    if (strcmp(row->key.text, key->text) != 0 || now_ms - row->since_ms >= NB_FAULTS_MS) {
        *row = (struct nb_fault){*key, 0, now_ms, 0};
    }
    row->count++;
    if (row->count >= NB_FAULTS_MAX && row->ignored_until_ms <= now_ms) {
        row->ignored_until_ms = now_ms + NB_FAULTS_MS;
        nb_log_warn("key %s: %u bad messages in a minute; it is ignored for the next", key->text,
                    row->count);
    }
}

bool nb_faults_ignores(const nb_faults *self, const nb_public_key *key, int64_t now_ms)
{
    for (size_t i = 0; i < NB_FAULT_KEYS; i++) {
        if (strcmp(self->rows[i].key.text, key->text) == 0) {
            return self->rows[i].ignored_until_ms > now_ms;
        }
    }
    return false;
}
