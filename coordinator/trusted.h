// SPDX-License-Identifier: GPL-3.0-or-later
/// @file trusted.h  keys/trusted.json: the keys that whoever runs the coordinator enrolled.

#ifndef NB_COORDINATOR_TRUSTED_H
#define NB_COORDINATOR_TRUSTED_H
#include "coordinator/ledger.h"

/// Put each key of DATA/keys/trusted.json into the ledger. No such file is fine. Its keys:
/// docs/store-format.md.
NB_NODISCARD nb_status nb_trusted_read(const char *data_path, nb_ledger *ledger, nb_error *err);

#endif // NB_COORDINATOR_TRUSTED_H
