// SPDX-License-Identifier: GPL-3.0-or-later
/// @file rules.h  The limits table: what each field of each message may hold. Checked by wire.c on
/// the way in; the tests hold it against the generated descriptors, so that no field lacks a row.

#ifndef NB_PROTOCOL_RULES_H
#define NB_PROTOCOL_RULES_H
#include "base/status.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/// How a field is checked.
typedef enum nb_rule_form {
    NB_RULE_NUMBER, ///< At least 0, at most `most`
    NB_RULE_REAL,   ///< Finite
    NB_RULE_FLAG,   ///< Anything
    NB_RULE_BYTES,  ///< Exactly `most` bytes
    NB_RULE_TOKEN,  ///< 1 to `most` bytes
    NB_RULE_WORD,   ///< UTF-8 without control characters, at most `most` bytes
    NB_RULE_TEXT,   ///< The same, but line feeds and tabs are fine
    NB_RULE_NESTED  ///< A message with rules of its own
} nb_rule_form;

typedef struct nb_rule {
    const char *field;
    nb_rule_form form;
    uint64_t most;
    size_t count_most; ///< Of a repeated field
} nb_rule;

/// The row of a field, or null if the table lacks it.
const nb_rule *nb_rule_find(const ProtobufCMessageDescriptor *message, const char *field);

/// Check a message that unpacked, and those in it. NB_E_LIMIT or NB_E_INVALID, naming the field.
NB_NODISCARD nb_status nb_rules_check(const ProtobufCMessage *message, nb_error *err);

/// Fields in it, or in those inside, that this minor version does not know.
size_t nb_rules_count_unknown(const ProtobufCMessage *message);

#endif // NB_PROTOCOL_RULES_H
