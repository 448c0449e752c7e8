// SPDX-License-Identifier: GPL-3.0-or-later
/// @file args.h  A command line taken apart: options anywhere, words in their order.

#ifndef NB_REVIEW_CLI_ARGS_H
#define NB_REVIEW_CLI_ARGS_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NB_ARGS_WORDS_MAX = 64, NB_ARGS_OPTIONS_MAX = 24 };

/// An option of a command: "--name VALUE", "--name=VALUE", "-l VALUE", or a switch.
typedef struct nb_option {
    const char *name;  ///< "message"
    char letter;       ///< 'm', or 0
    const char *value; ///< What help calls its value ("TEXT"); null for a switch
    const char *help;
    char also; ///< A second letter: what another well-known program calls it; or 0
} nb_option;

/// Strings are borrowed from the command line.
typedef struct nb_args {
    size_t word_count;
    const char *words[NB_ARGS_WORDS_MAX];
    size_t option_count;
    struct {
        const char *name;
        const char *value; ///< "" for a switch
    } options[NB_ARGS_OPTIONS_MAX];
} nb_args;

/// Take `argv` (without the program's name) apart under `options`. "--" ends options. Errors are
/// NB_E_USAGE and name the nearest option.
NB_NODISCARD nb_status nb_args_parse(int argc, const char *const *argv, const nb_option *options,
                                     size_t option_count, nb_args *out, nb_error *err);

/// The value of an option ("" for a switch that is set); null where it was not given. The last one
/// counts where it was given more than once.
const char *nb_args_get(const nb_args *self, const char *name);
bool nb_args_has(const nb_args *self, const char *name);

/// A whole number in [`least`, `most`]; `fallback` where the option was not given.
NB_NODISCARD nb_status nb_args_get_integer(const nb_args *self, const char *name, int64_t least,
                                           int64_t most, int64_t fallback, int64_t *out,
                                           nb_error *err);

/// A time in nanoseconds; `fallback` where the option was not given.
NB_NODISCARD nb_status nb_args_get_time(const nb_args *self, const char *name, int64_t fallback_ns,
                                        int64_t *out_ns, nb_error *err);

#endif // NB_REVIEW_CLI_ARGS_H
