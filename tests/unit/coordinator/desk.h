// SPDX-License-Identifier: GPL-3.0-or-later
/// @file desk.h  The handlers, called directly: what a client and two renderers would send, without
/// sockets.

#ifndef NB_TESTS_COORDINATOR_DESK_H
#define NB_TESTS_COORDINATOR_DESK_H
#include "coordinator/coordinator_private.h"
#include "coordinator/sql.h"
#include "mix/plan.h"
#include "protocol/manifest.h"
#include "scratch.h"

enum { REPLIES_MAX = 64 };

extern const nb_peer ada; ///< An owner
extern const nb_peer one; ///< A renderer
extern const nb_peer two; ///< Another one
extern const nb_peer eve; ///< Unknown until a test enrols her

/// A coordinator and all replies that it sent.
typedef struct desk {
    const char *folder;
    const char *album; ///< That is made and pushed to
    nb_coordinator *coordinator;
    int64_t now_ms;
    bool batching;
    nb_sql *outside;  ///< A connection of its own: sees what is committed
    uint64_t watched; ///< A task that must be done, seen from outside, when a reply is sent
    uint64_t request;
    size_t reply_count;
    Nightbus__Reply *replies[REPLIES_MAX];
} desk;

/// What another connection to the ledger is told.
int64_t committed(const desk *self, const char *question, uint64_t key);

/// The state of a task as it is on disk.
int64_t committed_state(const desk *self, uint64_t task);

/// Enrol a key under a name and with roles.
void put_member(nb_ledger *ledger, const nb_peer *peer, const char *name, unsigned roles);

/// A coordinator in `folder`, which knows ada and both renderers; also again, as after a restart.
void open_desk(desk *self, const char *folder);

void close_desk(desk *self);

/// The reply to the request of that number; null if none was sent.
const Nightbus__Reply *reply_to(const desk *self, uint64_t request);

/// Send; the reply, or null where the answer is held. While batching, the commit is the test's.
const Nightbus__Reply *ask(desk *self, const nb_peer *peer, Nightbus__Request__BodyCase body,
                           void *message);

/// It came, and is no failure.
void assert_answer(const Nightbus__Reply *reply);

/// It came, and is that failure with those words in it.
void assert_refusal(const Nightbus__Reply *reply, nb_status expected, const char *words);

/// Say Hello.
const Nightbus__Reply *greet(desk *self, const nb_peer *peer, const char *role, const char *name);

ProtobufCBinaryData bytes_of(void *bytes, size_t size);

/// Create the album that pushes go to.
void make_album(desk *self);

/// Put a blob into the store and its row into the ledger, as the bulk thread does it.
void upload(desk *self, const char *text, nb_digest *out);

/// One push: what differs between those of a test.
typedef struct push {
    const char *base;
    const char *folder; ///< The song's
    double fader_db;
    const char *file; ///< That the clip names
    uint8_t client;
} push;

/// Upload what it needs, and push it.
const Nightbus__Reply *send_push(desk *self, const push *what);

/// The heartbeat of a renderer without a task; null while its answer is held.
const Nightbus__Reply *sync_idle(desk *self, const nb_peer *peer, uint32_t wait_ms);

/// The heartbeat of a renderer at that task.
const Nightbus__Reply *sync_busy(desk *self, const nb_peer *peer, const Nightbus__Orders *orders);

/// The plan that the orders name.
nb_plan read_plan(desk *self, const Nightbus__Orders *orders);

/// Report that the task is done, with `bytes` as its mix.
const Nightbus__Reply *finish(desk *self, const nb_peer *peer, const Nightbus__Orders *orders,
                              const char *bytes);

/// The same; edges that were kept may follow it.
const Nightbus__Reply *finish_followed(desk *self, const nb_peer *peer,
                                       const Nightbus__Orders *orders, const char *bytes,
                                       int is_followed);

/// Of the album's one song.
const Nightbus__Reply *show(desk *self, const char *version);

/// A desk with ada greeted and an album.
void start(desk *self, const char *folder);

extern const push first_push; ///< Of the song, with no base

/// song@v1, to be rendered to "the mix", seen by ada, its owner, and bo, an artist.
void start_deciding(desk *self, const char *folder);

/// Give the next task to renderer one, which renders it to `bytes`.
void render_one(desk *self, const char *bytes);

/// As if 91 days had passed for every file and row.
void age(const char *folder, const char *script);

/// Are they in the store?
bool has_bytes(const desk *self, const char *bytes);

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

#endif // NB_TESTS_COORDINATOR_DESK_H
