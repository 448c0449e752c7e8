// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log: an entry for each request of a person that may have changed something, and the
// request that reads them.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/audit.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/invites.h"
#include "protocol/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_DEFAULT = 50, LIST_SIZE = 200 };

// ---- Writing ----

static void add_value(nb_text *out, const ProtobufCFieldDescriptor *field, const void *value)
{
    const ProtobufCBinaryData *bytes = value;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        nb_text_addf(out, " %s=%.200s", field->name, *(const char *const *)value);
        break;
    case PROTOBUF_C_TYPE_UINT32:
        nb_text_addf(out, " %s=%" PRIu32, field->name, *(const uint32_t *)value);
        break;
    case PROTOBUF_C_TYPE_UINT64:
        nb_text_addf(out, " %s=%" PRIu64, field->name, *(const uint64_t *)value);
        break;
    case PROTOBUF_C_TYPE_INT64:
        nb_text_addf(out, " %s=%" PRId64, field->name, *(const int64_t *)value);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        nb_text_addf(out, " %s=%s", field->name, *(const protobuf_c_boolean *)value ? "yes" : "no");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        if (strcmp(field->name, "key") == 0 && bytes->len == NB_KEY_SIZE) {
            nb_text_addf(out, " key=%02x%02x%02x%02x", bytes->data[0], bytes->data[1],
                         bytes->data[2], bytes->data[3]);
        }
        break;
    default:
        break;
    }
}

static void add_words(nb_text *out, const ProtobufCFieldDescriptor *field, char *const *words,
                      size_t count)
{
    if (count > 0 && field->type == PROTOBUF_C_TYPE_STRING) {
        nb_text_addf(out, " %s=", field->name);
        for (size_t i = 0; i < count; i++) {
            nb_text_addf(out, "%s%.60s", i > 0 ? "," : "", words[i]);
        }
    }
}

// "song=night version=v3": words, numbers and flags of the body. Texts that people wrote stay where
// they are, and what was asked for by bytes is told by its client's id.
static void format_details(const ProtobufCMessage *body, char out[NB_AUDIT_DETAILS_SIZE])
{
    NB_SCOPED(nb_text_fini) nb_text text = {0};
    for (unsigned i = 0; i < body->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &body->descriptor->fields[i];
        const nb_rule *rule = nb_rule_find(body->descriptor, field->name);
        const char *value = (const char *)body + field->offset;
        const char *quantifier = (const char *)body + field->quantifier_offset;
        if (!rule || rule->form == NB_RULE_TEXT || strcmp(field->name, "album") == 0) {
            continue;
        }
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            add_words(&text, field, *(char *const *const *)(const void *)value,
                      *(const size_t *)(const void *)quantifier);
        } else if (field->type == PROTOBUF_C_TYPE_STRING
                       ? *(const char *const *)(const void *)value != NULL
                       : field->label == PROTOBUF_C_LABEL_REQUIRED ||
                             *(const protobuf_c_boolean *)(const void *)quantifier) {
            add_value(&text, field, value);
        }
    }
    const char *chars = text.chars ? text.chars : "";
    snprintf(out, NB_AUDIT_DETAILS_SIZE, "%s", chars[0] == ' ' ? chars + 1 : chars);
    size_t whole = 0;
    if (!nb_text_is_utf8(out, strlen(out), &whole)) { // cut inside a character
        out[whole] = '\0';
    }
}

static const uint8_t *client_id_of(const ProtobufCMessage *body)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(body->descriptor, "client_id");
    if (!field || field->type != PROTOBUF_C_TYPE_BYTES ||
        field->label != PROTOBUF_C_LABEL_REQUIRED) {
        return NULL;
    }
    const ProtobufCBinaryData *bytes =
        (const ProtobufCBinaryData *)(const void *)((const char *)body + field->offset);
    return bytes->len == NB_CLIENT_ID_SIZE ? bytes->data : NULL;
}

static void write_entry(nb_coordinator *self, const nb_audit_row *row, const uint8_t *client_id)
{
    nb_error err = {0};
    if (nb_ledger_add_audit(self->ledger, row, client_id, &err) != NB_OK) {
        // The deed is done and on disk: to call it failed would be the greater lie.
        nb_log_error("the audit log lacks %s by %s: %s", row->action, row->person, err.text);
    }
}

void nb_coordinator_audit(nb_coordinator *self, const nb_caller *caller,
                          const Nightbus__Request *request)
{
    const ProtobufCMessage *body = &request->hello->base; // all bodies share their place
    const char *name = body->descriptor->short_name;
    if (nb_request_reads(request->body_case) || !(caller->roles & NB_ROLES_PERSON)) {
        return;
    }
    nb_audit_row row = {.time_ms = nb_clock_wall_ms(), .key = caller->peer->key};
    snprintf(row.person, sizeof row.person, "%s", caller->member.name);
    snprintf(row.action, sizeof row.action, "%s", name);
    snprintf(row.album, sizeof row.album, "%s", caller->album);
    format_details(body, row.details);
    write_entry(self, &row, client_id_of(body));
}

void nb_coordinator_audit_join(nb_coordinator *self, const nb_invite_row *invite,
                               const nb_public_key *key, const char *name)
{
    char roles[NB_ROLES_TEXT_SIZE];
    nb_audit_row row = {.time_ms = nb_clock_wall_ms(), .key = *key, .action = "Join"};
    nb_roles_format(invite->roles, roles);
    snprintf(row.person, sizeof row.person, "%s", name);
    snprintf(row.album, sizeof row.album, "%s", invite->album);
    snprintf(row.details, sizeof row.details, "invite=%" PRIu64 " roles=%s invited_by=%.200s",
             invite->id, roles, invite->person);
    write_entry(self, &row, NULL);
}

// ---- Reading ----

static Nightbus__AuditRow *make_row(const nb_audit_row *row, const nb_answer *answer)
{
    Nightbus__AuditRow *made = nb_answer_take(answer, 1, sizeof *made);
    uint8_t *key = nb_answer_take(answer, NB_KEY_SIZE, 1);
    if (!made || !key) {
        return NULL;
    }
    nightbus__audit_row__init(made);
    made->entry = row->id;
    made->time_ms = (uint64_t)row->time_ms;
    made->person = nb_answer_string(answer, row->person);
    made->has_key = nb_public_key_to_bytes(&row->key, key, NULL) == NB_OK;
    made->key = (ProtobufCBinaryData){.len = NB_KEY_SIZE, .data = key};
    made->action = nb_answer_string(answer, row->action);
    made->album = row->album[0] ? nb_answer_string(answer, row->album) : NULL;
    made->details = row->details[0] ? nb_answer_string(answer, row->details) : NULL;
    return (made->person && made->action) ? made : NULL;
}

// Operators and owners of all albums see all; an owner, what concerns their albums.
static bool may_see(nb_coordinator *self, const nb_caller *caller, const nb_audit_row *row)
{
    unsigned roles = caller->member.roles;
    if (row->album[0] && !(roles & (NB_ROLE_OWNER | NB_ROLE_OPERATOR)) &&
        nb_album_roles(self->ledger, &caller->member, row->album, &roles, NULL) != NB_OK) {
        return false;
    }
    return (roles & (NB_ROLE_OWNER | NB_ROLE_OPERATOR)) != 0;
}

static nb_status add_rows(nb_coordinator *self, const nb_caller *caller, nb_audit_query *query,
                          Nightbus__AuditListing *listing, bool *out_ended, const nb_answer *answer,
                          nb_error *err)
{
    nb_audit_row *rows = NULL;
    size_t count = 0;
    const nb_status status = nb_ledger_list_audit(self->ledger, query, &rows, &count, err);
    bool complete = true;
    for (size_t i = 0; complete && i < count && listing->n_rows < query->limit; i++) {
        query->before = rows[i].id;
        if (may_see(self, caller, &rows[i])) {
            listing->rows[listing->n_rows] = make_row(&rows[i], answer);
            complete = listing->rows[listing->n_rows] != NULL;
            listing->n_rows++;
        }
    }
    *out_ended = count < query->limit;
    free(rows);
    return complete ? status : nb_answer_no_memory(err);
}

nb_status nb_handle_audit_list(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    enum { ROUNDS_MAX = 20 }; // of entries that are not the asker's to see; the cursor goes on
    const Nightbus__AuditList *said = request->audit_list;
    const size_t limit = said->has_limit ? said->limit : LIMIT_DEFAULT;
    nb_audit_query query = {
        .album = said->album ? said->album : "",
        .person = said->person ? said->person : "",
        .since_ms = said->has_since_ms ? (int64_t)said->since_ms : 0,
        .before = said->has_before ? said->before : 0,
        // Rows are large: 500 of them fit a message.
        .limit = (limit < NB_ROWS_MAX / 2) ? limit : NB_ROWS_MAX / 2,
    };
    Nightbus__AuditListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    if (!listing) {
        return nb_answer_no_memory(err);
    }
    nightbus__audit_listing__init(listing);
    listing->rows = nb_answer_take(answer, query.limit, sizeof *listing->rows);
    if (!listing->rows) {
        return nb_answer_no_memory(err);
    }
    nb_status status = NB_OK;
    bool ended = query.limit == 0;
    for (unsigned i = 0; status == NB_OK && !ended && i < ROUNDS_MAX; i++) {
        if (listing->n_rows == query.limit) {
            break;
        }
        status = add_rows(self, caller, &query, listing, &ended, answer, err);
    }
    listing->has_next = query.limit > 0 && (!ended || listing->n_rows == query.limit);
    listing->next = query.before;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_AUDIT_LISTING;
    answer->reply.audit_listing = listing;
    return status;
}
