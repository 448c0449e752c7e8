// SPDX-License-Identifier: GPL-3.0-or-later
/// @file inbox_ledger.h  The ledger's part for what each person has seen of the albums' reviews.

#ifndef NB_COORDINATOR_INBOX_LEDGER_H
#define NB_COORDINATOR_INBOX_LEDGER_H
#include "coordinator/ledger.h"

/// The review's commit up to which the person has seen the album's, and when they said so; "" and 0
/// for never.
NB_NODISCARD nb_status nb_ledger_get_seen(nb_ledger *self, const char *person, const char *album,
                                          char out_review[NB_COMMIT_SIZE], int64_t *out_ms,
                                          nb_error *err);
NB_NODISCARD nb_status nb_ledger_set_seen(nb_ledger *self, const char *person, const char *album,
                                          const char *review, int64_t now_ms, nb_error *err);

#endif // NB_COORDINATOR_INBOX_LEDGER_H
