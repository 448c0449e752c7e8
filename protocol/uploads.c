// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/uploads.h"

#include "base/clock.h"
#include "protocol/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /// An upload without a chunk for this long is taken over by the same key's other connection;
    /// until
    /// then that may be another program of the same person.
    TAKE_OVER_MS = 10000,
    /// One connection loses nothing, so silence on it means a slow link, and asking again would
    /// make
    /// it slower. This is for the chunk that did go astray.
    ASK_AGAIN_MS = 25000
};

typedef enum upload_state {
    UPLOAD_FREE,
    UPLOAD_OPENING,   ///< The writer reads again what an earlier attempt left
    UPLOAD_RECEIVING, ///< Chunks are asked for
    UPLOAD_COMMITTING ///< All were written; hash, fsync, rename and the row are under way
} upload_state;

/// Offsets ascend: written <= received <= asked <= size, and nothing is asked for that the sender
/// does not have yet. Chunks come in the order asked for, since
/// one connection carries them; whatever comes out of order is of an older window and is dropped.
typedef struct upload {
    upload_state state;
    uint64_t number;
    nb_upload_claim claim;
    nb_peer peer;
    uint8_t session[NB_SESSION_SIZE];
    uint64_t asked, received, written;
    nb_flow flow;
    int64_t touched_ms; ///< The last chunk of its connection; or since when one is awaited
    int64_t heard_ms;   ///< The last word of its sender
} upload;

struct nb_uploads {
    void *socket;
    nb_blob_writer *writer;
    uint64_t numbers;
    size_t turn; ///< Where the next pump begins, so that none is always last
    upload slots[NB_TRANSFERS_MAX];
};

nb_uploads *nb_uploads_new(void *socket, nb_blob_writer *writer)
{
    nb_uploads *self = calloc(1, sizeof *self);
    if (self) {
        self->socket = socket;
        self->writer = writer;
    }
    return self;
}

void nb_uploads_destroy(nb_uploads **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static nb_bulk_target target_of(const upload *one)
{
    nb_bulk_target target = {&one->peer, {0}};
    memcpy(target.session, one->session, sizeof target.session);
    return target;
}

/// The upload of that blob by that key. Each key has its own: what one has sent of a blob must not
/// count for another, who may know its digest and nothing more.
static upload *find(nb_uploads *self, const nb_digest *digest, const nb_public_key *key)
{
    for (size_t i = 0; i < NB_TRANSFERS_MAX; i++) {
        upload *one = &self->slots[i];
        if (one->state != UPLOAD_FREE && nb_digest_equal(&one->claim.digest, digest) &&
            strcmp(one->claim.key.text, key->text) == 0) {
            return one;
        }
    }
    return NULL;
}

static unsigned slot_of(const nb_uploads *self, const upload *one)
{
    return (unsigned)(one - self->slots);
}

/// The draft of a named blob stays for whoever goes on with it; nobody finds one without a name.
static void end(nb_uploads *self, upload *one)
{
    if (one->claim.is_growing) {
        nb_blob_writer_discard(self->writer, slot_of(self, one), one->number);
    } else {
        nb_blob_writer_close(self->writer, slot_of(self, one), one->number);
    }
    one->state = UPLOAD_FREE;
}

static void refuse(nb_uploads *self, upload *one, nb_status status, const char *text)
{
    const nb_bulk_target target = target_of(one);
    nb_bulk_send_refused(self->socket, &target, &one->claim.digest, status, text);
    end(self, one);
}

/// Start at a free slot; without one the client is told to wait.
static void begin(nb_uploads *self, const nb_bulk_target *from, const nb_upload_claim *claim)
{
    upload *one = NULL;
    unsigned own_count = 0;
    for (size_t i = 0; i < NB_TRANSFERS_MAX; i++) {
        upload *slot = &self->slots[i];
        if (slot->state == UPLOAD_FREE) {
            one = one ? one : slot;
        } else if (strcmp(slot->claim.key.text, claim->key.text) == 0) {
            own_count++;
        }
    }
    if (!one || own_count >= NB_TRANSFERS_KEY_MAX) {
        nb_bulk_send_wait(self->socket, from, &claim->digest);
        return;
    }
    *one = (upload){.state = UPLOAD_OPENING, .number = ++self->numbers, .claim = *claim};
    nb_flow_init(&one->flow);
    one->peer = *from->peer;
    memcpy(one->session, from->session, sizeof one->session);
    one->touched_ms = one->heard_ms = nb_clock_ms();
    if (!nb_blob_writer_open(self->writer, slot_of(self, one), one->number, claim)) {
        refuse(self, one, NB_E_NO_MEMORY, "the coordinator has no memory left");
    }
}

/// True if the connection of an upload is closed.
static bool is_gone(nb_uploads *self, const upload *one)
{
    const nb_bulk_target target = target_of(one);
    return !nb_bulk_send_wait(self->socket, &target, &one->claim.digest) && errno == EHOSTUNREACH;
}

/// Whether the one who offers an upload that is under way goes on with it.
static bool may_take_over(nb_uploads *self, const upload *one, const nb_bulk_target *from,
                          int64_t now_ms)
{
    const int64_t idle_ms = now_ms - one->touched_ms;
    if (memcmp(one->session, from->session, NB_SESSION_SIZE) == 0) {
        return idle_ms >= ASK_AGAIN_MS;
    }
    return idle_ms >= TAKE_OVER_MS || is_gone(self, one);
}

/// All is written: have it checked and named, once its name is known.
static void commit_if_whole(nb_uploads *self, upload *one)
{
    if (one->state != UPLOAD_RECEIVING || one->written != one->claim.size || !one->claim.is_named) {
        return;
    }
    if (nb_blob_writer_commit(self->writer, slot_of(self, one), one->number, &one->claim)) {
        one->state = UPLOAD_COMMITTING;
    } else {
        refuse(self, one, NB_E_NO_MEMORY, "the coordinator has no memory left");
    }
}

static bool is_same(const nb_upload_claim *a, const nb_upload_claim *b)
{
    return a->size == b->size && a->is_growing == b->is_growing;
}

/// Its sender has more of a blob than before, or its name. False if it says nothing new.
static bool take_news(upload *one, const nb_bulk_target *from, const nb_upload_claim *claim)
{
    if (memcmp(one->session, from->session, NB_SESSION_SIZE) != 0 || !is_same(&one->claim, claim)) {
        return false;
    }
    one->heard_ms = nb_clock_ms();
    if (claim->there <= one->claim.there && (!claim->is_named || one->claim.is_named)) {
        return false;
    }
    one->claim = *claim;
    return true;
}

void nb_uploads_offer(nb_uploads *self, const nb_bulk_target *from, const nb_upload_claim *claim)
{
    upload *one = find(self, &claim->digest, &claim->key);
    if (!one) {
        begin(self, from, claim);
        return;
    }
    const int64_t now_ms = nb_clock_ms();
    if (take_news(one, from, claim) && now_ms - one->touched_ms < ASK_AGAIN_MS) {
        commit_if_whole(self, one);
        return; // what more there is, the next nb_uploads_pump asks for
    }
    if (one->state != UPLOAD_RECEIVING || !may_take_over(self, one, from, now_ms)) {
        nb_bulk_send_wait(self->socket, from, &claim->digest);
        return;
    }
    if (!is_same(&one->claim, claim)) {
        end(self, one); // not what was promised before
        begin(self, from, claim);
        return;
    }
    one->claim = *claim;
    one->peer = *from->peer;
    memcpy(one->session, from->session, sizeof one->session);
    one->touched_ms = one->heard_ms = now_ms;
    one->asked = one->received; // what the old connection was asked for is lost: ask again
    nb_flow_restart(&one->flow);
    commit_if_whole(self, one);
    nb_uploads_pump(self, now_ms);
}

bool nb_uploads_chunk(nb_uploads *self, const nb_bulk_target *from, const Nightbus__Chunk *chunk,
                      zmq_msg_t *bytes)
{
    const nb_digest digest = nb_wire_to_digest(chunk->digest);
    const size_t size = zmq_msg_size(bytes);
    if (size == 0 || size > NB_CHUNK_SIZE || chunk->offset >= chunk->total) {
        return false;
    }
    upload *one = find(self, &digest, &from->peer->key);
    if (!one || memcmp(one->session, from->session, NB_SESSION_SIZE) != 0) {
        return true; // late, of an upload that ended or moved to another connection
    }
    if (one->claim.size != chunk->total) {
        return false;
    }
    one->touched_ms = one->heard_ms = nb_clock_ms();
    if (one->state != UPLOAD_RECEIVING || chunk->offset != one->received) {
        return true; // of an older window
    }
    const uint64_t rest = one->claim.size - one->received;
    const uint64_t expected = rest < NB_CHUNK_SIZE ? rest : NB_CHUNK_SIZE;
    if (one->received >= one->asked || size != expected) {
        return false;
    }
    if (!nb_blob_writer_write(self->writer, slot_of(self, one), one->number, bytes)) {
        refuse(self, one, NB_E_NO_MEMORY, "the coordinator has no memory left");
        return true;
    }
    one->received += size;
    nb_flow_arrive(&one->flow, size, nb_clock_us());
    return true;
}

void nb_uploads_result(nb_uploads *self, const nb_write_result *result)
{
    upload *one = &self->slots[result->slot];
    if (one->state == UPLOAD_FREE || one->number != result->upload) {
        return; // it ended meanwhile
    }
    const nb_bulk_target target = target_of(one);
    if (result->step == NB_WRITE_OPENED && result->status == NB_E_CONFLICT) {
        // The coordinator before this one has not ended yet.
        nb_bulk_send_wait(self->socket, &target, &one->claim.digest);
        end(self, one);
        return;
    }
    if (result->status != NB_OK) {
        refuse(self, one, result->status, result->text);
        return;
    }
    if (result->step == NB_WRITE_COMMITTED) {
        nb_bulk_send_stored(self->socket, &target, &one->claim.digest);
        end(self, one);
        return;
    }
    if (result->step == NB_WRITE_OPENED) {
        one->state = UPLOAD_RECEIVING;
        one->asked = one->received = result->have;
        one->touched_ms = nb_clock_ms();
    }
    one->written = result->have;
    commit_if_whole(self, one);
}

/// Chunks that were asked for and are not yet on disk: what may be in memory.
static size_t count_in_flight(const nb_uploads *self)
{
    size_t chunks = 0;
    for (size_t i = 0; i < NB_TRANSFERS_MAX; i++) {
        const upload *one = &self->slots[i];
        if (one->state == UPLOAD_RECEIVING) {
            chunks += (size_t)((one->asked - one->written + NB_CHUNK_SIZE - 1) / NB_CHUNK_SIZE);
        }
    }
    return chunks;
}

/// Ask for the next chunk of one upload. False if its window is full, its sender does not have a
/// whole one yet, or is gone.
static bool ask(nb_uploads *self, upload *one)
{
    const uint64_t rest = one->claim.size - one->asked;
    const uint64_t chunk = rest < NB_CHUNK_SIZE ? rest : NB_CHUNK_SIZE;
    if (one->state != UPLOAD_RECEIVING || chunk == 0 || one->asked + chunk > one->claim.there ||
        one->asked - one->written >= one->flow.size) {
        return false;
    }
    Nightbus__Want want = NIGHTBUS__WANT__INIT;
    want.digest = nb_wire_digest(&one->claim.digest);
    want.offset = one->asked;
    want.size = (uint32_t)chunk;
    const nb_bulk_target target = target_of(one);
    if (!nb_bulk_send_want(self->socket, &target, &want)) {
        return false; // it left; it may come back, else its time runs out
    }
    if (one->asked == one->received) {
        one->touched_ms = nb_clock_ms(); // the wait for a chunk begins
    }
    one->asked += want.size;
    nb_flow_ask(&one->flow, nb_clock_us());
    return true;
}

static bool is_given_up(const upload *one, int64_t now_ms)
{
    return one->claim.is_growing ? now_ms - one->heard_ms > NB_GROWING_IDLE_MS
                                 : now_ms - one->touched_ms > NB_TRANSFER_IDLE_MS;
}

void nb_uploads_pump(nb_uploads *self, int64_t now_ms)
{
    for (size_t i = 0; i < NB_TRANSFERS_MAX; i++) {
        upload *one = &self->slots[i];
        if (one->state == UPLOAD_RECEIVING && is_given_up(one, now_ms)) {
            end(self, one);
        }
    }
    // One chunk for each in turn until nobody takes more.
    size_t in_flight = count_in_flight(self);
    bool asked = true;
    while (asked && in_flight < NB_RECEIVE_BUDGET) {
        asked = false;
        for (size_t i = 0; i < NB_TRANSFERS_MAX && in_flight < NB_RECEIVE_BUDGET; i++) {
            if (ask(self, &self->slots[(self->turn + i) % NB_TRANSFERS_MAX])) {
                in_flight++;
                asked = true;
            }
        }
        self->turn = (self->turn + 1) % NB_TRANSFERS_MAX;
    }
}
