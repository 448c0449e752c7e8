// SPDX-License-Identifier: GPL-3.0-or-later
/// @file reader.h  Reads one map of a document by its table; says every mistake and goes on.

#ifndef NB_MIX_READER_H
#define NB_MIX_READER_H
#include "base/arena.h"
#include "dsp/processor.h"
#include "mix/problems.h"
#include "mix/schema.h"
#include "mix/yaml/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nb_reader {
    nb_arena *arena; ///< Where values go
    nb_problems *problems;
    bool no_memory;
} nb_reader;

/// What one key gave. Zero where it was not given, but `number`, which is the parameter's default.
typedef struct nb_field {
    bool given;     ///< The key stands there, its value good or not
    bool good;      ///< and the value is good
    nb_place place; ///< Of the value; of the map where the key is not given
    double number;
    int64_t ns;
    const char *text;
    unsigned beats, unit;
    const nb_yaml_node *node; ///< Of a key that is a list or a map; null where it is empty
} nb_field;

/// Parameters of a processor that stand among a map's keys.
typedef struct nb_read_params {
    const nb_param *params;
    size_t count;
    double *values; ///< Filled with the defaults first
    bool any;       ///< The processor is unknown: say nothing about unknown keys
} nb_read_params;

/// Read `node`, which should be a map of `object`, into `fields` (one for each of its keys).
/// `params` may be null. False if it is no map at all.
bool nb_read_object(nb_reader *self, const nb_yaml_node *node, const nb_object *object,
                    nb_field *fields, const nb_read_params *params);

/// The first item of the list that a field has, if it holds at most `most`; null for none.
const nb_yaml_node *nb_read_list(nb_reader *self, const nb_field *field, const char *what,
                                 size_t most);

/// `count` zeroed items in the arena. Null also for none; sets no_memory where there is none.
void *nb_read_take(nb_reader *self, size_t count, size_t size);
const char *nb_read_string(nb_reader *self, const char *text);

/// Read a value of a parameter as documents write it. The error says what was expected.
NB_NODISCARD nb_status nb_param_parse(const nb_param *param, const char *text, double *out,
                                      nb_error *err);

/// "; did you mean 'x'?" in `out`, or nothing where no candidate is near.
const char *nb_read_nearest(const char *word, const char *const *candidates, size_t count,
                            char out[120]);

#endif // NB_MIX_READER_H
