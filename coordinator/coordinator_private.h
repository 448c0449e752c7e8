// SPDX-License-Identifier: GPL-3.0-or-later
/// @file coordinator_private.h  The coordinator's inside, for its handlers.

#ifndef NB_COORDINATOR_COORDINATOR_PRIVATE_H
#define NB_COORDINATOR_COORDINATOR_PRIVATE_H
#include "base/arena.h"
#include "base/window.h"
#include "coordinator/access.h"
#include "coordinator/coordinator.h"
#include "coordinator/farm_ledger.h"
#include "coordinator/inspection.h"
#include "coordinator/invites.h"
#include "coordinator/metrics.h"
#include "coordinator/repacker.h"
#include "coordinator/revisions.h"
#include "coordinator/scheduler.h"

enum {
    NB_WAITERS_MAX = 1024,    ///< Held answers; past it they are given at once
    NB_WAITERS_KEY_MAX = 128, ///< Of one key, so that no one takes all places
    NB_WATCHED_JOBS = 4096,
    NB_WINDOWS_MAX = 64,       ///< Distinct ones kept ready; more are read again each time
    NB_FREE_PERCENT_MIN = 5,   ///< Below it pushes are refused; notes and results are still taken
    NB_FREE_PERCENT_LEAST = 1, ///< Below it no work is handed out
};

typedef struct nb_album {
    char name[NB_ALBUM_SIZE];
    nb_revisions *revisions;
    struct nb_notes_cache *notes; ///< song_notes.c
} nb_album;

/// A renderer as people see it; the scheduler knows it by its number, the index here and one more.
typedef struct nb_farm_node {
    nb_public_key key;
    char name[NB_NAME_SIZE];
    char host[NB_NAME_SIZE];
    unsigned threads;
    bool shares_store; ///< It may read the store's disk itself
    int64_t seen_wall_ms;
} nb_farm_node;

/// Windows by their text, as the ledger has it (wishes.c).
typedef struct nb_named_window {
    char text[NB_WINDOW_TEXT_SIZE];
    nb_window window;
} nb_named_window;
typedef struct nb_windows {
    int64_t due_ms;    ///< The next of them opens or closes, by the clock on the wall
    int64_t looked_ms; ///< When they were looked at last
    size_t count;
    nb_named_window list[NB_WINDOWS_MAX];
} nb_windows;

/// Who is behind a routing id since its Hello.
typedef struct nb_control_session {
    nb_peer peer;
    uint32_t renderer;                  ///< 0 for a client
    uint8_t instance[NB_INSTANCE_SIZE]; ///< Of a renderer's process; zeros if it did not say
    int64_t seen_ms;
} nb_control_session;

/// An answer that is held back.
typedef struct nb_waiter {
    nb_peer peer;
    uint64_t request;
    int64_t deadline_ms;
    uint32_t renderer; ///< Waits for work; 0: for news of `job`
    uint64_t job, cursor;
} nb_waiter;

/// What is answered; all that it points to is in the arena.
typedef struct nb_answer {
    nb_arena *arena;
    Nightbus__Reply reply;
    bool held; ///< The answer comes later
} nb_answer;

typedef struct nb_batch_answer {
    nb_peer peer;
    nb_answer answer;
} nb_batch_answer;

/// Answers that go out when what they say is on disk (batch.c).
typedef struct nb_batch {
    bool is_open; ///< The ledger is in a transaction
    bool is_lost; ///< A commit failed, and memory was not made to agree with the ledger yet
    size_t count, capacity;
    nb_batch_answer *answers;
} nb_batch;

struct nb_coordinator {
    char *data_path;
    char *store_path; ///< Absolute
    bool transfer;
    int64_t lease_ms;
    uint64_t incarnation;
    nb_coordinator_link link;
    nb_batch batch;
    nb_blob_store *store;
    nb_inspection *inspection; ///< Of blobs in it that somebody found damaged
    nb_repacker *repacker;     ///< Of the albums' repositories
    nb_ledger *ledger;
    nb_ledger *ledger_of_bulk; ///< The bulk thread's
    nb_ledger *ledger_of_zap;  ///< The ZAP thread's
    nb_access *access;
    nb_scheduler *scheduler;
    size_t album_count;
    nb_album *albums;
    size_t node_count;
    nb_farm_node *nodes;
    size_t session_count;
    nb_control_session *sessions;
    size_t waiter_count;
    nb_waiter *waiters;
    /// Counts every change that somebody may watch; starts at the wall clock, so that it only grows
    /// over restarts.
    uint64_t cursor;
    uint64_t job_cursors[NB_WATCHED_JOBS]; ///< By id modulo; a shared place only wakes too often
    nb_windows windows;
    nb_metrics metrics;
    bool told_mass_loss;
    bool unplanned;        ///< There may be jobs to plan
    bool unreviewed;       ///< There may be renderings to write into reviews
    bool review_failed;    ///< Some of them could not be written in this round
    uint64_t reviewed_to;  ///< The round is at this job; 0 at its start
    int64_t review_ms;     ///< When to write the next ones
    int64_t plan_after_ms; ///< Not before: the last try failed
};

/// Who asks.
typedef struct nb_caller {
    const nb_peer *peer;
    nb_member member;
    unsigned roles;            ///< Those that count for this request: the farm's and the album's
    char album[NB_ALBUM_SIZE]; ///< That it is about; "" for none
    uint32_t renderer;         ///< Its number; 0 for a client
    uint64_t request;
    int64_t now_ms;
} nb_caller;

typedef nb_status nb_handle(nb_coordinator *self, const nb_caller *caller,
                            const Nightbus__Request *request, nb_answer *answer, nb_error *err);

nb_handle nb_handle_invite_make, nb_handle_invite_list, nb_handle_invite_revoke, nb_handle_join,
    nb_handle_people_list, nb_handle_role_change, nb_handle_key_list, nb_handle_key_change,
    nb_handle_audit_list;
nb_handle nb_handle_album_render, nb_handle_album_render_show, nb_handle_key_ask;
nb_handle nb_handle_hello, nb_handle_album_create, nb_handle_album_list, nb_handle_album_head,
    nb_handle_log, nb_handle_show, nb_handle_missing, nb_handle_push, nb_handle_render,
    nb_handle_decide, nb_handle_version_list, nb_handle_inbox_list, nb_handle_inbox_seen,
    nb_handle_note_add, nb_handle_note_list, nb_handle_note_change, nb_handle_note_erase,
    nb_handle_note_log, nb_handle_note_import, nb_handle_job_list, nb_handle_job_watch,
    nb_handle_node_list, nb_handle_sync, nb_handle_task_finish, nb_handle_task_fail,
    nb_handle_incident_list, nb_handle_incident_keep, nb_handle_doubt, nb_handle_submit_print,
    nb_handle_submit_master, nb_handle_job_change, nb_handle_job_why, nb_handle_node_change,
    nb_handle_metrics_get, nb_handle_album_usage;

// ---- Batches (batch.c) ----

/// Is this request one that shares a commit with its neighbours?
bool nb_coordinator_is_batched(Nightbus__Request__BodyCase body);
/// Open a batch if none is open.
NB_NODISCARD nb_status nb_batch_open(nb_coordinator *self, nb_error *err);
/// After a commit that failed: make memory agree with the ledger again.
NB_NODISCARD nb_status nb_batch_mend(nb_coordinator *self, int64_t now_ms, nb_error *err);
void nb_batch_fini(nb_batch *self);
/// Send the answer: now, or with the batch that is open. Takes the answer's memory.
void nb_coordinator_answer(nb_coordinator *self, const nb_peer *peer, nb_answer *answer);
/// A scheduler without tasks, with the coordinator's options.
NB_NODISCARD nb_status nb_coordinator_new_scheduler(nb_coordinator *self, nb_scheduler **out,
                                                    nb_error *err);

// ---- Who may do what (dispatch.c, permit.c; docs/permissions.md) ----

/// The roles that may send a request; 0 for one that nobody may.
unsigned nb_request_roles(Nightbus__Request__BodyCase body);
/// Does a request change nothing?
bool nb_request_reads(Nightbus__Request__BodyCase body);

/// May this caller send a request that is for `roles`? Sets caller->roles. A request that names an
/// album (a field `album`) or a job of one (`job`) takes a role on that album, any other a role of
/// the farm, or of some album for what lists only what its asker may see. NB_E_PERMISSION says
/// which role is missing where.
NB_NODISCARD nb_status nb_permit(nb_coordinator *self, nb_caller *caller,
                                 const Nightbus__Request *request, unsigned roles, nb_error *err);

/// Write down that the caller's request was done, if it may have changed something.
void nb_coordinator_audit(nb_coordinator *self, const nb_caller *caller,
                          const Nightbus__Request *request);
void nb_coordinator_audit_join(nb_coordinator *self, const nb_invite_row *invite,
                               const nb_public_key *key, const char *name);

/// A key is good no more: its sessions end, its connections are cut, its leases are taken back.
void nb_coordinator_forget_key(nb_coordinator *self, const nb_public_key *key, int64_t now_ms);

/// May whoever watches a job still do so, now that there is an answer?
NB_NODISCARD nb_status nb_permit_waiter(nb_coordinator *self, const nb_waiter *waiter,
                                        nb_error *err);

/// Does the caller have any role on the album, or run the farm?
bool nb_caller_sees(nb_coordinator *self, const nb_caller *caller, const char *album);

/// What a key's holder may do on an album: roles of the farm and the album together.
NB_NODISCARD nb_status nb_album_roles(nb_ledger *ledger, const nb_member *member, const char *album,
                                      unsigned *out_roles, nb_error *err);

// ---- Answers (answer.c) ----

/// Zeroed memory of the answer; null without memory, which nb_answer_no_memory turns into a status.
void *nb_answer_take(const nb_answer *self, size_t count, size_t size);
char *nb_answer_string(const nb_answer *self, const char *text);
ProtobufCBinaryData nb_answer_digest(const nb_answer *self, const nb_digest *digest);
nb_status nb_answer_no_memory(nb_error *err);
/// The roles' names; null without memory.
char **nb_answer_roles(const nb_answer *self, unsigned roles, size_t *out_count);
/// Make the answer a failure in words.
void nb_answer_fail(nb_answer *self, nb_status status, const nb_error *err);
/// The job as people see it; null without memory.
Nightbus__JobRow *nb_answer_job_row(nb_coordinator *self, const nb_job *job,
                                    const nb_answer *answer);
/// The renderer as people see it.
NB_NODISCARD nb_status nb_answer_node_row(nb_coordinator *self, uint32_t renderer,
                                          Nightbus__NodeRow *row, const nb_answer *answer,
                                          nb_error *err);
/// Why the renderer gets no work whatever there is, in words; "" where it does.
void nb_why_node(nb_coordinator *self, uint32_t renderer, char *out, size_t size);
/// Answer with nothing but yes.
NB_NODISCARD nb_status nb_answer_ack(nb_answer *self, nb_error *err);

// ---- Albums (album.c, album_handlers.c) ----

/// NB_E_NOT_FOUND, in words, for a song without a version.
NB_NODISCARD nb_status nb_album_check_song(const nb_album *self, const char *song, nb_error *err);

/// NB_E_NOT_FOUND in words.
NB_NODISCARD nb_status nb_coordinator_album(nb_coordinator *self, const char *name, nb_album **out,
                                            nb_error *err);
NB_NODISCARD nb_status nb_coordinator_add_album(nb_coordinator *self, const char *name,
                                                nb_album **out, nb_error *err);
/// "v3", "m1", "latest" (the newest mix), "approved" (the newest approved mix) or "master" (the
/// newest master) of a song.
NB_NODISCARD nb_status nb_album_version(const nb_album *self, const char *song, const char *version,
                                        const nb_version **out, nb_error *err);
/// Where a version's frames lie in time: its notes are in them.
typedef struct nb_version_timing {
    unsigned rate_hz;
    int64_t starts_at_frame; ///< In the session it was made in; 0 for a mix rendered here
} nb_version_timing;

/// From the version's own document.
NB_NODISCARD nb_status nb_album_timing(const nb_album *self, const nb_version *version,
                                       nb_version_timing *out, nb_error *err);
/// The song's rate at that version: its notes are in frames.
NB_NODISCARD nb_status nb_album_rate(const nb_album *self, const nb_version *version,
                                     unsigned *out_rate_hz, nb_error *err);

/// Make the tags, rows and jobs of all commits since the album was last settled. What a push does
/// after its commit, and what start-up does after a crash.
NB_NODISCARD nb_status nb_album_settle(nb_coordinator *self, const nb_album *album, nb_error *err);

/// Less free than NB_FREE_PERCENT_MIN after taking `size` bytes: NB_E_NO_SPACE.
NB_NODISCARD nb_status nb_coordinator_check_space(const nb_coordinator *self, uint64_t size,
                                                  nb_error *err);

// ---- Jobs (jobs.c, tasks.c) ----

/// Mix and alternates are always made.
typedef enum nb_job_wants { NB_WANT_MIXES, NB_WANT_STEMS } nb_job_wants;

/// A new job for a version. With `job` of the newest one, where there is an open one that makes
/// what is wanted.
NB_NODISCARD nb_status nb_coordinator_start_job(nb_coordinator *self, const char *album,
                                                const nb_version *version, nb_job_wants wants,
                                                uint64_t *out_job, nb_error *err);
/// Plan some of the open jobs that have no task, if a renderer lives whose fingerprint they can
/// have. False: not all that was tried could be done now, so try later.
bool nb_coordinator_plan_jobs(nb_coordinator *self);
/// Write what was rendered into the reviews.
void nb_coordinator_review_jobs(nb_coordinator *self);
/// Take up the open tasks of the ledger.
NB_NODISCARD nb_status nb_coordinator_restore_tasks(nb_coordinator *self, int64_t now_ms,
                                                    nb_error *err);
/// Close what the scheduler gave up; plan anew what no live renderer can take.
void nb_coordinator_reap_tasks(nb_coordinator *self);
/// Something about the job changed: whoever watches it hears of it.
void nb_coordinator_touch_job(nb_coordinator *self, uint64_t job);
/// Add a line of the coordinator's own to the task's log.
void nb_coordinator_say(nb_coordinator *self, uint64_t task, const char *format, ...)
    NB_PRINTF(3, 4);
void nb_coordinator_touch_task(nb_coordinator *self, uint64_t task);
/// Let the task's renderer read what it needs.
NB_NODISCARD nb_status nb_coordinator_grant(nb_coordinator *self, const nb_public_key *key,
                                            const nb_task_row *task, nb_error *err);
/// What becomes of one job when its task ends.
typedef nb_status nb_close_job(nb_coordinator *self, nb_job *job, const void *context,
                               nb_error *err);
/// All open jobs of the task.
NB_NODISCARD nb_status nb_coordinator_for_jobs_of(nb_coordinator *self, uint64_t task,
                                                  nb_close_job *close, const void *context,
                                                  nb_error *err);
/// nb_close_job: it failed, for the reason that `context` says.
nb_close_job nb_coordinator_close_failed;
/// What a renderer says it works on.
NB_NODISCARD nb_status nb_attempt_id_read(uint64_t task, uint32_t attempt,
                                          ProtobufCBinaryData epoch, nb_attempt_id *out,
                                          nb_error *err);
/// Are all files of the result still in the store?
bool nb_coordinator_has_outputs(const nb_coordinator *self, const nb_result *result);

// ---- Nodes and waiters (farm.c, job_handlers.c, tasks.c) ----

/// The number of the renderer with this key and name, made known if need be.
NB_NODISCARD nb_status nb_coordinator_node(nb_coordinator *self, const nb_public_key *key,
                                           const char *name, uint32_t *out_renderer, nb_error *err);
nb_farm_node *nb_coordinator_node_at(const nb_coordinator *self, uint32_t renderer);

/// Hold the answer back. False: too many are held, answer at once.
bool nb_coordinator_hold(nb_coordinator *self, const nb_waiter *waiter);
/// Answer those whose news came or whose time is over.
void nb_coordinator_serve_waiters(nb_coordinator *self, int64_t now_ms);

/// Forget the answers that are held for this renderer.
void nb_coordinator_drop_waiters(nb_coordinator *self, uint32_t renderer);

/// Fill the answer to a Sync with work for this idle renderer; *out_found says whether there is
/// any.
NB_NODISCARD nb_status nb_coordinator_offer(nb_coordinator *self, uint32_t renderer, int64_t now_ms,
                                            nb_answer *answer, bool *out_found, nb_error *err);
/// Fill the answer to a JobWatch.
NB_NODISCARD nb_status nb_coordinator_job_state(nb_coordinator *self, uint64_t job, uint64_t cursor,
                                                nb_answer *answer, nb_error *err);
bool nb_coordinator_job_has_news(const nb_coordinator *self, uint64_t job, uint64_t cursor);

#endif // NB_COORDINATOR_COORDINATOR_PRIVATE_H
