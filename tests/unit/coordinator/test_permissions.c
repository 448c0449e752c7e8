// SPDX-License-Identifier: GPL-3.0-or-later
// docs/permissions.md against the code: its table is the dispatcher's, and every request is sent as
// every role.
#include "base/clock.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/members.h"
#include "coordinator/sql.h"
#include "protocol/rules.h"
#include "reception.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROLES = 7, NAME_SIZE = 64, CELLS = ROLES + 1 };

static const char album[] = "night";
static const char missing_role[] = " takes a role on ";

static void enrol(nb_ledger *ledger, const char *name, const char *where, unsigned roles)
{
    const nb_peer peer = desk_peer(name);
    nb_member member = {.roles = where[0] ? 0 : roles};
    snprintf(member.name, sizeof member.name, "%s", name);
    assert_ok(nb_ledger_put_member(ledger, &peer.key, &member, err));
    if (where[0]) {
        assert_ok(nb_ledger_set_roles(ledger, name, where, roles, err));
    }
}

// An invite of the album's owner, whose throwaway key is named "guest".
static void invite(nb_ledger *ledger)
{
    const int64_t now_ms = nb_clock_wall_ms();
    nb_invite_row row = {.key = desk_peer("guest").key,
                         .album = "night",
                         .roles = NB_ROLE_ARTIST,
                         .person = "owner",
                         .created_ms = now_ms,
                         .expires_ms = now_ms + 1000000};
    assert_ok(nb_ledger_add_invite(ledger, &row, err));
}

// One person or program of each role, and a stranger who owns another album.
static void open_desk(desk *self, const char *folder)
{
    *self = (desk){0};
    nb_ledger *ledger = NULL;
    NB_SCOPED(nb_text_free) char *path = nb_file_join(folder, "ledger.sqlite");
    assert_ok(nb_ledger_open(path, &ledger, err));
    assert_ok(nb_ledger_add_album(ledger, album, 5, err));
    assert_ok(nb_ledger_add_album(ledger, "day", 5, err));
    unsigned role = 0;
    const char *name = NULL;
    for (size_t i = 0; (name = nb_role_name(i, &role)) != NULL; i++) {
        if (role != NB_ROLE_GUEST) {
            enrol(ledger, name, (role & NB_ROLES_ALBUM) ? album : "", role);
        }
    }
    invite(ledger);
    enrol(ledger, "stranger", "day", NB_ROLE_OWNER);
    enrol(ledger, "nobody", "", 0);
    nb_ledger_close(&ledger);
    desk_open(self, folder);
}

// ---- Requests made from their descriptors ----

static const ProtobufCFieldDescriptor *body_field(size_t index)
{
    const ProtobufCFieldDescriptor *field = &nightbus__request__descriptor.fields[index];
    return field->type == PROTOBUF_C_TYPE_MESSAGE ? field : NULL;
}

/// A body with what it must have, and the album or job that it can name.
typedef struct made {
    char bytes[1024]; ///< Large enough for every body
    char words[16][NAME_SIZE];
    uint8_t blob[4096];
} made;

static void fill_field(made *self, const ProtobufCMessageDescriptor *message,
                       const ProtobufCFieldDescriptor *field, size_t number, const char *where)
{
    char *value = self->bytes + field->offset;
    char *quantifier = self->bytes + field->quantifier_offset;
    const nb_rule *rule = nb_rule_find(message, field->name);
    assert_non_null(rule);
    const bool required = field->label == PROTOBUF_C_LABEL_REQUIRED;
    const bool is_scope = strcmp(field->name, "album") == 0;
    if (field->label == PROTOBUF_C_LABEL_REPEATED || (!required && !is_scope)) {
        return;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const bool is_role = strcmp(field->name, "role") == 0;
        snprintf(self->words[number], NAME_SIZE, "%s", is_scope ? where : is_role ? "client" : "x");
        *(char **)(void *)value = self->words[number];
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        ProtobufCBinaryData data = {rule->form == NB_RULE_BYTES ? rule->most : 1, self->blob};
        assert_true(data.len <= sizeof self->blob);
        memcpy(value, &data, sizeof data);
    } else if (field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_INT64) {
        const uint64_t wanted = strcmp(field->name, "invite") == 0 ? 77 : 1; // not the guest's own
        *(uint64_t *)(void *)value = rule->most < wanted ? rule->most : wanted;
    } else if (field->type == PROTOBUF_C_TYPE_UINT32) {
        *(uint32_t *)(void *)value = rule->most < 1 ? 0 : 1;
    }
    if (!required && field->type != PROTOBUF_C_TYPE_STRING) {
        *(protobuf_c_boolean *)(void *)quantifier = 1;
    }
}

// Send the request as `who`; the answer, or null where it is held back.
static const Nightbus__Reply *send_as(desk *self, const char *who,
                                      const ProtobufCFieldDescriptor *body, const char *where)
{
    static made filled;
    const ProtobufCMessageDescriptor *message = body->descriptor;
    const nb_peer peer = desk_peer(who);
    assert_true(message->sizeof_message <= sizeof filled.bytes && message->n_fields <= 16);
    memset(&filled, 0, sizeof filled);
    message->message_init((ProtobufCMessage *)(void *)filled.bytes);
    for (size_t i = 0; i < message->n_fields; i++) {
        fill_field(&filled, message, &message->fields[i], i, where);
    }
    Nightbus__Request request = NIGHTBUS__REQUEST__INIT;
    request.id = ++self->request;
    request.body_case = (Nightbus__Request__BodyCase)body->id;
    request.hello = (Nightbus__Hello *)(void *)filled.bytes; // all bodies share their place
    void *bytes = NULL;
    size_t size = 0;
    NB_SCOPED(nb_wire_free_request) Nightbus__Request *sent = NULL;
    assert_ok(nb_wire_pack_request(&request, &bytes, &size, err));
    assert_ok(nb_wire_unpack_request(bytes, size, &sent, err));
    free(bytes);
    nb_wire_free_reply(&self->reply);
    nb_coordinator_hear(self->coordinator, &peer, sent, 1000);
    nb_coordinator_advance(self->coordinator, 1000);
    return (self->reply && self->reply->id == request.id) ? self->reply : NULL;
}

static bool is_refused_for_its_role(const Nightbus__Reply *reply)
{
    return reply && reply->failure && strstr(reply->failure->text, missing_role) != NULL;
}

// ---- The page ----

/// A row of the page's table: the request, and a cell for each role.
typedef struct row {
    char cells[CELLS][NAME_SIZE];
} row;

static bool read_row(const char *line, row *out)
{
    const char *end = strchrnul(line, '\n');
    size_t count = 0;
    memset(out, 0, sizeof *out);
    for (const char *at = strchr(line, '|'); at && at + 1 < end && count < CELLS;
         at = strchr(at + 1, '|')) {
        char cell[NAME_SIZE] = "";
        if (sscanf(at + 1, " %63[^| ]", cell) != 1) {
            break;
        }
        memcpy(out->cells[count++], cell, sizeof cell);
    }
    return count == CELLS;
}

static bool find_row(const char *page, const char *name, row *out)
{
    for (const char *line = page; line; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (*line == '|' && read_row(line, out) && strcmp(out->cells[0], name) == 0) {
            return true;
        }
    }
    return false;
}

static char *read_page(void)
{
    char *text = NULL;
    size_t size = 0;
    assert_ok(nb_file_read(NB_SOURCE_DIR "/docs/permissions.md", 1 << 20, &text, &size, err));
    return text;
}

static void the_page_says_what_the_code_does(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *page = read_page();
    row head;
    row found;
    assert_true(find_row(page, "request", &head));
    for (size_t i = 0; i < nightbus__request__descriptor.n_fields; i++) {
        const ProtobufCFieldDescriptor *body = body_field(i);
        if (!body) {
            continue;
        }
        const char *name = ((const ProtobufCMessageDescriptor *)body->descriptor)->short_name;
        const unsigned roles = nb_request_roles((Nightbus__Request__BodyCase)body->id);
        if (roles == 0) {
            fail_msg("%s has no roles: give it its row in coordinator/dispatch.c", name);
        }
        if (!find_row(page, name, &found)) {
            fail_msg("docs/permissions.md has no row for %s", name);
        }
        for (size_t r = 0; r < ROLES; r++) {
            unsigned role = 0;
            const char *role_name = nb_role_name(r, &role);
            assert_string_equal(head.cells[r + 1], role_name);
            if (strcmp(found.cells[r + 1], (roles & role) ? "yes" : "-") != 0) {
                fail_msg("docs/permissions.md says '%s' of %s as %s, the code otherwise",
                         found.cells[r + 1], name, role_name);
            }
        }
    }
}

static void the_page_names_no_request_that_is_not_there(void **state)
{
    (void)state;
    NB_SCOPED(nb_text_free) char *page = read_page();
    for (const char *line = page; line; line = strchr(line, '\n')) {
        row found;
        bool known = false;
        line += *line == '\n' ? 1 : 0;
        if (*line != '|' || !read_row(line, &found) || strcmp(found.cells[0], "request") == 0 ||
            found.cells[0][0] == '-') {
            continue;
        }
        for (size_t i = 0; i < nightbus__request__descriptor.n_fields; i++) {
            const ProtobufCFieldDescriptor *body = body_field(i);
            known =
                known ||
                (body && strcmp(((const ProtobufCMessageDescriptor *)body->descriptor)->short_name,
                                found.cells[0]) == 0);
        }
        if (!known) {
            fail_msg("docs/permissions.md has a row for '%s', which is no request", found.cells[0]);
        }
    }
}

// ---- Every request as every role ----

static void try_as(desk *self, const ProtobufCFieldDescriptor *body, const char *who, unsigned role)
{
    const char *name = ((const ProtobufCMessageDescriptor *)body->descriptor)->short_name;
    const unsigned roles = nb_request_roles((Nightbus__Request__BodyCase)body->id);
    const bool is_hello = body->id == NIGHTBUS__REQUEST__BODY_HELLO;
    const Nightbus__Reply *reply = send_as(self, who, body, album);
    const bool refused = is_refused_for_its_role(reply);
    // Hello is open to every key; a renderer that says "client" in it is told so in other words.
    if (!is_hello && refused != !(roles & role)) {
        fail_msg("%s as %s: %s", name, who,
                 reply && reply->failure ? reply->failure->text : "was answered");
    }
    if (refused) {
        assert_int_equal(reply->failure->status, NB_E_PERMISSION);
        assert_int_equal(nb_status_exit_code((nb_status)reply->failure->status), 3);
    }
}

static void every_request_is_answered_or_refused_as_its_row_says(void **state)
{
    desk here;
    open_desk(&here, *state);
    unsigned role = 0;
    const char *name = NULL;
    for (size_t r = 0; (name = nb_role_name(r, &role)) != NULL; r++) {
        if (role != NB_ROLE_GUEST) {
            desk_greet(&here, name, role == NB_ROLE_RENDERER);
        }
        for (size_t i = 0; i < nightbus__request__descriptor.n_fields; i++) {
            if (body_field(i)) {
                try_as(&here, body_field(i), name, role);
            }
        }
    }
    desk_close(&here);
}

// A number that changes when another connection commits.
static int64_t data_version(nb_sql *sql)
{
    NB_SCOPED(nb_sql_done) nb_sql_rows rows = {0};
    bool found = false;
    assert_ok(nb_sql_query(sql, "PRAGMA data_version", NULL, 0, &rows, err));
    assert_ok(nb_sql_next(&rows, &found, err));
    return nb_sql_get_int(&rows, 0);
}

static void what_is_said_to_read_changes_nothing_and_all_else_is_written_down(void **state)
{
    // How the names of requests end that read; all others change something.
    static const char *const endings[] = {"Hello", "List",    "Log", "Show", "Watch", "Why",
                                          "Head",  "Missing", "Get", "Ask",  "Usage"};
    desk here;
    open_desk(&here, *state);
    NB_SCOPED(nb_text_free) char *path = nb_file_join(*state, "ledger.sqlite");
    NB_SCOPED(nb_sql_close) nb_sql *sql = NULL;
    assert_ok(nb_sql_open(path, &sql, err));
    desk_greet(&here, "owner", false);
    desk_greet(&here, "operator", false);
    for (size_t i = 0; i < nightbus__request__descriptor.n_fields; i++) {
        const ProtobufCFieldDescriptor *body = body_field(i);
        if (!body) {
            continue;
        }
        const char *name = ((const ProtobufCMessageDescriptor *)body->descriptor)->short_name;
        bool is_reader = false;
        for (size_t e = 0; e < NB_COUNT(endings); e++) {
            const size_t length = strlen(name);
            const size_t tail = strlen(endings[e]);
            is_reader =
                is_reader || (length >= tail && strcmp(name + length - tail, endings[e]) == 0);
        }
        if (nb_request_reads((Nightbus__Request__BodyCase)body->id) != is_reader) {
            fail_msg("%s: its row in coordinator/dispatch.c says %s", name,
                     is_reader ? "that it changes something" : "READS");
        }
        const int64_t before = data_version(sql);
        if (is_reader && body->id != NIGHTBUS__REQUEST__BODY_HELLO) { // which notes when it was
            send_as(&here, "owner", body, album);
            send_as(&here, "operator", body, album);
            if (data_version(sql) != before) {
                fail_msg("%s writes into the ledger", name);
            }
        }
    }
    desk_close(&here);
}

static void a_role_on_one_album_is_none_on_another(void **state)
{
    desk here;
    open_desk(&here, *state);
    desk_greet(&here, "stranger", false);
    desk_greet(&here, "nobody", false);
    for (size_t i = 0; i < nightbus__request__descriptor.n_fields; i++) {
        const ProtobufCFieldDescriptor *body = body_field(i);
        if (!body || body->id == NIGHTBUS__REQUEST__BODY_HELLO) {
            continue;
        }
        const ProtobufCMessageDescriptor *message = body->descriptor;
        assert_true(is_refused_for_its_role(send_as(&here, "nobody", body, album)));
        if (protobuf_c_message_descriptor_get_field_by_name(message, "album")) {
            const Nightbus__Reply *reply = send_as(&here, "stranger", body, album);
            if (!is_refused_for_its_role(reply)) {
                fail_msg("%s of another's album was not refused", message->short_name);
            }
            // What is there and what is not look the same.
            NB_SCOPED(nb_text_free) char *there = strdup(reply->failure->text);
            reply = send_as(&here, "stranger", body, "nacht");
            char *name = strstr(there, album);
            assert_non_null(name);
            memcpy(name, "nacht", sizeof album - 1);
            assert_string_equal(reply->failure->text, there);
        }
    }
    desk_close(&here);
}

static void lists_show_only_albums_one_has_a_role_on(void **state)
{
    desk here;
    open_desk(&here, *state);
    desk_greet(&here, "stranger", false);
    desk_greet(&here, "artist", false);
    desk_greet(&here, "operator", false);
    const ProtobufCFieldDescriptor *list = protobuf_c_message_descriptor_get_field_by_name(
        &nightbus__request__descriptor, "album_list");
    const Nightbus__Reply *reply = send_as(&here, "stranger", list, "");
    assert_int_equal(reply->album_listing->n_rows, 1);
    assert_string_equal(reply->album_listing->rows[0]->album, "day");
    reply = send_as(&here, "artist", list, "");
    assert_int_equal(reply->album_listing->n_rows, 1);
    assert_string_equal(reply->album_listing->rows[0]->album, album);
    reply = send_as(&here, "operator", list, "");
    assert_int_equal(reply->album_listing->n_rows, 2);
    desk_close(&here);
}

static void blobs_of_an_album_move_for_those_with_a_role_on_it(void **state)
{
    desk here;
    open_desk(&here, *state);
    nb_digest digest;
    assert_ok(nb_blob_store_put(nb_coordinator_store(here.coordinator), "sound", 5, &digest, err));
    const nb_peer owner = desk_peer("owner");
    assert_ok(nb_coordinator_stored(here.coordinator, &owner.key, album, 0, &digest, 5, err));
    unsigned role = 0;
    const char *name = NULL;
    for (size_t i = 0; (name = nb_role_name(i, &role)) != NULL; i++) {
        const nb_peer peer = desk_peer(name);
        const bool reads = (role & NB_ROLES_ALBUM) != 0;
        const bool writes = reads && role != NB_ROLE_ARTIST;
        assert_int_equal(
            nb_coordinator_may_read(here.coordinator, &peer.key, album, 0, &digest, NULL),
            reads ? NB_OK : NB_E_PERMISSION);
        assert_int_equal(
            nb_coordinator_may_write(here.coordinator, &peer.key, album, 0, &digest, 5, NULL),
            writes ? NB_E_EXISTS : NB_E_PERMISSION);
    }
    // The owner of another album knows the digest, and gets nothing for it.
    const nb_peer stranger = desk_peer("stranger");
    assert_fails(NB_E_PERMISSION, "no role on album",
                 nb_coordinator_may_read(here.coordinator, &stranger.key, album, 0, &digest, err));
    assert_fails(NB_E_NOT_FOUND, "has no blob",
                 nb_coordinator_may_read(here.coordinator, &stranger.key, "day", 0, &digest, err));
    assert_ok(nb_coordinator_may_write(here.coordinator, &stranger.key, "day", 0, &digest, 5, err));
    desk_close(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_says_what_the_code_does),
        cmocka_unit_test(the_page_names_no_request_that_is_not_there),
        cmocka_unit_test_setup_teardown(every_request_is_answered_or_refused_as_its_row_says,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(
            what_is_said_to_read_changes_nothing_and_all_else_is_written_down, scratch_make,
            scratch_remove),
        cmocka_unit_test_setup_teardown(a_role_on_one_album_is_none_on_another, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(lists_show_only_albums_one_has_a_role_on, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(blobs_of_an_album_move_for_those_with_a_role_on_it,
                                        scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
