// SPDX-License-Identifier: GPL-3.0-or-later
#include "coordinator/grants.h"

#include "coordinator/members.h"

#include <stdio.h>
#include <string.h>

static bool is_all(const char *album) { return strcmp(album, "*") == 0; }

// The ledger keeps roles of the farm and those on all albums in one row.
static const char *row_of(const nb_offer *offer)
{
    return is_all(offer->album) ? "" : offer->album;
}

nb_status nb_offer_read(nb_ledger *ledger, char *const *roles, size_t count, const char *album,
                        nb_offer *out, nb_error *err)
{
    *out = (nb_offer){0};
    for (size_t i = 0; i < count; i++) {
        unsigned role = 0;
        const nb_status status = nb_role_parse(roles[i], &role, err);
        if (status != NB_OK) {
            return status;
        }
        out->roles |= role;
    }
    if (album) {
        snprintf(out->album, sizeof out->album, "%s", album);
    }
    char text[NB_ROLES_TEXT_SIZE];
    nb_roles_format(out->roles, text);
    if ((out->roles & NB_ROLE_RENDERER) && out->roles != NB_ROLE_RENDERER) {
        return nb_fail(err, NB_E_INVALID, "a renderer has no other role: not %s", text);
    }
    if ((out->roles & NB_ROLES_ALBUM) && !album) {
        return nb_fail(err, NB_E_INVALID, "on which album is that (%s)? '*' is all", text);
    }
    if ((out->roles & ~(unsigned)NB_ROLES_ALBUM) && album) {
        return nb_fail(err, NB_E_INVALID,
                       "operator and renderer are roles of the farm, not of album '%.64s'", album);
    }
    nb_album_row row;
    return (album && !is_all(album)) ? nb_ledger_get_album(ledger, album, &row, err) : NB_OK;
}

nb_status nb_is_owner_of_all(nb_ledger *ledger, const char *person, bool *out, nb_error *err)
{
    unsigned roles = 0;
    const nb_status status = nb_ledger_get_roles(ledger, person, "", &roles, err);
    *out = (roles & NB_ROLE_OWNER) != 0;
    return status;
}

nb_status nb_offer_check(nb_ledger *ledger, const char *person, const nb_offer *offer,
                         nb_error *err)
{
    unsigned farm = 0;
    unsigned there = 0;
    nb_status status = nb_ledger_get_roles(ledger, person, "", &farm, err);
    if (status == NB_OK && offer->album[0] && !is_all(offer->album)) {
        status = nb_ledger_get_roles(ledger, person, offer->album, &there, err);
    }
    if (status != NB_OK) {
        return status;
    }
    if ((offer->roles & NB_ROLES_ALBUM) && !((farm | there) & NB_ROLE_OWNER)) {
        return is_all(offer->album)
                   ? nb_fail(err, NB_E_PERMISSION,
                             "roles on all albums are given by who owns them all; %s does not",
                             person)
                   : nb_fail(err, NB_E_PERMISSION,
                             "roles on album '%s' are given by its owners; %s is none",
                             offer->album, person);
    }
    if ((offer->roles & ~(unsigned)NB_ROLES_ALBUM) && !(farm & NB_ROLE_OPERATOR)) {
        return nb_fail(err, NB_E_PERMISSION,
                       "roles of the farm are given by its operators; %s is none", person);
    }
    return NB_OK;
}

nb_status nb_offer_grant(nb_ledger *ledger, const char *person, const nb_offer *offer,
                         nb_error *err)
{
    unsigned present = 0;
    const nb_status status = nb_ledger_get_roles(ledger, person, row_of(offer), &present, err);
    if (status != NB_OK || (offer->roles & ~present) == 0) {
        return status;
    }
    return nb_ledger_set_roles(ledger, person, row_of(offer), present | offer->roles, err);
}
