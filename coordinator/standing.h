// SPDX-License-Identifier: GPL-3.0-or-later
/// @file standing.h  Where versions stand: their decisions and notes, read from the review.

#ifndef NB_COORDINATOR_STANDING_H
#define NB_COORDINATOR_STANDING_H
#include "coordinator/coordinator_private.h"
#include "review/decisions.h"

/// What a version's review says besides its notes. Zero-initialise; nb_version_review_fini frees.
typedef struct nb_version_review {
    nb_decisions decisions;
    size_t events; ///< All of them: a version has at most NB_EVENTS_MAX
} nb_version_review;

void nb_version_review_fini(nb_version_review *self);

/// Called for each event of a version, in the order of the log; borrowed for the call.
typedef nb_status nb_event_visit(void *context, const nb_event *event, nb_error *err);

/// Visit the events of a version. What cannot be read, and kinds that are not known here, are
/// passed over.
NB_NODISCARD nb_status nb_album_visit_events(const nb_album *album, const nb_version *version,
                                             nb_event_visit *visit, void *context, nb_error *err);

NB_NODISCARD nb_status nb_album_review(const nb_album *album, const nb_version *version,
                                       nb_version_review *out, nb_error *err);

/// What the rows of one answer have in common.
typedef struct nb_row_maker {
    nb_coordinator *self;
    const nb_album *album;
    const nb_answer *answer;
} nb_row_maker;

/// The row of a version for lists; *out is the answer's.
NB_NODISCARD nb_status nb_version_row(const nb_row_maker *maker, const nb_version *version,
                                      Nightbus__VersionRow **out, nb_error *err);

/// Fill what an answer to Show says of decisions: where it stands, all that was decided, and the
/// masters made of it.
NB_NODISCARD nb_status nb_version_info_add_decisions(nb_coordinator *self, const nb_album *album,
                                                     const nb_version *version,
                                                     Nightbus__VersionInfo *info,
                                                     const nb_answer *answer, nb_error *err);

/// Keep the files of the version's first rendering for ever. NB_E_NOT_FOUND, in words, where one of
/// them is gone already.
NB_NODISCARD nb_status nb_album_keep_version(nb_coordinator *self, const nb_album *album,
                                             const nb_version *version, nb_error *err);
/// Keep what the reviews say was approved, the masters and what was mastered.
NB_NODISCARD nb_status nb_coordinator_keep_decided(nb_coordinator *self, nb_error *err);

/// "queued", "running", "done" or "failed": the version's rendering.
NB_NODISCARD nb_status nb_version_state(nb_coordinator *self, const nb_album *album,
                                        const nb_version *version, const char **out, nb_error *err);

#endif // NB_COORDINATOR_STANDING_H
