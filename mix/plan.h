// SPDX-License-Identifier: GPL-3.0-or-later
/// @file plan.h  The order that a renderer gets: which document, which files, which keys to make.
///
/// Travels as a blob of JSON ("nightbus-plan/1"); docs/protocol.md has its keys. The coordinator
/// makes it; the renderer builds the graph itself and refuses a plan whose keys it does not find.

#ifndef NB_MIX_PLAN_H
#define NB_MIX_PLAN_H
#include "base/digest.h"
#include "mix/graph.h"

#include <stddef.h>
#include <stdint.h>

enum {
    NB_PLAN_FILES_MAX = 20000,
    NB_PLAN_OUTPUTS_MAX = 1000,
    NB_PLAN_FREEZES_MAX = 200, ///< Edges of one song that are worth keeping
    NB_PLAN_BYTES_MAX = 8 << 20,
    NB_OUTPUT_NAME_SIZE = 101, ///< With its end
};

/// An edge that is kept, or is to be. Either way a renderer that cannot use it renders without.
typedef struct nb_plan_freeze {
    nb_digest key; ///< Of the node
    bool is_kept;  ///< There to be read; else to be written
    nb_digest digest;
    uint64_t size;
} nb_plan_freeze;

/// What a freeze's file is called in results: "freeze/KEY", the key in hex.
void nb_freeze_name(const nb_digest *key, char out[NB_OUTPUT_NAME_SIZE]);

/// Write what a sink's output is called on the farm: "mix", "alternate/tv", "stem/drums".
void nb_output_name(const nb_sink *sink, char out[NB_OUTPUT_NAME_SIZE]);
/// Write what the output's files are called in results: "mix.wav" and "report.json" of the mix,
/// "alternate/tv.wav" and "alternate/tv.report.json" of others.
void nb_output_wav_name(const char *output, char out[NB_OUTPUT_NAME_SIZE]);
void nb_output_report_name(const char *output, char out[NB_OUTPUT_NAME_SIZE]);
/// True of "stem/drums".
bool nb_output_is_stem(const char *output);
/// The sink of that output; graph->sink_count if there is none.
size_t nb_output_sink(const nb_graph *graph, const char *output);

typedef struct nb_plan_file {
    char *path;
    nb_digest digest;
    uint64_t size;
} nb_plan_file;

/// An output that is to be made.
typedef struct nb_plan_output {
    char name[NB_OUTPUT_NAME_SIZE];
    nb_digest key; ///< As nb_graph_output_key
} nb_plan_output;

/// Where a plan for a master has the audio of the mix that was mastered.
#define NB_PLAN_MIX_PATH "mix"

typedef enum nb_plan_kind {
    NB_PLAN_RENDER, ///< A mix document is rendered
    NB_PLAN_PRINT,  ///< Audio that was made elsewhere is measured; the document is print.yaml
    NB_PLAN_MASTER, ///< The same of a master; the document is master.yaml
    NB_PLAN_FREEZE  ///< Of a mix document only edges are made: its freezes that are not kept
} nb_plan_kind;

typedef struct nb_plan {
    char *album;
    char *song;
    char *version;      ///< "v3"
    char *fingerprint;  ///< As nb_fingerprint_format writes it
    nb_digest document; ///< Blob of the mix document
    uint64_t document_size;
    nb_digest mix_key; ///< Key of the sink "mix", whether it is to be made or not; where only
                       ///< edges are made, of the first of them
    size_t file_count;
    nb_plan_file *files;
    size_t output_count;     ///< At least one; none where only edges are made
    nb_plan_output *outputs; ///< Of what is measured only "mix", with nb_print_key
    size_t freeze_count;
    nb_plan_freeze *freezes;
    nb_plan_kind kind;
} nb_plan;

/// Is it audio that was made elsewhere, and not a mix document?
static inline bool nb_plan_is_measured(const nb_plan *self)
{
    return self->kind == NB_PLAN_PRINT || self->kind == NB_PLAN_MASTER;
}

void nb_plan_fini(nb_plan *self);
/// One line of JSON in new memory; null without memory. Equal plans give equal text.
char *nb_plan_format(const nb_plan *self);
NB_NODISCARD nb_status nb_plan_parse(const char *bytes, size_t size, nb_plan *out, nb_error *err);

#endif // NB_MIX_PLAN_H
