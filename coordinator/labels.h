// SPDX-License-Identifier: GPL-3.0-or-later
/// @file labels.h  What a renderer has and a job may ask for: "gpu=a100,room".

#ifndef NB_COORDINATOR_LABELS_H
#define NB_COORDINATOR_LABELS_H
#include "base/status.h"

#include <stdbool.h>

enum { NB_LABELS_SIZE = 257, NB_LABELS_MAX = 16 };

/// A list: parts of [a-z0-9._-], each with at most one "=", separated by commas; at most
/// NB_LABELS_MAX parts and NB_LABELS_SIZE - 1 bytes. "" is none.
NB_NODISCARD nb_status nb_labels_check(const char *text, nb_error *err);

/// Is every label of `wanted` among those of `have`? "gpu" is met by "gpu" and by "gpu=a100",
/// "gpu=a100" only by itself.
bool nb_labels_match(const char *have, const char *wanted);

#endif // NB_COORDINATOR_LABELS_H
