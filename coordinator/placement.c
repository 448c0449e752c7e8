// SPDX-License-Identifier: GPL-3.0-or-later
// Which task goes to which renderer, and why not.
#include "coordinator/scheduler_private.h"

#include <string.h>

/// Of a group's tasks so many are looked at for one that suits the renderer better.
enum { LOOK_AHEAD = 32 };

static const double worth_while = 1.5; // a second attempt must be expected to be so much faster

// ---- Homes: who has the stems ----

static const nb_home *home_of(const nb_scheduler *self, uint64_t song)
{
    const nb_home *home = &self->homes[song % NB_HOMES_MAX];
    return (song != 0 && home->song == song) ? home : NULL;
}

void nb_scheduler_remember(nb_scheduler *self, uint64_t song, uint32_t renderer)
{
    if (song == 0) {
        return;
    }
    nb_home *home = &self->homes[song % NB_HOMES_MAX];
    if (home->song != song) {
        *home = (nb_home){.song = song};
    }
    size_t place = 0;
    while (place < NB_RENDERERS_OF_SONG - 1 && home->renderers[place] != renderer) {
        place++;
    }
    memmove(home->renderers + 1, home->renderers, place * sizeof *home->renderers);
    home->renderers[0] = renderer;
}

static bool has_stems(const nb_scheduler *self, const nb_task *task, const nb_renderer *renderer)
{
    if (task->song == 0 || renderer->shares_store) {
        return true;
    }
    const nb_home *home = home_of(self, task->song);
    for (size_t i = 0; home && i < NB_RENDERERS_OF_SONG; i++) {
        if (home->renderers[i] == renderer->id) {
            return true;
        }
    }
    return false;
}

// ---- Who may ----

bool nb_renderer_is_usable(const nb_renderer *self)
{
    return nb_renderer_is_alive(self) && self->holds == 0;
}

bool nb_task_failed_on(const nb_task *self, uint32_t renderer)
{
    for (size_t i = 0; i < self->attempt_count; i++) {
        if (self->attempts[i].renderer == renderer &&
            self->attempts[i].state == NB_ATTEMPT_FAILED) {
            return true;
        }
    }
    return false;
}

// It vanished with the task: killed, cut off, or run out of time.
static bool has_dropped(const nb_task *task, uint32_t renderer)
{
    for (size_t i = 0; i < task->attempt_count; i++) {
        const nb_attempt_state state = task->attempts[i].state;
        if (task->attempts[i].renderer == renderer &&
            (state == NB_ATTEMPT_EXPIRED || state == NB_ATTEMPT_ABANDONED ||
             state == NB_ATTEMPT_DIED)) {
            return true;
        }
    }
    return false;
}

// What it is, apart from what it does just now.
static bool suits(const nb_task *task, const nb_renderer *renderer)
{
    return renderer->fingerprint == task->fingerprint &&
           nb_labels_match(renderer->labels, task->label);
}

size_t nb_scheduler_count_fit(const nb_scheduler *self, const nb_task *task)
{
    size_t count = 0;
    for (size_t i = 0; i < self->renderer_count; i++) {
        const nb_renderer *renderer = &self->renderers[i];
        count += (nb_renderer_is_usable(renderer) && suits(task, renderer)) ? 1 : 0;
    }
    return count;
}

// A renderer that the farm suspects by itself still works while it is the last one.
static bool is_last(const nb_scheduler *self, const nb_renderer *renderer)
{
    for (size_t i = 0; i < self->renderer_count; i++) {
        if (&self->renderers[i] != renderer && nb_renderer_is_usable(&self->renderers[i])) {
            return false;
        }
    }
    return true;
}

static unsigned holds_of(const nb_scheduler *self, const nb_renderer *renderer)
{
    const unsigned holds = renderer->holds;
    return (holds == NB_HOLD_SUSPECTED && is_last(self, renderer)) ? 0 : holds;
}

// Is `other` the better one to try the task next? One that failed it may only try again when no
// other usable renderer is left to try; one that dropped it, when no other is waiting for work.
static bool goes_to_other(const nb_task *task, const nb_renderer *renderer,
                          const nb_renderer *other)
{
    if (other == renderer || !nb_renderer_is_usable(other) || !suits(task, other) ||
        nb_task_failed_on(task, other->id)) {
        return false;
    }
    return nb_task_failed_on(task, renderer->id) ||
           (has_dropped(task, renderer->id) && other->state == NB_RENDERER_IDLE &&
            !has_dropped(task, other->id));
}

static bool is_barred(const nb_scheduler *self, const nb_task *task, const nb_renderer *renderer)
{
    for (size_t i = 0; task->attempt_count > 0 && i < self->renderer_count; i++) {
        if (goes_to_other(task, renderer, &self->renderers[i])) {
            return true;
        }
    }
    return false;
}

// ---- Where the stems are ----

static uint64_t mix_bits(uint64_t x) // the finaliser of splitmix64
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static uint64_t weight_of(const nb_task *task, const nb_renderer *renderer)
{
    return mix_bits(task->song ^ mix_bits(renderer->name_hash));
}

/// How well a renderer that may take the task suits it.
typedef enum fit {
    FIT_WAITS, ///< Another one, with the stems, will take it soon
    FIT_ANY,   ///< As good as others
    FIT_OWN,   ///< Nobody has the stems, and rendezvous hashing says this one
    FIT_STEMS  ///< It has them
} fit;

// Nobody has the stems: the renderer with the highest weight is the song's, so that its next
// version finds them there, and a renderer that comes or goes moves only its own songs.
static bool is_rendezvous(const nb_scheduler *self, const nb_task *task,
                          const nb_renderer *renderer)
{
    const uint64_t weight = weight_of(task, renderer);
    for (size_t i = 0; i < self->renderer_count; i++) {
        const nb_renderer *other = &self->renderers[i];
        if (nb_renderer_is_usable(other) && suits(task, other) && weight_of(task, other) > weight) {
            return false;
        }
    }
    return true;
}

static fit fit_of(const nb_scheduler *self, const nb_task *task, const nb_renderer *renderer,
                  int64_t now_ms)
{
    if (has_stems(self, task, renderer)) {
        return FIT_STEMS;
    }
    bool somebody = false;
    const nb_home *home = home_of(self, task->song);
    for (size_t i = 0; home && i < NB_RENDERERS_OF_SONG; i++) {
        const nb_renderer *other = nb_scheduler_find_renderer(self, home->renderers[i]);
        if (!other || !nb_renderer_is_usable(other) || !suits(task, other) ||
            is_barred(self, task, other)) {
            continue;
        }
        somebody = true;
        if (task->passed_ms == 0 || now_ms - task->passed_ms < NB_STEMS_WAIT_MS) {
            return FIT_WAITS;
        }
    }
    return (!somebody && is_rendezvous(self, task, renderer)) ? FIT_OWN : FIT_ANY;
}

// ---- Picking ----

static nb_task *pick_from(const nb_scheduler *self, const nb_task_group *group,
                          const nb_renderer *renderer, int64_t now_ms)
{
    nb_task *best = NULL;
    fit best_fit = FIT_WAITS;
    size_t looked = 0;
    for (size_t i = 0; i < group->count && looked < LOOK_AHEAD; i++) {
        nb_task *task = nb_task_group_at(group, i);
        if (nb_task_is_worn_out(task) || is_barred(self, task, renderer)) {
            continue;
        }
        looked++;
        const fit here = fit_of(self, task, renderer, now_ms);
        if (here == FIT_WAITS && task->passed_ms == 0) {
            task->passed_ms = now_ms; // from now on it waits for its stems, and not for long
        }
        if (here > best_fit) {
            best = task;
            best_fit = here;
        }
        if (best_fit == FIT_STEMS) {
            break;
        }
    }
    return best;
}

nb_task *nb_scheduler_pick(nb_scheduler *self, const nb_renderer *renderer, int64_t now_ms)
{
    if (holds_of(self, renderer) != 0 || nb_task_queue_waiting(self->queue) == 0) {
        return NULL;
    }
    size_t count = 0;
    nb_task_group *const *groups = nb_task_queue_groups(self->queue, &count);
    for (size_t i = 0; i < count; i++) {
        const nb_task_group *group = groups[i];
        if (group->holds != 0 || group->fingerprint != renderer->fingerprint ||
            !nb_labels_match(renderer->labels, group->label)) {
            continue;
        }
        nb_task *task = pick_from(self, group, renderer, now_ms);
        if (task) {
            return task;
        }
    }
    return NULL;
}

// ---- Stragglers ----

// What others needed a millisecond of, on average; 0 while nothing was rendered yet.
static double usual_speed(const nb_scheduler *self)
{
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < self->renderer_count; i++) {
        if (self->renderers[i].cost_per_ms > 0.0) {
            sum += self->renderers[i].cost_per_ms;
            count++;
        }
    }
    return (count > 0) ? sum / (double)count : 0.0;
}

// How much later the attempt will end than a fresh one at `speed` would, in ms; negative where it
// would not. An attempt that does not move at all never ends.
static double expected_gain_ms(const nb_task *task, const nb_attempt *attempt, double speed,
                               int64_t now_ms)
{
    if (now_ms - attempt->moved_ms >= NB_STRAGGLER_MS) {
        return 1e12;
    }
    if (speed <= 0.0 || task->cost == 0 || attempt->done_frames == 0 ||
        attempt->total_frames <= attempt->done_frames) {
        return -1.0;
    }
    const double elapsed_ms = (double)(now_ms - attempt->started_ms);
    const double left = (double)(attempt->total_frames - attempt->done_frames);
    const double remaining_ms = elapsed_ms * left / (double)attempt->done_frames;
    return remaining_ms - worth_while * (double)task->cost / speed;
}

// The attempt that holds the task alone and is old enough to be doubted.
static const nb_attempt *lone_old_attempt(const nb_task *task, uint32_t renderer, int64_t now_ms)
{
    const nb_attempt *lone = NULL;
    for (size_t i = 0; i < task->attempt_count; i++) {
        const nb_attempt *attempt = &task->attempts[i];
        if (!nb_attempt_is_leased(attempt)) {
            continue;
        }
        if (lone || attempt->renderer == renderer || attempt->state != NB_ATTEMPT_LIVE ||
            now_ms - attempt->started_ms < NB_STRAGGLER_MS) {
            return NULL;
        }
        lone = attempt;
    }
    return lone;
}

nb_task *nb_scheduler_pick_straggler(const nb_scheduler *self, const nb_renderer *renderer,
                                     int64_t now_ms)
{
    nb_task *best = NULL;
    double best_gain_ms = 0.0;
    if (holds_of(self, renderer) != 0) {
        return NULL;
    }
    const double own = renderer->cost_per_ms;
    const double speed = (own > 0.0) ? own : usual_speed(self);
    for (size_t i = 0; i < self->running_count; i++) {
        nb_task *task = self->running[i];
        // One attempt is kept for the case that both fail.
        if (task->holds != 0 || nb_task_count_against(task) + 2 >= NB_ATTEMPTS_COUNTED ||
            task->attempt_count + 1 >= NB_ATTEMPTS_MAX || !suits(task, renderer) ||
            nb_task_failed_on(task, renderer->id)) {
            continue;
        }
        const nb_attempt *attempt = lone_old_attempt(task, renderer->id, now_ms);
        const double gain_ms = attempt ? expected_gain_ms(task, attempt, speed, now_ms) : -1.0;
        if (gain_ms > best_gain_ms) {
            best = task;
            best_gain_ms = gain_ms;
        }
    }
    return best;
}

// ---- Why not ----

nb_placement nb_scheduler_placement(const nb_scheduler *self, const nb_task *task,
                                    uint32_t renderer_id, int64_t now_ms)
{
    const nb_renderer *renderer = nb_scheduler_find_renderer(self, renderer_id);
    if (!renderer || !nb_renderer_is_alive(renderer)) {
        return NB_PLACE_LOST;
    }
    static const struct {
        unsigned hold;
        nb_placement placement;
    } holds[] = {
        {NB_HOLD_DRAINED, NB_PLACE_DRAINED},     {NB_HOLD_ASIDE, NB_PLACE_ASIDE},
        {NB_HOLD_SUSPECTED, NB_PLACE_SUSPECTED}, {NB_HOLD_STOPPING, NB_PLACE_STOPPING},
        {NB_HOLD_WINDOW, NB_PLACE_WINDOW},
    };
    for (size_t i = 0; i < NB_COUNT(holds); i++) {
        if (holds_of(self, renderer) & holds[i].hold) {
            return holds[i].placement;
        }
    }
    if (renderer->fingerprint != task->fingerprint) {
        return NB_PLACE_FINGERPRINT;
    }
    if (!nb_labels_match(renderer->labels, task->label)) {
        return NB_PLACE_LABEL;
    }
    if (is_barred(self, task, renderer)) {
        return NB_PLACE_FAILED_THERE;
    }
    if (renderer->state == NB_RENDERER_BUSY || renderer->leases > 0) {
        return NB_PLACE_BUSY;
    }
    return (fit_of(self, task, renderer, now_ms) == FIT_WAITS) ? NB_PLACE_STEMS_ELSEWHERE
                                                               : NB_PLACE_FREE;
}

void nb_scheduler_queue_place(const nb_scheduler *self, const nb_task *task, nb_queue_place *out)
{
    *out = (nb_queue_place){0};
    size_t count = 0;
    nb_task_group *const *groups = nb_task_queue_groups(self->queue, &count);
    for (size_t i = 0; i < count; i++) {
        const nb_task_group *group = groups[i];
        if (group->holds != 0) {
            continue;
        }
        if (group->priority > task->priority) {
            out->higher_priority += group->count;
        } else if (group->priority == task->priority && group->share != task->group->share &&
                   group->share->charge <= task->group->share->charge) {
            out->other_albums += group->count;
            out->other_album = group->share->album;
        }
        for (size_t j = 0; group->share == task->group->share &&
                           group->priority == task->priority && j < group->count;
             j++) {
            out->same_album += nb_task_goes_before(nb_task_group_at(group, j), task) ? 1 : 0;
        }
    }
}
