// SPDX-License-Identifier: GPL-3.0-or-later
/// @file bext.h  The broadcast chunk of a WAV file (EBU Tech 3285): who made it, and where it
/// starts in the session.

#ifndef NB_AUDIO_BEXT_H
#define NB_AUDIO_BEXT_H
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/// Texts are printable UTF-8: what is not is a '?'. Empty where the file does not say.
typedef struct nb_bext {
    char description[257];
    char originator[33];
    char reference[33];
    char date[11];                 ///< "2026-11-21"
    char time[9];                  ///< "17:45:02"
    uint64_t time_reference_frame; ///< First frame, counted from midnight at the file's rate
    unsigned version;
} nb_bext;

enum { NB_BEXT_CHUNKS_MAX = 10000 }; ///< Looked at before giving up

/// Read it. `*out_found` says whether there is one: a file of another kind has none, and so has
/// one whose chunks make no sense (audio_file.h judges those).
NB_NODISCARD nb_status nb_bext_read(const char *path, nb_bext *out, bool *out_found, nb_error *err);

#endif // NB_AUDIO_BEXT_H
