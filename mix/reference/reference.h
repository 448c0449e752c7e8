// SPDX-License-Identifier: GPL-3.0-or-later
/// @file reference.h  What the tables of keys and parameters say, for people and for editors.

#ifndef NB_MIX_REFERENCE_REFERENCE_H
#define NB_MIX_REFERENCE_REFERENCE_H
#include "base/text.h"

#include <jansson.h>

/// Tables in Markdown: every map of a document, then every processor.
void nb_reference_tables(nb_text *out);

/// The JSON Schema (draft 2020-12) that editors check a mix document by; null without memory.
json_t *nb_reference_schema(void);

#endif // NB_MIX_REFERENCE_REFERENCE_H
