// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/bulk_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "protocol/blob_writer.h"
#include "protocol/peer.h"
#include "protocol/sockets.h"
#include "protocol/uploads.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

enum {
    POLL_MS = 100,
    MESSAGES_A_ROUND = 64,
    PERMISSIONS = 64,
    PERMISSION_MS = 2000 ///< How long a right to read is believed: one blob has many ranges
};

/// A right to read that was granted a moment ago.
typedef struct permission {
    uint8_t session[NB_SESSION_SIZE];
    nb_digest digest;
    uint64_t task;
    char album[NB_WORD_MAX + 1];
    int64_t until_ms;
} permission;

struct nb_bulk_server {
    nb_bulk_server_options options;
    void *socket; ///< The thread's own, as are all below but `stop`
    nb_blob_writer *writer;
    nb_blob_sender *sender;
    nb_uploads *uploads;
    nb_faults faults;
    permission permissions[PERMISSIONS];
    size_t next_permission;
    pthread_t thread;
    bool started;
    atomic_bool stop;
};

/// A bulk message with whom it is from.
typedef struct received {
    nb_peer peer;
    nb_bulk_target target;
    Nightbus__Bulk *message;
    zmq_msg_t *bytes; ///< The chunk's, or null
} received;

static nb_status call_stored(void *context, const nb_upload_claim *claim, nb_error *err)
{
    const nb_server_options *server = context;
    return server->stored(server->context, &claim->key, claim->album[0] ? claim->album : NULL,
                          claim->task, &claim->name, claim->size, err);
}

static const char *text_of(const nb_error *err, nb_status status)
{
    return err->text[0] ? err->text : nb_status_name(status);
}

static nb_upload_claim claim_of(const received *what)
{
    const Nightbus__Offer *offer = what->message->offer;
    nb_upload_claim claim = {.key = what->peer.key, .task = offer->task, .size = offer->size};
    claim.digest = nb_wire_to_digest(offer->digest);
    claim.is_growing = offer->has_written;
    claim.there = offer->has_written ? offer->written : offer->size;
    claim.is_named = offer->has_name || !offer->has_written;
    claim.name = offer->has_name ? nb_wire_to_digest(offer->name) : claim.digest;
    if (offer->album) {
        strncpy(claim.album, offer->album, NB_WORD_MAX); // no longer by the limits table
    }
    return claim;
}

/// What still grows is a result on its way, and has a name once it is whole.
static nb_status check_growing(const Nightbus__Offer *offer, nb_error *err)
{
    if (!offer->has_written) {
        return offer->has_name ? nb_fail(err, NB_E_INVALID, "a name beside the digest") : NB_OK;
    }
    if (!offer->has_task || offer->task == 0) {
        return nb_fail(err, NB_E_INVALID, "only what is made for a task is taken while it grows");
    }
    return offer->written > offer->size || (offer->has_name && offer->written < offer->size)
               ? nb_fail(err, NB_E_INVALID,
                         "more is written than it shall have, or a name too soon")
               : NB_OK;
}

static void handle_offer(nb_bulk_server *self, const received *what)
{
    const Nightbus__Offer *offer = what->message->offer;
    const nb_upload_claim claim = claim_of(what);
    const nb_server_options *server = self->options.server;
    nb_error err = {0};
    nb_status status = check_growing(offer, &err);
    if (status == NB_OK) {
        status = server->may_write(server->context, &claim.key, offer->album, claim.task,
                                   &claim.digest, claim.size, &err);
    }
    if (status == NB_E_EXISTS) {
        nb_bulk_send_stored(self->socket, &what->target, &claim.digest);
    } else if (status != NB_OK) {
        nb_bulk_send_refused(self->socket, &what->target, &claim.digest, status,
                             text_of(&err, status));
    } else {
        nb_uploads_offer(self->uploads, &what->target, &claim);
    }
}

/// Ask the coordinator, unless it has just said yes to the same.
static nb_status check_read(nb_bulk_server *self, const received *what, const nb_digest *digest,
                            nb_error *err)
{
    const Nightbus__Want *want = what->message->want;
    const int64_t now_ms = nb_clock_ms();
    permission wanted = {.digest = *digest, .task = want->task, .until_ms = now_ms + PERMISSION_MS};
    memcpy(wanted.session, what->target.session, sizeof wanted.session);
    if (want->album) {
        strncpy(wanted.album, want->album, NB_WORD_MAX);
    }
    for (size_t i = 0; i < PERMISSIONS; i++) {
        const permission *row = &self->permissions[i];
        if (row->until_ms > now_ms && row->task == wanted.task &&
            nb_digest_equal(&row->digest, digest) &&
            memcmp(row->session, wanted.session, sizeof wanted.session) == 0 &&
            strcmp(row->album, wanted.album) == 0) {
            return NB_OK;
        }
    }
    const nb_server_options *server = self->options.server;
    const nb_status status =
        server->may_read(server->context, &what->peer.key, want->album, want->task, digest, err);
    if (status == NB_OK) {
        self->permissions[self->next_permission++ % PERMISSIONS] = wanted;
    }
    return status;
}

static void handle_want(nb_bulk_server *self, const received *what)
{
    const Nightbus__Want *want = what->message->want;
    nb_range range = {.peer = what->peer, .offset = want->offset, .size = want->size};
    range.digest = nb_wire_to_digest(want->digest);
    memcpy(range.session, what->target.session, sizeof range.session);
    nb_error err = {0};
    const nb_status status = check_read(self, what, &range.digest, &err);
    if (status != NB_OK) {
        nb_bulk_send_refused(self->socket, &what->target, &range.digest, status,
                             text_of(&err, status));
    } else if (!nb_blob_sender_add(self->sender, &range)) {
        nb_log_warn("bulk: more than %d ranges wait; one was dropped", NB_WANTS_MAX);
    }
}

/// The digest that a message of a client is about, or null where a client has no business to send
/// it.
static const ProtobufCBinaryData *subject(const Nightbus__Bulk *message)
{
    switch (message->body_case) {
    case NIGHTBUS__BULK__BODY_OFFER:
        return &message->offer->digest;
    case NIGHTBUS__BULK__BODY_WANT:
        return &message->want->digest;
    case NIGHTBUS__BULK__BODY_CHUNK:
        return &message->chunk->digest;
    default:
        return NULL;
    }
}

/// Act on one message. False if it was a fault of its sender.
static bool handle(nb_bulk_server *self, const received *what)
{
    const ProtobufCBinaryData *about = subject(what->message);
    const bool is_chunk = what->message->body_case == NIGHTBUS__BULK__BODY_CHUNK;
    if (!about || is_chunk != (what->bytes != NULL)) {
        return false;
    }
    if (!nb_sessions_use(self->options.sessions, &what->peer.key, what->target.session)) {
        const nb_digest digest = nb_wire_to_digest(*about);
        nb_bulk_send_refused(self->socket, &what->target, &digest, NB_E_STALE,
                             "this session is not open (any more): say Hello again");
        return true;
    }
    if (is_chunk) {
        return nb_uploads_chunk(self->uploads, &what->target, what->message->chunk, what->bytes);
    }
    if (what->message->body_case == NIGHTBUS__BULK__BODY_OFFER) {
        handle_offer(self, what);
    } else {
        handle_want(self, what);
    }
    return true;
}

static void handle_frames(nb_bulk_server *self, nb_frames *frames)
{
    received what = {0};
    if (!nb_peer_read(frames, &what.peer)) {
        return;
    }
    nb_guard_heard(self->options.guard, &frames->parts[1], &what.peer.key);
    if (nb_faults_ignores(&self->faults, &what.peer.key, nb_clock_ms())) {
        return;
    }
    nb_error err = {0};
    NB_SCOPED(nb_wire_free_bulk) Nightbus__Bulk *message = NULL;
    nb_status status = frames->too_many ? nb_fail(&err, NB_E_LIMIT, "too many frames") : NB_OK;
    if (status == NB_OK) {
        status = nb_wire_unpack_bulk(zmq_msg_data(&frames->parts[1]),
                                     zmq_msg_size(&frames->parts[1]), &message, &err);
    }
    if (status == NB_OK) {
        what.message = message;
        what.bytes = frames->count > 2 ? &frames->parts[2] : NULL;
        what.target.peer = &what.peer;
        memcpy(what.target.session, message->session.data, sizeof what.target.session);
        if (handle(self, &what)) {
            return;
        }
        nb_fail(&err, NB_E_INVALID, "a message out of place");
    }
    nb_log_debug("bulk: key %s: %s", what.peer.key.text, err.text);
    nb_faults_count(&self->faults, &what.peer.key, nb_clock_ms());
}

/// One round: what came, what the writer did, what may go out.
static void serve(nb_bulk_server *self)
{
    zmq_pollitem_t items[] = {{self->socket, 0, ZMQ_POLLIN, 0},
                              {NULL, self->options.budget->event_fd, ZMQ_POLLIN, 0}};
    zmq_poll(items, (int)NB_COUNT(items), POLL_MS);
    eventfd_t events = 0;
    eventfd_read(self->options.budget->event_fd, &events);
    nb_frames frames;
    for (int i = 0; i < MESSAGES_A_ROUND && nb_frames_receive(self->socket, &frames); i++) {
        handle_frames(self, &frames);
        nb_frames_fini(&frames);
        nb_blob_sender_pump(self->sender);
    }
    for (nb_write_result *result = nb_blob_writer_take(self->writer); result;
         result = nb_blob_writer_take(self->writer)) {
        nb_uploads_result(self->uploads, result);
        free(result);
    }
    nb_uploads_pump(self->uploads, nb_clock_ms());
    nb_blob_sender_pump(self->sender);
}

static void *run(void *argument)
{
    nb_bulk_server *self = argument;
    while (!atomic_load(&self->stop)) {
        if (!nb_zap_is_alive(self->options.zap)) {
            nb_log_error("the key check has ended: the bulk port is closed");
            break;
        }
        serve(self);
    }
    nb_socket_stop_monitor(self->socket);
    nb_socket_close(&self->socket);
    return NULL;
}

/// Make what the thread uses.
static nb_status make_parts(nb_bulk_server *self, nb_error *err)
{
    const nb_server_options *server = self->options.server;
    // The writer only hands the pointer back to call_stored.
    union {
        const nb_server_options *read;
        void *any;
    } context = {.read = server};
    const nb_status status =
        nb_blob_writer_start(server->store, call_stored, context.any,
                             self->options.budget->event_fd, &self->writer, err);
    if (status != NB_OK) {
        return status;
    }
    self->sender = nb_blob_sender_new(server->store, self->socket, self->options.budget,
                                      self->options.sessions);
    self->uploads = nb_uploads_new(self->socket, self->writer);
    if (!self->sender || !self->uploads) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the bulk thread");
    }
    return NB_OK;
}

nb_status nb_bulk_server_start(const nb_bulk_server_options *options, void **socket_p,
                               nb_bulk_server **out_server, nb_error *err)
{
    *out_server = NULL;
    NB_SCOPED(nb_bulk_server_destroy) nb_bulk_server *self = calloc(1, sizeof *self);
    if (!self) {
        return nb_fail(err, NB_E_NO_MEMORY, "no memory for the bulk thread");
    }
    self->options = *options;
    nb_bulk_keep_memory();
    self->socket = *socket_p;
    *socket_p = NULL;
    const nb_status status = make_parts(self, err);
    if (status != NB_OK) {
        return status;
    }
    const int errnum = nb_thread_start(&self->thread, run, self);
    if (errnum != 0) {
        return nb_fail_errno(err, errnum, "the bulk thread");
    }
    self->started = true;
    *out_server = self;
    self = NULL; // the caller's now
    return NB_OK;
}

void nb_bulk_server_destroy(nb_bulk_server **self_p)
{
    nb_bulk_server *self = *self_p;
    if (!self) {
        return;
    }
    atomic_store(&self->stop, true);
    if (self->started) {
        eventfd_write(self->options.budget->event_fd, 1);
        pthread_join(self->thread, NULL);
    }
    nb_socket_stop_monitor(self->socket);
    nb_socket_close(&self->socket);
    nb_blob_writer_destroy(&self->writer);
    nb_blob_sender_destroy(&self->sender);
    nb_uploads_destroy(&self->uploads);
    free(self);
    *self_p = NULL;
}
