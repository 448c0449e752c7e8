// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/states.h"

#include "base/log.h"
#include "base/status.h"

#include <stddef.h>

typedef struct transition {
    int event, from, to;
} transition;

static const transition task_transitions[] = {
    {NB_TASK_START, NB_TASK_QUEUED, NB_TASK_RUNNING},
    {NB_TASK_PUT_BACK, NB_TASK_RUNNING, NB_TASK_QUEUED},
    {NB_TASK_FINISH, NB_TASK_RUNNING, NB_TASK_DONE},
    {NB_TASK_FINISH, NB_TASK_QUEUED, NB_TASK_DONE}, // a late result
    {NB_TASK_FAIL, NB_TASK_RUNNING, NB_TASK_FAILED},
    {NB_TASK_FAIL, NB_TASK_QUEUED,
     NB_TASK_FAILED}, // a crash came between its last attempt and this
    {NB_TASK_BLOCK, NB_TASK_QUEUED, NB_TASK_BLOCKED},
    {NB_TASK_RELEASE, NB_TASK_BLOCKED, NB_TASK_QUEUED},
    {NB_TASK_START, NB_TASK_BLOCKED, NB_TASK_RUNNING}, // of the coordinator's last life
};

static const transition attempt_transitions[] = {
    {NB_ATTEMPT_RENEW, NB_ATTEMPT_LIVE, NB_ATTEMPT_LIVE},
    {NB_ATTEMPT_RENEW, NB_ATTEMPT_SUSPECT, NB_ATTEMPT_LIVE},
    {NB_ATTEMPT_RENEW, NB_ATTEMPT_EXPIRED, NB_ATTEMPT_LIVE},
    {NB_ATTEMPT_EXPIRE, NB_ATTEMPT_LIVE, NB_ATTEMPT_EXPIRED},
    {NB_ATTEMPT_EXPIRE, NB_ATTEMPT_SUSPECT, NB_ATTEMPT_EXPIRED},
    {NB_ATTEMPT_ABANDON, NB_ATTEMPT_LIVE, NB_ATTEMPT_ABANDONED},
    {NB_ATTEMPT_ABANDON, NB_ATTEMPT_SUSPECT, NB_ATTEMPT_ABANDONED},
    {NB_ATTEMPT_ABANDON, NB_ATTEMPT_EXPIRED, NB_ATTEMPT_ABANDONED}, // heard of after all
    {NB_ATTEMPT_DIE, NB_ATTEMPT_LIVE, NB_ATTEMPT_DIED},
    {NB_ATTEMPT_DIE, NB_ATTEMPT_SUSPECT, NB_ATTEMPT_DIED},
    {NB_ATTEMPT_DIE, NB_ATTEMPT_EXPIRED, NB_ATTEMPT_DIED},
    {NB_ATTEMPT_FAIL, NB_ATTEMPT_LIVE, NB_ATTEMPT_FAILED},
    {NB_ATTEMPT_FAIL, NB_ATTEMPT_SUSPECT, NB_ATTEMPT_FAILED},
    {NB_ATTEMPT_SUPERSEDE, NB_ATTEMPT_LIVE, NB_ATTEMPT_SUPERSEDED},
    {NB_ATTEMPT_SUPERSEDE, NB_ATTEMPT_SUSPECT, NB_ATTEMPT_SUPERSEDED},
    {NB_ATTEMPT_FINISH, NB_ATTEMPT_LIVE, NB_ATTEMPT_DONE},
    {NB_ATTEMPT_FINISH, NB_ATTEMPT_SUSPECT, NB_ATTEMPT_DONE},
    {NB_ATTEMPT_FINISH, NB_ATTEMPT_EXPIRED, NB_ATTEMPT_DONE},
    {NB_ATTEMPT_FINISH, NB_ATTEMPT_ABANDONED, NB_ATTEMPT_DONE},
    {NB_ATTEMPT_FINISH, NB_ATTEMPT_DIED, NB_ATTEMPT_DONE}, // it said so before it died
};

static const transition renderer_transitions[] = {
    {NB_RENDERER_HEARD, NB_RENDERER_LOST, NB_RENDERER_IDLE},
    {NB_RENDERER_HEARD, NB_RENDERER_IDLE, NB_RENDERER_IDLE},
    {NB_RENDERER_HEARD, NB_RENDERER_BUSY, NB_RENDERER_BUSY},
    {NB_RENDERER_START, NB_RENDERER_IDLE, NB_RENDERER_BUSY},
    {NB_RENDERER_STOP, NB_RENDERER_BUSY, NB_RENDERER_IDLE},
    {NB_RENDERER_SILENT, NB_RENDERER_IDLE, NB_RENDERER_LOST},
};

static const char *const task_names[] = {"queued", "running", "done", "failed", "blocked"};
static const char *const attempt_names[] = {"live",   "suspect",    "expired", "abandoned",
                                            "failed", "superseded", "done",    "died"};
static const char *const renderer_names[] = {"lost", "idle", "busy"};

const char *nb_attempt_state_name(nb_attempt_state state) { return attempt_names[state]; }
const char *nb_renderer_state_name(nb_renderer_state state) { return renderer_names[state]; }

// The state after `event`, or -1 where the table has no such row.
static int next_state(const transition *table, size_t count, int event, int from)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].event == event && table[i].from == from) {
            return table[i].to;
        }
    }
    return -1;
}

/// As next_state, but loudly.
static bool move(const transition *table, size_t count, int event, int *state,
                 const char *const *state_names, const char *what)
{
    const int to = next_state(table, count, event, *state);
    if (to < 0) {
        nb_log_error("%s: event %d refused while %s", what, event, state_names[*state]);
        return false;
    }
    *state = to;
    return true;
}

bool nb_task_state_move(nb_task_state *state, nb_task_event event, const char *what)
{
    int at = (int)*state;
    const bool moved =
        move(task_transitions, NB_COUNT(task_transitions), (int)event, &at, task_names, what);
    *state = (nb_task_state)at;
    return moved;
}

bool nb_attempt_state_move(nb_attempt_state *state, nb_attempt_event event, const char *what)
{
    int at = (int)*state;
    const bool moved = move(attempt_transitions, NB_COUNT(attempt_transitions), (int)event, &at,
                            attempt_names, what);
    *state = (nb_attempt_state)at;
    return moved;
}

bool nb_renderer_state_move(nb_renderer_state *state, nb_renderer_event event, const char *what)
{
    int at = (int)*state;
    const bool moved = move(renderer_transitions, NB_COUNT(renderer_transitions), (int)event, &at,
                            renderer_names, what);
    *state = (nb_renderer_state)at;
    return moved;
}

bool nb_attempt_state_may(nb_attempt_state state, nb_attempt_event event)
{
    return next_state(attempt_transitions, NB_COUNT(attempt_transitions), (int)event, (int)state) >=
           0;
}
