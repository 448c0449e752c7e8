// SPDX-License-Identifier: GPL-3.0-or-later
/// @file wishes.h  People's wishes between the ledger, the clock on the wall and the scheduler.

#ifndef NB_COORDINATOR_WISHES_H
#define NB_COORDINATOR_WISHES_H
#include "coordinator/coordinator_private.h"
#include "coordinator/wish_ledger.h"

/// May somebody wish for these hours? Null and "" are any.
NB_NODISCARD nb_status nb_wishes_check_window(const char *text, nb_error *err);
/// Is this window open now, and until or from when? "" is always open. A window that can't be read
/// any more (its zone was removed) counts as open, with a line in the log.
bool nb_wishes_is_open(nb_coordinator *self, const char *window, int64_t wall_ms,
                       int64_t *out_next_ms);

/// Tell the scheduler what the open jobs of this task ask for: it goes out as its most urgent job
/// wishes that may go out at all, and is held while all are.
void nb_wishes_apply_task(nb_coordinator *self, uint64_t task);
/// The same for a renderer that is known by number.
void nb_wishes_apply_node(nb_coordinator *self, uint32_t renderer);
/// A renderer that is new in this life: what it rendered before, it has the stems of.
void nb_wishes_remember_songs(nb_coordinator *self, uint32_t renderer);
/// After a start: all of them.
void nb_wishes_apply_all(nb_coordinator *self);
/// Windows open and close.
void nb_wishes_tick(nb_coordinator *self);
void nb_wishes_fini(nb_coordinator *self);

/// nb_scheduler_suspicion: the scheduler set this renderer aside.
void nb_wishes_suspect(void *context, const nb_renderer *renderer);

/// Write the wish down and follow it. `job` is open. Not inside another transaction: what the
/// scheduler was told is not taken back.
NB_NODISCARD nb_status nb_wishes_put_job(nb_coordinator *self, const nb_job *job,
                                         const nb_job_wish *wish, nb_error *err);
/// End the job; its task too, where no other open job asks for it.
NB_NODISCARD nb_status nb_wishes_cancel(nb_coordinator *self, nb_job *job, const char *person,
                                        nb_error *err);
/// Open a failed or cancelled job again, with all attempts to come.
NB_NODISCARD nb_status nb_wishes_retry(nb_coordinator *self, nb_job *job, nb_error *err);

#endif // NB_COORDINATOR_WISHES_H
