// SPDX-License-Identifier: GPL-3.0-or-later
/// @file job_words.h  What the commands about jobs have in common.

#ifndef NB_REVIEW_CLI_JOB_WORDS_H
#define NB_REVIEW_CLI_JOB_WORDS_H
#include "review-cli/command.h"
#include "review-cli/farm.h"

/// The job that `word` names.
NB_NODISCARD nb_status nb_job_word(const char *word, uint64_t *out_job, nb_error *err);

/// A job as documented in docs/cli.md; null without memory.
json_t *nb_job_to_json(const Nightbus__JobRow *row);

/// One line of table for each job.
NB_NODISCARD nb_status nb_jobs_print(const nb_cli *cli, Nightbus__JobRow *const *rows, size_t count,
                                     nb_error *err);

#endif // NB_REVIEW_CLI_JOB_WORDS_H
