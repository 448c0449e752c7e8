// SPDX-License-Identifier: GPL-3.0-or-later
// Requests about invites: making, listing and taking them back, and the one that spends one.
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/grants.h"
#include "coordinator/invites.h"
#include "coordinator/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t longest_ms = INT64_C(24) * 60 * 60 * 1000 * NB_INVITE_DAYS_MAX;

char **nb_answer_roles(const nb_answer *self, unsigned roles, size_t *out_count)
{
    char **list = nb_answer_take(self, NB_ROLES_MAX, sizeof *list);
    unsigned role = 0;
    const char *name = NULL;
    *out_count = 0;
    for (size_t i = 0; list && (name = nb_role_name(i, &role)) != NULL; i++) {
        if (roles & role) {
            list[*out_count] = nb_answer_string(self, name);
            if (!list[(*out_count)++]) {
                return NULL;
            }
        }
    }
    return list;
}

// ---- Making ----

// A key for a name that is somebody's makes whoever uses it that person.
static nb_status check_name(nb_coordinator *self, const char *maker, const char *name,
                            unsigned roles, nb_error *err)
{
    nb_name_use use = {0};
    bool owns_all = false;
    nb_status status = nb_text_check_name("name", name, err);
    if (status == NB_OK) {
        status = nb_ledger_find_name(self->ledger, name, &use, err);
    }
    if (status == NB_OK) {
        status = nb_is_owner_of_all(self->ledger, maker, &owns_all, err);
    }
    if (status != NB_OK || !use.name[0]) {
        return status;
    }
    const bool is_self = strcmp(use.name, maker) == 0;
    if (use.renderer || roles == NB_ROLE_RENDERER || strcmp(use.name, name) != 0) {
        return nb_fail(err, NB_E_EXISTS, "the name '%s' is taken", use.name);
    }
    return (is_self || owns_all)
               ? NB_OK
               : nb_fail(err, NB_E_PERMISSION,
                         "'%s' is somebody already: another key for them is made by themselves, or "
                         "by who owns all albums; for new roles use 'nightbus role'",
                         name);
}

static nb_status check_wish(nb_coordinator *self, const nb_caller *caller,
                            const Nightbus__InviteMake *said, nb_offer *out, nb_error *err)
{
    nb_status status =
        nb_offer_read(self->ledger, said->roles, said->n_roles, said->album, out, err);
    if (status == NB_OK && out->roles == 0 &&
        (!said->name || strcmp(said->name, caller->member.name) != 0)) {
        status = nb_fail(err, NB_E_INVALID,
                         "an invite without roles is for another key of one's own: say which role");
    }
    if (status == NB_OK) {
        status = nb_offer_check(self->ledger, caller->member.name, out, err);
    }
    if (status == NB_OK && (said->valid_ms == 0 || said->valid_ms > (uint64_t)longest_ms)) {
        status =
            nb_fail(err, NB_E_LIMIT, "an invite is good for at most %d days", NB_INVITE_DAYS_MAX);
    }
    return (status == NB_OK && said->name)
               ? check_name(self, caller->member.name, said->name, out->roles, err)
               : status;
}

static nb_status answer_invited(const nb_invite_row *row, nb_answer *answer, nb_error *err)
{
    Nightbus__Invited *invited = nb_answer_take(answer, 1, sizeof *invited);
    if (!invited) {
        return nb_answer_no_memory(err);
    }
    nightbus__invited__init(invited);
    invited->invite = row->id;
    invited->expires_ms = (uint64_t)row->expires_ms;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_INVITED;
    answer->reply.invited = invited;
    return NB_OK;
}

/// A repeat is known by the throwaway key, and gets the first answer.
nb_status nb_handle_invite_make(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__InviteMake *said = request->invite_make;
    nb_invite_row row;
    nb_public_key key;
    nb_offer offer;
    nb_public_key_from_bytes(said->key.data, &key);
    if (nb_ledger_invite_of_key(self->ledger, &key, &row, NULL) == NB_OK &&
        strcmp(row.person, caller->member.name) == 0) {
        return answer_invited(&row, answer, err);
    }
    nb_status status = check_wish(self, caller, said, &offer, err);
    if (status != NB_OK) {
        return status;
    }
    const int64_t now_ms = nb_clock_wall_ms();
    row = (nb_invite_row){.key = key,
                          .roles = offer.roles,
                          .created_ms = now_ms,
                          .expires_ms = now_ms + (int64_t)said->valid_ms};
    snprintf(row.album, sizeof row.album, "%s", offer.album);
    snprintf(row.name, sizeof row.name, "%s", said->name ? said->name : "");
    snprintf(row.person, sizeof row.person, "%s", caller->member.name);
    status = nb_ledger_add_invite(self->ledger, &row, err);
    return (status == NB_OK) ? answer_invited(&row, answer, err) : status;
}

// ---- Listing and taking back ----

// Its maker, who could have made it, and operators.
static bool may_handle(nb_coordinator *self, const nb_caller *caller, const nb_invite_row *row)
{
    if (strcmp(row->person, caller->member.name) == 0 ||
        (caller->member.roles & NB_ROLE_OPERATOR)) {
        return true;
    }
    nb_offer offer = {.roles = row->roles};
    memcpy(offer.album, row->album, sizeof offer.album);
    return row->roles != 0 &&
           nb_offer_check(self->ledger, caller->member.name, &offer, NULL) == NB_OK;
}

static Nightbus__InviteRow *make_row(const nb_invite_row *row, const nb_answer *answer)
{
    Nightbus__InviteRow *made = nb_answer_take(answer, 1, sizeof *made);
    if (!made) {
        return NULL;
    }
    nightbus__invite_row__init(made);
    made->invite = row->id;
    made->state = nb_answer_string(answer, nb_invite_state(row, nb_clock_wall_ms()));
    made->roles = nb_answer_roles(answer, row->roles, &made->n_roles);
    made->album = row->album[0] ? nb_answer_string(answer, row->album) : NULL;
    made->name = row->name[0] ? nb_answer_string(answer, row->name) : NULL;
    made->person = nb_answer_string(answer, row->person);
    made->created_ms = (uint64_t)row->created_ms;
    made->expires_ms = (uint64_t)row->expires_ms;
    made->joined = row->joined[0] ? nb_answer_string(answer, row->joined) : NULL;
    return (made->state && made->roles && made->person) ? made : NULL;
}

nb_status nb_handle_invite_list(nb_coordinator *self, const nb_caller *caller,
                                const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__InviteList *said = request->invite_list;
    nb_invite_row *known = NULL;
    size_t count = 0;
    const nb_status status = nb_ledger_list_invites(
        self->ledger, said->has_before ? said->before : 0, NB_ROWS_MAX, &known, &count, err);
    if (status != NB_OK) {
        return status;
    }
    Nightbus__InviteListing *listing = nb_answer_take(answer, 1, sizeof *listing);
    Nightbus__InviteRow **rows = nb_answer_take(answer, count, sizeof *rows);
    bool complete = listing && rows;
    size_t seen = 0;
    for (size_t i = 0; complete && i < count; i++) {
        if (may_handle(self, caller, &known[i])) {
            rows[seen] = make_row(&known[i], answer);
            complete = rows[seen++] != NULL;
        }
    }
    if (complete) {
        nightbus__invite_listing__init(listing);
        listing->rows = rows;
        listing->n_rows = seen;
        listing->has_next = count == NB_ROWS_MAX;
        listing->next = count > 0 ? known[count - 1].id : 0;
        answer->reply.body_case = NIGHTBUS__REPLY__BODY_INVITE_LISTING;
        answer->reply.invite_listing = listing;
    }
    free(known);
    return complete ? NB_OK : nb_answer_no_memory(err);
}

nb_status nb_handle_invite_revoke(nb_coordinator *self, const nb_caller *caller,
                                  const Nightbus__Request *request, nb_answer *answer,
                                  nb_error *err)
{
    nb_invite_row row;
    nb_status status =
        nb_ledger_get_invite(self->ledger, request->invite_revoke->invite, &row, err);
    if (status == NB_OK && !may_handle(self, caller, &row)) {
        // As if it were not there: others' invites are not ours to know.
        status = nb_fail(err, NB_E_NOT_FOUND, "no such invite ('nightbus invite list' has them)");
    }
    if (status == NB_OK && row.revoked_ms == 0) { // a repeat is fine
        status = nb_ledger_revoke_invite(self->ledger, row.id, nb_clock_wall_ms(), err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_coordinator_forget_key(self, &row.key, caller->now_ms);
    return nb_answer_ack(answer, err);
}

// ---- Joining ----

// The name that the new key is enrolled under.
static nb_status choose_name(nb_coordinator *self, const nb_invite_row *invite,
                             const Nightbus__Join *said, char out[NB_NAME_SIZE], nb_error *err)
{
    const char *wanted = invite->name[0] ? invite->name : said->name;
    nb_name_use use;
    if (!wanted) {
        return nb_fail(err, NB_E_INVALID, "this invite leaves the name to you: say --name NAME");
    }
    nb_status status = nb_text_check_name("name", wanted, err);
    if (status == NB_OK) {
        status = nb_ledger_find_name(self->ledger, wanted, &use, err);
    }
    if (status != NB_OK) {
        return status;
    }
    // Checked when the invite was made; since then a renderer may have taken the name.
    const bool is_theirs = invite->name[0] && use.person && strcmp(use.name, wanted) == 0;
    if (use.name[0] && (!is_theirs || use.renderer)) {
        return nb_fail(
            err, NB_E_EXISTS,
            "somebody here is called '%s' already: join under another --name, or ask them "
            "for an invite to their name if it is you",
            use.name);
    }
    snprintf(out, NB_NAME_SIZE, "%s", wanted);
    return NB_OK;
}

// Whoever made the invite must still be here, and still be one who may: give the roles, and a key
// to whoever has the name by now.
static nb_status check_maker(nb_coordinator *self, const nb_invite_row *invite, nb_offer *out,
                             nb_error *err)
{
    *out = (nb_offer){.roles = invite->roles};
    memcpy(out->album, invite->album, sizeof out->album);
    bool here = false;
    nb_error why = {0};
    nb_status status = nb_ledger_has_key(self->ledger, invite->person, &here, &why);
    if (status == NB_OK && !here) {
        status = nb_fail(&why, NB_E_PERMISSION, "%s, who made it, has no key here any more",
                         invite->person);
    }
    if (status == NB_OK) {
        status = nb_offer_check(self->ledger, invite->person, out, &why);
    }
    if (status == NB_OK && invite->name[0]) {
        status = check_name(self, invite->person, invite->name, invite->roles, &why);
    }
    const bool spoilt = status == NB_E_PERMISSION || status == NB_E_EXISTS;
    return (status == NB_OK) ? NB_OK
                             : nb_fail(err, status, "%s%s",
                                       spoilt ? "this invite is good no more: " : "", why.text);
}

static nb_status enrol(nb_coordinator *self, const nb_invite_row *invite, const nb_offer *offer,
                       const nb_public_key *key, const char *name, nb_error *err)
{
    nb_status status = nb_ledger_begin(self->ledger, err);
    if (status != NB_OK) {
        return status;
    }
    const int64_t now_ms = nb_clock_wall_ms();
    status = nb_ledger_use_invite(self->ledger, invite->id, name, now_ms, err);
    if (status == NB_OK) {
        status = nb_ledger_add_key(self->ledger, key, name, offer->roles & NB_ROLE_RENDERER, err);
    }
    if (status == NB_OK && !(offer->roles & NB_ROLE_RENDERER)) {
        status = nb_offer_grant(self->ledger, name, offer, err);
    }
    return nb_ledger_end(self->ledger, status, err);
}

static nb_status answer_joined(const nb_offer *offer, const char *name, nb_answer *answer,
                               nb_error *err)
{
    Nightbus__Joined *joined = nb_answer_take(answer, 1, sizeof *joined);
    if (!joined) {
        return nb_answer_no_memory(err);
    }
    nightbus__joined__init(joined);
    joined->name = nb_answer_string(answer, name);
    joined->roles = nb_answer_roles(answer, offer->roles, &joined->n_roles);
    joined->album = offer->album[0] ? nb_answer_string(answer, offer->album) : NULL;
    answer->reply.body_case = NIGHTBUS__REPLY__BODY_JOINED;
    answer->reply.joined = joined;
    return (joined->name && joined->roles) ? NB_OK : nb_answer_no_memory(err);
}

/// The invite is spent in the commit that enrols the key, so it is good once whatever is repeated.
/// Who lost the answer finds that their own key is known.
nb_status nb_handle_join(nb_coordinator *self, const nb_caller *caller,
                         const Nightbus__Request *request, nb_answer *answer, nb_error *err)
{
    const Nightbus__Join *said = request->join;
    nb_invite_row invite;
    nb_key_row known;
    nb_public_key key;
    nb_offer offer;
    char name[NB_NAME_SIZE] = "";
    nb_public_key_from_bytes(said->key.data, &key);
    nb_status status = nb_ledger_invite_of_key(self->ledger, &caller->peer->key, &invite, err);
    if (status == NB_OK) {
        status = check_maker(self, &invite, &offer, err);
    }
    if (status == NB_OK && (offer.roles == NB_ROLE_RENDERER) != (said->renderer != 0)) {
        status = nb_fail(err, NB_E_INVALID, "this invite is %sfor a renderer",
                         said->renderer ? "not " : "");
    }
    if (status == NB_OK && nb_ledger_get_key(self->ledger, &key, &known, NULL) == NB_OK) {
        status = nb_fail(err, NB_E_EXISTS, "this farm knows your key already, as that of '%s'",
                         known.name);
    }
    if (status == NB_OK) {
        status = choose_name(self, &invite, said, name, err);
    }
    if (status == NB_OK) {
        status = enrol(self, &invite, &offer, &key, name, err);
    }
    if (status != NB_OK) {
        return status;
    }
    nb_log_info("%s joined by invite %" PRIu64 " of %s", name, invite.id, invite.person);
    nb_coordinator_audit_join(self, &invite, &key, name);
    return answer_joined(&offer, name, answer, err);
}
