// SPDX-License-Identifier: GPL-3.0-or-later
/// @file wish_ledger.h  What people wish for jobs and renderers, in the ledger.

#ifndef NB_COORDINATOR_WISH_LEDGER_H
#define NB_COORDINATOR_WISH_LEDGER_H
#include "base/window.h"
#include "coordinator/labels.h"
#include "coordinator/ledger.h"

enum { NB_PRIORITY_DEFAULT = 50, NB_REASON_SIZE = 257 };

/// A job's; all zero but for the priority where nobody wished anything.
typedef struct nb_job_wish {
    int priority; ///< 0 to NB_PRIORITY_LIMIT; higher goes first
    bool paused;
    char window[NB_WINDOW_TEXT_SIZE]; ///< "22:00-06:00 Europe/Berlin"; "" for any time
    char label[NB_LABELS_SIZE];       ///< What its renderer must have; "" for nothing
    char person[NB_NAME_SIZE];        ///< Who changed it last; "" for nobody
    int64_t time_ms;
} nb_job_wish;

NB_NODISCARD nb_status nb_ledger_get_job_wish(nb_ledger *self, uint64_t job, nb_job_wish *out,
                                              nb_error *err);
NB_NODISCARD nb_status nb_ledger_put_job_wish(nb_ledger *self, uint64_t job,
                                              const nb_job_wish *wish, nb_error *err);
/// Tasks of open jobs that somebody wished something for. The caller frees *out_tasks.
NB_NODISCARD nb_status nb_ledger_wished_tasks(nb_ledger *self, uint64_t **out_tasks,
                                              size_t *out_count, nb_error *err);

/// A renderer's, by name; all zero where nobody wished anything.
typedef struct nb_node_wish {
    unsigned holds;                   ///< NB_HOLD_DRAINED, NB_HOLD_ASIDE, NB_HOLD_SUSPECTED
    char window[NB_WINDOW_TEXT_SIZE]; ///< "" for any time
    char labels[NB_LABELS_SIZE];
    char person[NB_NAME_SIZE];   ///< Who changed it last
    char reason[NB_REASON_SIZE]; ///< Why it is suspected
    int64_t time_ms;
} nb_node_wish;

NB_NODISCARD nb_status nb_ledger_get_node_wish(nb_ledger *self, const char *node, nb_node_wish *out,
                                               nb_error *err);
NB_NODISCARD nb_status nb_ledger_put_node_wish(nb_ledger *self, const char *node,
                                               const nb_node_wish *wish, nb_error *err);

/// Is there a renderer of that name: a key that may render, or one that was wished something for?
NB_NODISCARD nb_status nb_ledger_has_node(nb_ledger *self, const char *node, bool *out_has,
                                          nb_error *err);

/// Songs that this renderer rendered, the newest first and at most `limit` jobs back: it has their
/// stems.
typedef void nb_song_visit(void *context, const char *album, const char *song);
NB_NODISCARD nb_status nb_ledger_each_song_of(nb_ledger *self, const char *node, size_t limit,
                                              nb_song_visit *visit, void *context, nb_error *err);

/// What an album takes in the store.
typedef struct nb_album_usage {
    uint64_t bytes, blobs;
    uint64_t own_bytes;    ///< Of blobs that no other album has
    uint64_t output_bytes; ///< Of rendered ones
} nb_album_usage;

NB_NODISCARD nb_status nb_ledger_album_usage(nb_ledger *self, const char *album,
                                             nb_album_usage *out, nb_error *err);

/// How many jobs are in each state; `counts` has a place for each.
NB_NODISCARD nb_status nb_ledger_count_jobs(nb_ledger *self, uint64_t *counts, size_t count,
                                            nb_error *err);

#endif // NB_COORDINATOR_WISH_LEDGER_H
