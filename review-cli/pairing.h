// SPDX-License-Identifier: GPL-3.0-or-later
/// @file pairing.h  Two things to hear, opened, brought to one rate and aligned: what compare and
/// play do first. And writing their file.

#ifndef NB_REVIEW_CLI_PAIRING_H
#define NB_REVIEW_CLI_PAIRING_H
#include "audio/align.h"
#include "audio/null.h"
#include "audio/switching.h"
#include "base/progress.h"
#include "base/status.h"
#include "review-cli/command.h"
#include "review-cli/heard.h"

/// Zero-initialise; nb_pairing_fini frees.
typedef struct nb_pairing {
    nb_heard a_heard, b_heard;
    nb_recording *a, *b; ///< B at A's rate
    bool identical;
    nb_alignment alignment;
    nb_shared_part shared; ///< Aligned; from both starts where they do not match
    nb_progress progress;
    nb_audio_watch watch; ///< Ctrl-C
} nb_pairing;

void nb_pairing_fini(nb_pairing *self);

/// Find both words, open them, look whether they are identical, and align them where not. The
/// pairing must not move from here on.
NB_NODISCARD nb_status nb_pairing_open(const nb_cli *cli, const char *a_word, const char *b_word,
                                       nb_pairing *out, nb_error *err);

/// --seconds in frames of A.
NB_NODISCARD nb_status nb_pairing_period(const nb_cli *cli, const nb_pairing *self,
                                         int64_t *out_frames, nb_error *err);

/// Match the levels and write the switching file to `path` itself, no draft.
NB_NODISCARD nb_status nb_pairing_write_switching(nb_pairing *self, int64_t period,
                                                  const char *path, nb_level_match *out_levels,
                                                  int64_t *out_switches, nb_error *err);

/// Write what differs to `path` itself. The two must match.
NB_NODISCARD nb_status nb_pairing_write_null(nb_pairing *self, const char *path, nb_null *out,
                                             nb_error *err);

/// In words: how they lie against each other, and which of them is lowered by what.
void nb_pairing_print(const nb_pairing *self, const nb_level_match *levels, nb_text *out);

/// What differs, in words.
void nb_pairing_print_null(const nb_pairing *self, const nb_null *null, nb_text *out);

#endif // NB_REVIEW_CLI_PAIRING_H
