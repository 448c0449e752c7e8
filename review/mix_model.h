// SPDX-License-Identifier: GPL-3.0-or-later
/// @file mix_model.h  What a mix document says, as one flat JSON object: what differences are
/// made of.
///
/// Two documents have equal models exactly if they are the same song (nb_document_digest) with the
/// same names, paths and order of tracks. Sections:
///
///   song       title, rate_hz, tail_max_s, tempo, and the order of tracks, buses, alternates
///   strip      "vox": "track"
///   value      "vox/fader_db": -4, "vox/comp/ratio": 3, "vox/eq/mud.freq_hz": 250,
///              "vox/clips/verse/at": 12.5, "vox/sends/plate/level_db": -12
///   lane       "vox/fader_db": {"curve": "line", "points": [[0, -4], [45, -3]]}
///   alternate  "tv": "TV mix", "tv/vox": {"mute": true}
///
/// Values at their default are left out, but for `processor`, a clip's `file` and a send's
/// `level_db`, which say that the thing is there. Times are seconds; silence is "off".

#ifndef NB_REVIEW_MIX_MODEL_H
#define NB_REVIEW_MIX_MODEL_H
#include "base/json.h"
#include "base/status.h"
#include "mix/document.h"
#include "mix/schema.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum nb_mix_section {
    NB_MIX_SONG,
    NB_MIX_STRIP,
    NB_MIX_VALUE,
    NB_MIX_LANE,
    NB_MIX_ALTERNATE,
    NB_MIX_SECTIONS
} nb_mix_section;

/// "song", "strip", ...
const char *nb_mix_section_name(nb_mix_section section);

/// The model of `document`. `lookup` may be null: then no file has a digest; a file that it does
/// not find has none either.
NB_NODISCARD nb_status nb_mix_model_make(const nb_document *document, nb_digest_lookup *lookup,
                                         void *context, json_t **out, nb_error *err);

/// A section of a model, or one of its values; null where there is none.
json_t *nb_mix_model_section(const json_t *model, nb_mix_section section);
json_t *nb_mix_model_get(const json_t *model, nb_mix_section section, const char *path);

/// Numbers as models have them: whole ones are JSON integers.
json_t *nb_mix_number(double value);
/// A parameter's value as models have it: a number, a choice's word, true or false, "off".
json_t *nb_mix_param_value(const nb_param *param, double value);
/// As a number again; false where it is none that the parameter takes.
bool nb_mix_param_number(const nb_param *param, const json_t *value, double *out);

/// A part of a path.
typedef struct nb_mix_span {
    const char *chars;
    size_t length;
} nb_mix_span;

bool nb_mix_span_equal(nb_mix_span a, nb_mix_span b);

/// What part of a strip a path is about.
typedef enum nb_mix_area {
    NB_MIX_OF_STRIP,
    NB_MIX_OF_CLIP,
    NB_MIX_OF_INSERT,
    NB_MIX_OF_SEND
} nb_mix_area;

/// What a path of the sections `value` and `lane` names. Spans are of the path.
typedef struct nb_mix_key {
    nb_mix_area area;
    nb_mix_span strip;
    nb_mix_span item; ///< Id of the clip or insert, or where the send goes
    nb_mix_span band; ///< Empty where it is no band's
    const char *name; ///< "fader_db", "at", "freq_hz"
    nb_key_type type; ///< _PARAM, _NAME, _ID, _IDS, _PATH, _TIME or _PROCESSOR
    const nb_param *param;
    const nb_processor *processor; ///< Of an insert
} nb_mix_key;

/// Find what `path` names by the tables of documents and processors; `model` says which processor
/// an insert has. False where it names nothing.
bool nb_mix_key_find(const json_t *model, const char *path, nb_mix_key *out);

/// Is `model` one that a document could give? The error names the section and the path.
NB_NODISCARD nb_status nb_mix_model_check(const json_t *model, nb_error *err);

/// JSON as text with the fewest digits that bring every number back, indented; new memory, null
/// without it.
char *nb_mix_json_text(json_t *json);

#endif // NB_REVIEW_MIX_MODEL_H
