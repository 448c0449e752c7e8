// SPDX-License-Identifier: GPL-3.0-or-later
/// @file ahead.h  Tasks that make a song's dear edges before it, on several renderers at once.
///
/// A song with all its outputs is one task. Where renderers have nothing else to do and it pays
/// (mix/split.h), its dear edges are tasks of their own that the song's task waits for; then it
/// goes on from what they made. Such a task has no job: it follows the wishes of the jobs that wait
/// for it and ends with the last of them, and when it fails the song makes its edges itself.

#ifndef NB_COORDINATOR_AHEAD_H
#define NB_COORDINATOR_AHEAD_H
#include "coordinator/costs.h"
#include "coordinator/scheduler.h"
#include "mix/split.h"
#include "protocol/manifest.h"

/// The song that is planned.
typedef struct nb_ahead_song {
    const nb_job *job;
    const char *fingerprint;
    const nb_graph *graph;
    const nb_outputs *outputs; ///< That are to be made
    const nb_freezes *freezes; ///< That making them meets
    const nb_manifest *manifest;
    size_t others; ///< Jobs that will want a renderer, too, and have no task yet
} nb_ahead_song;

/// A task that is made for it.
typedef struct nb_ahead_task {
    uint64_t id;
    nb_task_cost cost;
} nb_ahead_task;

/// What goes before it. Zero-initialise.
typedef struct nb_ahead {
    nb_split split;  ///< By index of the freezes
    nb_freezes rest; ///< The song's once those tasks are over; only `kept` is its own
    nb_ahead_task tasks[NB_SPLIT_TASKS_MAX]; ///< split.task_count of them
    size_t need_count;
    uint64_t needs[NB_NEEDS_MAX]; ///< Those, and tasks of others that make some of its edges
} nb_ahead;

void nb_ahead_fini(nb_ahead *self);

/// The renderers that may work for one more song: idle ones with the fingerprint and what `label`
/// asks for, without those that waiting tasks and `others` will take.
void nb_ahead_find_farm(const nb_coordinator *self, const char *fingerprint, const char *label,
                        size_t others, nb_split_farm *out);

/// Decide what goes before the song.
NB_NODISCARD nb_status nb_ahead_find(nb_coordinator *self, const nb_ahead_song *song, nb_ahead *out,
                                     nb_error *err);

/// Write the tasks down, in the transaction that is open; `plan` is the song's.
NB_NODISCARD nb_status nb_ahead_add(nb_coordinator *self, const nb_ahead_song *song,
                                    const nb_plan *plan, nb_ahead *ahead, nb_error *err);
/// And that this task, the song's, waits for them.
NB_NODISCARD nb_status nb_ahead_add_needs(nb_coordinator *self, const nb_ahead *ahead,
                                          uint64_t task, nb_error *err);
/// Give them to the scheduler, before the song's.
NB_NODISCARD nb_status nb_ahead_schedule(nb_coordinator *self, const nb_ahead_song *song,
                                         const nb_ahead *ahead, nb_error *err);

/// Put what was kept meanwhile into the plan of a task that is given out, and into the ledger.
NB_NODISCARD nb_status nb_ahead_renew_plan(nb_coordinator *self, nb_task_row *task, nb_plan *plan,
                                           nb_error *err);

/// How far a task is together with those that go before it.
typedef struct nb_ahead_progress {
    size_t count;      ///< Tasks that go before it, or went; 0: there is nothing else to say
    size_t left;       ///< Those that are not over
    uint32_t renderer; ///< Makes one of those; 0: nobody does
    double done;       ///< 0 to 1, of the work of all together
    int64_t frames;    ///< Expected length of the song
} nb_ahead_progress;

NB_NODISCARD nb_status nb_ahead_look(nb_coordinator *self, uint64_t task, nb_ahead_progress *out,
                                     nb_error *err);

/// Tasks that the task waits for.
NB_NODISCARD nb_status nb_ahead_list(nb_coordinator *self, uint64_t task,
                                     uint64_t out_needs[NB_NEEDS_MAX], size_t *out_count,
                                     nb_error *err);

#endif // NB_COORDINATOR_AHEAD_H
