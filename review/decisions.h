// SPDX-License-Identifier: GPL-3.0-or-later
/// @file decisions.h  Where a version stands: open, changes requested, or approved; by whom, when,
/// and of which bytes. Made from the version's events, in the order of the log.
///
/// A decision names the one that stood when it was made. Of two that name the same one the first in
/// the log counts, so that whoever reads a log sees what its writers were told.

#ifndef NB_REVIEW_DECISIONS_H
#define NB_REVIEW_DECISIONS_H
#include "base/digest.h"
#include "review/event.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum nb_standing {
    NB_STANDING_OPEN,
    NB_STANDING_CHANGES_REQUESTED,
    NB_STANDING_APPROVED,
} nb_standing;

/// A version's. Zero-initialise; nb_decisions_fini frees.
typedef struct nb_decisions {
    nb_standing standing;
    char id[NB_EVENT_ID_SIZE]; ///< Of the newest decision, also where it withdrew; "" before any
    char *person;              ///< Whose that is; null before any
    int64_t time_ms;
    char *text;                      ///< What was said with it; may be null
    char sha256[NB_DIGEST_HEX_SIZE]; ///< The bytes it is about
    // The first rendering: what a decision is about.
    bool rendered;
    char audio_sha256[NB_DIGEST_HEX_SIZE]; ///< Of its audio
    char rendering[16];                    ///< "r1"
    double integrated_lufs;                ///< -INFINITY for silence
    double true_peak_dbtp;
    double duration_s;
    unsigned overtaken; ///< Decisions that came second, and do not count
} nb_decisions;

void nb_decisions_fini(nb_decisions *self);

/// Take the next event of this version's log; kinds that neither render nor decide change nothing.
NB_NODISCARD nb_status nb_decisions_add(nb_decisions *self, const nb_event *event, nb_error *err);

/// The audio of a rendering that stands for it: nb_event_is_main_audio, else the first that is no
/// report. Null without any.
const nb_event_output *nb_decisions_audio(const nb_event *rendered);

/// "open", "changes-requested", "approved": for JSON and messages.
const char *nb_standing_name(nb_standing standing);
/// The other way; false for no such name.
bool nb_standing_from_name(const char *name, nb_standing *out);

#endif // NB_REVIEW_DECISIONS_H
