// SPDX-License-Identifier: GPL-3.0-or-later
/// @file task.h  Tasks, attempts and renderers as the scheduler sees them.

#ifndef NB_COORDINATOR_TASK_H
#define NB_COORDINATOR_TASK_H
#include "coordinator/states.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NB_ATTEMPTS_COUNTED = 5, ///< So many that speak against a task fail it (nb_attempt_counts)
    NB_ATTEMPTS_MAX = 30,    ///< So many of any kind do: on links so bad, somebody should look
    NB_EPOCH_SIZE = 16,
};

/// A random incarnation of the coordinator and a counter: an attempt handed out before a restored
/// backup never has the epoch of one handed out after it.
typedef struct nb_epoch {
    uint8_t bytes[NB_EPOCH_SIZE];
} nb_epoch;

/// What a renderer says it works on.
typedef struct nb_attempt_id {
    uint64_t task;
    uint32_t attempt; ///< From 1
    nb_epoch epoch;
} nb_attempt_id;

typedef struct nb_attempt {
    nb_attempt_id id;
    uint32_t renderer;
    uint64_t process; ///< Of the renderer, that it was given to; 0 if it did not say
    nb_attempt_state state;
    int64_t lease_until_ms;
    int64_t started_ms;
    int64_t moved_ms;                   ///< When its progress was last seen to grow
    uint64_t done_frames, total_frames; ///< As last reported; 0 of 0 before
} nb_attempt;

/// Why a task may not go out, or a renderer gets none. Bits.
enum {
    NB_HOLD_PAUSED = 1 << 0,    ///< A task: all its jobs are paused
    NB_HOLD_WINDOW = 1 << 1,    ///< Outside its hours
    NB_HOLD_DRAINED = 1 << 2,   ///< A renderer: somebody drained it
    NB_HOLD_ASIDE = 1 << 3,     ///< Somebody set it aside
    NB_HOLD_SUSPECTED = 1 << 4, ///< Set aside by itself: it failed what others rendered
    NB_HOLD_STOPPING = 1 << 5,  ///< It says that it ends after what it does
};

typedef struct nb_task_group nb_task_group; // task_queue.h

typedef struct nb_task {
    uint64_t id;
    nb_task_state state;
    const char *fingerprint; ///< Only renderers with this one may take it
    int priority;            ///< Higher goes first
    int64_t created_ms;
    int64_t verdict_ms; ///< Worn out, and so given up then unless a lost renderer comes back
    int64_t passed_ms; ///< When an idle renderer first left it to one with the stems; 0 for not yet
    uint64_t cost;     ///< In units of the caller's; the larger goes first
    uint64_t song;     ///< Hash of whose stems it needs; 0 for nobody's
    unsigned holds;    ///< NB_HOLD_...
    char *label;       ///< What its renderer must have: "", "gpu", "gpu=a100,room"
    size_t attempt_count, attempt_capacity;
    nb_attempt *attempts;
    size_t waits_for;                         ///< Tasks that must be over before it can start
    size_t dependent_count;                   ///< Tasks that wait for this one:
    uint64_t *dependents;                     ///< Their ids; some may be gone
    nb_task_group *group;                     ///< The queue's
    size_t table_index, running_index_plus_1; ///< The scheduler's, and:
    struct nb_task *next_failed;
} nb_task;

typedef struct nb_renderer {
    uint32_t id;
    uint64_t process; ///< Random, of its newest Hello; 0 if it did not say
    nb_renderer_state state;
    const char *fingerprint; ///< Null before its Hello
    char *labels;            ///< "gpu=a100,room"
    unsigned holds;          ///< NB_HOLD_...
    bool shares_store;       ///< Reads the farm's disk: it has everybody's stems
    uint64_t name_hash;      ///< For rendezvous hashing: the same after a restart
    int64_t seen_ms;
    int64_t silent_from_ms; ///< Lost when nothing was heard until then
    int64_t lost_ms;        ///< When it was lost last; 0 for never in this life
    uint64_t task;          ///< While busy
    nb_attempt_id lost;     ///< What expired while it was away; task 0 for nothing
    uint32_t leases;        ///< Attempts that are live or suspect
    uint32_t done, failed;  ///< Attempts, in this life of the coordinator
    uint32_t blamed;        ///< Tasks that it failed and another rendered, since its last result
    double cost_per_ms;     ///< How fast it was; 0 while not known
} nb_renderer;

/// The live or suspect attempt of a task; null for none. Of two, the one that is further.
const nb_attempt *nb_task_leased(const nb_task *self);

/// How many are: two while a straggler has company.
size_t nb_task_leased_count(const nb_task *self);

/// Is this attempt live or suspect?
bool nb_attempt_is_leased(const nb_attempt *self);

/// Does it speak against its task? It does where its renderer says so, where the renderer's process
/// died with it, and as long as nobody heard of that renderer again (docs/failures.md).
bool nb_attempt_counts(const nb_attempt *self);
size_t nb_task_count_against(const nb_task *self);

/// Had it NB_ATTEMPTS_COUNTED or NB_ATTEMPTS_MAX? Then it does not go out any more.
bool nb_task_is_worn_out(const nb_task *self);

#endif // NB_COORDINATOR_TASK_H
