// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/test.h"

#include "protocol/rules.h"
#include "protocol/wire.h"

#include <math.h>

enum { HEADER = 4, ROOTS = 3 };

/// The three kinds of message, and what reads them.
typedef struct root {
    const ProtobufCMessageDescriptor *descriptor;
    nb_status (*check)(const void *bytes, size_t size, nb_error *err);
} root;

static nb_status check_request(const void *bytes, size_t size, nb_error *err)
{
    NB_SCOPED(nb_wire_free_request) Nightbus__Request *message = NULL;
    return nb_wire_unpack_request(bytes, size, &message, err);
}

static nb_status check_reply(const void *bytes, size_t size, nb_error *err)
{
    NB_SCOPED(nb_wire_free_reply) Nightbus__Reply *message = NULL;
    return nb_wire_unpack_reply(bytes, size, &message, err);
}

static nb_status check_bulk(const void *bytes, size_t size, nb_error *err)
{
    NB_SCOPED(nb_wire_free_bulk) Nightbus__Bulk *message = NULL;
    return nb_wire_unpack_bulk(bytes, size, &message, err);
}

static const root roots[ROOTS] = {
    {&nightbus__request__descriptor, check_request},
    {&nightbus__reply__descriptor, check_reply},
    {&nightbus__bulk__descriptor, check_bulk},
};

/// A message in bytes, written field by field, so that it may also break the rules.
typedef struct writer {
    uint8_t bytes[NB_MESSAGE_MAX + 4096];
    size_t size;
} writer;

static void put_varint(writer *self, uint64_t value)
{
    do {
        assert_true(self->size < sizeof self->bytes);
        self->bytes[self->size++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
}

static void put_bytes(writer *self, unsigned field, const void *bytes, size_t size)
{
    put_varint(self, (uint64_t)field << 3 | 2);
    put_varint(self, size);
    assert_true(self->size + size <= sizeof self->bytes);
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

/// What is put into one field more or wrong than a good message has.
typedef struct fault {
    const ProtobufCMessageDescriptor *message;
    const ProtobufCFieldDescriptor *field;
    enum { FAULT_NONE, FAULT_LARGE, FAULT_CONTROL, FAULT_NOT_UTF8, FAULT_MANY, FAULT_ABSENT } kind;
} fault;

static void write_message(writer *out, const ProtobufCMessageDescriptor *message, unsigned member,
                          const fault *wrong);

static void write_text(writer *out, unsigned id, const nb_rule *rule, int kind)
{
    static char text[NB_METRICS_MAX + 64]; // the longest of all
    size_t size = rule->most < 20 ? (size_t)rule->most : 20;
    if (kind == FAULT_LARGE) {
        size = (size_t)rule->most + 1;
    }
    memset(text, 'a', size);
    if (kind == FAULT_CONTROL) {
        text[3] = '\x1b';
    } else if (kind == FAULT_NOT_UTF8) {
        text[3] = '\xff';
    }
    put_bytes(out, id, text, size);
}

static void write_value(writer *out, const ProtobufCFieldDescriptor *field, const nb_rule *rule,
                        int kind, const fault *wrong)
{
    static uint8_t bytes[64];
    const double real = kind == FAULT_LARGE ? NAN : -14.25;
    switch (rule->form) {
    case NB_RULE_NESTED: {
        writer *inner = calloc(1, sizeof *inner);
        write_message(inner, field->descriptor, 0, wrong);
        put_bytes(out, field->id, inner->bytes, inner->size);
        free(inner);
        break;
    }
    case NB_RULE_WORD:
    case NB_RULE_TEXT:
        write_text(out, field->id, rule, kind);
        break;
    case NB_RULE_BYTES:
    case NB_RULE_TOKEN:
        put_bytes(out, field->id, bytes, (size_t)rule->most + (kind == FAULT_LARGE));
        break;
    case NB_RULE_REAL:
        put_varint(out, (uint64_t)field->id << 3 | 1);
        memcpy(out->bytes + out->size, &real, sizeof real);
        out->size += sizeof real;
        break;
    case NB_RULE_NUMBER:
    case NB_RULE_FLAG:
        put_varint(out, (uint64_t)field->id << 3);
        put_varint(out, rule->form == NB_RULE_FLAG ? 1 : rule->most + (kind == FAULT_LARGE));
        break;
    }
}

/// Write every field of a message (two of each repeated one), of a oneof the `member`th.
static void write_message(writer *out, const ProtobufCMessageDescriptor *message, unsigned member,
                          const fault *wrong)
{
    unsigned members = 0;
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        const nb_rule *rule = nb_rule_find(message, field->name);
        assert_non_null(rule);
        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 && members++ != member) {
            continue;
        }
        const int kind =
            wrong && wrong->message == message && wrong->field == field ? (int)wrong->kind : 0;
        size_t count = field->label == PROTOBUF_C_LABEL_REPEATED ? 2 : 1;
        if (kind == FAULT_MANY) {
            count = rule->count_most + 1;
        } else if (kind == FAULT_ABSENT) {
            count = 0;
        }
        for (size_t j = 0; j < count; j++) {
            write_value(out, field, rule, kind, wrong);
        }
    }
}

static unsigned count_members(const ProtobufCMessageDescriptor *message)
{
    unsigned members = 0;
    for (unsigned i = 0; i < message->n_fields; i++) {
        members += (message->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    }
    return members;
}

static void begin(writer *out)
{
    static const uint8_t header[HEADER] = {'N', 'B', NB_PROTOCOL_MAJOR, NB_PROTOCOL_MINOR};
    memcpy(out->bytes, header, sizeof header);
    out->size = sizeof header;
}

static writer scratch;

static void every_field_of_every_message_has_a_limit(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *pending[128];
    size_t count = 0;
    for (size_t i = 0; i < ROOTS; i++) {
        pending[count++] = roots[i].descriptor;
    }
    for (size_t at = 0; at < count; at++) {
        for (unsigned i = 0; i < pending[at]->n_fields; i++) {
            const ProtobufCFieldDescriptor *field = &pending[at]->fields[i];
            const nb_rule *rule = nb_rule_find(pending[at], field->name);
            if (!rule) {
                fail_msg("%s.%s has no limit", pending[at]->name, field->name);
            }
            const bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
            assert_int_equal(repeated, rule->count_most > 0);
            const bool nested = field->type == PROTOBUF_C_TYPE_MESSAGE;
            assert_int_equal(nested, rule->form == NB_RULE_NESTED);
            if (nested) {
                // Flat: no message holds itself, or the decoder could be sent down without end.
                for (size_t j = 0; j <= at && pending[at] == pending[j]; j++) {
                    assert_ptr_not_equal(pending[j], field->descriptor);
                }
                assert_true(count < NB_COUNT(pending));
                pending[count++] = field->descriptor;
            }
        }
    }
    assert_true(count > 40);
}

static void a_message_with_every_field_at_its_limit_comes_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOTS; i++) {
        for (unsigned member = 0; member < count_members(roots[i].descriptor); member++) {
            begin(&scratch);
            write_message(&scratch, roots[i].descriptor, member, NULL);
            assert_ok(roots[i].check(scratch.bytes, scratch.size, err));
        }
    }
}

/// Try one fault everywhere it can be.
static unsigned try_fault(const root *kind, unsigned member,
                          const ProtobufCMessageDescriptor *message,
                          const ProtobufCFieldDescriptor *field, int what, nb_status expected)
{
    const fault wrong = {message, field, what};
    begin(&scratch);
    write_message(&scratch, kind->descriptor, member, &wrong);
    if (scratch.size > NB_MESSAGE_MAX) {
        return 0;
    }
    nb_error err = {0};
    const nb_status status = kind->check(scratch.bytes, scratch.size, &err);
    if (status != expected || !strstr(err.text, field->name)) {
        fail_msg("%s.%s, fault %d: %s '%s'", message->name, field->name, what,
                 nb_status_name(status), err.text);
    }
    return 1;
}

/// Break each field of a message and of those in it, one at a time.
static unsigned break_fields(const root *kind, unsigned member,
                             const ProtobufCMessageDescriptor *message)
{
    unsigned tried = 0;
    unsigned members = 0;
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        const nb_rule *rule = nb_rule_find(message, field->name);
        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 && members++ != member) {
            continue;
        }
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            tried += try_fault(kind, member, message, field, FAULT_MANY, NB_E_LIMIT);
        }
        if (rule->form == NB_RULE_NESTED) {
            tried += break_fields(kind, member, field->descriptor);
        } else if (rule->form == NB_RULE_WORD || rule->form == NB_RULE_TEXT) {
            tried += try_fault(kind, member, message, field, FAULT_LARGE, NB_E_LIMIT);
            tried += try_fault(kind, member, message, field, FAULT_CONTROL, NB_E_INVALID);
            tried += try_fault(kind, member, message, field, FAULT_NOT_UTF8, NB_E_INVALID);
        } else if (rule->form == NB_RULE_BYTES || rule->form == NB_RULE_REAL) {
            tried += try_fault(kind, member, message, field, FAULT_LARGE, NB_E_INVALID);
        } else if (rule->form == NB_RULE_TOKEN) {
            tried += try_fault(kind, member, message, field, FAULT_LARGE, NB_E_LIMIT);
        } else if (rule->form == NB_RULE_NUMBER && rule->most < UINT32_MAX) {
            tried += try_fault(kind, member, message, field, FAULT_LARGE, NB_E_LIMIT);
        }
    }
    return tried;
}

static void a_field_past_its_limit_is_refused_by_name(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (size_t i = 0; i < ROOTS; i++) {
        for (unsigned member = 0; member < count_members(roots[i].descriptor); member++) {
            tried += break_fields(&roots[i], member, roots[i].descriptor);
        }
    }
    assert_true(tried > 250);
}

static void a_message_cut_at_any_byte_is_no_crash_and_seldom_a_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOTS; i++) {
        for (unsigned member = 0; member < count_members(roots[i].descriptor); member++) {
            begin(&scratch);
            write_message(&scratch, roots[i].descriptor, member, NULL);
            for (size_t size = 0; size < scratch.size; size++) {
                // Its own allocation, so that a sanitizer sees a read past the end.
                uint8_t *cut = malloc(size ? size : 1);
                memcpy(cut, scratch.bytes, size);
                const nb_status status = roots[i].check(cut, size, NULL);
                assert_true(status == NB_OK || status == NB_E_INVALID);
                // The body comes last: without its end it is none.
                assert_true(status != NB_OK || size > HEADER + 2);
                free(cut);
            }
        }
    }
}

static void random_bytes_are_refused(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[96] = {'N', 'B', NB_PROTOCOL_MAJOR, NB_PROTOCOL_MINOR};
        for (size_t i = HEADER; i < sizeof bytes; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            bytes[i] = (uint8_t)(seed >> 56);
        }
        for (size_t i = 0; i < ROOTS; i++) {
            const nb_status status =
                roots[i].check(bytes, sizeof bytes - (size_t)(round % 90), NULL);
            assert_true(status != NB_OK);
        }
    }
}

static void another_major_version_names_the_side_to_upgrade(void **state)
{
    (void)state;
    static const uint8_t newer[] = {'N', 'B', NB_PROTOCOL_MAJOR + 1, 0, 8, 1};
    static const uint8_t older[] = {'N', 'B', NB_PROTOCOL_MAJOR - 1, 0, 8, 1};
    assert_fails(NB_E_VERSION, "upgrade the coordinator", check_request(newer, sizeof newer, err));
    assert_fails(NB_E_VERSION, "upgrade the peer", check_request(older, sizeof older, err));
    assert_fails(NB_E_VERSION, "upgrade the program", check_reply(newer, sizeof newer, err));
    assert_fails(NB_E_VERSION, "upgrade the coordinator", check_reply(older, sizeof older, err));
    assert_fails(NB_E_INVALID, "begins with", check_request("HTTP/1.1", 8, err));
}

static void unknown_fields_are_for_later_minor_versions_only(void **state)
{
    (void)state;
    begin(&scratch);
    write_message(&scratch, &nightbus__request__descriptor, 0, NULL);
    put_bytes(&scratch, 900, "new", 3);
    assert_fails(NB_E_INVALID, "does not have", check_request(scratch.bytes, scratch.size, err));
    scratch.bytes[3] = NB_PROTOCOL_MINOR + 1;
    assert_ok(check_request(scratch.bytes, scratch.size, err));
    // A request that is altogether unknown cannot be done, whatever its version.
    begin(&scratch);
    put_varint(&scratch, 1 << 3);
    put_varint(&scratch, 1);
    put_bytes(&scratch, 900, "new", 3);
    scratch.bytes[3] = NB_PROTOCOL_MINOR + 1;
    assert_fails(NB_E_VERSION, "upgrade", check_request(scratch.bytes, scratch.size, err));
}

static void a_message_without_a_body_is_refused(void **state)
{
    (void)state;
    static const uint8_t empty[] = {'N', 'B', NB_PROTOCOL_MAJOR, NB_PROTOCOL_MINOR, 8, 1};
    assert_fails(NB_E_INVALID, "without a body", check_request(empty, sizeof empty, err));
    assert_fails(NB_E_INVALID, "without a body", check_reply(empty, sizeof empty, err));
}

static void a_message_over_a_megabyte_is_refused_both_ways(void **state)
{
    (void)state;
    begin(&scratch);
    assert_fails(NB_E_LIMIT, "at most", check_request(scratch.bytes, NB_MESSAGE_MAX + 1, err));
    Nightbus__JobState job = NIGHTBUS__JOB_STATE__INIT;
    Nightbus__JobRow row = NIGHTBUS__JOB_ROW__INIT;
    Nightbus__Reply reply = NIGHTBUS__REPLY__INIT;
    static char text[NB_MESSAGE_MAX + 1];
    memset(text, 'a', NB_MESSAGE_MAX);
    row.album = row.song = row.version = row.state = text;
    job.row = &row;
    reply.body_case = NIGHTBUS__REPLY__BODY_JOB_STATE;
    reply.job_state = &job;
    void *bytes = NULL;
    size_t size = 0;
    assert_fails(NB_E_LIMIT, "Reply", nb_wire_pack_reply(&reply, &bytes, &size, err));
    assert_null(bytes);
}

static void what_is_packed_is_what_is_unpacked(void **state)
{
    (void)state;
    const nb_digest manifest = nb_digest_of("m", 1);
    uint8_t id[NB_CLIENT_ID_SIZE] = {1, 2, 3};
    Nightbus__Push push = NIGHTBUS__PUSH__INIT;
    push.album = nb_wire_string("night");
    push.message = nb_wire_string("Vocal up\n\tand a tab: ü");
    push.manifest = nb_wire_digest(&manifest);
    push.client_id = (ProtobufCBinaryData){sizeof id, id};
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.id = 77;
    request.body_case = NIGHTBUS__REQUEST__BODY_PUSH;
    request.push = &push;
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(nb_wire_pack_request(&request, &bytes, &size, err));
    Nightbus__Request *back = NULL;
    assert_ok(nb_wire_unpack_request(bytes, size, &back, err));
    free(bytes);
    assert_int_equal(back->id, 77);
    assert_int_equal(back->body_case, NIGHTBUS__REQUEST__BODY_PUSH);
    assert_string_equal(back->push->message, push.message);
    assert_null(back->push->base_commit);
    const nb_digest found = nb_wire_to_digest(back->push->manifest);
    assert_true(nb_digest_equal(&found, &manifest));
    assert_memory_equal(back->push->client_id.data, id, sizeof id);
    nb_wire_free_request(&back);
    assert_null(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_message_has_a_limit),
        cmocka_unit_test(a_message_with_every_field_at_its_limit_comes_through),
        cmocka_unit_test(a_field_past_its_limit_is_refused_by_name),
        cmocka_unit_test(a_message_cut_at_any_byte_is_no_crash_and_seldom_a_message),
        cmocka_unit_test(random_bytes_are_refused),
        cmocka_unit_test(another_major_version_names_the_side_to_upgrade),
        cmocka_unit_test(unknown_fields_are_for_later_minor_versions_only),
        cmocka_unit_test(a_message_without_a_body_is_refused),
        cmocka_unit_test(a_message_over_a_megabyte_is_refused_both_ways),
        cmocka_unit_test(what_is_packed_is_what_is_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
