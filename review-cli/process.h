// SPDX-License-Identifier: GPL-3.0-or-later
/// @file process.h  A program that is kept running: started, started again when it dies, stopped.
///
/// Its output goes to a log file. It ends when we do, however we end.

#ifndef NB_REVIEW_CLI_PROCESS_H
#define NB_REVIEW_CLI_PROCESS_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { NB_PROCESS_ARGS_MAX = 24 };

/// Zero-initialise; nb_process_fini frees, and must come after nb_process_stop.
typedef struct nb_process {
    char *name;
    char *log_path;
    char *args[NB_PROCESS_ARGS_MAX]; ///< Null-terminated; args[0] is the program's path
    size_t arg_count;
    pid_t pid; ///< 0 while it does not run
    int64_t started_ms;
    int64_t start_again_ms; ///< When it may be started again
    unsigned quick_deaths;  ///< In a row
} nb_process;

NB_NODISCARD nb_status nb_process_init(nb_process *self, const char *name, const char *program_path,
                                       const char *log_path, nb_error *err);
void nb_process_fini(nb_process *self);
/// Add an argument (copied); null is skipped.
NB_NODISCARD nb_status nb_process_add_arg(nb_process *self, const char *arg, nb_error *err);

NB_NODISCARD nb_status nb_process_start(nb_process *self, nb_error *err);

/// True if it has ended since the last look; then `pid` is 0, `out_how` says how in words, and
/// `start_again_ms` is set: at once the first time, later and later where it keeps dying.
bool nb_process_has_ended(nb_process *self, char *out_how, size_t size);

/// Ask it to end and wait; after `patience_ms` make it. Fine if it does not run.
void nb_process_stop(nb_process *self, int64_t patience_ms);

/// The last lines of its log, for an error; "" if there are none. New memory.
char *nb_process_last_words(const nb_process *self);

/// The path of a program that lies beside this one, in new memory.
NB_NODISCARD nb_status nb_process_sibling(const char *program, char **out_path, nb_error *err);

#endif // NB_REVIEW_CLI_PROCESS_H
