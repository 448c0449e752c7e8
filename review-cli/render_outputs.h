// SPDX-License-Identifier: GPL-3.0-or-later
/// @file render_outputs.h  The files that one `render` makes: the mix, alternates and stems beside
/// it, a report to each.
///
///     -o night.wav     night.wav, night-instrumental.wav, night-stems/vox.wav
///
/// Each is written as a draft and takes its name when all of them are done.

#ifndef NB_REVIEW_CLI_RENDER_OUTPUTS_H
#define NB_REVIEW_CLI_RENDER_OUTPUTS_H
#include "renderer/engine/render.h"
#include "renderer/engine/song.h"
#include "review-cli/command.h"

typedef struct nb_render_file {
    size_t index; ///< Of the sink in the graph
    nb_sink sink;
    char *wav_path;
    char *draft_path; ///< The WAV file while it is made
    char *report_path;
    nb_report report;
} nb_render_file;

typedef struct nb_render_files {
    nb_render_file *list; ///< At least one; the first is the one that is shown
    size_t count;
    nb_sample_format samples; ///< Of the mix and alternates; stems are floats
    nb_dither_kind dither;
} nb_render_files;

/// Choose what the options ask for: `--alternates` all of them beside the mix, `--alternate ID`
/// that one instead of it, `--stems` every stem too. Refuses names that are taken by other than a
/// file, or by what the song is made of. Zero-initialise; nb_render_files_fini whatever the result.
NB_NODISCARD nb_status nb_render_files_choose(nb_render_files *self, const nb_args *args,
                                              const nb_song *song, const nb_graph *graph,
                                              nb_error *err);
/// Removes the drafts.
void nb_render_files_fini(nb_render_files *self);

/// Render all in one pass, then give the files their names and write the reports.
NB_NODISCARD nb_status nb_render_files_make(nb_render_files *self, const nb_graph *graph,
                                            const nb_render_options *options, nb_error *err);

/// The first one's report, and a line for each of the others; as JSON the report with an array
/// `outputs` where there are several.
NB_NODISCARD nb_status nb_render_files_print(const nb_render_files *self, const nb_cli *cli,
                                             nb_error *err);

#endif // NB_REVIEW_CLI_RENDER_OUTPUTS_H
