// SPDX-License-Identifier: GPL-3.0-or-later
/// @file words.h  Lists in one word: "artist,engineer"; and lists of messages for people.

#ifndef NB_REVIEW_CLI_WORDS_H
#define NB_REVIEW_CLI_WORDS_H
#include "base/json.h"
#include "base/status.h"
#include "protocol/limits.h"

#include <stddef.h>

enum { NB_WORDS_MAX = 8, NB_WORDS_SIZE = 256 };

/// Zero-initialise; owns nothing.
typedef struct nb_words {
    char text[NB_WORDS_SIZE];
    size_t count;
    char *words[NB_WORDS_MAX]; ///< Into `text`
} nb_words;

/// Cut `text` (null is none) at its commas. NB_E_USAGE names the option.
NB_NODISCARD nb_status nb_words_parse(const char *option, const char *text, nb_words *out,
                                      nb_error *err);

/// The labels that `text` gives, "" for "none". NB_E_LIMIT where a message can't carry them.
NB_NODISCARD nb_status nb_words_take_labels(const char *text, char out[NB_WORD_MAX + 1],
                                            nb_error *err);

/// A list of a message as a JSON array; null without memory.
json_t *nb_words_to_json(char *const *words, size_t count);
/// "artist, engineer" of such an array, made printable; `none` where there are none. At most `size`
/// bytes.
void nb_words_join(const json_t *words, const char *none, char *out, size_t size);

#endif // NB_REVIEW_CLI_WORDS_H
