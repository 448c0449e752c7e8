// SPDX-License-Identifier: GPL-3.0-or-later
/// @file parse.h  The steps from a document's tree to its values. Only for nb_document_parse.

#ifndef NB_MIX_PARSE_H
#define NB_MIX_PARSE_H
#include "mix/document.h"
#include "mix/reader.h"

/// A document half read.
typedef struct nb_parse {
    nb_reader reader;
    nb_document *document;
    const nb_processor *pan;
    const nb_param *pan_params; ///< The pan processor's, named as a strip's keys
    nb_tempo *tempos;           ///< The tempo map in frames, for processors' own checks
    size_t clip_count;          ///< So far, in the whole song
    size_t point_count;
    /// All tracks, buses and the mix bus that have an id, by id.
    const nb_strip **strips;
    size_t strip_count;
} nb_parse;

/// Something with an id, for the check that ids are unique.
typedef struct nb_named {
    const char *id; ///< "" counts as none
    nb_place place;
} nb_named;

/// Refuse every id that stands twice; sorts `names`.
void nb_parse_unique(nb_parse *self, nb_named *names, size_t count, const char *what);

/// The table of the pan processor under the names of a strip's keys.
const nb_param *nb_parse_pan_params(nb_parse *self);

/// A track, a bus, or the mix bus (by its `object`).
void nb_parse_strip(nb_parse *self, const nb_yaml_node *node, const nb_object *object,
                    nb_strip *out);
/// The mix bus where the document has none: no inserts, 0 dB.
void nb_parse_plain_mix(nb_strip *out);

void nb_parse_inserts(nb_parse *self, const nb_field *field, nb_strip *out);

/// Fill `strips`, then check ids, outputs, sends and sidechains against each other, and that no
/// strip feeds itself.
void nb_parse_references(nb_parse *self);
const nb_strip *nb_parse_find_strip(const nb_parse *self, const char *id);
/// As nb_read_nearest over the strips' ids.
const char *nb_parse_nearest_strip(nb_parse *self, const char *id, char out[120]);

/// The automation lanes, once the strips are known.
void nb_parse_lanes(nb_parse *self, const nb_yaml_node *map);

/// The alternates, once the strips are known.
void nb_parse_alternates(nb_parse *self, const nb_field *field);

#endif // NB_MIX_PARSE_H
