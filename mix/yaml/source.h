// SPDX-License-Identifier: GPL-3.0-or-later
/// @file source.h  The bytes of a document before any parser sees them.

#ifndef NB_MIX_YAML_SOURCE_H
#define NB_MIX_YAML_SOURCE_H
#include "mix/problems.h"

#include <stdbool.h>
#include <stddef.h>

/// True if the bytes are UTF-8 without the characters that hide or change what a person sees:
/// NUL and other controls (but tab and line ends), line separators, direction marks, and a byte
/// order mark that is not the first character. If not, the first such place is added to `problems`.
bool nb_source_check(const char *bytes, size_t size, nb_problems *problems);

/// As above for the text of a scalar after its escapes were read: the problem stands at `place`.
bool nb_source_check_text(const char *text, size_t length, nb_place place, nb_problems *problems);

#endif // NB_MIX_YAML_SOURCE_H
