// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about people: their roles and their keys.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/grants.h"
#include "coordinator/invites.h"
#include "coordinator/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Roles ----

// The album of a grant as messages say it: roles on the row of the farm that are roles of albums
// hold on all.
static Nightbus__PersonRow *make_person(const nb_grant *grant, unsigned roles, const char *album,
                                        const nb_answer *answer)
{
    Nightbus__PersonRow *row = nb_answer_take(answer, 1, sizeof *row);
    if (!row) {
        return NULL;
    }
    nightbus__person_row__init(row);
    row->name = nb_answer_string(answer, grant->name);
    row->album = album ? nb_answer_string(answer, album) : NULL;
    row->roles = nb_answer_roles(answer, roles, &row->n_roles);
    return (row->name && row->roles && (!album || row->album)) ? row : NULL;
}

// One's own, those on albums one is on (all who are on it may know who else is), all for operators.
static bool may_see(nb_coordinator *self, const nb_caller *caller, const nb_grant *grant)
{
    return strcmp(grant->name, caller->member.name) == 0 ||
           (grant->album[0] ? nb_caller_sees(self, caller, grant->album)
                            : (caller->member.roles & NB_ROLES_PERSON) != 0);
}

// A grant is one row or, on the farm's row, up to two.
static bool add_grant(Nightbus__PeopleListing *listing, const nb_grant *grant,
                      const nb_answer *answer)
{
    const bool everywhere = !grant->album[0];
    const struct {
        unsigned roles;
        const char *album;
    } made[] = {
        {grant->roles & NB_ROLES_ALBUM, everywhere ? "*" : grant->album},
        {everywhere ? grant->roles & ~(unsigned)NB_ROLES_ALBUM : 0, NULL},
    };
    for (size_t i = 0; i < NB_COUNT(made); i++) {
        if (made[i].roles != 0) {
            listing->rows[listing->n_rows] =
                make_person(grant, made[i].roles, made[i].album, answer);
            if (!listing->rows[listing->n_rows++]) {
                return false;
            }
        }
    }
    return true;
}

nb_status nb_handle_people_list(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__PeopleList *said = request->people_list;
    nb_grant after = {0};
    snprintf(after.name, sizeof after.name, "%s", said->after ? said->after : "");
    snprintf(after.album, sizeof after.album, "%s", said->after_album ? said->after_album : "");
    nb_grant *grants = NULL;
    size_t count = 0;
    enum { GRANTS_MAX = NB_ROWS_MAX / 2 }; // each may be two rows
    const nb_status status =
        nb_ledger_list_grants(self->ledger, said->album, &after, GRANTS_MAX, &grants, &count, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__PeopleListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__PersonRow **rows = nb_answer_take(answer, 2 * count, sizeof *rows);
    bool complete = listing && rows;
    if (complete) {
        nightbus__people_listing__init(listing);
        listing->rows = rows;
    }
    for (size_t i = 0; complete && i < count; i++) {
        complete = !may_see(self, caller, &grants[i]) || add_grant(listing, &grants[i], answer);
    }
    if (complete && count == GRANTS_MAX) {
        listing->next = nb_answer_string(answer, grants[count - 1].name);
        listing->next_album = nb_answer_string(answer, grants[count - 1].album);
        complete = listing->next && listing->next_album;
    }
    free(grants);
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_PEOPLE_LISTING;
    answer->reply.people_listing = listing;
    return complete ? NB_OK : nb_answer_no_memory(err);
}

// What nobody has any more, nobody could give again: owning an album or all of them, running the
// farm.
static nb_status check_last(nb_coordinator *self, const char *name, const char *album,
                            unsigned removed, nb_error *err)
{
    static const unsigned vital[] = {NB_ROLE_OWNER, NB_ROLE_OPERATOR};
    for (size_t i = 0; i < NB_COUNT(vital); i++) {
        int64_t others = 0;
        int64_t everywhere = 0;
        if (!(removed & vital[i])) {
            continue;
        }
        nb_status status =
            nb_ledger_count_others(self->ledger, name, album, vital[i], &others, err);
        if (status == NB_OK && album[0]) {
            status = nb_ledger_count_others(self->ledger, "", "", vital[i], &everywhere, err);
        }
        if (status != NB_OK) {
            return status;
        }
        if (others + everywhere > 0) {
            continue;
        }
        return album[0]
                   ? nb_fail(err, NB_E_CONFLICT,
                             "%s is the last owner of album '%s': make another first", name, album)
                   : nb_fail(err, NB_E_CONFLICT, "%s is the %s: make another first", name,
                             vital[i] == NB_ROLE_OWNER ? "last owner of all albums"
                                                       : "farm's last operator");
    }
    return NB_OK;
}

static nb_status change_roles(nb_coordinator *self, const char *name, const nb_offer *add,
                              const nb_offer *remove, nb_error *err)
{
    const char *album = strcmp(add->album, "*") == 0 ? "" : add->album;
    unsigned present = 0;
    nb_status status = nb_ledger_get_roles(self->ledger, name, album, &present, err);
    if (status == NB_OK) {
        status = check_last(self, name, album, remove->roles & present, err);
    }
    return (status == NB_OK) ? nb_ledger_set_roles(self->ledger, name, album,
                                                   (present | add->roles) & ~remove->roles, err)
                             : status;
}

nb_status nb_handle_role_change(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__RoleChange *said = request->role_change;
    nb_offer add = {0};
    nb_offer remove = {0};
    nb_name_use use = {0};
    nb_status status = nb_offer_read(self->ledger, said->add, said->n_add, said->album, &add, err);
    if (status == NB_OK) {
        status =
            nb_offer_read(self->ledger, said->remove, said->n_remove, said->album, &remove, err);
    }
    if (status == NB_OK && ((add.roles | remove.roles) == 0 || (add.roles & remove.roles) != 0 ||
                            ((add.roles | remove.roles) & NB_ROLE_RENDERER))) {
        status = nb_fail(err, NB_E_INVALID,
                         "say which roles to add or remove, none twice; renderer is a key's, not a "
                         "person's");
    }
    nb_offer both = add;
    both.roles |= remove.roles;
    if (status == NB_OK) {
        status = nb_offer_check(self->ledger, caller->member.name, &both, err);
    }
    if (status == NB_OK) {
        status = nb_ledger_find_name(self->ledger, said->name, &use, err);
    }
    if (status == NB_OK && (!use.person || strcmp(use.name, said->name) != 0)) {
        status = nb_fail(err, NB_E_NOT_FOUND,
                         "nobody here is called '%s': invite them ('nightbus invite')", said->name);
    }
    if (status == NB_OK) {
        status = change_roles(self, said->name, &add, &remove, err);
    }
    return (status == NB_OK) ? nb_answer_ack(answer, err) : status;
}

// ---- Keys ----

static Nightbus__KeyRow *make_key(const nb_key_row *key, const nb_answer *answer)
{
    Nightbus__KeyRow *row = nb_answer_take(answer, 1, sizeof *row);
    uint8_t *bytes = nb_answer_take(answer, NB_KEY_SIZE, 1);
    if (!row || !bytes) {
        return NULL;
    }
    nightbus__key_row__init(row);
    if (nb_public_key_to_bytes(&key->key, bytes, NULL) != NB_OK) {
        memset(bytes, 0, NB_KEY_SIZE); // the ledger holds what is no key
    }
    row->key = (ProtobufCBinaryData){.len = NB_KEY_SIZE, .data = bytes};
    row->name = nb_answer_string(answer, key->name);
    row->label = key->label[0] ? nb_answer_string(answer, key->label) : NULL;
    row->renderer = key->renderer;
    row->created_ms = (uint64_t)key->created_ms;
    row->has_seen_ms = key->seen_ms > 0;
    row->seen_ms = (uint64_t)key->seen_ms;
    row->has_revoked_ms = key->revoked_ms > 0;
    row->revoked_ms = (uint64_t)key->revoked_ms;
    return row->name ? row : NULL;
}

nb_status nb_handle_key_list(nb_coordinator *self, const nb_caller *caller,
                             const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__KeyList *said = request->key_list;
    const bool all = (caller->member.roles & NB_ROLE_OPERATOR) != 0;
    nb_key_row *keys = NULL;
    size_t count = 0;
    const nb_status status =
        nb_ledger_list_keys(self->ledger, all ? NULL : caller->member.name,
                            said->has_after ? said->after : 0, NB_ROWS_MAX, &keys, &count, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__KeyListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__KeyRow **rows = nb_answer_take(answer, count, sizeof *rows);
    bool complete = listing && rows;
    for (size_t i = 0; complete && i < count; i++) {
        rows[i] = make_key(&keys[i], answer);
        complete = rows[i] != NULL;
    }
    if (complete) {
        nightbus__key_listing__init(listing);
        listing->rows = rows;
        listing->n_rows = count;
        listing->has_next = count == NB_ROWS_MAX;
        listing->next = count > 0 ? keys[count - 1].id : 0;
        answer->reply.body_case = NIGHTBUS__REPLY__BODY_KEY_LISTING;
        answer->reply.key_listing = listing;
    }
    free(keys);
    return complete ? NB_OK : nb_answer_no_memory(err);
}

// With the key go the invites its holder may have made: whoever had it must not come back by one.
static nb_status revoke(nb_coordinator *self, const nb_caller *caller, const nb_key_row *row,
                        nb_error *err)
{
    if (strcmp(row->key.text, caller->peer->key.text) == 0) {
        return nb_fail(
            err, NB_E_CONFLICT,
            "this is the key you speak with: revoke it from another one of yours, or ask "
            "an operator");
    }
    const int64_t now_ms = nb_clock_wall_ms();
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    status = nb_ledger_revoke_key(self->ledger, &row->key, now_ms, err);
    if (status == NB_OK && !row->renderer) {
        status = nb_ledger_revoke_invites_of(self->ledger, row->name, now_ms, err);
    }
    status = nb_ledger_end(self->ledger, status, err);
    if (status == NB_OK) {
        nb_log_info("a key of %s was revoked by %s", row->name, caller->member.name);
        nb_coordinator_forget_key(self, &row->key, caller->now_ms);
    }
    return status;
}

nb_status nb_handle_key_change(nb_coordinator *self, const nb_caller *caller,
                               const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__KeyChange *said = request->key_change;
    nb_public_key key;
    nb_key_row row;
    nb_public_key_from_bytes(said->key.data, &key);
    nb_status status = nb_ledger_get_key(self->ledger, &key, &row, err);
    if (status == NB_OK && strcmp(row.name, caller->member.name) != 0 &&
        !(caller->member.roles & NB_ROLE_OPERATOR)) {
        status = nb_fail(err, NB_E_NOT_FOUND, "no such key here ('nightbus keys' lists them)");
    }
    if (status == NB_OK && said->label) {
        status = said->label[0] ? nb_text_check_name("name of a key", said->label, err) : NB_OK;
        if (status == NB_OK) {
            status = nb_ledger_label_key(self->ledger, &key, said->label, err);
        }
    }
    if (status == NB_OK && said->has_revoke && said->revoke) {
        status = revoke(self, caller, &row, err);
    }
    return (status == NB_OK) ? nb_answer_ack(answer, err) : status;
}

// ---- Gone at once ----

void nb_coordinator_forget_key(nb_coordinator *self, const nb_public_key *key, int64_t now_ms)
{
    if (self->link.forget_key) {
        self->link.forget_key(self->link.context, key);
    }
    for (size_t i = 0; i < self->node_count; i++) {
        if (strcmp(self->nodes[i].key.text, key->text) == 0) {
            // As if it had said that it does nothing: its task goes to another one at once.
            nb_coordinator_drop_waiters(self, (uint32_t)i + 1);
            nb_scheduler_sync_idle(self->scheduler, (uint32_t)i + 1, 0, now_ms);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < self->session_count; i++) {
        if (strcmp(self->sessions[i].peer.key.text, key->text) != 0) {
            self->sessions[kept++] = self->sessions[i];
        }
    }
    self->session_count = kept;
}
