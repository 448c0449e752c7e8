// SPDX-License-Identifier: GPL-3.0-or-later
/// @file prints.h  Prints and masters: audio that was made elsewhere, which is not rendered but
/// measured.

#ifndef NB_COORDINATOR_PRINTS_H
#define NB_COORDINATOR_PRINTS_H
#include "coordinator/coordinator_private.h"
#include "coordinator/song.h"
#include "mix/plan.h"

/// The audio that a version means: of its first rendering. NB_E_NOT_FOUND until it has one.
NB_NODISCARD nb_status nb_coordinator_version_audio(nb_coordinator *self, const nb_album *album,
                                                    const nb_version *version, nb_output *out,
                                                    nb_error *err);

/// Check what the master document `file`, which is about to be pushed, pins: that the song has that
/// version, and that the version's audio has that digest.
NB_NODISCARD nb_status nb_coordinator_check_master(nb_coordinator *self, const nb_album *album,
                                                   const nb_manifest_file *file, const char *song,
                                                   nb_error *err);

/// Fill a plan's kind and files.
NB_NODISCARD nb_status nb_coordinator_plan_print(nb_coordinator *self, const nb_album *album,
                                                 const nb_print *print, const nb_manifest *manifest,
                                                 nb_plan *plan, nb_error *err);

/// The key of what measuring it gives.
NB_NODISCARD nb_status nb_coordinator_print_key(const nb_print *print, const nb_manifest *manifest,
                                                const nb_fingerprint *fingerprint, nb_digest *out,
                                                nb_error *err);

/// Read what measuring gave into `out`, whose key, time and node are set: a report, and the files
/// themselves, which must be the bytes that were pushed.
NB_NODISCARD nb_status nb_coordinator_read_measured(const nb_plan *plan,
                                                    const Nightbus__TaskFinish *said,
                                                    nb_result *out, nb_error *err);

#endif // NB_COORDINATOR_PRINTS_H
