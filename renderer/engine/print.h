// SPDX-License-Identifier: GPL-3.0-or-later
/// @file print.h  Audio that was made elsewhere, measured: a mix out of a DAW, or a master, which
/// is held against its mix.

#ifndef NB_RENDERER_ENGINE_PRINT_H
#define NB_RENDERER_ENGINE_PRINT_H
#include "audio/audio_file.h"
#include "audio/bext.h"
#include "audio/recording.h"
#include "base/json.h"
#include "base/status.h"
#include "mix/print.h"
#include "review/master_comparison.h"
#include "review/report.h"

/// Read the header of a file and refuse, in words, what cannot be a mix or master: what is not
/// stereo, and what nb_audio_file_probe refuses. `name` as there.
NB_NODISCARD nb_status nb_print_probe(const char *path, const char *name, nb_audio_info *out,
                                      nb_error *err);

/// The files of a document on this machine.
typedef struct nb_print_source {
    const nb_print *print;
    const char *const *paths;    ///< One for each of the document's files
    const char *mix_path;        ///< Of a master: the audio of the version that it pins
    const nb_audio_watch *watch; ///< May be null
} nb_print_source;

/// Measure the files; the report is the first one's. `*out_json` is all that report.json says:
/// the report and, behind it, "file" and of a master "files" and "comparison" (docs/masters.md).
/// NB_E_INVALID, NB_E_CORRUPT and NB_E_LIMIT are the files' fault.
NB_NODISCARD nb_status nb_print_measure(const nb_print_source *source, nb_report *out_report,
                                        json_t **out_json, nb_error *err);

/// Hold a master, whose report is known, against its mix. `mix` is the version's name.
NB_NODISCARD nb_status nb_master_compare(const char *mix, const char *mix_path,
                                         const char *master_path, const nb_report *master_report,
                                         const nb_audio_watch *watch, nb_master_comparison *out,
                                         nb_error *err);

#endif // NB_RENDERER_ENGINE_PRINT_H
