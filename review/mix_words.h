// SPDX-License-Identifier: GPL-3.0-or-later
/// @file mix_words.h  Values of a mix in the words of the desk: "fader -3.0 → -1.5 dB",
/// "fade in 5 → 10 ms", "20 ms later". What they are called, the tables say.

#ifndef NB_REVIEW_MIX_WORDS_H
#define NB_REVIEW_MIX_WORDS_H
#include "base/text.h"
#include "review/mix_model.h"

enum { NB_MIX_WORDS_WIDTH = 80, NB_MIX_WORDS_LABEL = 96, NB_MIX_WORDS_VALUE = 64 };

/// A key without its unit: "threshold", "fade in".
void nb_mix_words_label(const nb_mix_key *key, char out[NB_MIX_WORDS_LABEL]);

/// One value with its unit: "+3 dB", "9 kHz", "off", "bell".
void nb_mix_words_number(const nb_param *param, double value, nb_text *out);

/// Two values with the same decimals and one unit: "-3.0 → -1.5 dB".
void nb_mix_words_numbers(const nb_param *param, double before, double after, nb_text *out);

/// "-4 to -1 dB".
void nb_mix_words_range(const nb_param *param, double low, double high, nb_text *out);

/// What a setting is, or from what to what it went; null is its default. Without its label.
/// `is_new`: the thing is new, and so was nothing before.
void nb_mix_words_setting(const nb_mix_key *key, const json_t *before, const json_t *after,
                          bool is_new, nb_text *out);

/// A place in the song: "1:02", "0:12.5".
void nb_mix_words_time(double seconds, char out[NB_MIX_WORDS_VALUE]);
/// A length: "20 ms", "1.5 s".
void nb_mix_words_length(double seconds, char out[NB_MIX_WORDS_VALUE]);

/// One line of text in lines of at most 80 columns, later ones set in by two more; safe for a
/// terminal. `colour` and `plain` are put around each line.
void nb_mix_words_wrap(const char *text, size_t indent, const char *colour, const char *plain,
                       nb_text *out);

#endif // NB_REVIEW_MIX_WORDS_H
