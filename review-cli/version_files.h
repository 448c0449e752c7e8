// SPDX-License-Identifier: GPL-3.0-or-later
/// @file version_files.h  The files of a rendered version: waited for, rendered again where they
/// were collected, fetched.

#ifndef NB_REVIEW_CLI_VERSION_FILES_H
#define NB_REVIEW_CLI_VERSION_FILES_H
#include "base/status.h"
#include "review-cli/farm.h"
#include "review-cli/version_name.h"

/// Ask for the version until it is rendered (progress is shown). A failed render is NB_E_INVALID
/// with its text. "latest" in `name` becomes the version's own.
NB_NODISCARD nb_status nb_version_wait(nb_farm *farm, nb_version_name *name,
                                       Nightbus__Reply **out_reply, nb_error *err);

/// The output of that name, or null.
const Nightbus__OutputRow *nb_version_output(const Nightbus__VersionInfo *info, const char *name);

/// The audio that the version is heard by: mix.wav, or master.wav, of audio that was made elsewhere
/// with its own ending. Null if it has none yet.
const Nightbus__OutputRow *nb_version_audio(const Nightbus__VersionInfo *info);

/// ".wav" of "mix.wav": an output's ending with its dot, "" where it has none.
const char *nb_version_ending(const char *output);

/// The version's report.json in memory (free with free()). Rendered again if it is gone.
NB_NODISCARD nb_status nb_version_report(nb_farm *farm, nb_version_name *name, char **out_bytes,
                                         size_t *out_size, nb_error *err);

/// Mix and alternates are always made.
typedef enum nb_render_wish { NB_RENDER_MIXES, NB_RENDER_STEMS } nb_render_wish;

/// Have what is gone of the version rendered again, or its stems made, and wait for it.
NB_NODISCARD nb_status nb_version_render_again(nb_farm *farm, const nb_version_name *name,
                                               nb_render_wish wish, nb_error *err);

#endif // NB_REVIEW_CLI_VERSION_FILES_H
