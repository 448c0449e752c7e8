// SPDX-License-Identifier: GPL-3.0-or-later
// Messages held against the limits table of rules.c.
#include "protocol/rules.h"

#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/// Where a value stands, for errors and for the rule.
typedef struct place {
    const ProtobufCMessageDescriptor *message;
    const ProtobufCFieldDescriptor *field;
    const nb_rule *rule;
} place;

static nb_status fail_limit(const place *at, const char *unit, uint64_t found, nb_error *err)
{
    return nb_fail(err, NB_E_LIMIT, "%s.%s: %llu%s; at most %llu", at->message->short_name,
                   at->field->name, (unsigned long long)found, unit,
                   (unsigned long long)at->rule->most);
}

static nb_status check_number(const place *at, const void *value, nb_error *err)
{
    uint64_t number = 0;
    if (at->field->type == PROTOBUF_C_TYPE_UINT32) {
        number = *(const uint32_t *)value;
    } else {
        // A negative int64 is past every limit when read as unsigned.
        number = *(const uint64_t *)value;
    }
    if (number > at->rule->most && at->field->type == PROTOBUF_C_TYPE_INT64 &&
        (int64_t)number < 0) {
        return nb_fail(err, NB_E_INVALID, "%s.%s: %lld is negative", at->message->short_name,
                       at->field->name, (long long)number);
    }
    return number > at->rule->most ? fail_limit(at, "", number, err) : NB_OK;
}

static nb_status check_string(const place *at, const char *text, nb_error *err)
{
    const size_t size = strlen(text);
    if (size > at->rule->most) {
        return fail_limit(at, " bytes", size, err);
    }
    size_t offset = 0;
    if (!nb_text_is_utf8(text, size, &offset)) {
        return nb_fail(err, NB_E_INVALID, "%s.%s: byte %zu is not UTF-8", at->message->short_name,
                       at->field->name, offset);
    }
    const char *control = nb_text_find_control(text, at->rule->form == NB_RULE_TEXT ? "\n\t" : "");
    if (control) {
        return nb_fail(err, NB_E_INVALID, "%s.%s: a control character at byte %zu",
                       at->message->short_name, at->field->name, (size_t)(control - text));
    }
    return NB_OK;
}

static nb_status check_bytes(const place *at, const ProtobufCBinaryData *bytes, nb_error *err)
{
    if (at->rule->form == NB_RULE_BYTES && bytes->len != at->rule->most) {
        return nb_fail(err, NB_E_INVALID, "%s.%s: %zu bytes; it has %llu", at->message->short_name,
                       at->field->name, bytes->len, (unsigned long long)at->rule->most);
    }
    if (bytes->len == 0) {
        return nb_fail(err, NB_E_INVALID, "%s.%s: is empty", at->message->short_name,
                       at->field->name);
    }
    return bytes->len > at->rule->most ? fail_limit(at, " bytes", bytes->len, err) : NB_OK;
}

/// Check one value; `value` points at what the generated struct (or its array) holds.
static nb_status check_value(const place *at, const void *value, nb_error *err)
{
    switch (at->rule->form) {
    case NB_RULE_NUMBER:
        return check_number(at, value, err);
    case NB_RULE_REAL:
        if (!isfinite(*(const double *)value)) {
            return nb_fail(err, NB_E_INVALID, "%s.%s: is not a finite number",
                           at->message->short_name, at->field->name);
        }
        return NB_OK;
    case NB_RULE_WORD:
    case NB_RULE_TEXT:
        return check_string(at, *(const char *const *)value, err);
    case NB_RULE_BYTES:
    case NB_RULE_TOKEN:
        return check_bytes(at, value, err);
    case NB_RULE_NESTED:
        return nb_rules_check(*(const ProtobufCMessage *const *)value, err);
    case NB_RULE_FLAG:
        break;
    }
    return NB_OK;
}

/// Bytes that one value takes in an array.
static size_t size_in_array(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_UINT32:
        return sizeof(uint32_t);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return sizeof(void *); // strings and messages; no other type is repeated
    }
}

static nb_status check_repeated(const place *at, size_t count, const char *values, nb_error *err)
{
    if (count > at->rule->count_most) {
        return nb_fail(err, NB_E_LIMIT, "%s.%s: %zu entries; at most %zu", at->message->short_name,
                       at->field->name, count, at->rule->count_most);
    }
    const size_t size = size_in_array(at->field->type);
    nb_status status = NB_OK;
    for (size_t i = 0; status == NB_OK && i < count; i++) {
        status = check_value(at, values + i * size, err);
    }
    return status;
}

/// Whether an optional field or a member of a oneof is there. `quantifier` points at has_x or the
/// case; strings and messages are there when not null.
static bool is_present(const ProtobufCFieldDescriptor *field, const void *value,
                       const void *quantifier)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return *(const uint32_t *)quantifier == field->id;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return *(const void *const *)value != NULL;
    }
    return field->label == PROTOBUF_C_LABEL_REQUIRED || *(const protobuf_c_boolean *)quantifier;
}

nb_status nb_rules_check(const ProtobufCMessage *message, nb_error *err)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    nb_status status = NB_OK;
    for (unsigned i = 0; status == NB_OK && i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        const place at = {descriptor, field, nb_rule_find(descriptor, field->name)};
        const char *value = (const char *)message + field->offset;
        const char *quantifier = (const char *)message + field->quantifier_offset;
        if (!at.rule) {
            status = nb_fail(err, NB_E_INVALID, "%s.%s: no limit is known for it",
                             descriptor->short_name, field->name);
        } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            status = check_repeated(&at, *(const size_t *)(const void *)quantifier,
                                    *(const char *const *)(const void *)value, err);
        } else if (is_present(field, value, quantifier)) {
            status = check_value(&at, value, err);
        }
    }
    return status;
}

size_t nb_rules_count_unknown(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    size_t count = message->n_unknown_fields;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        const char *value = (const char *)message + field->offset;
        const char *quantifier = (const char *)message + field->quantifier_offset;
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            count +=
                is_present(field, value, quantifier)
                    ? nb_rules_count_unknown(*(const ProtobufCMessage *const *)(const void *)value)
                    : 0;
            continue;
        }
        const size_t rows = *(const size_t *)(const void *)quantifier;
        const ProtobufCMessage *const *messages =
            *(const ProtobufCMessage *const *const *)(const void *)value;
        for (size_t j = 0; j < rows; j++) {
            count += nb_rules_count_unknown(messages[j]);
        }
    }
    return count;
}
