// SPDX-License-Identifier: GPL-3.0-or-later
/// @file states.h  The states of tasks, attempts and renderers, and which event leads where.
///
/// Three const tables; an event without a row changes nothing, is logged, and is the caller's to
/// refuse.

#ifndef NB_COORDINATOR_STATES_H
#define NB_COORDINATOR_STATES_H
#include <stdbool.h>

typedef enum nb_task_state {
    NB_TASK_QUEUED,
    NB_TASK_RUNNING,
    NB_TASK_DONE,
    NB_TASK_FAILED,
    NB_TASK_BLOCKED ///< Waits for others to be over; the ledger has it as queued
} nb_task_state;

typedef enum nb_attempt_state {
    NB_ATTEMPT_LIVE,      ///< Its lease runs
    NB_ATTEMPT_SUSPECT,   ///< Was live when the coordinator ended; its renderer may come back to it
    NB_ATTEMPT_EXPIRED,   ///< Its lease ran out
    NB_ATTEMPT_ABANDONED, ///< Its renderer lives, but not at it: it came back, or gave it back
    NB_ATTEMPT_FAILED,    ///< Its renderer says so
    NB_ATTEMPT_SUPERSEDED, ///< Another attempt's result was taken
    NB_ATTEMPT_DONE,
    NB_ATTEMPT_DIED ///< Its renderer is another process now
} nb_attempt_state;

typedef enum nb_renderer_state {
    NB_RENDERER_LOST,
    NB_RENDERER_IDLE,
    NB_RENDERER_BUSY
} nb_renderer_state;

typedef enum nb_task_event {
    NB_TASK_START,
    NB_TASK_PUT_BACK,
    NB_TASK_FINISH,
    NB_TASK_FAIL,
    NB_TASK_BLOCK,
    NB_TASK_RELEASE
} nb_task_event;
typedef enum nb_attempt_event {
    NB_ATTEMPT_RENEW,
    NB_ATTEMPT_EXPIRE,
    NB_ATTEMPT_ABANDON,
    NB_ATTEMPT_DIE,
    NB_ATTEMPT_FAIL,
    NB_ATTEMPT_SUPERSEDE,
    NB_ATTEMPT_FINISH
} nb_attempt_event;
typedef enum nb_renderer_event {
    NB_RENDERER_HEARD,
    NB_RENDERER_START,
    NB_RENDERER_STOP,
    NB_RENDERER_SILENT
} nb_renderer_event;

/// Move along the table; false, and a line in the log that names `what`, where it has no such row.
bool nb_task_state_move(nb_task_state *state, nb_task_event event, const char *what);
bool nb_attempt_state_move(nb_attempt_state *state, nb_attempt_event event, const char *what);
bool nb_renderer_state_move(nb_renderer_state *state, nb_renderer_event event, const char *what);

/// Is there such a row?
bool nb_attempt_state_may(nb_attempt_state state, nb_attempt_event event);

/// "live", "suspect", ... and "lost", "idle", "busy".
const char *nb_attempt_state_name(nb_attempt_state state);
const char *nb_renderer_state_name(nb_renderer_state state);

#endif // NB_COORDINATOR_STATES_H
